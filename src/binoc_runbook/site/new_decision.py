"""A new page in the record of decisions: named after its day and its title, with the chapters that such a page has."""

from __future__ import annotations

import datetime
import re
import unicodedata
from pathlib import Path

from binoc_runbook.finding import Finding, RefusedError

CHECK = "adr"
FOLDER = "docs/adr"

_TEMPLATE = """\
# {title}

Decided on {day}.

## Context

What has to be decided, why now, and what is known about it.

## Decision

% One sentence in each of these. Behind `decided`, name the questions of the library that show whether it is true; the
% overview of all decisions lists them. Without one it is shown as unverified.

```{{decided}}
What is decided, in one sentence that can be true or false.
```

## Rejected

What else could have been decided, and why it was not.

## Consequences

What follows from it, the unpleasant included.
"""


def start_decision(root: Path, title: str, day: datetime.date) -> str:
    """Write the first draft of a decision's page; returns its path from the root.

    Raises:
        RefusedError: The title leaves nothing to name a file after, or there is such a page, which stays as it is.
    """
    title = " ".join(title.split())
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
    if not slug:
        saw = "has no letter or digit that a file could be named after"
        raise _refused(f"the title `{title}`", saw, 'just adr "What was decided, in a few words"')
    path = f"{FOLDER}/{day.isoformat()}-{slug}.md"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(_TEMPLATE.format(title=title, day=f"{day.day} {_MONTHS[day.month - 1]} {day.year}"))
    except FileExistsError:
        raise _refused(path, "is there already, and stays as it is", 'just adr "Another title"') from None
    return path


# Not `%B`, which speaks the language of the machine.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _refused(looked_at: str, saw: str, remedy: str) -> RefusedError:
    return RefusedError("no decision was started", [Finding.failed(CHECK, looked_at, saw, remedy)])
