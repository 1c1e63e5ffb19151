"""What a rehearsal can be asked for: to be quick, or to let one thing go wrong, to have seen it before it happens."""

from __future__ import annotations

from typing import Literal, TypeGuard, get_args

#: What a rehearsal is called that leaves out what takes minutes: the tests, and what the tag starts.
QUICK = "quick"

#: What happens while it is published; the rehearsal then mends it and runs the failed jobs again. The others are rules
#: of the remote; a rehearsal ends at them, as a release would.
AtRegistries = Literal["wrong-publisher", "expired-token", "lost-answer", "registry-down"]

#: Each trouble in a sentence.
TROUBLES: dict[str, str] = {
    "protected-branch": "the branch takes no push, only pull requests",
    "refused-tag": "nobody may create a tag",
    "wrong-publisher": "the registries were told of another environment than the workflow has",
    "expired-token": "the tokens that publish have expired when they are used",
    "lost-answer": "each registry stores the first upload and answers 500",
    "registry-down": "no registry answers",
}


def refused_refs(trouble: str | None, branch: str) -> tuple[str, ...]:
    """The refs that the remote refuses because of a trouble, as patterns."""
    return {"protected-branch": (f"refs/heads/{branch}",), "refused-tag": ("refs/tags/*",)}.get(trouble or "", ())


def at_registries(trouble: str | None) -> TypeGuard[AtRegistries]:
    """Whether a trouble is one that the registries make."""
    return trouble in get_args(AtRegistries)
