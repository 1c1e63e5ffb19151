"""Pages of the releases: a list, a report of each release, and an Atom feed, from the records in `docs/releases/`.

The directive `{releases}` reads the records, and the page of a record becomes a report. Only the tagger comes from git.
The network is not used, and dates are those of the records. The list is read in every build, because Sphinx does not
know new record files. The feed is written if `html_baseurl`, the address of the site, is configured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.files import root_of
from binoc_runbook.finding import Findings
from binoc_runbook.site.markup import MarkdownDirective, escape
from binoc_runbook.site.releases.feed import FEED, TYPE, feed
from binoc_runbook.site.releases.overview import UNKNOWN, duration, published_count, recorded_tag, state
from binoc_runbook.site.releases.record_files import (
    CHECK,
    PAGE,
    RECORD,
    VERIFICATION,
    RecordedRelease,
    parse_notebook,
    read_release,
    read_releases,
)
from binoc_runbook.site.releases.report import ReportSource, compose
from binoc_runbook.site.stylesheets import add_style
from binoc_runbook.workspace.changelog import CHANGELOG, read_changelog, section
from binoc_runbook.world.git import Git

HEADINGS = ("version", "date", "state", "published", "commit", "duration")

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

#: Keys in the metadata of a page: whether it has a file that is not the record of a real release, and the number of
#: releases that it lists.
_UNREAL, _LIST = "binoc-unreal", "binoc-releases"

_STYLE = Path(__file__).with_name("releases.css")

_logger = logging.getLogger(__name__)


class ReleasesDirective(MarkdownDirective):
    """`{releases}`: the releases with records next to the page; with `:summary:`, only the last one, on any page."""

    option_spec: ClassVar[dict[str, Any]] = {"summary": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the list and the table of contents, and report problems of the files."""
        self.env.note_reread()
        if "summary" in self.options:
            return [self._summary()]
        directory = Path(self.env.doc2path(self.env.docname)).parent
        releases, findings = read_releases(directory)
        root = root_of(directory)
        git = Git(root) if root else None
        for release in releases:
            findings += filter(None, [recorded_tag(git, release)[1]])
        self._report(findings)
        self.env.metadata[self.env.docname][_LIST] = len(releases)
        contents = self._contents(directory, releases)
        if not releases:
            return self.parse_text_to_nodes(_NOT_READ if findings else _NONE_YET) + contents
        table = self.table(HEADINGS, map(_row, releases))
        table["classes"].append("release-list")
        feed_link = nodes.paragraph("", "", nodes.reference("", "Atom feed of the releases", refuri=FEED))
        return [table, *([feed_link] if self.config.html_baseurl else []), *contents]

    def _summary(self) -> nodes.Node:
        """Return one line about the last release; the page of the releases reports problems of the files."""
        place = Path(RECORDS).name
        directory = Path(self.env.srcdir) / place
        releases, findings = read_releases(directory) if directory.is_dir() else ((), Findings())
        if releases:
            last = releases[0]
            page = last.version if last.has_page else "index"
            link = f"{{doc}}`its record </{place}/{page}>`"
            words = f"**The last release is {last.version}**, of {last.date}: {link} ({escape(state(last).badge)})."
        elif findings:
            words = f"**Unknown whether a release exists**; {{doc}}`see why </{place}/index>`."
        else:
            words = f"**No release yet**; {{doc}}`how to make one </{place}/index>`."
        return self.paragraph(words)

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


def _row(release: RecordedRelease) -> list[str | nodes.Node]:
    version = str(release.version)
    commit = f"`{release.commit[:7]}`" if release.commit else UNKNOWN
    if release.commit and release.repository:
        commit = f"[{commit}](https://github.com/{release.repository}/commit/{release.commit})"
    return [
        f"{{doc}}`{version} <{version}>`" if release.has_page else version,
        release.date,
        escape(state(release).badge),
        published_count(release),
        commit,
        duration(release.seconds),
    ]


def show_report(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace a record by the report of its release, or by a note if it is damaged.

    MyST-NB would end the build for a damaged notebook with a traceback without a file name.
    """
    page = Path(app.env.doc2path(name))
    if page.parent.name != Path(RECORDS).name or not page.name.endswith(PAGE):
        return
    notebook = parse_notebook(source[0])
    if notebook is None:
        words = f"# {page.name.removesuffix(PAGE)}\n\nThis record cannot be read."
        cell = {"cell_type": "markdown", "id": "unreadable", "metadata": {}, "source": words}
        source[0] = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        return
    release = read_release(page)
    if release is None:
        return
    root = root_of(page.parent)
    # A file that does not exist yet, such as the verification, is a dependency, too: the next build looks again.
    files = [page.with_name(f"{release.version}{end}") for end in (RECORD, VERIFICATION)]
    for file in (*files, *([root / CHANGELOG] if root else [])):
        app.env.note_dependency(str(file))
    tag, _ = recorded_tag(Git(root) if root else None, release)
    changelog = read_changelog(root, CHECK) if root else ""
    changes = section(changelog, release.version) if isinstance(changelog, str) else None
    runbook = "../runbooks/release.ipynb"
    compose(notebook, release, ReportSource(tag, changes, runbook if (page.parent / runbook).is_file() else None))
    source[0] = json.dumps(notebook)


def _lists(app: Sphinx) -> list[str]:
    return [page for page, metadata in app.env.metadata.items() if _LIST in metadata]


def write_feed(app: Sphinx, exception: Exception | None) -> None:
    """Write the feed next to the list of the releases."""
    if exception is not None or app.builder.format != "html" or not app.config.html_baseurl:
        return
    for page in _lists(app):
        releases, _ = read_releases(Path(app.env.doc2path(page)).parent)
        if releases:
            address = urljoin(app.config.html_baseurl, app.builder.get_target_uri(page))
            text = feed(releases, app.config.project, app.config.author, address)
            Path(app.outdir, page).with_name(FEED).write_bytes(text)


def link_feed(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    """Add the link that lets feed readers find the feed to the list of the releases."""
    if app.config.html_baseurl and app.env.metadata.get(page, {}).get(_LIST) and "pathto" in context:
        title = f"Releases of {app.config.project}"
        context["metatags"] += f'<link rel="alternate" type="{TYPE}" title="{title}" href="{FEED}">'


def fail_if_unreal(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build if a file is the record of a rehearsal, even if warnings do not fail it."""
    if exception is None and any(_UNREAL in metadata for metadata in app.env.metadata.values()):
        app.statuscode = 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, the reports, which are composed before Sphinx reads the pages, and the feed."""
    app.add_directive("releases", ReleasesDirective)
    add_style(app, _STYLE, priority=910)
    app.connect("source-read", show_report, priority=400)
    app.connect("html-page-context", link_feed)
    app.connect("build-finished", write_feed)
    app.connect("build-finished", fail_if_unreal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
