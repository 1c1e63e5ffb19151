"""Requirements on packages of the workspace: which operands quote the version, and how to update them.

The same rule applies to both ecosystems, and depends on the requirement only:

- `=`, `^`, `~` and a bare version in Cargo, and `==`, `===` and `~=` in Python, *quote* the version, with as many
  numbers as are written (`0.4` quotes 0.4.0 and 0.4.7).
- `>=` quotes if a `<` in the same requirement is the end of its compatible range, as in `>=0.4.0,<0.5` and `>=1.2,<2`:
  this pair is the long form of `^` in Cargo. Both operands are then updated.
- All other `>=`, `>`, `<`, `<=` and `!=` are bounds that a maintainer chose. They are not changed.

Operators, spacing and the number of numbers are kept, so setting another version and then the old one restores the
text. If the result would not allow the version, because of a bound or too few numbers, it is not written:
`RequirementError` is raised, and a maintainer decides.

A Cargo requirement with fewer than three numbers does not allow a pre-release (Cargo book, *Specifying Dependencies*).
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
    """A requirement that does not allow a version even with updated operands; the message is the reason.

    `suggestion` is a requirement that allows it, or `None` if only a maintainer can decide.
    """

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.suggestion = suggestion


class _Clause(NamedTuple):
    """One comparison of a requirement: `text[start:end]` is its operand, with the given `numbers`.

    `pre` is the text after the numbers, except for a wildcard.
    """

    operator: str
    numbers: Numbers
    pre: str
    wildcard: str
    start: int
    end: int


_NUMBER = "[0-9]{1,20}(?![0-9])"  # longer numbers are not versions

# Cargo.

_CARGO = re.compile(
    r"\s*(?P<operator>>=|<=|[=<>^~]|)\s*"
    rf"(?P<operand>(?P<numbers>{_NUMBER}(?:\.{_NUMBER}){{0,2}})(?P<wildcard>(?:\.[*xX]){{1,2}})?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)\s*"
)


@lru_cache(maxsize=1024)  # most requirements of a workspace are equal
def in_cargo(text: str, version: Version) -> str:
    """Return a Cargo requirement with its quoted versions set to a version.

    Raises `RequirementError` if the result would not allow the version, or if the requirement is invalid.
    """
    if re.fullmatch(r"\s*[*xX]\s*", text):
        if version.is_prerelease:
            raise RequirementError(f"`{text.strip()}` never allows a pre-release", version.semver)
        return text
    clauses, quoting = _cargo_clauses(text), ("", "^", "~", "=")
    new = _updated(text, clauses, version, quoting, lambda clause: _cargo_operand(clause, version))
    if cargo_allows(new, version):
        return new
    in_full = _updated(text, clauses, version, quoting, lambda _: version.semver)
    raise RequirementError(
        f"`{new}` does not allow {version.semver}", in_full if cargo_allows(in_full, version) else None
    )


def _cargo_clauses(text: str) -> list[_Clause]:
    clauses, end = _clauses(text, _CARGO)
    if end != len(text):
        raise RequirementError(f"`{text}` is not a valid Cargo requirement")
    return clauses


def _cargo_operand(clause: _Clause, version: Version) -> str:
    if len(clause.numbers) == 3 and not clause.wildcard:
        return version.semver
    return _dotted(_release(version)[: len(clause.numbers)]) + clause.wildcard


def cargo_allows(text: str, version: Version) -> bool:
    """Return whether a Cargo requirement allows a version, by the rules of the `semver` crate."""
    clauses = _cargo_clauses(text)
    # A pre-release is allowed only by a comparison with a pre-release of the same three numbers.
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
    """Return the end of the versions with the same numbers up to an index, before its pre-releases."""
    return _padded((*numbers[:index], numbers[index] + 1), 3), ()


def _pre_key(pre: str) -> tuple[Any, ...]:
    """Return the sort key of a pre-release (SemVer 2.0.0, item 11); a release sorts after all of them."""
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
    """Return the name in a requirement that has a version (PEP 508), as it is written; `None` for others."""
    match = _NAME.match(text)
    return match[1] if match else None


@lru_cache(maxsize=1024)
def in_python(text: str, version: Version) -> str:
    """Return a PEP 508 requirement with its quoted versions set to a version; extras and markers are kept.

    Raises `RequirementError` if the result would not allow the version, or if the requirement is invalid.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    name = _NAME.match(text)
    clauses, _ = _clauses(text, _PYTHON, name.end() if name else 0)
    new = _updated(text, clauses, version, ("==", "===", "~="), lambda clause: _python_operand(clause, version))
    try:
        requirement = Requirement(new)
    except InvalidRequirement:
        raise RequirementError(f"`{new}` is not a valid requirement (PEP 508)") from None
    # Installers exclude pre-releases by default; only the range is checked here.
    if not requirement.specifier.contains(version.pep440, prereleases=True):
        raise RequirementError(f"`{requirement.specifier}` does not allow {version.pep440}")
    return new


def _python_operand(clause: _Clause, version: Version) -> str:
    # PEP 440 pads `0.5rc1` with zeros to 0.5.0rc1, so a short operand stays short.
    pre = "" if clause.wildcard else version.pep440.removeprefix(_dotted(_release(version)))
    return _dotted(_padded(_release(version), len(clause.numbers))) + pre + clause.wildcard


# Both.


def _clauses(text: str, pattern: re.Pattern[str], at: int = 0) -> tuple[list[_Clause], int]:
    """Parse comma-separated comparisons from an offset; return them and the offset of their end."""
    clauses: list[_Clause] = []
    while match := pattern.match(text, at):
        numbers = tuple(int(number) for number in match["numbers"].split("."))
        pre, wildcard = match["pre"] or "", match["wildcard"] or ""
        clauses.append(_Clause(match["operator"], numbers, pre, wildcard, *match.span("operand")))
        if not text.startswith(",", match.end()):
            return clauses, match.end()
        at = match.end() + 1
    raise RequirementError(f"`{text[at : at + 40]}` is not a version comparison")


def _updated(
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
                    f"`<{_dotted(upper[0].numbers)}` has too few numbers to become `<{_dotted(closes)}`"
                )
            operands[lower[0]] = spell(lower[0])
            operands[upper[0]] = _dotted(_padded(closes, count))
    for clause in sorted(operands, key=lambda clause: -clause.start):
        text = text[: clause.start] + operands[clause] + text[clause.end :]
    return text


def _after(lower: Numbers) -> Numbers:
    """Return the end of the compatible range that begins with some numbers: 0.5 for 0.4.2, 2 for 1.2."""
    kept = _breaking(lower)
    return (*lower[:kept], lower[kept] + 1)


def _breaking(numbers: Numbers) -> int:
    """Return the index of the number that a breaking change raises (Cargo book, *Caret requirements*)."""
    return next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)


def _release(version: Version) -> Numbers:
    return version.major, version.minor, version.patch


def _padded(numbers: Numbers, count: int) -> Numbers:
    return (*numbers, *(0 for _ in range(count)))[:count]


def _dotted(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))
