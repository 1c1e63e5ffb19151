"""Rules about conditions: in which runs, and after which results, the jobs run."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.conditions import (
    FETCH,
    SimulatedJob,
    TriggerEvent,
    condition_of,
    may_run,
    simulate,
    unknown_reference,
    wrong_state,
)
from binoc_runbook.checks.workflow.expressions import ExpressionError
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy

#: The jobs of the contract that run at a release tag only; they need other jobs, or a person started them.
_AT_A_TAG = ("attest", "verify-published", FETCH)
#: The results of more needed jobs have too many combinations.
_MOST_NEEDS = 6
#: The value of the input for no artifact.
NOTHING = "nothing"


def _tag(policy: Policy) -> str:
    return f"refs/tags/{policy.tag_of('0.4.0')}"


def conditions_can_be_evaluated(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """GitHub takes text around the braces for a condition that is always true, and rejects an invalid one."""
    for job, node, problem, edit in _unreadable(workflow, policy):
        yield node.place, f"the condition of `{job.id}` {problem}", edit


def _unreadable(workflow: WorkflowFile, policy: Policy) -> Iterator[tuple[Job, Node, str, str]]:
    for job in workflow.jobs:
        node = job.node.get("if")
        if node is None:
            continue
        try:
            if node.yaml.id != "scalar":
                raise ExpressionError("it is not a text")
            reference = unknown_reference(node.text)
        except ExpressionError as error:
            edit = "write one expression, without text and line ends around `${{ }}`"
            yield job, node, f"cannot be evaluated: {error}", edit
            continue
        if reference and "secrets" not in reference:  # the rule `secrets` reports those
            edit = "write a condition of `github.ref`, `github.event_name`, `inputs.artifact` and `needs`"
            yield job, node, f"reads `{reference}`, which is known only in a run", edit


def _readable(workflow: WorkflowFile, policy: Policy) -> dict[str, Job]:
    unreadable = {job.id for job, *_ in _unreadable(workflow, policy)}
    conditions = (job for job in workflow.jobs if job.id not in unreadable)
    return {job.id: job for job in conditions if not _reads_secrets(job)}


def _reads_secrets(job: Job) -> bool:
    return any(path[0] == "secrets" for path in condition_of(job.node.text_at("if")).references)


def _needs(job: Job) -> frozenset[str]:
    return frozenset(needed.text for needed in job.needs)


def publish_jobs_require_a_release_tag(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A run that is started by hand from a branch, or for another artifact, would publish."""
    if "workflow_dispatch" not in workflow.events:
        return  # only the trigger can start a run, and the rule `trigger` checks that
    artifacts = {job.id: artifact.name for artifact, job in workflow.publishers(policy)}
    readable = _readable(workflow, policy)
    for job in workflow.publishing(policy):
        if job.id in readable:
            yield from _gate(job, artifacts.get(job.id), policy)
    for job in (readable[name] for name in _AT_A_TAG if name in readable):
        yield from _gate(job, None, policy)


def _gate(job: Job, artifact: str | None, policy: Policy) -> Iterator[Violation]:
    node = job.node.get("if")
    name = artifact or next((item.name for item in policy.artifacts), NOTHING)
    for event in _forbidden(job, name, policy, is_publication=artifact is not None):
        if may_run(node.text if node else "", _needs(job), event, policy.repository or ""):
            chosen = f"inputs.artifact == '{artifact}'" if artifact else f"inputs.artifact != '{NOTHING}'"
            prefix = f"refs/tags/{policy.tag.partition('{version}')[0]}"
            edit = f"startsWith(github.ref, '{prefix}') && (github.event_name == 'push' || {chosen})"
            yield (node or job.key).place, f"`{job.id}` also runs in {event}", f"write `if:` with `{edit}`"
            return


def _forbidden(job: Job, artifact: str, policy: Policy, *, is_publication: bool) -> Iterator[TriggerEvent]:
    """Yield the events in which a job must not run."""
    tag = _tag(policy)
    refs = ["refs/heads/main", f"refs/heads/{tag.removeprefix('refs/tags/')}", f"refs/heads/{tag}"]
    if policy.tag.partition("{version}")[0]:
        refs += ["refs/tags/0.4.0", f"refs/tags/x/{tag}"]
    for ref in refs:
        yield TriggerEvent(ref)
        yield TriggerEvent(ref, "workflow_dispatch", artifact)
    if job.id != "verify-published":
        yield TriggerEvent(tag, "workflow_dispatch", NOTHING)
    if is_publication:
        yield TriggerEvent(tag, "workflow_dispatch", f"{artifact}-other")
        yield TriggerEvent(tag, "workflow_dispatch", "other")
    if job.id == FETCH:
        yield TriggerEvent(tag)


