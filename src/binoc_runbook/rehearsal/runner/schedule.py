"""Scheduling of jobs: their order, conditions and matrix entries, and the jobs that a later attempt runs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from binoc_runbook.checks.workflow import matrix
from binoc_runbook.checks.workflow.conditions import condition_of, is_met, status_of
from binoc_runbook.checks.workflow.expressions import Expression, Status, Value, fill_template, parse_template, to_text
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile
from binoc_runbook.rehearsal.runner.job import JobRunner
from binoc_runbook.rehearsal.runner.job_context import JobContext, github
from binoc_runbook.rehearsal.runner.runner_labels import mismatch
from binoc_runbook.rehearsal.runner.validation import labels, value_of
from binoc_runbook.world.triggered_run import JobRun

_Done = Mapping[str, Sequence[JobRun]]


def perform(context: JobContext) -> tuple[JobRun, ...]:
    """Run the jobs one after another; in a later attempt, only the failed jobs and the jobs that need them."""
    done: dict[str, list[JobRun]] = {}
    earlier = {job.id: [run for run in context.run.jobs if run.id == job.id] for job in context.run.workflow.jobs}
    if context.host.listener and not context.run.jobs:
        context.host.listener.jobs_planned(sum(len(matrix.entries(job)) for job in context.run.workflow.jobs))
    for job in in_order(context.run.workflow):
        done[job.id] = list(_run_job(context, job, done, earlier))
    return tuple(run for runs in done.values() for run in runs)


def in_order(workflow: WorkflowFile) -> Iterator[Job]:
    """Yield the jobs in the order of the file, but each after the jobs that it needs."""
    waiting, done = list(workflow.jobs), set[str]()
    while waiting:
        job = next(job for job in waiting if workflow.needed_by(job) <= done)
        waiting.remove(job)
        done.add(job.id)
        yield job


def _run_job(context: JobContext, job: Job, done: _Done, earlier: _Done) -> Iterator[JobRun]:
    needed = context.run.workflow.needed_by(job)
    is_stale = any(run.state == "failure" for name in needed for run in earlier[name])
    reusable = [] if is_stale else [run for run in earlier[job.id] if run.state != "failure"]
    if reusable and len(reusable) == len(earlier[job.id]):
        yield from reusable
        return
    contexts: dict[str, Value] = {
        "github": github(context),
        "inputs": dict(context.run.event.inputs),
        "needs": {need.text: _need(done[need.text]) for need in job.needs},
    }
    results = {name: _result(done[name]) for name in sorted(needed)}
    status = status_of(success=set(results.values()) <= {"success"}, failure="failure" in results.values())
    reason = _skip_reason(job, contexts, status, results)
    if reason:
        yield context.end_job(JobRun(job.id, job.id, 0, "skipped", reason))
        return
    for number, entry in enumerate(matrix.entries(job)):
        previous = next((run for run in reusable if run.number == number), None)
        yield previous or _run_entry(context, job, number, entry, contexts)


def _run_entry(
    context: JobContext, job: Job, number: int, entry: dict[str, Node], contexts: dict[str, Value]
) -> JobRun:
    contexts = {**contexts, "matrix": {key: value_of(value) for key, value in entry.items()}}
    name = _name(job, entry, contexts)
    (label,) = labels(job)
    expressions = [part for part in parse_template(label.text) if isinstance(part, Expression)]
    from_matrix = any(path[0] == "matrix" for part in expressions for path in part.references)
    values = [node.text for value in entry.values() for _, node in value.walk()]
    values += [step.text_at("run") for step in job.steps]
    reason = mismatch(_fill(label, contexts), values, from_matrix=from_matrix)
    if reason:
        return context.end_job(JobRun(job.id, name, number, "elsewhere", f"counted as passed: {reason}"))
    context.start_job(name)
    result = JobRunner(context, job, number, name, contexts).perform()
    if context.after_job:
        context.after_job(context, result)
    return context.end_job(result)


def _skip_reason(job: Job, contexts: Mapping[str, Value], status: Status, results: Mapping[str, str]) -> str:
    """Return why a job is skipped, or an empty text."""
    if is_met(job.node.text_at("if"), contexts, status):
        return ""
    condition = job.node.text_at("if")
    direct = {need.text: results[need.text] for need in job.needs}
    # A condition with a status function does not depend on the jobs that the needed jobs need.
    considered = direct if condition and condition_of(condition).has_status_function else {**direct, **results}
    unmet = [name for name, result in considered.items() if result != "success"]
    if not unmet:
        return f"its condition is not met: `{job.node.text_at('if')}`"
    # The first failed job, or else the first skipped one.
    name = min(unmet, key=lambda name: results[name] != "failure")
    return f"it needs `{name}`, which {'failed' if results[name] == 'failure' else 'was skipped'}"


def _result(runs: Sequence[JobRun]) -> str:
    """Return `needs.<job>.result` for all entries of a matrix; jobs for other hosts count as passed."""
    if any(run.state == "failure" for run in runs):
        return "failure"
    return "skipped" if any(run.state == "skipped" for run in runs) else "success"


def _need(runs: Sequence[JobRun]) -> Value:
    outputs: dict[str, Value] = {}
    for run in runs:
        outputs |= run.outputs  # the last entry of a matrix that sets an output wins
    return {"result": _result(runs), "outputs": outputs}


def _name(job: Job, entry: Mapping[str, Node], contexts: Mapping[str, Value]) -> str:
    """Return the name of a job as GitHub shows it, with the values of its matrix entry."""
    name = job.node.get("name")
    values = ", ".join(to_text(value_of(value)) for value in entry.values() if not value.is_mapping)
    if name:
        filled = _fill(name, contexts)
        return filled if "${{" in name.text or not values else f"{filled} ({values})"
    return f"{job.id} ({values})" if values else job.id


def _fill(node: Node, contexts: Mapping[str, Value]) -> str:
    return to_text(fill_template(parse_template(node.text), contexts, {}))
