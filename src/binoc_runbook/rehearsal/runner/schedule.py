"""Which jobs run, in which order: needs, conditions, the entries of a matrix, and what a second attempt runs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from binoc_runbook.checks.workflow import matrix
from binoc_runbook.checks.workflow.expressions import (
    Expression,
    Status,
    Value,
    fill_template,
    is_truthy,
    parse_template,
    to_text,
)
from binoc_runbook.checks.workflow.model import Job, Node, Workflow
from binoc_runbook.rehearsal.runner.hosts import elsewhere
from binoc_runbook.rehearsal.runner.job import JobRunner
from binoc_runbook.rehearsal.runner.reading import condition_of, labels, value_of
from binoc_runbook.rehearsal.runner.report import JobRun
from binoc_runbook.rehearsal.runner.setting import Setting, github

_Done = Mapping[str, Sequence[JobRun]]


def perform(setting: Setting, before: Sequence[JobRun] = ()) -> tuple[JobRun, ...]:
    """Run the jobs one after another; with the jobs of an attempt `before`, only what failed and what needs it."""
    done: dict[str, list[JobRun]] = {}
    earlier = {job.id: [run for run in before if run.id == job.id] for job in setting.workflow.jobs}
    for job in in_order(setting.workflow):
        done[job.id] = list(_performed(setting, job, done, earlier))
    return tuple(run for runs in done.values() for run in runs)


def in_order(workflow: Workflow) -> list[Job]:
    """List the jobs so that each stands after those that it needs, and otherwise as in the file."""
    waiting, ordered = list(workflow.jobs), list[Job]()
    while waiting:
        ready = {job.id for job in ordered}
        following = next(job for job in waiting if all(need.text in ready for need in job.needs))
        waiting.remove(following)
        ordered.append(following)
    return ordered


def _performed(setting: Setting, job: Job, done: _Done, earlier: _Done) -> Iterator[JobRun]:
    needed = setting.workflow.needed_by(job)
    renewed = any(run.state == "failure" for each in needed for run in earlier[each])
    kept = [] if renewed else [run for run in earlier[job.id] if run.state != "failure"]
    if kept and len(kept) == len(earlier[job.id]):
        yield from kept
        return
    contexts: dict[str, Value] = {
        "github": github(setting),
        "inputs": dict(setting.event.inputs),
        "needs": {need.text: _need(done[need.text]) for need in job.needs},
    }
    results = {each: _result(done[each]) for each in sorted(needed)}
    status = {
        "success": all(result == "success" for result in results.values()),
        "failure": "failure" in results.values(),
        "cancelled": False,
        "always": True,
    }
    reason = _why_not(job, contexts, status, results)
    if reason:
        yield setting.ended(JobRun(job.id, job.id, 0, "skipped", reason))
        return
    for number, entry in enumerate(matrix.entries(job)):
        again = next((run for run in kept if run.number == number), None)
        yield again or _entry(setting, job, number, entry, contexts)


def _entry(setting: Setting, job: Job, number: int, entry: dict[str, Node], contexts: dict[str, Value]) -> JobRun:
    contexts = {**contexts, "matrix": {key: value_of(value) for key, value in entry.items()}}
    name = _name(job, entry, contexts)
    (label,) = labels(job)
    read = [part for part in parse_template(label.text) if isinstance(part, Expression)]
    chosen = any(path[0] == "matrix" for part in read for path in part.references)
    values = [each.text for value in entry.values() for _, each in value.walk()]
    reason = elsewhere(_fill(label, contexts), values, chosen=chosen)
    if reason:
        return setting.ended(JobRun(job.id, name, number, "elsewhere", f"counted as passed: {reason}"))
    setting.begins(name)
    return setting.ended(JobRunner(setting, job, number, name, contexts).perform())


def _why_not(job: Job, contexts: Mapping[str, Value], status: Status, results: Mapping[str, str]) -> str:
    """Why a job is skipped; nothing where it runs. Without a status function `success()` is implied, as on GitHub."""
    node = job.node.get("if")
    condition = condition_of(node) if node else None
    if not status["success"] and not (condition and condition.has_status_function):
        bad, result = next((each, result) for each, result in results.items() if result != "success")
        return f"`{bad}` before it {'failed' if result == 'failure' else 'was skipped'}"
    if condition and not is_truthy(condition.evaluate(contexts, status)):
        return f"its condition is not met: `{condition.text}`"
    return ""


def _result(runs: Sequence[JobRun]) -> str:
    """One result for all entries of a matrix, as `needs.<job>.result` says it; what runs elsewhere counts as passed."""
    if any(run.state == "failure" for run in runs):
        return "failure"
    return "skipped" if any(run.state == "skipped" for run in runs) else "success"


def _need(runs: Sequence[JobRun]) -> Value:
    outputs: dict[str, Value] = {}
    for run in runs:
        outputs |= run.outputs  # of several entries the last one that says something
    return {"result": _result(runs), "outputs": outputs}


def _name(job: Job, entry: Mapping[str, Node], contexts: Mapping[str, Value]) -> str:
    """The name of a job as GitHub shows it, with the values of its matrix."""
    named = job.node.get("name")
    values = ", ".join(to_text(value_of(value)) for value in entry.values() if not value.is_mapping)
    if named:
        filled_in = _fill(named, contexts)
        return filled_in if "${{" in named.text or not values else f"{filled_in} ({values})"
    return f"{job.id} ({values})" if values else job.id


def _fill(node: Node, contexts: Mapping[str, Value]) -> str:
    return to_text(fill_template(parse_template(node.text), contexts, {}))
