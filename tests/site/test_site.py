"""The site builds without a warning: before the first release, and with the record of one, which it never executes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.notebook

CONF = """\
extensions = ["myst_nb", *(f"binoc_runbook.site.{name}" for name in ("decisions", "releases", "runbooks"))]
html_theme = "basic"
nb_execution_mode = "off"
"""

PAGES = {
    "conf.py": CONF,
    "index.md": "# A site\n\n```{releases}\n:summary:\n```\n\n```{toctree}\n:glob:\nrunbooks/*\nreleases/index\n```\n",
    "releases/index.md": "# Releases\n\n```{releases}\n```\n",
}


@pytest.fixture
def sources(tmp_path):
    """The pages of a small site, in no checkout, beside the runbooks."""
    for name, text in PAGES.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks")
    return tmp_path / "docs"


@pytest.fixture
def sphinx(sphinx_build):
    """Builds a site; returns the exit code, and what was said of warnings and errors."""

    def run(source, to, *arguments):
        return sphinx_build("-q", "-d", str(to.parent / "doctrees"), *arguments, str(source), str(to))

    return run


@pytest.fixture
def build(sphinx):
    """Builds a site that has to be without a warning."""

    def run(source, to, *arguments):
        assert sphinx(source, to, "-W", "--keep-going", *arguments) == (0, "")

    return run


@pytest.fixture
def file(a_record):
    """Files the record of a release among the sources of a site: its twin, and the runbook as its page."""

    def write(sources, version, *, notebook=None, **changes):
        notebook = notebook or json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
        directory = sources / "releases"
        (directory / f"{version}.ipynb").write_text(json.dumps(notebook), "utf-8")
        (directory / f"{version}.json").write_text(json.dumps(a_record(version, **changes)), "utf-8")

    return write


def page(site, name="releases/index"):
    return (site / f"{name}.html").read_text("utf-8")


def test_before_the_first_release(sources, tmp_path, build):
    build(sources, tmp_path / "html")
    assert (
        '<strong>There was no release yet</strong>; <a class="reference internal" href="releases/index.html">'
        in page(tmp_path / "html", "index")
    )
    told = page(tmp_path / "html")
    assert "There was no release yet" in told
    assert "./just release VERSION" in re.sub("<[^>]+>", "", told)
    assert "there is no commit here that could be rehearsed" in page(tmp_path / "html", "runbooks/release")


def test_a_record_is_shown_as_it_ran_and_is_not_run_again(sources, tmp_path, file, build):
    ran = tmp_path / "it-ran"
    notebook = json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == "push-tag-run"]
    cell["source"] = [f"open({str(ran)!r}, 'w')"]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["it was pushed then\n"]}]
    place = [cell["id"] for cell in notebook["cells"]].index("parameters") + 1
    given = {"cell_type": "code", "id": "given", "metadata": {"tags": ["injected-parameters"]}, "outputs": []}
    notebook["cells"].insert(place, {**given, "source": "# Parameters\ndry_run = False\n", "execution_count": 1})
    file(sources, "9.9.9", notebook=notebook)
    build(sources, tmp_path / "html")
    told = page(tmp_path / "html", "releases/9.9.9")
    assert "it was pushed then" in told
    assert "<title>Release 9.9.9" in told
    assert "It ran on 2026-11-22 (UTC), took 10 s, and released cccccccccccc as v9.9.9." in told
    assert '<section id="push-tag">' in told
    assert told.count('id="push-tag"') == 1
    shown = " ".join(re.sub("<[^>]+>", "", told).split())
    assert "dry_run: bool = False" in shown
    assert "dry_run: bool = True" not in shown
    assert not ran.exists()


def test_the_releases_are_listed_with_links_and_digests(sources, tmp_path, file, build):
    file(sources, "9.9.9")
    file(sources, "9.10.0")
    artifact = {"name": "demo", "registry": "pypi", "state": "published", "digests": ["d" * 64]}
    told = {"schema": 1, "version": "9.9.9", "world": "real", "commit": "c" * 40, "outcome": "published"}
    (sources / "releases/9.9.9.verified.json").write_text(json.dumps({**told, "artifacts": [artifact]}), "utf-8")
    build(sources, tmp_path / "html")
    shown = page(tmp_path / "html")
    assert shown.index('href="9.10.0.html"><span class="doc">') < shown.index('href="9.9.9.html"><span class="doc">')
    assert f'href="https://github.com/example/demo/commit/{"c" * 40}"' in shown
    assert "There was no release yet" not in shown
    assert f"<code>sha256:{'d' * 64}</code>" in shown.replace("<wbr>", "")
    assert "d" * 16 not in (tmp_path / "html/searchindex.js").read_text("utf-8")
    summary = re.sub("<[^>]+>", "", page(tmp_path / "html", "index"))
    assert "The last release is 9.10.0, of 2026-11-22: its record (released; not verified yet)." in summary
    assert 'href="releases/9.10.0.html"><span class="doc">its record' in page(tmp_path / "html", "index")
    ids = re.findall(r'\sid="([^"]+)"', shown)
    assert len(ids) == len(set(ids))


DECISION = """\
---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3, language: python}
mystnb: {execution_mode: force}
---

# A decision

```{decided} surface sync workflow order
All is ready.
```

