"""Diagnosis of failed steps from their output: the cause, and the fix.

The errors that PyPI, crates.io, uv and cargo print in a publish job are often misleading. Other jobs run commands of
this library, which print their own findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

_AGAIN = 'then "Re-run failed jobs"'


@dataclass(frozen=True, slots=True)
class FailedJob:
    """The job whose step failed, with the values that fixes refer to."""

    owner: str
    repository: str
    workflow: str
    environment: str | None
    version: str

    @property
    def publisher(self) -> str:
        """The four values of its trusted publisher."""
        environment = f"environment `{self.environment}`" if self.environment else "no environment"
        return f"owner `{self.owner}`, repository `{self.repository}`, workflow `{self.workflow}` and {environment}"


class KnownFailure(NamedTuple):
    """A known failure; `pattern` matches the output of its step, and a space in it matches any white space."""

    pattern: str
    meaning: str
    remedy: str


#: In matching order: specific messages come before the general messages that are printed with them.
KNOWN_FAILURES = (
    KnownFailure(
        "invalid-pending-publisher|project already exists",
        "another user has created the project; a pending publisher does not reserve its name",
        "choose another name, or contact the owner of the project",
    ),
    KnownFailure(
        "invalid-publisher|no corresponding publisher|No Trusted Publishing config|requires an environment|"
        "does not match the (repository owner ID|workflow filename|environment)",
        "the registry has no trusted publisher that matches this job; nothing was published",
        "register {publisher} in the trusted publishing settings of the project or crate, " + _AGAIN,
    ),
    KnownFailure(
        "invalid-(reuse-)?token|invalid token: already used|JWT has already been used|malformed or invalid token|"
        "Failed to decode JWT|Invalid authentication token|Invalid or non-existent authentication",
        "a token had expired, was already used or revoked, or is for another audience; files that were already uploaded"
        " stay, and the same files are accepted again",
        '"Re-run failed jobs": the job gets a new token',
    ),
    KnownFailure(
        "do(es)? not support the `?[a-z_]+`? event|invoked via 'pull_request_target'",
        "the registry issues no tokens to runs that this event triggers",
        "push the tag, or run the workflow by hand for the tag",
    ),
    KnownFailure(
        "do not support creating new crates",
        "the crate is not on crates.io yet; a workflow cannot publish its first version",
        "publish the first version by hand, and register {publisher} for the crate",
    ),
    KnownFailure(
        "Non-user identities cannot create new projects",
        "the project is not on PyPI yet, and has no pending publisher",
        "register a pending publisher for the project with {publisher}, " + _AGAIN,
    ),
    KnownFailure(
        "isn't allowed to upload to project|not valid for crate",
        "the trusted publisher of this job is not registered for this project or crate",
        "register {publisher} for it, or change the job to publish only its own artifact",
    ),
    KnownFailure(
        "File already exists|previously used by a file|older than 14 days",
        "a different file of this name is already published, or the release is older than 14 days; published files"
        " cannot be replaced",
        "do not upload it again: yank {version} if it is wrong, and run `just prepare` for the next version",
    ),
    KnownFailure(
        r"is already uploaded|crate \S+ already exists on",
        "crates.io already has this version: an earlier upload arrived",
        "run `just verify {version}`",
    ),
    KnownFailure(
        "can only be published using Trusted Publishing",
        "the crate does not accept personal API tokens",
        "publish it with the workflow",
    ),
    KnownFailure(
        "has no `id-token: write`|ACTIONS_ID_TOKEN_REQUEST",
        "the job has no permission to request an identity token",
        "add `permissions: {{id-token: write}}` to the job, and release the next version",
    ),
    KnownFailure(
        r"\b503 service unavailable|connection refused|could ?n.t connect|could not connect|error sending request",
        "the registry is not reachable; published files stay, and the others can still be published",
        'wait until it is reachable, then "Re-run failed jobs"',
    ),
    KnownFailure(
        r"responded with an error \(status 50[024]",
        "crates.io failed, but may have stored the upload; it does not accept a version twice",
        '"Re-run failed jobs"; if the job fails because the version already exists, run `just verify {version}`',
    ),
    KnownFailure(
        r"\b50[024] (internal server error|bad gateway|gateway timeout)|server error \(50\d",
        "the registry failed, but may have stored the upload; the same file is accepted again",
        '"Re-run failed jobs"',
    ),
)


#: A line of `diff` for checksums: `<` is a checked file, and `>` is a file of the directory.
_DIFFERENT = re.compile(r"^([<>]) [0-9a-f]{64}  (\S+)$", re.MULTILINE)


def different_files(lines: Iterable[str]) -> tuple[str, str] | None:
    """Return the meaning and the remedy of a difference between the checked files and those that a job downloaded.

    Return None if the output of the step has no such difference.
    """
    sides: dict[str, str] = {}
    for side, name in _DIFFERENT.findall("\n".join(lines)):
        sides[name] = sides.get(name, "") + side
    if not sides:
        return None
    states = {"<": "is missing", ">": "is not one of the checked files"}
    files = ", ".join(f"`{name}` {states.get(side, 'is not the checked file')}" for name, side in sorted(sides.items()))
    meaning = (
        f"{files}; a job of the run has added or replaced a workflow artifact after the check, so this job stopped"
        " before it used the files"
    )
    remedy = (
        "find the job that uploaded it, because it may run code of an attacker; then delete the workflow artifact on"
        f" the page of the run, {_AGAIN}"
    )
    return meaning, remedy


#: A finding and its remedy, as the commands of this library print them without a terminal.
_FINDING = re.compile(r"^\s*[✗?] (failed|unknown):? +(.+)(?:\n\s*→ (.+))?", re.MULTILINE)
_OTHER_LINE = re.compile(r"^(?!\s*(?:[✗?] (?:failed|unknown)|→ )).*$", re.MULTILINE)
#: The maximum number of findings that are repeated.
_MOST = 5


def printed_findings(lines: Iterable[str]) -> tuple[str, str] | None:
    """Return the findings that a command of this library printed, and the first remedy; None if it printed none.

    Returns all failed findings. If none failed, returns the unknown findings of the first check that has some: those of
    later checks are its consequences.
    """
    blocks = list(filter(None, map(_FINDING.findall, _OTHER_LINE.split("\n".join(lines)))))
    failed = [finding for block in blocks for finding in block if finding[0] == "failed"]
    chosen = dict.fromkeys(failed or (blocks[0] if blocks else ()))
    if not chosen:
        return None
    more = f"; and {len(chosen) - _MOST} more" if len(chosen) > _MOST else ""
    saw = "; ".join(saw for _, saw, _ in list(chosen)[:_MOST]) + more
    return saw, next((remedy for _, _, remedy in chosen if remedy), "")


def diagnose(lines: Iterable[str], job: FailedJob) -> tuple[str, str] | None:
    """Return the meaning and the remedy of a known failure in the last lines of a step; None if there is none."""
    text = "\n".join(lines)
    for failure in KNOWN_FAILURES:
        # Clients wrap lines at different places.
        if re.search(failure.pattern.replace(" ", r"\s+"), text, re.IGNORECASE):
            return failure.meaning, failure.remedy.format(publisher=job.publisher, version=job.version)
    return None
