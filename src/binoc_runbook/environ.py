"""Environment variables of the library, in one table."""

from __future__ import annotations

import os

#: Set by a rehearsal for the commands of a workflow. A real workflow must not set it.
REHEARSAL = "BINOC_RUNBOOK_REHEARSAL"
#: Set by a rehearsal for the wrapper `just` in its clones.
ENVIRONMENT = "BINOC_ENVIRONMENT"
#: Set by the stage `tests` for the test command and its child processes.
TESTING = "BINOC_RUNBOOK_TESTING"
#: Set by the papermill engine for the kernel.
OUTPUT = "BINOC_RUNBOOK_OUTPUT"

#: The meaning of each variable.
VARIABLES: dict[str, str] = {
    REHEARSAL: "set in rehearsals of a workflow: only wheels for this host are expected, and registries need no time",
    ENVIRONMENT: "the environment for `just` in the clones of a rehearsal, so that they need no network",
    TESTING: "the version whose test command is running; a release inside it does not run the tests again",
    OUTPUT: "the path of the record of a kernel, relative to the root, or `-`",
}


def is_rehearsed() -> bool:
    """Return whether this process is part of a rehearsal of a workflow."""
    return bool(os.environ.get(REHEARSAL))
