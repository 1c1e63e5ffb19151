"""What is filed under docs/releases/: read back with suspicion, and shown as a table."""

from __future__ import annotations

import json

import pytest

from binoc_runbook.release.parameters import open_target
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


class Silent:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def file(tmp_path, a_record):
    """Files a record with its notebook, as changed; `at` is the name of the files."""

    def write(at="0.4.0", *, notebook=NOTEBOOK, verified=None, text=None, **changes):
        twin = json.dumps(a_record(at, **changes)) if text is None else text
        (tmp_path / f"{at}.json").write_text(twin, "utf-8")
        if notebook is not None:
            (tmp_path / f"{at}.ipynb").write_text(json.dumps(notebook), "utf-8")
        if verified is not None:
            told = {"schema": 1, "version": at, "world": "real", "commit": "c" * 40, "outcome": "published"}
            told |= {"artifacts": [], **verified}
            (tmp_path / f"{at}.verified.json").write_text(json.dumps(told), "utf-8")

    return write


def told(findings):
    return [(each.status, each.looked_at) for each in findings]


# What is read.


def test_nothing_is_filed_before_the_first_release(tmp_path):
    (tmp_path / "index.md").touch()
    filed, findings = read_releases(tmp_path)
    assert not filed
    assert not findings


def test_the_record_that_a_real_release_files_is_understood(checkout, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    release = Release(target, Silent(), checkout.root / "runs", dry_run=False)
    stages = ["tree", "surface", "sync", "workflow", "remote", "tests", "push-branch", "tag", "push-tag"]
    for name in stages:
        if name == "push-branch":
            release.line()
        release.run(name)
    release.finish()
    (filed,), findings = read_releases(checkout.root / "docs/releases")
    assert told(findings) == [("warning", "docs/releases/0.4.0.ipynb")]  # papermill files it, which is not at work here
    assert (str(filed.version), filed.tag, filed.commit) == ("0.4.0", "v0.4.0", checkout.head())
    assert list(filed.stages) == stages
    assert tagged_by(Git(checkout.root), filed) == ("Rosa Release", None)


def test_the_record_of_a_verification_is_understood(checkout, file, tmp_path):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    file(verified=Verification(target, Silent(), checkout.root / "runs", sums={}).to_json())
    (filed,), findings = read_releases(tmp_path)
    assert not findings
    assert state(filed) == "? released; the verification is unfinished"


def test_the_newest_version_comes_first_by_precedence_and_not_by_spelling(file, tmp_path):
    for version in ("0.9.0", "0.10.0", "0.10.0-rc.1"):
        file(version)
    filed, findings = read_releases(tmp_path)
    assert [str(each.version) for each in filed] == ["0.10.0", "0.10.0-rc.1", "0.9.0"]
    assert not findings


def test_the_commit_is_what_the_tag_peels_to_and_not_where_head_had_moved(file, tmp_path):
    file(remote_refs={"refs/tags/v0.4.0": "e" * 40, "refs/tags/v0.4.0^{}": "d" * 40})
    (filed,), _ = read_releases(tmp_path)
    assert filed.commit == "d" * 40


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
def test_what_was_no_real_release_fails_and_is_not_listed(file, tmp_path, at, changes):
    file(at, **changes)
    filed, findings = read_releases(tmp_path)
    assert filed == ()
    (finding,) = findings
    assert finding.status == "failed"
    assert finding.looked_at.startswith(f"docs/releases/{at}.")
    assert finding.remedy == f"move `{at}.*` from `docs/releases/` to `runs/`"


def test_the_verification_of_a_rehearsal_fails(file, tmp_path):
    file(verified={"world": "rehearsal"})
    filed, findings = read_releases(tmp_path)
    assert [each.verification for each in filed] == [None]
    assert told(findings) == [("failed", "docs/releases/0.4.0.verified.json")]


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
    ],
    ids=lambda changes: ascii(changes)[:30],
)
def test_what_is_broken_is_a_warning_that_names_the_file_and_what_to_do(file, tmp_path, changes):
    file(**changes)
    filed, findings = read_releases(tmp_path)
    assert filed == ()
    assert told(findings) == [("warning", "docs/releases/0.4.0.json")]
    assert "docs/releases/0.4.0.json" in findings[0].remedy


