"""Release records under docs/releases: validation, and the overview table."""

from __future__ import annotations

import json

import pytest

from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.record import digest_of
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import Verification
from binoc_runbook.site.releases.overview import (
    artifact_line,
    duration,
    part_names,
    parts,
    state,
    tagged_by,
    times,
)
from binoc_runbook.site.releases.record_files import read_releases
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
    assert tagged_by(Git(checkout.root), record) == ("Rosa Release", None)


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
    assert state(record) == "? released; the verification is unfinished"


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
    assert state(record) == "released; not verified yet"


# Tagger.


def test_tagger_is_unknown_without_the_tag(checkout, file, tmp_path):
    file()
    (record,), _ = read_releases(tmp_path)
    assert tagged_by(None, record) == ("unknown", None)
    assert tagged_by(Git(checkout.root), record) == ("unknown", None)


def test_tag_of_another_commit_is_a_warning(checkout, file, tmp_path):
    file()
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    (record,), _ = read_releases(tmp_path)
    name, finding = tagged_by(Git(checkout.root), record)
    assert (name, finding.status) == ("unknown", "warning")
    assert checkout.head()[:12] in finding.saw


# Overview.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (187, "3 min 7 s"), (3599.7, "1 h 0 min"), (3840, "1 h 4 min")],
)
def test_duration_in_words(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("published", "✓ released; published and verified"),
        ("refused", "✗ released; not published correctly"),
    ],
)
def test_state_is_the_outcome_of_the_verification(file, tmp_path, outcome, words):
    missing = {"name": "demo", "registry": "pypi", "state": "missing", "digests": []}
    published = {"name": "demo-sdk", "registry": "crates.io", "state": "published", "digests": ["d" * 64]}
    file(verified={"outcome": outcome, "artifacts": [missing, published]})
    (record,), findings = read_releases(tmp_path)
    assert not findings
    assert state(record) == words
    assert [artifact_line(artifact) for artifact in record.verification.artifacts] == [
        "✗ demo (PyPI): missing",
        "✓ demo-sdk (crates.io): published, 1 file",
    ]


def test_parts_of_a_run_add_up_to_its_duration_with_a_former_stage(file, tmp_path):
    spent = [("tree", 1.5), ("bless", 2), ("tree", 1)]
    file("0.3.0", stages=[{"name": name, "seconds": seconds} for name, seconds in spent])
    file("0.4.0")
    releases, _ = read_releases(tmp_path)
    names = part_names(releases)
    assert names[-3:] == ("push-tag", "bless", "the rest")
    assert [sum(parts(release, names)) for release in releases] == [10.0, 10.0]
    rows = {row[0]: row[1:] for row in times(releases)}
    assert rows["stage"] == ["0.3.0", "0.4.0"]
    assert rows["1. tree"] == ["2.5", "1.0"]
    assert rows["10. bless"] == ["2.0", "0.0"]
    assert rows["11. the rest"] == ["5.5", "1.0"]
    assert rows["total"] == ["10.0", "10.0"]
