"""What may start a run."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache, partial

from binoc_runbook.checks.workflow.model import Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def keys_are_unique(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """GitHub refuses the file, and the tag starts nothing."""
    for _, node in workflow.root.walk():
        first: dict[str, Node] = {}
        for key, _ in node.items():
            if first.setdefault(key.text, key) is not key:
                yield key.place, f"`{key.text}` is said twice, first on line {first[key.text].place.line}", "keep one"


_ALLOWED = ("push", "workflow_dispatch")


def only_tags_trigger(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A release starts by the push of its tag, and by nothing else."""
    wanted = f'on: {{push: {{tags: ["{_pattern_of(policy)}"]}}}}'
    for event, (name, _) in workflow.events.items():
        if event not in _ALLOWED:
            yield name.place, f"`{event}` starts it, too", f"delete `{event}`"
    if "push" not in workflow.events:
        on = workflow.root.get("on")
        yield on.place if on else Place(workflow.file), "no push of a tag starts it", f"write `{wanted}`"
        return
    name, push = workflow.events["push"]
    for key, _ in push.items():
        if key.text != "tags":
            yield key.place, f"`{key.text}` has a say in what starts it, beside the tag", f"delete `{key.text}`"
    tags = push.get("tags")
    if tags and tags.texts():
        yield from _patterns_fit(tags, policy)
    elif not push.items():  # otherwise the key that is there instead has been named
        yield name.place, "every push starts it", f"write `{wanted}`"


_SIGNS = string.ascii_letters + string.digits

#: Versions of every kind that a release can have; each must start the workflow.
_VERSIONS = ("0.4.0", "1.0.0", "10.20.30", "0.4.0-alpha.1", "0.4.0-beta.2", "0.4.0-rc.10")


def _patterns_fit(tags: Node, policy: Policy) -> Iterator[Violation]:
    edit = f'write `tags: ["{_pattern_of(policy)}"]`'
    starts = partial(fits_filters, [node.text for node in tags.texts()])
    releases = [policy.tag_of(version) for version in _VERSIONS]
    if missed := next((tag for tag in releases if not starts(tag)), None):
        yield tags.place, f"the tag `{missed}` of a release would not start it", edit
        return
    for node in tags.texts():
        negated, pattern = read_filter(node.text)
        if not negated and not any(map(pattern.fullmatch, releases)):
            yield node.place, f"`{node.text}` matches no tag of a release", f"delete it, or {edit}"
    if foreign := next((tag for tag in _foreign_tags(policy) if starts(tag)), None):
        yield tags.place, f"the tag `{foreign}`, which is no release's, would start it", edit


def _foreign_tags(policy: Policy) -> Iterator[str]:
    """Make tags that no release of the policy has, each as near to one as can be."""
    before, _, after = policy.tag.partition("{version}")
    if not before:
        yield from (f"{sign}0.4.0{after}" for sign in string.ascii_letters)
    # One sign of the beginning left out, changed, or added in front.
    near = [before[:at] + before[at + 1 :] for at in range(len(before))]
    near += [before[:at] + sign + before[at + 1 :] for at in range(len(before)) for sign in _SIGNS]
    near += [f"{sign}{before}" for sign in _SIGNS]
    yield from (f"{other}0.4.0{after}" for other in near if before and not other.startswith(before))
    if after:
        yield f"{before}0.4.0"


def _pattern_of(policy: Policy) -> str:
    return policy.tag.replace("{version}", "[0-9]*" if policy.tag.startswith("{") else "*")


def fits_filters(patterns: list[str], name: str) -> bool:
    """Return whether a name fits filter patterns of GitHub's: the last one that matches decides."""
    included = [not negated for negated, pattern in map(read_filter, patterns) if pattern.fullmatch(name)]
    return bool(included) and included[-1]


@cache
def read_filter(pattern: str) -> tuple[bool, re.Pattern[str]]:
    """Translate a filter pattern of GitHub's ("Workflow syntax", filter pattern cheat sheet): negated?, expression."""
    negated = pattern.startswith("!")
    parts: list[str] = []
    for piece in re.findall(r"\*\*|\\.|\[[^]]*\]|.", pattern[negated:], re.DOTALL):
        if piece == "**":
            parts.append(".*")
        elif piece == "*":
            parts.append("[^/]*")
        elif piece in ("?", "+") and parts:
            parts[-1] = f"(?:{parts[-1]}){piece}"  # one, or more, of what stands before
        elif len(piece) > 2 and piece[0] == "[":
            parts.append("[" + re.sub(r"([\\^\[])", r"\\\1", piece[1:-1]) + "]")
        else:
            parts.append(re.escape(piece[-1]))
    try:
        return negated, re.compile("".join(parts))
    except re.error:
        return negated, re.compile(r"(?!)")
