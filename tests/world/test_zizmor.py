"""The real zizmor on one workflow file, and what stands for it where it is not the pinned one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from binoc_runbook.checks.workflow.audit import ZIZMOR
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.zizmor import audit_workflow

FILE = ".github/workflows/publish.yml"
INJECTION = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.head_ref }}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(INJECTION)
    return tmp_path


def program(directory: Path, script: str) -> Processes:
    """Processes that take `script` for zizmor."""
    file = directory / "bin/zizmor"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Processes(directory, first=(file.parent,))


def test_reports_have_their_line_and_their_page(root: Path) -> None:
    audit = audit_workflow(Processes(root), FILE)

    assert audit.complete
    [report] = [report for report in audit.reports if report.audit == "template-injection"]
    assert (report.line, report.severity, report.counts) == (6, "High", True)
    assert "template-injection" in report.page


def test_variables_of_the_user_do_not_change_the_audit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIZMOR_CONFIG", "absent.yml")

    assert audit_workflow(Processes(root), FILE).reports


def test_comments_and_configuration_of_the_checkout_do_not_change_the_audit(root: Path) -> None:
    (root / FILE).write_text(INJECTION.replace("head_ref }}", "head_ref }} # zizmor: ignore[template-injection]"))
    (root / "zizmor.yml").write_text("rules: {template-injection: {disable: true}}\n")

    assert "template-injection" in [report.audit for report in audit_workflow(Processes(root), FILE).reports]


@pytest.mark.parametrize("text", ["on: {workflow_run: {}}\njobs: {}\n", "on: push\non: push\njobs: {}\n"])
def test_a_file_that_zizmor_cannot_read_is_unknown(root: Path, text: str) -> None:
    (root / FILE).write_text(text)

    audit = audit_workflow(Processes(root), FILE)

    assert audit.unknown
    assert not audit.missing
    assert "backtrace" not in audit.unknown


def test_another_version_is_not_started(root: Path) -> None:
    audit = audit_workflow(program(root, "touch started-$1; echo zizmor 0.9.0"), FILE)

    assert "0.9.0" in audit.missing
    assert [path.name for path in root.glob("started-*")] == ["started---version"]


def test_a_version_that_cannot_be_asked_for_is_missing(root: Path) -> None:
    assert audit_workflow(program(root, "exit 1"), FILE).missing


@pytest.mark.parametrize("output", ["nothing", "{}", "[1]", "[{}]", '[{"ident": "x", "locations": []}]'])
def test_a_report_in_another_form_is_unknown(root: Path, output: str) -> None:
    audit = audit_workflow(program(root, f"test $1 = --version && echo zizmor {ZIZMOR} || echo '{output}'"), FILE)

    assert audit.unknown


def test_without_zizmor_it_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(root / "python"))
    monkeypatch.setenv("PATH", str(root))

    assert "zizmor" in audit_workflow(Processes(root), FILE).missing
