"""Check of the workflow run that a pushed tag starts at GitHub: whether it has started, and its result."""

from __future__ import annotations

from binoc_runbook.checks.observations import GitHubJob, GitHubRun, RunLookup
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version

CHECK = "publication"

#: After this time, in seconds, a missing run can have been deleted: the default retention of logs at GitHub.
RETENTION = 90 * 24 * 3600.0


def workflow_run(lookup: RunLookup, policy: Policy, version: Version, commit: str, age: float | None) -> Finding:
    """Check the run of the publish workflow for the tag of `version`; `age` is the age of the tag in seconds.

    - *ok*: the run is queued, is in progress, or has succeeded.
    - *warning*: it waits for an approval, or a job has failed and others are in progress.
    - *failed*: it has failed, or GitHub has no run.
    - *unknown*: GitHub does not report the runs, or the tag is so old that its run can have been deleted.
    """
    if lookup.run is not None:
        return _state(lookup.run, lookup.question, policy)
    if lookup.kind != "no run":
        remedy = f"gh run list --workflow {policy.workflow} --commit {commit}, or open {page_of(policy)}"
        saw = f"the runs of `{policy.workflow}` cannot be read: {lookup.reason}"
        return Finding.unknown(CHECK, lookup.question, saw, remedy)
    saw = f"GitHub has no run of `{policy.workflow}` for `{policy.tag_of(version)}`"
    if age is not None and age >= RETENTION:
        saw += "; the tag is old, so the run can have been deleted"
        return Finding.unknown(CHECK, lookup.question, saw, f"just verify {version}")
    if lookup.seconds:
        saw += f" {lookup.seconds:.0f} s after the push"
    saw += "; likely causes: the workflow is disabled, or another workflow pushed the tag with its own token"
    return Finding.failed(CHECK, lookup.question, saw, _start(policy, version))


def no_repository(policy: Policy) -> Finding:
    """Return the finding about a policy that does not name the repository at GitHub."""
    saw = f"the policy has no `repository`, so the runs of `{policy.workflow}` cannot be read"
    return Finding.unknown(CHECK, policy.source, saw, 'add `repository = "owner/name"` to [tool.binoc-runbook]')


def unfinished(run: GitHubRun, question: str, version: Version, seconds: float) -> Finding:
    """Return the finding about a run that was followed for `seconds` and has not ended."""
    saw = f"run {run.id} has not ended after {seconds / 3600:.0f} h: {run.url}"
    return Finding.unknown(CHECK, question, saw, f"just release {version} --wait, to follow it again")


def page_of(policy: Policy) -> str:
    """Return the URL of the page that lists the runs of the publish workflow."""
    return f"https://github.com/{policy.repository}/actions/workflows/{policy.workflow}"


def failed_jobs(run: GitHubRun) -> list[GitHubJob]:
    """Return the jobs of a run that have ended without success, such as failed or cancelled ones."""
    return [job for job in run.jobs if job.conclusion not in (None, "success", "skipped", "neutral")]


def waiting_jobs(run: GitHubRun) -> list[GitHubJob]:
    """Return the jobs of a run that wait for the approval of a deployment."""
    return [job for job in run.jobs if job.status == "waiting"]


def _state(run: GitHubRun, question: str, policy: Policy) -> Finding:
    name = f"run {run.id}" + (f", attempt {run.attempt}," if run.attempt > 1 else "")
    if run.succeeded:
        return Finding.ok(CHECK, question, f"{name} succeeded: {run.url}")
    failed = _names(failed_jobs(run))
    if run.completed:
        saw = f"{name} ended as `{run.conclusion}`{f'; failed jobs: {failed}' if failed else ''}: {run.url}"
        return Finding.failed(CHECK, question, saw, _fix(run, policy))
    if failed:
        saw = f"{name} is in progress, but these jobs failed: {failed}: {run.url}"
        return Finding.warning(CHECK, question, saw, f"gh run watch {run.id}; when it has ended, {_rerun(run)}")
    waiting = _names(waiting_jobs(run))
    if waiting or run.status == "waiting":
        saw = f"{name} waits for approval{f' of {waiting}' if waiting else ''}: {run.url}"
        return Finding.warning(CHECK, question, saw, f"approve the deployments at {run.url}")
    ended = sum(job.status == "completed" for job in run.jobs)
    progress = f"; {ended} of {len(run.jobs)} jobs have ended" if ended else ""
    return Finding.ok(CHECK, question, f"{name} is {run.status.replace('_', ' ')}{progress}: {run.url}")


def _fix(run: GitHubRun, policy: Policy) -> str:
    if run.conclusion == "startup_failure":
        return f"fix `.github/workflows/{policy.workflow}`, commit, and run `just prepare` for the next version"
    if run.conclusion == "action_required":
        return f"approve the run at {run.url}"
    return _rerun(run)


def _rerun(run: GitHubRun) -> str:
    return f"gh run rerun {run.id} --failed"


def _start(policy: Policy, version: Version) -> str:
    """Return the command that starts the workflow for the tag; it publishes one artifact in each run."""
    command = f"gh workflow run {policy.workflow} --ref {policy.tag_of(version)}"
    if not policy.artifacts:
        return command
    first, *others = [artifact.name for artifact in policy.artifacts]
    command += f" -f artifact={first}"
    return (
        f"{command}; when it has ended, the same for {', '.join(f'`{name}`' for name in others)}" if others else command
    )


def _names(jobs: list[GitHubJob]) -> str:
    return ", ".join(f"`{job.name}`" for job in jobs)
