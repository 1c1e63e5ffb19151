"""New pages of decisions, named after their day and title; the template is `new_decision.md`."""

from __future__ import annotations

import datetime
import re
import unicodedata
from pathlib import Path
from string import Template

from binoc_runbook.finding import Finding, RefusedError

CHECK = "adr"
FOLDER = "docs/adr"

_TEMPLATE = Path(__file__).with_suffix(".md")


def start_decision(root: Path, title: str, day: datetime.date) -> str:
    """Write the first draft of a decision's page; return its path from the root.

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
    # `%B` is English: Python uses the language of the machine only after a call of `locale.setlocale`.
    text = Template(_TEMPLATE.read_text("utf-8")).substitute(title=title, day=f"{day.day} {day:%B %Y}")
    try:
        with file.open("x", encoding="utf-8") as page:
            page.write(text)
    except FileExistsError:
        raise _refused(path, "is there already, and stays as it is", 'just adr "Another title"') from None
    return path


def _refused(looked_at: str, saw: str, remedy: str) -> RefusedError:
    return RefusedError("no decision was started", [Finding.failed(CHECK, looked_at, saw, remedy)])
