"""Check of the settings at GitHub and the registries that are not in the workflow file."""

from __future__ import annotations

from binoc_runbook.checks.settings import check_settings
from binoc_runbook.finding import Findings
from binoc_runbook.policy import Policy
from binoc_runbook.world import World, cargo_index, pip_index


def check_setup(world: World, policy: Policy) -> Findings:
    """Read and check the settings that are readable; change nothing."""
    names = {}
    for artifact in policy.artifacts if policy.repository else ():
        index = pip_index if artifact.registry == "pypi" else cargo_index
        names[artifact] = index.look_up_name(world.processes, artifact.name)
    return check_settings(world.github.get, names, policy)
