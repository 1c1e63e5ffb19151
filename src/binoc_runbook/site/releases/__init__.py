"""Page of the releases: the records under `docs/releases/` as tables.

The directive `{releases}` reads the records, and the name of the tagger from git. It does not use the network. Dates
are those of the records. Its page is read in every build, because Sphinx does not know new record files.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.files import root_of
from binoc_runbook.finding import Findings
from binoc_runbook.site.markup import MarkdownDirective, escape
from binoc_runbook.site.releases.overview import UNKNOWN, artifact_line, duration, state, tagged_by, times
from binoc_runbook.site.releases.record_files import (
    CHECK,
    PAGE,
    RECORD,
    VERIFICATION,
    RecordedArtifact,
    RecordedRelease,
    parse_notebook,
    read_release,
    read_releases,
)
from binoc_runbook.world.git import Git

HEADINGS = ("version", "date", "commit", "tagged by", "duration", "artifacts", "state")

_NONE_YET = """\
**No release yet.** To make the first one:

1. `./just rehearse` runs the whole release on this machine, against a local remote and local registries.
2. `./just setup-check` lists the settings at GitHub, PyPI and crates.io that are needed once.
3. `./just release VERSION` releases. It writes its record to `docs/releases/`; commit the record to list it here.
4. `./just verify VERSION` checks the published artifacts when the workflow has finished.
"""

_NOT_READ = """\
**Unknown whether a release exists.** No file here is a readable release record. The log of this
build shows the problem of each file and how to fix it.
"""

#: Key in the metadata of a page: whether it has a file that is not the record of a real release.
_UNREAL = "binoc-unreal"

_logger = logging.getLogger(__name__)


class ReleasesDirective(MarkdownDirective):
    """`{releases}`: the releases with records next to the page; with `:summary:`, only the last one, on any page."""

    option_spec: ClassVar[dict[str, Any]] = {"summary": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the tables and the table of contents, and report problems of the files."""
        self.env.note_reread()
        if "summary" in self.options:
            return [self._summary()]
        directory = Path(self.env.doc2path(self.env.docname)).parent
        releases, findings = read_releases(directory)
        root = root_of(directory)
        git = Git(root) if root else None
        rows = []
        for release in releases:
            tagger, finding = tagged_by(git, release)
            findings += [finding] if finding else []
            rows.append(_row(release, tagger))
        self._report(findings)
        contents = self._contents(directory, releases)
        if not releases:
            return self.parse_text_to_nodes(_NOT_READ if findings else _NONE_YET) + contents
        return [self.table(HEADINGS, rows), *contents, self._times(releases)]

    def _summary(self) -> nodes.Node:
        """Return one line about the last release; the page of the releases reports problems of the files."""
        place = Path(RECORDS).name
        directory = Path(self.env.srcdir) / place
        releases, findings = read_releases(directory) if directory.is_dir() else ((), Findings())
        if releases:
            last = releases[0]
            page = last.version if last.has_page else "index"
            link = f"{{doc}}`its record </{place}/{page}>`"
            words = f"**The last release is {last.version}**, of {last.date}: {link} ({escape(state(last))})."
        elif findings:
            words = f"**Unknown whether a release exists**; {{doc}}`see why </{place}/index>`."
        else:
            words = f"**No release yet**; {{doc}}`how to make one </{place}/index>`."
        return self.paragraph(words)

    def _times(self, releases: Sequence[RecordedRelease]) -> nodes.Node:
        words = "Duration of the stages"
        section = nodes.section("", nodes.title(words, words), ids=["duration-of-the-stages"], names=[words.lower()])
        self.state.document.note_implicit_target(section, section)
        head, *rows = ([escape(cell) for cell in row] for row in times(releases))
        section += [self.paragraph("In seconds; the oldest release is the first column."), self.table(head, rows)]
        return section

    def _report(self, findings: Findings) -> None:
        for finding in findings:
            unreal = finding.status == "failed"
            if unreal:
                self.env.metadata[self.env.docname][_UNREAL] = True
            log = _logger.error if unreal else _logger.warning
            log("%s", finding, location=self.get_location(), type="binoc", subtype=CHECK)

    def _contents(self, directory: Path, releases: Sequence[RecordedRelease]) -> list[nodes.Node]:
        """Return a hidden table of contents of the record pages, the newest version first."""
        listed = [str(release.version) for release in releases if release.has_page]
        pages = {path.name.removesuffix(PAGE) for path in directory.glob(f"*{PAGE}")}
        entries = "\n".join(f"{name} <{name}>" for name in (*listed, *sorted(pages.difference(listed))))
        return self.parse_text_to_nodes(f"```{{toctree}}\n:hidden:\n\n{entries}\n```\n") if entries else []


