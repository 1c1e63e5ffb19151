"""Runbooks as pages of a site.

    extensions = ["binoc_runbook.site.runbooks"]
    binoc_runbooks = "../runbooks"  # the default, relative to the sources

The runbooks are copied to the directory `runbooks` of the sources, which git ignores. The copy of the release runbook
contains the output of a quick rehearsal of the current commit, which runs once for each commit. Sphinx executes neither
the copies nor the release records.

On every page of an executed runbook, the anchor of a chapter is the name of its stage.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from binoc_runbook.files import root_of, write_atomically
from binoc_runbook.finding import RefusedError
from binoc_runbook.notebook.messages import MARK
from binoc_runbook.site.releases.record_files import parse_notebook
from binoc_runbook.site.runbooks.rehearsed_notebook import (
    Notebook,
    RehearsedNotebook,
    chapter_of,
    identity,
    read_runbook,
    rehearse,
    settle_parameters,
)
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

#: The directory of the copies, relative to the sources.
PLACE = "runbooks"

_AS_RUN = """\
The outputs on this page are from a **quick rehearsal** of commit {commit} of {day}: the remote was a local directory,
the test command did nothing, and nothing was built or published. Durations are removed. [The records of real
releases](../releases/index.md) are on their own page."""

_AS_WRITTEN = """\
This page has no outputs: {reason}."""

_logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the runbooks before Sphinx searches for sources, and complete every page of a runbook."""
    app.add_config_value("binoc_runbooks", f"../{PLACE}", "env", types=[str])
    app.connect("builder-inited", place_runbooks)
    app.connect("source-read", prepare_page)
    app.connect("doctree-read", name_chapters, priority=390)  # before titles and contents are collected
    app.connect("html-page-context", link_source, priority=900)  # after extensions remove links of untracked files
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def place_runbooks(app: Sphinx) -> None:
    """Update the copies that changed; Sphinx reads only changed files again."""
    source, place = Path(app.srcdir, app.config.binoc_runbooks), Path(app.srcdir, PLACE)
    known = {path.name: path for path in sorted(source.glob("*.ipynb")) if read_runbook(path)}
    for name, runbook in known.items():
        copy = place / name
        text, reason = _page(runbook, copy)
        if reason:
            app.connect("build-finished", partial(fail_build, reason))
        if text is not None and (not copy.is_file() or copy.read_text("utf-8") != text):
            write_atomically(copy, text)
    for copy in place.glob("*.ipynb"):
        if copy.name not in known and read_runbook(copy):
            copy.unlink()  # its runbook was deleted


def fail_build(reason: str, app: Sphinx, exception: Exception | None) -> None:
    """Fail the build because a rehearsal was refused."""
    if exception is None:
        _logger.error("%s", reason)
        app.statuscode = 1


def _page(runbook: Path, copy: Path) -> tuple[str | None, str]:
    """Return the text of a copy, or `None` if it is up to date, and the reason if the rehearsal was refused."""
    notebook, root = read_runbook(runbook), root_of(runbook)
    assert notebook is not None  # noqa: S101 - checked by the caller
    name = notebook["metadata"][MARK].get("runbook")
    if name != "release":
        return _noted(notebook, _AS_WRITTEN.format(reason="a build rehearses only the release runbook")), ""
    head = World.real(root).git.query("log", "-1", "--format=%H %cs").stdout.split() if root else []
    if not root or not head:
        return _noted(notebook, _AS_WRITTEN.format(reason="no commit to rehearse")), ""
    commit, day = head
    key = identity(runbook, commit)
    before = read_runbook(copy)
    if before and before["metadata"][MARK].get("rehearsed") == key:
        return None, ""
    _logger.info("rehearsing %s for its page, at %s", runbook.name, commit[:12])
    run = rehearse(runbook, root)
    if not isinstance(run, RehearsedNotebook):
        return _noted(notebook, _AS_WRITTEN.format(reason=run)), ""
    if not run.refused:  # the next build tries a refused rehearsal again
        run.notebook["metadata"][MARK]["rehearsed"] = key
    note = _AS_RUN.format(commit=_linked(root, commit), day=day)
    reason = f"{runbook.name}: a quick rehearsal of {commit[:12]} was refused\n{run.refused}"
    return _noted(run.notebook, note), reason if run.refused else ""


def _linked(root: Path, commit: str) -> str:
    try:
        repository = read_policy(root).repository
    except RefusedError:
        repository = None
    name = f"`{commit[:12]}`"
    return f"[{name}](https://github.com/{repository}/commit/{commit})" if repository else name


def _noted(notebook: Notebook, note: str) -> str:
    """Return the JSON of the notebook with a note after its first cell, the title."""
    cell = {"cell_type": "markdown", "id": "how-it-ran", "metadata": {}, "source": f"```{{note}}\n{note}\n```"}
    notebook["cells"].insert(1, cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def prepare_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Add its chapter to the metadata of each cell of a runbook; a record shows one value of each parameter.

    The page of a runbook shows the parameters as in the file, and below them those of the rehearsal.
    """
    notebook = parse_notebook(source[0]) if str(app.env.doc2path(name)).endswith(".ipynb") else None
    if notebook is None or MARK not in notebook["metadata"]:
        return
    if not name.startswith(f"{PLACE}/"):
        settle_parameters(notebook)
    for cell in notebook["cells"]:
        if chapter := chapter_of(cell):
            cell.setdefault("metadata", {})[MARK] = {"chapter": chapter}
    source[0] = json.dumps(notebook)


def link_source(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Let the links of a page that edit and view its source lead to the runbook instead of its copy."""
    runbook = Path(app.srcdir, app.config.binoc_runbooks, f"{Path(page).name}.ipynb")
    if page.startswith(f"{PLACE}/") and runbook.parent.name == PLACE and runbook.is_file():
        context |= {"page_source_suffix": ".ipynb", "theme_source_directory": ""}


def name_chapters(app: Sphinx, document: nodes.document) -> None:
    """Make the name of its stage the first id of each chapter, so that links to it stay valid."""
    for cell in document.findall(nodes.container):
        mark = cell.get("cell_metadata", {}).get(MARK) if cell.get("nb_element") == "cell_code" else None
        section = cell.parent
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        if mark and section is not None and mark["chapter"] not in document.ids:
            section["ids"].insert(0, mark["chapter"])
            document.ids[mark["chapter"]] = section
