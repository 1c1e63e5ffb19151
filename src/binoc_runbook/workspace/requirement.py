"""Which part of a requirement quotes the version of a package of ours, and how it reads for another version.

One rule for both ecosystems, which looks at the requirement alone:

- `=`, `^`, `~` and a bare version in Cargo, `==`, `===` and `~=` in Python *quote*: their operand is the version, to as
  many numbers as are written (`0.4` quotes 0.4.0 and 0.4.7 alike).
- `>=` quotes where a `<` beside it closes its line of compatibility, because that pair is the long spelling of Cargo's
  caret: `>=0.4.0,<0.5` and `>=1.2,<2`. Both operands then move.
- Every other `>=`, `>`, `<`, `<=` and `!=` is a bound that somebody chose. It stays as it is.

What quotes keeps its operators, its spacing and its number of numbers, so that a requirement that was set to one
version and back is what it was. A requirement that would not admit the version after all, be it for a bound or because
too few numbers are written, is never written: it raises `RequirementError`, and a person decides.

A Cargo requirement with fewer than three numbers does not admit a pre-release (Cargo book, *Specifying Dependencies*).
The error then suggests the same requirement with all numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from binoc_runbook.version import Version

Numbers = tuple[int, ...]

#: More characters than the numbers of any version have; nothing longer is worth taking apart.
_LONGEST = 100


class RequirementError(ValueError):
    """A requirement that cannot be made to admit a version by moving what it quotes; the message says why.

    `suggestion` is the requirement to write by hand instead, `None` where only a person can know it.
    """

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.suggestion = suggestion


class _Clause(NamedTuple):
    """One comparison of a requirement: `text[start:end]` is its operand, of which `numbers` are written."""

    operator: str
    numbers: Numbers
    pre: str
    wildcard: str
    start: int
    end: int


_Spell = Callable[[_Clause], str]

# Cargo.

_CARGO = re.compile(
    r"\s*(?P<operator>>=|<=|[=<>^~]|)\s*"
    r"(?P<operand>(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})(?P<wildcard>(?:\.[*xX]){1,2})?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)\s*"
)


@lru_cache(maxsize=1024)  # most requirements of a workspace read alike
def in_cargo(text: str, version: Version) -> str:
    """A Cargo requirement with what it quotes set to a version.

    Raises `RequirementError` where the result would not admit the version, or where Cargo cannot read the requirement.
    """
    if re.fullmatch(r"\s*[*xX]\s*", text):
        if version.is_prerelease:
            raise RequirementError(f"`{text.strip()}` never admits a pre-release", version.semver)
        return text
    clauses = list(_cargo_clauses(text))
    quoting = ("", "^", "~", "=")
    new = _moved(text, clauses, quoting, spell=lambda clause: _cargo_operand(clause, version))
    if cargo_admits(new, version):
        return new
    in_full = _moved(text, clauses, quoting, spell=lambda _: version.semver)
    raise RequirementError(
        f"`{new}` does not admit {version.semver}", in_full if cargo_admits(in_full, version) else None
    )


def _cargo_clauses(text: str) -> Iterator[_Clause]:
    at = 0
    for part in text.split(","):
        match = _CARGO.fullmatch(part)
        if match is None:
            raise RequirementError(f"`{text}` is no requirement that Cargo can read")
        start, end = match.span("operand")
        numbers = _numbers(match["numbers"])
        yield _Clause(match["operator"], numbers, match["pre"] or "", match["wildcard"] or "", at + start, at + end)
        at += len(part) + 1


def _cargo_operand(clause: _Clause, version: Version) -> str:
    if len(clause.numbers) == 3 and not clause.wildcard:
        return version.semver
    return _spelt(_release(version)[: len(clause.numbers)]) + clause.wildcard


def cargo_admits(text: str, version: Version) -> bool:
    """Whether Cargo takes a version for a requirement; as the `semver` crate that Cargo reads them with decides it."""
    clauses = list(_cargo_clauses(text))
    release, pre = _release(version), version.pre
    if not all(_cargo_matches(clause, release, _pre_key(version.semver.partition("-")[2])) for clause in clauses):
        return False
    # A pre-release is admitted only by a comparison that names one of the same three numbers.
    return pre is None or any(clause.numbers == release and clause.pre for clause in clauses)


def _cargo_matches(clause: _Clause, release: Numbers, pre: tuple[object, ...]) -> bool:
    wanted, count = clause.numbers, len(clause.numbers)
    head, wanted_pre = release[:count], _pre_key(clause.pre)
    exact = head == wanted and pre == wanted_pre
    further = (head, pre) > (wanted, wanted_pre) if count == 3 else head > wanted
    nearer = (head, pre) < (wanted, wanted_pre) if count == 3 else head < wanted
    if clause.wildcard:
        return exact
    match clause.operator:
        case "=":
            return exact
        case ">=":
            return exact or further
        case ">":
            return further
        case "<=":
            return exact or nearer
        case "<":
            return nearer
        case "~":
            kept = min(count, 2)
            return (
                head[:kept] == wanted[:kept] and (head[kept:] > wanted[kept:] or pre >= wanted_pre) and head >= wanted
            )
        case _:
            kept = _breaking(wanted)
            same_line = head[: kept + 1] == wanted[: kept + 1]
            return same_line and (head > wanted or (head == wanted and (count < 3 or pre >= wanted_pre)))


def _pre_key(pre: str) -> tuple[object, ...]:
    """A pre-release by precedence (SemVer 2.0.0, item 11); none comes after every one."""
    if not pre:
        return (1,)
    return (0, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")))


# Python.

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?=[(=!~<>])\(?")
_PYTHON = re.compile(r"\s*(?P<operator>===|==|~=|!=|<=|>=|<|>)\s*(?P<operand>[^\s,;()]+)\s*")
_OPERAND = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<pre>(?:a|b|rc)[0-9]+)?(?P<wildcard>\.\*)?")


def name_in_python(text: str) -> str | None:
    """The name that a requirement with a version begins with (PEP 508), as it is written; `None` for any other."""
    match = _NAME.match(text)
    return match[1] if match else None


@lru_cache(maxsize=1024)
def in_python(text: str, version: Version) -> str:
    """A PEP 508 requirement with what it quotes set to a version; extras and markers stay.

    Raises `RequirementError` where the result would not admit the version, or where it is no valid requirement.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    clauses = list(_python_clauses(text))
    new = _moved(text, clauses, quoting=("==", "===", "~="), spell=lambda clause: _python_operand(clause, version))
    try:
        requirement = Requirement(new)
    except InvalidRequirement:
        raise RequirementError(f"`{new}` is no valid requirement (PEP 508)") from None
    # Whether a pre-release is wanted at all is for whoever installs to say; whether it is in the range is not.
    if not requirement.specifier.contains(version.pep440, prereleases=True):
        raise RequirementError(f"`{requirement.specifier}` does not admit {version.pep440}")
    return new


