"""The only code that touches the outside: git, processes and GitHub; the registries are asked by their clients.

`World.real` acts on the checkout it is given. `World.rehearsal` acts on a repository of its own with a remote of its
own, both in a temporary folder. Which of them a run uses is decided by its parameter `world` alone, never inferred.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from binoc_runbook.redaction import Translate, machine_free
from binoc_runbook.world.git import Git
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.test_results import TestResults

if TYPE_CHECKING:
    from binoc_runbook.world.github import GitHubClient

Kind = Literal["real", "rehearsal"]


@dataclass
class World:
    """The ports of one checkout, the directory for the records of a run, and the redaction of text for records.

    It has nine fields because it is the one value that a run passes on: each port, each path and how to close them.
    """

    kind: Kind
    root: Path
    runs: Path
    clean: Translate
    git: Git
    processes: Processes
    test_results: TestResults
    _source: Path
    _close: Callable[[], None] = field(default=lambda: None)

    @classmethod
    def at(
        cls,
        root: Path,
        *,
        kind: Kind,
        source: Path,
        environment: Mapping[str, str] | None = None,
        runs: Path | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> World:
        """The ports of the checkout at `root`; `environment` is added to what their processes inherit.

        `source` is the checkout whose records these are; for a rehearsal it is another one. They go to its `runs/`
        unless `runs` is given.
        """
        git, clean = Git(root, environment or {}), machine_free(root, source)
        test_results = TestResults(git.private_folder, may_write=kind == "real")
        processes = Processes(root, environment or {}, clean)
        return cls(kind, root, runs or source / "runs", clean, git, processes, test_results, source, close)

    @classmethod
    def real(cls, root: Path) -> World:
        """The checkout itself, and the remotes it is configured with."""
        return cls.at(root, kind="real", source=root)

    @classmethod
    def rehearsal(cls, source: Path, trouble: str | None = None, *, quick: bool = False) -> World:
        """A new repository with the tree of the checkout's HEAD, and a bare repository as its remote.

        `trouble` is what shall go wrong in it, one of `trouble.TROUBLES`. The records of a `quick` one go with it.
        """
        from binoc_runbook.rehearsal.world import open_world

        return open_world(source, trouble, quick=quick)

    @cached_property
    def clean_markup(self) -> Translate:
        """The same as `clean`, for HTML."""
        return machine_free(self.root, self._source, markup=True)

    @cached_property
    def github(self) -> GitHubClient:
        """GitHub, or what the environment names instead of it, with the token that is found there."""
        from binoc_runbook.world.github import GitHubClient

        return GitHubClient({**os.environ, **self.processes.environment})

    @cached_property
    def toolchain(self) -> list[str]:
        """What decides beside the sources whether tests pass: the system, Python, and rustc where it is installed."""
        import platform

        rustc = self.processes.run(["rustc", "--version"], patience=20.0)
        return [platform.platform(), f"Python {platform.python_version()}", rustc.stdout.strip()]

    def close(self) -> None:
        """Remove what a rehearsal made; the real world has nothing to remove."""
        self._close()
