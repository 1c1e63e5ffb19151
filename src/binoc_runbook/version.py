"""One version in its three spellings: Cargo's (SemVer), Python's (PEP 440) and the git tag's.

A release carries one version in two worlds that disagree about more than spelling: what is a pre-release to one can
be a post-release to the other, and the same two versions can sort in opposite orders. So only what round-trips
between all three spellings and sorts alike in both worlds is a `Version`; everything else is refused with the reason
and the nearest good spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import total_ordering
from typing import Literal

PreRelease = Literal["alpha", "beta", "rc"]

Spelling = Literal["semver", "pep440"]

#: The pre-releases that both worlds know, and Python's word for each. Both sort them in this, the alphabetical, order.
_PYTHON_WORD: dict[PreRelease, str] = {"alpha": "a", "beta": "b", "rc": "rc"}
_WORD: dict[str, PreRelease] = {"alpha": "alpha", "a": "alpha", "beta": "beta", "b": "beta", "rc": "rc"}

#: Cargo reads the three numbers as unsigned 64-bit integers; for the one of a pre-release that is far enough, too.
_LARGEST = 2**64 - 1
#: More characters than the longest version that can be accepted has; nothing longer is worth taking apart.
_LONGEST = 100

_NUMBER = "(?:0|[1-9][0-9]*)"  # never \d, which also matches the digits of other scripts
_NUMBERS = rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
_SPELT: dict[Spelling, re.Pattern[str]] = {
    "semver": re.compile(rf"{_NUMBERS}(?:-(?P<word>alpha|beta|rc)\.(?P<count>{_NUMBER}))?"),
    "pep440": re.compile(rf"{_NUMBERS}(?:(?P<word>a|b|rc)(?P<count>{_NUMBER}))?"),
}


class VersionError(ValueError):
    """What was given is no version that can be released.

    `given` is what was given, shortened for display; `reason` says what is wrong and what it would mean; `nearest` is
    the nearest good spelling in the spelling that was asked for, if there is one; `remedy` says what to type.
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
    """A version that Cargo, Python and git spell each in their way and that all of them sort alike.

    Made by `Version.parse` or `Version.from_pep440`; ordered by precedence (SemVer 2.0.0, item 11). `pre` is the kind
    of pre-release and its number, or None for a final release.
    """

    major: int
    minor: int
    patch: int
    pre: tuple[PreRelease, int] | None = None

    @classmethod
    def parse(cls, text: object) -> Version:
        """Read the SemVer spelling: `0.4.0`, `0.4.0-alpha.1`, `0.4.0-beta.1` or `0.4.0-rc.1`.

        Raises:
            VersionError: For everything else: what PyPI or crates.io would refuse, what either would read as another
                version, and what is no text (papermill hands over `-p version 0.4` as a number).
        """
        return cls._read(text, "semver")

    @classmethod
    def from_pep440(cls, text: object) -> Version:
        """Read the normal form of PEP 440: `0.4.0`, `0.4.0a1`, `0.4.0b1` or `0.4.0rc1`.

        Raises:
            VersionError: For everything else, other forms of PEP 440 included: they would not round-trip.
        """
        return cls._read(text, "pep440")

    @classmethod
    def _read(cls, text: object, spelling: Spelling) -> Version:
        match = _SPELT[spelling].fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
        if match and all(int(number) <= _LARGEST for number in re.findall("[0-9]+", match[0])):
            pre = (_WORD[match["word"]], int(match["count"])) if match["word"] else None
            return cls(int(match["major"]), int(match["minor"]), int(match["patch"]), pre)
        raise _refusal(text, spelling)

    @property
    def semver(self) -> str:
        """Cargo's spelling, which parameters and changelogs use: `0.4.0-rc.1`."""
        return self._release if self.pre is None else f"{self._release}-{self.pre[0]}.{self.pre[1]}"

    @property
    def pep440(self) -> str:
        """Python's spelling, in the normal form of PEP 440: `0.4.0rc1`."""
        return self._release if self.pre is None else f"{self._release}{_PYTHON_WORD[self.pre[0]]}{self.pre[1]}"

    @property
    def tag(self) -> str:
        """The customary git tag, `v0.4.0-rc.1`; the tag that a policy promises is `Policy.tag_of`."""
        return f"v{self.semver}"

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before a final release of the same numbers."""
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


# What follows is only reached by what was refused: it reads as loosely as can be, to say what is wrong and what was
# probably meant.

_LOOSE = re.compile(
    r"(?P<v>v\.?)?(?P<epoch>[0-9]+!)?(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    r"(?P<suffix>[-_.]?(?P<word>[a-z]*)[-_.]?(?P<count>[0-9]*)(?P<more>[!-*,-~]*))(?P<build>\+[!-~]*)?",
    re.IGNORECASE,
)

#: What the word after the numbers was probably meant to say, and what is wrong with it in every spelling.
_WORDS: dict[str, tuple[PreRelease | None, str]] = {
    **{word: (pre, "") for word, pre in _WORD.items()},
    **dict.fromkeys(("c", "pre", "preview"), ("rc", "Python reads `{word}` as `rc`, and Cargo does not")),
    "dev": ("alpha", "Python sorts `dev` below every alpha, Cargo above every beta"),
    **dict.fromkeys(("nightly", "snapshot"), ("alpha", "Python has no `{word}` versions")),
    **dict.fromkeys(("post", "rev", "r"), (None, "`{suffix}` is a post-release to Python, and SemVer has none")),
    "": ("rc", "`{suffix}` is a pre-release to Cargo, and to Python the post-release `{release}.post{number}`"),
}

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-")


def _refusal(given: object, spelling: Spelling) -> VersionError:
    shown = _shown(given)
    if isinstance(given, str):
        faults, nearest = _faults(given, spelling)
        example = "`0.4.0` or `0.4.0-rc.1`" if spelling == "semver" else "`0.4.0` or `0.4.0rc1`"
        remedy = f"type `{nearest}`" if nearest else f"type a version such as {example}"
        return VersionError(shown, "; ".join(faults), nearest, remedy)
    # Such as what papermill makes of `-p version 0.4`.
    number = isinstance(given, int | float) and not isinstance(given, bool)
    nearest = _faults(shown, spelling)[1] if number else None
    reason = f"it is of type `{type(given).__name__}`, not text; papermill makes numbers of what looks like one"
    remedy = f"pass `-r version {nearest or '0.4.0'}`"
    if isinstance(given, float):
        reason += ", and digits may be lost already: `-p version 1.10` arrives as the number 1.1"
        if nearest and re.fullmatch(r"[0-9]+\.[0-9]*[1-9]", shown):
            remedy += f", or `-r version {shown}0.0` if `{shown}0` was typed"
    return VersionError(shown, reason, nearest, remedy)


def _faults(text: str, spelling: Spelling) -> tuple[list[str], str | None]:
    """Everything that is wrong with `text`, and the nearest good spelling."""
    if len(text) > _LONGEST:
        return [f"it is {len(text)} characters long"], None
    plain = "".join(str(int(sign)) if sign.isdecimal() else _DASHES.get(sign, sign) for sign in text)
    joined = "".join(plain.split())
    match = _LOOSE.fullmatch(joined)
    if match is None:  # nothing of it may be repeated to a terminal
        return ["it does not begin with the numbers of a version, or goes on in signs that no version has"], None
    faults = []
    if joined != text:
        faults.append("it has white space in it, or digits or dashes that are not ASCII")
    if match["v"]:
        faults.append(f"`{match['v']}` belongs to the tag, not to the version")
    if match["epoch"]:
        faults.append(f"Cargo has no epochs (`{match['epoch']}`)")
    parts = match["numbers"].split(".")
    if len(parts) != 3:
        faults.append(f"it has {len(parts)} number{'s'[: len(parts) - 1]} where Cargo wants three")
    if any(part != "0" and part.startswith("0") for part in parts):
        faults.append("Cargo refuses leading zeros, and Python drops them")
    major, minor, patch = (int(part) for part in (*parts, "0", "0")[:3])
    release = Version(major, minor, patch)
    meant = _with_suffix(release, match, spelling, faults) if match["suffix"] else release
    if match["build"]:
        faults.append(f"PyPI refuses local versions and crates.io ignores build metadata (`{match['build']}`)")
    nearest = getattr(meant, spelling) if meant else ""
    if any(int(number) > _LARGEST for number in re.findall("[0-9]+", joined + nearest)):
        return [*faults, f"a number is larger than {_LARGEST}, the largest that Cargo reads"], None
    return faults, nearest or None


def _with_suffix(release: Version, match: re.Match[str], spelling: Spelling, faults: list[str]) -> Version | None:
    """The version that was probably meant by what follows the numbers."""
    suffix, word, number = match["suffix"], match["word"].lower(), int(match["count"] or 1)
    if word not in _WORDS or not (word or match["count"]):
        faults.append(f"`{suffix}` is no pre-release of either Cargo or Python, which both know alpha, beta and rc")
        return None
    pre, fault = _WORDS[word]
    meant = replace(release, pre=(pre, number)) if pre else replace(release, patch=release.patch + 1)
    good: str = getattr(meant, spelling).removeprefix(release.semver)
    if fault:
        faults.append(fault.format(suffix=suffix, word=word, release=release, number=number))
    elif match["more"]:
        faults.append(f"Python knows one number after the pre-release, and no `{match['more']}`")
    elif suffix != good:
        whose = "Cargo" if spelling == "semver" else "Python"
        faults.append(f"`{suffix}` is not how {whose} spells and sorts `{good}`")
    return meant


def _shown(given: object) -> str:
    """Put what was given on one line of bounded length."""
    try:
        text = given if isinstance(given, str) else repr(given)
    except ValueError:  # an integer of more than 4,300 digits has no decimal text
        text = "…"
    if len(text) > 60:
        text = f"{text[:60]}…"
    if not text:
        return '""'
    return text if text.isprintable() else repr(text)[1:-1]
