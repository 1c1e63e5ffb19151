"""Scheduling of jobs: their order, conditions and matrix entries, and the jobs that a later attempt runs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from binoc_runbook.checks.workflow import matrix
from binoc_runbook.checks.workflow.conditions import is_met, status_of
from binoc_runbook.checks.workflow.expressions import Expression, Status, Value, fill_template, parse_template, to_text
from binoc_runbook.checks.workflow.model import Job, Node
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
    # A job needs more jobs than each of the jobs that it needs, so this order is topological.
    for job in sorted(context.run.workflow.jobs, key=lambda job: len(context.run.workflow.needed_by(job))):
        done[job.id] = list(_run_job(context, job, done, earlier))
    return tuple(run for runs in done.values() for run in runs)


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
    reason = mismatch(_fill(label, contexts), values, from_matrix=from_matrix)
    if reason:
        return context.end_job(JobRun(job.id, name, number, "elsewhere", f"counted as passed: {reason}"))
    context.start_job(name)
    return context.end_job(JobRunner(context, job, number, name, contexts).perform())


def _skip_reason(job: Job, contexts: Mapping[str, Value], status: Status, results: Mapping[str, str]) -> str:
    """Return why a job is skipped, or an empty text."""
    if is_met(job.node.text_at("if"), contexts, status):
        return ""
    if status["success"]:
        return f"its condition is not met: `{job.node.text_at('if')}`"
    name, result = next((name, result) for name, result in results.items() if result != "success")
    return f"it needs `{name}`, which {'failed' if result == 'failure' else 'was skipped'}"


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
