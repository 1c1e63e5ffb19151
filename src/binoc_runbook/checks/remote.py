"""Check of the remote: whether it would accept this release. Nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from binoc_runbook.checks.observations import TIMED_OUT, Ancestry, ProcessResult, RemoteRefs, Tag
from binoc_runbook.finding import Finding, Findings

CHECK = "remote"


@dataclass(frozen=True, slots=True)
class RemoteView:
    """State of a remote, and its relation to the commit of a release.

    `remote` is the configured name, `url` the push URL. `behind` says whether the remote's branch is an ancestor of
    `commit`, `contains` whether the branch already contains `commit`.
    """

    remote: str
    url: str | None
    refs: RemoteRefs
    branch: str
    tag: str
    commit: str
    local_tag: Tag | None
    behind: Ancestry
    contains: Ancestry

    @property
    def remote_tag(self) -> Tag | None:
        """Return the tag on the remote."""
        return self.refs.tag(self.tag)


@dataclass(frozen=True, slots=True)
class ActionChecks:
    """Results of trying the actions of a release from this clone.

    `push` is the dry run for the refs that the remote does not have, `None` if it has all or cannot be reached.
    `identity` is the tagger. `signing` is the reason why a tag cannot be signed, `None` if it can or need not be.
    """

    push: ProcessResult | None
    identity: str | None
    signing: str | None


def remote(view: RemoteView, actions: ActionChecks) -> Findings:
    """Check the branch and the tag on the remote, and whether this clone can push and tag."""
    return Findings([*_reach(view), *_branch(view), *_tag(view), *_push(view, actions), *_tagger(view, actions)])


def _reach(view: RemoteView) -> Iterator[Finding]:
    if view.refs.refs is not None:
        return
    if view.url is None:
        saw = f"this clone has no remote `{view.remote}`"
        yield Finding.unknown(CHECK, f"git remote get-url {view.remote}", saw, f"git remote add {view.remote} URL")
    else:
        saw = f"`{view.remote}` ({view.url}) could not be reached: {view.refs.reason}"
        remedy = f"git ls-remote {view.remote}; if it succeeds, run this again"
        yield Finding.unknown(CHECK, view.refs.question, saw, remedy)


def branch(view: RemoteView) -> Findings:
    """Check only the branch on the remote."""
    return Findings([*_reach(view), *_branch(view)])


def tag(view: RemoteView) -> Findings:
    """Check only the tag, in this clone and on the remote."""
    return Findings([*_reach(view), *_tag(view)])


def _branch(view: RemoteView) -> Iterator[Finding]:
    if view.refs.refs is None:
        return
    looked_at = f"refs/heads/{view.branch} on {view.remote}"
    tip = view.refs.branch(view.branch)
    if tip is None:
        yield Finding.ok(CHECK, looked_at, "the branch does not exist yet; the push creates it")
    elif view.contains == "yes":
        yield Finding.ok(CHECK, looked_at, f"points to {_short(tip)}, which contains {_short(view.commit)}")
    elif view.behind == "yes":
        yield Finding.ok(CHECK, looked_at, f"points to {_short(tip)}, an ancestor of {_short(view.commit)}")
    elif view.behind == "unknown":
        saw = f"points to {_short(tip)}, which this clone does not have: the branch has new commits"
        yield Finding.failed(CHECK, looked_at, saw, f"git pull --ff-only {view.remote} {view.branch}")
    else:
        saw = f"points to {_short(tip)} and has diverged from {_short(view.commit)}"
        yield Finding.failed(CHECK, looked_at, saw, f"git rebase {_short(tip)} (a release never force-pushes)")


def _tag(view: RemoteView) -> Iterator[Finding]:
    here, there = view.local_tag, view.remote_tag
    taken = "just prepare VERSION, the next one: a pushed tag is never moved"
    if here is not None:
        # A pushed tag is never deleted. A tag that is only in this clone can be deleted by the user.
        own = f"git tag -d {view.tag}, because it was never pushed; then run this again"
        remedy = own if view.refs.refs is not None and there is None else taken
        yield _tag_of(view, here, f"refs/tags/{view.tag}", remedy)
    if view.refs.refs is None:
        return
    looked_at = f"refs/tags/{view.tag} on {view.remote}"
    if there is None:
        yield Finding.ok(CHECK, looked_at, "the tag does not exist")
    else:
        yield _tag_of(view, there, looked_at, taken)


def _tag_of(view: RemoteView, tag: Tag, looked_at: str, remedy: str) -> Finding:
    if tag.annotated and tag.commit == view.commit:
        return Finding.ok(CHECK, looked_at, f"is an annotated tag that points to {_short(tag.commit)}")
    kind = "an annotated" if tag.annotated else "a lightweight"
    saw = f"is {kind} tag of {_short(tag.commit)}, and not the annotated tag of {_short(view.commit)}"
    return Finding.failed(CHECK, looked_at, saw, remedy)


def _push(view: RemoteView, actions: ActionChecks) -> Iterator[Finding]:
    if actions.push is None:
        return
    command = " ".join(actions.push.command)
    refused = [line.split("\t") for line in actions.push.stdout.splitlines() if line.startswith("!")]
    if actions.push.returncode == 0:
        yield Finding.ok(CHECK, command, "no conflict; a dry run does not check the rules of the server")
    elif actions.push.returncode == TIMED_OUT:
        saw = f"`{view.remote}` did not respond: {actions.push.reason}"
        remedy = "run this again; if it needs more time, set a larger `query-timeout` in the policy"
        yield Finding.unknown(CHECK, command, saw, remedy)
    elif refused:
        for _, refs, reason in refused:
            saw = f"the push of {refs.rpartition(':')[2]} would be rejected: {reason}"
            yield Finding.failed(CHECK, command, saw, f"git fetch {view.remote}")
    else:
        saw = f"this clone cannot push to `{view.remote}`: {actions.push.reason}"
        remedy = f"get write access to `{view.remote}` in the settings of the repository"
        yield Finding.unknown(CHECK, command, saw, remedy)


def _tagger(view: RemoteView, actions: ActionChecks) -> Iterator[Finding]:
    if view.local_tag is not None or view.remote_tag is not None:
        return
    if actions.identity is None:
        saw = "git has no name and address for an annotated tag"
        remedy = 'git config user.name "…" && git config user.email "…"'
        yield Finding.failed(CHECK, "git var GIT_COMMITTER_IDENT", saw, remedy)
    elif actions.signing is not None:
        saw = f"git is configured to sign tags, but signing without a prompt failed: {actions.signing}"
        remedy = "git tag -s -m test test && git tag -d test, to unlock the key in the agent; then run this again"
        yield Finding.failed(CHECK, "git config tag.gpgSign", saw, remedy)
    else:
        yield Finding.ok(CHECK, "git var GIT_COMMITTER_IDENT", f"the tagger is {actions.identity}")


def _short(commit: str) -> str:
    return commit[:12]
