"""Check of built files: exactly those that the policy promises, each with the content that users rely on.

Names and tags are compared as sets, not as lists of spellings: builders order the tags of a file name as they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS, check_checksums
from binoc_runbook.checks.dists.crate_file import inspect_crate
from binoc_runbook.checks.dists.expectation import CHECK, Defect, Expectation
from binoc_runbook.checks.dists.expected_files import match_files
from binoc_runbook.checks.dists.sdist import inspect_sdist
from binoc_runbook.checks.dists.wheel import inspect_wheel
from binoc_runbook.finding import Finding, Findings

_INSPECT = {".crate": inspect_crate, ".gz": inspect_sdist, ".whl": inspect_wheel}


def dists(directory: Path, expectation: Expectation, shown: str = "dist") -> Findings:
    """Compare the files of a directory, by name and content, with what is expected of a release.

    Each file as expected gives one `ok`, each defect a finding of its own. Findings show the directory as `shown`.
    """
    if not directory.is_dir():
        return Findings([Finding.failed(CHECK, shown, "there is no such directory", "just dist")])
    policy, selected = expectation.policy, expectation.platforms.selected
    if not policy.artifacts:
        saw = "no artifact is promised, so nothing says what should be there"
        return Findings([Finding.unknown(CHECK, shown, saw, f"declare the artifacts in `{policy.source}`")])
    known = dict.fromkeys(["host", "all", *(tag for artifact in policy.artifacts for tag in artifact.platforms)])
    if selected not in known:
        saw = "the policy lists no wheel of this platform"
        return Findings([Finding.failed(CHECK, f"--platforms {selected}", saw, f"--platforms {'|'.join(known)}")])
    names = sorted(path.name for path in directory.iterdir() if path.name != CHECKSUMS)
    files = match_files(names, expectation)
    findings = [defect.finding(f"{shown}/{name}") for name, defect in files.defects]
    for name, artifact in files.matched:
        path = directory / name
        findings += _findings(f"{shown}/{name}", _INSPECT[path.suffix](path, artifact, expectation))
    checksums: list[Defect | str] = list(check_checksums(directory, names))
    findings += _findings(f"{shown}/{CHECKSUMS}", checksums or [f"agrees with all {len(names)} files"])
    return Findings(findings)


def _findings(looked_at: str, observations: Iterable[Defect | str]) -> Iterator[Finding]:
    """Yield each defect of a file as a finding; without defects, one `ok` with the other observations."""
    observations = list(observations)
    defects = [observation for observation in observations if isinstance(observation, Defect)]
    for defect in defects:
        yield defect.finding(looked_at)
    if not defects:
        yield Finding.ok(CHECK, looked_at, ", ".join(map(str, observations)))
