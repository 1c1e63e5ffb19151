"""Events of a run, which a terminal renders: the library creates them in the kernel, and the engine shows them.

An event is a JSON object with the key `kind`:

- `opened`: `title`, `detail` and the names of the `stages`; `boundary` is the number of stages before the point of no
  return;
- `started`: a stage, check or job `name` starts `activity`; `job` is whether it is a job;
- `line`: a line of its output, `text`;
- `ended`: `name` has ended in `state` after `seconds` with `result`, a few words, and `findings` that need attention;
- `jobs`: `total` jobs of the workflow will end;
- `boundary`: the point of no return was reached; `stopped` are the names of the stages that stop a release there;
- `text`: `lines` that are shown as they are; those with `detail` only with `-v`;
- `summary`: the end of the run, as `Summary.to_json` returns it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from binoc_runbook.display import text
from binoc_runbook.display.summary import Summary
from binoc_runbook.environ import verbosity
from binoc_runbook.finding import Findings
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES
from binoc_runbook.world.triggered_run import JobRun

Event = dict[str, Any]


def opened(release: Release) -> Event:
    """Create the event of a release that was opened."""
    facts = release.record.facts
    commit, branch = facts["commit"] or "", facts["branch"]
    return {
        "kind": "opened",
        "title": text.title(release.target, dry_run=release.dry_run),
        "detail": f"{commit[:7]} on {branch}" if branch else commit[:7],
        "stages": [stage.name for stage in STAGES],
        "boundary": STAGES.index(ACTION_STAGES[0]),
    }


def started(name: str, activity: str = "", *, is_job: bool = False) -> Event:
    """Create the event of a stage, check or job that starts."""
    return {"kind": "started", "name": name, "activity": activity, "job": is_job}


def line(words: str) -> Event:
    """Create the event of a line of output."""
    return {"kind": "line", "text": words}


def stage_ended(run: StageRun, problems: Findings) -> Event:
    """Create the event of a stage that has ended; `problems` are the findings that were not shown yet."""
    return _ended(run.stage.name, text.state(run), text.result(run), run.seconds, problems)


def check_ended(name: str, findings: Findings, seconds: float) -> Event:
    """Create the event of a check that is not a stage."""
    return _ended(name, findings.status, text.outcome(findings), seconds, attention(findings))


def job_ended(job: JobRun) -> Event:
    """Create the event of a job that has ended."""
    problems = Findings(filter(None, [job.finding]))
    return _ended(job.name, job.state, job.reason, job.seconds, problems) | {"job": True}


def jobs(total: int) -> Event:
    """Create the event of a workflow that has this number of jobs."""
    return {"kind": "jobs", "total": total}


def boundary(stopped: Iterable[StageRun]) -> Event:
    """Create the event of the point of no return."""
    runs = list(stopped)
    names = [run.stage.name for run in runs]
    return {"kind": "boundary", "stopped": names, "findings": text.new_problems(runs).to_json()}


def lines(shown: Iterable[str], *, detail: bool = False) -> Event:
    """Create the event of lines that are shown as they are, or as a detail."""
    return {"kind": "text", "lines": list(shown), "detail": detail}


def summary(value: Summary) -> Event:
    """Create the event of the end of a run."""
    return {"kind": "summary", "summary": value.to_json()}


def attention(findings: Findings) -> Findings:
    """Return the findings that are not ok, or all of them with `-v`."""
    if verbosity() > 0:
        return findings
    return findings.having("failed", "unknown", "warning")


def _ended(name: str, state: str, result: str, seconds: float, findings: Findings) -> Event:
    return {
        "kind": "ended",
        "name": name,
        "state": state,
        "result": result,
        "seconds": seconds,
        "findings": findings.to_json(),
        "job": False,
    }
