"""`just docs-serve` serves the site on localhost, and rebuilds it when a page or the library changes."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("docs", "src", "runbooks", "crates", "python", ".github")

pytestmark = pytest.mark.notebook


@pytest.fixture
def copy(tmp_path):
    """Return a copy of some sources of the site and of its recipe, without git and decisions, which run checks."""
    omitted = ("how-to", "explanation", "tutorial", "2*.md", "[0-9]*.ipynb", "[0-9]*.json")
    ignored = shutil.ignore_patterns("_build", "__pycache__", "target", *omitted)
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("justfile", "pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def serving(copy):
    """Run the recipe without cargo on PATH."""
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": os.pathsep.join([scripts, "/usr/bin", "/bin"]), "PYTHONUNBUFFERED": "1"}
    command = [f"{scripts}/just", "--justfile", str(copy / "justfile"), "docs-serve", "--port", "0"]
    with (copy / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def until(condition, seconds=90.0):
    """Wait until `condition` returns a true value, and return it."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "timeout"
        time.sleep(0.2)
    return value


def page(address, name):
    try:
        with urllib.request.urlopen(f"{address}/{name}", timeout=10) as response:
            return response.read().decode()
    except (OSError, http.client.HTTPException):
        return ""


def test_site_is_served_on_localhost_and_rebuilt_after_edits(copy, serving):
    log = copy / "log"
    address = until(lambda: re.search(r"Serving on (http://127\.0\.0\.1:\d+)", log.read_text()))[1]
    landing = until(lambda: page(address, "index.html"))
    assert "An edited heading" not in landing
    assert "websocket-reload" in landing
    assert "is not on PATH" in page(address, "reference/binoc-sdk.html")
    source, finding = copy / "docs/index.md", copy / "src/binoc_runbook/finding.py"
    source.write_text(re.sub("(?m)^# .+", "# An edited heading", source.read_text("utf-8"), count=1), "utf-8")
    until(lambda: "An edited heading" in page(address, "index.html"))
    until(lambda: log.read_text().count("Serving on") == 2)
    text = finding.read_text("utf-8")
    finding.write_text(text.replace('class Finding:\n    """', 'class Finding:\n    """An edited docstring. '), "utf-8")
    until(lambda: "An edited docstring." in page(address, "reference/library.html"))
    until(lambda: log.read_text().count("Serving on") == 3)
    os.killpg(serving.pid, signal.SIGINT)
    assert serving.wait(30) in (0, 130)
    assert log.read_text().count("Rebuilding...") == 2, "the output of a build started another build"
