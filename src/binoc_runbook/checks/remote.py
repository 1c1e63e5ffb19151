"""Check of the remote: whether it would accept this release. Nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from binoc_runbook.checks.named_programs import TRUST
from binoc_runbook.checks.observations import TIMED_OUT, Ancestry, ProcessResult, RemoteRefs, Setting, Tag
from binoc_runbook.checks.push_settings import push_settings, unrequested_refs
from binoc_runbook.finding import Finding, Findings

CHECK = "remote"

_SETTINGS = "git config --show-origin --get-regexp '^(push|remote|url)\\.'"


@dataclass(frozen=True, slots=True)
class RemoteView:
    """State of a remote, and its relation to the commit of a release.

    `remote` is the configured name, and `urls` are the URLs that a push writes to. `refs` were read from there.
    `reading_name` follows `git fetch` in a command that reads from there. `behind` says whether the remote's branch is
    an ancestor of `commit`, `contains` whether the branch already contains `commit`.
    """

    remote: str
    urls: tuple[str, ...]
    reading_name: str
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

    @property
    def diverged(self) -> bool:
        """Return whether the branch on the remote has commits that `commit` does not have, and lacks `commit`."""
        return self.refs.refs is not None and self.contains != "yes" and self.behind != "yes"

    def is_released(self, tag: Tag) -> bool:
        """Return whether a tag is what a release creates: an annotated tag that points to `commit`."""
        return tag.annotated and tag.commit == self.commit


@dataclass(frozen=True, slots=True)
class ActionChecks:
    """Results of trying the actions of a release from this clone.

    `push` is the dry run for the refs that the remote does not have; it is `None` if the remote has all of them, has
    diverged, or cannot be reached. `identity` is the tagger. `signing` is the reason why a tag cannot be signed, `None`
    if it can or need not be. `settings` are those that can change what a push does.
    """

    push: ProcessResult | None
    identity: str | None
    signing: str | None
    settings: tuple[Setting, ...] = ()


def remote(view: RemoteView, actions: ActionChecks) -> Findings:
    """Check the branch and the tag on the remote, and whether this clone can push and tag."""
    findings = (_reach(view), _branch(view), _tag(view), _push(view, actions), _tagger(view, actions))
    # The check `tree` reports the settings of an untrusted checkout.
    settings = () if view.refs.untrusted else push_settings(actions.settings, view.remote)
    return Findings([*(finding for part in findings for finding in part), *settings])


def unrequested(view: RemoteView, names: Iterable[str]) -> Iterator[Finding]:
    """Report refs in the output of a push that were not requested."""
    if quoted := [f"`{name}`" for name in names]:
        saw = f"the output of the push also lists {', '.join(quoted)}, which the plan does not name"
        yield Finding.failed(CHECK, f"git push {view.remote}", saw, f"git ls-remote {view.reading_name}")


def _reach(view: RemoteView) -> Iterator[Finding]:
    if view.refs.refs is not None:
        return
    if not view.urls:
        saw = f"this clone has no remote `{view.remote}`"
        yield Finding.unknown(CHECK, f"git remote get-url {view.remote}", saw, f"git remote add {view.remote} URL")
    elif len(view.urls) > 1:
        saw = f"a push to `{view.remote}` writes to {len(view.urls)} URLs, and a release checks one: " + ", ".join(
            f"`{url}`" for url in view.urls
        )
        remedy = f'git config --replace-all remote.{view.remote}.pushurl "$(git remote get-url {view.remote})"'
        yield Finding.failed(CHECK, view.refs.question, saw, remedy)
    elif view.refs.untrusted:
        saw = f"`{view.remote}` was not queried: {view.refs.reason}"
        yield Finding.unknown(CHECK, view.refs.question, saw, TRUST)
    else:
        saw = f"`{view.remote}` ({view.urls[0]}) could not be reached: {view.refs.reason}"
        yield Finding.unknown(CHECK, view.refs.question, saw, f"git ls-remote {view.reading_name}")


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
    else:
        unknown = view.behind == "unknown"
        what = "which this clone does not have: the branch has new commits" if unknown else "and has diverged"
        saw = f"points to {_short(tip)}, {what}; a release never force-pushes {_short(view.commit)}"
        yield Finding.failed(CHECK, looked_at, saw, _pull(view))


def _tag(view: RemoteView) -> Iterator[Finding]:
    ref, here, there = f"refs/tags/{view.tag}", view.local_tag, view.remote_tag
    on_remote = f"{ref} on {view.remote}"
    if there is not None and not view.is_released(there):
        # The tag in this clone does not matter then.
        if there.annotated and view.behind != "yes":
            saw = f"{_kind(view, there)}; it can be on a commit of the branch that this clone does not have"
            yield Finding.failed(CHECK, on_remote, saw, _pull(view))
        else:
            saw = f"{_kind(view, there)}; a pushed tag is never moved"
            yield Finding.failed(CHECK, on_remote, saw, "just prepare VERSION, with the next version")
        return
    if here is not None:
        yield from _local_tag(view, here, there)
    if there is not None:
        yield Finding.ok(CHECK, on_remote, f"is an annotated tag that points to {_short(there.commit)}")
    elif view.refs.refs is not None:
        yield Finding.ok(CHECK, on_remote, "the tag does not exist")


def _local_tag(view: RemoteView, here: Tag, there: Tag | None) -> Iterator[Finding]:
    ref = f"refs/tags/{view.tag}"
    delete = f"git tag -d {view.tag}"
    adopt = f"{delete} && git fetch {view.reading_name} tag {view.tag}"
    if there is not None and view.is_released(here) and here.object != there.object:
        # Both point to the commit, so the release is complete. The remote refuses to replace its tag.
        saw = f"is another tag object than that of `{view.remote}`, for the same commit {_short(here.commit)}"
        yield Finding.warning(CHECK, ref, saw, adopt)
    elif view.is_released(here):
        yield Finding.ok(CHECK, ref, f"is an annotated tag that points to {_short(here.commit)}")
    elif there is not None:
        yield Finding.failed(CHECK, ref, f"{_kind(view, here)}; `{view.remote}` has the right tag", adopt)
    elif view.refs.refs is not None:
        yield Finding.failed(CHECK, ref, f"{_kind(view, here)}; `{view.remote}` has no tag of this name", delete)
    else:
        saw = f"{_kind(view, here)}; it is unknown whether `{view.remote}` has a tag of this name"
        yield Finding.failed(CHECK, ref, saw, f"git ls-remote {view.reading_name} {ref}")


def _pull(view: RemoteView) -> str:
    # A pull with `--ff-only` fails if this clone has commits of its own.
    return f"git pull --rebase {view.reading_name} {view.branch}"


def _kind(view: RemoteView, tag: Tag) -> str:
    kind = "an annotated" if tag.annotated else "a lightweight"
    return f"is {kind} tag of {_short(tag.commit)}, and not the annotated tag of {_short(view.commit)}"


def _push(view: RemoteView, actions: ActionChecks) -> Iterator[Finding]:
    if actions.push is None:
        return
    command = " ".join(actions.push.command)
    refused = [line.split("\t") for line in actions.push.stdout.splitlines() if line.startswith("!")]
    # With `--atomic`, the conflict of one ref also rejects the others.
    conflicts = [entry for entry in refused if "(atomic push failed)" not in entry[-1]] or refused
    if quoted := [f"`{name}`" for name in unrequested_refs(actions.push)]:
        saw = f"the push would also publish {', '.join(quoted)}, which the plan does not name"
        yield Finding.failed(CHECK, command, saw, _SETTINGS)
    elif actions.push.returncode == 0:
        yield Finding.ok(CHECK, command, "no conflict; a dry run does not check the rules of the server")
    elif actions.push.returncode == TIMED_OUT:
        saw = f"`{view.remote}` did not respond: {actions.push.reason}"
        remedy = "run this again; if it needs more time, set a larger `query-timeout` in the policy"
        yield Finding.unknown(CHECK, command, saw, remedy)
    elif conflicts:
        for _, refs, reason in conflicts:
            saw = f"the push of {refs.rpartition(':')[2]} would be rejected: {reason}; the remote has changed"
            yield Finding.failed(CHECK, command, saw, "run this again; it reads the remote again")
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
        # On a terminal, this command prompts for the passphrase, and the agent keeps it.
        remedy = "git tag -s -m test test && git tag -d test"
        yield Finding.failed(CHECK, "git config tag.gpgSign", saw, remedy)
    else:
        yield Finding.ok(CHECK, "git var GIT_COMMITTER_IDENT", f"the tagger is {actions.identity}")


def _short(commit: str) -> str:
    return commit[:12]
