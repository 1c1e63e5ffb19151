"""What failed publish steps mean, and which hosts run what: questions to texts, without a run."""

from __future__ import annotations

import pytest

from binoc_runbook.rehearsal.runner import runner_labels
from binoc_runbook.rehearsal.runner.failure_diagnosis import FailedJob, diagnose, printed_findings

JOB = FailedJob("example", "demo", "publish.yml", "pypi-demo", "1.0.0")


@pytest.mark.parametrize(
    ("said", "meaning", "remedy"),
    [
        ('"code": "invalid-publisher", "description": "…"', "no publisher with the claims", "`pypi-demo`"),
        ("valid token, but project already exists", "reserves no name", "another name"),
        ("invalid token: already used", "used or revoked before", "Re-run failed jobs"),
        ("JWT has already been used", "used or revoked before", "Re-run failed jobs"),
        ("malformed or invalid token", "for another audience", "Re-run failed jobs"),
        (
            "No Trusted Publishing config found for repository `x/y`.",
            "no publisher with the claims",
            "crate for trusted",
        ),
        (
            "config for x does not match the\n  workflow filename `f` in the JWT",
            "no publisher with the claims",
            "`publish.yml`",
        ),
        ("requires an environment, but the JWT", "no publisher with the claims", "`pypi-demo`"),
        ("does not support the `workflow_run` event trigger.", "such an event", "push the tag"),
        ("tokens do not support creating new crates.", "not on crates.io yet", "by hand"),
        ("400 Non-user identities cannot create new projects.", "not on PyPI yet", "pending publisher"),
        ("The given token isn't allowed to upload to project 'x'.", "something else", "register"),
        ("400 File already exists ('x').", "never replaced", "`just prepare`"),
        ("releases older than 14 days is not allowed", "older than 14 days", "`just prepare`"),
        ("crate version `1.0.0` is already uploaded", "has this version already", "`just verify 1.0.0`"),
        ("error: crate demo@1.0.0 already exists on `x` index", "has this version already", "`just verify 1.0.0`"),
        ("(status 403 Forbidden): Invalid authentication token", "had expired", "Re-run failed jobs"),
        ("403 Invalid or non-existent authentication information.", "had expired", "Re-run"),
        ("status code 500 Internal Server Error", "nothing is lost", "Re-run failed jobs"),
        ("responded with an error (status 500 Internal Server Error)", "takes no version twice", "`just verify 1.0.0`"),
        ("HTTP status server error (503 Service Unavailable)", "does not answer", "wait until"),
        ("tcp connect error: Connection refused (os error 111)", "does not answer", "wait until"),
    ],
)
def test_the_words_of_a_registry_are_explained(said, meaning, remedy):
    found = diagnose(["something before", *said.splitlines(), "something after"], JOB)
    assert found is not None
    assert meaning in found[0]
    assert remedy in found[1]
    assert "{" not in found[1]


def test_other_words_are_not_explained():
    assert diagnose(["503 tests passed", "error: something else"], JOB) is None


def test_what_our_own_commands_have_found_is_repeated_with_the_first_remedy():
    lines = [
        "dists",
        "  ✗ failed  dist/a.whl: is missing",
        "      → just dist",
        "  ✓ ok  dist/b.whl: 1 KiB",
        "  ✗ failed  dist/c.whl: is too much",
        "smoke-test",
        "  ? unknown  pyproject.toml:1: nothing says how",
        "0.4.0: 2 failed; a real release stops here",
    ]
    assert printed_findings(lines) == ("dist/a.whl: is missing; dist/c.whl: is too much", "just dist")


def test_where_nothing_failed_the_last_that_could_not_be_asked_is_the_reason_and_is_told_once():
    lines = [
        "? origin: unknown (0.0 s)",
        "    ? unknown: provenance: demo: PyPI alone keeps it",
        "        → ask without that index",
        "0.4.0 is not published as it should be",
        "? unknown: published: demo==0.4.0: not yet visible",
        "    → just verify 0.4.0",
        "? unknown: published: demo==0.4.0: not yet visible",
        "    → just verify 0.4.0",
        "the record of this run is runs/verify-0.4.0.ipynb",
    ]
    assert printed_findings(lines) == ("published: demo==0.4.0: not yet visible", "just verify 0.4.0")


def test_of_many_findings_the_first_are_repeated_and_the_rest_is_counted():
    saw, _ = printed_findings([f"✗ failed: dists: {number}" for number in range(7)])
    assert saw == "dists: 0; dists: 1; dists: 2; dists: 3; dists: 4; and 2 more"


def test_a_command_that_found_nothing_has_told_nothing():
    assert printed_findings(["✓ ok: all", "1 failed", "→ no remedy of anything"]) is None


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("ubuntu-24.04", ("Linux", "X64")),
        ("ubuntu-latest", ("Linux", "X64")),
        ("ubuntu-24.04-arm", ("Linux", "ARM64")),
        ("macos-15", ("macOS", "ARM64")),
        ("macos-15-intel", ("macOS", "X64")),
        ("windows-2025", ("Windows", "X64")),
        ("windows-11-arm", ("Windows", "ARM64")),
        ("self-hosted", None),
    ],
)
def test_a_label_names_a_kind_of_host(label, expected):
    assert runner_labels.host_of(label) == expected


@pytest.mark.parametrize(
    ("label", "values", "from_matrix", "runs"),
    [
        ("ubuntu-24.04", [], False, True),
        ("macos-15", ["3.13"], False, True),
        ("macos-15", ["macos-15"], True, False),
        ("ubuntu-24.04", ["ubuntu-24.04", "manylinux_2_17_x86_64"], True, True),
        ("ubuntu-24.04", ["manylinux_2_99_x86_64"], False, False),
        ("ubuntu-24.04", ["musllinux_1_2_x86_64"], True, False),
        ("macos-15", ["manylinux_2_17_x86_64"], False, False),
        ("windows-2025", ["win_amd64"], True, False),
    ],
)
def test_an_entry_runs_here_if_it_is_for_this_host(label, values, from_matrix, runs, monkeypatch):
    monkeypatch.setattr(runner_labels, "this_host", lambda: ("Linux", "X64"))
    monkeypatch.setattr(runner_labels, "platform_tags", lambda: iter(["manylinux_2_17_x86_64", "linux_x86_64"]))
    assert (runner_labels.mismatch(label, values, from_matrix=from_matrix) == "") is runs
