"""Checks of the settings at GitHub, PyPI and crates.io that are not in the workflow file.

Settings that no API returns are *unknown*; the remedy is the page to open and the values to enter. Trusted publishing
fails if one of these settings is wrong, and the log of the failure seldom names the setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from binoc_runbook.checks.observations import CrateRecord, GitHubResponse, NameLookup
from binoc_runbook.checks.settings.registry_settings import check_crates_io, check_pypi
from binoc_runbook.checks.settings.repository_settings import check_github
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy

CHECK = "setup"

__all__ = ["CHECK", "check_settings"]


def check_settings(
    get: Callable[[str], GitHubResponse],
    names: Mapping[Artifact, NameLookup],
    policy: Policy,
    records: Mapping[Artifact, CrateRecord],
) -> Findings:
    """Check every setting that the policy needs.

    `get` returns the response of GitHub's API to a path, with all pages. `names` has the lookup of each artifact's name
    at its registry, and `records` the registry's record of each published crate.
    """
    if policy.repository is None or not policy.artifacts:
        saw = "the policy has no `repository`" if policy.artifacts else "the policy declares no artifact"
        remedy = "declare `repository` and the artifacts in `[tool.binoc-runbook]`"
        return Findings([Finding.unknown(CHECK, policy.source or "pyproject.toml", saw, remedy)])
    findings = [*check_github(get, policy, policy.repository)]
    for artifact in policy.artifacts:
        if artifact.registry == "pypi":
            findings += check_pypi(artifact, names[artifact], policy, policy.repository)
        else:
            findings += check_crates_io(artifact, names[artifact], policy, policy.repository, records.get(artifact))
    return Findings(findings)
