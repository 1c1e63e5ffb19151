"""From what a person typed to a target, or to a refusal that says what to type instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Policy
from binoc_runbook.rehearsal.faults import QUICK, TROUBLES
from binoc_runbook.stages.target import Target, inside_pytest
from binoc_runbook.version import Version, VersionError
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.workspace.version_locations import VersionLocation, find_version_locations
from binoc_runbook.world import World

#: The parameters of the runbook `release.ipynb`.
PARAMETERS = ("version", "dry_run", "remote", "retest", "world")

#: The parameters of the runbook `verify.ipynb`, and the longest patience, in seconds.
VERIFY_PARAMETERS = ("version", "sums", "patience", "world")
LONGEST = 24 * 3600


def judge_parameters(
    version: object, dry_run: object, remote: object, retest: object, world: object, injected: Iterable[str] = ()
) -> None:
    """Refuse parameters that are not exactly what they must be; `injected` are the names that papermill was given.

    papermill guesses types (`-p dry_run no` is a true string) and ignores names that it does not know, and a release is
    nothing to guess at.

    Raises:
        RefusedError: With one finding for each parameter that is not as it must be.
    """
    found = _judge_names(injected, PARAMETERS)
    for name, value in (("dry_run", dry_run), ("retest", retest)):
        if not isinstance(value, bool):
            saw = f"is {value!r}, and must be exactly True or False"
            found.append(Finding.failed("parameters", f"-p {name}", saw, f"-p {name} True, or -p {name} False"))
    if remote is not None and not (isinstance(remote, str) and remote):
        saw = f"is {remote!r}, and must be the name of a git remote"
        found.append(Finding.failed("parameters", "-p remote", saw, "-r remote NAME; see `git remote`"))
    found.extend(_judge_world(world))
    if str(world).startswith("rehearsal") and remote is not None:
        saw = "a rehearsal makes a remote of its own and can name no other"
        found.append(Finding.failed("parameters", "-p remote", saw, "leave out `remote`, or `world`"))
    if version is None and dry_run is False and world == "real":
        saw = "a real release needs its version spelt out"
        found.append(Finding.failed("parameters", "-p version", saw, "-r version 0.4.0 (the one you mean)"))
    if version is not None:
        found.extend(_judge_version(version))
    if found:
        raise RefusedError("the parameters were refused, and nothing was done", found)


def judge_verification(
    version: object, sums: object, patience: object, world: object, injected: Iterable[str] = ()
) -> None:
    """Refuse parameters of `verify.ipynb` that are not exactly what they must be, as `judge_parameters` does.

    Raises:
        RefusedError: With one finding for each parameter that is not as it must be.
    """
    found = _judge_names(injected, VERIFY_PARAMETERS)
    if sums is not None and not (isinstance(sums, str) and sums):
        saw = f"is {sums!r}, and must be the path of a file"
        found.append(Finding.failed("parameters", "-p sums", saw, "-r sums dist/SHA256SUMS"))
    if isinstance(patience, bool) or not isinstance(patience, int | float) or not 0 <= patience <= LONGEST:
        saw = f"is {patience!r}, and must be a number of seconds, from 0 to {LONGEST}"
        found.append(Finding.failed("parameters", "-p patience", saw, "-p patience 600"))
    found.extend(_judge_world(world))
    if version is not None:
        found.extend(_judge_version(version))
    if found:
        raise RefusedError("the parameters were refused, and nothing was done", found)


def open_target(
    world: World, version: object, *, remote: str | None = None, retest: bool = False, quick: bool = False
) -> Target:
    """The target of a release of `version`; where that is `None`, of what the manifests say.

    `quick` is a rehearsal without what takes minutes.

    Raises:
        RefusedError: The policy, the version or the manifests cannot be read.
    """
    policy = read_policy(world.root)
    if version is None:
        chosen = said_version(Workspace.discover(world.root), policy)
    else:
        found = _judge_version(version)
        if found:
            raise RefusedError("the version was refused, and nothing was done", found)
        chosen = Version.parse(version)
    return Target(chosen, policy, world, remote or policy.remote, retest, quick)


def said_version(workspace: Workspace, policy: Policy) -> Version:
    """The version that the manifests say: where they disagree, the one that most of the places say.

    So the question about a checkout in which one place was edited is about the version of all the others, and the
    answer names that place.

    Raises:
        RefusedError: No place says a version that can be released.
    """
    said = said_versions(workspace, policy)
    if said:
        return max(said, key=lambda version: (said[version], version))
    looked_at = ", ".join(package.manifest for package in workspace.packages_to_publish(policy)) or "the manifests"
    saw = "no version that could be released is written there"
    remedy = "name it: VERSION on the command line, or -r version VERSION"
    raise RefusedError("nobody says which version is meant", [Finding.failed("version", looked_at, saw, remedy)])


def said_versions(workspace: Workspace, policy: Policy) -> Counter[Version]:
    """How many places own or lock each version that is written for what is published."""
    return Counter(
        version for location in find_version_locations(workspace, policy) if (version := _releasable(location))
    )


def _releasable(location: VersionLocation) -> Version | None:
    """The version that a location owns or locks; a requirement only quotes one, and not always all of it."""
    if location.kind == "requirement":
        return None
    text = location.says.removeprefix(location.before)
    try:
        return Version.parse(text) if location.spelling == "cargo" else Version.from_pep440(text)
    except VersionError:
        return None


def _judge_names(injected: Iterable[str], known: tuple[str, ...]) -> list[Finding]:
    return [
        Finding.failed("parameters", f"-p {name}", "this runbook has no such parameter", f"one of {', '.join(known)}")
        for name in injected
        if name not in known
    ]


def _judge_world(world: object) -> list[Finding]:
    kind, colon, asked = str(world).partition(":")
    if kind not in ("real", "rehearsal") or (kind == "real" and world != "real"):
        saw = f"is {world!r}, and there are two worlds"
        return [Finding.failed("parameters", "-p world", saw, "-p world real, or -p world rehearsal")]
    if colon and asked not in (QUICK, *TROUBLES):
        saw = f"is {world!r}, and no such rehearsal is known"
        names = ", ".join((QUICK, *TROUBLES))
        return [Finding.failed("parameters", "-p world", saw, f"-p world rehearsal:NAME, of {names}")]
    if world == "real" and inside_pytest():
        saw = "while tests run, no world but the rehearsal is allowed"
        return [Finding.failed("parameters", "-p world", saw, "-p world rehearsal")]
    return []


def _judge_version(version: object) -> list[Finding]:
    try:
        Version.parse(version)
    except VersionError as error:
        return [Finding.failed("version", f"the version {version!r}", error.reason, error.remedy)]
    return []
