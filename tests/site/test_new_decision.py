"""Tests of new decision pages."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys

import pytest

from binoc_runbook.cli import main
from binoc_runbook.finding import RefusedError
from binoc_runbook.site.new_decision import start_decision

DATE = datetime.date(2026, 11, 23)


def failed_check(refusal: pytest.ExceptionInfo[RefusedError]) -> tuple[str, str, str]:
    (finding,) = refusal.value.findings
    assert finding.remedy.startswith("just adr ")
    return finding.check, finding.status, finding.looked_at


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Wheels for one more platform", "wheels-for-one-more-platform"),
        ("  Don't   skip: `just release`!  ", "dont-skip-just-release"),
        ("Où publier : 2 idées", "ou-publier-2-idees"),
    ],
)
def test_page_is_named_by_date_and_title(tmp_path, title, name):
    assert start_decision(tmp_path, title, DATE) == f"docs/adr/2026-11-23-{name}.md"


def test_page_has_the_standard_form(tmp_path):
    text = (tmp_path / start_decision(tmp_path, "  One   thing ", DATE)).read_text("utf-8")
    assert text.startswith("# One thing\n\n*Date:* 2026-11-23\n\n*Status:* Proposed\n")
    sections = re.findall(r"(?m)^## (.+)$", text)
    assert sections == ["Context", "Decision", "Alternatives considered", "Consequences"]


def test_decisions_of_this_repository_have_the_standard_form(pytestconfig):
    pages = sorted((pytestconfig.rootpath / "docs/adr").glob("2*.md"))
    assert pages
    for page in pages:
        text = page.read_text("utf-8")
        (date,) = re.findall(r"(?m)^# .+\n\n\*Date:\* (\S+)\n\n\*Status:\* [A-Z]\w+$", text)
        assert page.name.startswith(f"{date}-")
        sections = re.findall(r"(?m)^## (.+)$", text)
        assert sections == ["Context", "Decision", "Alternatives considered", "Consequences"]


def test_existing_page_is_not_overwritten(tmp_path):
    path = start_decision(tmp_path, "One thing", DATE)
    (tmp_path / path).write_text("the decision\n", "utf-8")
    with pytest.raises(RefusedError) as refusal:
        start_decision(tmp_path, "one  thing!", DATE)
    assert failed_check(refusal) == ("adr", "failed", path)
    assert (tmp_path / path).read_text("utf-8") == "the decision\n"


@pytest.mark.parametrize("title", ["", "  ", "???", "../.."])
def test_title_without_letters_is_refused(tmp_path, title):
    with pytest.raises(RefusedError) as refusal:
        start_decision(tmp_path, title, DATE)
    assert failed_check(refusal)[:2] == ("adr", "failed")
    assert not list(tmp_path.rglob("*.md"))


def test_path_is_printed_and_an_existing_page_is_refused(checkout, capsys):
    arguments = ("--root", str(checkout.root), "adr", "A new decision")
    assert main(arguments) == 0
    path = capsys.readouterr().out.strip()
    assert (checkout.root / path).is_file()
    assert main(arguments) == 1
    assert path in capsys.readouterr().err


@pytest.mark.notebook
def test_page_builds_and_shows_the_computed_status_next_to_the_declared_one(tmp_path):
    path = start_decision(tmp_path, "A new decision", DATE)
    docs = tmp_path / "docs"
    (docs / "conf.py").write_text('extensions = ["myst_parser", "binoc_runbook.site.decisions"]\n', "utf-8")
    (docs / "index.md").write_text("# Site\n\n```{decisions}\n```\n\n```{toctree}\n:glob:\nadr/*\n```\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(docs), str(tmp_path / "html")]
    build = subprocess.run(command, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr
    page = (tmp_path / "html" / path.removeprefix("docs/").replace(".md", ".html")).read_text("utf-8")
    assert "unknown</strong>" in page
    (link,) = re.findall(r'Proposed.*href="\.\./index\.html#([^"]+)">1 unknown<', page)
    assert f'id="{link}"' in (tmp_path / "html/index.html").read_text("utf-8")
