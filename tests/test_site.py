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

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.notebook


def sphinx(source: Path, to: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", str(to.parent / "doctrees")]
    command += [*arguments, str(source), str(to)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )


def build(source: Path, to: Path, *arguments: str, **environment: str) -> str:
    done = sphinx(source, to, "-W", "--keep-going", *(arguments or ("-E",)), **environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def sources(tmp_path):
    ignored = shutil.ignore_patterns("_build", "runbooks", "[0-9]*.ipynb", "[0-9]*.json")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=ignored)
    shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks")
    return tmp_path / "docs"


@pytest.fixture
def file(a_record):
    """Files the record of a release among the sources of a site: its twin, and the runbook as its page."""

    def write(sources, version, *, notebook=None, **changes):
        notebook = notebook or json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
        folder = sources / "releases"
        (folder / f"{version}.ipynb").write_text(json.dumps(notebook), "utf-8")
        (folder / f"{version}.json").write_text(json.dumps(a_record(version, **changes)), "utf-8")

    return write


def page(site, name="releases/index"):
    return (site / f"{name}.html").read_text("utf-8")


def test_before_the_first_release(sources, tmp_path):
    build(sources, tmp_path / "html")
    assert (tmp_path / "html/index.html").is_file()
    told = page(tmp_path / "html")
    assert "There was no release yet" in told
    assert "./just release VERSION" in re.sub("<[^>]+>", "", told)
    assert '<svg class="binoc-chart"' not in told
    assert "there is no commit here that could be rehearsed" in page(tmp_path / "html", "runbooks/release")


def test_a_record_is_shown_as_it_ran_and_is_not_run_again(sources, tmp_path, file):
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


def test_the_releases_are_listed_with_links_and_a_chart(sources, tmp_path, file):
    file(sources, "9.9.9")
    file(sources, "9.10.0")
    artifact = {"name": "demo", "registry": "pypi", "state": "published", "digests": ["d" * 64]}
    told = {"schema": 1, "version": "9.9.9", "world": "real", "commit": "c" * 40, "outcome": "published"}
    (sources / "releases/9.9.9.verified.json").write_text(json.dumps({**told, "artifacts": [artifact]}), "utf-8")
    build(sources, tmp_path / "html")
    shown = page(tmp_path / "html")
    assert shown.index('href="9.10.0.html"><span class="doc">') < shown.index('href="9.9.9.html"><span class="doc">')
    assert f'href="https://github.com/example/demo/commit/{"c" * 40}"' in shown
    assert '<svg class="binoc-chart"' in shown
    assert "There was no release yet" not in shown
    assert f"<code>sha256:{'d' * 64}</code>" in shown.replace("<wbr>", "")
    assert "d" * 16 not in (tmp_path / "html/searchindex.js").read_text("utf-8")
    ids = re.findall(r'\sid="([^"]+)"', shown)
    assert len(ids) == len(set(ids))


def test_git_is_asked_who_tagged_and_nothing_in_the_checkout_changes(tmp_path, file, checkout):
    checkout.write("docs/conf.py", 'extensions = ["myst_nb", "binoc_runbook.display.releases"]\nhtml_theme = "furo"\n')
    checkout.write("docs/index.md", "# A site\n\n```{toctree}\nreleases/index\n```\n")
    checkout.write("docs/releases/index.md", "# Releases\n\n```{releases}\n```\n")
    checkout.commit("A site")
    checkout.git("tag", "-a", "-m", "x", "v9.9.9", cwd=checkout.root)
    file(checkout.root / "docs", "9.9.9", commit=checkout.head())

    def everything():
        asked = (["status", "--porcelain", "--untracked-files=all"], ["for-each-ref"], ["reflog", "--all"])
        return [checkout.git(*each, cwd=checkout.root) for each in asked], checkout.remote_refs()

    before = everything()
    build(checkout.root / "docs", tmp_path / "html")
    assert "<p>Rosa Release</p>" in page(tmp_path / "html")
    assert everything() == before


def test_a_rehearsal_among_the_releases_fails_every_build(sources, tmp_path, file):
    build(sources, tmp_path / "html")
    file(sources, "9.9.9", world="rehearsal")
    for _ in range(2):
        done = sphinx(sources, tmp_path / "html")
        assert done.returncode != 0
        assert "docs/releases/9.9.9.json: is of the world `rehearsal`, and no release" in done.stderr
        assert "move `9.9.9.*` from `docs/releases/` to `runs/`" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("broken", "text"), [("9.9.9.json", "{"), ("9.9.9.ipynb", "{"), ("9.9.9.ipynb", "{}")])
def test_a_broken_record_is_a_warning_in_every_build(sources, tmp_path, file, broken, text):
    file(sources, "9.9.9")
    (sources / "releases" / broken).write_text(text, "utf-8")
    for _ in range(2):
        done = sphinx(sources, tmp_path / "html")
        assert done.returncode == 0
        assert f"docs/releases/{broken}: " in done.stderr
        assert f"git checkout HEAD -- docs/releases/{broken}" in done.stderr
        assert "Traceback" not in done.stderr
    assert "There was no release yet" not in page(tmp_path / "html")  # unknown is never no
    assert ("This record cannot be read" in page(tmp_path / "html", "releases/9.9.9")) == broken.endswith(".ipynb")


def test_a_record_that_is_new_or_has_changed_is_seen_by_the_next_build_however_little_is_built(sources, tmp_path, file):
    build(sources, tmp_path / "html", "-N")
    file(sources, "9.9.9")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-22" in page(tmp_path / "html")
    file(sources, "9.9.9", ended="2026-11-29T10:00:00Z")
    build(sources, tmp_path / "html", "-N")
    assert "2026-11-29" in page(tmp_path / "html")
    assert "It ran on 2026-11-29" in page(tmp_path / "html", "releases/9.9.9")


def test_two_builds_of_the_same_sources_are_identical(sources, tmp_path, file):
    file(sources, "9.9.9")
    file(sources, "9.10.0")
    shutil.copytree(sources, tmp_path / "elsewhere/docs")
    shutil.copytree(ROOT / "runbooks", tmp_path / "elsewhere/runbooks")
    build(sources, tmp_path / "html", PYTHONHASHSEED="1", TZ="UTC")
    build(tmp_path / "elsewhere/docs", tmp_path / "elsewhere/html", PYTHONHASHSEED="2", TZ="Asia/Tokyo")
    sites = [
        {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
        for site in (tmp_path / "html", tmp_path / "elsewhere/html")
    ]
    assert sites[0].keys() == sites[1].keys()
    assert [str(name) for name, content in sites[0].items() if sites[1][name] != content] == []
