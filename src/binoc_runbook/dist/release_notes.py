"""Inputs of the GitHub release of a tag: its notes and assets, and the outputs for the job that creates it.

The job can write to the repository, so that it runs no code of the project. It compares the files with `digests`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from binoc_runbook.files import sha256_of, write_atomically
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.changelog import CHANGELOG, read_changelog, section

CHECK = "release-notes"

#: The directory of the notes and the assets, from the root of the checkout, and the file name of the notes.
DIRECTORY, NOTES = "release", "notes.md"

# GitHub renames an asset with any other character ("Upload a release asset"). With `-` first, it would be an option.
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")


@dataclass(frozen=True, slots=True)
class ReleaseInputs:
    """Inputs of a GitHub release, apart from the files.

    `digests` are lines as `sha256sum` prints them for all files in the directory, in the order of their names. `latest`
    says whether GitHub shows this release as the latest one.
    """

    digests: str
    title: str
    prerelease: bool
    latest: bool

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the job."""
        words = {"prerelease": self.prerelease, "latest": self.latest}
        return {"digests": self.digests, "title": self.title} | {
            name: str(word).lower() for name, word in words.items()
        }


def write_release_inputs(target: Target, assets: Sequence[Path]) -> ReleaseInputs:
    """Write the changelog section of the version and copies of the assets to `release/`.

    Raises:
        RefusedError: The checkout is not at the tag, an asset or the section is missing or invalid, the tags of the
            remote cannot be read, or `release/` has other files. Nothing was written.
    """
    files = _by_name(target.world.root, assets)
    notes = _notes(target)
    _check_tag(target)
    latest = is_latest(target.version, _released_versions(target))
    directory = target.world.root / DIRECTORY
    names = sorted([*files, NOTES])
    others = sorted({path.name for path in directory.glob("*")} - set(names))
    if others:
        _refuse(f"{DIRECTORY}/", f"has other files: `{', '.join(others)}`", f"rm -r {DIRECTORY}")
    write_atomically(directory / NOTES, f"{notes}\n")
    for name, path in files.items():
        shutil.copyfile(path, directory / name)
    digests = "".join(f"{sha256_of(directory / name)}  {name}\n" for name in names)
    return ReleaseInputs(digests, target.tag, target.version.is_prerelease, latest)


def is_latest(version: Version, others: Iterable[Version]) -> bool:
    """Return whether this is the highest final version: a fix of an older version is not the latest release."""
    return not version.is_prerelease and all(other <= version for other in others if not other.is_prerelease)


def _by_name(root: Path, assets: Sequence[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in assets:
        name, looked_at = path.name, f"--assets {path.name}"
        if not (root / path).is_file():
            _refuse(looked_at, "is not a file", "--assets with the paths of files")
        if name in files or name == NOTES:
            _refuse(looked_at, "another file of the release has this name", "remove or rename one of them")
        if not _NAME.fullmatch(name):
            _refuse(looked_at, "GitHub would rename this asset", "use only letters, digits and `._-` in its name")
        if not (root / path).stat().st_size:
            _refuse(looked_at, "is empty; GitHub refuses empty assets", "remove it from --assets")
        files[name] = root / path
    return files


def _notes(target: Target) -> str:
    text = read_changelog(target.world.root, CHECK)
    if isinstance(text, Finding):
        raise RefusedError("nothing was written", [text])
    notes = section(text, target.version)
    if not notes:
        saw = f"has no section for {target.version}; it becomes the notes of the release"
        _refuse(CHANGELOG, saw, f"describe the changes under `## [{target.version}]`")
    return notes


def _check_tag(target: Target) -> None:
    """Refuse a checkout of another commit, whose changelog can differ from that of the tag."""
    git = target.world.git
    head, tag = git.head(), git.local_tag(target.tag)
    if tag is None or head is None or tag.commit != head[0]:
        saw = (
            f"this checkout is not at the commit of `{target.tag}`" if tag else f"this clone has no tag `{target.tag}`"
        )
        _refuse(f"git rev-parse {target.tag}", saw, f"git fetch --tags && git switch --detach {target.tag}")


def _released_versions(target: Target) -> list[Version]:
    """Return the versions of the tags on the remote; the workflow checks out only the tag that it publishes."""
    refs = target.world.git.remote_refs(target.remote)
    if refs.refs is None:
        saw = f"cannot be read, so it is unknown whether {target.version} is the latest release: {refs.reason}"
        finding = Finding.unknown(CHECK, refs.question, saw, refs.question)
        raise RefusedError("nothing was written", [finding])
    names = (name.removeprefix("refs/tags/") for name in refs.refs if name.startswith("refs/tags/"))
    return [Version.parse(text) for name in names if (text := target.policy.version_of(name))]


def _refuse(looked_at: str, saw: str, remedy: str) -> NoReturn:
    raise RefusedError("nothing was written", [Finding.failed(CHECK, looked_at, saw, remedy)])
