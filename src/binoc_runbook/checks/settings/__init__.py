"""Checks of the settings at GitHub, PyPI and crates.io that the workflow file does not show.

What no interface shows is listed as *unknown*, with the page to open and what to enter there: trusted publishing fails
on exactly these settings, and for a reason that a log hardly tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from binoc_runbook.checks.observations import GitHubResponse, NameLookup
from binoc_runbook.checks.settings.registry_settings import check_crates_io, check_pypi
from binoc_runbook.checks.settings.repository_settings import check_github
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy

CHECK = "setup"

__all__ = ["CHECK", "check_settings"]


def check_settings(
    get: Callable[[str], GitHubResponse], names: Mapping[Artifact, NameLookup], policy: Policy
) -> Findings:
    """Check every setting that the policy needs.

    `get` returns the response of GitHub's API to a path, all pages of it; `names` holds for each artifact whether its
    registry knows its name.
    """
    if policy.repository is None or not policy.artifacts:
        saw = "the policy names no repository" if policy.artifacts else "the policy promises no artifact"
        remedy = "declare `repository` and the artifacts in [tool.binoc-runbook]"
        return Findings([Finding.unknown(CHECK, policy.source or "pyproject.toml", saw, remedy)])
    findings = [*check_github(get, policy, policy.repository)]
    for artifact in policy.artifacts:
        check = check_pypi if artifact.registry == "pypi" else check_crates_io
        findings += check(artifact, names[artifact], policy, policy.repository)
    return Findings(findings)
