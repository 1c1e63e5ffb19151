"""Checksums of the files in a directory, in the format of `sha256sum`, for users and for later jobs of a workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS, parse_checksums
from binoc_runbook.checks.published import select_built_files
from binoc_runbook.dist.job_outputs import append_outputs
from binoc_runbook.environ import is_rehearsed
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.stages.target import Target

CHECK = "sums"

#: Names without characters that are special to a shell, to `sha256sum` or in a file of outputs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def write_checksums(directory: Path) -> Path:
    """Write `SHA256SUMS` for all other files in a directory, ordered by name; return its path.

    Raises:
        RefusedError: The name of a file has special characters.
    """
    names = sorted(path.name for path in directory.iterdir() if path.is_file() and path.name != CHECKSUMS)
    _refuse_special(names, directory.name, "rename the file, then `just sums`")
    text = _lines({name: sha256_of(directory / name) for name in names})
    (directory / CHECKSUMS).write_text(f"{text}\n" if text else "", "utf-8", newline="\n")
    return directory / CHECKSUMS


def write_outputs(directory: Path, target: Target, file: Path) -> None:
    """Append the checksums in a directory to `file`, as outputs of a step (GitHub's page "Workflow commands").

    Each artifact of the policy has an output of its name. `all` has all files, `attested` the crates and `SHA256SUMS`
    itself, and `sums` only `SHA256SUMS`. Each value is what `sha256sum` prints for these files, ordered by name.

    Raises:
        RefusedError: The name of an artifact has special characters.
    """
    policy, version = target.policy, target.version
    _refuse_special((artifact.name for artifact in policy.artifacts), str(policy.source), "rename the artifact")
    digests = parse_checksums((directory / CHECKSUMS).read_text("utf-8"))
    outputs: dict[str, Mapping[str, str]] = {}
    sums = attested = {CHECKSUMS: sha256_of(directory / CHECKSUMS)}
    for artifact in policy.artifacts:
        files = outputs[artifact.name] = select_built_files(artifact, policy, version, digests).digests
        if artifact.registry == "crates.io":
            attested = {**attested, **files}
    outputs |= {"all": digests, "attested": attested, "sums": sums}
    append_outputs(file, {name: _lines(value) for name, value in outputs.items()})


def compare_checksums(directory: Path, expected: str, shown: str) -> Findings:
    """Compare the checksums in a directory, shown as `shown`, with lines that must be among them.

    The expected lines are from an independent build, or from the run of the tag.
    """
    digests = parse_checksums((directory / CHECKSUMS).read_text("utf-8"))
    if not expected.strip():
        if is_rehearsed():
            saw = "nothing to compare with: this host cannot rebuild the wheels that the job `rebuild` builds"
            return Findings([Finding.warning(CHECK, "--expect", saw)])
        saw = "no expected digests, so the files were not compared with an independent build"
        remedy = "pass the output `digests` of the job `rebuild` or `fetch-dists` to --expect"
        return Findings([Finding.failed(CHECK, "--expect", saw, remedy)])
    try:
        wanted = parse_checksums(expected.strip("\n"))
    except ValueError as error:
        remedy = "pass lines in the format of `sha256sum` to --expect"
        return Findings([Finding.failed(CHECK, "--expect", str(error), remedy)])
    different = [
        Finding.failed(CHECK, f"{shown}/{name}", _difference(digests.get(name), digest), _INVESTIGATE)
        for name, digest in sorted(wanted.items())
        if digests.get(name) != digest
    ]
    if different:
        return Findings(different)
    saw = f"{len(wanted)} of {len(digests)} files are identical to those of an independent build or of the tag's run"
    return Findings([Finding.ok(CHECK, shown, saw)])


_INVESTIGATE = (
    "publish nothing: download both files from the run, and compare them with `diffoscope`; fix the cause, then"
    " `just prepare` the next version"
)


def _difference(actual: str | None, expected: str) -> str:
    digest = f"has the SHA-256 digest {actual}" if actual else "is missing"
    return (
        f"{digest}, but the digest of an independent build or of the tag's run is {expected}; the build is not"
        " reproducible, or these are not the files of that run"
    )


def _lines(digests: Mapping[str, str]) -> str:
    return "\n".join(f"{digest}  {name}" for name, digest in sorted(digests.items()))


def _refuse_special(names: Iterable[str], looked_at: str, remedy: str) -> None:
    special = [name for name in names if not _NAME.fullmatch(name)]
    if special:
        shown = ", ".join(f"`{ascii(name)[1:-1]}`" for name in special)
        saw = f"{shown}: a name must begin with a letter or digit, and contain only letters, digits and `._+-`"
        raise RefusedError("no checksums were written", [Finding.failed(CHECK, looked_at, saw, remedy)])
