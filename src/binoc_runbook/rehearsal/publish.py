"""Rehearsed publication: run the repository's own publish workflow on this host, against local registries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from binoc_runbook.checks import published as checks
from binoc_runbook.checks.observations import GitHubRun
from binoc_runbook.environ import ENVIRONMENT, REHEARSAL
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.policy import NAMES, Artifact, Policy
from binoc_runbook.rehearsal.bare_remote import remote_path
from binoc_runbook.rehearsal.faults import REPLACED_ARTIFACT
from binoc_runbook.rehearsal.offline_crates import use_vendored_crates
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.replaced_artifact import ReplacedArtifact
from binoc_runbook.rehearsal.runner import Repository, Runner, RunnerHost, WorkflowRun
from binoc_runbook.rehearsal.servers.server import Server, ServerFaults
from binoc_runbook.rehearsal.servers.trusted_publishers import Publisher
from binoc_runbook.stages import ACTION_STAGES, Target
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.git import Git
from binoc_runbook.world.github import GitHubClient
from binoc_runbook.world.triggered_run import JobListener, PublishedArtifact
from binoc_runbook.world.workflow_runs import WorkflowRuns

_DISTS = (".whl", ".tar.gz", ".crate")
#: The numeric ID of the owner. Both registries compare it too, because the owner's name can be taken over.
OWNER_ID = 1

CHECK = "publication"


@dataclass
class Publication:
    """The registries of a rehearsal, with the trusted publishers of the policy, and the runner of the workflow."""

    policy: Policy
    version: Version
    registries: Registries
    runner: Runner
    #: The last attempt; its dists are compared with the published files.
    _last: WorkflowRun | None = field(default=None, init=False)

    def start(self, ref: str, fault: str | None = None) -> Iterator[WorkflowRun]:
        """Run the workflow for a push of `ref`. After an injected fault, run it again without the fault.

        As on GitHub, the second attempt runs the failed jobs and the jobs that need them.

        Raises:
            RefusedError: The workflow cannot be rehearsed.
        """
        servers: tuple[Server, ...] = (self.registries.index, self.registries.crates)
        replaced = ReplacedArtifact(self.policy, self.version)
        self.runner.after_job = replaced.upload if fault == REPLACED_ARTIFACT else None
        self.register_publishers(wrong_environment=fault == "wrong-publisher")
        for server in servers:
            server.faults.down = fault == "registry-down"
            server.faults.errors_after_storing = int(fault == "lost-answer")
            server.faults.token_life = 0.0 if fault == "expired-token" else None
        try:
            run = self._last = self.runner.push(ref)
        finally:
            for server in servers:
                server.faults = ServerFaults()
            self.register_publishers()
            self.runner.after_job = None
        if run is None:
            return
        yield run
        if self.will_rerun(run, fault):
            replaced.delete(run, self.registries.github)
            yield self.rerun(run)

    def rerun(self, run: WorkflowRun) -> WorkflowRun:
        """Run the failed jobs of a run, and the jobs that need them, again."""
        self._last = self.runner.rerun_failed(run)
        return self._last

    def will_rerun(self, run: WorkflowRun, fault: str | None) -> bool:
        """Return whether `start` runs the failed jobs again without the fault."""
        return fault is not None and run.attempt == 1 and not run.passed

    def observed_run(self) -> GitHubRun | None:
        """Return the last run as the rehearsed GitHub reports it, with the client of a real release."""
        if self._last is None:
            return None
        event, repository, registries = self._last.event, self.runner.repository, self.registries
        token = registries.github.token({"actions": "read"})
        client = GitHubClient({**registries.environment, "GH_TOKEN": token})
        return WorkflowRuns(client, repository.name, repository.workflow, event.ref_name, event.sha).latest().run

    def published(self) -> list[PublishedArtifact]:
        """Return the files of each artifact that the registries have in this version."""
        return [PublishedArtifact(artifact, self._digests(artifact)) for artifact in self.policy.artifacts]

    def built(self, run: WorkflowRun) -> dict[str, str]:
        """Return the SHA-256 of each dist in the workflow artifacts of a run, by file name."""
        files = (path for path in run.workflow_artifacts.directory.rglob("*") if path.name.endswith(_DISTS))
        return {path.name: sha256_of(path) for path in files}

    def missing(self) -> Findings:
        """Return a finding for each artifact that is not published, or not with all files of the last run."""
        return Findings(
            Finding.failed(
                CHECK,
                f"`{published.artifact.name}` {self.version} at the rehearsed {NAMES[published.artifact.registry]}",
                difference,
                f"fix the failed jobs, commit, and run `just rehearse {self.version}`",
            )
            for published in self.published()
            if (difference := self._difference(published))
        )

    def failed_jobs(self) -> Findings:
        """Return the failed jobs of the last attempt; a warning if everything that the job publishes is published."""
        run = self._last
        if run is None:
            return Findings()
        complete = {published.artifact.name for published in self.published() if not self._difference(published)}
        done = {job.id for artifact, job in run.workflow.publishers(self.policy) if artifact.name in complete}
        return Findings(_as_warning(job.finding) if job.id in done else job.finding for job in run.jobs if job.finding)

    def _difference(self, published: PublishedArtifact) -> str:
        """Return how the published files differ from the built ones; an empty text if they do not."""
        if not published.digests:
            return "was not published"
        dists = self.built(self._last) if self._last else {}
        expected = checks.select_built_files(published.artifact, self.policy, self.version, dists).digests
        differences = [
            f"`{name}` differs from the built file" if name in published.digests else f"`{name}` is missing"
            for name, digest in sorted(expected.items())
            if published.digests.get(name) != digest
        ]
        return ", ".join(differences)

    def _digests(self, artifact: Artifact) -> dict[str, str]:
        if artifact.registry == "crates.io":
            release = self.registries.crates.versions(artifact.name).get(self.version.semver)
            return {f"{artifact.name}-{self.version.semver}.crate": release.sha256} if release else {}
        files = self.registries.index.files(artifact.name).values()
        return {file.name: file.sha256 for file in files if file.version == self.version.pep440}

    def register_publishers(self, *, wrong_environment: bool = False) -> None:
        """Register the trusted publishers of the policy, as a maintainer does before the first release."""
        crates, index = self.registries.crates, self.registries.index
        index.pending.clear()
        for artifact in self.policy.artifacts:
            environment = f"not-{artifact.environment}" if wrong_environment else artifact.environment
            publisher = Publisher(self.policy.repository or "", OWNER_ID, self.policy.workflow, environment)
            if artifact.registry == "crates.io":
                crate = crates.crate(artifact.name) or crates.add_crate(artifact.name, trustpub_only=True)
                crate.publishers[:] = [publisher]
            elif project := index.project(artifact.name):
                project.publishers[:] = [publisher]
            else:
                index.add_pending(artifact.name, publisher)


def _as_warning(finding: Finding) -> Finding:
    saw = f"{finding.saw}; the artifact is published completely, so this is only a warning"
    return Finding.warning(finding.check, finding.looked_at, saw, finding.remedy)


@contextmanager
def open_publication(
    world: World,
    policy: Policy,
    version: Version,
    on_line: Callable[[str], None],
    listener: JobListener | None = None,
) -> Iterator[Publication]:
    """Serve the registries of a rehearsed world inside `with`, and return the publication that can run its workflow.

    `on_line` gets the lines that the jobs print, with secrets masked; `listener` is notified of each job.
    """
    directory = world.root.parent / "publication"
    bare = remote_path(world.root)
    with open_registries(directory / "clients", bare, policy.repository) as registries:
        use_vendored_crates(world, Path(registries.environment["CARGO_HOME"]))
        environment = {
            **registries.user_environment,
            **world.processes.environment,
            REHEARSAL: "1",
            ENVIRONMENT: sys.prefix,
        }
        repository = Repository(bare, policy.repository or "", OWNER_ID, policy.workflow)
        host = RunnerHost(registries, environment, on_line, listener)
        runner = Runner(repository, host, directory)
        yield Publication(policy, version, registries, runner)


def publish(target: Target, on_line: Callable[[str], None]) -> tuple[World, dict[str, str]]:
    """Release a target in its rehearsed world without running its tests, and run the workflow that publishes it.

    Returns a world that installs from the registries of the rehearsal until it is closed, and the digests of the dists
    by file name. `on_line` gets the lines that the jobs print.

    Raises:
        RefusedError: The tag could not be pushed, or an artifact was not published.
    """
    world = target.world
    with ExitStack() as opened:
        opened.callback(world.close)
        for stage in ACTION_STAGES:
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
