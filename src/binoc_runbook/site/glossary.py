"""Terms of glossaries in the search index of every build.

    extensions = ["binoc_runbook.site.glossary"]

Sphinx adds the terms when it writes their page, and a build that does not write it loses them: `IndexBuilder.load` does
not read them. The page is therefore written in every build.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def pages_with_terms(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages to write: those that define a term."""
    objects = env.domains.standard_domain.get_objects()
    return sorted({page for _, _, kind, page, *_ in objects if kind == "term"})


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages with terms in every build."""
    app.connect("env-updated", pages_with_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
