"""Report of a release: its page begins with a card, then the status board, the changes, and the output of the run.

The page of a release is its executed notebook. Before Sphinx reads it, the prose of the runbook is replaced by the
facts in the record and its verification, as Markdown. The runbook explains the stages on its own page.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from binoc_runbook.display.board import CLASS, Box, board
from binoc_runbook.display.styled_html import badge, finding_list, folded, summary_of
from binoc_runbook.notebook.messages import MARK
from binoc_runbook.policy import NAMES
from binoc_runbook.site.markup import escape
from binoc_runbook.site.releases.overview import RecordedTag, artifact_state, duration, parts, state
from binoc_runbook.site.releases.record_files import PAGE, RECORD, VERIFICATION, RecordedArtifact, RecordedRelease

Notebook = dict[str, Any]

#: Cells whose output is in the card, and the tag of the cell with the parameters of the run.
_LEFT_OUT, _INJECTED = {"open", "plan-run"}, "injected-parameters"

_PROVENANCE = {
    "ok": "✓ attested",
    "warning": "! warning",
    "failed": "✗ failed",
    "unknown": "? unknown",
    None: "· not checked",
}

_ABOUT_OUTPUT = "This is the output of the run, stage by stage. The build of this site did not run it."


@dataclass(frozen=True, slots=True)
class ReportSource:
    """Sources of a report besides the record: the tag, the changelog section, and the page of the runbook, if any."""

    tag: RecordedTag | None = None
    changes: str | None = None
    runbook: str | None = None


def compose(notebook: Notebook, release: RecordedRelease, source: ReportSource) -> None:
    """Replace the prose of an executed notebook by the report of its release, in place.

    A notebook that is not a runbook keeps its cells below the report, except for its title.
    """
    is_runbook = MARK in notebook["metadata"]
    cells = list(_outputs(notebook["cells"])) if is_runbook else _without_title(notebook["cells"])
    notebook["cells"] = [_markdown("report", "\n\n".join(_report(release, source))), *cells]


def _report(release: RecordedRelease, source: ReportSource) -> Iterator[str]:
    yield f"# Release {release.version}"
    current = state(release)
    yield f"{badge(current.badge, current.tone)} {current.explanation}"
    yield _list_table(_facts(release, source), "release-card", stub=True)
    if release.artifacts:
        yield "## Artifacts"
        head = ("artifact", "published", "SHA-256", "install", "provenance")
        rows = (_artifact(artifact, release) for artifact in release.artifacts)
        yield _list_table([head, *rows], "release-artifacts")
        yield from _digests(release.artifacts)
    yield "## Status of each stage"
    verified = Box("verification", current.badge, current.tone)
    yield _raw(board(release.record, [verified]))
    if source.changes is not None:
        yield f"## Changes\n\n{source.changes.strip() or 'The changelog section is empty.'}"
    if release.verification is not None and release.verification.findings:
        findings = release.verification.findings
        yield "## Findings of the verification"
        yield _raw(folded(summary_of(findings), finding_list(findings), is_open=findings.status != "ok"))
    yield "## Findings of each stage"
    link = f" The [release runbook]({source.runbook}) explains each stage." if source.runbook else ""
    yield _ABOUT_OUTPUT + link


def _facts(release: RecordedRelease, source: ReportSource) -> Iterator[tuple[str, str]]:
    record, repository = release.record, release.repository
    if release.commit:
        commit = f"`{release.commit[:12]}`"
        address = f"https://github.com/{repository}/commit/{release.commit}"
        branch = f" on `{record['branch']}`" if record.get("branch") else ""
        yield "commit", (f"[{commit}]({address})" if repository else commit) + branch
    tag = f"`{release.tag}`"
    if source.tag is None:
        yield "tag", f"{tag}; this clone does not have it, so its tagger is unknown"
    else:
        signed = ", signed" if source.tag.signed else ", not signed"
        yield "tag", f"{tag}, annotated{signed}, by {escape(source.tag.tagger)}"
    yield "date", _time(release.ended)
    spent = (f"{name} {duration(seconds)}" for name, seconds in parts(release).items())
    yield "duration", f"{duration(release.seconds)}: {', '.join(spent)}"
    yield "tests", _tests(release)
    run = record.get("workflow_run")
    if run:
        result = str(run["conclusion"] or run["status"]).replace("_", " ")
        yield "workflow", f"[run {run['id']} at GitHub](<{run['url']}>), observed as *{escape(result)}*"
    files = [f"{{download}}`record <{release.version}{RECORD}>`"]
    files.append(f"{{download}}`executed notebook <{release.version}{PAGE}>`")
    if release.verification is not None:
        files.append(f"{{download}}`verification <{release.version}{VERIFICATION}>`")
    yield "files", ", ".join(files)


def _tests(release: RecordedRelease) -> str:
    tests = release.record.get("tests")
    if tests is None:
        return "no result in this record; see the findings of the stage"
    took = f"passed at {_time(tests['passed'])} in {duration(tests['seconds'])}"
    where = "an earlier run, for the same tree, command and toolchain" if tests["stored"] else "this run"
    return f"{took}, in {where}"


def _artifact(artifact: RecordedArtifact, release: RecordedRelease) -> tuple[str, ...]:
    version = release.version.pep440 if artifact.registry == "pypi" else release.version.semver
    install = {"pypi": f"pip install {artifact.name}=={version}", "crates.io": f"cargo add {artifact.name}@{version}"}
    return (
        escape(f"{artifact.name} {version}"),
        escape(artifact_state(artifact)),
        f"`{artifact.digests[0][:12]}…`" if len(artifact.digests) == 1 else _count(artifact.digests),
        f"`{install[artifact.registry]}`" if artifact.registry in NAMES else "",
        _PROVENANCE[artifact.provenance],
    )


def _digests(artifacts: Iterable[RecordedArtifact]) -> Iterator[str]:
    """Return the names and digests of all files, folded, and not in the search index."""
    files = {digest: artifact.files.get(digest, artifact.name) for artifact in artifacts for digest in artifact.digests}
    items = "".join(
        f"<li>{html.escape(name)} <code>sha256:{_breakable(digest)}</code></li>"
        for digest, name in sorted(files.items(), key=lambda item: (item[1], item[0]))
    )
    if items:
        summary = f"SHA-256 digests of {_count(files)}"
        yield f"````{{container}} no-search\n{_raw(folded(summary, f'<ul>{items}</ul>', is_open=False))}\n````"


def _count(files: Collection[str]) -> str:
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}" if files else ""


def _breakable(digest: str) -> str:
    """Return a digest with break opportunities for narrow screens, which do not change the copied text."""
    return "".join(f"<wbr>{digest[at : at + 16]}" for at in range(0, len(digest), 16))


def _time(time: str) -> str:
    """Return a time of a record in words: `2026-11-22, 10:00 UTC`."""
    day, _, clock = time.partition("T")
    return f"{day}, {clock[:5]} UTC"


def _list_table(rows: Iterable[Sequence[str]], name: str, *, stub: bool = False) -> str:
    lines = []
    for row in rows:
        for number, cell in enumerate(row):
            lines.append(("* - " if number == 0 else "  - ") + cell.replace("\n", "\n    "))
    options = ":stub-columns: 1" if stub else ":header-rows: 1\n:stub-columns: 1"
    return "\n".join([f"`````{{list-table}}\n:class: {name}\n{options}\n", *lines, "`````"])


def _raw(markup: str) -> str:
    return f"```{{raw}} html\n{markup}\n```"


def _outputs(cells: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return the cells that have results, below the heading of their chapter, without their source."""
    heading = None
    for cell in cells:
        lines = _text(cell.get("source", "")).splitlines()
        if cell["cell_type"] == "markdown":
            heading = next((line for line in lines if line.startswith("## ")), heading)
        elif _INJECTED in cell["metadata"].get("tags", []):
            yield _markdown("report-parameters", "### Parameters of this run")
            yield {**cell, "outputs": []}
        elif cell["cell_type"] == "code" and cell.get("id") not in _LEFT_OUT:
            outputs = [output for output in cell["outputs"] if CLASS not in _markup(output)]
            if not outputs:
                continue
            if heading is not None:
                yield _markdown(f"report-{cell.get('id')}", f"#{heading}")
                heading = None
            metadata = {**cell["metadata"], "tags": [*cell["metadata"].get("tags", []), "remove-input"]}
            yield {**cell, "outputs": outputs, "metadata": metadata}


def _without_title(cells: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [cell for cell in cells if cell["cell_type"] != "markdown" or not _text(cell["source"]).startswith("# ")]


def _markup(output: dict[str, Any]) -> str:
    return _text(output.get("data", {}).get("text/html", ""))


def _text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}
