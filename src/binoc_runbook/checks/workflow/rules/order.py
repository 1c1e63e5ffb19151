"""Rules about the order of jobs, and about concurrent, failed and endless runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import Job, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.environ import ENVIRONMENT, REHEARSAL
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def publish_jobs_require_a_release_tag(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A run that is started by hand from a branch would publish without a tag."""
    prefix = policy.tag.partition("{version}")[0]
    dispatched = "workflow_dispatch" in workflow.events
    for job in workflow.publishing(policy):
        condition = job.node.get("if")
        if not dispatched and condition is None:
            continue  # only the trigger can start it, and the rule `trigger` checks that
        if not any(_is_gate(part, prefix, dispatched) for part in _conjuncts(condition.text if condition else "")):
            saw = f"`{job.id}` also runs for refs that are not release tags"
            yield (condition or job.key).place, saw, f"write `if: startsWith(github.ref, 'refs/tags/{prefix}')`"


def _is_gate(condition: str, prefix: str, dispatched: bool) -> bool:
    """Return whether a condition is true only for release tags, or for any tags if only tags can start a run."""
    plain = re.sub(r"\s+", "", condition)
    if plain == "github.event_name=='push'":
        return True  # of a tag, because the trigger allows no other push
    if start := re.fullmatch(r"startsWith\(github\.ref,'refs/tags/(.*)'\)", plain, re.IGNORECASE):
        return start[1] == prefix or (not dispatched and prefix.startswith(start[1]))
    return not dispatched and plain == "github.ref_type=='tag'"


def _conjuncts(expression: str) -> list[str]:
    """Split `a && b` into its operands; an expression with `||` stays whole, because no operand must be true."""
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


def publish_jobs_wait_for_all_others(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication cannot be reverted, so all builds and checks have to succeed before it."""
    ids, first = {job.id for job in workflow.jobs}, [job.id for job in _jobs_before(workflow, policy)]
    for job in workflow.jobs:
        for needed in job.needs:
            if needed.text not in ids:
                saw = f"`{job.id}` needs the unknown job `{needed.text}`"
                yield needed.place, saw, f"write one of {', '.join(f'`{name}`' for name in sorted(ids - {job.id}))}"
    for job in workflow.publishing(policy):
        waits_for = workflow.needed_by(job)
        if missing := [name for name in first if name not in waits_for]:
            place = next((needed.place for needed in job.needs), job.key.place)
            names = ", ".join(f"`{name}`" for name in missing)
            yield place, f"`{job.id}` does not wait for {names}", f"write `needs: [{', '.join(first)}]`"
        condition = job.node.get("if")
        if condition and re.search(r"\b(always|failure|cancelled)\s*\(", condition.text):
            saw = f"`{job.id}` also runs after a failure of a needed job: `{condition.text}`"
            yield condition.place, saw, "delete the status function from the condition"


def _jobs_before(workflow: WorkflowFile, policy: Policy) -> list[Job]:
    """Return the jobs that do not publish and need no publish job."""
    last = {job.id for job in workflow.publishing(policy)}
    return [job for job in workflow.jobs if not ({job.id} | workflow.needed_by(job)) & last]


def crates_wait_for_their_dependencies(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Cargo refuses to publish a crate before this version of its dependencies is in the index."""
    publishers = {artifact.name: job for artifact, job in workflow.publishers(policy)}
    for name, job in publishers.items():
        required = sorted(workflow.repository.dependencies.get(name, ()))
        jobs = [publishers[other] for other in required if other in publishers]
        if missing := [other.id for other in jobs if other.id not in {job.id, *workflow.needed_by(job)}]:
            place = next((needed.place for needed in job.needs), job.key.place)
            saw = f"`{job.id}` does not wait for {', '.join(f'`{other}`' for other in missing)}"
            needs = [*(needed.text for needed in job.needs), *missing]
            yield place, saw, f"write `needs: [{', '.join(needs)}]`"


_CHECKING = re.compile(r"(?<![a-z])(?:py)?(?:check|test|verify|audit)", re.IGNORECASE)


def one_job_runs_checks(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication cannot be reverted."""
    commands = [words for job in _jobs_before(workflow, policy) for _, words in job.commands]
    is_checked = any(_CHECKING.match(word) for words in commands for word in words)
    if workflow.publishing(policy) and not is_checked:
        run = shlex.join(policy.test) or "just test"
        yield Place(workflow.file), "no job before the publish jobs runs a check", f"add a job that runs `{run}`"


def rehearsal_variables_are_not_set(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """With this variable, dists that the runner cannot build are not required."""
    variables = [("the workflow", key) for key, _ in workflow.root.items("env")]
    variables += [(f"`{job.id}`", key) for job in workflow.all_jobs for key, _ in job.variables]
    for where, key in variables:
        if key.text in (REHEARSAL, ENVIRONMENT):
            yield key.place, f"{where} sets `{key.text}`, a variable of rehearsals", f"delete `{key.text}`"


def failures_are_not_ignored(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A release would be published after a failed step."""
    for job in workflow.jobs:
        for node in (job.node, *job.steps):
            setting = node.get("continue-on-error")
            if setting and setting.text.lower() != "false":
                yield setting.place, f"`{job.id}` ignores a failure", "delete `continue-on-error`"


def runs_are_not_cancelled(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A cancelled or concurrent run can leave a release half published."""
    wanted = f"{policy.workflow.rpartition('.')[0]}-${{{{ github.ref }}}}"
    concurrency = workflow.root.get("concurrency")
    if concurrency is None:
        edit = f"write `concurrency: {{group: '{wanted}', cancel-in-progress: false}}`"
        yield Place(workflow.file), "two runs for one tag can publish concurrently", edit
    else:
        group = concurrency.get("group") or concurrency
        if not re.search(r"\$\{\{[^}]*\bgithub\.ref(_name)?\b", group.text):
            yield group.place, f"the runs for all tags are in one group, `{group.text}`", f"write `group: {wanted}`"
    for node in (workflow.root, *(job.node for job in workflow.jobs)):
        cancel = node.get("concurrency", "cancel-in-progress")
        if cancel and cancel.text.lower() != "false":
            saw = f"`cancel-in-progress: {cancel.text}` cancels a run when the next one starts"
            yield cancel.place, saw, "write `cancel-in-progress: false`"


def jobs_have_timeouts(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job that hangs would block the release."""
    for job in workflow.jobs:
        if not job.is_reusable and job.node.get("timeout-minutes") is None:
            yield job.key.place, f"`{job.id}` can run for 6 hours", "write `timeout-minutes: 60`"
