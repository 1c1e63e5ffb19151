"""A new decision gets a page of its own, and never the place of another."""

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
def test_a_page_is_named_after_its_day_and_its_title(tmp_path, title, name):
    path = start_decision(tmp_path, title, DAY)
    assert path == f"docs/adr/2026-11-23-{name}.md"
    text = (tmp_path / path).read_text("utf-8")
    assert text.startswith(f"# {' '.join(title.split())}\n\nDecided on 23 November 2026.\n")


def test_a_page_that_is_there_stays_as_it_is(tmp_path):
    path = start_decision(tmp_path, "One thing", DAY)
    (tmp_path / path).write_text("what was decided\n", "utf-8")
    with pytest.raises(RefusedError, match="is there already, and stays as it is"):
        start_decision(tmp_path, "one  thing!", DAY)
    assert (tmp_path / path).read_text("utf-8") == "what was decided\n"


@pytest.mark.parametrize("title", ["", "  ", "???", "../.."])
def test_a_title_without_words_names_no_file(tmp_path, title):
    with pytest.raises(RefusedError, match="no letter or digit"):
        start_decision(tmp_path, title, DAY)
    assert not list(tmp_path.rglob("*.md"))


def test_the_command_prints_the_path_and_refuses_with_exit_code_1(checkout, capsys):
    typed = ("--root", str(checkout.root), "adr", "A way to go")
    assert main(typed) == 0
    path = capsys.readouterr().out.strip()
    assert (checkout.root / path).is_file()
    assert main(typed) == 1
    assert path in capsys.readouterr().err


@pytest.mark.notebook
def test_a_new_page_is_built_without_a_warning_and_says_that_nothing_verifies_it(tmp_path):
    path = start_decision(tmp_path, "A way to go", DAY)
    docs = tmp_path / "docs"
    (docs / "conf.py").write_text('extensions = ["myst_parser", "binoc_runbook.site.decisions"]\n', "utf-8")
    (docs / "index.md").write_text("# Site\n\n```{toctree}\n:glob:\nadr/*\n```\n", "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(docs), str(tmp_path / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / path.removeprefix("docs/").replace(".md", ".html")).read_text("utf-8")
    assert "unverified</strong> because no check is tied to it" in page
