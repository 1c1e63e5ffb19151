"""Reference tables that are generated from the library: policy keys, workflow rules, contract, release states, faults.

```{policy} artifacts
```

```{rules}
keys: keep one of the two
```
"""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from binoc_runbook.checks.workflow import grammar, rules
from binoc_runbook.policy import Artifact, Policy, policy_keys
from binoc_runbook.rehearsal import scenarios
from binoc_runbook.rehearsal.scenarios import Scenario
from binoc_runbook.site.markup import MarkdownDirective
from binoc_runbook.site.published_files import copy_files

_log = logging.getLogger(__name__)


class PolicyDirective(MarkdownDirective):
    """`{policy}`: the keys of the policy; `{policy} artifacts`: the keys of an artifact."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(inspect.getfile(Policy))
        kind = Artifact if self.arguments == ["artifacts"] else Policy
        return [self.table(("key", "default", "meaning", "allowed values"), keys(kind))]


def keys(kind: type[Policy] | type[Artifact]) -> Iterator[tuple[str, str, str, str]]:
    """Return key, default, meaning and allowed values of each key of a policy table, as Markdown."""
    for key, field in policy_keys(kind).items():
        yield f"`{key}`", _default(field), field.metadata["help"], field.metadata["allowed"]


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "required"
    value = field.default[0] if isinstance(field.default, tuple) and field.default else field.default
    return f"`{json.dumps(value)}`" if value else "none"


class RulesDirective(MarkdownDirective):
    """`{rules}`: the rules of the workflow; the content has a line `NAME: WHAT TO DO` for each rule."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Return the table; warn about a rule without a line, and about a line without a rule."""
        self.env.note_dependency(inspect.getfile(rules))
        edits = {name.strip(): edit.strip() for name, _, edit in (line.partition(":") for line in self.content if line)}
        known = {rule.name for rule in rules.RULES}
        for name in sorted(edits.keys() ^ known):
            problem = "the directive has no line for the rule" if name in known else "unknown rule"
            _log.warning("%s `%s`", problem, name, location=self.get_location(), type="binoc", subtype="rules")
        rows = ((rule.name, rule.status, rule.why, edits.get(rule.name, "")) for rule in rules.RULES)
        return [self.table(("rule", "status", "why it matters", "what to do"), rows)]


class ContractDirective(MarkdownDirective):
    """`{contract} PART`: a part of the contract of the publish workflow: `keys`, `jobs`, `scripts` or `score`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the part."""
        self.env.note_dependency(str(grammar.FILE))
        part, contract = self.arguments[0], grammar.contract()
        if part == "keys":
            rows = ((f"`{name}`", entry["why"], entry["source"]) for name, entry in contract.keys.items())
            return [self.table(("key", "reason", "rule or incident"), rows)]
        if part == "score":
            score = Path(self.env.srcdir) / "reference/mutation-score.toml"
            self.env.note_dependency(str(score))
            return [self.table(("operator", "tried", "caught", "justified", "missed"), _scores(score))]
        result: list[nodes.Node] = []
        for name, text in contract.scripts.items() if part == "scripts" else ():
            result += [nodes.paragraph("", "", nodes.literal(text=f"<{name}>")), _code(text, "bash")]
        for name, entry in contract.jobs.items() if part == "jobs" else ():
            section = nodes.section(ids=[nodes.make_id(f"job-{name}")], names=[name])
            section += [nodes.title("", "", nodes.literal(text=name)), nodes.paragraph(text=entry["about"])]
            section += self.table(("step", "requirement", "reason", "rule or incident"), _steps(entry["job"]["steps"]))
            result.append(section)
        return result


def _steps(steps: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for number, step in enumerate(steps, 1):
        parts = [
            f"`{key}: {value}`" for key, value in step.items() if isinstance(value, str) and key in ("uses", "run")
        ]
        for name in ("with", "env", "env?"):
            parts += [f"`{key}: {value}`" for key, value in step.get(name, {}).items()]
        notes = {"each": "for each {}", "when": "if the policy has {}"}
        parts += [text.format(step[key]) for key, text in notes.items() if key in step]
        yield str(number), ", ".join(parts), step["why"], step["source"]


def _scores(file: Path) -> Iterator[tuple[str, str, str, str, str]]:
    scores = tomllib.loads(file.read_text("utf-8"))
    columns = ("tried", "caught", "justified", "missed")
    for name, counts in scores.items():
        tried, caught, justified, missed = (str(counts[column]) for column in columns)
        yield name, tried, caught, justified, missed
    tried, caught, justified, missed = (str(sum(counts[column] for counts in scores.values())) for column in columns)
    yield "all", tried, caught, justified, missed


def _code(text: str, language: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language)


class FaultsDirective(MarkdownDirective):
    """`{faults}`: the faults that `rehearse --fault` rehearses; `{faults} others`: those that it does not."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(inspect.getfile(scenarios))
        if self.arguments == ["others"]:
            others = (item for item in scenarios.SCENARIOS if item.create is None)
            rows = ((item.number, f"`{item.name}`", item.symptom, item.advice, item.reason) for item in others)
            return [self.table(("number", "fault", "symptom", "what to do", "why not rehearsed"), rows)]
        rehearsed = (item for item in scenarios.SCENARIOS if item.create)
        return [self.table(("number", "fault", "symptom", "what is shown", "what to do"), map(_fault, rehearsed))]


def _fault(item: Scenario) -> tuple[str, str, str, str, str]:
    shown = f"`{item.check}` {item.status}; state *{item.state}*"
    return item.number, f"`{item.name}`", item.symptom, shown, item.advice


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and set up the other parts of the reference."""
    for part in ("docstrings", "rustdoc", "schema"):
        app.setup_extension(f"{__name__}.{part}")
    app.add_directive("policy", PolicyDirective)
    app.add_directive("rules", RulesDirective)
    app.add_directive("contract", ContractDirective)
    app.add_directive("faults", FaultsDirective)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
