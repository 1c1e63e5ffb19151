"""Versions in three spellings: Cargo (SemVer), Python (PEP 440) and git tag.

Cargo and Python differ in more than spelling: a pre-release in one can be a post-release in the other, and the same two
versions can sort in opposite orders. `Version` accepts only versions that round-trip between all three spellings and
sort alike in both systems. All others are refused with the reason and the nearest valid spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import total_ordering
from typing import Literal

PreRelease = Literal["alpha", "beta", "rc"]

Spelling = Literal["semver", "pep440"]

#: The pre-releases that both systems support, with their names in Python. Both sort them in alphabetical order.
_PYTHON_WORD: dict[PreRelease, str] = {"alpha": "a", "beta": "b", "rc": "rc"}
_WORD: dict[str, PreRelease] = {"alpha": "alpha", "a": "alpha", "beta": "beta", "b": "beta", "rc": "rc"}

#: Cargo parses the three numbers as unsigned 64-bit integers; the same limit is used for the number of a pre-release.
_LARGEST = 2**64 - 1
#: The length limit of texts that are parsed; all valid versions are shorter.
_LONGEST = 100

_NUMBER = "(?:0|[1-9][0-9]*)"  # not \d, which also matches the digits of other scripts
_NUMBERS = rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
_PATTERNS: dict[Spelling, re.Pattern[str]] = {
    "semver": re.compile(rf"{_NUMBERS}(?:-(?P<word>alpha|beta|rc)\.(?P<count>{_NUMBER}))?"),
    "pep440": re.compile(rf"{_NUMBERS}(?:(?P<word>a|b|rc)(?P<count>{_NUMBER}))?"),
}


class VersionError(ValueError):
    """A value that is not a version for a release.

    `given` is the value, shortened for display. `reason` lists what is wrong. `nearest` is the nearest valid version in
    the expected spelling, if there is one. `remedy` is what to type.
    """

    def __init__(self, given: str, reason: str, nearest: str | None, remedy: str) -> None:
        super().__init__(given, reason, nearest, remedy)
        self.given = given
        self.reason = reason
        self.nearest = nearest
        self.remedy = remedy

    def __str__(self) -> str:
        return f"`{self.given}` is not a version that can be released: {self.reason}; {self.remedy}"


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version that round-trips between Cargo, Python and git tags.

    Created by `Version.parse` or `Version.from_pep440`, and ordered by precedence (SemVer 2.0.0, item 11). `pre` is the
    kind and number of a pre-release, or None for a final release.
    """

    major: int
    minor: int
    patch: int
    pre: tuple[PreRelease, int] | None = None

    @classmethod
    def parse(cls, text: object) -> Version:
        """Parse the SemVer spelling: `0.4.0`, `0.4.0-alpha.1`, `0.4.0-beta.1` or `0.4.0-rc.1`.

        Raises:
            VersionError: PyPI or crates.io would refuse the text or read it as another version, or the value is not a
                text (papermill passes `-p version 0.4` as a number).
        """
        return cls._read(text, "semver")

    @classmethod
    def from_pep440(cls, text: object) -> Version:
        """Parse the normal form of PEP 440: `0.4.0`, `0.4.0a1`, `0.4.0b1` or `0.4.0rc1`.

        Raises:
            VersionError: The text has another form, including other forms of PEP 440, which would not round-trip.
        """
        return cls._read(text, "pep440")

    @classmethod
    def _read(cls, text: object, spelling: Spelling) -> Version:
        match = _PATTERNS[spelling].fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
        if match and all(int(number) <= _LARGEST for number in re.findall("[0-9]+", match[0])):
            pre = (_WORD[match["word"]], int(match["count"])) if match["word"] else None
            return cls(int(match["major"]), int(match["minor"]), int(match["patch"]), pre)
        raise _refusal(text, spelling)

    @property
    def semver(self) -> str:
        """Return the Cargo spelling, which parameters and changelogs use: `0.4.0-rc.1`."""
        return self._release if self.pre is None else f"{self._release}-{self.pre[0]}.{self.pre[1]}"

    @property
    def pep440(self) -> str:
        """Return the Python spelling, in the normal form of PEP 440: `0.4.0rc1`."""
        return self._release if self.pre is None else f"{self._release}{_PYTHON_WORD[self.pre[0]]}{self.pre[1]}"

    @property
    def tag(self) -> str:
        """Return the usual git tag, `v0.4.0-rc.1`; `Policy.tag_of` returns that of a policy."""
        return f"v{self.semver}"

    def next(self) -> Version:
        """Return the next version after it: the next patch version, or the next pre-release of the same kind."""
        if self.pre is None:
            return replace(self, patch=self.patch + 1)
        return replace(self, pre=(self.pre[0], self.pre[1] + 1))

    @property
    def is_prerelease(self) -> bool:
        """Return whether this is a pre-release."""
        return self.pre is not None

    @property
    def _release(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def __str__(self) -> str:
        return self.semver

    def __lt__(self, other: object) -> bool:
        return self._precedence < other._precedence if isinstance(other, Version) else NotImplemented

    @property
    def _precedence(self) -> tuple[object, ...]:
        return (self.major, self.minor, self.patch, self.pre is None, self.pre or ())


# The following code is only used for errors. It parses loosely, to describe the problem and suggest a version.

_LOOSE = re.compile(
    r"(?P<v>v\.?)?(?P<epoch>[0-9]+!)?(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    r"(?P<suffix>[-_.]?(?P<word>[a-z]*)[-_.]?(?P<count>[0-9]*)(?P<more>[!-*,-~]*))(?P<build>\+[!-~]*)?",
    re.IGNORECASE,
)

#: The probable meaning of the word after the numbers, and the problem with it in all spellings.
_WORDS: dict[str, tuple[PreRelease | None, str]] = {
    **{word: (pre, "") for word, pre in _WORD.items()},
    **dict.fromkeys(("c", "pre", "preview"), ("rc", "Python reads `{word}` as `rc`, but Cargo does not")),
    "dev": ("alpha", "Python sorts `dev` before all alpha versions, Cargo after all beta versions"),
    **dict.fromkeys(("nightly", "snapshot"), ("alpha", "Python has no `{word}` versions")),
    **dict.fromkeys(("post", "rev", "r"), (None, "`{suffix}` is a post-release in Python; SemVer has none")),
    "": ("rc", "`{suffix}` is a pre-release in Cargo, but the post-release `{release}.post{number}` in Python"),
}

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-")


def _refusal(given: object, spelling: Spelling) -> VersionError:
    shown = _shown(given)
    if isinstance(given, str):
        faults, nearest = _faults(given, spelling)
        example = "`0.4.0` or `0.4.0-rc.1`" if spelling == "semver" else "`0.4.0` or `0.4.0rc1`"
        remedy = f"type `{nearest}`" if nearest else f"type a version such as {example}"
        return VersionError(shown, "; ".join(faults), nearest, remedy)
    # papermill converts `-p version 0.4` to a number.
    number = isinstance(given, int | float) and not isinstance(given, bool)
    nearest = _faults(shown, spelling)[1] if number else None
    reason = f"it has the type `{type(given).__name__}`, not text; with `-p`, papermill converts numbers"
    remedy = f"pass `-r version {nearest or '0.4.0'}`"
    if isinstance(given, float):
        reason += ", which can drop digits: `-p version 1.10` becomes the number 1.1"
        if nearest and re.fullmatch(r"[0-9]+\.[0-9]*[1-9]", shown):
            remedy += f", or `-r version {shown}0.0` if `{shown}0` was typed"
    return VersionError(shown, reason, nearest, remedy)


def _faults(text: str, spelling: Spelling) -> tuple[list[str], str | None]:
    """Return everything that is wrong with `text`, and the nearest valid version."""
    if len(text) > _LONGEST:
        return [f"it is {len(text)} characters long"], None
    plain = "".join(str(int(sign)) if sign.isdecimal() else _DASHES.get(sign, sign) for sign in text)
    joined = "".join(plain.split())
    match = _LOOSE.fullmatch(joined)
    if match is None:  # do not print such text to a terminal
        return ["it does not begin with the numbers of a version, or has invalid characters"], None
    faults = []
    if joined != text:
        faults.append("it contains white space, or digits or dashes that are not ASCII")
    if match["v"]:
        faults.append(f"`{match['v']}` belongs to the tag, not to the version")
    if match["epoch"]:
        faults.append(f"Cargo does not support epochs (`{match['epoch']}`)")
    parts = match["numbers"].split(".")
    if len(parts) != 3:
        faults.append(f"it has {len(parts)} number{'s'[: len(parts) - 1]} instead of 3")
    if any(part != "0" and part.startswith("0") for part in parts):
        faults.append("Cargo refuses leading zeros, and Python removes them")
    major, minor, patch = (int(part) for part in (*parts, "0", "0")[:3])
    release = Version(major, minor, patch)
    meant = _with_suffix(release, match, spelling, faults) if match["suffix"] else release
    if match["build"]:
        faults.append(f"PyPI refuses local versions and crates.io ignores build metadata (`{match['build']}`)")
    nearest = getattr(meant, spelling) if meant else ""
    if any(int(number) > _LARGEST for number in re.findall("[0-9]+", joined + nearest)):
        return [*faults, f"a number is larger than {_LARGEST}, the limit of Cargo"], None
    return faults, nearest or None


def _with_suffix(release: Version, match: re.Match[str], spelling: Spelling, faults: list[str]) -> Version | None:
    """Return the version that the text after the numbers probably means."""
    suffix, word, number = match["suffix"], match["word"].lower(), int(match["count"] or 1)
    if word not in _WORDS or not (word or match["count"]):
        faults.append(f"`{suffix}` is not a pre-release in Cargo and Python; use alpha, beta or rc")
        return None
    pre, fault = _WORDS[word]
    meant = replace(release, pre=(pre, number)) if pre else replace(release, patch=release.patch + 1)
    good: str = getattr(meant, spelling).removeprefix(release.semver)
    if fault:
        faults.append(fault.format(suffix=suffix, word=word, release=release, number=number))
    elif match["more"]:
        faults.append(f"in Python, a pre-release has one number, and no `{match['more']}`")
    elif suffix != good:
        faults.append(f"write `{suffix}` as `{good}` for {'Cargo' if spelling == 'semver' else 'Python'}")
    return meant


def _shown(given: object) -> str:
    return (shortened(given) if isinstance(given, str) else quoted(given)) or '""'


def quoted(value: object) -> str:
    """Return the `repr` of a value that a user typed, as `shortened`."""
    try:
        return shortened(repr(value))
    except ValueError:  # an integer of more than 4,300 digits has no decimal text
        return "…"


def shortened(text: str, length: int = 60) -> str:
    """Return a text for a message: one line, with `…` in place of what follows its first `length` characters."""
    text = text if len(text) <= length else f"{text[:length]}…"
    return text if text.isprintable() else repr(text)[1:-1]
