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
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from binoc_runbook.version import Version

Numbers = tuple[int, ...]


class RequirementError(ValueError):
    """A requirement that cannot be made to admit a version by moving what it quotes; the message says why.

    `suggestion` is the requirement to write by hand instead, `None` where only a person can know it.
    """

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.suggestion = suggestion


class _Clause(NamedTuple):
    """One comparison of a requirement: `text[start:end]` is its operand, of which `numbers` are written.

    `pre` is what follows the numbers where that is no wildcard.
    """

    operator: str
    numbers: Numbers
    pre: str
    wildcard: str
    start: int
    end: int


_NUMBER = "[0-9]{1,20}(?![0-9])"  # nothing longer is worth taking apart

# Cargo.

_CARGO = re.compile(
    r"\s*(?P<operator>>=|<=|[=<>^~]|)\s*"
    rf"(?P<operand>(?P<numbers>{_NUMBER}(?:\.{_NUMBER}){{0,2}})(?P<wildcard>(?:\.[*xX]){{1,2}})?"
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
    clauses, quoting = _cargo_clauses(text), ("", "^", "~", "=")
    new = _moved(text, clauses, version, quoting, lambda clause: _cargo_operand(clause, version))
    if cargo_admits(new, version):
        return new
    in_full = _moved(text, clauses, version, quoting, lambda _: version.semver)
    raise RequirementError(
        f"`{new}` does not admit {version.semver}", in_full if cargo_admits(in_full, version) else None
    )


def _cargo_clauses(text: str) -> list[_Clause]:
    clauses, end = _clauses(text, _CARGO)
    if end != len(text):
        raise RequirementError(f"`{text}` is no requirement that Cargo can read")
    return clauses


def _cargo_operand(clause: _Clause, version: Version) -> str:
    if len(clause.numbers) == 3 and not clause.wildcard:
        return version.semver
    return _spelt(_release(version)[: len(clause.numbers)]) + clause.wildcard


def cargo_admits(text: str, version: Version) -> bool:
    """Whether Cargo takes a version for a requirement; as the `semver` crate that Cargo reads them with decides it."""
    clauses = _cargo_clauses(text)
    # A pre-release is admitted only by a comparison that names one of the same three numbers.
    named = any(clause.numbers == _release(version) and clause.pre for clause in clauses)
    return (version.pre is None or named) and all(_cargo_matches(clause, version) for clause in clauses)


def _cargo_matches(clause: _Clause, version: Version) -> bool:
    numbers, count, release = clause.numbers, len(clause.numbers), _release(version)
    operator = "=" if clause.wildcard else clause.operator
    if version.pre and count < 3 and operator and operator != "^" and release[:count] == numbers:
        return False
    at = (release, _pre_key(version.semver.partition("-")[2]))
    low = (_padded(numbers, 3), _pre_key(clause.pre) if count == 3 else ())
    after = (*low, 0) if count == 3 else _raised(numbers, count - 1)
    match operator:
        case "<":
            return at < low
        case "<=":
            return at < after
        case ">":
            return at >= after
        case ">=":
            return low <= at
        case "=":
            return low <= at < after
        case "~":
            return low <= at < _raised(numbers, min(count, 2) - 1)
        case _:
            return low <= at < _raised(numbers, _breaking(numbers))


def _raised(numbers: Numbers, index: int) -> tuple[Any, ...]:
    """Where the versions end that have the same numbers up to an index; pre-releases of the end are beyond it."""
    return _padded((*numbers[:index], numbers[index] + 1), 3), ()


def _pre_key(pre: str) -> tuple[Any, ...]:
    """A pre-release by precedence (SemVer 2.0.0, item 11); none comes after every one."""
    if not pre:
        return (1,)
    return (0, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")))


# Python.

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?=[(=!~<>])\(?")
_PYTHON = re.compile(
    r"\s*(?P<operator>===|==|~=|!=|<=|>=|<|>)\s*"
    rf"(?P<operand>v?(?P<numbers>{_NUMBER}(?:\.{_NUMBER})*)(?P<wildcard>\.\*)?(?P<pre>[^\s,;()]*))\s*"
)


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

    name = _NAME.match(text)
    clauses, _ = _clauses(text, _PYTHON, name.end() if name else 0)
    new = _moved(text, clauses, version, ("==", "===", "~="), lambda clause: _python_operand(clause, version))
    try:
        requirement = Requirement(new)
    except InvalidRequirement:
        raise RequirementError(f"`{new}` is no valid requirement (PEP 508)") from None
    # Whether a pre-release is wanted at all is for whoever installs to say; whether it is in the range is not.
    if not requirement.specifier.contains(version.pep440, prereleases=True):
        raise RequirementError(f"`{requirement.specifier}` does not admit {version.pep440}")
    return new


def _python_operand(clause: _Clause, version: Version) -> str:
    # `0.5rc1` is 0.5.0rc1, filled up with zeros (PEP 440), so a short operand stays short.
    pre = "" if clause.wildcard else version.pep440.removeprefix(_spelt(_release(version)))
    return _spelt(_padded(_release(version), len(clause.numbers))) + pre + clause.wildcard


# Both.


def _clauses(text: str, pattern: re.Pattern[str], at: int = 0) -> tuple[list[_Clause], int]:
    """The comparisons from an offset on, with a comma after each but the last, and where they end."""
    clauses: list[_Clause] = []
    while match := pattern.match(text, at):
        numbers = tuple(int(number) for number in match["numbers"].split("."))
        pre, wildcard = match["pre"] or "", match["wildcard"] or ""
        clauses.append(_Clause(match["operator"], numbers, pre, wildcard, *match.span("operand")))
        if not text.startswith(",", match.end()):
            return clauses, match.end()
        at = match.end() + 1
    raise RequirementError(f"`{text[at : at + 40]}` is no version with its operator")


def _moved(
    text: str,
    clauses: Sequence[_Clause],
    version: Version,
    quoting: tuple[str, ...],
    spell: Callable[[_Clause], str],
) -> str:
    operands = {clause: spell(clause) for clause in clauses if clause.operator in quoting}
    lower = [clause for clause in clauses if clause.operator == ">="]
    upper = [clause for clause in clauses if clause.operator == "<"]
    if len(lower) == len(upper) == 1 and not upper[0].pre:
        count, closed = len(upper[0].numbers), _after(lower[0].numbers)
        if _padded(upper[0].numbers, len(closed)) == closed and not any(upper[0].numbers[len(closed) :]):
            closes = _after(_padded(_release(version), len(lower[0].numbers)))
            if len(closes) > count:
                raise RequirementError(
                    f"`<{_spelt(upper[0].numbers)}` has too few numbers to become `<{_spelt(closes)}`"
                )
            operands[lower[0]] = spell(lower[0])
            operands[upper[0]] = _spelt(_padded(closes, count))
    for clause in sorted(operands, key=lambda clause: -clause.start):
        text = text[: clause.start] + operands[clause] + text[clause.end :]
    return text


def _after(lower: Numbers) -> Numbers:
    """Where the line of compatibility that begins with some numbers ends: 0.4.2 before 0.5, 1.2 before 2."""
    kept = _breaking(lower)
    return (*lower[:kept], lower[kept] + 1)


def _breaking(numbers: Numbers) -> int:
    """Which number a breaking change raises: the first that is not zero (Cargo book, *Caret requirements*)."""
    return next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)


def _release(version: Version) -> Numbers:
    return version.major, version.minor, version.patch


def _padded(numbers: Numbers, count: int) -> Numbers:
    return (*numbers, *(0 for _ in range(count)))[:count]


def _spelt(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))
