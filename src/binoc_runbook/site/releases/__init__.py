"""The page of the releases: what the records under `docs/releases/` tell, as tables.

The directive `{releases}` reads the records and asks git who made the tag. It runs nothing else, it asks no network,
and it takes dates from the records, never from the build. Its page is read again in every build, because a record that
is new is no file that Sphinx knows of.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.files import root_of
from binoc_runbook.finding import Findings
from binoc_runbook.site.releases.filed import (
    CHECK,
    PAGE,
    TWIN,
    VERIFIED,
    Filed,
    Published,
    is_notebook,
    read_filed,
    read_record,
)
from binoc_runbook.site.releases.overview import UNKNOWN, artifact, duration, state, tagged_by, times
from binoc_runbook.site.tables import paragraph, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HEADINGS = ("version", "date", "commit", "tagged by", "duration", "artifacts", "state")

_NONE_YET = """\
**There was no release yet.** The way to the first one:

1. `./just rehearse` performs the whole release on this machine, with a remote and registries of its own.
2. `./just setup-check` lists what has to be set at GitHub, PyPI and crates.io, once.
3. `./just release VERSION` is the real one. It files its record in `docs/releases/`; commit it, and it is listed here.
4. `./just verify VERSION` asks the registries what became of it, once the workflow has ended.
"""

_NOT_READ = """\
**Whether there was a release is unknown.** Something is filed here, and none of it could be read as the record of one.
The build of this page says what is wrong with each file, and what to do.
"""

#: What is noted about a page on which something was no release, until it is read again.
_UNREAL = "binoc-unreal"

_logger = logging.getLogger(__name__)


class Releases(SphinxDirective):
    """`{releases}`: the releases whose records lie beside the page; with `:summary:`, on any page, the last alone."""

    option_spec: ClassVar[dict[str, Any]] = {"summary": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Make the tables and the contents of the page, and tell what is wrong with the files."""
        self.env.note_reread()
        if "summary" in self.options:
            return [self._summary()]
        folder = Path(self.env.doc2path(self.env.docname)).parent
        releases, findings = read_filed(folder)
        root = root_of(folder)
        git = None
        if root is not None:
            from binoc_runbook.world.git import Git

            git = Git(root)
        taggers = []
        for filed in releases:
            name, trouble = tagged_by(git, filed)
            taggers.append(name)
            findings += [trouble] if trouble else []
        self._tell(findings)
        if not releases:
            told = _NOT_READ if findings else _NONE_YET
            return self.parse_text_to_nodes(told) + self._contents(folder, releases)
        rows = [self._row(filed, name) for filed, name in zip(releases, taggers, strict=True)]
        return [
            table([[paragraph(name) for name in HEADINGS], *rows]),
            *self._contents(folder, releases),
            self._times(releases),
        ]

    def _summary(self) -> nodes.Node:
        """The last release in one line; what is wrong with the files is told by the page of the releases."""
        place = Path(RECORDS).name
        folder = Path(self.env.srcdir) / place
        releases, findings = read_filed(folder) if folder.is_dir() else ((), Findings())
        line = nodes.paragraph()
        if releases:
            last = releases[0]
            line += [nodes.strong("", f"The last release is {last.version}"), nodes.Text(f", of {last.date}: ")]
            line += self._to(f"/{place}/{last.version if last.has_page else 'index'}", "its record")
            line += nodes.Text(f" ({state(last)}).")
        else:
            head = "Whether there was a release is unknown" if findings else "There was no release yet"
            line += [nodes.strong("", head), nodes.Text("; ")]
            line += self._to(f"/{place}/index", "see why" if findings else "see how one gets there")
            line += nodes.Text(".")
        return line

    def _times(self, releases: Sequence[Filed]) -> nodes.Node:
        words = "Where the time went"
        section = nodes.section("", nodes.title(words, words), ids=["where-the-time-went"], names=[words.lower()])
        self.state.document.note_implicit_target(section, section)
        told = "In seconds, the first release first."
        section += [paragraph(told), table([[paragraph(cell) for cell in row] for row in times(releases)])]
        return section

    def _tell(self, findings: Findings) -> None:
        for finding in findings:
            unreal = finding.status == "failed"
            if unreal:
                self.env.metadata[self.env.docname][_UNREAL] = True
            tell = _logger.error if unreal else _logger.warning
            tell("%s", finding, location=self.get_location(), type="binoc", subtype=CHECK)

    def _contents(self, folder: Path, releases: Sequence[Filed]) -> list[nodes.Node]:
        """The pages of the records by their versions, the newest first."""
        listed = [str(filed.version) for filed in releases if filed.has_page]
        pages = {path.name.removesuffix(PAGE) for path in folder.glob(f"*{PAGE}")}
        entries = "\n".join(f"{name} <{name}>" for name in (*listed, *sorted(pages.difference(listed))))
        return self.parse_text_to_nodes(f"```{{toctree}}\n:hidden:\n\n{entries}\n```\n") if entries else []

    def _row(self, filed: Filed, tagger: str) -> list[nodes.Node]:
        version, verified = str(filed.version), filed.verified
        commit: nodes.Node = paragraph(filed.commit[:12] if filed.commit else UNKNOWN)
        if filed.commit and filed.repository:
            commit = _linked(filed.commit[:12], f"https://github.com/{filed.repository}/commit/{filed.commit}")
        files = [self._download("record", f"{version}{TWIN}")]
        if verified is not None:
            files.append(self._download("verification", f"{version}{VERIFIED}"))
        told = paragraph(state(filed))
        for each in files:
            told += [nodes.Text("; "), each]
        return [
            self._page(filed),
            paragraph(filed.date),
            commit,
            paragraph(tagger),
            paragraph(duration(filed.seconds)),
            _artifacts(verified.artifacts if verified else ()),
            told,
        ]

    def _page(self, filed: Filed) -> nodes.Node:
        version = str(filed.version)
        if not filed.has_page:
            return paragraph(version)
        return nodes.paragraph("", "", self._to(version, version))

    def _to(self, page: str, words: str) -> nodes.Node:
        link = addnodes.pending_xref(
            refdomain="std", reftype="doc", refdoc=self.env.docname, reftarget=page, refexplicit=True, refwarn=True
        )
        link += nodes.inline(words, words, classes=["doc"])
        return link

    def _download(self, words: str, name: str) -> nodes.Node:
        return addnodes.download_reference(
            "",
            "",
            nodes.inline(words, words),
            refdoc=self.env.docname,
            reftarget=name,
            refdomain="",
            reftype="download",
        )


