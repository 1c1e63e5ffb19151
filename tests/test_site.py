"""The site builds without a warning: before the first release, and with the record of one, which it never executes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.notebook


def build(source: Path, to: Path) -> str:
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html", str(source), str(to)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def sources(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "[0-9]*.ipynb"))
    return tmp_path / "docs"


def test_before_the_first_release(sources, tmp_path):
    build(sources, tmp_path / "html")
    assert (tmp_path / "html/index.html").is_file()


def test_a_record_is_shown_as_it_ran_and_is_not_run_again(sources, tmp_path):
    ran = tmp_path / "it-ran"
    notebook = json.loads((ROOT / "runbooks/release.ipynb").read_text("utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == "push-tag-run"]
    cell["source"] = [f"open({str(ran)!r}, 'w')"]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["it was pushed then\n"]}]
    (sources / "releases/9.9.9.ipynb").write_text(json.dumps(notebook), "utf-8")
    build(sources, tmp_path / "html")
    assert "it was pushed then" in (tmp_path / "html/releases/9.9.9.html").read_text("utf-8")
    assert not ran.exists()
