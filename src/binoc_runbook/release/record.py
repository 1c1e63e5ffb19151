"""A run as something to keep: what was asked, what was seen, what was typed, and when.

The executed notebook is the record that people read; this is its twin for machines. Neither holds a secret or a path of
the machine it was made on.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from binoc_runbook.files import write_atomically
from binoc_runbook.finding import Findings
from binoc_runbook.redaction import Translate, each_string
from binoc_runbook.stages import Command, Observation, Stage, State

#: The number of the layout of a record; it grows when a field changes its meaning or goes away.
SCHEMA = 1

#: How records spell a moment in UTC, as in `2026-11-22T10:00:00Z`.
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(eq=False)
class StageRun:
    """One stage of one run: observed, perhaps acted, observed again."""

    stage: Stage
    before: Observation = field(default_factory=lambda: Observation("unknown", Findings()))
    after: Observation | None = None
    commands: tuple[Command, ...] = ()
    acted: bool = False
    problems: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    log: Path | None = None

    @property
    def state(self) -> State:
        """The state it was last seen in."""
        return (self.after or self.before).state

    @property
    def findings(self) -> Findings:
        """What it was last seen to be, and what went wrong on the way."""
        return (self.after or self.before).findings + self.problems

    def to_json(self) -> dict[str, Any]:
        """The stage as the record holds it."""
        return {
            "name": self.stage.name,
            "reach": self.stage.reach,
            "before": self.before.state,
            "after": self.after.state if self.after else None,
            "acted": self.acted,
            "commands": [list(command.arguments) for command in self.commands],
            "findings": self.findings.to_json(),
            "seconds": round(self.seconds, 3),
            "log": str(self.log) if self.log else None,
        }


@dataclass
class Record:
    """One run; `facts` are what is known from its start, `stages` what happened since.

    `outcome` is one of `unfinished`, `refused`, `dry run` and `released`; `refs` are what the remote held in the end.
    """

    facts: dict[str, Any]
    clean: Translate
    began: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    stages: list[StageRun] = field(default_factory=list)
    #: In a rehearsal, the jobs of the workflow that the tag has started, and what was published then.
    jobs: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = "unfinished"
    refs: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object; its schema is documented in the reference."""
        told = {
            "schema": SCHEMA,
            **self.facts,
            "outcome": self.outcome,
            **times(self.began),
            "stages": [run.to_json() for run in self.stages],
            "remote_refs": self.refs,
            "jobs": self.jobs,
            "published": self.published,
        }
        cleaned: dict[str, Any] = each_string(told, self.clean)
        return cleaned

    def write(self, path: Path) -> None:
        """Write the record whole, or leave what was there."""
        write_atomically(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")


def times(began: datetime.datetime) -> dict[str, object]:
    """Return the times of a run that ends now as records hold them: two moments in UTC, and the seconds between."""
    ended = datetime.datetime.now(datetime.UTC)
    seconds = round((ended - began).total_seconds(), 3)
    return {"began": began.strftime(_MOMENT), "ended": ended.strftime(_MOMENT), "seconds": seconds}
