"""What the pushed tag starts: the repository's own publish workflow on this host, towards registries on loopback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from binoc_runbook.checks import published as questions
from binoc_runbook.environ import ENVIRONMENT, REHEARSAL
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.policy import NAMES, Artifact, Policy
from binoc_runbook.rehearsal.bare_remote import bare_beside
from binoc_runbook.rehearsal.faults import is_registry_fault
from binoc_runbook.rehearsal.offline_crates import lend_crates
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.runner import Repository, Runner, RunnerHost, WorkflowRun
from binoc_runbook.rehearsal.servers.server import Server, ServerFaults
from binoc_runbook.rehearsal.servers.trusted_publishers import Publisher
from binoc_runbook.stages import ACTS, Target
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.git import Git
from binoc_runbook.world.triggered_run import JobListener, PublishedArtifact

#: What is rehearsed is the way there: the compiler need not do its best on files that nobody will use.
_QUICKLY = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
_BUILT = (".whl", ".tar.gz", ".crate")
#: Both registries compare it beside the owner's name, so that nobody who takes over the name can publish.
OWNER_ID = 1

CHECK = "publication"


@dataclass
class Publication:
    """The registries of a rehearsal, which trust the workflow as the policy says, and the runner of that workflow."""

    policy: Policy
    version: Version
    registries: Registries
    runner: Runner
    #: The attempt that what is there is compared with.
    _last: WorkflowRun | None = field(default=None, init=False)

    def start(self, ref: str, fault: str | None = None) -> Iterator[WorkflowRun]:
        """Run what a push of `ref` starts; after an injected fault, again without it.

        As on GitHub the second attempt runs the jobs that failed and those that need them.

        Raises:
            RefusedError: The workflow is not one that can be rehearsed.
        """
        servers: tuple[Server, ...] = (self.registries.index, self.registries.crates)
        self.trust(another_environment=fault == "wrong-publisher")
        for server in servers:
            server.faults.down = fault == "registry-down"
            server.faults.errors_after_storing = int(fault == "lost-answer")
            server.faults.token_life = 0.0 if fault == "expired-token" else None
        try:
            run = self._last = self.runner.push(ref)
        finally:
            for server in servers:
                server.faults = ServerFaults()
            self.trust()
        if run is None:
            return
        yield run
        if self.goes_on(run, fault):
            yield self.rerun(run)

    def rerun(self, run: WorkflowRun) -> WorkflowRun:
        """Run the jobs of a run that failed, and those that need them, once more."""
        self._last = self.runner.rerun_failed(run)
        return self._last

    def goes_on(self, run: WorkflowRun, fault: str | None) -> bool:
        """Whether `start` runs the jobs that failed again, now without the fault."""
        return is_registry_fault(fault) and run.attempt == 1 and not run.passed

    def published(self) -> list[PublishedArtifact]:
        """What the registries hold of each artifact in this version."""
        return [PublishedArtifact(artifact, self._digests(artifact)) for artifact in self.policy.artifacts]

    def built(self, run: WorkflowRun) -> dict[str, str]:
        """The sha256 of each file that the jobs of a run have handed on to be published, by name."""
        files = (path for path in run.workflow_artifacts.directory.rglob("*") if path.name.endswith(_BUILT))
        return {path.name: sha256_of(path) for path in files}

    def missing(self) -> Findings:
        """The artifacts that are not out: of which nothing is there, or not each file that the last run has built."""
        return Findings(
            Finding.failed(
                CHECK,
                f"`{each.artifact.name}` {self.version} at the rehearsed {NAMES[each.artifact.registry]}",
                lack,
                "read what the jobs said, mend that, commit, and rehearse again",
            )
            for each in self.published()
            if (lack := self._lack(each))
        )

    def unfinished(self) -> Findings:
        """The jobs that have failed at last; only a warning where everything that a job publishes is out."""
        run = self._last
        if run is None:
            return Findings()
        out = {each.artifact.name for each in self.published() if not self._lack(each)}
        done = {job.id for artifact, job in run.workflow.publishers(self.policy) if artifact.name in out}
        return Findings(_only_red(job.finding) if job.id in done else job.finding for job in run.jobs if job.finding)

    def _lack(self, published: PublishedArtifact) -> str:
        """What an artifact lacks at its registry; nothing where it is out."""
        if not published.digests:
            return "was not published"
        made = self.built(self._last) if self._last else {}
        mine = questions.select_built_files(published.artifact, self.policy, self.version, made).digests
        lacks = [
            f"has other bytes of `{name}` than were built" if name in published.digests else f"lacks `{name}`"
            for name, digest in sorted(mine.items())
            if published.digests.get(name) != digest
        ]
        return ", ".join(lacks)

    def _digests(self, artifact: Artifact) -> dict[str, str]:
        if artifact.registry == "crates.io":
            release = self.registries.crates.versions(artifact.name).get(self.version.semver)
            return {f"{artifact.name}-{self.version.semver}.crate": release.sha256} if release else {}
        files = self.registries.index.files(artifact.name).values()
        return {file.name: file.sha256 for file in files if file.version == self.version.pep440}

    def trust(self, *, another_environment: bool = False) -> None:
        """Tell the registries what a maintainer enters there once, before the first release; doing it twice is fine."""
        crates, index = self.registries.crates, self.registries.index
        index.pending.clear()
        for artifact in self.policy.artifacts:
            environment = f"not-{artifact.environment}" if another_environment else artifact.environment
            publisher = Publisher(self.policy.repository or "", OWNER_ID, self.policy.workflow, environment)
            if artifact.registry == "crates.io":
                there = crates.crate(artifact.name) or crates.add_crate(artifact.name, trustpub_only=True)
                there.publishers[:] = [publisher]
            elif project := index.project(artifact.name):
                project.publishers[:] = [publisher]
            else:
                index.add_pending(artifact.name, publisher)


def _only_red(finding: Finding) -> Finding:
    saw = f"{finding.saw}; all that the job publishes is out, as it was built, and the job stays red"
    return Finding.warning(finding.check, finding.looked_at, saw, finding.remedy)


@contextmanager
def open_publication(
    world: World,
    policy: Policy,
    version: Version,
    on_line: Callable[[str], None],
    listener: JobListener | None = None,
) -> Iterator[Publication]:
    """Serve registries for a rehearsed world until the end of `with`, and be ready to run its workflow.

    `on_line` is given what the jobs print, without secrets; `listener` is notified of each job.
    """
    directory = world.root.parent / "publication"
    bare = bare_beside(world.root)
    with open_registries(directory / "clients", bare, policy.repository) as registries:
        lend_crates(world, Path(registries.environment["CARGO_HOME"]))
        environment = {
            **registries.user_environment,
            **world.processes.environment,
            **_QUICKLY,
            REHEARSAL: "1",
            ENVIRONMENT: sys.prefix,
        }
        repository = Repository(bare, policy.repository or "", OWNER_ID, policy.workflow)
        host = RunnerHost(registries, environment, on_line, listener)
        runner = Runner(repository, host, directory)
        yield Publication(policy, version, registries, runner)


def publish(target: Target, on_line: Callable[[str], None]) -> tuple[World, dict[str, str]]:
    """Release a target in its rehearsed world, and let the workflow publish it.

    Returns the world as users have it then, led to the registries of the rehearsal until it is closed, and the digests
    of what the workflow has built, by file name. The tests are left out; `on_line` is given what the jobs print.

    Raises:
        RefusedError: The tag could not be pushed, or something was not published.
    """
    world = target.world
    with ExitStack() as opened:
        opened.callback(world.close)
        for stage in ACTS:
            if problems := stage.act(target, on_line):
                raise RefusedError(f"the rehearsal could not release {target.version}", problems)
        publication = opened.enter_context(open_publication(world, target.policy, target.version, on_line))
        runs = list(publication.start(f"refs/tags/{target.tag}"))
        if missing := publication.missing():
            raise RefusedError(f"the rehearsal could not publish {target.version}", missing)
        environment = {**world.processes.environment, **publication.registries.user_environment}
        users = replace(
            world,
            git=Git(world.root, environment),
            processes=replace(world.processes, environment=environment),
            on_close=opened.pop_all().close,
        )
        return users, publication.built(runs[-1])
