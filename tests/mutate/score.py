"""Check of a mutated workflow, the justifications of survivors, and the score of the contract."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from binoc_runbook.checks.workflow import RULES, findings_of
from binoc_runbook.checks.workflow.model import WORKFLOWS, WorkflowError, WorkflowFile
from binoc_runbook.workspace.policy_table import read_policy

from .operators import OPERATORS, Mutation

ROOT = Path(__file__).parents[2]
JUSTIFIED = Path(__file__).parent / "justified.toml"
#: The score that the site shows.
SCORE = ROOT / "docs/reference/mutation-score.toml"


class Checker:
    """The check of mutations of this repository's workflow, in this process and without zizmor."""

    def __init__(self) -> None:
        self.policy = read_policy(ROOT)
        self.file = f"{WORKFLOWS}/{self.policy.workflow}"
        self.text = (ROOT / self.file).read_text("utf-8")
        # The rule that refuses most mutations runs first. Warnings do not stop a release.
        self.rules = sorted((r for r in RULES if r.status == "failed"), key=lambda rule: rule.name != "contract")
        assert self.catches(self.text) is False, "the workflow itself breaks the contract"

    def catches(self, text: str) -> bool | None:
        """Return whether the contract refuses a workflow; `None` if it is not YAML."""
        try:
            read = WorkflowFile.read(ROOT, self.file, text)
        except WorkflowError as error:
            return None if "is not valid YAML" in error.saw else True
        return any(findings_of(read, self.policy, self.rules))


@cache
def _checker() -> Checker:
    return Checker()


def is_caught(mutation: Mutation) -> bool | None:
    """Return whether the contract refuses a mutation; `None` if it is not YAML."""
    return _checker().catches(mutation.text)


@cache
def _justifications() -> list[tuple[re.Pattern[str], str]]:
    entries = tomllib.loads(JUSTIFIED.read_text("utf-8"))["justified"]
    return [(re.compile(entry["pattern"], re.DOTALL), entry["why"]) for entry in entries]


def justification(mutation: Mutation) -> str:
    """Return why a mutation may survive; an empty text without a reason."""
    return next((why for pattern, why in _justifications() if pattern.fullmatch(mutation.name)), "")


@dataclass
class Score:
    """Counts of mutations by operator."""

    tried: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    justified: Counter[str] = field(default_factory=Counter)

    def count(self, operator: str, *, caught: bool, justified: bool) -> None:
        """Count a mutation."""
        self.tried[operator] += 1
        self.caught[operator] += caught
        self.justified[operator] += justified

    def rows(self) -> list[tuple[str, int, int, int, int]]:
        """Return operator, tried, caught, justified and missed, and the sums."""
        names = [*OPERATORS, "all"]
        for counter in (self.tried, self.caught, self.justified):
            counter["all"] = sum(counter[name] for name in OPERATORS)
        rows = [(name, self.tried[name], self.caught[name], self.justified[name]) for name in names]
        return [(*row, row[1] - row[2] - row[3]) for row in rows]

    def __str__(self) -> str:
        """Return the counts as a table."""
        head = f"{'operator':<10} {'tried':>6} {'caught':>6} {'justified':>9} {'missed':>6}"
        lines = [f"{row[0]:<10} {row[1]:>6} {row[2]:>6} {row[3]:>9} {row[4]:>6}" for row in self.rows()]
        return "\n".join([head, *lines])


def write_score(score: Score) -> None:
    """Write the score to the file that the site shows."""
    lines = ["# Written by `just mutate --all`. The page about the contract shows it.\n"]
    for name, tried, caught, justified, missed in score.rows():
        if name != "all":
            lines.append(
                f"{name} = {{ tried = {tried}, caught = {caught}, justified = {justified}, missed = {missed} }}\n"
            )
    SCORE.write_text("".join(lines), "utf-8")
