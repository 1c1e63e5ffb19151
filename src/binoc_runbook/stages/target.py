"""The target of a release: one version, from one checkout to one remote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from binoc_runbook.checks.observations import (
    Ancestry,
    CommitVersions,
    ProcessResult,
    RemoteRefs,
    TreeState,
    VersionLookup,
)
from binoc_runbook.checks.push_settings import relevant
from binoc_runbook.checks.remote import ActionChecks, RemoteView
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.world import World
from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.git import Git
from binoc_runbook.world.processes import process_threads
from binoc_runbook.world.push_command import push_command
from binoc_runbook.world.remote_commits import check_out

#: For how long the answers of the registries are used again, in seconds.
FRESH = 60.0

# A missing branch contains nothing, and is behind all commits.
_NOTHING_THERE: tuple[Ancestry, Ancestry] = ("no", "yes")


@dataclass(frozen=True, slots=True)
class PassedTests:
    """The result of passed tests: when they ended (ISO 8601, in UTC), and their duration in seconds.

    `stored` is whether an earlier run stored it.
    """

    passed: str
    seconds: float
    stored: bool


@dataclass
class Target:
    """A version with its policy, world and remote.

    With `strict`, a check that cannot run is unknown instead of a warning. `retest` ignores stored test results.

    Stages observe the world at each call. Only the following is stored: the commit and the push URLs at the start of
    this run, because the pushed commit must be the checked one, and so must its destination; the last view of the
    remote, for the commands; the refs that a push of this run published without being requested; the trees whose tests
    passed in this run, with a summary of their output; the result of the last git command of each stage, for the
    record; the answers of the registries, for a minute; the manifests from which the version was read, for the
    first `snapshot`; and the result of the tests of the released tree, for the record.
    """

    version: Version
    policy: Policy
    world: World
    remote: str
    retest: bool = False
    strict: bool = False
    commit: str | None = None
    tested: dict[str, str] = field(default_factory=dict)
    passed_tests: PassedTests | None = None
    unrequested: list[str] = field(default_factory=list)
    results: dict[str, ProcessResult] = field(default_factory=dict)
    _urls: tuple[str, ...] = ()
    _view: RemoteView | str | None = None
    _lookups: tuple[float, dict[Artifact, VersionLookup]] = field(default_factory=lambda: (0.0, {}))
    _first: Workspace | None = None
    _snapshot: Future[Workspace] | None = None

    @property
    def tag(self) -> str:
        """Return the name of the tag."""
        return self.policy.tag_of(self.version)

    def tree_state(self) -> TreeState | str:
        """Return the state of the checkout, or why git cannot report it."""
        return self.world.git.tree_state()

    def workspace(self, *, locked: bool = False) -> Workspace:
        """Return the current manifests; within `snapshot`, those at its start.

        With `locked`, cargo has also checked the lock files.
        """
        return self._snapshot.result() if self._snapshot else self.world.workspace(locked=locked)

    @contextmanager
    def snapshot(self, *, read_again: bool = False) -> Iterator[None]:
        """Read the manifests once for all checks inside this context.

        They are read in a separate thread, so that other checks do not wait for cargo. The first snapshot uses the
        manifests from which the version was read, if there are any, unless `read_again`.
        """
        first, self._first = None if read_again else self._first, None
        with process_threads(1) as reader:
            self._snapshot = reader.submit(lambda: first or self.world.workspace())
            try:
                yield
            finally:
                self._snapshot = None

    def release_branch(self, current: str | None) -> str:
        """Return the branch of the remote to release to: the current branch, or the first one of the policy."""
        return current if current is not None and self.policy.allows_branch(current) else self.policy.branch[0]

    def versions_in(self, commit: str, git: Git | None = None) -> CommitVersions:
        """Return the versions of the artifacts in a commit, in the spelling of their manifests.

        `git` is a client that has the commit, if the one of the world does not.
        """
        with check_out(git or self.world.git, commit) as files:
            if isinstance(files, str):
                return CommitVersions(None, f"{commit[:12]} cannot be read: {files}")
            processes = replace(self.world.processes, root=files)
            workspace = Workspace.discover(files, partial(read_metadata, processes, locked=False))
            packages = {artifact.name: workspace.package_of(artifact) for artifact in self.policy.artifacts}
        versions = {name: package.version for name, package in packages.items() if package and package.version}
        return CommitVersions(versions)

    def observe_remote(self) -> RemoteView | str:
        """Return a new view of the remote, or why the checkout cannot be compared with it."""
        self._view = self._read_remote()
        return self._view

    def last_view(self) -> RemoteView | str:
        """Return the last view of the remote, for the commands of a stage."""
        return self.observe_remote() if self._view is None else self._view

    def _read_remote(self) -> RemoteView | str:
        git = self.world.git
        with process_threads(2) as pool:
            reading = pool.submit(git.push_urls, self.remote)
            local_tag = pool.submit(git.local_tag, self.tag)
            head, urls = git.head(), reading.result()
        if head is None:
            return "no commit to compare with the remote"
        at, on = head
        branch = self.release_branch(on)
        self._urls = self._urls or urls
        if urls != self._urls:
            return f"the push URL of `{self.remote}` was changed during this run; run it again"
        names = (f"refs/heads/{branch}", f"refs/tags/{self.tag}", f"refs/tags/{self.tag}^{{}}")
        if len(urls) == 1:
            refs = git.remote_refs(self.remote, *names, timeout=self.policy.query_timeout)
        else:
            refs = RemoteRefs(f"git remote get-url --push --all {self.remote}", None, f"{len(urls)} push URLs")
        commit = self._commit(at, refs)
        self.commit = self.commit or commit
        if commit != self.commit:
            return f"HEAD has moved from {self.commit[:12]} to {commit[:12]} during this run; run it again"
        tip = refs.branch(branch)
        contains, behind = git.containment(tip, commit) if tip else _NOTHING_THERE
        return RemoteView(
            remote=self.remote,
            urls=urls,
            reading_name=git.reading_name(self.remote),
            refs=refs,
            branch=branch,
            tag=self.tag,
            commit=commit,
            local_tag=local_tag.result(),
            behind=behind,
            contains=contains,
        )

    def look_up_versions(self, view: RemoteView) -> dict[Artifact, VersionLookup]:
        """Return for each artifact whether its registry has the version; nothing if the tag is on the remote.

        Answers are used again for `FRESH` seconds, so that a run without slow tests queries the registries once.
        """
        if view.remote_tag is not None:
            return {}
        at, lookups = self._lookups
        if not lookups or time.monotonic() - at > FRESH or any(item.kind == "no answer" for item in lookups.values()):
            lookups = self.world.look_up_versions(self.policy.artifacts, self.version)
            self._lookups = time.monotonic(), lookups
        return lookups

    def try_actions(self, view: RemoteView) -> ActionChecks:
        """Try the actions of this release without changing anything."""
        git = self.world.git
        push, settings = self._push_dry_run(view), relevant(git.settings("push", "submodule", "remote"), view.remote)
        if view.local_tag or view.remote_tag:
            return ActionChecks(push, identity=None, signing=None, settings=settings)
        tries = not any(program.need == "signature" for program in git.untrusted_programs) and git.signs_tags()
        signing = git.try_signing(f"{view.commit}^{{tree}}") if tries else None
        return ActionChecks(push, git.identity(), signing, settings)

    def released(self) -> bool:
        """Return whether the remote has the branch with the commit, and an annotated tag that points to it."""
        view = self.observe_remote()
        return (
            isinstance(view, RemoteView)
            and view.contains == "yes"
            and view.remote_tag is not None
            and view.is_released(view.remote_tag)
        )

    def _commit(self, head: str, refs: RemoteRefs) -> str:
        # If the remote has the tag on an ancestor of HEAD, that commit was released. The record of a release is
        # committed after it, and the release must still be done then.
        tag = refs.tag(self.tag)
        return tag.commit if tag and self.world.git.containment(head, tag.commit)[0] == "yes" else head

    def _push_dry_run(self, view: RemoteView) -> ProcessResult | None:
        lacking = {
            f"refs/heads/{view.branch}": view.contains != "yes",
            f"refs/tags/{view.tag}": view.remote_tag is None,
        }
        refs = [f"{view.commit}:{name}" for name, lacks in lacking.items() if lacks]
        # A push to a branch that has diverged cannot succeed.
        if view.refs.refs is None or view.diverged or not refs:
            return None
        # The tag can be missing in this clone, so push the commit under the name of the tag.
        arguments = push_command(view.remote, *refs, dry_run=True)[1:]
        return self.world.git.query_remote(view.remote, *arguments, timeout=self.policy.query_timeout)
