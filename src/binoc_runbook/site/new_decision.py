"""Create decision pages, named by date and title, from the template `new_decision.md`."""

from __future__ import annotations

import datetime
import re
import unicodedata
from pathlib import Path
from string import Template

from binoc_runbook.finding import Finding, RefusedError

CHECK = "adr"
DIRECTORY = "docs/adr"

_TEMPLATE = Path(__file__).with_suffix(".md")


def start_decision(root: Path, title: str, date: datetime.date) -> str:
    """Create the page of a decision with the status Proposed; return its path relative to the root.

    Raises:
        RefusedError: The title has no letter or digit for a file name, or the page already exists.
    """
    title = " ".join(title.split())
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title.replace("'", "")).strip("-")
    if not slug:
        raise _refused(f"title `{title}`", "contains no ASCII letter or digit", 'just adr "A short title"')
    path = f"{DIRECTORY}/{date.isoformat()}-{slug}.md"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    text = Template(_TEMPLATE.read_text("utf-8")).substitute(title=title, date=date.isoformat())
    try:
        with file.open("x", encoding="utf-8") as page:
            page.write(text)
    except FileExistsError:
        raise _refused(path, "already exists", 'just adr "Another title"') from None
    return path


def _refused(looked_at: str, saw: str, remedy: str) -> RefusedError:
    return RefusedError("no decision page was created", [Finding.failed(CHECK, looked_at, saw, remedy)])