def _python_clauses(text: str) -> Iterator[_Clause]:
    name = _NAME.match(text)
    at = name.end() if name else len(text)
    while match := _PYTHON.match(text, at):
        operand = _OPERAND.match(match["operand"].removeprefix("v"))
        if operand is None:
            raise RequirementError(f"`{match['operand']}` is no version (PEP 440)")
        numbers = _numbers(operand["numbers"])
        whole = operand.end() == len(match["operand"])
        pre = (operand["pre"] or "") if whole else match["operand"]
        yield _Clause(match["operator"], numbers, pre, operand["wildcard"] or "", *match.span("operand"))
        at = match.end()
        if not text.startswith(",", at):
            return
        at += 1


def _python_operand(clause: _Clause, version: Version) -> str:
    count = len(clause.numbers)
    numbers = (*_release(version), *(0 for _ in range(count)))[:count]
    # `0.5rc1` is 0.5.0rc1, filled up with zeros (PEP 440), so a short operand stays short.
    pre = "" if clause.wildcard else version.pep440.removeprefix(_spelt(_release(version)))
    return _spelt(numbers) + pre + clause.wildcard


# Both.


def _moved(text: str, clauses: Sequence[_Clause], quoting: tuple[str, ...], spell: _Spell) -> str:
    operands = {clause: spell(clause) for clause in clauses if clause.operator in quoting}
    if pair := _line(clauses):
        lower, upper = pair
        operands[lower] = spell(lower)
        operands[upper] = _closing(_numbers(_release_part(operands[lower])), len(upper.numbers), upper)
    for clause in sorted(operands, key=lambda clause: -clause.start):
        text = text[: clause.start] + operands[clause] + text[clause.end :]
    return text


def _line(clauses: Sequence[_Clause]) -> tuple[_Clause, _Clause] | None:
    """The `>=` and the `<` that together are one line of compatibility; `None` where they are not."""
    lower = [clause for clause in clauses if clause.operator == ">="]
    upper = [clause for clause in clauses if clause.operator == "<"]
    if len(lower) != 1 or len(upper) != 1 or upper[0].pre:
        return None
    closes = _after(lower[0].numbers)
    return (lower[0], upper[0]) if _without_zeros(upper[0].numbers) == closes else None


def _closing(lower: Numbers, count: int, upper: _Clause) -> str:
    closes = _after(lower)
    if len(closes) > count:
        raise RequirementError(f"`<{_spelt(upper.numbers)}` has too few numbers to become `<{_spelt(closes)}`")
    return _spelt((*closes, *(0 for _ in range(count - len(closes)))))


def _after(lower: Numbers) -> Numbers:
    """Where the line of compatibility that begins with some numbers ends: 0.4.2 before 0.5, 1.2 before 2."""
    kept = _breaking(lower)
    return (*lower[:kept], lower[kept] + 1)


def _breaking(numbers: Numbers) -> int:
    """Which number a breaking change raises: the first that is not zero (Cargo book, *Caret requirements*)."""
    return next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)


def _release(version: Version) -> Numbers:
    return version.major, version.minor, version.patch


def _release_part(operand: str) -> str:
    match = re.match(r"[0-9.]*[0-9]", operand)
    return match[0] if match else "0"


def _numbers(text: str) -> Numbers:
    if len(text) > _LONGEST:
        raise RequirementError(f"`{text[:40]}…` is no version")
    return tuple(int(number) for number in text.split("."))


def _spelt(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))


def _without_zeros(numbers: Numbers) -> Numbers:
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers
