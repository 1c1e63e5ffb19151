"""Pages whose cells are executed: again whenever what they could have seen has changed, and a failure never forgotten.

MyST-NB executes a page when it reads it. By itself it would keep the output while the checkout changes, and forget in
the next build that a cell has failed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from logging import WARNING, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.files import root_of
from binoc_runbook.redaction import machine_free, plain
from binoc_runbook.world import World

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_log = logging.getLogger(__name__)

#: Under which name the fingerprint is kept in the build environment.
_KEPT = "binoc_seen_by_cells"
_HOME = "IPYTHONDIR"
# What kernels from 7.3 on say at every start, about a connection that does not leave the machine, is a warning.
_QUIET = "c = get_config()\nc.IPKernelApp.log_level = 40\nc.HistoryManager.enabled = False\n"


def fingerprint(root: Path | None) -> str:
    """Tell apart what cells in the checkout at `root` could see: its commit, what differs from it, and the programs."""
    digest = hashlib.sha256(f"{sys.version} {metadata.version('binoc-runbook')}".encode())
    state = World.real(root).git.tree_state() if root else None
    if root and isinstance(state, TreeState):
        digest.update(str(state.commit).encode())
        for name in (*state.changed, *state.untracked):
            digest.update(f"\0{name}\0".encode())
            file = root / name
            if file.is_file():
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def leave_out_of_search(app: Sphinx, document: nodes.document) -> None:
    """Let a search find what a page says, and not what its cells have printed."""
    for box in document.findall(nodes.container):
        if box.get("nb_element") == "cell_code_output":
            box["classes"].append("no-search")


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> Iterable[str]:
    """The pages whose cells are to be executed again."""
    now = fingerprint(root_of(Path(env.srcdir)))
    seen, executed = getattr(env, _KEPT, None), _executed(env)
    setattr(env, _KEPT, now)
    return [page for page, ran in executed.items() if page in env.all_docs and (seen != now or not ran["succeeded"])]


def fail(app: Sphinx, exception: Exception | None) -> None:
    """Fail a build that holds a page with a cell that has failed, and show how it did."""
    for page, ran in _executed(app.env).items() if exception is None else ():
        if not ran["succeeded"]:
            told = plain(str(ran["traceback"] or ran["error"]))
            # What comes before is how the notebook was run, which helps nobody.
            told = told.rpartition("An error occurred while executing the following cell:\n")[2]
            _log.error("a cell of this page failed:\n%s", machine_free()(told).strip(), location=page)
            app.statuscode = 1


def write_quiet_profile(folder: Path) -> dict[str, str]:
    """Configure kernels in an empty folder; returns what their environment needs to use it."""
    profile = folder / "profile_default"
    profile.mkdir()
    (profile / "ipython_kernel_config.py").write_text(_QUIET, "utf-8")
    return {_HOME: str(folder)}


def quiet_kernels(app: Sphinx) -> None:
    """Give the kernels of this build a configuration of their own, so that they neither chatter nor read the user's."""
    if "myst_nb" not in app.extensions:
        return
    folder = tempfile.TemporaryDirectory(prefix="binoc-kernel-")
    before = os.environ.get(_HOME)
    os.environ |= write_quiet_profile(Path(folder.name))
    # A dependency of furo (accessible-pygments) lets everything speak at the level INFO once it is imported.
    client = getLogger("traitlets")
    level = client.level
    client.setLevel(WARNING)

    def put_back(app: Sphinx, exception: Exception | None) -> None:
        client.setLevel(level)
        if before is None:
            del os.environ[_HOME]
        else:
            os.environ[_HOME] = before
        folder.cleanup()

    app.connect("build-finished", put_back)


def _executed(env: BuildEnvironment) -> dict[str, dict[str, Any]]:
    """What MyST-NB has noted about each page that it executed."""
    noted: dict[str, dict[str, Any]] = getattr(env, "nb_metadata", {})
    return {page: told["exec_data"] for page, told in sorted(noted.items()) if told.get("exec_data")}
