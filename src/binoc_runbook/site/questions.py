"""The questions that a decision can be tied to, by name: a sentence of a page asks them, and so can a cell.

They are those of the stages, and some that the policy and the library itself answer. None of them reaches beyond the
checkout, and none changes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import binoc_runbook.stages
from binoc_runbook.checks.dists.expected_files import sdist_name
from binoc_runbook.checks.surface import withheld
from binoc_runbook.checks.workflow import RULES, workflow
from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, Findings, Place, RefusedError
from binoc_runbook.policy import MANIFEST, NAMES, TABLE, Artifact
from binoc_runbook.release.parameters import open_target
from binoc_runbook.stages import ACTS, RECHECKED, STAGES, Target
from binoc_runbook.stages import QUESTIONS as QUESTION_STAGES
from binoc_runbook.stages.surface import SurfaceStage
from binoc_runbook.stages.sync import SyncStage
from binoc_runbook.stages.workflow import audit_of
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.world import World

Options = Mapping[str, tuple[str, ...]]

#: What to do about a sentence that is no longer true.
_MEND = "mend it, or decide anew: just adr TITLE"


_NOT_ASKED = "the question was not asked"


@dataclass(frozen=True)
class Question:
    """What is asked, how, and which options narrow it down."""

    about: str
    ask: Callable[[Target, Options], Findings]
    takes: tuple[str, ...] = ()


def ask(question: str, **options: str | Iterable[str]) -> Findings:
    """Ask a question about the checkout that the current directory lies in, as `ask("wheels", tags="cp310-abi3")`.

    An option is one value or several, spelt as on a page of a decision.

    Raises:
        RefusedError: It does not hold, with the findings; or there is no such question, or nothing it could be asked
            about.
    """
    given = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in options.items()}
    if wrong := mistake((question,), given):
        raise RefusedError(_NOT_ASKED, [Finding.failed("decided", f"`{question}`", *wrong)])
    target = asked_about(root_of(Path.cwd()))
    clean = target.world.clean
    findings = Findings(
        replace(finding, looked_at=clean(finding.looked_at), saw=clean(finding.saw), remedy=clean(finding.remedy))
        for finding in QUESTIONS[question].ask(target, given)
    )
    if failed := findings.having("failed"):
        raise RefusedError(f"`{question}` does not hold", failed)
    return findings


def asked_about(root: Path | None) -> Target:
    """What questions about the checkout at `root` are put to.

    Raises:
        RefusedError: There is no checkout, it declares no promise, or it cannot be read.
    """
    if root is None:
        finding = Finding.unknown("decided", "the directory", "lies in no git checkout", "do it in a clone")
        raise RefusedError(_NOT_ASKED, [finding])
    target = open_target(World.real(root), None)
    if not target.policy.declared:
        saw, remedy = "no promise is declared", "declare one: [tool.binoc-runbook]"
        raise RefusedError(_NOT_ASKED, [Finding.unknown("policy", target.policy.source, saw, remedy)])
    return target


def mistake(questions: tuple[str, ...], options: Options) -> tuple[str, str] | None:
    """What is wrong with a question as a page puts it, and what helps; `None` where nothing is."""
    for name in questions:
        if name not in QUESTIONS:
            return f"there is no question `{name}`", f"write one of: {', '.join(QUESTIONS)}"
    taken = {option for name in questions for option in QUESTIONS[name].takes}
    for option, values in options.items():
        if option not in taken:
            return f"`:{option}:` is no option of {', '.join(questions) or 'no question'}", f"delete `:{option}:`"
        known = _KNOWN.get(option)
        for value in values:
            if known is not None and value not in known:
                return f"there is no {option} `{value}`", f"write one of: {', '.join(known)}"
    return None


def _surface(target: Target, options: Options) -> Findings:
    """Whether exactly the declared artifacts can be published; with `artifacts`, whether these are declared."""
    found = SurfaceStage().observe(target).findings
    return found + list(_exactly(target, options["artifacts"])) if "artifacts" in options else found


def _exactly(target: Target, named: tuple[str, ...]) -> Iterator[Finding]:
    """Where the policy declares something else than a sentence says."""
    declared = {f"{artifact.name} at {NAMES[artifact.registry]}": artifact for artifact in target.policy.artifacts}
    for what, artifact in declared.items():
        if what not in named:
            saw = f"the policy declares `{what}`, and the decision does not"
            yield Finding.failed("surface", artifact.source, saw, _MEND)
    for what in named:
        if what not in declared:
            saw = f"the decision names `{what}`, and the policy does not declare it"
            yield Finding.failed("surface", target.policy.source, saw, _MEND)


def _private(target: Target, options: Options) -> Findings:
    return withheld(target.workspace(), target.policy)


def _sync(target: Target, options: Options) -> Findings:
    return SyncStage().observe(target).findings


def _workflow(target: Target, options: Options) -> Findings:
    """Whether the publish workflow keeps its contract, or those of its rules that are named."""
    if "rule" not in options:
        return workflow(target.world.root, target.policy, audit=audit_of(target), strict=True)
    # A sentence that names a rule is false when it is broken, also where a release would only be warned.
    rules = [replace(rule, status="failed") for rule in RULES if rule.name in options["rule"]]
    audit = audit_of(target) if "zizmor" in options["rule"] else None
    return workflow(target.world.root, target.policy, rules, audit, strict=True)


def _tag(target: Target, options: Options) -> Findings:
    tag, place = target.policy.tag, _policy_place(target, "tag")
    wanted = options.get("spelling", (tag,))[0]
    but = f", not `{wanted}`" if tag != wanted else ""
    return Findings([_verdict("tag", place, f"a release is tagged `{tag}`", but)])


def _wheels(target: Target, options: Options) -> Findings:
    """Whether each distribution promises wheels, all with the one pair of tags that is said."""
    wanted = options["tags"][0] if "tags" in options else None
    findings = Findings()
    for artifact in _distributions(target):
        promised = f"wheels tagged `{artifact.wheels}`" if artifact.wheels else "no wheels"
        holds = artifact.wheels is not None and wanted in (None, artifact.wheels)
        saw = f"`{artifact.name}` promises {promised}"
        if holds:
            saw += f", one for each of {len(artifact.platforms)} platforms"
        place = _artifact_place(target, artifact, "wheels")
        other = f", not `{wanted}`" if wanted else ""
        findings += [Finding.ok("wheels", place, saw) if holds else Finding.failed("wheels", place, saw + other, _MEND)]
    return findings


def _sdist(target: Target, options: Options) -> Findings:
    """What `check --dists` refuses a directory without."""
    return Findings(
        Finding.ok("sdist", artifact.source, f"a release is not whole without `{sdist_name(artifact, target.version)}`")
        for artifact in _distributions(target)
    )


def _crate(target: Target, options: Options) -> Findings:
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if not crates:
        return Findings([Finding.failed("crate", target.policy.source, "no crate is declared for crates.io", _MEND)])
    return Findings(
        Finding.ok("crate", _artifact_place(target, crate, "registry"), f"`{crate.name}` is declared for crates.io")
        for crate in crates
    )


def _maturin(target: Target, options: Options) -> Findings:
    """Whether each distribution is built by maturin."""
    findings = Findings()
    for artifact in _distributions(target):
        manifest = Manifest(target.world.root, f"{artifact.path}/{MANIFEST}")
        place = manifest.place("build-system", "build-backend")
        backend = manifest.get("build-system", "build-backend")
        but = "" if backend == "maturin" else ", not by maturin"
        findings += [_verdict("maturin", place, f"`{artifact.name}` is built by `{backend}`", but)]
    return findings


def _order(target: Target, options: Options) -> Findings:
    """Whether a release passes these stages in this order, what is asked again at the line included."""
    before = [stage.name for stage in STAGES if stage not in ACTS]
    passed = [*before, *RECHECKED, *(act.name for act in ACTS)]
    wanted = options.get("stages", tuple(passed))
    place = _own_place(target.world.root, "STAGES: ")
    ahead = iter(passed)
    but = "" if all(name in ahead for name in wanted) else f", and not {' → '.join(wanted)}"
    return Findings([_verdict("order", place, f"a release passes {' → '.join(passed)}", but)])


def _line(target: Target, options: Options) -> Findings:
    """Whether everything that only asks comes before the first act that others see."""
    reaches = [(stage.name, stage.reach) for stage in STAGES]
    place = _own_place(target.world.root, "QUESTIONS: ")
    first = next((index for index, (_, reach) in enumerate(reaches) if reach != "local"), len(reaches))
    asking = {stage.name for stage in QUESTION_STAGES}
    late = [name for name, _ in reaches[first:] if name in asking]
    if late:
        return Findings([Finding.failed("line", place, f"asked after the first public act: {', '.join(late)}", _MEND)])
    saw = f"{', '.join(name for name, _ in reaches[:first])} come before `{reaches[first][0]}`, the first public act"
    return Findings([Finding.ok("line", place, saw)])


def _pins(target: Target, options: Options) -> Findings:
    """Whether what the environment is made of leaves out the packages `without`."""
    files = sorted(target.world.root.glob("requirements/*.txt"))
    if not files:
        return Findings([Finding.unknown("pins", "requirements/*.txt", "there is no such file", "just lock")])
    return Findings(_pinned(file, target.world.root, options.get("without", ())) for file in files)


def _pinned(file: Path, root: Path, without: tuple[str, ...]) -> Finding:
    path = file.relative_to(root).as_posix()
    lines = enumerate(file.read_text("utf-8").splitlines(), 1)
    pins = {line.partition("==")[0]: number for number, line in lines if re.match(r"[A-Za-z0-9._-]+==", line)}
    for name in without:
        if name in pins:
            return Finding.failed("pins", Place(path, pins[name]), f"`{name}` is pinned", _MEND)
    absent = f", and {' and '.join(f'`{name}`' for name in without)} not among them" if without else ""
    return Finding.ok("pins", path, f"{len(pins)} packages are pinned{absent}")


def _tests(target: Target, options: Options) -> Findings:
    """Whether the tests `by` are there; they are never run here, so nothing is verified by them."""
    return Findings(_test(target.world.root, *name.partition("::")[::2]) for name in options.get("by", ()))


def _test(root: Path, path: str, name: str) -> Finding:
    file = root / path
    line = _line_of(file, f"def {name}(") if file.is_file() else None
    if line is None:
        return Finding.failed("tests", path, f"there is no test `{name}`", "name one that holds the sentence")
    return Finding.unknown("tests", Place(path, line), f"`{name}` holds it; a page runs no tests", "./just test-code")


def _verdict(check: str, place: object, saw: str, but: str) -> Finding:
    """What the sources say: failed where the sentence says something else, `but`."""
    return Finding.failed(check, place, f"{saw}{but}", _MEND) if but else Finding.ok(check, place, saw)


# Where things are written.


def _distributions(target: Target) -> list[Artifact]:
    return [artifact for artifact in target.policy.artifacts if artifact.registry == "pypi"]


def _policy_place(target: Target, *keys: str | int) -> Place:
    return Manifest(target.world.root, MANIFEST).place(*TABLE, *keys)


def _artifact_place(target: Target, artifact: Artifact, key: str) -> Place:
    return _policy_place(target, "artifacts", target.policy.artifacts.index(artifact), key)


def _own_place(root: Path, start: str) -> object:
    """Where the library lists its stages: a line of the checkout where it is the one that the library lies in."""
    file = Path(binoc_runbook.stages.__file__)
    if not file.is_relative_to(root):
        return "the stages of `binoc_runbook`"
    return Place(file.relative_to(root).as_posix(), _line_of(file, start))


def _line_of(file: Path, start: str) -> int | None:
    lines = file.read_text("utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(start)), None)


#: What can be asked, in the order in which a release is about it.
QUESTIONS: dict[str, Question] = {
    "surface": Question("exactly the declared artifacts can be published", _surface, ("artifacts",)),
    "private": Question("every other crate cannot be published", _private),
    "sync": Question("every place says the same version", _sync),
    "workflow": Question("the publish workflow keeps its contract", _workflow, ("rule",)),
    "tag": Question("a release is tagged as is said", _tag, ("spelling",)),
    "wheels": Question("each distribution promises wheels, with the tags that are said", _wheels, ("tags",)),
    "sdist": Question("each distribution has an sdist", _sdist),
    "maturin": Question("each distribution is built by maturin", _maturin),
    "crate": Question("a crate is published at crates.io", _crate),
    "order": Question("a release passes its stages in the order that is said", _order, ("stages",)),
    "line": Question("what only asks comes before the first public act", _line),
    "tests": Question("there are the tests that hold the sentence", _tests, ("by",)),
    "pins": Question("the environment is made without the packages that are named", _pins, ("without",)),
}

#: The values that an option can have, where they are names of the library.
_KNOWN: dict[str, list[str]] = {
    "rule": [rule.name for rule in RULES],
    "stages": [stage.name for stage in STAGES],
}