def jobs_wait_for_success(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication cannot be reverted, so no job runs after a failed or skipped job that it needs."""
    readable, publishing = _readable(workflow, policy), {job.id for job in workflow.publishing(policy)}
    strict, ids = publishing | {"attest", "github-release"}, {job.id for job in workflow.jobs}
    for job in readable.values():
        node, needs = job.node.get("if"), _needs(job)
        if job.id == "verify-published":  # it reports which artifacts are published
            needs &= {"check-dists"}
        if not node or not needs or len(needs) > _MOST_NEEDS or not needs <= ids:
            continue
        unless_fetched = job.id not in strict
        event = TriggerEvent(_tag(policy))
        state = wrong_state(node.text, needs, event, policy.repository or "", unless_fetched=unless_fetched)
        if state:
            names = ", ".join(
                f"`{name}` is {result}" if name in needs else f"{name} is {result}" for name, result in state
            )
            wanted = [f"needs.{name}.result == 'success'" for name in sorted(needs - {FETCH})]
            edit = " && ".join(["!cancelled()", *(wanted or [f"needs.{FETCH}.result != 'failure'"])])
            yield node.place, f"`{job.id}` also runs if {names}", f"write `if:` with `{edit}`"


def every_release_is_complete(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job that is skipped in a good run leaves the release incomplete, after the tag has been pushed."""
    others = (publish_jobs_require_a_release_tag, needed_jobs_are_complete, jobs_wait_for_success)
    readable, artifacts = _readable(workflow, policy), {artifact.name for artifact, _ in workflow.publishers(policy)}
    if (
        len(readable) < len(workflow.jobs)
        or len(artifacts) < len(policy.artifacts)
        or any(job.id in workflow.needed_by(job) for job in workflow.jobs)
        or any(violation for rule in others for violation in rule(workflow, policy))
    ):
        return  # other rules report it
    jobs = tuple(
        SimulatedJob(job.id, job.node.text_at("if"), _needs(job), frozenset(workflow.needed_by(job)))
        for job in workflow.jobs
    )
    for event, fetched, running, skipped in _good_runs(workflow, policy):
        results = simulate(jobs, event, policy.repository or "", fetched)
        for job in workflow.jobs:
            is_wrong = job.id in (skipped if results[job.id] == "success" else running)
            if is_wrong:
                verb = "runs" if results[job.id] == "success" else "does not run"
                files = " with the files of the tag's run" if fetched else ""
                place = (job.node.get("if") or job.key).place
                edit = "write its condition as in docs/reference/workflow-contract.md"
                yield place, f"`{job.id}` {verb} in {event}{files}, although all jobs succeed", edit
                return  # the jobs that need it are wrong too


def _good_runs(workflow: WorkflowFile, policy: Policy) -> Iterator[tuple[TriggerEvent, bool, set[str], set[str]]]:
    """Yield runs without a failure: the event, whether files were fetched, and the jobs that must and must not run."""
    ids = {job.id for job in workflow.jobs}
    publishers = {artifact.name: job.id for artifact, job in workflow.publishers(policy)}
    yield TriggerEvent(_tag(policy)), False, ids - {FETCH}, {FETCH}
    if "workflow_dispatch" not in workflow.events:
        return
    at_a_tag = {*publishers.values(), "attest", "verify-published", "github-release", FETCH} & ids
    checks = {job.id for job in workflow.jobs_before(policy)} - at_a_tag
    yield TriggerEvent("refs/heads/main", "workflow_dispatch", NOTHING), False, checks, at_a_tag
    builds = {job.id for job in workflow.jobs if job.id != FETCH and _uploads(job, policy)}
    for name, publisher in publishers.items():
        event = TriggerEvent(_tag(policy), "workflow_dispatch", name)
        others = set(publishers.values()) - {publisher}
        yield event, False, (checks | at_a_tag) - others, others
        if FETCH in ids:
            yield event, True, (at_a_tag | {"check-dists", "verify-crate"} & ids) - others, others | builds


def _uploads(job: Job, policy: Policy) -> bool:
    names = tuple(f"{artifact.name}." for artifact in policy.artifacts)
    uploads = (step for step in job.steps if action_of(step) == "actions/upload-artifact")
    return any(step.text_at("with", "name").startswith(names) for step in uploads)


def needed_jobs_are_complete(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication cannot be reverted, so all builds and checks have to succeed before it."""
    ids = {job.id for job in workflow.jobs}
    for job in workflow.jobs:
        for needed in job.needs:
            if needed.text not in ids:
                saw = f"`{job.id}` needs the unknown job `{needed.text}`"
                yield needed.place, saw, f"write one of {', '.join(f'`{name}`' for name in sorted(ids - {job.id}))}"
        needs = [needed.text for needed in job.needs]
        if repeated := next((needed for needed in job.needs if needs.count(needed.text) > 1), None):
            yield repeated.place, f"`{job.id}` needs `{repeated.text}` more than once", "delete one"
        if job.id in workflow.needed_by(job):
            place = next(needed.place for needed in job.needs)
            yield place, f"`{job.id}` needs itself", "delete the job that needs it from `needs`"
    first = [job.id for job in workflow.jobs_before(policy)]
    publishing = [job.id for job in workflow.publishing(policy)]
    wanted = {**dict.fromkeys(publishing, first), "attest": [name for name in first if name != "attest"]}
    wanted["verify-published"] = ["check-dists", *(job.id for _, job in workflow.publishers(policy))]
    wanted["github-release"] = ["verify-published"]
    readable = _readable(workflow, policy)
    for job in workflow.jobs:
        waits_for = workflow.needed_by(job)
        if missing := [name for name in wanted.get(job.id, ()) if name not in waits_for and name in ids]:
            place = next((needed.place for needed in job.needs), job.key.place)
            names = ", ".join(f"`{name}`" for name in missing)
            direct = [*(needed.text for needed in job.needs), *missing]
            yield place, f"`{job.id}` does not wait for {names}", f"write `needs: [{', '.join(direct)}]`"
        elif job.id in readable and (foreign := _foreign(job)):
            saw = f"the condition of `{job.id}` reads the result of `{foreign}`, which it does not need"
            yield (job.node.get("if") or job.key).place, saw, f"write `{foreign}` in `needs` of `{job.id}`"


def _foreign(job: Job) -> str:
    """Return a job whose result a condition reads, but which is not needed; GitHub takes its result for empty."""
    read = {path[1] for path in condition_of(job.node.text_at("if")).references if path[0] == "needs" and len(path) > 1}
    return next(iter(sorted(read - _needs(job) - {"*"})), "")
