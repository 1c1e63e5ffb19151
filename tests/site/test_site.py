"""Builds of the site: without warnings, reproducible, and without executing release records."""

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
html_baseurl = "https://example.org/"
project = "Demo"
nb_execution_mode = "off"
"""

PAGES = {
    "conf.py": CONF,
    "index.md": "# A site\n\n```{releases}\n:summary:\n```\n\n```{toctree}\n:glob:\nrunbooks/*\nreleases/index\n```\n",
    "releases/index.md": "# Releases\n\n```{releases}\n```\n",
}


@pytest.fixture
def sources(tmp_path):
    """Write the sources of a small site next to the runbooks, outside a checkout."""
    for name, text in PAGES.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks")
    return tmp_path / "docs"


@pytest.fixture
def sphinx(sphinx_build):
    """Return a function that builds a site: exit code, and warnings and errors."""

    def run(source, to, *arguments):
        return sphinx_build("-q", "-d", str(to.parent / "doctrees"), *arguments, str(source), str(to))

    return run


@pytest.fixture
def build(sphinx):
    """Return a function that builds a site and accepts no warnings."""

    def run(source, to, *arguments):
        assert sphinx(source, to, "-W", "--keep-going", *arguments) == (0, "")

    return run


@pytest.fixture
def file(a_record):
    """Return a function that writes a release record, JSON and notebook, to the sources of a site."""

    def write(sources, version, *, notebook=None, **changes):
        notebook = notebook or json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
        directory = sources / "releases"
        (directory / f"{version}.ipynb").write_text(json.dumps(notebook), "utf-8")
        (directory / f"{version}.json").write_text(json.dumps(a_record(version, **changes)), "utf-8")

    return write


def page(site, name="releases/index"):
    return (site / f"{name}.html").read_text("utf-8")


def test_site_without_a_release(sources, tmp_path, build):
    build(sources, tmp_path / "html")
    assert '<strong>No release yet</strong>; <a class="reference internal" href="releases/index.html">' in page(
        tmp_path / "html", "index"
    )
    text = page(tmp_path / "html")
    assert "No release yet" in text
    assert "./just release VERSION" in re.sub("<[^>]+>", "", text)
    assert "no commit to rehearse" in page(tmp_path / "html", "runbooks/release")


def test_release_record_is_shown_but_not_executed(sources, tmp_path, file, build):
    ran = tmp_path / "it-ran"
    notebook = json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == "push-tag-run"]
    cell["source"] = [f"open({str(ran)!r}, 'w')"]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["output of the release\n"]}]
    place = [cell["id"] for cell in notebook["cells"]].index("parameters") + 1
    injected = {"cell_type": "code", "id": "given", "metadata": {"tags": ["injected-parameters"]}, "outputs": []}
    notebook["cells"].insert(place, {**injected, "source": "# Parameters\ndry_run = False\n", "execution_count": 1})
    file(sources, "9.9.9", notebook=notebook)
    build(sources, tmp_path / "html")
    html = page(tmp_path / "html", "releases/9.9.9")
    assert "output of the release" in html
    assert "<title>Release 9.9.9" in html
    assert "2026-11-22, 10:00 UTC" in html
    assert '<section id="push-tag">' in html
    assert html.count('id="push-tag"') == 1
    text = " ".join(re.sub("<[^>]+>", "", html).split())
    assert "dry_run = False" in text
    assert "dry run" not in text
    assert "dry_run: bool" not in text
    assert not ran.exists()


def test_releases_are_listed_with_links_and_digests(sources, tmp_path, file, build):
    file(sources, "9.9.9")
    file(sources, "9.10.0")
    artifact = {"name": "demo", "registry": "pypi", "state": "published", "digests": ["d" * 64]}
    record = {"schema": 1, "version": "9.9.9", "world": "real", "commit": "c" * 40, "outcome": "published"}
    (sources / "releases/9.9.9.verified.json").write_text(json.dumps({**record, "artifacts": [artifact]}), "utf-8")
    build(sources, tmp_path / "html")
    html = page(tmp_path / "html")
    assert html.index('href="9.10.0.html"><span class="doc">') < html.index('href="9.9.9.html"><span class="doc">')
    assert f'href="https://github.com/example/demo/commit/{"c" * 40}"' in html
    assert "No release yet" not in html
    report = page(tmp_path / "html", "releases/9.9.9")
    assert f"<code>sha256:{'d' * 64}</code>" in report.replace("<wbr>", "")
    assert "pip install demo==9.9.9" in re.sub("<[^>]+>", "", report)
    assert 'rel="alternate" type="application/atom+xml"' in html
    assert "<title>Demo 9.9.9</title>" in (tmp_path / "html/releases/feed.atom").read_text("utf-8")
    assert "d" * 16 not in (tmp_path / "html/searchindex.js").read_text("utf-8")
    summary = re.sub("<[^>]+>", "", page(tmp_path / "html", "index"))
    assert "The last release is 9.10.0, of 2026-11-22: its record (· not verified yet)." in summary
    assert 'href="releases/9.10.0.html"><span class="doc">its record' in page(tmp_path / "html", "index")
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


DECISION = """\
---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3, language: python}
mystnb: {execution_mode: force}
---

# A decision

```{decided} surface sync workflow order
Everything is ready.
```

