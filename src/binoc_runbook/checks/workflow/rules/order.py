"""What comes before a publication, and how runs meet and end."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import Job, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.environ import ENVIRONMENT, REHEARSAL
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def publishers_are_gated(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A run started by hand from a branch would publish what no tag names."""
    prefix = policy.tag.partition("{version}")[0]
    dispatched = "workflow_dispatch" in workflow.events
    for job in workflow.publishing(policy):
        condition = job.node.get("if")
        if not dispatched and condition is None:
            continue  # only what triggers it gates it, and that is a rule of its own
        if not any(_is_gate(part, prefix, dispatched) for part in _conjuncts(condition.text if condition else "")):
            saw = f"`{job.id}` also runs when no release's tag was pushed"
            yield (condition or job.key).place, saw, f"write `if: startsWith(github.ref, 'refs/tags/{prefix}')`"


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


def publishers_wait(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What is published cannot be taken back, so every build and check comes first."""
    ids, first = {job.id for job in workflow.jobs}, [job.id for job in _jobs_before(workflow, policy)]
    for job in workflow.jobs:
        for needed in job.needs:
            if needed.text not in ids:
                saw = f"`{job.id}` needs `{needed.text}`, and there is no such job"
                yield needed.place, saw, "name one that there is"
    for job in workflow.publishing(policy):
        waits_for = workflow.needed_by(job)
        if missing := [name for name in first if name not in waits_for]:
            place = next((needed.place for needed in job.needs), job.key.place)
            named = ", ".join(f"`{name}`" for name in missing)
            yield place, f"`{job.id}` does not wait for {named}", f"write `needs: [{', '.join(first)}]`"
        condition = job.node.get("if")
        if condition and re.search(r"\b(always|failure|cancelled)\s*\(", condition.text):
            saw = f"`{job.id}` runs although what it waits for has failed: `{condition.text}`"
            yield condition.place, saw, "delete the status function from the condition"


def _jobs_before(workflow: WorkflowFile, policy: Policy) -> list[Job]:
    """Return the jobs before all publications: those that do not come after one of them."""
    last = {job.id for job in workflow.publishing(policy)}
    return [job for job in workflow.jobs if not ({job.id} | workflow.needed_by(job)) & last]


_CHECKING = re.compile(r"(?<![a-z])(?:py)?(?:check|test|verify|audit)", re.IGNORECASE)


def something_is_checked(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What is published cannot be taken back."""
    commands = [words for job in _jobs_before(workflow, policy) for _, words in job.commands]
    is_checked = any(_CHECKING.match(word) for words in commands for word in words)
    if workflow.publishing(policy) and not is_checked:
        run = shlex.join(policy.test) or "just test"
        yield Place(workflow.file), "no job checks anything before the publish jobs", f"add a job that runs `{run}`"


def nothing_passes_for_a_rehearsal(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What a rehearsal cannot build is not missed there."""
    variables = [("the workflow", key) for key, _ in workflow.root.items("env")]
    variables += [(f"`{job.id}`", key) for job in workflow.all_jobs for key, _ in job.variables]
    for where, key in variables:
        if key.text in (REHEARSAL, ENVIRONMENT):
            yield key.place, f"{where} sets `{key.text}`, as a rehearsal does", f"delete `{key.text}`"


def failures_count(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What failed would be published as if it had passed."""
    for job in workflow.jobs:
        for node in (job.node, *job.steps):
            passing = node.get("continue-on-error")
            if passing and passing.text.lower() != "false":
                yield passing.place, f"`{job.id}` succeeds though something in it failed", "delete `continue-on-error`"


def runs_are_not_cut_off(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication that is cut off, or overtaken by its double, leaves a release half out."""
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
            saw = f"`cancel-in-progress: {cancel.text}` ends a run for another"
            yield cancel.place, saw, "write `cancel-in-progress: false`"


def jobs_end(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A hanging job would hold the release and its approval open."""
    for job in workflow.jobs:
        if not job.is_reusable and job.node.get("timeout-minutes") is None:
            yield job.key.place, f"`{job.id}` may run for six hours", "write `timeout-minutes:`, generously"
