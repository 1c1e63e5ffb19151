"""IPython extension for the kernel of a runbook: a faster start, and an end without a stall."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

#: The modules that a release needs first, and GitPython, which is otherwise loaded at its first use.
_MODULES = ("binoc_runbook.notebook.start", "git")

#: For how long the control thread may need to end, in seconds.
_END_LIMIT = 1.0


def load_ipython_extension(shell: Any) -> None:
    """Start to load the library while papermill prepares the first cell, and make the kernel end in the right order."""
    threading.Thread(target=_load, daemon=True).start()
    # Registered after ipykernel's own function, and therefore called before it.
    atexit.register(_end_control_thread, shell.kernel.control_thread)


def _load() -> None:
    # If a module cannot be loaded, the cell that needs it reports the reason.
    with suppress(Exception):
        for name in _MODULES:
            import_module(name)


def _end_control_thread(thread: Any) -> None:
    """End the thread that handles the shutdown, before ipykernel stops the thread that sends its output.

    ipykernel 7 stops them in the other order, and one run in twenty then waits for its output until it is killed.
    """
    thread.stop()
    thread.join(_END_LIMIT)
