"""Check of the dists: exactly the files that the policy declares, each with the required content.

File names are compared as sets of tags, because builders write the tags of a name in any order.
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
    """Compare the files of a directory, by name and content, with the expectation of a release.

    A file without defects gives one `ok`, each defect one finding. Findings show the directory as `shown`.
    """
    if not directory.is_dir():
        return Findings([Finding.failed(CHECK, shown, "no such directory", "just dist")])
    policy, selected = expectation.policy, expectation.platforms.selected
    if not policy.artifacts:
        saw = "the policy declares no artifact, so the expected files are unknown"
        return Findings([Finding.unknown(CHECK, shown, saw, f"declare the artifacts in `{policy.source}`")])
    known = dict.fromkeys(["host", "all", *(tag for artifact in policy.artifacts for tag in artifact.platforms)])
    if selected not in known:
        saw = "the policy has no wheel for this platform"
        return Findings([Finding.failed(CHECK, f"--platforms {selected}", saw, f"--platforms {'|'.join(known)}")])
    names = sorted(path.name for path in directory.iterdir() if path.name != CHECKSUMS)
    files = match_files(names, expectation)
    findings = [defect.finding(f"{shown}/{name}") for name, defect in files.defects]
    for name, artifact in files.matched:
        path = directory / name
        findings += _findings(f"{shown}/{name}", _INSPECT[path.suffix](path, artifact, expectation))
    checksums: list[Defect | str] = list(check_checksums(directory, names))
    findings += _findings(f"{shown}/{CHECKSUMS}", checksums or [f"matches all {len(names)} files"])
    return Findings(findings)


def _findings(looked_at: str, observations: Iterable[Defect | str]) -> Iterator[Finding]:
    """Yield each defect of a file as a finding; without defects, one `ok` with the other observations."""
    observations = list(observations)
    defects = [observation for observation in observations if isinstance(observation, Defect)]
    for defect in defects:
        yield defect.finding(looked_at)
    if not defects:
        yield Finding.ok(CHECK, looked_at, ", ".join(map(str, observations)))
