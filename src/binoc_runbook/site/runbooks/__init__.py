"""The runbooks as pages of a site.

    extensions = ["binoc_runbook.site.runbooks"]
    binoc_runbooks = "../runbooks"  # the default, from the directory of the sources

They are copied into the directory `runbooks` of the sources, ignored by git. The release runbook is run before,
in a quick rehearsal of the commit that is checked out, once for each commit; so its page shows what it does. Sphinx
executes neither the copy nor any other runbook or record: whatever they were, an act or a rehearsal, is over.

On every page that is a run of a runbook, each chapter can be linked to by the name of its stage, and the parameters are
those of the run.
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

#: The directory of the sources that the copies go to.
PLACE = "runbooks"

_AS_RUN = """\
What stands below each cell is what it did in a **quick rehearsal** of commit {commit} of {day}: the remote was a
directory, a no-op command stood in for the tests, and nothing was built or published. How long a stage takes
is left out. [The records of real releases](../releases/index.md) are listed by themselves."""

_AS_WRITTEN = """\
This page is shown as it is written, without results: {reason}."""

_logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Place the runbooks before sources are looked for, and complete every page that is one."""
    app.add_config_value("binoc_runbooks", f"../{PLACE}", "env", types=[str])
    app.connect("builder-inited", place_runbooks)
    app.connect("source-read", prepare_page)
    app.connect("doctree-read", name_chapters, priority=390)  # before titles and contents are collected
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def place_runbooks(app: Sphinx) -> None:
    """Update the copies; Sphinx does not read a file again that has not changed."""
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
            copy.unlink()  # the copy of a runbook that is gone


def fail_build(reason: str, app: Sphinx, exception: Exception | None) -> None:
    """Fail a build, each time, for a runbook that cannot be rehearsed."""
    if exception is None:
        _logger.error("%s", reason)
        app.statuscode = 1


def _page(runbook: Path, copy: Path) -> tuple[str | None, str]:
    """Return the text of a copy, `None` where the present one is up to date, and why the rehearsal was refused."""
    notebook, root = read_runbook(runbook), root_of(runbook)
    assert notebook is not None  # noqa: S101 - the caller has looked
    name = notebook["metadata"][MARK].get("runbook")
    if name != "release":
        return _noted(notebook, _AS_WRITTEN.format(reason="a site rehearses the release, and nothing else")), ""
    head = World.real(root).git.query("log", "-1", "--format=%H %cs").stdout.split() if root else []
    if not root or not head:
        return _noted(notebook, _AS_WRITTEN.format(reason="there is no commit here that could be rehearsed")), ""
    commit, day = head
    key = identity(runbook, commit)
    before = read_runbook(copy)
    if before and before["metadata"][MARK].get("rehearsed") == key:
        return None, ""
    _logger.info("rehearsing %s for its page, at %s", runbook.name, commit[:12])
    run = rehearse(runbook, root)
    if not isinstance(run, RehearsedNotebook):
        return _noted(notebook, _AS_WRITTEN.format(reason=run)), ""
    if not run.refused:  # else it is tried again by the next build
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
    """Return the notebook with a note below its title, which is its first cell."""
    cell = {"cell_type": "markdown", "id": "how-it-ran", "metadata": {}, "source": f"```{{note}}\n{note}\n```"}
    notebook["cells"].insert(1, cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def prepare_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Let each cell of a runbook know its chapter, and show one value of each parameter."""
    notebook = parse_notebook(source[0]) if str(app.env.doc2path(name)).endswith(".ipynb") else None
    if notebook is None or MARK not in notebook["metadata"]:
        return
    settle_parameters(notebook)
    for cell in notebook["cells"]:
        if chapter := chapter_of(cell):
            cell.setdefault("metadata", {})[MARK] = {"chapter": chapter}
    source[0] = json.dumps(notebook)


def name_chapters(app: Sphinx, document: nodes.document) -> None:
    """Give the section of each chapter the name of its stage, as the first of its ids, so that links to it last."""
    for cell in document.findall(nodes.container):
        mark = cell.get("cell_metadata", {}).get(MARK) if cell.get("nb_element") == "cell_code" else None
        section = cell.parent
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        if mark and section is not None and mark["chapter"] not in document.ids:
            section["ids"].insert(0, mark["chapter"])
            document.ids[mark["chapter"]] = section
