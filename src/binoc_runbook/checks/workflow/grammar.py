"""Comparison of a job with its entry in contract.yml, which describes the only form in which it is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from binoc_runbook.checks.workflow.known import LIVE_RUNNERS, known_pin
from binoc_runbook.checks.workflow.model import Job, Node, action_of
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy

FILE = Path(__file__).parent / "contract.yml"
#: The page of the site that shows the contract.
PAGE = "docs/reference/workflow-contract.md"

#: The longest time limit of a job, in minutes.
LONGEST = 180


@dataclass(frozen=True)
class Contract:
    """The content of contract.yml; `jobs` are by id, `publish-REGISTRY` for the publish jobs."""

    scripts: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]]
    jobs: Mapping[str, Mapping[str, Any]]


@cache
def contract() -> Contract:
    """Read contract.yml; scalars stay texts."""
    import yaml  # takes as long to import as the rest of the library

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return Contract(**yaml.load(FILE.read_text("utf-8"), Loader=loader))  # noqa: S506 - a base loader creates no objects


@dataclass(frozen=True)
class Difference:
    """The first difference between a job and the contract: its place, what is there, and the edit."""

    place: Place
    saw: str
    edit: str


@dataclass(frozen=True)
class _Kind:
    """A kind of text that the contract allows: its description, and whether a text is of the kind."""

    description: str
    accepts: Callable[[str], bool]


def is_time_limit(text: str) -> bool:
    """Return whether a text is a time limit in minutes that the contract accepts."""
    return bool(re.fullmatch("[1-9][0-9]{0,2}", text)) and int(text) <= LONGEST


def _pattern(description: str, pattern: str) -> _Kind:
    return _Kind(description, lambda text: bool(re.fullmatch(pattern, text)))


_KINDS: dict[str, _Kind] = {
    "minutes": _Kind("30", is_time_limit),
    "runner": _Kind("ubuntu-24.04", lambda text: text in LIVE_RUNNERS and text.startswith("ubuntu")),
    "python": _pattern("3.13", r"3\.[0-9]+"),
    "version": _pattern("0.12.5", r"[0-9]+\.[0-9]+\.[0-9]+"),
    "checksum": _pattern("SHA256 OF THE ARCHIVE", "[0-9a-f]{64}"),
    "timeout": _pattern(
        "${{ contains(needs.*.result, 'failure') && '0' || contains(needs.*.result, 'skipped') && '60' || '600' }}",
        r"\$\{\{ contains\(needs\.\*\.result, 'failure'\) && '0'"
        r" \|\| contains\(needs\.\*\.result, 'skipped'\) && '[0-9]{1,3}' \|\| '[0-9]{2,4}' \}\}",
    ),
}
#: Values that the rules `gate`, `results`, `run`, `needs`, `uploads` and `platforms` check.
_OF_RULES = ("condition", "needs", "files", "matrix")


class Grammar:
    """The contract for one policy; `compare` returns the first difference of a job."""

    def __init__(self, policy: Policy, jobs: tuple[Job, ...]) -> None:
        names = [artifact.name for artifact in policy.artifacts]
        crates = [f"{artifact.name}.*" for artifact in policy.artifacts if artifact.registry == "crates.io"]
        platforms = platforms_of(policy)
        self.parts = {"wheels": bool(platforms), "crates": bool(crates)}
        rebuilt = next((platform for platform in platforms if re.fullmatch("manylinux.*x86_64", platform)), "")
        rebuilt = rebuilt or next(iter(platforms), "")
        fetched = "needs.fetch-dists.outputs.digests || " if any(job.id == "fetch-dists" for job in jobs) else ""
        self.policy = policy
        self.values = {
            "workflow": policy.workflow,
            "prefix": _common_prefix(names),
            "crates": crates[0] if len(crates) == 1 else f"{{{','.join(crates)}}}",
            "rebuilt-platform": rebuilt,
            "rebuilt-target": target_of(rebuilt),
            "attested": f"{{{','.join(['sums', *crates])}}}" if crates else "sums",
            "expected": f"${{{{ {fetched}needs.rebuild.outputs.digests }}}}",
        }
        self.kinds = {
            **_KINDS,
            "pythons": _Kind("the versions of Python from that of the wheels on", self._are_pythons),
        }

    def job(self, key: str, artifact: Artifact | None = None) -> dict[str, Any]:
        """Return an entry of the contract with the values of the policy."""
        values = dict(self.values)
        if artifact:
            values |= {"artifact": artifact.name, "environment": artifact.environment or ""}
        filled: dict[str, Any] = self._fill(contract().jobs[key]["job"], values)
        if not filled.get("environment", "x"):
            del filled["environment"]  # the registry accepts any
        return filled

    def compare(self, job: Job, key: str, artifact: Artifact | None = None) -> Difference | None:
        """Return the first difference between a job and the entry `key`; `None` if they are equal."""
        return self._mapping(self.job(key, artifact), job.node, job.key.place, f"`{job.id}`", f"of `{job.id}`")

    def _are_pythons(self, text: str) -> bool:
        minors = sorted(int(line[2:]) for line in text.split() if re.fullmatch(r"3\.[0-9]+", line))
        tags = [artifact.wheels for artifact in self.policy.artifacts if artifact.wheels]
        first = min((int(tag[3:].partition("-")[0]) for tag in tags), default=minors[0] if minors else 0)
        return len(minors) == len(text.split()) > 0 and minors == list(range(first, first + len(minors)))

    def _fill(self, template: Any, values: Mapping[str, str]) -> Any:
        if isinstance(template, str):
            text = re.sub("<([a-z-]+)>", lambda match: contract().scripts.get(match[1], match[0]), template)
            return re.sub("<([a-z-]+)>", lambda match: values.get(match[1], match[0]), text).rstrip("\n")
        if isinstance(template, list):
            return [step for item in template for step in self._each(item, values)]
        filled = {}
        for key, value in template.items():
            if key == "<each-artifact>":
                for artifact in self.policy.artifacts:
                    filled[artifact.name] = self._fill(value, {**values, "artifact": artifact.name})
            elif key not in ("why", "source", "each", "when"):
                filled[key] = self._fill(value, values)
        return filled

    def _each(self, step: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Any]:
        if not self.parts.get(step.get("when", ""), True):
            return
        names = [values.get("artifact")]
        if "each" in step:
            wheels_only = step["each"] == "wheel"
            names = [item.name for item in self.policy.artifacts if item.platforms or not wheels_only]
        for name in names:
            yield self._fill(step, {**values, "artifact": name} if name else values)

    def _mapping(self, template: dict[str, Any], node: Node, place: Place, name: str, where: str) -> Difference | None:
        if not node.is_mapping:
            return Difference(node.place, f"{name} is not a mapping", f"write it as in {PAGE}")
        optional = {key[:-1]: value for key, value in template.items() if key.endswith("?")}
        template = {key: value for key, value in template.items() if not key.endswith("?")}
        for key, value in node.items():
            expected = template.get(key.text, optional.get(key.text))
            if expected is None:
                if key.text == "name" and value.text and {"steps", "run", "uses"} & template.keys():
                    continue  # only for display
                saw = f"the key `{key.text}` {where} is not part of the contract"
                return Difference(key.place, saw, f"delete `{key.text}`")
            if difference := self._value(key, expected, value, where):
                return difference
        written = {key.text for key, _ in node.items()}
        missing = next((key for key in template if key not in written), None)
        if missing is None:
            return None
        shown = self._shown(template[missing])
        edit = f"write `{missing}` as in {PAGE}" if shown == PAGE else f"write `{missing}: {shown}`"
        return Difference(place, f"{name} has no `{missing}`", edit)

    def _value(self, key: Node, template: Any, value: Node, where: str) -> Difference | None:
        if isinstance(template, list):
            return self._steps(template, value, where)
        if isinstance(template, dict):
            return self._mapping(template, value, key.place, f"`{key.text}` {where}", f"in `{key.text}` {where}")
        text = value.yaml.value if value.yaml.id == "scalar" else None
        kind = re.fullmatch("<([a-z-]+)>", template)
        if kind and kind[1] in _OF_RULES:
            return None
        if text is None:
            accepted = False
        elif kind:
            accepted = self.kinds[kind[1]].accepts(text)
        elif key.text == "uses":
            accepted = action_of_text(text) == template
        else:
            accepted = text.rstrip("\n") == template
        if accepted:
            return None
        if key.text == "run" and text and "\n" in template:
            return _script_difference(value, text, template, where)
        saw = f"`{key.text}` {where} is {f'`{text}`' if text else 'not a text'}"
        return Difference(value.place, saw, f"write `{key.text}: {self._shown(template)}`")

    def _steps(self, templates: list[dict[str, Any]], node: Node, where: str) -> Difference | None:
        steps = node.elements()
        for number, (template, step) in enumerate(zip(templates, steps, strict=False), 1):
            if _signature(template) != _signature_of(step):
                return self._other_step(templates, number, step, where)
            if difference := self._mapping(template, step, step.place, f"step {number}", f"in step {number} {where}"):
                return difference
        if len(steps) > len(templates):
            step = steps[len(templates)]
            saw = f"step {len(templates) + 1} {where} is not part of the contract: `{_label(step)}`"
            return Difference(step.place, saw, f"delete the step `{_label(step)}`")
        if len(steps) < len(templates):
            shown = self._shown_step(templates[len(steps)])
            place = steps[-1].place if steps else node.place
            return Difference(place, f"the steps {where} end before `{shown}`", f"write the step `{shown}` at the end")
        return None

    def _other_step(self, templates: list[dict[str, Any]], number: int, step: Node, where: str) -> Difference:
        """Return the difference for a step that is not the expected one: it is missing, or another step precedes it."""
        expected, label = self._shown_step(templates[number - 1]), _label(step)
        saw = f"step {number} {where} is `{label}`, not `{expected}`"
        known_later = _signature_of(step) in map(_signature, templates[number:])
        is_command = step.get("run") is not None and templates[number - 1].get("run") is not None
        if known_later:
            return Difference(step.place, saw, f"write the step `{expected}` before it")
        if is_command:  # probably a changed command
            return Difference(step.place, saw, f"write `{expected}`, as in {PAGE}")
        return Difference(step.place, saw, f"delete the step `{label}`, or write the steps of {PAGE}")

    def _shown(self, template: Any) -> str:
        if isinstance(template, dict):
            return f"{{{', '.join(f'{key}: {self._shown(value)}' for key, value in template.items())}}}"
        if isinstance(template, list):
            return f"the {len(template)} steps of {PAGE}"
        kind = re.fullmatch("<([a-z-]+)>", template)
        if kind and kind[1] in _OF_RULES:
            return PAGE
        text = self.kinds[kind[1]].description if kind else template.replace("\n", "; ")
        return f'"{text}"' if re.match(r"[{\[*&!|>%@]", text) else text  # not plain in YAML

    def _shown_step(self, template: dict[str, Any]) -> str:
        if uses := template.get("uses"):
            return f"uses: {known_pin(uses)}"
        return f"run: {template['run'].splitlines()[0]}"


def platforms_of(policy: Policy) -> list[str]:
    """Return the platforms of all artifacts, each once."""
    return list(dict.fromkeys(platform for artifact in policy.artifacts for platform in artifact.platforms))


def target_of(platform: str) -> str:
    """Return the Rust target of a platform tag."""
    processor = "aarch64" if platform.endswith(("aarch64", "arm64")) else "x86_64"
    systems = {"manylinux": "unknown-linux-gnu", "musllinux": "unknown-linux-musl", "macosx": "apple-darwin"}
    system = next((name for start, name in systems.items() if platform.startswith(start)), "pc-windows-msvc")
    return f"{processor}-{system}"


def action_of_text(text: str) -> str:
    """Return the name of an action in lower case, without its version."""
    return text.partition("@")[0].lower()


def _signature(template: Mapping[str, Any]) -> tuple[str, str]:
    """Return what identifies a step: its action, or the first words of its command."""
    if uses := template.get("uses"):
        return "uses", uses
    return "run", _first_words(template["run"])


def _signature_of(step: Node) -> tuple[str, str]:
    return ("uses", action_of(step)) if step.get("uses") else ("run", _first_words(step.text_at("run")))


def _first_words(command: str) -> str:
    words = command.split()
    return " ".join(words[:2])


def _label(step: Node) -> str:
    script = step.text_at("run").strip().splitlines()
    return f"uses: {step.text_at('uses')}" if step.get("uses") else f"run: {script[0] if script else ''}"


def _script_difference(node: Node, text: str, template: str, where: str) -> Difference:
    lines, wanted = text.rstrip("\n").split("\n"), template.split("\n")
    number = next((n for n, pair in enumerate(zip(lines, wanted, strict=False)) if pair[0] != pair[1]), None)
    if number is None:
        number = min(len(lines), len(wanted))
    line = (node.place.line or 0) + (number + 1 if node.yaml.style in ("|", ">") else 0)
    if number >= len(wanted):
        saw, edit = f"the command `{lines[number]}` {where} is not part of the contract", f"delete `{lines[number]}`"
    elif number >= len(lines):
        line -= 1
        saw, edit = f"the script {where} has no `{wanted[number]}`", f"write `{wanted[number]}` after it"
    else:
        saw, edit = f"the script {where} has `{lines[number]}`", f"write `{wanted[number]}`"
    return Difference(Place(node.file, line), saw, edit)


def _common_prefix(names: list[str]) -> str:
    first, last = min(names, default=""), max(names, default="")
    return next((first[:end] for end in range(len(first), 0, -1) if last.startswith(first[:end])), "")
