"""The release runbook of a mixed Rust and Python workspace: a procedure you can run, and a run you can read.

What a notebook imports is here: `Release`, `Verification`, `Workspace`, `Policy` and `Version`, and `ask` for the
questions that decisions are tied to. Each is loaded when it is first asked for, because papermill imports this package
at every start on the machine. For the same reason modules that take long to load, GitPython, rich and some of the
standard library, are imported in the functions that need them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from binoc_runbook.policy import Policy
    from binoc_runbook.questions import ask
    from binoc_runbook.release import Release
    from binoc_runbook.verification import Verification
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace

__all__ = ["Policy", "Release", "Verification", "Version", "Workspace", "ask"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    room = "questions" if name == "ask" else name.lower()
    return getattr(import_module(f"{__name__}.{room}"), name)
