"""Whether what was built is what the policy promises: exactly these files, and in each of them what a user relies on.

Names and tags are compared as sets, never as lists of spellings: builders order the tags of a file name as they like.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.expected import Platforms, expect, sdist_name
from binoc_runbook.checks.dists.host import Host, this_host
from binoc_runbook.checks.dists.problem import CHECK, Answer, Problem, Wanted
from binoc_runbook.checks.dists.sums import SUMS, sums
from binoc_runbook.checks.dists.tree import Tree
from binoc_runbook.checks.dists.wheel import platforms_of
from binoc_runbook.finding import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version

__all__ = ["CHECK", "SUMS", "Host", "Platforms", "Tree", "dists", "platforms_of", "sdist_name", "this_host"]


def dists(
    folder: Path,
    policy: Policy,
    version: Version,
    *,
    commit: str | None,
    tree: Tree | str = "nobody read it",
    packaged: Mapping[str, frozenset[str] | str] = MappingProxyType({}),
    platforms: str = "host",
    host: Host | None = None,
    rehearsed: bool = False,
    called: str = "dist",
) -> Findings:
    """Compare the files of a folder with what the policy expects for a version, and look into each of them.

    `commit` is the one that is released, which a `.crate` names; `tree` is what it holds and `packaged` what cargo
    would package there, by crate, or why that is not known. `platforms` says whether the wheels that `host` can install
    are expected (at least one of each distribution), those of `all` platforms that the policy lists, or those of one
    platform tag; `rehearsed`, that wheels for other hosts could not be built. Findings call the folder `called`. Every
    file that is as it should be gives one `ok`, everything wrong a finding of its own.
    """
    if not folder.is_dir():
        return Findings([Finding.failed(CHECK, called, "there is no such folder", "just dist")])
    if not policy.artifacts:
        saw = "no artifact is promised, so nothing says what should be there"
        return Findings([Finding.unknown(CHECK, called, saw, f"declare the artifacts in `{policy.source}`")])
    known = dict.fromkeys(["host", "all", *(tag for artifact in policy.artifacts for tag in artifact.platforms)])
    if platforms not in known:
        saw = "the policy lists no wheel of this platform"
        remedy = f"--platforms {'|'.join(known)}"
        return Findings([Finding.failed(CHECK, f"--platforms {platforms}", saw, remedy)])
    found = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    wanted = Wanted(policy, version, commit, tree, packaged)
    expected = expect(found, policy, version, Platforms(platforms, host or this_host(), rehearsed))
    findings = [problem.finding(f"{called}/{name}") for name, problem in expected.problems]
    for name, kind in expected.matched:
        findings += _answers(f"{called}/{name}", kind.inspect(folder / name, wanted))
    findings += _answers(f"{called}/{SUMS}", sums(folder, found), ok=f"agrees with all {len(found)} files")
    return Findings(findings)


def _answers(looked_at: str, asked: Iterator[Answer], ok: str = "") -> Iterator[Finding]:
    """Every problem as a finding; where there is none, one `ok` with what was told instead."""
    answers = list(asked)
    problems = [each for each in answers if isinstance(each, Problem)]
    for problem in problems:
        yield problem.finding(looked_at)
    if not problems:
        yield Finding.ok(CHECK, looked_at, ", ".join(each for each in answers if isinstance(each, str)) or ok)