```{code-cell}
from binoc_runbook import check
check("surface") + check("sync")
```
"""


def test_build_in_a_releasable_checkout_changes_nothing(tmp_path, file, checkout, build):
    for name, text in PAGES.items():
        checkout.write(f"docs/{name}", text.replace("runbooks/*", "runbooks/*\ndecision"))
    checkout.write("docs/decision.md", DECISION)
    checkout.write(".gitignore", "/target/\n/runs/\n/docs/runbooks/\n")
    shutil.copytree(ROOT / "runbooks", checkout.root / "runbooks")
    checkout.commit("A site")
    checkout.git("tag", "-a", "-m", "x", "v0.3.0", cwd=checkout.root)
    file(checkout.root / "docs", "0.3.0", commit=checkout.head())

    def everything():
        commands = (
            ["status", "--porcelain", "--untracked-files=all", "--ignored"],
            ["for-each-ref"],
            ["reflog", "--all"],
            ["config", "--list", "--local"],
        )
        status, *rest = (checkout.git(*command, cwd=checkout.root) for command in commands)
        # A build writes only the copies of the runbooks.
        return [line for line in status.splitlines() if "docs/runbooks/" not in line], rest, checkout.remote_refs()

    before = everything()
    build(checkout.root / "docs", tmp_path / "html")
    assert "annotated, not signed, by Rosa Release" in re.sub("<[^>]+>", "", page(tmp_path / "html", "releases/0.3.0"))
    assert "crates/demo-sdk/Cargo.toml" in page(tmp_path / "html", "decision")
    # In the rehearsal.
    assert "✓ done now 9. push-tag" in re.sub("<[^>]+>", "", page(tmp_path / "html", "runbooks/release"))
    assert everything() == before


def test_record_of_a_rehearsal_fails_every_build(sources, tmp_path, file, sphinx, build):
    build(sources, tmp_path / "html")
    file(sources, "9.9.9", world="rehearsal")
    for _ in range(2):
        code, log = sphinx(sources, tmp_path / "html")
        assert code != 0
        assert "docs/releases/9.9.9.json: " in log
        assert "mv docs/releases/9.9.9.* runs/" in log
        assert "Traceback" not in log


_NO_SOURCE = json.dumps({"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.mark.parametrize(
    ("name", "text"),
    [("9.9.9.json", "{"), ("9.9.9.ipynb", "{"), ("9.9.9.ipynb", "{}"), ("9.9.9.ipynb", _NO_SOURCE)],
)
def test_invalid_record_is_a_warning_in_every_build(sources, tmp_path, file, sphinx, name, text):
    file(sources, "9.9.9")
    (sources / "releases" / name).write_text(text, "utf-8")
    for _ in range(2):
        code, log = sphinx(sources, tmp_path / "html")
        assert code == 0
        assert f"docs/releases/{name}: " in log
        assert f"git checkout HEAD -- docs/releases/{name}" in log
        assert "Traceback" not in log
    assert "No release yet" not in page(tmp_path / "html")  # it is unknown
    assert ("This record cannot be read" in page(tmp_path / "html", "releases/9.9.9")) == name.endswith(".ipynb")


def test_next_build_shows_new_and_changed_records(sources, tmp_path, file, build):
    build(sources, tmp_path / "html", "-N")
    file(sources, "9.9.9")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-22" in page(tmp_path / "html")
    file(sources, "9.9.9", ended="2026-11-29T10:00:00Z")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-29" in page(tmp_path / "html")
    assert "2026-11-29, 10:00 UTC" in page(tmp_path / "html", "releases/9.9.9")


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    return tmp_path_factory.mktemp("clones")


@pytest.fixture
def sites(clones, file, git):
    """Build the whole site in two clones, with different hash seeds, time zones and widths; return the two sites."""
    here, there = clones / "here", clones / "elsewhere/there"
    built = [root / "docs/_build/html" for root in (here, there)]
    if here.exists():
        return built
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
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-d", "docs/_build/trees"]
    builds = [
        subprocess.Popen(
            [*command, "docs", "docs/_build/html"],
            cwd=root,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for root, variables in (
            (here, {"PYTHONHASHSEED": "1", "TZ": "UTC"}),
            (there, {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "COLUMNS": "60"}),
        )
    ]
    try:
        assert [build.communicate(timeout=300)[0] for build in builds] == ["", ""]
    finally:
        for build in builds:
            build.kill()
            build.wait()
    assert [build.returncode for build in builds] == [0, 0]
    return built


def test_two_builds_of_a_commit_are_identical(sites, clones):
    here, there = (
        {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()} for site in sites
    )
    assert here.keys() == there.keys()
    assert [str(name) for name, content in here.items() if there[name] != content] == []
    for machine in (str(clones), str(ROOT), sys.prefix):
        assert [str(name) for name, content in here.items() if machine.encode() in content] == []


def test_no_decision_of_this_project_is_violated(sites):
    (surface,) = [page.read_text("utf-8") for page in (sites[0] / "adr").glob("2*release-surface*.html")]
    assert [surface.count(f"<strong>{state}</strong>") for state in ("✓ checked", "✓ tested", "→ manual")] == [15, 3, 1]
    pages = "".join(page.read_text("utf-8") for page in (sites[0] / "adr").glob("2*.html"))
    assert "<strong>✗ violated</strong>" not in pages
