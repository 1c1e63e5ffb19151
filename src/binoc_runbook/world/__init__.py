"""The only code that touches the outside: git, processes and GitHub; the registries are asked by their clients.

`World.real` acts on the checkout it is given; `rehearsal.world` opens one that acts on a repository and a remote of its
own. Which of them a run uses is decided by its parameter `world` alone, never inferred.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from binoc_runbook.redaction import Translate, machine_free
from binoc_runbook.workspace import Workspace
from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.git import Git
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.test_results import TestResults

if TYPE_CHECKING:
    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version
    from binoc_runbook.world.github import GitHubClient
    from binoc_runbook.world.triggered_run import OnAttempt, TriggeredRun, TriggerListener

Kind = Literal["real", "rehearsal"]


@dataclass
class World:
    """The outside of one checkout: git, processes, GitHub, and the directory that records of a run go to.

    `source` is the checkout whose records these are: for a rehearsal another one than `root`. A `quick` world leaves
    out what takes minutes: the tests, and the workflow that the pushed tag triggers.
    """

    kind: Kind
    root: Path
    source: Path
    runs: Path
    git: Git
    processes: Processes
    quick: bool = False
    on_close: Callable[[], None] = field(default=lambda: None)

    @classmethod
    def real(cls, root: Path, environment: Mapping[str, str] | None = None) -> World:
        """Return the world of the checkout itself, and the remotes that it is configured with.

        `environment` is added to what git and the other processes inherit.
        """
        added = environment or {}
        return cls("real", root, root, root / "runs", Git(root, added), Processes(root, added, machine_free(root)))

    @property
    def clean(self) -> Translate:
        """Return the function that makes text fit for a record: without escape codes and paths of this machine."""
        return self.processes.clean

    def workspace(self) -> Workspace:
        """Read the manifests of the checkout as they are now, with cargo's reports about them."""
        return Workspace.discover(self.root, partial(read_metadata, self.processes))

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
        """GitHub, or what the environment names instead of it, with the token that is found there."""
        from binoc_runbook.world.github import GitHubClient

        return GitHubClient({**os.environ, **self.processes.environment})

    @cached_property
    def toolchain(self) -> list[str]:
        """What decides beside the sources whether tests pass: the system, Python, and rustc where it is installed."""
        import platform

        rustc = self.processes.run(["rustc", "--version"], timeout=20.0)
        return [platform.platform(), f"Python {platform.python_version()}", rustc.stdout.strip()]

    def follow_tag(
        self, policy: Policy, version: Version, listener: TriggerListener, on_attempt: OnAttempt
    ) -> TriggeredRun | None:
        """Follow the workflow that the pushed tag triggers to its end; `None` where that cannot be done from here.

        GitHub runs it for the real world; whether it published everything is a question to the registries, later.
        `on_attempt` is called after each attempt with its number and the jobs that ran in it.
        """
        return None

    def close(self) -> None:
        """Remove what a rehearsal created; the real world has nothing to remove."""
        self.on_close()