def _artifacts(published: Sequence[Published]) -> nodes.Node:
    if not published:
        return paragraph("not verified yet")
    shown: nodes.Element = nodes.container(classes=["no-search"])
    for each in published:
        digests = "".join(f"<li><code>sha256:{_breakable(digest)}</code></li>" for digest in each.digests)
        words = html.escape(artifact(each))
        told = f"<details><summary>{words}</summary><ul>{digests}</ul></details>" if digests else f"<p>{words}</p>"
        shown += nodes.raw("", told, format="html")
    return shown


def _breakable(digest: str) -> str:
    """Let a digest go over several lines on a narrow screen; what is copied from there is whole nevertheless."""
    return "".join(f"<wbr>{digest[at : at + 16]}" for at in range(0, len(digest), 16))


def _linked(words: str, address: str) -> nodes.Node:
    return nodes.paragraph("", "", nodes.reference(words, words, refuri=address, internal=False))


def name_record(app: Sphinx, document: nodes.document) -> None:
    """Say on the page of a record which release it is of: by itself it has the title and the words of the runbook."""
    page = Path(app.env.doc2path(app.env.docname))
    filed = read_record(page) if page.name.endswith(PAGE) else None
    title = next(document.findall(nodes.title), None)
    if filed is None or title is None:
        return
    app.env.note_dependency(str(page.with_name(f"{filed.version}{TWIN}")))
    title.clear()
    title += nodes.Text(f"Release {filed.version}")
    told = f"This is the record of a real release. It ran on {filed.date} (UTC), took {duration(filed.seconds)}"
    told += f", and released {filed.commit[:12]} as {filed.tag}." if filed.commit else f", and released {filed.tag}."
    title.parent.insert(
        title.parent.index(title) + 1, paragraph(f"{told} It is shown as it ran, and never runs again.")
    )


def replace_unreadable(app: Sphinx, name: str, source: list[str]) -> None:
    """Show a damaged record as that: given to MyST-NB, it would end the build with a traceback that names no file."""
    path = Path(app.env.doc2path(name))
    if path.parent.name != Path(RECORDS).name or not path.name.endswith(PAGE):
        return
    try:
        readable = is_notebook(json.loads(source[0]))
    except (ValueError, RecursionError):
        readable = False
    if not readable:
        words = f"# {path.name.removesuffix(PAGE)}\n\nThis record cannot be read."
        cell = {"cell_type": "markdown", "id": "unreadable", "metadata": {}, "source": words}
        source[0] = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def fail_if_unreal(app: Sphinx, exception: Exception | None) -> None:
    """Fail a build that found a rehearsal among the releases, even where warnings are none of its business."""
    if exception is None and any(_UNREAL in told for told in app.env.metadata.values()):
        app.statuscode = 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and what names the pages of records before Sphinx collects their titles."""
    app.add_directive("releases", Releases)
    app.connect("source-read", replace_unreadable)
    app.connect("doctree-read", name_record, priority=400)
    app.connect("build-finished", fail_if_unreal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