def _row(release: RecordedRelease, tagger: str) -> list[str | nodes.Node]:
    version, verification = str(release.version), release.verification
    commit = release.commit[:12] if release.commit else UNKNOWN
    if release.commit and release.repository:
        commit = f"[{commit}](https://github.com/{release.repository}/commit/{release.commit})"
    words = f"{escape(state(release))}; {{download}}`record <{version}{RECORD}>`"
    if verification is not None:
        words += f"; {{download}}`verification <{version}{VERIFICATION}>`"
    return [
        f"{{doc}}`{version}`" if release.has_page else version,
        release.date,
        commit,
        escape(tagger),
        duration(release.seconds),
        _artifacts(verification.artifacts) if verification and verification.artifacts else "not verified yet",
        words,
    ]


def _artifacts(artifacts: Sequence[RecordedArtifact]) -> nodes.Node:
    box: nodes.Element = nodes.container(classes=["no-search"])
    for artifact in artifacts:
        digests = "".join(f"<li><code>sha256:{_breakable(digest)}</code></li>" for digest in artifact.digests)
        words = html.escape(artifact_line(artifact))
        details = f"<details><summary>{words}</summary><ul>{digests}</ul></details>" if digests else f"<p>{words}</p>"
        box += nodes.raw("", details, format="html")
    return box


def _breakable(digest: str) -> str:
    """Return a digest with break opportunities for narrow screens, which do not change the copied text."""
    return "".join(f"<wbr>{digest[at : at + 16]}" for at in range(0, len(digest), 16))


def name_record(app: Sphinx, document: nodes.document) -> None:
    """Add the version and commit to the page of a record, which otherwise has the title of the runbook."""
    page = Path(app.env.doc2path(app.env.docname))
    release = read_release(page) if page.name.endswith(PAGE) else None
    title = next(document.findall(nodes.title), None)
    if release is None or title is None:
        return
    app.env.note_dependency(str(page.with_name(f"{release.version}{RECORD}")))
    title.clear()
    title += nodes.Text(f"Release {release.version}")
    commit = f"{release.commit[:12]} as " if release.commit else ""
    words = (
        f"This is the record of a real release. It ran on {release.date} (UTC), took {duration(release.seconds)}, and"
        f" released {commit}{release.tag}. This page shows its output; the build does not run it."
    )
    title.parent.insert(title.parent.index(title) + 1, nodes.paragraph(words, words))


def replace_unreadable(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace a damaged record by a note: MyST-NB would end the build with a traceback without a file name."""
    path = Path(app.env.doc2path(name))
    if path.parent.name != Path(RECORDS).name or not path.name.endswith(PAGE):
        return
    if parse_notebook(source[0]) is None:
        words = f"# {path.name.removesuffix(PAGE)}\n\nThis record cannot be read."
        cell = {"cell_type": "markdown", "id": "unreadable", "metadata": {}, "source": words}
        source[0] = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def fail_if_unreal(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build if a file is the record of a rehearsal, even if warnings do not fail it."""
    if exception is None and any(_UNREAL in metadata for metadata in app.env.metadata.values()):
        app.statuscode = 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and the handlers of record pages, which run before Sphinx collects titles."""
    app.add_directive("releases", ReleasesDirective)
    app.connect("source-read", replace_unreadable)
    app.connect("doctree-read", name_record, priority=400)
    app.connect("build-finished", fail_if_unreal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
