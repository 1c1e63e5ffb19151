"""Queries whether the registries have a version, in parallel, with one limit for all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.policy import Artifact
from binoc_runbook.version import Version
from binoc_runbook.world.cargo_index import find_crate_version
from binoc_runbook.world.pip_index import find_project_version, with_configured_index
from binoc_runbook.world.processes import Processes

#: The time for the queries of all artifacts together, in seconds.
LIMIT = 5.0


def look_up_versions(
    processes: Processes, artifacts: Sequence[Artifact], version: Version, limit: float = LIMIT
) -> dict[Artifact, VersionLookup]:
    """Return for each artifact whether its registry has this version; after `limit` seconds, there is no answer."""
    if not artifacts:
        return {}
    deadline = time.monotonic() + limit
    with ThreadPoolExecutor(max_workers=len(artifacts) + 1) as pool:
        python = pool.submit(with_configured_index, processes, limit)

        def look_up(artifact: Artifact) -> VersionLookup:
            if artifact.registry == "crates.io":
                return find_crate_version(processes, artifact.name, version.semver, _left(deadline))
            configured = python.result()
            if not (left := _left(deadline)):
                question = f"the package index: {artifact.name}=={version.pep440}"
                return VersionLookup("no answer", question, reason=f"reading the configuration of pip took {limit:g} s")
            return find_project_version(configured, artifact.name, version.pep440, left)

        return dict(zip(artifacts, pool.map(look_up, artifacts), strict=True))


def _left(deadline: float) -> float:
    # A timeout of 0 seconds would start a process and end it at once, which is still an answer within the limit.
    return max(deadline - time.monotonic(), 0.0)
