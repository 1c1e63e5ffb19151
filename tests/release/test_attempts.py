"""Attempts of a release: records that are kept, records that cannot be written, and two releases at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.release.attempts import lock, set_aside, unwritable
from binoc_runbook.world.release_lock import LOCK_FILE, unlock_releases


@pytest.fixture
def runs(tmp_path):
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def kept(runs):
    return sorted(path.relative_to(runs).as_posix() for path in runs.rglob("*") if path.is_file())


def test_files_of_an_attempt_are_moved_to_a_directory_with_its_start_time(runs):
    (runs / "0.4.0").mkdir()
    (runs / "0.4.0/tests.log").touch()
    (runs / "0.4.0.json").write_text(json.dumps({"began": "2026-11-29T15:00:07Z"}))
    (runs / "0.4.0.ipynb").touch()
    set_aside(runs, "0.4.0", with_notebook=True)
    attempt = "0.4.0/20261129T150007Z"
    assert kept(runs) == [f"{attempt}/{name}" for name in ("0.4.0.ipynb", "0.4.0.json", "tests.log")]


def test_attempts_of_the_same_second_are_both_kept(runs):
    for _ in range(3):
        (runs / "0.4.0.json").write_text(json.dumps({"began": "2026-11-29T15:00:07Z"}))
        set_aside(runs, "0.4.0", with_notebook=False)
    attempt = "0.4.0/20261129T150007Z"
    assert kept(runs) == [f"{name}/0.4.0.json" for name in (f"{attempt}-2", f"{attempt}-3", attempt)]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"metadata": {}}', '{"began": 1}'])
def test_damaged_record_is_kept(runs, content):
    (runs / "0.4.0.ipynb").write_text(content)
    os.utime(runs / "0.4.0.ipynb", (0, 0))
    set_aside(runs, "0.4.0", with_notebook=True)
    assert kept(runs) == ["0.4.0/19700101T000000Z/0.4.0.ipynb"]


@pytest.mark.parametrize("name", ["rehearsal-0.4.0", "quick-rehearsal", "verify-0.4.0"])
def test_only_the_last_record_of_a_repeated_run_is_kept(runs, name):
    (runs / f"{name}.json").write_text("{}")
    set_aside(runs, name, with_notebook=True)
    assert kept(runs) == [f"{name}.json"]


def test_remedy_for_an_unwritable_record(tmp_path):
    (tmp_path / "runs").touch()
    error = NotADirectoryError(20, "Not a directory")
    assert unwritable(tmp_path / "runs/0.4.0.json", tmp_path, error).remedy.startswith("mv runs runs.old")
    (tmp_path / "runs").unlink()
    assert (
        "mkdir -p runs"
        in unwritable(tmp_path / "runs/0.4.0.json", tmp_path, FileNotFoundError(2, "No such file or directory")).remedy
    )
    (tmp_path / "runs/0.4.0.json").mkdir(parents=True)
    finding = unwritable(tmp_path / "runs/0.4.0.json", tmp_path, IsADirectoryError(21, "Is a directory"))
    assert finding.remedy.startswith("mv runs/0.4.0.json ")
    assert "df -h runs" in unwritable(tmp_path / "runs/1.json", tmp_path, OSError(28, "No space left on device")).remedy


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(sys.argv[2])
file.flush()
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("dry_run", [True, False])
def test_running_release_is_reported(checkout, dry_run):
    holder = {"pid": 4242, "host": "laptop", "began": "2026-11-29 10:00 UTC", "command": "release of 0.4.0"}
    path = checkout.root / ".git" / LOCK_FILE
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLD, path, json.dumps(holder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(RefusedError) as refusal:
            lock(checkout.root, "0.5.0", dry_run=dry_run)
        process.communicate()
    (finding,) = refusal.value.findings
    assert (finding.check, finding.status) == ("release", "failed")
    for text in ("4242", "laptop", "10:00 UTC", "release of 0.4.0"):
        assert text in finding.saw
    lock(checkout.root, "0.5.0", dry_run=dry_run)
    unlock_releases(checkout.root)


def test_release_that_has_not_yet_written_its_name_is_reported(checkout):
    path = checkout.root / ".git" / LOCK_FILE
    path.parent.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path, ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        with pytest.raises(RefusedError) as refusal:
            lock(checkout.root, "0.5.0", dry_run=True)
        process.communicate()
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("release", "failed")]


def test_dry_run_in_the_test_command_of_a_release_is_not_refused(checkout, monkeypatch):
    monkeypatch.setenv("BINOC_RUNBOOK_TESTING", "0.4.0")
    (checkout.root / ".git/binoc-runbook").touch()
    lock(checkout.root, "0.4.0", dry_run=True)


def test_clone_that_cannot_be_locked_is_not_released(checkout):
    (checkout.root / ".git/binoc-runbook").touch()
    with pytest.raises(RefusedError) as refusal:
        lock(checkout.root, "0.4.0", dry_run=False)
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("release", "failed")]
    lock(checkout.root, "0.4.0", dry_run=True)
