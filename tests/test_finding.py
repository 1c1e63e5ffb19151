"""Findings: their status, and their text, Markdown and JSON forms."""

from __future__ import annotations

import json

import pytest

from binoc_runbook.finding import SEVERITY, SIGN, Finding, Findings, Place, Status

OK = Finding.ok("sync", Place("Cargo.toml", 7), "`0.4.0`")
WARNING = Finding.warning("tree", "git status", "1 untracked file", "git add notes.md")
FAILED = Finding.failed("sync", Place("python/binoc/pyproject.toml", 3), "`0.3.0`", "just set-version 0.4.0")
UNKNOWN = Finding.unknown("remote", "git ls-remote origin", "no answer", "git remote -v")


def test_place_has_the_format_of_editors() -> None:
    assert str(Place("crates/binoc-sdk/Cargo.toml", 3)) == "crates/binoc-sdk/Cargo.toml:3"


def test_place_without_a_line_is_the_path() -> None:
    assert str(Place("Cargo.lock")) == "Cargo.lock"


def test_looked_at_can_be_a_place_or_text() -> None:
    assert OK.looked_at == "Cargo.toml:7"
    assert WARNING.looked_at == "git status"


def test_constructors_set_the_status() -> None:
    findings = (OK, WARNING, FAILED, UNKNOWN)
    assert [finding.status for finding in findings] == ["ok", "warning", "failed", "unknown"]


def test_all_statuses_have_a_severity_and_a_sign() -> None:
    assert set(SEVERITY) == set(SIGN) == {"ok", "warning", "failed", "unknown"}
    assert len(set(SIGN.values())) == len(SIGN)


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], "ok"),
        ([OK], "ok"),
        ([OK, WARNING], "warning"),
        ([UNKNOWN, WARNING, OK], "unknown"),
        ([OK, UNKNOWN, FAILED, WARNING], "failed"),
    ],
)
def test_status_of_several_findings_is_the_worst(findings: list[Finding], status: Status) -> None:
    assert Findings(findings).status == status


def test_findings_keep_their_order() -> None:
    assert Findings([WARNING]) + Findings([OK, FAILED]) == Findings([WARNING, OK, FAILED])


def test_findings_can_be_selected_by_status() -> None:
    assert Findings([OK, FAILED, UNKNOWN, OK]).having("failed", "unknown") == Findings([FAILED, UNKNOWN])


def test_slice_of_findings_is_equal_to_findings() -> None:
    findings = Findings([OK, FAILED, UNKNOWN])

    assert findings[1] is FAILED
    assert findings[1:] == Findings([FAILED, UNKNOWN])
    assert len(findings) == 3
    assert FAILED in findings


def test_findings_are_equal_to_findings_only() -> None:
    assert hash(Findings([OK])) == hash(Findings([OK]))
    assert Findings([OK]) != [OK]


def test_json_has_five_keys_for_each_finding() -> None:
    written = json.loads(json.dumps(Findings([OK, FAILED]).to_json()))

    assert written == [
        {"check": "sync", "status": "ok", "looked_at": "Cargo.toml:7", "saw": "`0.4.0`", "remedy": ""},
        {
            "check": "sync",
            "status": "failed",
            "looked_at": "python/binoc/pyproject.toml:3",
            "saw": "`0.3.0`",
            "remedy": "just set-version 0.4.0",
        },
    ]


def test_text_has_the_remedy_on_the_next_line() -> None:
    assert str(Findings([OK, FAILED])) == (
        "✓ ok: sync: Cargo.toml:7: `0.4.0`\n"
        "✗ failed: sync: python/binoc/pyproject.toml:3: `0.3.0`\n"
        "    → just set-version 0.4.0"
    )


def test_markdown_has_one_item_for_each_finding() -> None:
    items = Findings([OK, FAILED])._repr_markdown_().split("\n- ")

    assert len(items) == 2
    assert "✓ ok" in items[0]
    assert "Cargo.toml:7" in items[0]
    assert "just set-version 0.4.0" in items[1]
