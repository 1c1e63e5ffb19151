"""The lock of real releases: between processes, and after the end of its holder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from binoc_runbook.world.release_lock import LOCK_FILE, lock_releases, running_release, unlock_releases

HOLD = """
import sys
from pathlib import Path
from binoc_runbook.world.release_lock import lock_releases
print(lock_releases(Path(sys.argv[1]), "release of 0.4.0"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold():
    """A function that locks a clone in another process, and returns the process."""
    processes = []

    def start(root):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "None\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_holder_is_reported(checkout, hold):
    process = hold(checkout.root)
    for holder in (running_release(checkout.root), lock_releases(checkout.root, "release of 0.5.0")):
        assert (holder.pid, holder.command) == (process.pid, "release of 0.4.0")
        assert holder.host
        assert holder.began.endswith("UTC")


def test_lock_ends_with_its_holder(checkout, hold):
    process = hold(checkout.root)
    process.kill()
    process.wait()
    assert (checkout.root / ".git" / LOCK_FILE).is_file()
    assert running_release(checkout.root) is None
    assert lock_releases(checkout.root, "release of 0.5.0") is None
    unlock_releases(checkout.root)


def test_process_keeps_its_lock(checkout):
    assert lock_releases(checkout.root, "release of 0.4.0") is None
    assert lock_releases(checkout.root, "release of 0.4.0") is None
    assert running_release(checkout.root) is None
    unlock_releases(checkout.root)


def test_work_trees_of_a_clone_share_the_lock(checkout, hold, tmp_path):
    other = tmp_path / "other"
    checkout.git("worktree", "add", "--quiet", "--detach", str(other), cwd=checkout.root)
    process = hold(other)
    assert running_release(checkout.root).pid == process.pid


def test_lock_file_that_cannot_be_written_is_an_error(checkout):
    (checkout.root / ".git" / LOCK_FILE).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        lock_releases(checkout.root, "release of 0.4.0")
