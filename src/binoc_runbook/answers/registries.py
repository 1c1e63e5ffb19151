"""What the registries answer, through the clients that their users have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a registry knows a name, asked by `question`; `reason` says why that is *unknown*."""

    question: str
    answer: Literal["yes", "no", "unknown"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a registry answered to `question`, about one version of one name.

    `digests` are the SHA-256 digests, in hexadecimal, of the files that it offers; there are some exactly when `kind`
    is `offered`. `reason` says why there are none. `commit` is the full name of the commit that the files say they
    were made from, where the registry's files say that (a `.crate` does).
    """

    kind: Literal["offered", "no version", "no name", "no answer"]
    question: str
    digests: frozenset[str] = frozenset()
    reason: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whether a file proves where it was built: `proven`, `refuted`, or `unknown` with the reason."""

    file: str
    kind: Literal["proven", "refuted", "unknown"]
    reason: str = ""
