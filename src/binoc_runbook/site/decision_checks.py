"""Checks that a decision can name: its sentences in the directive `decided`, its cells through `check`.

They are checks of the stages, and checks of the policy and of this library. They read only the checkout, and do not
change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import binoc_runbook.stages
from binoc_runbook.checks.surface import withheld
from binoc_runbook.checks.workflow import RULES, workflow
from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, Findings, Place, RefusedError
from binoc_runbook.policy import MANIFEST, NAMES, TABLE, Artifact
from binoc_runbook.release.parameters import open_target
from binoc_runbook.stages import ACTION_STAGES, CHECK_STAGES, RECHECKED, STAGES, Target
from binoc_runbook.stages.surface import SurfaceStage
from binoc_runbook.stages.sync import SyncStage
from binoc_runbook.stages.workflow import audit_of, facts_of
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.world import World

Options = Mapping[str, tuple[str, ...]]

#: The remedy for a sentence that is not true.
_FIX = "fix it, or record a new decision: just adr TITLE"

_NOT_RUN = "the check did not run"


@dataclass(frozen=True)
class DecisionCheck:
    """A check: a description that follows "checks that", its function, and the names of its options."""

    description: str
    run: Callable[[Target, Options], Findings]
    options: tuple[str, ...] = ()


def check(name: str, **options: str | Iterable[str]) -> Findings:
    """Run a check of the current checkout, for example `check("wheels", tags="cp310-abi3")`.

    The value of an option is one string or several, written as in the directive `decided`.

    Raises:
        RefusedError: The check failed, or it cannot run: unknown check or option, no checkout, or no policy.
    """
    values = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in options.items()}
    if error := usage_error((name,), values):
        raise RefusedError(_NOT_RUN, [Finding.failed("decided", f"`{name}`", *error)])
    target = decision_target(root_of(Path.cwd()))
    clean = target.world.clean
    findings = Findings(
        replace(finding, looked_at=clean(finding.looked_at), saw=clean(finding.saw), remedy=clean(finding.remedy))
        for finding in CHECKS[name].run(target, values)
    )
    if failed := findings.having("failed"):
        raise RefusedError(f"the check `{name}` failed", failed)
    return findings


def decision_target(root: Path | None) -> Target:
    """Return the target of the checks of the checkout at `root`.

    Raises:
        RefusedError: The checkout or its policy is missing or cannot be read.
    """
    if root is None:
        finding = Finding.unknown("decided", "the directory", "is not in a git checkout", "run this in a clone")
        raise RefusedError(_NOT_RUN, [finding])
    target = open_target(World.real(root), None)
    if not target.policy.declared:
        saw, remedy = "has no policy", "add the table `[tool.binoc-runbook]`"
        raise RefusedError(_NOT_RUN, [Finding.unknown("policy", target.policy.source, saw, remedy)])
    return target


def usage_error(names: tuple[str, ...], options: Options) -> tuple[str, str] | None:
    """Return what is wrong with the names of checks and their options, and the remedy; `None` if they are valid."""
    if not names:
        remedy = "name a check, `tests` with `:by:`, or `manual` with `:who:` and `:where:`"
        return "the sentence names no check", remedy
    for name in names:
        if name not in CHECKS:
            return f"unknown check `{name}`", f"use one of: {', '.join(CHECKS)}"
    accepted = {option for name in names for option in CHECKS[name].options}
    for option, values in options.items():
        if option not in accepted:
            return f"`:{option}:` is not an option of {' and '.join(names)}", f"delete `:{option}:`"
        choices = _CHOICES.get(option)
        for value in values:
            if choices is not None and value not in choices:
                return f"unknown {option} `{value}`", f"use one of: {', '.join(choices)}"
    for name in names:
        for option in _REQUIRED.get(name, ()):
            if not options.get(option):
                return f"`:{option}:` is missing; `{name}` requires it", f"add `:{option}:`"
    return None


def _surface(target: Target, options: Options) -> Findings:
    """Check that exactly the declared artifacts can be published; with `artifacts`, that exactly these are declared."""
    findings = SurfaceStage().observe(target).findings
    return findings + list(_differences(target, options["artifacts"])) if "artifacts" in options else findings


def _differences(target: Target, expected: tuple[str, ...]) -> Iterator[Finding]:
    """Return the differences between the artifacts of the policy and those of a sentence."""
    declared = {f"{artifact.name} at {NAMES[artifact.registry]}": artifact for artifact in target.policy.artifacts}
    for name, artifact in declared.items():
        if name not in expected:
            saw = f"the policy declares `{name}`, but the decision does not"
            yield Finding.failed("surface", artifact.source, saw, _FIX)
    for name in expected:
        if name not in declared:
            saw = f"the decision names `{name}`, but the policy does not declare it"
            yield Finding.failed("surface", target.policy.source, saw, _FIX)


def _private(target: Target, options: Options) -> Findings:
    return withheld(target.workspace(), target.policy)


def _sync(target: Target, options: Options) -> Findings:
    return SyncStage().observe(target).findings


def _workflow(target: Target, options: Options) -> Findings:
    """Check the contract of the publish workflow, or only the rules in `rule`."""
    if "rule" not in options:
        return workflow(
            target.world.root, target.policy, audit=audit_of(target), repository=facts_of(target), strict=True
        )
    # A sentence that names a rule is false if the rule is broken, even if a release only warns about it.
    rules = [replace(rule, status="failed") for rule in RULES if rule.name in options["rule"]]
    audit = audit_of(target) if "zizmor" in options["rule"] else None
    return workflow(target.world.root, target.policy, rules, audit, facts_of(target), strict=True)


def _tag(target: Target, options: Options) -> Findings:
    tag, place = target.policy.tag, _policy_place(target, "tag")
    expected = options.get("spelling", (tag,))[0]
    difference = f", not `{expected}`" if tag != expected else ""
    return Findings([_verdict("tag", place, f"the tag of a release is `{tag}`", difference)])


def _wheels(target: Target, options: Options) -> Findings:
    """Check that each distribution declares wheels, with the tags in `tags`."""
    expected = options["tags"][0] if "tags" in options else None
    findings = Findings()
    for artifact in _distributions(target):
        place = _artifact_place(target, artifact, "wheels")
        if artifact.wheels is None or expected not in (None, artifact.wheels):
            saw = f"`{artifact.name}` declares {f'`{artifact.wheels}`' if artifact.wheels else 'no'} wheels"
            difference = f", not `{expected}` wheels" if expected else ""
            findings += [Finding.failed("wheels", place, saw + difference, _FIX)]
        else:
            saw = f"`{artifact.name}` declares `{artifact.wheels}` wheels; platforms: {len(artifact.platforms)}"
            findings += [Finding.ok("wheels", place, saw)]
    return findings


def _sdist(target: Target, options: Options) -> Findings:
    """Return the sdists that `check --dists` requires."""
    from binoc_runbook.checks.dists.expected_files import sdist_name  # with the checks of dists, a tenth of a build

    return Findings(
        Finding.ok("sdist", artifact.source, f"a release requires `{sdist_name(artifact, target.version)}`")
        for artifact in _distributions(target)
    )


def _crate(target: Target, options: Options) -> Findings:
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if not crates:
        return Findings(
            [Finding.failed("crate", target.policy.source, "the policy declares no crate for crates.io", _FIX)]
        )
    return Findings(
        Finding.ok("crate", _artifact_place(target, crate, "registry"), f"`{crate.name}` is declared for crates.io")
        for crate in crates
    )


def _maturin(target: Target, options: Options) -> Findings:
    """Check that each distribution is built by maturin."""
    findings = Findings()
    for artifact in _distributions(target):
        manifest = Manifest(target.world.root, f"{artifact.path}/{MANIFEST}")
        place = manifest.place("build-system", "build-backend")
        backend = manifest.get("build-system", "build-backend")
        difference = "" if backend == "maturin" else ", not by `maturin`"
        findings += [_verdict("maturin", place, f"`{artifact.name}` is built by `{backend}`", difference)]
    return findings


def _order(target: Target, options: Options) -> Findings:
    """Check the order of the stages, including those that run again at the point of no return."""
    before = [stage.name for stage in STAGES if stage not in ACTION_STAGES]
    stages = [*before, *RECHECKED, *(act.name for act in ACTION_STAGES)]
    expected = options.get("stages", tuple(stages))
    place = _own_place(target.world.root, "STAGES: ")
    remaining = iter(stages)
    difference = "" if all(name in remaining for name in expected) else f", not {' → '.join(expected)}"
    return Findings([_verdict("order", place, f"the order of the stages is {' → '.join(stages)}", difference)])


def _point_of_no_return(target: Target, options: Options) -> Findings:
    """Check that all stages that only check run before the first public stage."""
    reaches = [(stage.name, stage.reach) for stage in STAGES]
    place = _own_place(target.world.root, "CHECK_STAGES: ")
    first = next((index for index, (_, reach) in enumerate(reaches) if reach != "local"), len(reaches))
    checks = {stage.name for stage in CHECK_STAGES}
    late = [name for name, _ in reaches[first:] if name in checks]
    if late:
        saw = f"checks after the first public stage: {', '.join(late)}"
        return Findings([Finding.failed("point-of-no-return", place, saw, _FIX)])
    saw = f"{', '.join(name for name, _ in reaches[:first])} run before `{reaches[first][0]}`, the first public stage"
    return Findings([Finding.ok("point-of-no-return", place, saw)])


def _pins(target: Target, options: Options) -> Findings:
    """Check that the pinned requirements do not contain the packages in `without`."""
    files = sorted(target.world.root.glob("requirements/*.txt"))
    if not files:
        return Findings([Finding.unknown("pins", "requirements/*.txt", "no such file", "just lock")])
    return Findings(_pins_of(file, target.world.root, options.get("without", ())) for file in files)


def _pins_of(file: Path, root: Path, without: tuple[str, ...]) -> Finding:
    path = file.relative_to(root).as_posix()
    lines = enumerate(file.read_text("utf-8").splitlines(), 1)
    pins = {line.partition("==")[0]: number for number, line in lines if re.match(r"[A-Za-z0-9._-]+==", line)}
    for name in without:
        if name in pins:
            return Finding.failed("pins", Place(path, pins[name]), f"`{name}` is pinned", _FIX)
    absent = f", without {' and '.join(f'`{name}`' for name in without)}" if without else ""
    return Finding.ok("pins", path, f"pinned packages: {len(pins)}{absent}")


def _manual(target: Target, options: Options) -> Findings:
    """Return who looks where, because no program can check the sentence."""
    return Findings([Finding.ok("manual", ", ".join(options["where"]), f"checked by {', '.join(options['who'])}")])


def _tests(target: Target, options: Options) -> Findings:
    """Check that the tests in `by` exist. They do not run here."""
    return Findings(_test(target.world.root, *name.partition("::")[::2]) for name in options.get("by", ()))


def _test(root: Path, path: str, name: str) -> Finding:
    file = root / path
    line = _line_of(file, f"def {name}(") if file.is_file() else None
    if line is None:
        return Finding.failed("tests", path, f"the test `{name}` does not exist", "correct the name in `:by:`")
    return Finding.ok("tests", Place(path, line), f"`{name}`")


def _verdict(check: str, place: object, saw: str, difference: str) -> Finding:
    """Return a finding that failed if there is a difference from the sentence."""
    return Finding.failed(check, place, f"{saw}{difference}", _FIX) if difference else Finding.ok(check, place, saw)


# Places of findings.


def _distributions(target: Target) -> list[Artifact]:
    return [artifact for artifact in target.policy.artifacts if artifact.registry == "pypi"]


def _policy_place(target: Target, *keys: str | int) -> Place:
    return Manifest(target.world.root, MANIFEST).place(*TABLE, *keys)


def _artifact_place(target: Target, artifact: Artifact, key: str) -> Place:
    return _policy_place(target, "artifacts", target.policy.artifacts.index(artifact), key)


def _own_place(root: Path, start: str) -> object:
    """Return the line where the library lists its stages, if the checkout contains the library."""
    file = Path(binoc_runbook.stages.__file__)
    if not file.is_relative_to(root):
        return "the stages of `binoc_runbook`"
    return Place(file.relative_to(root).as_posix(), _line_of(file, start))


def _line_of(file: Path, start: str) -> int | None:
    lines = file.read_text("utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(start)), None)


#: The checks in the order of the stages that they are about.
CHECKS: dict[str, DecisionCheck] = {
    "surface": DecisionCheck("exactly the declared artifacts can be published", _surface, ("artifacts",)),
    "private": DecisionCheck("no other crate can be published", _private),
    "sync": DecisionCheck("all manifests have the same version", _sync),
    "workflow": DecisionCheck("the publish workflow satisfies its contract", _workflow, ("rule",)),
    "tag": DecisionCheck("the tag of a release has the given spelling", _tag, ("spelling",)),
    "wheels": DecisionCheck("each distribution declares wheels with the given tags", _wheels, ("tags",)),
    "sdist": DecisionCheck("each distribution has an sdist", _sdist),
    "maturin": DecisionCheck("each distribution is built by maturin", _maturin),
    "crate": DecisionCheck("a crate is published to crates.io", _crate),
    "order": DecisionCheck("the stages run in the given order", _order, ("stages",)),
    "point-of-no-return": DecisionCheck("all checks run before the first public stage", _point_of_no_return),
    "tests": DecisionCheck("the named tests exist; they do not run in this build", _tests, ("by",)),
    "manual": DecisionCheck("nothing: it names the person who looks, and the place", _manual, ("who", "where")),
    "pins": DecisionCheck("the pinned requirements do not contain the given packages", _pins, ("without",)),
}

#: The options that a check requires.
_REQUIRED = {"tests": ("by",), "manual": ("who", "where")}

#: The valid values of options that name rules or stages.
_CHOICES: dict[str, list[str]] = {
    "rule": [rule.name for rule in RULES],
    "stages": [stage.name for stage in STAGES],
}
