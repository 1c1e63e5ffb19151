"""Source distributions (PEP 625, PEP 643, PEP 639): complete, and built from the commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from binoc_runbook.checks.dists.archives import TarArchive, check_size
from binoc_runbook.checks.dists.commit_files import CommitFiles
from binoc_runbook.checks.dists.core_metadata import check_metadata
from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.checks.dists.generated_files import BUNDLED, NOTICES
from binoc_runbook.policy import Artifact

#: In bytes.
SMALLEST, LARGEST = 200, 20_000_000

_REMEDY = "git stash --include-untracked, then `just sources`"


def inspect_sdist(path: Path, artifact: Artifact, expectation: Expectation) -> Iterator[Defect | str]:
    """Check the content of an sdist with the right file name."""
    yield from check_size(path, SMALLEST, LARGEST)
    archive = TarArchive(path, path.name.removesuffix(".tar.gz"))
    yield from archive.defects
    if not archive.files:
        return
    # A distribution without compiled code has no crate.
    crate = artifact.wheels is not None or any(path.endswith("Cargo.toml") for path in archive.paths())
    lock = ("Cargo.lock",) if crate else ()
    yield from archive.check_required("PKG-INFO", "pyproject.toml", *lock, "LICENSE", "README")
    if (data := archive.get("PKG-INFO")) is not None:
        yield from check_metadata("PKG-INFO", data, artifact, expectation, archive.files, f"{archive.root}/")
    if isinstance(expectation.commit_files, str):
        saw = f"its files could not be compared with the commit: {expectation.commit_files}"
        yield Defect(saw, "git fetch --tags", "unknown")
        return
    paths, generated = archive.paths(), expectation.generated.get(artifact.name, {})
    if isinstance(generated, str):
        saw = f"its third-party files could not be compared with the commit: {generated}"
        yield Defect(saw, "git switch --detach TAG, and run this again there", "unknown")
    else:
        yield from (Defect(f"has no `{name}`", "just sources") for name in sorted(generated.keys() - paths.keys()))
    if artifact.third_party_notices:
        paths = {path: data for path, data in paths.items() if not _is_generated(path, data, generated)}
    yield from _compare_with_commit(paths, artifact, expectation.commit_files)
    yield f"{len(archive.files)} files, as in the commit"


def _is_generated(path: str, data: bytes, generated: Mapping[str, bytes] | str) -> bool:
    """Return whether a file is generated; cargo packages it in the directory of the crate too."""
    name = path.rpartition("/")[2]
    return name in (NOTICES, BUNDLED) if isinstance(generated, str) else generated.get(name) == data


def _compare_with_commit(files: Mapping[str, bytes], artifact: Artifact, commit: CommitFiles) -> Iterator[Defect]:
    """Compare the files of an sdist with those of the commit, byte for byte; paths are from its root directory.

    A file that is only in the archive is not reviewed with the repository. The backdoor of xz 5.6 was such a file.
    """
    for path, data in sorted(files.items()):
        if path == "PKG-INFO":  # generated; its metadata is checked
            continue
        places = commit.candidates(artifact, path)
        if not places:
            yield Defect(f"contains `{path}`, which is not in the commit", _REMEDY)
        elif not any(commit.has_content(place, data) or commit.is_rewritten_manifest(place, data) for place in places):
            yield Defect(f"contains a `{path}` that differs from the commit", _REMEDY)
