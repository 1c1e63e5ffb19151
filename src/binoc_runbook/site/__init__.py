"""The site, as Sphinx and MyST-NB make it: one extension, whose parts can also be used alone.

    extensions = ["myst_nb", "binoc_runbook.site"]

`decisions` ties sentences to questions, `releases` lists the records, `runbooks` shows the procedures as they ran,
`reference` makes pages from the library, and `reading` lets everybody read all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = ("decisions", "reading", "reference", "releases", "runbooks")


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up all parts."""
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
