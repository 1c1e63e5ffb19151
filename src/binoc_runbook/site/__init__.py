"""Sphinx extension of the site; each part can also be used alone.

    extensions = ["myst_nb", "binoc_runbook.site"]

`decisions` ties sentences to checks, `releases` lists the release records, `runbooks` shows rehearsed runbooks,
`landing` shows the state of a project and stills of a rehearsal, `reference` generates reference pages from the
library, `glossary` lets the search find terms, `shell_commands` formats commands, and `accessibility` completes the
markup of all pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = ("accessibility", "decisions", "glossary", "landing", "reference", "releases", "runbooks", "shell_commands")


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up all parts."""
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
