"""Rehearsal options: quick mode and injected faults."""

from __future__ import annotations

from typing import Literal, TypeGuard, get_args

#: The option of a rehearsal that leaves out what takes minutes: the tests, and the workflow that the tag triggers.
QUICK = "quick"

#: Faults while the workflow publishes; the rehearsal then removes the fault and runs the failed jobs again. The others
#: are rules of the remote; a rehearsal ends at them, as a release would.
RegistryFault = Literal["wrong-publisher", "expired-token", "lost-answer", "registry-down"]

#: Each fault in a sentence.
FAULTS: dict[str, str] = {
    "protected-branch": "the branch takes no push, only pull requests",
    "refused-tag": "nobody may create a tag",
    "wrong-publisher": "the registries were told of another environment than the workflow has",
    "expired-token": "the tokens that publish have expired when they are used",
    "lost-answer": "each registry stores the first upload and answers 500",
    "registry-down": "no registry answers",
}


def refused_refs(fault: str | None, branch: str) -> tuple[str, ...]:
    """Return the refs that the remote refuses because of a fault, as patterns."""
    return {"protected-branch": (f"refs/heads/{branch}",), "refused-tag": ("refs/tags/*",)}.get(fault or "", ())


def is_registry_fault(fault: str | None) -> TypeGuard[RegistryFault]:
    """Return whether a fault is injected into the registries."""
    return fault in get_args(RegistryFault)
