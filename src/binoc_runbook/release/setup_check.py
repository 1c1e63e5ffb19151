"""Check of the settings at GitHub and the registries that are not in the workflow file."""

from __future__ import annotations

from binoc_runbook.checks.observations import CrateRecord, NameLookup
from binoc_runbook.checks.settings import check_settings
from binoc_runbook.finding import Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.world import World, cargo_index, pip_index


def check_setup(world: World, policy: Policy) -> Findings:
    """Read and check the settings that are readable; change nothing."""
    names: dict[Artifact, NameLookup] = {}
    records: dict[Artifact, CrateRecord] = {}
    for artifact in policy.artifacts if policy.repository else ():
        index = pip_index if artifact.registry == "pypi" else cargo_index
        names[artifact] = index.look_up_name(world.processes, artifact.name)
        if index is cargo_index and (version := names[artifact].version):
            records[artifact] = _read_record(world, artifact.name, version)
    return check_settings(world.github.get, names, policy, records)


def _read_record(world: World, name: str, version: str) -> CrateRecord:
    """Return the registry's record of a published version of a crate."""
    from binoc_runbook.world.crate_record import read_crate_record

    lookup = cargo_index.find_crate_version(world.processes, name, version, cargo_index.NAME_TIMEOUT)
    if not lookup.source:
        return CrateRecord(lookup.question, reason=lookup.reason)
    return read_crate_record(world.processes, name, version, lookup.source)
