"""Rules about the order of jobs, and about concurrent, failed and endless runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.workflow.grammar import LONGEST, is_time_limit
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.environ import ENVIRONMENT, REHEARSAL
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


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
        for script, number in _ignoring(job):
            place = Place(workflow.file, (script.place.line or 0) + number)
            yield (
                place,
                f"a command of `{job.id}` ignores a failure",
                "delete `||`, `|`, `&` and `;`, and write two steps",
            )


def _ignoring(job: Job) -> Iterator[tuple[Node, int]]:
    """Yield the scripts in which a recipe is not the last word: its result can be lost in `||`, a pipe or `set +e`."""
    for step in job.steps:
        script = step.get("run")
        for number, line in enumerate(script.text.splitlines() if script else ()):
            calls_just = re.match(r"\s*(?:\./)?just\s", line)
            if script and (
                (calls_just and re.search(r"\|\||[^|]\|[^|]|;|&\s*$|[^&]&[^&]", line)) or re.match(r"\s*set \+", line)
            ):
                yield script, number + (script.yaml.style in ("|", ">"))
                break


def runs_are_not_cancelled(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A cancelled or concurrent run can leave a release half published."""
    wanted = f"{policy.workflow.rpartition('.')[0]}-${{{{ github.ref }}}}"
    concurrency = workflow.root.get("concurrency")
    if concurrency is None:
        edit = f"write `concurrency: {{group: '{wanted}', cancel-in-progress: false}}`"
        yield Place(workflow.file), "two runs for one tag can publish concurrently", edit
    else:
        group = concurrency.get("group") or concurrency
        if not re.fullmatch(r"[\w-]+-\$\{\{ github\.ref \}\}", group.text):
            saw = f"the group `{group.text}` is not one group for each tag"
            yield group.place, saw, f"write `group: {wanted}`"
    cancel = workflow.root.get("concurrency", "cancel-in-progress")
    if cancel and cancel.text.lower() != "false":
        saw = f"`cancel-in-progress: {cancel.text}` cancels a run when the next one starts"
        yield cancel.place, saw, "write `cancel-in-progress: false`"
    queue = workflow.root.get("concurrency", "queue")
    if concurrency and "workflow_dispatch" in workflow.events and (queue is None or queue.text != "max"):
        saw = "a waiting run replaces another one that waits, so an artifact would not be published"
        yield (queue or concurrency).place, saw, "write `queue: max` in `concurrency`"
    for key, _ in workflow.root.items("concurrency"):
        if key.text not in ("group", "cancel-in-progress", "queue"):
            yield key.place, f"unknown key `{key.text}` of `concurrency`", f"delete `{key.text}`"


def jobs_have_timeouts(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job that hangs would block the release."""
    for job in workflow.jobs:
        limit = job.node.get("timeout-minutes")
        if not job.is_reusable and limit is None:
            yield job.key.place, f"`{job.id}` can run for 6 hours", "write `timeout-minutes: 60`"
        elif limit and not is_time_limit(limit.text):
            saw = f"the time limit of `{job.id}` is `{limit.text}`, not 1 to {LONGEST} minutes"
            yield limit.place, saw, "write `timeout-minutes: 60`"
