"""Tests of the diagnosis of failed steps, and of the labels of runners."""

from __future__ import annotations

import pytest

from binoc_runbook.rehearsal.runner import runner_labels
from binoc_runbook.rehearsal.runner.failure_diagnosis import (
    KNOWN_FAILURES,
    FailedJob,
    diagnose,
    different_files,
    printed_findings,
)

JOB = FailedJob("example", "demo", "publish.yml", "pypi-demo", "1.0.0")


@pytest.mark.parametrize(
    ("text", "pattern", "in_remedy"),
    [
        ('"code": "invalid-publisher", "description": "…"', "invalid-publisher", "`pypi-demo`"),
        ("valid token, but project already exists", "invalid-pending-publisher", ""),
        ("invalid token: already used", "invalid-(reuse-)?token", "Re-run failed jobs"),
        ("JWT has already been used", "invalid-(reuse-)?token", "Re-run failed jobs"),
        ("malformed or invalid token", "invalid-(reuse-)?token", "Re-run failed jobs"),
        ("No Trusted Publishing config found for repository `x/y`.", "invalid-publisher", "`example`"),
        ("config for x does not match the\n  workflow filename `f` in the JWT", "invalid-publisher", "`publish.yml`"),
        ("requires an environment, but the JWT", "invalid-publisher", "`pypi-demo`"),
        ("does not support the `workflow_run` event trigger.", "do(es)? not support the", ""),
        ("tokens do not support creating new crates.", "do not support creating", "`example`"),
        ("400 Non-user identities cannot create new projects.", "Non-user identities", "`example`"),
        ("The given token isn't allowed to upload to project 'x'.", "isn't allowed to upload", "`example`"),
        ("400 File already exists ('x').", "File already exists", "`just prepare`"),
        ("releases older than 14 days is not allowed", "File already exists", "`just prepare`"),
        ("crate version `1.0.0` is already uploaded", "is already uploaded", "`just verify 1.0.0`"),
        ("error: crate demo@1.0.0 already exists on `x` index", "is already uploaded", "`just verify 1.0.0`"),
        ("(status 403 Forbidden): Invalid authentication token", "invalid-(reuse-)?token", "Re-run failed jobs"),
        ("403 Invalid or non-existent authentication information.", "invalid-(reuse-)?token", "Re-run failed jobs"),
        ("status code 500 Internal Server Error", r"\b50[024]", "Re-run failed jobs"),
        ("responded with an error (status 500 Internal Server Error)", "responded with", "`just verify 1.0.0`"),
        ("HTTP status server error (503 Service Unavailable)", r"\b503", "Re-run failed jobs"),
        ("tcp connect error: Connection refused (os error 111)", r"\b503", "Re-run failed jobs"),
    ],
)
def test_error_of_a_registry_is_diagnosed(text, pattern, in_remedy):
    diagnosis = diagnose(["something before", *text.splitlines(), "something after"], JOB)
    (expected,) = [failure.meaning for failure in KNOWN_FAILURES if failure.pattern.startswith(pattern)]
    assert diagnosis is not None
    meaning, remedy = diagnosis
    assert meaning == expected
    assert in_remedy in remedy
    assert "{" not in remedy


def test_unknown_error_is_not_diagnosed():
    assert diagnose(["503 tests passed", "error: something else"], JOB) is None


def test_files_that_differ_from_the_checked_ones_are_named():
    one, other = "1" * 64, "2" * 64
    lines = ["1,2c1,2", f"< {one}  a.whl", f"< {one}  b.whl", "---", f"> {other}  b.whl", f"> {one}  c.tar.gz"]
    known = different_files(lines)
    assert known is not None
    saw, remedy = known
    for state in (
        "`a.whl` is missing",
        "`b.whl` is not the checked file",
        "`c.tar.gz` is not one of the checked files",
    ):
        assert state in saw
    assert "Re-run failed jobs" in remedy
    assert different_files(["< something", f"{one}  a.whl"]) is None


def test_failed_findings_are_repeated_with_the_first_remedy():
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


def test_without_failures_the_unknown_findings_of_the_first_check_are_repeated_once():
    lines = [
        "? published: unknown (0.1 s)",
        "    ? unknown: published: demo==0.4.0: not yet visible",
        "        → just verify 0.4.0",
        "    ? unknown: published: demo==0.4.0: not yet visible",
        "        → just verify 0.4.0",
        "? provenance: unknown (0.0 s)",
        "    ? unknown: provenance: demo: only PyPI has provenance",
        "        → just verify 0.4.0",
        "✗ verification of 0.4.0 failed",
        "  report: runs/verify-0.4.0.ipynb",
    ]
    assert printed_findings(lines) == ("published: demo==0.4.0: not yet visible", "just verify 0.4.0")


def test_only_the_first_five_findings_are_repeated():
    saw, _ = printed_findings([f"✗ failed: dists: {number}" for number in range(7)])
    assert saw == "dists: 0; dists: 1; dists: 2; dists: 3; dists: 4; and 2 more"


def test_output_without_failed_findings_has_no_diagnosis():
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
def test_host_of_a_runner_label(label, expected):
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
def test_matrix_entry_runs_only_on_a_matching_host(label, values, from_matrix, runs, monkeypatch):
    monkeypatch.setattr(runner_labels, "this_host", lambda: ("Linux", "X64"))
    monkeypatch.setattr(runner_labels, "platform_tags", lambda: iter(["manylinux_2_17_x86_64", "linux_x86_64"]))
    assert (runner_labels.mismatch(label, values, from_matrix=from_matrix) == "") is runs
