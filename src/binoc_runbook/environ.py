"""Environment variables of the library, in one table."""

from __future__ import annotations

import os

#: Set by a rehearsal for the commands of a workflow; a real workflow must not set it.
REHEARSAL = "BINOC_RUNBOOK_REHEARSAL"
#: Set by a rehearsal for the wrapper `just` in its clones.
ENVIRONMENT = "BINOC_ENVIRONMENT"
#: Set by the stage `tests` for the test command and what it starts.
TESTING = "BINOC_RUNBOOK_TESTING"
#: Set by the papermill engine for the kernel.
OUTPUT = "BINOC_RUNBOOK_OUTPUT"

#: The meaning of each variable.
VARIABLES: dict[str, str] = {
    REHEARSAL: "set while a workflow is rehearsed: only wheels of this host are expected, and no registry needs time",
    ENVIRONMENT: "the environment that `just` uses in the clones of a rehearsal, which need no network then",
    TESTING: "the version whose test command is running, which a release inside it does not run again",
    OUTPUT: "the path of the record that a kernel writes, from the root, or `-`",
}


def is_rehearsed() -> bool:
    """Return whether this process belongs to a rehearsed workflow."""
    return bool(os.environ.get(REHEARSAL))
