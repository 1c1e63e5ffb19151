"""The record of a run in JSON: parameters, observations, commands and times.

It has the same contents as the executed notebook, for programs. Neither contains secrets or paths of the machine.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from binoc_runbook.files import write_atomically
from binoc_runbook.finding import Findings
from binoc_runbook.redaction import Translate, each_string
from binoc_runbook.stages import Command, Observation, Stage, State
from binoc_runbook.stages.target import PassedTests

#: The schema version of a record; it is incremented when a field is removed or changes its meaning.
SCHEMA = 1

#: The key of the digest of a record.
DIGEST = "digest"

#: The time format of records, in UTC, such as `2026-11-22T10:00:00Z`.
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(eq=False)
class StageRun:
    """One stage of a run: the observation before, the action if there was one, and the observation after it.

    `started` is whether this run started the action, and `acted` whether this run made the change. Another run can make
    it first, and an action can fail.
    """

    stage: Stage
    before: Observation = field(default_factory=lambda: Observation("unknown", Findings()))
    after: Observation | None = None
    commands: tuple[Command, ...] = ()
    started: bool = False
    acted: bool = False
    problems: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    log: Path | None = None

    @property
    def state(self) -> State:
        """The last observed state."""
        return (self.after or self.before).state

    @property
    def findings(self) -> Findings:
        """The findings of the last observation, and the problems of the action."""
        return (self.after or self.before).findings + self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the stage as it is in the record."""
        return {
            "name": self.stage.name,
            "reach": self.stage.reach,
            "before": self.before.state,
            "after": self.after.state if self.after else None,
            "started": self.started,
            "acted": self.acted,
            "commands": [list(command.arguments) for command in self.commands],
            "findings": self.findings.to_json(),
            "seconds": round(self.seconds, 3),
            "log": str(self.log) if self.log else None,
        }


@dataclass
class Record:
    """The record of one run; `facts` are known at its start, `stages` are added while it runs.

    `outcome` is one of `unfinished`, `refused`, `dry run` and `released`; `refs` are the refs of the remote at the end.
    """

    facts: dict[str, Any]
    clean: Translate
    began: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    stages: list[StageRun] = field(default_factory=list)
    #: The passed tests of this tree; `None` if this run has no result.
    tests: PassedTests | None = None
    #: The observed workflow run that the tag triggered, and its jobs if it was followed or rehearsed.
    workflow_run: dict[str, Any] | None = None
    jobs: list[dict[str, Any]] = field(default_factory=list)
    #: In a rehearsal, the files that the workflow published.
    published: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = "unfinished"
    refs: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object; the reference documents its schema."""
        document = {
            "schema": SCHEMA,
            **self.facts,
            "outcome": self.outcome,
            **times(self.began),
            "stages": [run.to_json() for run in self.stages],
            "tests": asdict(self.tests) if self.tests else None,
            "remote_refs": self.refs,
            "workflow_run": self.workflow_run,
            "jobs": self.jobs,
            "published": self.published,
        }
        cleaned: dict[str, Any] = each_string(document, self.clean)
        return {**cleaned, DIGEST: digest_of(cleaned)}

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        write_atomically(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")


def digest_of(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 digest of a record in hexadecimal, without the key `digest`.

    It is of the UTF-8 text of the JSON with sorted keys and without white space between them.
    """
    content = {key: value for key, value in record.items() if key != DIGEST}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def times(began: datetime.datetime) -> dict[str, object]:
    """Return the times of a run that ends now, for a record: its begin and end in UTC, and its duration in seconds."""
    ended = datetime.datetime.now(datetime.UTC)
    seconds = round((ended - began).total_seconds(), 3)
    return {"began": began.strftime(_TIME_FORMAT), "ended": ended.strftime(_TIME_FORMAT), "seconds": seconds}
