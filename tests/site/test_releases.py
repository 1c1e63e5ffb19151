"""Release records under docs/releases: validation, overview, report and feed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.record import digest_of
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import Verification
from binoc_runbook.site.releases.feed import feed
from binoc_runbook.site.releases.overview import (
    RecordedTag,
    artifact_state,
    duration,
    parts,
    published_count,
    recorded_tag,
    state,
)
from binoc_runbook.site.releases.record_files import read_releases
from binoc_runbook.site.releases.report import ReportSource, compose
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.git import Git

NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class SilentReporter:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def file(tmp_path, a_record):
    """Return a function that writes a record with its notebook; `at` is the stem of the file names."""

    def write(at="0.4.0", *, notebook=NOTEBOOK, verified=None, text=None, **changes):
        record = json.dumps(a_record(at, **changes)) if text is None else text
        (tmp_path / f"{at}.json").write_text(record, "utf-8")
        if notebook is not None:
            (tmp_path / f"{at}.ipynb").write_text(json.dumps(notebook), "utf-8")
        if verified is not None:
            record = {"schema": 1, "version": at, "world": "real", "commit": "c" * 40, "outcome": "published"}
            record |= {"artifacts": [], **verified}
            (tmp_path / f"{at}.verified.json").write_text(json.dumps(record), "utf-8")

    return write


def places(findings):
    return [(finding.status, finding.looked_at) for finding in findings]


# Reading.


def test_directory_without_records_has_no_releases(tmp_path):
    (tmp_path / "index.md").touch()
    releases, findings = read_releases(tmp_path)
    assert not releases
    assert not findings


def test_record_of_a_real_release_is_valid(checkout, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    release = Release(target, SilentReporter(), checkout.root / "runs", dry_run=False)
    stages = ["tree", "surface", "sync", "workflow", "remote", "tests", "push-branch", "tag", "push-tag"]
    for name in stages:
        if name == "push-branch":
            release.recheck()
        release.run(name)
    release.finish()
    (record,), findings = read_releases(checkout.root / "docs/releases")
    # papermill writes the notebook, and does not run here
    assert places(findings) == [("warning", "docs/releases/0.4.0.ipynb")]
    assert (str(record.version), record.tag, record.commit) == ("0.4.0", "v0.4.0", checkout.head())
    assert list(record.stages) == stages
    assert recorded_tag(Git(checkout.root), record) == (RecordedTag("Rosa Release", signed=False), None)
    assert [artifact.name for artifact in record.artifacts] == ["demo", "demo-sdk"]
    assert record.record["tests"]["stored"] is False


def test_record_with_its_digest_is_valid(file, tmp_path, a_record):
    file(digest=digest_of(a_record()))
    (release,), findings = read_releases(tmp_path)
    assert not findings
    assert release.tag == "v0.4.0"


def test_record_of_a_verification_is_valid(checkout, file, tmp_path):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    file(verified=Verification(target, SilentReporter(), checkout.root / "runs", sums={}).to_json())
    (record,), findings = read_releases(tmp_path)
    assert not findings
    assert state(record).badge == "? not verified"


def test_releases_are_sorted_by_precedence(file, tmp_path):
    for version in ("0.9.0", "0.10.0", "0.10.0-rc.1"):
        file(version)
    releases, findings = read_releases(tmp_path)
    assert [str(release.version) for release in releases] == ["0.10.0", "0.10.0-rc.1", "0.9.0"]
    assert not findings


def test_commit_is_the_one_that_the_tag_points_to(file, tmp_path):
    file(remote_refs={"refs/tags/v0.4.0": "e" * 40, "refs/tags/v0.4.0^{}": "d" * 40})
    (record,), _ = read_releases(tmp_path)
    assert record.commit == "d" * 40


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        ("0.4.0", {"world": "rehearsal"}),
        ("rehearsal-0.4.0", {"world": "rehearsal"}),
        ("0.4.0", {"dry_run": True}),
        ("0.4.0", {"outcome": "refused"}),
        ("0.4.0", {"notebook": {**NOTEBOOK, "metadata": {"papermill": {"parameters": {"version": "0.4.0"}}}}}),
        (
            "0.4.0",
            {
                "notebook": {
                    **NOTEBOOK,
                    "metadata": {"papermill": {"parameters": {"dry_run": False, "world": "rehearsal:full"}}},
                }
            },
        ),
    ],
    ids=["rehearsal", "rehearsal-by-name", "dry-run", "refused", "page-of-a-dry-run", "page-of-a-rehearsal"],
)
def test_record_of_another_run_fails_and_is_not_listed(file, tmp_path, at, changes):
    file(at, **changes)
    releases, findings = read_releases(tmp_path)
    assert releases == ()
    (finding,) = findings
    assert finding.status == "failed"
    assert finding.looked_at.startswith(f"docs/releases/{at}.")
    assert f"mv docs/releases/{at}.* runs/" in finding.remedy


def test_verification_of_a_rehearsal_fails(file, tmp_path):
    file(verified={"world": "rehearsal"})
    releases, findings = read_releases(tmp_path)
    assert [release.verification for release in releases] == [None]
    assert places(findings) == [("failed", "docs/releases/0.4.0.verified.json")]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "{"},
        {"text": "[]"},
        {"text": "[" * 100_000},
        {"text": "{}"},
        {"schema": 2},
        {"schema": True},
        {"version": "0.4.1"},
        {"world": None},
        {"tag": 4},
        {"ended": "yesterday"},
        {"seconds": "10"},
        {"seconds": -1},
        {"seconds": 10**400},
        {"seconds": float("nan")},
        {"stages": {}},
        {"stages": [{"name": "tree"}]},
        {"stages": ["tree"]},
        {"remote_refs": []},
        {"digest": "0" * 64},
        {"digest": None},
    ],
    ids=lambda changes: ascii(changes)[:30],
)
def test_invalid_record_is_a_warning_with_a_remedy(file, tmp_path, changes):
    file(**changes)
    releases, findings = read_releases(tmp_path)
    assert releases == ()
    assert places(findings) == [("warning", "docs/releases/0.4.0.json")]
    assert "docs/releases/0.4.0.json" in findings[0].remedy


def test_other_file_is_a_warning(file, tmp_path):
    file("notes", notebook=None, text='{"a": 1}')
    _, (finding,) = read_releases(tmp_path)
    assert (finding.status, finding.remedy) == ("warning", "mkdir -p runs && mv docs/releases/notes.json runs/")


@pytest.mark.parametrize("missing", ["0.4.0.json", "0.4.0.ipynb"])
def test_missing_file_of_a_record_is_a_warning(file, tmp_path, missing):
    file()
    (tmp_path / missing).unlink()
    assert places(read_releases(tmp_path)[1]) == [("warning", f"docs/releases/{missing}")]


@pytest.mark.parametrize("notebook", [[], {}, {**NOTEBOOK, "cells": [1]}, {**NOTEBOOK, "nbformat": 3}], ids=str)
def test_invalid_notebook_is_a_warning(file, tmp_path, notebook):
    file(notebook=notebook)
    releases, findings = read_releases(tmp_path)
    assert releases == ()
    assert places(findings) == [("warning", "docs/releases/0.4.0.ipynb")]


def test_verification_without_a_record_is_a_warning(file, tmp_path):
    file(verified={})
    (tmp_path / "0.4.0.json").unlink()
    (tmp_path / "0.4.0.ipynb").unlink()
    assert places(read_releases(tmp_path)[1]) == [("warning", "docs/releases/0.4.0.json")]


@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "d" * 40},
        {"version": "0.4.1"},
        {"artifacts": [{"name": "demo", "registry": "pypi", "state": "published", "digests": ["abc"]}]},
        {"artifacts": [{"name": "demo"}]},
    ],
)
def test_invalid_verification_is_a_warning_and_is_ignored(file, tmp_path, changes):
    file(verified=changes)
    (record,), findings = read_releases(tmp_path)
    assert places(findings) == [("warning", "docs/releases/0.4.0.verified.json")]
    assert state(record).badge == "· not verified yet"


# Tagger.


def test_tagger_is_unknown_without_the_tag(checkout, file, tmp_path):
    file()
    (record,), _ = read_releases(tmp_path)
    assert recorded_tag(None, record) == (None, None)
    assert recorded_tag(Git(checkout.root), record) == (None, None)


def test_tag_of_another_commit_is_a_warning(checkout, file, tmp_path):
    file()
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    (record,), _ = read_releases(tmp_path)
    tag, finding = recorded_tag(Git(checkout.root), record)
    assert (tag, finding.status) == (None, "warning")
    assert checkout.head()[:12] in finding.saw


# Overview.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (187, "3 min 7 s"), (3599.7, "1 h 0 min"), (3840, "1 h 4 min")],
)
def test_duration_in_words(seconds, words):
    assert duration(seconds) == words


def result(check, status):
    return {"check": check, "status": status, "looked_at": "here", "saw": "something", "remedy": ""}


@pytest.mark.parametrize(
    ("outcome", "smoke_test", "tone"),
    [
        ("published", ["ok", "ok"], "good"),
        ("published", ["ok", "unknown"], "doubtful"),
        ("published", [], "doubtful"),
        ("refused", ["ok"], "bad"),
        ("unfinished", ["ok"], "doubtful"),
    ],
)
def test_release_is_verified_if_its_artifacts_were_installed(file, tmp_path, outcome, smoke_test, tone):
    findings = [result("published", "ok"), *(result("smoke-test", status) for status in smoke_test)]
    file(verified={"outcome": outcome, "findings": findings, "ended": "2026-11-23T08:00:00Z"})
    (record,), problems = read_releases(tmp_path)
    assert not problems
    assert state(record).tone == tone
    assert "2026-11-23" in state(record).explanation


def test_artifacts_are_counted_by_state(file, tmp_path):
    missing = {"name": "demo", "registry": "pypi", "state": "missing", "digests": []}
    published = {"name": "demo-sdk", "registry": "crates.io", "state": "published", "digests": ["d" * 64]}
    file(verified={"outcome": "refused", "artifacts": [missing, published]})
    (record,), _ = read_releases(tmp_path)
    assert [artifact_state(artifact) for artifact in record.artifacts] == ["✗ PyPI: missing", "✓ crates.io"]
    assert published_count(record) == "1 of 2"


def test_parts_of_a_run_add_up_to_its_duration_with_a_former_stage(file, tmp_path):
    spent = [("tree", 1.5), ("bless", 2), ("tests", 3), ("tree", 1)]
    file(stages=[{"name": name, "seconds": seconds} for name, seconds in spent])
    (release,), _ = read_releases(tmp_path)
    assert parts(release) == {"checks": 2.5, "tests": 3.0, "push and tag": 0.0, "the rest": 4.5}


# Report and feed.


def code(name, source, *outputs, tags=()):
    shown = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": output}} for output in outputs]
    return {"cell_type": "code", "id": name, "metadata": {"tags": list(tags)}, "source": source, "outputs": shown}


def report(release, source, *cells):
    """Return the Markdown of a report, and its cells with results."""
    notebook = {"cells": list(cells), "metadata": {"binoc_runbook": {"runbook": "release"}}}
    compose(notebook, release, source)
    texts = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    return "\n".join(texts), [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_report_has_the_facts_first_and_no_prose_of_the_runbook(file, tmp_path):
    digests = {"demo-0.4.0rc1.tar.gz": "a" * 64, "demo-0.4.0rc1.whl": "b" * 64}
    pypi = {"name": "demo", "registry": "pypi", "state": "published", "digests": sorted(digests.values())}
    crate = {"name": "demo-sdk", "registry": "crates.io", "state": "published", "digests": ["d" * 64]}
    file(
        "0.4.0-rc.1",
        branch="main",
        tests={"passed": "2026-11-21T09:00:00Z", "seconds": 118.0, "stored": True},
        verified={
            "artifacts": [{**pypi, "files": digests, "provenance": "ok"}, crate],
            "findings": [result("smoke-test", "ok")],
        },
    )
    (release,), problems = read_releases(tmp_path)
    assert not problems
    tag, changes = RecordedTag("Rosa *Release*", signed=True), "### Added\n\n- A command."
    markdown, cells = report(
        release,
        ReportSource(tag, changes, "../runbooks/release.ipynb"),
        {"cell_type": "markdown", "source": "# Release runbook\n\nBy default it is a dry run."},
        code("parameters", "dry_run = True", tags=["parameters"]),
        code("given", "# Parameters\ndry_run = False", tags=["injected-parameters"]),
        code("plan-run", "release.plan()", "<table></table>"),
        {"cell_type": "markdown", "source": ["## 1. Tree: one commit\n", "\n", "How it fails.\n"]},
        code("tree-run", "release.run('tree')", "<p>clean</p>"),
        code("end-run", "release.finish()", '<div class="binoc-board"></div>', "<p>released</p>"),
    )
    assert markdown.startswith("# Release 0.4.0-rc.1\n")
    for words in (
        "✓ verified",
        "signed, by Rosa \\*Release\\*",
        "2026-11-21, 09:00 UTC in 1 min 58 s, in an earlier run",
        "pip install demo==0.4.0rc1",
        "cargo add demo-sdk@0.4.0-rc.1",
        "✓ attested",
        "demo-0.4.0rc1.whl",
        "- A command.",
        "### 1. Tree: one commit",
        "](../runbooks/release.ipynb)",
    ):
        assert words in markdown, words
    for words in ("dry run", "How it fails", "Release runbook"):
        assert words not in markdown, words
    assert markdown.count("binoc-board") == 1
    assert [cell["id"] for cell in cells] == ["given", "tree-run", "end-run"]
    assert ["remove-input" in cell["metadata"]["tags"] for cell in cells] == [False, True, True]
    assert len(cells[-1]["outputs"]) == 1


def test_report_of_a_record_of_an_earlier_version(file, tmp_path):
    file()
    (release,), _ = read_releases(tmp_path)
    markdown, _ = report(release, ReportSource())
    assert "· not verified yet" in markdown
    assert "its tagger is unknown" in markdown
    assert "## Artifacts" not in markdown
    assert "## Changes" not in markdown
    assert "✓ done" in markdown


@pytest.mark.parametrize(
    "changes",
    [
        {"tests": {"passed": "yesterday", "seconds": 1, "stored": True}},
        {"artifacts": [{"name": "demo"}]},
        {"workflow_run": {"id": 1, "status": "completed", "conclusion": None, "url": "javascript:alert(1)"}},
        {"jobs": [{"name": "build", "state": "unheard of", "seconds": 1, "finding": None}]},
        {"stages": [{"name": "tree", "seconds": 1, "findings": [{"check": "tree"}]}]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_record_with_an_invalid_optional_field_is_a_warning(file, tmp_path, changes):
    file(**changes)
    releases, findings = read_releases(tmp_path)
    assert releases == ()
    assert places(findings) == [("warning", "docs/releases/0.4.0.json")]


def test_feed_has_absolute_addresses_and_the_newest_release_first(file, tmp_path):
    file("0.4.0")
    file("0.5.0", ended="2026-12-01T10:00:00Z")
    releases, _ = read_releases(tmp_path)
    atom = {"": "http://www.w3.org/2005/Atom"}
    root = ElementTree.fromstring(feed(releases, "Demo", "The authors", "https://example.org/docs/releases/index.html"))
    assert root.findtext("updated", namespaces=atom) == "2026-12-01T10:00:00Z"
    titles = [entry.findtext("title", namespaces=atom) for entry in root.findall("entry", atom)]
    assert titles == ["Demo 0.5.0", "Demo 0.4.0"]
    links = {link.get("href") for link in root.findall(".//link", atom)}
    assert "https://example.org/docs/releases/0.5.0.html" in links
    assert all(link.startswith("https://example.org/docs/releases/") for link in links)
