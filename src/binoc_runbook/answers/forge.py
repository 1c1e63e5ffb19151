"""What a forge answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["value", "absent", "forbidden", "refused", "no answer", "no token"]


@dataclass(frozen=True, slots=True)
class ForgeAnswer:
    """What a forge answered to `question`, such as `GET /repos/owner/name`.

    `value` is the JSON that it gave. Otherwise `reason` says in its own words why there is none: *absent* is that it
    knows no such thing (or hides it from this token), *forbidden* that the token may not do this, *refused* that the
    request was understood and declined, *no answer* that nothing is known, and *no token* that nobody was asked.
    """

    question: str
    outcome: Outcome
    value: Any = None
    reason: str = ""
