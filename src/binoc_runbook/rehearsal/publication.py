"""What the pushed tag starts: the repository's own publish workflow on this host, towards registries on loopback."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.rehearsal.crates import lend_crates
from binoc_runbook.rehearsal.publishers import Publisher
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.remote import bare_beside
from binoc_runbook.rehearsal.runner import Runner, Watcher, WorkflowRun
from binoc_runbook.stages.target import Target
from binoc_runbook.trouble import at_registries
from binoc_runbook.version import Version

#: What is rehearsed is the way there: the compiler need not do its best on files that nobody will use.
_QUICKLY = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
_BUILT = (".whl", ".tar.gz", ".crate")
#: Both registries compare it beside the owner's name, so that nobody who takes over the name can publish.
OWNER_ID = 1


@dataclass(frozen=True, slots=True)
class Published:
    """What a registry of the rehearsal holds of one artifact, by file name, each with its sha256."""

    artifact: Artifact
    digests: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """What a record holds of it."""
        return {"artifact": self.artifact.name, "registry": self.artifact.registry, "files": self.digests}


@dataclass
class Publication:
    """The registries of a rehearsal, which trust the workflow as the policy says, and the runner of that workflow."""

    policy: Policy
    version: Version
    registries: Registries
    runner: Runner

    def start(self, ref: str, trouble: str | None = None) -> Iterator[WorkflowRun]:
        """Run what a push of `ref` starts; after a trouble that was asked for, again without it.

        As on GitHub the second attempt runs the jobs that failed and those that need them.

        Raises:
            Refused: The workflow is not one that can be rehearsed.
        """
        with self._troubled(trouble):
            run = self.runner.push(ref)
        if run is None:
            return
        yield run
        if at_registries(trouble) and not run.passed:
            yield self.runner.rerun_failed(run)

    def published(self) -> list[Published]:
        """What the registries hold of each artifact in this version."""
        return [Published(artifact, self._digests(artifact)) for artifact in self.policy.artifacts]

    def built(self, run: WorkflowRun) -> dict[str, str]:
        """The sha256 of each file that the jobs of a run have handed on to be published, by name."""
        files = (path for path in run.artifacts.folder.rglob("*") if path.name.endswith(_BUILT))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def missing(self) -> Findings:
        """The artifacts of which the registries hold nothing."""
        return Findings(
            Finding.failed(
                "publication",
                f"`{each.artifact.name}` {self.version} at the rehearsed {each.artifact.registry}",
                "was not published",
                "read what the jobs said, mend that, commit, and rehearse again",
            )
            for each in self.published()
            if not each.digests
        )

    def _digests(self, artifact: Artifact) -> dict[str, str]:
        if artifact.registry == "crates.io":
            release = self.registries.crates.releases(artifact.name).get(self.version.semver)
            return {f"{artifact.name}-{self.version.semver}.crate": release.sha256} if release else {}
        files = self.registries.index.files(artifact.name).values()
        return {file.name: file.sha256 for file in files if file.version == self.version.pep440}

    def _trust(self, *, another_environment: bool = False) -> None:
        """Tell the registries what a maintainer enters there once, before the first release."""
        self.registries.index.pending.clear()
        for artifact in self.policy.artifacts:
            environment = f"not-{artifact.environment}" if another_environment else artifact.environment
            publisher = Publisher(self.policy.repository or "", OWNER_ID, self.policy.workflow, environment)
            if artifact.registry == "crates.io":
                self.registries.crates.add_crate(artifact.name, publisher, trustpub_only=True)
            else:
                self.registries.index.add_pending(artifact.name, publisher)

    @contextmanager
    def _troubled(self, trouble: str | None) -> Iterator[None]:
        faults = (self.registries.index.faults, self.registries.crates.faults)
        self._trust(another_environment=trouble == "wrong-publisher")
        for each in faults:
            each.down = trouble == "registry-down"
            each.errors_after_storing = int(trouble == "lost-answer")
            each.token_life = 0.0 if trouble == "expired-token" else None
        try:
            yield
        finally:
            for each in faults:
                each.down, each.errors_after_storing, each.token_life = False, 0, None
            if trouble == "wrong-publisher":
                self._trust()


@contextmanager
def open_publication(
    target: Target, on_line: Callable[[str], None], watcher: Watcher | None = None
) -> Iterator[Publication]:
    """Serve registries for the rehearsed world of a target until the end of `with`, and be ready to run its workflow.

    `on_line` is given what the jobs print, without secrets; `watcher` is told of each job.
    """
    world, policy = target.world, target.policy
    folder = world.root.parent / "publication"
    bare = bare_beside(world.root)
    with open_registries(folder / "clients", bare, policy.repository) as registries:
        lend_crates(world, Path(registries.environment["CARGO_HOME"]))
        environment = {
            **registries.user_environment,
            **world.processes.environment,
            **_QUICKLY,
            # By these the commands of the workflow learn that they are rehearsed, and borrow the tools that rehearse.
            "BINOC_RUNBOOK_REHEARSAL": "1",
            "BINOC_ENVIRONMENT": sys.prefix,
        }
        runner = Runner(
            bare=bare,
            folder=folder,
            repository=policy.repository or "",
            owner_id=OWNER_ID,
            workflow=policy.workflow,
            registries=registries,
            environment=environment,
            on_line=on_line,
            forge_token=registries.forge.token,
            watcher=watcher,
        )
        yield Publication(policy, target.version, registries, runner)
