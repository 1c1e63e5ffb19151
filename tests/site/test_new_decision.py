"""Pages of new decisions; an existing page is never overwritten."""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest

from binoc_runbook.cli import main
from binoc_runbook.finding import RefusedError
from binoc_runbook.site.new_decision import start_decision

DAY = datetime.date(2026, 11, 23)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Wheels for one more platform", "wheels-for-one-more-platform"),
        ("  Don't   ask: `just release`!  ", "dont-ask-just-release"),
        ("Où publier : 2 idées", "ou-publier-2-idees"),
    ],
)
def test_file_name_consists_of_day_and_title(tmp_path, title, name):
    path = start_decision(tmp_path, title, DAY)
    assert path == f"docs/adr/2026-11-23-{name}.md"
    text = (tmp_path / path).read_text("utf-8")
    assert text.startswith(f"# {' '.join(title.split())}\n\nDecided on 23 November 2026.\n")


def test_existing_page_is_not_overwritten(tmp_path):
    path = start_decision(tmp_path, "One thing", DAY)
    (tmp_path / path).write_text("existing text\n", "utf-8")
    with pytest.raises(RefusedError, match=path):
        start_decision(tmp_path, "one  thing!", DAY)
    assert (tmp_path / path).read_text("utf-8") == "existing text\n"


@pytest.mark.parametrize("title", ["", "  ", "???", "../.."])
def test_title_without_letters_is_refused(tmp_path, title):
    with pytest.raises(RefusedError) as error:
        start_decision(tmp_path, title, DAY)
    assert [finding.check for finding in error.value.findings] == ["adr"]
    assert not list(tmp_path.rglob("*.md"))


def test_page_is_created_by_the_command_and_not_overwritten(checkout, capsys):
    arguments = ("--root", str(checkout.root), "adr", "A way to go")
    assert main(arguments) == 0
    path = capsys.readouterr().out.strip()
    assert (checkout.root / path).is_file()
    assert main(arguments) == 1
    assert path in capsys.readouterr().err


@pytest.mark.notebook
def test_new_page_builds_without_warnings_and_is_unchecked(tmp_path):
    path = start_decision(tmp_path, "A way to go", DAY)
    docs = tmp_path / "docs"
    (docs / "conf.py").write_text('extensions = ["myst_parser", "binoc_runbook.site.decisions"]\n', "utf-8")
    (docs / "index.md").write_text("# Site\n\n```{toctree}\n:glob:\nadr/*\n```\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(docs), str(tmp_path / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / path.removeprefix("docs/").replace(".md", ".html")).read_text("utf-8")
    assert "? unchecked</strong>" in page