def test_a_file_that_belongs_elsewhere_is_a_warning(file, tmp_path):
    file("notes", notebook=None, text='{"a": 1}')
    _, (finding,) = read_releases(tmp_path)
    assert (finding.status, finding.remedy) == ("warning", "git rm docs/releases/notes.json")


@pytest.mark.parametrize("missing", ["0.4.0.json", "0.4.0.ipynb"])
def test_half_a_record_is_a_warning_about_the_other_half(file, tmp_path, missing):
    file()
    (tmp_path / missing).unlink()
    assert told(read_releases(tmp_path)[1]) == [("warning", f"docs/releases/{missing}")]


@pytest.mark.parametrize("notebook", [[], {}, {**NOTEBOOK, "cells": [1]}, {**NOTEBOOK, "nbformat": 3}], ids=str)
def test_a_page_that_is_no_notebook_is_a_warning(file, tmp_path, notebook):
    file(notebook=notebook)
    filed, findings = read_releases(tmp_path)
    assert filed == ()
    assert told(findings) == [("warning", "docs/releases/0.4.0.ipynb")]


def test_a_verification_without_its_record_is_a_warning(file, tmp_path):
    file(verified={})
    (tmp_path / "0.4.0.json").unlink()
    (tmp_path / "0.4.0.ipynb").unlink()
    assert told(read_releases(tmp_path)[1]) == [("warning", "docs/releases/0.4.0.json")]


@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "d" * 40},
        {"version": "0.4.1"},
        {"artifacts": [{"name": "demo", "registry": "pypi", "state": "published", "digests": ["abc"]}]},
        {"artifacts": [{"name": "demo"}]},
    ],
)
def test_a_verification_that_does_not_fit_is_a_warning_and_the_release_counts_as_not_verified(file, tmp_path, changes):
    file(verified=changes)
    (filed,), findings = read_releases(tmp_path)
    assert told(findings) == [("warning", "docs/releases/0.4.0.verified.json")]
    assert state(filed) == "released; not verified yet"


# Who tagged.


def test_who_tagged_is_unknown_where_the_tag_is_not(checkout, file, tmp_path):
    file()
    (filed,), _ = read_releases(tmp_path)
    assert tagged_by(None, filed) == ("unknown", None)
    assert tagged_by(Git(checkout.root), filed) == ("unknown", None)


def test_nobody_is_named_for_a_tag_of_another_commit(checkout, file, tmp_path):
    file()
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    (filed,), _ = read_releases(tmp_path)
    name, finding = tagged_by(Git(checkout.root), filed)
    assert (name, finding.status) == ("unknown", "warning")
    assert checkout.head()[:12] in finding.saw


# What is shown.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (187, "3 min 7 s"), (3599.7, "1 h 0 min"), (3840, "1 h 4 min")],
)
def test_durations_are_spelt_for_people(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("published", "✓ released; published and verified"),
        ("refused", "✗ released; not published as it should be"),
    ],
)
def test_the_state_says_what_a_verification_found(file, tmp_path, outcome, words):
    each = {"name": "demo", "registry": "pypi", "state": "missing", "digests": []}
    there = {"name": "demo-sdk", "registry": "crates.io", "state": "published", "digests": ["d" * 64]}
    file(verified={"outcome": outcome, "artifacts": [each, there]})
    (filed,), findings = read_releases(tmp_path)
    assert not findings
    assert state(filed) == words
    assert [artifact_line(each) for each in filed.verification.artifacts] == [
        "✗ demo (PyPI): missing",
        "✓ demo-sdk (crates.io): published, 1 file",
    ]


def test_the_parts_of_a_run_add_up_to_its_duration_even_if_the_runbook_had_another_stage_then(file, tmp_path):
    spent = [("tree", 1.5), ("bless", 2), ("tree", 1)]
    file("0.3.0", stages=[{"name": name, "seconds": seconds} for name, seconds in spent])
    file("0.4.0")
    releases, _ = read_releases(tmp_path)
    names = part_names(releases)
    assert names[-3:] == ("push-tag", "bless", "the rest")
    assert [sum(parts(each, names)) for each in releases] == [10.0, 10.0]
    rows = {row[0]: row[1:] for row in times(releases)}
    assert rows["stage"] == ["0.3.0", "0.4.0"]
    assert rows["1. tree"] == ["2.5", "1.0"]
    assert rows["10. bless"] == ["2.0", "0.0"]
    assert rows["11. the rest"] == ["5.5", "1.0"]
    assert rows["whole"] == ["10.0", "10.0"]
