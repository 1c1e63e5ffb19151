"""Effects of the actions of a run: which change this run made, and which push may have arrived."""

from __future__ import annotations

import datetime

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.checks.remote import RemoteView
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.release.record import StageRun
from binoc_runbook.stages import Command, Stage, Target
from binoc_runbook.world.git import Git
from binoc_runbook.world.git_objects import creation_of

#: The flags of a ref that a push has changed, in its porcelain output: moved forward, or new.
_CHANGED = {" ", "*"}


def pushed_ref(stage: Stage, view: RemoteView) -> str | None:
    """Return the ref of the remote that a stage pushes; `None` for a local stage."""
    return {"public": f"refs/heads/{view.branch}", "permanent": f"refs/tags/{view.tag}"}.get(stage.reach)


def flag_of(result: ProcessResult | None, ref: str) -> str | None:
    """Return the flag of a ref in the output of `git push --porcelain`, or `None` if the remote did not answer.

    Source: git-push(1), "Output". The summary `[remote failure]` means that the remote has not reported a result.
    """
    for line in result.stdout.splitlines() if result else ():
        flag, _, rest = line.partition("\t")
        refs, _, summary = rest.partition("\t")
        if refs.rpartition(":")[2] == ref and not summary.startswith("[remote failure]"):
            return flag
    return None


def made_change(run: StageRun, view: RemoteView, target: Target) -> bool:
    """Return whether this run made the change that `view` shows, as far as that is known.

    The answer of the remote decides. If the answer of a push was lost, only a tag is evidence: the remote has the
    object that this clone created. Another run can push the same commit to the branch.
    """
    ref = pushed_ref(run.stage, view)
    if ref is None:
        return not any("fetch" in command.arguments for command in run.commands)
    flag = flag_of(target.results.get(run.stage.name), ref)
    if flag is None and run.stage.reach == "permanent":
        return _has_own_tag(view)
    return flag in _CHANGED


def explain(run: StageRun, view: RemoteView, target: Target) -> Finding:
    """Return a warning about a change that is there, but was not made by this run, or not certainly."""
    ref = pushed_ref(run.stage, view)
    if ref is None:
        return _tag_warning(run, view, target.world.git, f"fetched from `{view.remote}`")
    answered = flag_of(target.results.get(run.stage.name), ref) is not None
    saw = "another push was first" if answered else "is there, but the answer to the push of this run was lost"
    return Finding.warning(run.stage.name, f"{ref} on {view.remote}", saw)


def compare_tags(run: StageRun, view: RemoteView, target: Target, *, created: str | None) -> Findings:
    """Take over the tag of the remote, if it differs from the tag that this run has created in this clone.

    `created` is that tag object, which was not published; it is replaced with a compare-and-swap. Any other object of
    this clone is kept: the checks of the remote warn about it, with the command that replaces it.
    """
    if view.local_tag is None or view.remote_tag is None or view.local_tag.object != created or _has_own_tag(view):
        return Findings()
    git, ref = target.world.git, f"refs/tags/{view.tag}"
    # With an empty refmap, the fetch changes no ref of this clone, even if a refspec is configured for tags.
    fetch = ("git", "fetch", "--no-tags", "--refmap=", view.remote, ref)
    swap = ("git", "update-ref", ref, view.remote_tag.object, created)
    commands = [
        Command(fetch, f"this clone gets the tag object of `{view.remote}`"),
        Command(swap, "the tag of this clone, which was not pushed, is replaced by it"),
    ]
    for command in commands:
        run.commands += (command,)
        if git.run(command.arguments).returncode != 0:
            break
    same = git.local_tag(view.tag) == view.remote_tag
    action = "this clone has it now" if same else "this clone has a different tag object of the same name"
    remedy = "" if same else f"git tag -d {view.tag} && git fetch {view.remote} tag {view.tag}"
    return Findings([_tag_warning(run, view, git, action, remedy)])


def _has_own_tag(view: RemoteView) -> bool:
    return view.local_tag is not None and view.local_tag == view.remote_tag


def _tag_warning(run: StageRun, view: RemoteView, git: Git, action: str, remedy: str = "") -> Finding:
    tagged = view.remote_tag.object if view.remote_tag else ""
    saw = f"another run created this tag: {_tagger(git, tagged)}; {action}"
    return Finding.warning(run.stage.name, f"refs/tags/{view.tag} on {view.remote}", saw, remedy)


def _tagger(git: Git, tagged: str) -> str:
    """Return the tagger and the date of a tag object."""
    creation = creation_of(git, tagged) if tagged else None
    if creation is None:
        return "its tagger is unknown"
    date = datetime.datetime.fromtimestamp(creation.at, datetime.UTC)
    return f"tagged by `{creation.who}` on {date:%Y-%m-%d %H:%M} UTC"
