"""What all stages of one release are about: a version on its way from one checkout to one remote."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from binoc_runbook.checks.observations import Ancestry, ProcessResult, RemoteRefs, TreeState
from binoc_runbook.checks.remote import ActionChecks, RemoteView
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.world import World
from binoc_runbook.world.git import TIMEOUT

# A branch that is not there contains nothing, and is behind everything.
_NOTHING_THERE: tuple[Ancestry, Ancestry] = ("no", "yes")


@dataclass
class Target:
    """A version, the policy it is released under, the world it is released in and the remote it goes to.

    `strict` makes a gate that cannot run unknown, where a release is only warned.

    Stages observe the world at each call. What is remembered here, and makes the fields more than eight, is the commit
    that this run began with, because what is pushed must be what was checked; the last view of the remote, for naming
    commands; the trees whose tests this very run has seen pass; and the manifests that the version was read from, for
    the first `snapshot`.
    """

    version: Version
    policy: Policy
    world: World
    remote: str
    retest: bool = False
    strict: bool = False
    commit: str | None = None
    tested: set[str] = field(default_factory=set)
    _view: RemoteView | str | None = None
    _first: Workspace | None = None
    _snapshot: Future[Workspace] | None = None

    @property
    def tag(self) -> str:
        """The name of the tag."""
        return self.policy.tag_of(self.version)

    def tree_state(self) -> TreeState | str:
        """The checkout as it is now, or why git cannot tell."""
        return self.world.git.tree_state()

    def workspace(self) -> Workspace:
        """The manifests as they are now; within `snapshot`, as they were when it began."""
        return self._snapshot.result() if self._snapshot else self.world.workspace()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the manifests once for all checks that run meanwhile.

        They are read in a thread of their own, so that a question about something else does not wait for cargo. The
        first moment is that in which the version was read, where this had to be.
        """
        first, self._first = self._first, None
        with ThreadPoolExecutor(max_workers=1) as reader:
            self._snapshot = reader.submit(lambda: first or self.world.workspace())
            try:
                yield
            finally:
                self._snapshot = None

    def observe_remote(self) -> RemoteView | str:
        """Observe the remote, or say why this checkout has nothing to compare with it."""
        self._view = self._ask()
        return self._view

    def last_view(self) -> RemoteView | str:
        """Return the last view of the remote, for saying what an action would do about it."""
        return self.observe_remote() if self._view is None else self._view

    def _ask(self) -> RemoteView | str:
        git = self.world.git
        head = git.head()
        if head is None:
            return "there is no commit, so there is nothing to compare with the remote"
        at, on = head
        branch = on if on is not None and self.policy.allows_branch(on) else self.policy.branch[0]
        url = git.remote_url(self.remote)
        names = (f"refs/heads/{branch}", f"refs/tags/{self.tag}", f"refs/tags/{self.tag}^{{}}")
        refs = git.remote_refs(self.remote, *names) if url else RemoteRefs("", None, f"there is no `{self.remote}`")
        commit = self._commit(at, refs)
        self.commit = self.commit or commit
        if commit != self.commit:
            return f"HEAD has moved from {self.commit[:12]} to {commit[:12]} since this run began; run it again"
        tip = refs.branch(branch)
        contains, behind = git.containment(tip, commit) if tip else _NOTHING_THERE
        return RemoteView(
            remote=self.remote,
            url=url,
            refs=refs,
            branch=branch,
            tag=self.tag,
            commit=commit,
            local_tag=git.local_tag(self.tag),
            behind=behind,
            contains=contains,
        )

    def try_actions(self, view: RemoteView) -> ActionChecks:
        """Try the actions of this release without changing anything."""
        git = self.world.git
        if view.local_tag or view.remote_tag:
            return ActionChecks(self._push_dry_run(view), identity=None, signing=None)
        signing = git.try_signing(f"{view.commit}^{{tree}}") if git.signs_tags() else None
        return ActionChecks(self._push_dry_run(view), git.identity(), signing)

    def released(self) -> bool:
        """Whether the remote shows all that a release leaves there: the branch with the commit, and the tag of it."""
        view = self.observe_remote()
        return (
            isinstance(view, RemoteView)
            and view.contains == "yes"
            and view.remote_tag is not None
            and view.remote_tag.annotated
            and view.remote_tag.commit == view.commit
        )

    def _commit(self, head: str, refs: RemoteRefs) -> str:
        # A tag that the remote has on an ancestor of HEAD says which commit was released: the record of a release is
        # committed after it, and the release must still be seen as done.
        there = refs.tag(self.tag)
        return there.commit if there and self.world.git.containment(head, there.commit)[0] == "yes" else head

    def _push_dry_run(self, view: RemoteView) -> ProcessResult | None:
        lacking = {
            f"refs/heads/{view.branch}": view.contains != "yes",
            f"refs/tags/{view.tag}": view.remote_tag is None,
        }
        refs = [f"{view.commit}:{name}" for name, lacks in lacking.items() if lacks]
        if view.refs.refs is None or not refs:
            return None
        # --no-verify: this is a question, and a pre-push hook of the user is an act. The tag need not exist yet, so it
        # is the commit that is offered under its name.
        question = ("push", "--dry-run", "--porcelain", "--atomic", "--no-verify", view.remote, *refs)
        return self.world.git.ask(*question, timeout=TIMEOUT)
