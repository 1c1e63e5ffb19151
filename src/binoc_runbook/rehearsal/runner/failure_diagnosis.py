"""Diagnosis of failed steps from their output: what it means, and what to type next.

A publish job prints the errors of PyPI, crates.io, uv and cargo, which often mean something else than they say. Other
jobs run commands of this library, which print their own findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

_AGAIN = 'then "Re-run failed jobs"'


@dataclass(frozen=True, slots=True)
class FailedJob:
    """The job whose step failed: what the remedies name."""

    owner: str
    repository: str
    workflow: str
    environment: str | None
    version: str

    @property
    def publisher(self) -> str:
        """The four values that its trusted publisher is registered with."""
        environment = f"environment `{self.environment}`" if self.environment else "no environment"
        return f"owner `{self.owner}`, repository `{self.repository}`, workflow `{self.workflow}` and {environment}"


class KnownFailure(NamedTuple):
    """A failure that is recognised by a pattern of the output of its step, in which a space is any white space."""

    pattern: str
    meaning: str
    remedy: str


#: In the order of matching: a specific text comes before the general ones that are printed with it.
KNOWN_FAILURES = (
    KnownFailure(
        "invalid-pending-publisher|project already exists",
        "somebody else made the project while its publisher was pending, and a pending publisher reserves no name",
        "choose another name, or ask the project's owner",
    ),
    KnownFailure(
        "invalid-publisher|no corresponding publisher|No Trusted Publishing config|requires an environment|"
        "does not match the (repository owner ID|workflow filename|environment)",
        "the registry knows no publisher with the claims of this job; nothing was published",
        "register {publisher} at the settings of the project or crate for trusted publishing, " + _AGAIN,
    ),
    KnownFailure(
        "invalid-(reuse-)?token|invalid token: already used|JWT has already been used|malformed or invalid token|"
        "Failed to decode JWT|Invalid authentication token|Invalid or non-existent authentication",
        "a token had expired, was used or revoked before, or is for another audience; what was uploaded before it stays"
        " and is accepted again",
        '"Re-run failed jobs": the job gets a new one',
    ),
    KnownFailure(
        "do(es)? not support the `?[a-z_]+`? event|invoked via 'pull_request_target'",
        "the registry gives no token to a run that such an event started",
        "push the tag, or start the workflow by hand for it",
    ),
    KnownFailure(
        "do not support creating new crates",
        "the crate is not on crates.io yet, and its first version cannot come from a workflow",
        "publish the first version by hand, and register {publisher} for the crate",
    ),
    KnownFailure(
        "Non-user identities cannot create new projects",
        "the project is not on PyPI yet, and no pending publisher was registered by its name",
        "register a pending publisher for the project with {publisher}, " + _AGAIN,
    ),
    KnownFailure(
        "isn't allowed to upload to project|not valid for crate",
        "the token is for what its publisher was registered for, and this is something else",
        "register {publisher} for it, too, or see that the job publishes its own artifact only",
    ),
    KnownFailure(
        "File already exists|previously used by a file|older than 14 days",
        "other bytes are out under this name, or the release is older than 14 days; what is out is never replaced",
        "never upload it again: yank {version} if it is wrong, and run `just prepare` for the next version",
    ),
    KnownFailure(
        r"is already uploaded|crate \S+ already exists on",
        "crates.io has this version already, so the upload before this one arrived",
        "run `just verify {version}`",
    ),
    KnownFailure(
        "can only be published using Trusted Publishing",
        "the crate takes no personal token any more",
        "publish it from the workflow",
    ),
    KnownFailure(
        "has no `id-token: write`|ACTIONS_ID_TOKEN_REQUEST",
        "the job may not ask for an identity token",
        "write `permissions: {{id-token: write}}` at the job, and release the next version",
    ),
    KnownFailure(
        r"\b503 service unavailable|connection refused|could ?n.t connect|could not connect|error sending request",
        "the registry does not answer; what is out stays out, and the rest can still be published",
        'wait until it does, then "Re-run failed jobs"',
    ),
    KnownFailure(
        r"responded with an error \(status 50[024]",
        "crates.io failed, and may have kept what was sent; it takes no version twice",
        '"Re-run failed jobs"; if the job stays red because the version is there already, run `just verify {version}`',
    ),
    KnownFailure(
        r"\b50[024] (internal server error|bad gateway|gateway timeout)|server error \(50\d",
        "the registry failed, and may have kept what was sent; nothing is lost, as the same bytes are accepted again",
        '"Re-run failed jobs"',
    ),
)


#: A finding and its remedy, as the commands of this library print them where there is no terminal.
_FINDING = re.compile(r"^\s*[✗?] (failed|unknown):? +(.+)(?:\n\s*→ (.+))?", re.MULTILINE)
_OTHER_LINE = re.compile(r"^(?!\s*(?:[✗?] (?:failed|unknown)|→ )).*$", re.MULTILINE)
#: How many of several findings are repeated.
_MOST = 5


def printed_findings(lines: Iterable[str]) -> tuple[str, str] | None:
    """Return the findings that a command of this library printed, and the first remedy; None if it printed none.

    These are all that failed. If none failed, they are the last that were unknown.
    """
    blocks = list(filter(None, map(_FINDING.findall, _OTHER_LINE.split("\n".join(lines)))))
    failed = [finding for block in blocks for finding in block if finding[0] == "failed"]
    chosen = dict.fromkeys(failed or (blocks[-1] if blocks else ()))
    if not chosen:
        return None
    more = f"; and {len(chosen) - _MOST} more" if len(chosen) > _MOST else ""
    saw = "; ".join(saw for _, saw, _ in list(chosen)[:_MOST]) + more
    return saw, next((remedy for _, _, remedy in chosen if remedy), "")


def diagnose(lines: Iterable[str], job: FailedJob) -> tuple[str, str] | None:
    """Return what the last lines of a step mean and what to do; None where no failure is known by them."""
    text = "\n".join(lines)
    for failure in KNOWN_FAILURES:
        # Clients break their lines where they like.
        if re.search(failure.pattern.replace(" ", r"\s+"), text, re.IGNORECASE):
            return failure.meaning, failure.remedy.format(publisher=job.publisher, version=job.version)
    return None
