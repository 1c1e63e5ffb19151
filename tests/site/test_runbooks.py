"""Runbook pages: one quick rehearsal for each commit, without other effects."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.site.runbooks.rehearsed_notebook import rehearse
from binoc_runbook.stages import STAGES

RUNBOOKS = Path(__file__).parents[2] / "runbooks"

pytestmark = pytest.mark.notebook

CONF = """\
extensions = ["myst_nb", "binoc_runbook.site.runbooks"]
html_theme = "basic"
nb_execution_mode = "off"
exclude_patterns = ["_build"]
"""

PAGES = {
    "conf.py": CONF,
    "index.md": "# A site\n\n```{toctree}\nrunbooks/release\nrunbooks/verify\nreleases/index\n```\n",
    "releases/index.md": "# Releases\n",
}


class Site:
    """Site in a checkout."""

    def __init__(self, checkout):
        self.checkout, self.root = checkout, checkout.root
        for name, text in PAGES.items():
            checkout.write(f"docs/{name}", text)
        for name in ("release", "verify"):
            (self.root / "runbooks").mkdir(exist_ok=True)
            shutil.copy(RUNBOOKS / f"{name}.ipynb", self.root / "runbooks")
        checkout.write(".gitignore", "/target/\n/runs/\n/docs/runbooks/\n/docs/_build/\n")
        checkout.commit("A site")

    @property
    def copy(self):
        return self.root / "docs/runbooks/release.ipynb"

    def build(self):
        """Build the site; return the exit code, and warnings and errors."""
        out = self.root / "docs/_build/html"
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(out)]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stderr

    def page(self, name="runbooks/release"):
        return (self.root / f"docs/_build/html/{name}.html").read_text("utf-8")


@pytest.fixture
def site(checkout):
    return Site(checkout)


def words(page):
    return " ".join(re.sub("<[^>]+>", "", page).split())


def test_page_is_one_rehearsal_of_the_commit(site):
    def world():
        commands = (["status", "--porcelain", "--ignored"], ["for-each-ref"], ["reflog", "--all"])
        return [site.checkout.git(*command, cwd=site.root) for command in commands], site.checkout.remote_refs()

    (status, *before), remote = world()
    assert site.build() == (0, "")
    (status_now, *after), remote_now = world()
    assert (before, remote) == (after, remote_now)
    assert set(status_now.splitlines()) - set(status.splitlines()) <= {"!! docs/_build/", "!! docs/runbooks/"}

    page, text = site.page(), words(site.page())
    assert f"a quick rehearsal of commit {site.checkout.head()[:12]} of " in text
    assert "✓ done now 9. push-tag" in text
    assert "origin holds refs/tags/v0.4.0, annotated tag of" in text

    assert {f'id="{stage.name}"' for stage in STAGES} <= set(re.findall(r'id="[^"]+"', page))
    assert all(page.count(f'id="{stage.name}"') == 1 for stage in STAGES)
    assert "dry_run: bool = True" in text
    assert '# Parameters of this rehearsal dry_run = False world = "rehearsal:quick"' in html.unescape(text)
    assert "This page has no outputs" in words(site.page("runbooks/verify"))
    assert "&lt;env&gt;/bin/python -c pass" in page

    # Another build of the same commit does not rehearse again.
    text = site.copy.read_text("utf-8").replace("origin holds refs/heads/main", "not rehearsed again")
    site.copy.write_text(text, "utf-8")
    assert site.build() == (0, "")
    assert "not rehearsed again" in site.page()
    site.checkout.commit("Another")
    assert site.build() == (0, "")
    assert "not rehearsed again" not in site.page()
    assert site.checkout.head()[:12] in words(site.page())

    # The page of a deleted runbook is deleted.
    (site.root / "runbooks/verify.ipynb").unlink()
    site.checkout.write("docs/index.md", PAGES["index.md"].replace("runbooks/verify\n", ""))
    assert site.build() == (0, "")
    assert not (site.root / "docs/runbooks/verify.ipynb").exists()


def test_page_without_cargo_has_no_outputs(site, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert site.build() == (0, "")
    assert "This page has no outputs: a rehearsal needs cargo" in words(site.page())


def test_rehearsals_in_two_clones_are_identical(site):
    other = site.root.parent / "elsewhere/a longer name"
    site.checkout.git("clone", "--quiet", str(site.root), str(other))
    here, there = (rehearse(root / "runbooks/release.ipynb", root) for root in (site.root, other))
    assert here == there
    assert here.refused == ""


def test_refused_rehearsal_fails_every_build_with_the_reason(site):
    site.checkout.edit("CHANGELOG.md", "## [0.4.0] - 2026-11-22", "## Once")
    site.checkout.commit("Rename the section")
    for _ in range(2):
        code, log = site.build()
        assert code == 1
        assert site.checkout.head()[:12] in log
        assert "CHANGELOG.md" in log
        assert "just prepare 0.4.0" in log
        assert "Executing notebook" not in log
        assert "Traceback" not in log
    assert "✗ blocked 3. sync" in words(site.page())
    site.checkout.edit("CHANGELOG.md", "## Once", "## [0.4.0] - 2026-11-22")
    site.checkout.commit("Fix the section")
    assert site.build() == (0, "")
