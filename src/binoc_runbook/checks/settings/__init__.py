"""Is everything set up that the workflow file cannot show: at GitHub, at PyPI and at crates.io?

What nobody can be asked is listed as *unknown*, with the page to open and what to enter there: trusted publishing fails
on exactly these settings, and for a reason that a log hardly tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from binoc_runbook.checks.observations import GitHubResponse, NameLookup
from binoc_runbook.checks.settings.registry_settings import crates_io, pypi
from binoc_runbook.checks.settings.repository_settings import github
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy

CHECK = "setup"

__all__ = ["CHECK", "setup"]


def setup(ask: Callable[[str], GitHubResponse], present: Mapping[Artifact, NameLookup], policy: Policy) -> Findings:
    """Judge every setting that the policy needs.

    `ask` answers a path of GitHub's API, all pages of it; `present` says of each artifact whether its registry knows
    its name already.
    """
    if policy.repository is None or not policy.artifacts:
        saw = "the policy names no repository" if policy.artifacts else "the policy promises no artifact"
        remedy = "declare `repository` and the artifacts in [tool.binoc-runbook]"
        return Findings([Finding.unknown(CHECK, policy.source or "pyproject.toml", saw, remedy)])
    findings = [*github(ask, policy, policy.repository)]
    for artifact in policy.artifacts:
        judge = pypi if artifact.registry == "pypi" else crates_io
        findings += judge(artifact, present[artifact], policy, policy.repository)
    return Findings(findings)
