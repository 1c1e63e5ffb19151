"""Rules about the trigger: only release tags start a run."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache, partial

from binoc_runbook.checks.workflow.model import Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

_ALLOWED = ("push", "workflow_dispatch")


def only_tags_trigger(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Only the push of a release tag may start a release."""
    wanted = f'on: {{push: {{tags: ["{_pattern_of(policy)}"]}}}}'
    for event, (name, _) in workflow.events.items():
        if event not in _ALLOWED:
            yield name.place, f"`{event}` also starts a run", f"delete `{event}`"
    if "push" not in workflow.events:
        on = workflow.root.get("on")
        yield on.place if on else Place(workflow.file), "the push of a tag starts no run", f"write `{wanted}`"
        return
    name, push = workflow.events["push"]
    for key, _ in push.items():
        if key.text != "tags":
            yield key.place, f"`push` has the filter `{key.text}` in addition to `tags`", f"delete `{key.text}`"
    tags = push.get("tags")
    if tags and tags.texts():
        yield from _patterns_fit(tags, policy)
    elif tags or not push.items():  # otherwise the other filters have been reported
        yield name.place, "every push starts a run, or none", f"write `{wanted}`"


def dispatch_selects_one_artifact(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A run that is started by hand publishes nothing, unless a person selects one artifact of the policy."""
    if "workflow_dispatch" not in workflow.events:
        for job in workflow.jobs:
            if job.id == "fetch-dists":
                yield job.key.place, "no event starts the job `fetch-dists`", "write `workflow_dispatch` below `on:`"
        return
    name, dispatch = workflow.events["workflow_dispatch"]
    options = ["nothing", *(artifact.name for artifact in policy.artifacts)]
    edit = (
        "write `inputs: {artifact: {type: choice, required: true, default: nothing, "
        f"options: [{', '.join(options)}]}}}}`"
    )
    for key, _ in [*dispatch.items(), *dispatch.items("inputs")]:
        if key.text not in ("inputs", "artifact"):
            yield key.place, f"`workflow_dispatch` has `{key.text}`", f"delete `{key.text}`"
    declared = dispatch.get("inputs", "artifact")
    if declared is None:
        yield name.place, "`workflow_dispatch` has no input `artifact`", edit
        return
    wanted = {"type": "choice", "required": "true", "default": "nothing"}
    for key, value in declared.items():
        if key.text == "options":
            if [node.text for node in value.elements()] != options:
                yield value.place, "the options of the input `artifact` are not `nothing` and the artifacts", edit
        elif key.text != "description" and wanted.get(key.text) != value.text:
            yield value.place, f"the input `artifact` has `{key.text}: {value.text}`", edit
    if missing := [f"`{key}`" for key in (*wanted, "options") if declared.get(key) is None]:
        yield declared.place, f"the input `artifact` has no {', '.join(missing)}", edit


_SIGNS = string.ascii_letters + string.digits

#: Versions of all kinds of releases; the tag of each has to start the workflow.
_VERSIONS = ("0.4.0", "1.0.0", "10.20.30", "0.4.0-alpha.1", "0.4.0-beta.2", "0.4.0-rc.10")


def _patterns_fit(tags: Node, policy: Policy) -> Iterator[Violation]:
    edit = f'write `tags: ["{_pattern_of(policy)}"]`'
    starts = partial(fits_filters, [node.text for node in tags.texts()])
    releases = [policy.tag_of(version) for version in _VERSIONS]
    if missed := next((tag for tag in releases if not starts(tag)), None):
        yield tags.place, f"the release tag `{missed}` would not start a run", edit
        return
    for node in tags.texts():
        negated, pattern = read_filter(node.text)
        if not negated and not any(map(pattern.fullmatch, releases)):
            yield node.place, f"`{node.text}` matches no release tag", f"delete it, or {edit}"
    if foreign := next((tag for tag in _foreign_tags(policy) if starts(tag)), None):
        yield tags.place, f"the tag `{foreign}` would start a run, but is not a release tag", edit


def _foreign_tags(policy: Policy) -> Iterator[str]:
    """Yield tags that are not release tags of the policy, but similar to them."""
    before, _, after = policy.tag.partition("{version}")
    if not before:
        yield from (f"{sign}0.4.0{after}" for sign in string.ascii_letters)
    # One character of the prefix deleted, changed, or added in front.
    near = [before[:at] + before[at + 1 :] for at in range(len(before))]
    near += [before[:at] + sign + before[at + 1 :] for at in range(len(before)) for sign in _SIGNS]
    near += [f"{sign}{before}" for sign in _SIGNS]
    yield from (f"{other}0.4.0{after}" for other in near if before and not other.startswith(before))
    if after:
        yield f"{before}0.4.0"


def _pattern_of(policy: Policy) -> str:
    return policy.tag.replace("{version}", "[0-9]*" if policy.tag.startswith("{") else "*")


def fits_filters(patterns: list[str], name: str) -> bool:
    """Return whether a name matches filter patterns of GitHub: the last pattern that matches decides."""
    included = [not negated for negated, pattern in map(read_filter, patterns) if pattern.fullmatch(name)]
    return bool(included) and included[-1]


@cache
def read_filter(pattern: str) -> tuple[bool, re.Pattern[str]]:
    """Return whether a filter pattern is negated, and its regular expression.

    Source: GitHub documentation, "Workflow syntax", filter pattern cheat sheet.
    """
    negated = pattern.startswith("!")
    parts: list[str] = []
    for piece in re.findall(r"\*\*|\\.|\[[^]]*\]|.", pattern[negated:], re.DOTALL):
        if piece == "**":
            parts.append(".*")
        elif piece == "*":
            parts.append("[^/]*")
        elif piece in ("?", "+") and parts:
            parts[-1] = f"(?:{parts[-1]}){piece}"  # repeats the part before it
        elif len(piece) > 2 and piece[0] == "[":
            parts.append("[" + re.sub(r"([\\^\[])", r"\\\1", piece[1:-1]) + "]")
        else:
            parts.append(re.escape(piece[-1]))
    try:
        return negated, re.compile("".join(parts))
    except re.error:
        return negated, re.compile(r"(?!)")
