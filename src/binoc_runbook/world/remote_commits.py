"""Reading the commits of a remote without changing this clone.

Objects that the clone does not have are fetched into a temporary object directory, and a commit is checked out into a
temporary directory with an index of its own. So a clone of any age can be compared with the remote.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from binoc_runbook.world.git import TIMEOUT, Git

# Only objects are fetched: no ref, no FETCH_HEAD and no tag is written, and no maintenance starts.
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap=")


@contextmanager
def with_remote_objects(git: Git, remote: str, *refs: str) -> Iterator[Git]:
    """Return a client of the same repository that also has the objects of these refs of the remote.

    A ref that cannot be fetched is left out: queries of its commit then fail as they do in the clone.
    """
    objects = git.query("rev-parse", "--path-format=absolute", "--git-path", "objects").stdout.strip()
    with tempfile.TemporaryDirectory(prefix="binoc-objects-") as directory:
        environment = {
            **git.environment,
            "GIT_OBJECT_DIRECTORY": directory,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
        }
        extended = replace(git, environment=environment)
        extended.query_remote(remote, *_FETCH, remote, *refs, timeout=TIMEOUT)
        yield extended


@contextmanager
def check_out(git: Git, commit: str) -> Iterator[Path | str]:
    """Write the files of a commit to a temporary directory; return its path, or why git cannot read the commit."""
    with tempfile.TemporaryDirectory(prefix="binoc-commit-") as directory:
        root = Path(directory) / "files"
        isolated = replace(git, environment={**git.environment, "GIT_INDEX_FILE": str(Path(directory) / "index")})
        result = isolated.query("read-tree", commit)
        if result.returncode == 0:
            result = isolated.query("checkout-index", "--all", f"--prefix={root}/")
        yield root if result.returncode == 0 else result.reason
