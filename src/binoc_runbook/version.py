"""One version in its three spellings: Cargo's (SemVer), Python's (PEP 440) and the git tag's.

A release carries one version in two worlds that disagree about more than spelling: what is a pre-release to one can
be a post-release to the other, and the same two versions can sort in opposite orders. So only what round-trips
between all three spellings and sorts alike in both worlds is a `Version`; everything else is refused with the reason
and the nearest good spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

PreRelease = Literal["alpha", "beta", "rc"]

#: The pre-releases that both worlds know, and Python's word for each. Both sort them in this, the alphabetical, order.
_PYTHON_WORD: dict[PreRelease, str] = {"alpha": "a", "beta": "b", "rc": "rc"}
_WORD: dict[str, PreRelease] = {"alpha": "alpha", "a": "alpha", "beta": "beta", "b": "beta", "rc": "rc"}

#: Cargo reads the three numbers as unsigned 64-bit integers; for the one of a pre-release that is far enough, too.
_LARGEST = 2**64 - 1
#: More characters than the longest version that can be accepted has; nothing longer is worth taking apart.
_LONGEST = 100

_NUMBER = "(?:0|[1-9][0-9]*)"  # never \d, which also matches the digits of other scripts
_NUMBERS = rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
_SEMVER = re.compile(rf"{_NUMBERS}(?:-(?P<word>alpha|beta|rc)\.(?P<count>{_NUMBER}))?")
_PEP440 = re.compile(rf"{_NUMBERS}(?:(?P<word>a|b|rc)(?P<count>{_NUMBER}))?")


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
        if isinstance(text, str) and (match := _SEMVER.fullmatch(text)) and (version := cls._of(match)):
            return version
        raise _refusal(text, "semver")

    @classmethod
    def from_pep440(cls, text: object) -> Version:
        """Read the normal form of PEP 440: `0.4.0`, `0.4.0a1`, `0.4.0b1` or `0.4.0rc1`.

        Raises:
            VersionError: For everything else, other forms of PEP 440 included: they would not round-trip.
        """
        if isinstance(text, str) and (match := _PEP440.fullmatch(text)) and (version := cls._of(match)):
            return version
        raise _refusal(text, "pep440")

    @classmethod
    def _of(cls, match: re.Match[str]) -> Version | None:
        if len(match.string) > _LONGEST:
            return None
        numbers = [int(match[name]) for name in ("major", "minor", "patch")]
        pre: tuple[PreRelease, int] | None = None
        if word := match["word"]:
            pre = (_WORD[word], int(match["count"]))
        return _bounded(numbers, pre)

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


def _bounded(numbers: list[int], pre: tuple[PreRelease, int] | None) -> Version | None:
    if max(*numbers, pre[1] if pre else 0) > _LARGEST:
        return None
    major, minor, patch = numbers
    return Version(major, minor, patch, pre)


# What follows is only reached by what was refused: it reads as loosely as can be, to say what is wrong and what was
# probably meant.

Spelling = Literal["semver", "pep440"]

_LOOSE = re.compile(
    r"(?P<v>v\.?)?(?:(?P<epoch>[0-9]+)!)?(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<suffix>[^+]*)(?P<build>\+.*)?",
    re.IGNORECASE | re.DOTALL,
)
_LOOSE_SUFFIX = re.compile(r"[-_.]?(?P<word>[a-z]*)[-_.]?(?P<count>[0-9]*)(?P<more>.*)", re.IGNORECASE | re.DOTALL)

#: Words for a pre-release that only one world knows, or that the two sort differently: what they were probably meant
#: to say, and why they are refused.
_FOREIGN: dict[str, tuple[PreRelease, str]] = {
    "c": ("rc", "Python reads `c` as `rc`, and Cargo does not"),
    "pre": ("rc", "Python reads `pre` as `rc`, so it would come back as another version"),
    "preview": ("rc", "Python reads `preview` as `rc`, so it would come back as another version"),
    "dev": ("alpha", "Python sorts `dev` below every alpha, Cargo above every beta"),
    "nightly": ("alpha", "Python has no `nightly` versions"),
    "snapshot": ("alpha", "Python has no `snapshot` versions"),
}
_POST = ("post", "rev", "r")

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-")


def _refusal(given: object, spelling: Spelling) -> VersionError:
    if not isinstance(given, str):
        return _refusal_of_a_value(given, spelling)
    faults, meant = _faults(given, spelling)
    nearest = getattr(meant, spelling) if meant else None
    example = "`0.4.0` or `0.4.0-rc.1`" if spelling == "semver" else "`0.4.0` or `0.4.0rc1`"
    remedy = f"type `{nearest}`" if nearest else f"type a version such as {example}"
    return VersionError(_shown(given), "; ".join(faults), nearest, remedy)


def _refusal_of_a_value(given: object, spelling: Spelling) -> VersionError:
    """Refuse what is no text, such as what papermill makes of `-p version 0.4`."""
    if given is None:
        return VersionError("None", "no version was given", None, "pass `-r version 0.4.0`")
    if isinstance(given, bool) or not isinstance(given, int | float):
        reason = f"it is of type `{type(given).__name__}`, not text"
        return VersionError(_shown(given), reason, None, "pass `-r version 0.4.0`")
    shown = _shown(given)
    _, meant = _faults(shown, spelling)
    nearest = getattr(meant, spelling) if meant else None
    reason = "it is a number, not text; papermill makes numbers of what looks like one"
    remedy = f"pass `-r version {nearest or '0.4.0'}`"
    if isinstance(given, float):
        reason += ", and digits may be lost already: `-p version 1.10` arrives as the number 1.1"
        if nearest and re.fullmatch(r"[0-9]+\.[0-9]*[1-9]", shown):
            remedy += f", or `-r version {shown}0.0` if `{shown}0` was typed"
    return VersionError(shown, reason, nearest, remedy)


def _faults(text: str, spelling: Spelling) -> tuple[list[str], Version | None]:
    """Everything that is wrong with `text`, and the version that was probably meant."""
    if not text.strip():
        return ["it is empty"], None
    if len(text) > _LONGEST:
        return [f"it is {len(text)} characters long"], None
    faults = []
    plain = "".join(str(int(sign)) if sign.isdecimal() else _DASHES.get(sign, sign) for sign in text)
    if plain != text:
        faults.append("it has digits or dashes that are not ASCII")
    if (joined := "".join(plain.split())) != plain:
        faults.append("it contains white space")
    if not joined.isprintable():  # nothing of it may be repeated to a terminal
        return [*faults, "it has characters that cannot be printed"], None
    match = _LOOSE.fullmatch(joined)
    if match is None:
        return [*faults, "it does not begin with the numbers of a version"], None
    if match["v"]:
        faults.append(f"`{match['v']}` belongs to the tag, not to the version")
    if match["epoch"]:
        faults.append(f"Cargo has no epochs (`{match['epoch']}!`)")
    numbers = _loose_numbers(match["numbers"], faults)
    release = ".".join(map(str, numbers))
    pre, faulty = None, False
    if match["suffix"]:
        before = len(faults)
        pre = _loose_suffix(match["suffix"], release, spelling, faults)
        faulty = len(faults) > before
    if match["build"]:
        faults.append(f"PyPI refuses local versions and crates.io ignores build metadata (`{match['build']}`)")
    meant = _bounded(numbers, pre) if pre or not faulty else None
    if match["suffix"] and _is_post(match["suffix"]):
        meant = _bounded([*numbers[:2], numbers[2] + 1], None)
    if any(int(number) > _LARGEST for number in re.findall("[0-9]+", joined)):
        return [*faults, f"a number is larger than {_LARGEST}, the largest that Cargo reads"], None
    return faults, meant


def _loose_numbers(text: str, faults: list[str]) -> list[int]:
    """Fill up with zeros or cut what was probably meant as three numbers."""
    parts = text.split(".")
    if len(parts) != 3:
        faults.append(f"it has {len(parts)} number{'s'[: len(parts) - 1]} where Cargo wants three")
    if any(part != "0" and part.startswith("0") for part in parts):
        faults.append("Cargo refuses leading zeros, and Python drops them")
    return [int(part) for part in (*parts, "0", "0")[:3]]


def _loose_suffix(suffix: str, release: str, spelling: Spelling, faults: list[str]) -> tuple[PreRelease, int] | None:
    """Find the pre-release that was probably meant by what follows the numbers."""
    match = _LOOSE_SUFFIX.match(suffix)
    if match is None:  # never: every part of the pattern may be empty
        return None
    word, count, more = match["word"].lower(), match["count"], match["more"]
    number = int(count or 1)
    if _is_post(suffix):
        faults.append(f"`{suffix}` is a post-release to Python; SemVer has none, and would sort it before `{release}`")
        return None
    if not word and not count:
        faults.append(f"`{suffix}` is no pre-release of either Cargo or Python")
        return None
    if not word:
        post = f"{release}.post{number}"
        faults.append(
            f"`{suffix}` is a pre-release to Cargo, and to Python the post-release `{post}`, after `{release}`"
        )
        pre: PreRelease = "rc"
    elif word in _FOREIGN:
        pre, reason = _FOREIGN[word]
        faults.append(reason)
    elif word in _WORD:
        pre = _WORD[word]
        good = f"-{pre}.{number}" if spelling == "semver" else f"{_PYTHON_WORD[pre]}{number}"
        if not more and suffix != good:
            faults.append(_misspelling(suffix, good, pre, count, spelling))
    else:
        faults.append(f"Python knows no pre-release `{word}`, only alpha, beta and rc")
        return None
    if more:
        faults.append(f"Python knows one number after the pre-release, and no `{more}`")
    return pre, number


def _misspelling(suffix: str, good: str, pre: PreRelease, count: str, spelling: Spelling) -> str:
    """Why a pre-release that both worlds know is not accepted under this spelling."""
    if not count:
        return f"`{suffix}` has no number, which Python takes for 0 and Cargo sorts before it"
    if spelling == "pep440":
        return f"PEP 440 spells `{suffix}` as `{good}`, and would give it back so"
    if suffix == f"-{pre}{count}":
        return f"without a dot Cargo sorts `{suffix}` as text, {pre}10 before {pre}9"
    if suffix == f"{_PYTHON_WORD[pre]}{int(count)}":
        return f"`{suffix}` is Python's spelling, Cargo's is `{good}`"
    return f"Cargo spells `{suffix}` as `{good}`"


def _is_post(suffix: str) -> bool:
    match = _LOOSE_SUFFIX.fullmatch(suffix)
    return match is not None and match["word"].lower() in _POST


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