```{code-cell}
from binoc_runbook import ask
ask("surface") + ask("sync")
```
"""


def test_a_build_where_a_release_stands_ready_asks_git_who_tagged_and_changes_nothing(tmp_path, file, checkout, build):
    for name, text in PAGES.items():
        checkout.write(f"docs/{name}", text.replace("runbooks/*", "runbooks/*\ndecision"))
    checkout.write("docs/decision.md", DECISION)
    checkout.write(".gitignore", "/target/\n/runs/\n/docs/runbooks/\n")
    shutil.copytree(ROOT / "runbooks", checkout.root / "runbooks")
    checkout.commit("A site")
    checkout.git("tag", "-a", "-m", "x", "v0.3.0", cwd=checkout.root)
    file(checkout.root / "docs", "0.3.0", commit=checkout.head())

    def everything():
        asked = (
            ["status", "--porcelain", "--untracked-files=all", "--ignored"],
            ["for-each-ref"],
            ["reflog", "--all"],
            ["config", "--list", "--local"],
        )
        status, *rest = (checkout.git(*each, cwd=checkout.root) for each in asked)
        # The copies of the runbooks, from which their pages are made, are the one thing that a build may leave.
        return [line for line in status.splitlines() if "docs/runbooks/" not in line], rest, checkout.remote_refs()

    before = everything()
    build(checkout.root / "docs", tmp_path / "html")
    assert "<p>Rosa Release</p>" in page(tmp_path / "html")
    assert "can be published, as the policy declares" in page(tmp_path / "html", "decision")
    assert "push-tag: done now" in page(tmp_path / "html", "runbooks/release")  # in its rehearsal
    assert everything() == before


def test_a_rehearsal_among_the_releases_fails_every_build(sources, tmp_path, file, sphinx, build):
    build(sources, tmp_path / "html")
    file(sources, "9.9.9", world="rehearsal")
    for _ in range(2):
        code, said = sphinx(sources, tmp_path / "html")
        assert code != 0
        assert "docs/releases/9.9.9.json: is of a rehearsal or a dry run, and no release" in said
        assert "move `9.9.9.*` from `docs/releases/` to `runs/`" in said
        assert "Traceback" not in said


_NO_SOURCE = json.dumps({"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.mark.parametrize(
    ("broken", "text"),
    [("9.9.9.json", "{"), ("9.9.9.ipynb", "{"), ("9.9.9.ipynb", "{}"), ("9.9.9.ipynb", _NO_SOURCE)],
)
def test_a_broken_record_is_a_warning_in_every_build(sources, tmp_path, file, sphinx, broken, text):
    file(sources, "9.9.9")
    (sources / "releases" / broken).write_text(text, "utf-8")
    for _ in range(2):
        code, said = sphinx(sources, tmp_path / "html")
        assert code == 0
        assert f"docs/releases/{broken}: " in said
        assert f"git checkout HEAD -- docs/releases/{broken}" in said
        assert "Traceback" not in said
    assert "There was no release yet" not in page(tmp_path / "html")  # unknown is never no
    assert ("This record cannot be read" in page(tmp_path / "html", "releases/9.9.9")) == broken.endswith(".ipynb")


def test_a_record_that_is_new_or_has_changed_is_seen_by_the_next_build_however_little_is_built(
    sources, tmp_path, file, build
):
    build(sources, tmp_path / "html", "-N")
    file(sources, "9.9.9")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-22" in page(tmp_path / "html")
    file(sources, "9.9.9", ended="2026-11-29T10:00:00Z")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-29" in page(tmp_path / "html")
    assert "It ran on 2026-11-29" in page(tmp_path / "html", "releases/9.9.9")


def test_two_builds_of_a_commit_are_identical(tmp_path, file, git):
    """The whole site, in two clones of what lies here, by two processes that differ in all that could leak."""
    here, there = tmp_path / "here", tmp_path / "elsewhere/there"
    git("clone", "--quiet", str(ROOT), str(here))
    for name in git("ls-files", "--modified", "--others", "--exclude-standard", cwd=ROOT).splitlines():
        (here / name).unlink(missing_ok=True)
        if (ROOT / name).exists():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, here / name)
    file(here / "docs", "0.1.9")
    file(here / "docs", "0.1.10")
    git("add", "--all", cwd=here)
    git("commit", "--quiet", "-m", "Two releases", cwd=here)
    git("clone", "--quiet", str(here), str(there))
    builds = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sphinx",
                "-q",
                "-W",
                "-b",
                "html",
                "-d",
                "docs/_build/trees",
                "docs",
                "docs/_build/html",
            ],
            cwd=root,
            env={**os.environ, **differing},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for root, differing in (
            (here, {"PYTHONHASHSEED": "1", "TZ": "UTC"}),
            (there, {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "COLUMNS": "60"}),
        )
    ]
    try:
        assert [each.communicate(timeout=300)[0] for each in builds] == ["", ""]
    finally:
        for each in builds:
            each.kill()
            each.wait()
    assert [each.returncode for each in builds] == [0, 0]
    sites = [
        {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
        for site in (here / "docs/_build/html", there / "docs/_build/html")
    ]
    assert sites[0].keys() == sites[1].keys()
    assert [str(name) for name, content in sites[0].items() if sites[1][name] != content] == []
    for machine in (str(tmp_path), str(ROOT), sys.prefix):
        assert [str(name) for name, content in sites[0].items() if machine.encode() in content] == []
