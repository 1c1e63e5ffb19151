"""Execution of cells: again when the checkout changes; a failed cell fails every build until it is fixed.

MyST-NB executes a page only when it reads it. Without this module, outputs become stale when the checkout changes, and
the next build does not report a cell that failed before.
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
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.files import root_of
from binoc_runbook.redaction import machine_free, plain
from binoc_runbook.world import World

_log = logging.getLogger(__name__)

#: The attribute of the build environment that keeps the fingerprint.
_FINGERPRINT = "binoc_cell_fingerprint"
# ipykernel 7.3 and later warns at every start about a connection on localhost. Its debugger is for editors, and its
# import takes a fifth of the start.
_QUIET = "c = get_config()\nc.IPKernelApp.log_level = 40\nc.HistoryManager.enabled = False\n"
_QUIET += "import sys\nsys.modules['debugpy'] = None\n"


def fingerprint(root: Path | None) -> str:
    """Return a digest of the inputs of cells: commit and changes of the checkout, and the version of this library."""
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
    """Exclude the output of cells from the search index."""
    for box in document.findall(nodes.container):
        if box.get("nb_element") == "cell_code_output":
            box["classes"].append("no-search")


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> Iterable[str]:
    """Return the pages whose cells must be executed again."""
    now, before = fingerprint(root_of(Path(env.srcdir))), getattr(env, _FINGERPRINT, None)
    setattr(env, _FINGERPRINT, now)
    executed = _executed(env).items()
    return [page for page, run in executed if page in env.all_docs and (before != now or not run["succeeded"])]


def fail(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build if a cell of a page failed, and log its traceback."""
    for page, run in _executed(app.env).items() if exception is None else ():
        if not run["succeeded"]:
            # The part before the cell is from the code that runs the notebook.
            traceback = plain(str(run["traceback"] or run["error"]))
            traceback = traceback.rpartition("An error occurred while executing the following cell:\n")[2]
            _log.error("a cell of this page failed:\n%s", machine_free()(traceback).strip(), location=page)
            app.statuscode = 1


def write_quiet_profile(directory: Path) -> dict[str, str]:
    """Write a kernel configuration to an empty directory; return the environment variables that select it."""
    profile = directory / "profile_default"
    profile.mkdir()
    (profile / "ipython_kernel_config.py").write_text(_QUIET, "utf-8")
    return {"IPYTHONDIR": str(directory)}


def quiet_kernels(app: Sphinx) -> None:
    """Let the kernels of this build use their own configuration instead of the user's."""
    if "myst_nb" not in app.extensions:
        return
    directory = tempfile.TemporaryDirectory(prefix="binoc-kernel-")
    os.environ |= write_quiet_profile(Path(directory.name))
    # accessible-pygments, a dependency of furo, sets every logger to the level INFO when it is imported.
    getLogger("traitlets").setLevel(WARNING)
    app.connect("build-finished", lambda app, exception: directory.cleanup())


def _executed(env: BuildEnvironment) -> dict[str, dict[str, Any]]:
    """Return the execution data that MyST-NB stores for each executed page."""
    pages: dict[str, dict[str, Any]] = getattr(env, "nb_metadata", {})
    return {page: metadata["exec_data"] for page, metadata in sorted(pages.items()) if metadata.get("exec_data")}
