"""`just docs-serve` shows the site on loopback, and builds it again when a page or the library changes."""

from __future__ import annotations

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
    """What the site is made of, with the recipe that serves it, and without git, so that no question is asked."""
    passed = shutil.ignore_patterns("_build", "__pycache__", "target", "[0-9]*.ipynb", "[0-9]*.json")
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=passed)
    for name in ("justfile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def serving(copy):
    """The recipe, running where there is no cargo; stopped as Ctrl-C stops it."""
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": os.pathsep.join([scripts, "/usr/bin", "/bin"])}
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


def until(answer, seconds=90.0):
    """What `answer` gives, once it gives something."""
    end = time.monotonic() + seconds
    while not (given := answer()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return given


def page(address, name):
    try:
        with urllib.request.urlopen(f"{address}/{name}", timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def test_the_site_is_served_on_loopback_and_follows_what_is_edited(copy, serving):
    log = copy / "log"
    address = until(lambda: re.search(r"Serving on (http://127\.0\.0\.1:\d+)", log.read_text()))[1]
    told = until(lambda: page(address, "index.html"))
    assert "missing changelog" in told
    assert "websocket-reload" in told
    assert "where there is no cargo" in page(address, "reference/binoc-sdk.html")
    landing, finding = copy / "docs/index.md", copy / "src/binoc_runbook/finding.py"
    landing.write_text(landing.read_text("utf-8").replace("missing changelog", "found changelog"), "utf-8")
    until(lambda: "found changelog" in page(address, "index.html"))
    finding.write_text(finding.read_text("utf-8").replace("The promise holds.", "The promise stands."), "utf-8")
    until(lambda: "The promise stands." in page(address, "reference/library.html"))
    until(lambda: log.read_text().count("Serving on") == 3)
    os.killpg(serving.pid, signal.SIGINT)
    assert serving.wait(30) in (0, 130)
    assert log.read_text().count("Rebuilding...") == 2, "it was built for what the build itself wrote"
