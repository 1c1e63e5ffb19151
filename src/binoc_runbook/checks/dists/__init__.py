"""Whether what was built is what the policy promises: exactly these files, and in each of them what a user relies on.

Names and tags are compared as sets, never as lists of spellings: builders order the tags of a file name as they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.expected import HOST, Host, Platforms, expect
from binoc_runbook.checks.dists.problem import CHECK, Answer, Problem, Wanted
from binoc_runbook.checks.dists.sums import SUMS, sums
from binoc_runbook.finding import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version

__all__ = ["CHECK", "HOST", "SUMS", "Host", "Platforms", "dists"]


def dists(
    folder: Path,
    policy: Policy,
    version: Version,
    *,
    commit: str | None,
    platforms: Platforms = "host",
    host: Host = HOST,
    called: str = "dist",
) -> Findings:
    """Compare the files of a folder with what the policy expects for a version, and look into each of them.

    `commit` is the one that is released, which a `.crate` names; `platforms` says whether the wheels of this host are
    expected or those of every platform that the policy lists; findings call the folder `called`. Every file that is as
    it should be gives one `ok`, everything wrong a finding of its own.
    """
    if not folder.is_dir():
        return Findings([Finding.failed(CHECK, called, "there is no such folder", "just dist")])
    if not policy.artifacts:
        saw = "no artifact is promised, so nothing says what should be there"
        return Findings([Finding.unknown(CHECK, called, saw, f"declare the artifacts in `{policy.source}`")])
    found = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    wanted = Wanted(policy, version, commit)
    expected = expect(found, policy, version, platforms, host)
    findings = [Finding.failed(CHECK, f"{called}/{name}", *problem) for name, problem in expected.problems]
    for name, kind in expected.matched:
        findings += _answers(f"{called}/{name}", kind.inspect(folder / name, wanted))
    findings += _answers(f"{called}/{SUMS}", sums(folder, found), ok=f"agrees with all {len(found)} files")
    return Findings(findings)


def _answers(looked_at: str, asked: Iterator[Answer], ok: str = "") -> Iterator[Finding]:
    """Every problem as a finding; where there is none, one `ok` with what was told instead."""
    answers = list(asked)
    problems = [each for each in answers if isinstance(each, Problem)]
    for problem in problems:
        yield Finding.failed(CHECK, looked_at, *problem)
    if not problems:
        yield Finding.ok(CHECK, looked_at, ", ".join(each for each in answers if isinstance(each, str)) or ok)
