"""The release runbook of a mixed Rust and Python workspace: a procedure you can run, and a run you can read.

What a notebook imports is here: `start_release` and `start_verification` with their results, `Release` and
`Verification`; `Workspace`, `Policy` with `read_policy`, `Version`, and `check`, which runs a check of a decision. Each
is loaded at its first use, because papermill imports this package at every start on the machine. For the same reason
modules that take long to load, GitPython, rich and some of the standard library, are imported in the functions that
need them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from binoc_runbook.notebook.start import start_release, start_verification
    from binoc_runbook.policy import Policy
    from binoc_runbook.release.run import Release
    from binoc_runbook.release.verification import Verification
    from binoc_runbook.site.decision_checks import check
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace
    from binoc_runbook.workspace.policy_table import read_policy

__all__ = [
    "Policy",
    "Release",
    "Verification",
    "Version",
    "Workspace",
    "check",
    "read_policy",
    "start_release",
    "start_verification",
]

#: The module of each name that is not named after it.
_MODULES = {
    "Release": "release.run",
    "Verification": "release.verification",
    "check": "site.decision_checks",
    "read_policy": "workspace.policy_table",
    "start_release": "notebook.start",
    "start_verification": "notebook.start",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    module = _MODULES.get(name, name.lower())
    return getattr(import_module(f"{__name__}.{module}"), name)
