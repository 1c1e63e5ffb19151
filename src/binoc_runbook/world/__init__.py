"""Access to everything outside this process: git, processes, GitHub, and the clients of the registries.

`World.real` acts on the given checkout. `rehearsal.world` opens a world with its own repository and remote. Only the
parameter `world` of a run selects one of them.
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
    """Git, processes and GitHub for one checkout, and the directory for the records of a run.

    `source` is the checkout that owns the records; in a rehearsal it differs from `root`. A `quick` world skips the
    tests and the workflow that the pushed tag triggers, which take minutes.
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
        """Return the world of a checkout and its configured remotes.

        `environment` is added to the environment of git and other processes.
        """
        added = environment or {}
        return cls("real", root, root, root / "runs", Git(root, added), Processes(root, added, machine_free(root)))

    @property
    def clean(self) -> Translate:
        """Return a function that removes escape codes and paths of this machine from text for a record."""
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

    def follow_tag(
        self, policy: Policy, version: Version, listener: TriggerListener, on_attempt: OnAttempt
    ) -> TriggeredRun | None:
        """Follow the workflow that the pushed tag triggers until it ends, or return `None`.

        In the real world, GitHub runs the workflow, and the verification checks the registries later. `on_attempt` is
        called after each attempt, with its number and its jobs.
        """
        return None

    def close(self) -> None:
        """Remove the files of a rehearsal; do nothing in the real world."""
        self.on_close()
