"""The rules of the contract. Each yields, for what breaks it, the place, what is there, and the edit."""

from __future__ import annotations

import re
import shlex
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from binoc_runbook.checks.workflow.model import Job, Node, Workflow, command_lines, same
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Fault = tuple[Place, str, str]


@dataclass(frozen=True)
class Rule:
    """One promise about the workflow: its name, why it matters, and the question that finds what breaks it."""

    name: str
    why: str
    faults: Callable[[Workflow, Policy], Iterable[Fault]]


def _keys_are_unique(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for _, node in workflow.root.walk():
        first: dict[str, Node] = {}
        for key, _ in node.items():
            if first.setdefault(key.text, key) is not key:
                yield key.place, f"`{key.text}` is said twice, first on line {first[key.text].place.line}", "keep one"


_UNTRUSTED = ("pull_request_target", "workflow_run", "issue_comment")
_ALLOWED = ("push", "workflow_dispatch")


def _triggers_are_trusted(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for event, (name, _) in workflow.events.items():
        if event in _UNTRUSTED:
            yield name.place, f"`{event}` starts it", f"delete `{event}`"


def _only_tags_trigger(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    wanted = f'on: {{push: {{tags: ["{_pattern_of(policy)}"]}}}}'
    for event, (name, _) in workflow.events.items():
        if event not in (*_ALLOWED, *_UNTRUSTED):
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
    if tags is None or not tags.texts():
        if not push.items():  # otherwise the key that is there instead has been named
            yield name.place, "every push starts it", f"write `{wanted}`"
        return
    yield from _patterns_fit(tags, policy)


_SIGNS = string.ascii_letters + string.digits
#: Versions of every kind that a release can have; each must start the workflow.
_VERSIONS = ("0.4.0", "1.0.0", "10.20.30", "0.4.0-alpha.1", "0.4.0-beta.2", "0.4.0-rc.10")


def _patterns_fit(tags: Node, policy: Policy) -> Iterator[Fault]:
    patterns = [(each, *_filter(each.text)) for each in tags.texts()]
    edit = f'write `tags: ["{_pattern_of(policy)}"]`'

    def starts(tag: str) -> bool:
        started = False
        for _, negated, pattern in patterns:  # the last pattern that matches decides
            if pattern.fullmatch(tag):
                started = not negated
        return started

    releases = [policy.tag_of(version) for version in _VERSIONS]
    if missed := next((tag for tag in releases if not starts(tag)), None):
        yield tags.place, f"the tag `{missed}` of a release would not start it", edit
        return
    for node, negated, pattern in patterns:
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


def _filter(pattern: str) -> tuple[bool, re.Pattern[str]]:
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


def _nothing_is_permitted_on_top(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    permissions = workflow.root.get("permissions")
    if permissions is None:
        yield (
            Place(workflow.file),
            "nothing is said on top, so every job has the repository's default",
            "write `permissions: {}`",
        )
    elif not permissions.is_mapping or permissions.items():
        yield (
            permissions.place,
            "every job has what is permitted on top",
            "write `permissions: {}`, and in each job its own",
        )


def _every_artifact_has_its_job(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    published = [artifact for artifact, _ in workflow.publishers(policy)]
    for artifact in policy.artifacts:
        if artifact not in published:
            saw = f"no job publishes `{artifact.name}`, which {artifact.source} promises"
            yield Place(workflow.file), saw, f"write a publish job for it{in_environment(artifact)}"
    declared = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.registries and job.id not in declared:
            saw = f"`{job.id}` publishes at {' and '.join(sorted(job.registries))}, and no artifact is left for it"
            yield job.key.place, saw, f"delete `{job.id}`, or declare its artifact in the policy"


def in_environment(artifact: Artifact) -> str:
    return f" with `environment: {artifact.environment}`" if artifact.environment else ""


def _environments_are_declared(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for artifact, job in workflow.publishers(policy):
        wanted, given = artifact.environment, job.environment
        if wanted is None or same(given, wanted) or job.is_reusable:
            continue
        saw = f"in `{given.text}`" if given else "in no environment"
        where = given.place if given else job.key.place
        yield where, f"`{job.id}` publishes `{artifact.name}` {saw}", f"write `environment: {wanted}`"


def _tokens_are_with_publishers(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    publishers = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.id in publishers and job.token is None:
            yield (
                job.key.place,
                f"`{job.id}` publishes without `id-token: write`",
                "write `permissions: {id-token: write}`",
            )
        elif job.id not in publishers and not job.registries and job.token:
            saw = f"`{job.id}` can have a token, and publishes no artifact of the policy"
            yield job.token.place, saw, "delete `id-token: write`"


def _tokens_are_alone(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for _, job in workflow.publishers(policy):
        permissions = job.node.get("permissions")
        if permissions and not permissions.is_mapping:
            yield permissions.place, f"`{job.id}` is permitted `{permissions.text}`", "write `id-token: write` alone"
        for key, value in permissions.items() if permissions else ():
            if value.text == "write" and key.text != "id-token":
                yield key.place, f"`{job.id}` is permitted `{key.text}: write`", f"delete `{key.text}: write`"


def _publishers_are_inline(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for _, job in workflow.publishers(policy):
        if called := job.node.get("uses"):
            edit = f"write its steps here, in `{workflow.file}`"
            yield called.place, f"`{job.id}` publishes from another file, `{called.text}`", edit


def _nothing_is_secret(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for key, node in workflow.root.walk():
        expressions = re.findall(r"\$\{\{(.*?)\}\}", node.text, re.DOTALL) or ([node.text] if key == "if" else [])
        for expression in expressions:
            names = re.sub("'[^']*'", "", expression)
            if re.search(r"(?<![\w.-])secrets(?![\w-])", names, re.IGNORECASE):
                edit = "delete it: the identity token of the publish job is the only credential"
                yield node.place, f"`{key}` reads a stored secret: `{expression.strip()}`", edit
                break
    for job in workflow.jobs:
        if job.node.said("secrets") == "inherit":
            yield job.node.place, f"`{job.id}` hands on every secret", "delete `secrets: inherit`"


def _actions_are_pinned(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for used in used_actions(workflow):
        name, _, ref = used.text.partition("@")
        if name.startswith(("./", "$/")):  # of the same commit
            continue
        if name.startswith("docker://"):
            if not re.fullmatch("sha256:[0-9a-f]{64}", ref):
                yield used.place, f"`{used.text}` is no fixed image", f"write `{name}@sha256:` and the image's digest"
        elif not re.fullmatch("[0-9a-f]{40}", ref):
            saw = f"`{used.text}` is no fixed commit"
            yield used.place, saw, f"write `{name}@` and the commit of {ref or 'a release'}, with its tag as a comment"
        elif not re.match(r"v?[0-9]+\.[0-9]+\.[0-9]+", used.comment):
            yield used.place, f"nobody sees which release `{used.text}` is", "write its tag behind it: `# v1.2.3`"


def used_actions(workflow: Workflow) -> Iterator[Node]:
    for job in workflow.jobs:
        for node in (job.node, *job.steps):
            if used := node.get("uses"):
                yield used


def _publishers_are_gated(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    prefix = policy.tag.partition("{version}")[0]
    dispatched = "workflow_dispatch" in workflow.events
    for job in _publishing(workflow, policy):
        condition = job.node.get("if")
        if not dispatched and condition is None:
            continue  # only what triggers it gates it, and that is a rule of its own
        if not any(_is_gate(part, prefix, dispatched) for part in _conjuncts(condition.text if condition else "")):
            place = condition.place if condition else job.key.place
            saw = f"`{job.id}` also runs when no release's tag was pushed"
            yield place, saw, f"write `if: startsWith(github.ref, 'refs/tags/{prefix}')`"


def _publishing(workflow: Workflow, policy: Policy) -> list[Job]:
    publishers = {job.id for _, job in workflow.publishers(policy)}
    return [job for job in workflow.jobs if job.id in publishers or job.publishes]


def _is_gate(condition: str, prefix: str, dispatched: bool) -> bool:
    """Whether a condition holds for a release's tag only; any tag will do where nothing but a tag can start a run."""
    plain = re.sub(r"\s+", "", condition)
    if plain == "github.event_name=='push'":
        return True  # of a tag: of nothing else may a push be that triggers
    if start := re.fullmatch(r"startsWith\(github\.ref,'refs/tags/(.*)'\)", plain, re.IGNORECASE):
        return start[1] == prefix or (not dispatched and prefix.startswith(start[1]))
    return not dispatched and plain == "github.ref_type=='tag'"


def _conjuncts(expression: str) -> list[str]:
    """Split `a && b` into what must all be true; one with `||` in it stays whole, since none of it must be."""
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", expression, flags=re.DOTALL).strip()
    pieces, depth, start = [], 0, 0
    for token in re.finditer(r"'[^']*'|[()]|&&|\|\|", text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "||" and depth == 0:
            return [text]
        if token[0] == "&&" and depth == 0:
            pieces.append(text[start : token.start()].strip())
            start = token.end()
    return [*pieces, text[start:].strip()]


def _publishers_wait(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    publishing = _publishing(workflow, policy)
    ids, last = {job.id for job in workflow.jobs}, {job.id for job in publishing}
    # Whatever does not come after a publication comes before all of them.
    first = [job.id for job in workflow.jobs if job.id not in last and not workflow.needed_by(job) & last]
    for job in workflow.jobs:
        for needed in job.needs:
            if needed.text not in ids:
                yield (
                    needed.place,
                    f"`{job.id}` needs `{needed.text}`, and there is no such job",
                    "name one that there is",
                )
    for job in publishing:
        waits_for = workflow.needed_by(job)
        if missing := [name for name in first if name not in waits_for]:
            place = next((needed.place for needed in job.needs), job.key.place)
            named = ", ".join(f"`{name}`" for name in missing)
            yield place, f"`{job.id}` does not wait for {named}", f"write `needs: [{', '.join(first)}]`"
        condition = job.node.get("if")
        if condition and re.search(r"\b(always|failure|cancelled)\s*\(", condition.text):
            saw = f"`{job.id}` runs although what it waits for has failed: `{condition.text}`"
            yield condition.place, saw, "delete the status function from the condition"


_CHECKING = re.compile(r"(?<![a-z])(?:py)?(?:check|test|verify|audit)", re.IGNORECASE)


def _something_is_checked(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    publishing = {job.id for job in _publishing(workflow, policy)}
    before = [job for job in workflow.jobs if job.id not in publishing and not workflow.needed_by(job) & publishing]
    commands = [words for job in before for step in job.steps for words in command_lines(step.said("run"))]
    if publishing and not any(_CHECKING.match(word) for words in commands for word in words):
        run = shlex.join(policy.test) or "just test"
        yield Place(workflow.file), "no job checks anything before the publish jobs", f"add a job that runs `{run}`"


def _failures_count(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for job in workflow.jobs:
        for node in (job.node, *job.steps):
            passing = node.get("continue-on-error")
            if passing and passing.text.lower() != "false":
                yield passing.place, f"`{job.id}` succeeds though something in it failed", "delete `continue-on-error`"


def _runs_are_not_cut_off(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    wanted = f"{policy.workflow.rpartition('.')[0]}-${{{{ github.ref }}}}"
    concurrency = workflow.root.get("concurrency")
    if concurrency is None:
        edit = f"write `concurrency: {{group: '{wanted}', cancel-in-progress: false}}`"
        yield Place(workflow.file), "two runs for one tag can publish at the same time", edit
    else:
        group = concurrency.get("group") or concurrency
        if not re.search(r"\$\{\{[^}]*\bgithub\.ref(_name)?\b", group.text):
            yield group.place, f"the runs of all tags share one group, `{group.text}`", f"write `group: {wanted}`"
    for node in (workflow.root, *(job.node for job in workflow.jobs)):
        cancel = node.get("concurrency", "cancel-in-progress")
        if cancel and cancel.text.lower() != "false":
            yield (
                cancel.place,
                f"`cancel-in-progress: {cancel.text}` ends a run for another",
                "write `cancel-in-progress: false`",
            )


def _jobs_end(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for job in workflow.jobs:
        if not job.is_reusable and job.node.get("timeout-minutes") is None:
            yield job.key.place, f"`{job.id}` may run for six hours", "write `timeout-minutes:`, generously"


#: The contract, in the order in which a reader of the file meets what it is about.
RULES: tuple[Rule, ...] = (
    Rule("keys", "GitHub refuses the file, and the tag starts nothing", _keys_are_unique),
    Rule(
        "untrusted trigger",
        "what strangers send would run with this repository's rights, as it did at ultralytics in 2024",
        _triggers_are_trusted,
    ),
    Rule("trigger", "a release starts by the push of its tag, and by nothing else", _only_tags_trigger),
    Rule("permissions", "a job should have what it says it needs, and no more", _nothing_is_permitted_on_top),
    Rule(
        "concurrency",
        "a publication that is cut off, or overtaken by its double, leaves a release half out",
        _runs_are_not_cut_off,
    ),
    Rule("publish job", "what is promised and what is published must be the same", _every_artifact_has_its_job),
    Rule(
        "environment",
        "the registry trusts one environment for each artifact, and reviewers and a tag rule guard it",
        _environments_are_declared,
    ),
    Rule(
        "token",
        "whatever runs in a job with a token can publish, and nothing can without; TanStack's was taken from a build",
        _tokens_are_with_publishers,
    ),
    Rule("token alone", "publishing needs nothing else, and a thief would have it too", _tokens_are_alone),
    Rule(
        "inline",
        "PyPI matches the called file and crates.io the calling one, so only one file can satisfy both",
        _publishers_are_inline,
    ),
    Rule("gate", "a run started by hand from a branch would publish what no tag names", _publishers_are_gated),
    Rule("needs", "what is published cannot be taken back, so every build and check comes first", _publishers_wait),
    Rule("checks", "what is published cannot be taken back", _something_is_checked),
    Rule("failures", "what failed would be published as if it had passed", _failures_count),
    Rule(
        "secrets",
        "a stored credential can be stolen and used elsewhere, as at lottie-player in 2024",
        _nothing_is_secret,
    ),
    Rule("pins", "a tag can be moved to other code, as those of tj-actions were in 2025", _actions_are_pinned),
    Rule("time limit", "a hanging job would hold the release and its approval open", _jobs_end),
)
