"""Access to everything outside this process: git, processes, GitHub, and the clients of the registries.

`World.real` acts on the given checkout. `rehearsal.world` opens a world with its own repository and remote. Only the
parameter `world` of a run selects one of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from binoc_runbook.finding import Findings
from binoc_runbook.redaction import Translate, machine_free
from binoc_runbook.workspace import Workspace
from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.git import Git
from binoc_runbook.world.git_objects import creation_of
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.test_results import TestResults

if TYPE_CHECKING:
    from binoc_runbook.checks.observations import VersionLookup
    from binoc_runbook.policy import Artifact, Policy
    from binoc_runbook.version import Version
    from binoc_runbook.world.github import GitHubClient
    from binoc_runbook.world.triggered_run import OnAttempt, PushedTag, TriggeredRun, TriggerListener

Kind = Literal["real", "rehearsal"]


@dataclass
class World:
    """Git, processes and GitHub for one checkout, and the directory for the records of a run.

    `source` is the checkout that owns the records; in a rehearsal it differs from `root`. With `skip_tests`, a command
    that does nothing replaces the tests; a `quick` world also skips the workflow that the tag triggers.
    """

    kind: Kind
    root: Path
    source: Path
    runs: Path
    git: Git
    processes: Processes
    quick: bool = False
    skip_tests: bool = False
    on_close: Callable[[], None] = field(default=lambda: None)

    @classmethod
    def real(cls, root: Path, environment: Mapping[str, str] | None = None, *, trusted: bool = False) -> World:
        """Return the world of a checkout and its configured remotes.

        `environment` is added to the environment of git and other processes. The checkout is `trusted` by the commands
        that run its code anyway.
        """
        added = environment or {}
        git = Git(root, added, trusted=trusted)
        return cls("real", root, root, root / "runs", git, Processes(root, added, machine_free(root)))

    def show_waits(self, line: Callable[[str], None]) -> None:
        """Call `line` when a short command is still running after a few seconds, with what is waited for."""
        self.git.on_wait = self.processes.on_wait = line

    @property
    def clean(self) -> Translate:
        """Return a function that removes escape codes, secrets and paths of this machine from text for a record."""
        return self.processes.clean

    def workspace(self, *, locked: bool = True) -> Workspace:
        """Read the current manifests of the checkout, with the output of cargo for them.

        With `locked`, cargo also checks the lock files, which takes longer, because it resolves the dependencies.
        """
        return Workspace.discover(self.root, partial(read_metadata, self.processes, locked=locked))

    @property
    def target_directory(self) -> Path:
        """Return the directory into which cargo builds the workspace."""
        return (self.root / (self.processes.inherits("CARGO_TARGET_DIR") or "target")).resolve()

    @cached_property
    def clean_markup(self) -> Translate:
        """Return the same function as `clean`, for HTML."""
        return machine_free(self.root, self.source, markup=True)

    @cached_property
    def test_results(self) -> TestResults:
        """Return the stored results of the test command; only the real world adds to them."""
        return TestResults(self.git.private_directory, may_write=self.kind == "real")

    @cached_property
    def github(self) -> GitHubClient:
        """Return a client of GitHub, or of the server in `GITHUB_API_URL`, with the token from the environment."""
        from binoc_runbook.world.github import GitHubClient

        return GitHubClient({**os.environ, **self.processes.environment})

    @cached_property
    def toolchain(self) -> list[str]:
        """Return what affects test results apart from the sources: the system, Python, and rustc if it is installed."""
        import platform

        rustc = self.processes.run(["rustc", "--version"], timeout=20.0)
        return [platform.platform(), f"Python {platform.python_version()}", rustc.stdout.strip()]

    def look_up_versions(self, artifacts: Sequence[Artifact], version: Version) -> dict[Artifact, VersionLookup]:
        """Return for each artifact whether its registry has this version; it takes at most 5 seconds."""
        from binoc_runbook.world.registry_queries import look_up_versions

        return look_up_versions(self.processes, artifacts, version)

    def follow_tag(
        self, policy: Policy, tag: PushedTag, listener: TriggerListener, on_attempt: OnAttempt
    ) -> TriggeredRun:
        """Look up the workflow run that the pushed tag triggers; a rehearsal runs it.

        GitHub runs the workflow; only reading requests are sent. `on_attempt` is called with the number of the attempt
        and the results of its jobs if the run was followed.
        """
        from binoc_runbook.checks.github_run import no_repository, unfinished, workflow_run
        from binoc_runbook.world.triggered_run import TriggeredRun
        from binoc_runbook.world.workflow_runs import END_LIMIT, TIMEOUT, WorkflowRuns, job_results

        if policy.repository is None:
            return TriggeredRun(state=Findings([no_repository(policy)]))
        name = policy.tag_of(tag.version)
        local = self.git.local_tag(name)
        creation = creation_of(self.git, local.object) if local else None
        age = None if creation is None else time.time() - creation.at
        is_new = tag.is_new or (age is not None and age < policy.start_timeout)
        client = replace(self.github, timeout=TIMEOUT)
        runs = WorkflowRuns(client, policy.repository, policy.workflow, name, tag.commit)
        lookup = runs.await_start(policy.start_timeout if is_new else 0.0, listener)
        observed = lookup.run
        if tag.wait and lookup.run is not None:
            lookup = runs.await_end(END_LIMIT, listener)
            observed = lookup.run or observed
        finding = workflow_run(lookup, policy, tag.version, tag.commit, None if tag.is_new else age)
        if tag.wait and lookup.run is not None:
            on_attempt(lookup.run.attempt, job_results(lookup.run))
            if not lookup.run.completed:
                finding = unfinished(lookup.run, lookup.question, tag.version, lookup.seconds)
        return TriggeredRun(state=Findings([finding]), observed=observed)

    def close(self) -> None:
        """Remove the files of a rehearsal; do nothing in the real world."""
        self.on_close()
