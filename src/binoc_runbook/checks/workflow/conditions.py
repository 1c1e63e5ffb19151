"""Conditions of jobs: in which runs a job runs, found by evaluating its `if` as GitHub does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from binoc_runbook.checks.workflow.expressions import (
    Expression,
    ExpressionError,
    Status,
    Value,
    is_truthy,
    parse,
    parse_template,
)

RESULTS = ("success", "failure", "skipped", "cancelled")


@dataclass(frozen=True)
class TriggerEvent:
    """Event that starts a run: the ref, its name, and the artifact that a person selected."""

    ref: str
    name: str = "push"
    artifact: str | None = None

    def __str__(self) -> str:
        by_hand = f", started by hand for `{self.artifact}`" if self.artifact else ", started by hand"
        return f"a run on `{self.ref}`{by_hand if self.name == 'workflow_dispatch' else ''}"

    def contexts(self, repository: str) -> dict[str, Value]:
        """Return the contexts `github` and `inputs`."""
        kind, _, name = self.ref.removeprefix("refs/").partition("/")
        github: dict[str, Value] = {
            "ref": self.ref,
            "ref_name": name,
            "ref_type": "tag" if kind == "tags" else "branch",
            "event_name": self.name,
            "repository": repository,
        }
        return {"github": github, "inputs": {} if self.artifact is None else {"artifact": self.artifact}}


#: The parts of the contexts that a condition can read; others have values that are known only in a run.
_KNOWN = {
    *(("github", name) for name in ("ref", "ref_name", "ref_type", "event_name", "repository")),
    ("inputs", "artifact"),
}


@cache
def condition_of(text: str) -> Expression:
    """Parse the condition of an `if`, with or without braces; without a condition, pass an empty text.

    Raises:
        ExpressionError: It is not valid. Text around the braces, also a line end, makes the condition always true.
    """
    if "${{" not in text:
        return parse(text or "success()")
    parts = parse_template(text)
    if len(parts) != 1 or isinstance(parts[0], str):
        raise ExpressionError("the text around `${{ … }}` makes the condition always true")
    return parts[0]


def status_of(*, success: bool, failure: bool, cancelled: bool = False) -> Status:
    """Return the values of the status functions."""
    return {"success": success, "failure": failure, "cancelled": cancelled, "always": True}


def is_met(text: str, contexts: Mapping[str, Value], status: Status) -> bool:
    """Return whether an `if` is met; a condition without a status function implies `success()`, as on GitHub."""
    condition = condition_of(text)
    may_run = condition.has_status_function or status["success"]
    return may_run and is_truthy(condition.evaluate(contexts, status))


def unknown_reference(text: str) -> str:
    """Return a reference of a condition whose value is known only in a run; an empty text without one."""
    for path in sorted(condition_of(text).references):
        is_result = path[0] == "needs" and len(path) > 2 and path[2] in ("result", "outputs")
        if path not in _KNOWN and not is_result:
            return ".".join(path)
    return ""


#: The job whose output `digests` says that the files of another run are used.
FETCH = "fetch-dists"

#: A job and its result.
State = tuple[str, str]


@cache
def wrong_state(
    text: str, needs: frozenset[str], event: TriggerEvent, repository: str, *, unless_fetched: bool
) -> tuple[State, ...]:
    """Return a state of the needed jobs in which a job runs although it must not; an empty tuple without one.

    A job may run only if all jobs that it needs succeeded, and the run is not cancelled; `("the run", "cancelled")` is
    the state of a cancelled run. With `unless_fetched`, it may also run if `fetch-dists` has files, and a job that
    needs only `fetch-dists` if that did not fail.
    """
    names, base = sorted(needs), event.contexts(repository)
    for results in product(RESULTS, repeat=len(names)):
        by_name = dict(zip(names, results, strict=True))
        for fetched in (True, False) if by_name.get(FETCH) == "success" else (False,):
            contexts = {**base, "needs": _needs(by_name, fetched)}
            bad = {name: result for name, result in by_name.items() if result != "success"}
            if unless_fetched and len(names) > 1:  # the other jobs depend on the result of `fetch-dists`
                bad = {} if fetched else {name: result for name, result in bad.items() if name != FETCH}
            elif unless_fetched and by_name.get(FETCH) != "failure":  # the files are built
                bad = {}
            for status in _statuses(results):
                if (bad or status["cancelled"]) and is_met(text, contexts, status):
                    return tuple(bad.items()) or (("the run", "cancelled"),)
    return ()


@cache
def may_run(text: str, needs: frozenset[str], event: TriggerEvent, repository: str) -> bool:
    """Return whether a job can run when all needed jobs succeeded; indirectly needed jobs can have any result."""
    contexts = {**event.contexts(repository), "needs": _needs(dict.fromkeys(needs, "success"), True)}
    return any(is_met(text, contexts, status) for status in _statuses(("success",)))


def _needs(results: Mapping[str, str], fetched: bool) -> Value:
    return {
        name: {
            "result": result,
            "outputs": {"digests": "x" if result == "success" and (fetched or name != FETCH) else ""},
        }
        for name, result in results.items()
    }


def _statuses(results: Sequence[str]) -> Iterator[Status]:
    """Yield the possible values of the status functions; a job that is needed indirectly may have failed."""
    failed = "failure" in results
    if set(results) <= {"success"}:
        yield status_of(success=True, failure=False)
    yield status_of(success=False, failure=True)
    if not failed:
        yield status_of(success=False, failure=False)
    yield status_of(success=False, failure=failed, cancelled=True)


@dataclass(frozen=True)
class SimulatedJob:
    """A job of a simulated run: its condition, and the jobs that it needs directly and indirectly."""

    id: str
    condition: str
    needs: frozenset[str]
    ancestors: frozenset[str]


@cache
def simulate(jobs: tuple[SimulatedJob, ...], event: TriggerEvent, repository: str, fetched: bool) -> Mapping[str, str]:
    """Return the result of each job of a run in which each started job succeeds.

    `fetched` is whether the job `fetch-dists` has digests as outputs.
    """
    results: dict[str, str] = {}
    # A job needs more jobs than each of the jobs that it needs, so this order is topological.
    for job in sorted(jobs, key=lambda job: len(job.ancestors)):
        direct = {name: results[name] for name in job.needs if name in results}
        contexts = {**event.contexts(repository), "needs": _needs(direct, fetched)}
        success = all(results.get(name) == "success" for name in job.ancestors)
        met = is_met(job.condition, contexts, status_of(success=success, failure=False))
        results[job.id] = "success" if met else "skipped"
    return results
