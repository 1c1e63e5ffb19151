"""Rehearsal options: quick mode and injected faults."""

from __future__ import annotations

from typing import Literal, TypeGuard, get_args

#: The rehearsal option that skips the slow parts: the tests, and the workflow that the tag triggers.
QUICK = "quick"

#: Faults of the registries while the workflow runs. The rehearsal then removes the fault and runs the failed jobs
#: again. The other faults are rules of the remote; they end the rehearsal, as they would end a release.
RegistryFault = Literal["wrong-publisher", "expired-token", "lost-answer", "registry-down"]

#: A description of each fault.
FAULTS: dict[str, str] = {
    "protected-branch": "the branch accepts only pull requests",
    "refused-tag": "the remote refuses new tags",
    "wrong-publisher": "the trusted publishers are registered with a wrong environment",
    "expired-token": "publish tokens have expired when they are used",
    "lost-answer": "each registry stores the first upload, but responds with status 500",
    "registry-down": "the registries respond with status 503",
}


def refused_refs(fault: str | None, branch: str) -> tuple[str, ...]:
    """Return the refs that the remote refuses because of a fault, as patterns."""
    return {"protected-branch": (f"refs/heads/{branch}",), "refused-tag": ("refs/tags/*",)}.get(fault or "", ())


def is_registry_fault(fault: str | None) -> TypeGuard[RegistryFault]:
    """Return whether a fault is injected into the registries."""
    return fault in get_args(RegistryFault)
