"""How a rehearsal tells the commands of a workflow that they are in one; a real workflow must not say so."""

from __future__ import annotations

import os

#: Set while a workflow is rehearsed: only this host's wheels can be there, and no registry needs time.
REHEARSAL = "BINOC_RUNBOOK_REHEARSAL"
#: The environment that the wrapper `just` may borrow in the clones of a rehearsal, so that they need no network.
ENVIRONMENT = "BINOC_ENVIRONMENT"


def is_rehearsed() -> bool:
    """Whether this process belongs to a rehearsed workflow."""
    return bool(os.environ.get(REHEARSAL))
