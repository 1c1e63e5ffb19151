"""Check of the remote: whether it accepts this release, without a change there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from binoc_runbook.checks.observations import Ancestry, ProcessResult, RemoteRefs, Tag
from binoc_runbook.finding import Finding, Findings

CHECK = "remote"


@dataclass(frozen=True, slots=True)
class RemoteView:
    """A remote at one moment, as a release sees it.

    It has nine fields: what is released, what the remote has, and how the two are related, all of one moment.

    `remote` is the name that was configured, `url` where it pushes to. `behind` tells whether the remote's branch is an
    ancestor of `commit`, `contains` whether it already contains it.
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
        """The tag as the remote has it."""
        return self.refs.tag(self.tag)


@dataclass(frozen=True, slots=True)
class ActionChecks:
    """Whether the actions of a release are possible from this clone, as far as that can be tried.

    `push` is the dry run for the refs that the remote lacks, `None` when it lacks none or cannot be asked. `identity`
    is who would tag; `signing` why a tag cannot be signed, `None` where it can or need not be.
    """

    push: ProcessResult | None
    identity: str | None
    signing: str | None


def remote(view: RemoteView, actions: ActionChecks) -> Findings:
    """Judge what the remote answered and whether the actions are possible from this clone."""
    return Findings([*_reach(view), *_branch(view), *_tag(view), *_push(view, actions), *_tagger(view, actions)])


def _reach(view: RemoteView) -> Iterator[Finding]:
    if view.refs.refs is not None:
        return
    if view.url is None:
        saw = f"this clone has no remote `{view.remote}`, so it cannot be asked"
        yield Finding.unknown(CHECK, f"git remote get-url {view.remote}", saw, f"git remote add {view.remote} URL")
    else:
        saw = f"`{view.remote}` ({view.url}) could not be asked: {view.refs.reason}"
        remedy = f"see that `git ls-remote {view.remote}` answers, then run this again"
        yield Finding.unknown(CHECK, view.refs.question, saw, remedy)


def branch(view: RemoteView) -> Findings:
    """Judge the remote's branch alone."""
    return Findings([*_reach(view), *_branch(view)])


def tag(view: RemoteView) -> Findings:
    """Judge the tags of that name alone, here and on the remote."""
    return Findings([*_reach(view), *_tag(view)])


def _branch(view: RemoteView) -> Iterator[Finding]:
    if view.refs.refs is None:
        return
    looked_at = f"refs/heads/{view.branch} on {view.remote}"
    tip = view.refs.branch(view.branch)
    if tip is None:
        yield Finding.ok(CHECK, looked_at, "the branch is not there yet; pushing creates it")
    elif view.contains == "yes":
        yield Finding.ok(CHECK, looked_at, f"is at {_short(tip)} and contains {_short(view.commit)}")
    elif view.behind == "yes":
        yield Finding.ok(CHECK, looked_at, f"is at {_short(tip)}, an ancestor of {_short(view.commit)}")
    elif view.behind == "unknown":
        saw = f"is at {_short(tip)}, which this clone does not have: somebody has pushed since it last looked"
        yield Finding.failed(CHECK, looked_at, saw, f"git pull --ff-only {view.remote} {view.branch}")
    else:
        saw = f"is at {_short(tip)} and has diverged: neither it nor {_short(view.commit)} contains the other"
        yield Finding.failed(CHECK, looked_at, saw, f"git rebase {_short(tip)} (nothing here is ever force-pushed)")


def _tag(view: RemoteView) -> Iterator[Finding]:
    here, there = view.local_tag, view.remote_tag
    taken = "a pushed tag is never moved: release under the next version, just prepare VERSION"
    if here is not None:
        # Published tags are never touched; one that only this clone has is the user's to delete, so we say how.
        own = f"it was never pushed: `git tag -d {view.tag}` deletes it in this clone, then run this again"
        remedy = own if view.refs.refs is not None and there is None else taken
        yield _tag_of(view, here, f"refs/tags/{view.tag}", remedy)
    if view.refs.refs is None:
        return
    looked_at = f"refs/tags/{view.tag} on {view.remote}"
    if there is None:
        yield Finding.ok(CHECK, looked_at, "the tag is not there")
    else:
        yield _tag_of(view, there, looked_at, taken)


def _tag_of(view: RemoteView, tag: Tag, looked_at: str, remedy: str) -> Finding:
    if tag.annotated and tag.commit == view.commit:
        return Finding.ok(CHECK, looked_at, f"is the annotated tag of {_short(tag.commit)}")
    kind = "annotated" if tag.annotated else "lightweight"
    saw = f"is the {kind} tag of {_short(tag.commit)}, and not the annotated tag of {_short(view.commit)}"
    return Finding.failed(CHECK, looked_at, saw, remedy)


def _push(view: RemoteView, actions: ActionChecks) -> Iterator[Finding]:
    if actions.push is None:
        return
    command = " ".join(actions.push.command)
    refused = [line.split("\t") for line in actions.push.stdout.splitlines() if line.startswith("!")]
    if actions.push.returncode == 0:
        yield Finding.ok(CHECK, command, "no conflict seen; the rules of the server itself were not consulted")
    elif refused:
        for _, refs, reason in refused:
            saw = f"{refs.rpartition(':')[2]} would be refused: {reason}"
            yield Finding.failed(CHECK, command, saw, f"git fetch {view.remote}")
    else:
        saw = f"`{view.remote}` would not be pushed to from here: {actions.push.reason}"
        remedy = f"the release manager needs write access to `{view.remote}`; see the settings of the repository"
        yield Finding.unknown(CHECK, command, saw, remedy)


def _tagger(view: RemoteView, actions: ActionChecks) -> Iterator[Finding]:
    if view.local_tag is not None or view.remote_tag is not None:
        return
    if actions.identity is None:
        saw = "git has no name and address to put on an annotated tag"
        remedy = 'git config user.name "…" && git config user.email "…"'
        yield Finding.failed(CHECK, "git var GIT_COMMITTER_IDENT", saw, remedy)
    elif actions.signing is not None:
        saw = f"tags are to be signed, and signing without a prompt failed: {actions.signing}"
        remedy = "unlock the key in the agent (sign anything once in a terminal), then run this again"
        yield Finding.failed(CHECK, "git config tag.gpgSign", saw, remedy)
    else:
        yield Finding.ok(CHECK, "git var GIT_COMMITTER_IDENT", f"the tag will be made by {actions.identity}")


def _short(commit: str) -> str:
    return commit[:12]
