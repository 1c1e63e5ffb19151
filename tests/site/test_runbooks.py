"""The page of the runbook is a rehearsal of the commit, made once for it; building it does nothing else."""

from __future__ import annotations

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
    """A site in a checkout, as `sphinx-build` makes it."""

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
        """Returns the exit code, and what was said of warnings and errors."""
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


def test_the_page_is_one_rehearsal_of_the_commit_and_nothing_else_happens(site):
    def world():
        asked = (["status", "--porcelain", "--ignored"], ["for-each-ref"], ["reflog", "--all"])
        return [site.checkout.git(*each, cwd=site.root) for each in asked], site.checkout.remote_refs()

    (status, *before), remote = world()
    assert site.build() == (0, "")
    (status_now, *after), remote_now = world()
    assert (before, remote) == (after, remote_now)
    assert set(status_now.splitlines()) - set(status.splitlines()) <= {"!! docs/_build/", "!! docs/runbooks/"}

    page, told = site.page(), words(site.page())
    assert f"a quick rehearsal of commit {site.checkout.head()[:12]} of " in told
    assert "✓ 9. push-tag: done now" in told
    assert "origin holds refs/tags/v0.4.0, annotated tag of" in told
    assert "a command that does nothing" in told
    assert {f'id="{stage.name}"' for stage in STAGES} <= set(re.findall(r'id="[^"]+"', page))
    assert all(page.count(f'id="{stage.name}"') == 1 for stage in STAGES)
    assert "dry_run: bool = False" in told
    assert "dry_run: bool = True" not in told
    assert "# Parameters" not in told
    assert "This page is shown as it is written" in words(site.page("runbooks/verify"))
    assert "&lt;env&gt;/bin/python -c pass" in page

    # It is made once for a commit.
    text = site.copy.read_text("utf-8").replace("origin holds refs/heads/main", "this was kept")
    site.copy.write_text(text, "utf-8")
    assert site.build() == (0, "")
    assert "this was kept" in site.page()
    site.checkout.commit("Another")
    assert site.build() == (0, "")
    assert "this was kept" not in site.page()
    assert site.checkout.head()[:12] in words(site.page())

    # What is gone has no page.
    (site.root / "runbooks/verify.ipynb").unlink()
    site.checkout.write("docs/index.md", PAGES["index.md"].replace("runbooks/verify\n", ""))
    assert site.build() == (0, "")
    assert not (site.root / "docs/runbooks/verify.ipynb").exists()


def test_where_there_is_no_cargo_the_page_is_shown_as_it_is_written(site, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert site.build() == (0, "")
    assert "without results: there is no cargo here" in words(site.page())


def test_two_clones_rehearse_a_commit_to_the_same_notebook(site):
    other = site.root.parent / "elsewhere/a longer name"
    site.checkout.git("clone", "--quiet", str(site.root), str(other))
    here, there = (rehearse(root / "runbooks/release.ipynb", root) for root in (site.root, other))
    assert here == there
    assert here.refused == ""


def test_a_commit_that_cannot_be_released_fails_every_build_with_the_reason(site):
    site.checkout.edit("CHANGELOG.md", "## [0.4.0] - 2026-11-22", "## Once")
    site.checkout.commit("A changelog that does not tell of it")
    for _ in range(2):
        code, said = site.build()
        assert code == 1
        assert f"release.ipynb: a quick rehearsal of {site.checkout.head()[:12]} was refused" in said
        assert "CHANGELOG.md" in said
        assert "just prepare 0.4.0" in said
        assert "Executing notebook" not in said
        assert "Traceback" not in said
    assert "stands in the way" in words(site.page())
    site.checkout.edit("CHANGELOG.md", "## Once", "## [0.4.0] - 2026-11-22")
    site.checkout.commit("Mended")
    assert site.build() == (0, "")
