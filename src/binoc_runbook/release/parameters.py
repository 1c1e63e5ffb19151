"""Parameters of the two runbooks: parsed strictly, or refused with findings that say what to type instead."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Policy
from binoc_runbook.rehearsal.faults import FAULTS, QUICK
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version, VersionError
from binoc_runbook.workspace import Ecosystem, Workspace
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.workspace.version_locations import find_version_locations
from binoc_runbook.world import World

#: The parameters of the runbook `release.ipynb`.
RELEASE_PARAMETERS = ("version", "dry_run", "remote", "retest", "world")

#: The parameters of the runbook `verify.ipynb`.
VERIFICATION_PARAMETERS = ("version", "sums", "timeout", "world")

#: Former names of parameters.
RENAMED = {"patience": "timeout"}

#: The longest time, in seconds, that a verification may wait.
LONGEST_TIMEOUT = 24 * 3600


@dataclass(frozen=True, slots=True)
class WorldChoice:
    """The world that the parameter `world` names, such as `rehearsal:quick` or `rehearsal:lost-answer`."""

    kind: Literal["real", "rehearsal"] = "real"
    quick: bool = False
    fault: str | None = None

    def open(self, root: Path) -> World:
        """Open the world for the checkout at `root`."""
        if self.kind == "real":
            return World.real(root)
        from binoc_runbook.rehearsal.rehearsal_world import open_world

        return open_world(root, self.fault, quick=self.quick)


@dataclass(frozen=True, slots=True)
class ReleaseParameters:
    """Parsed parameters of `release.ipynb`; `version` and `remote` are `None` where not given."""

    version: Version | None
    dry_run: bool
    remote: str | None
    retest: bool
    world: WorldChoice


@dataclass(frozen=True, slots=True)
class VerificationParameters:
    """Parsed parameters of `verify.ipynb`; `timeout` is in seconds."""

    version: Version | None
    sums: str | None
    timeout: float
    world: WorldChoice


def parse_release_parameters(
    version: object,
    *,
    dry_run: object = True,
    remote: object = None,
    retest: object = False,
    world: object = "real",
    injected: Iterable[str] = (),
) -> ReleaseParameters:
    """Parse parameters strictly, and what they say together; `injected` are the names that papermill was given.

    papermill guesses types (`-p dry_run no` is a true string) and ignores names that it does not know.

    Raises:
        RefusedError: With one finding for each parameter that is not as it must be.
    """
    problems = [*_unknown_names(injected, RELEASE_PARAMETERS)]
    for name, value in (("dry_run", dry_run), ("retest", retest)):
        if not isinstance(value, bool):
            saw = f"is {value!r}, and must be exactly True or False"
            problems.append(Finding.failed("parameters", f"-p {name}", saw, f"-p {name} True, or -p {name} False"))
    if remote is not None and not (isinstance(remote, str) and remote):
        saw = f"is {remote!r}, and must be the name of a git remote"
        problems.append(Finding.failed("parameters", "-p remote", saw, "-r remote NAME; see `git remote`"))
    choice = _parse_world(world, problems)
    if str(world).startswith("rehearsal") and remote is not None:
        saw = "a rehearsal makes a remote of its own and can name no other"
        problems.append(Finding.failed("parameters", "-p remote", saw, "leave out `remote`, or `world`"))
    if version is None and dry_run is False and world == "real":
        saw = "a real release needs its version spelt out"
        problems.append(Finding.failed("parameters", "-p version", saw, "-r version 0.4.0 (the one you mean)"))
    parsed = _parse_version(version, problems)
    _refuse_if(problems)
    return ReleaseParameters(parsed, bool(dry_run), str(remote) if remote else None, bool(retest), choice)


def parse_verification_parameters(
    version: object, *, sums: object, timeout: object, world: object = "real", injected: Iterable[str] = ()
) -> VerificationParameters:
    """Parse the parameters of `verify.ipynb` as strictly as `parse_release_parameters` does.

    Raises:
        RefusedError: With one finding for each parameter that is not as it must be.
    """
    problems = [*_unknown_names(injected, VERIFICATION_PARAMETERS)]
    if sums is not None and not (isinstance(sums, str) and sums):
        saw = f"is {sums!r}, and must be the path of a file"
        problems.append(Finding.failed("parameters", "-p sums", saw, "-r sums dist/SHA256SUMS"))
    seconds = timeout if isinstance(timeout, int | float) and not isinstance(timeout, bool) else -1.0
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        saw = f"is {timeout!r}, and must be a number of seconds, from 0 to {LONGEST_TIMEOUT}"
        problems.append(Finding.failed("parameters", "-p timeout", saw, "-p timeout 600"))
    choice = _parse_world(world, problems)
    parsed = _parse_version(version, problems)
    _refuse_if(problems)
    return VerificationParameters(parsed, str(sums) if sums else None, float(seconds), choice)


def parse_version(version: str | None) -> Version | None:
    """Parse the version of a command line, `None` where none was typed.

    Raises:
        RefusedError: It is not a version that can be released.
    """
    problems: list[Finding] = []
    parsed = _parse_version(version, problems)
    if problems:
        raise RefusedError("the version was refused, and nothing was done", problems)
    return parsed


def open_target(world: World, version: Version | None, *, remote: str | None = None, retest: bool = False) -> Target:
    """Return the target of a release of `version`; where that is `None`, of the version that the manifests have.

    Raises:
        RefusedError: The policy or the manifests cannot be read.
    """
    policy = read_policy(world.root)
    workspace = None if version else world.workspace()
    chosen = version or manifest_version(workspace or world.workspace(), policy)
    return Target(chosen, policy, world, remote or policy.remote, retest, _first=workspace)


def manifest_version(workspace: Workspace, policy: Policy) -> Version:
    """Return the version of the manifests: where they disagree, the one that most of the locations have.

    So a check of a checkout in which one location was edited is about the version of all the others, and its finding
    names that location.

    Raises:
        RefusedError: No location has a version that can be released.
    """
    counts = manifest_versions(workspace, policy)
    if counts:
        return max(counts, key=lambda version: (counts[version], version))
    looked_at = ", ".join(package.manifest for package in workspace.packages_to_publish(policy)) or "the manifests"
    saw = "no version that could be released is written there"
    remedy = "name it: VERSION on the command line, or -r version VERSION"
    missing = Finding.failed("version", looked_at, saw, remedy)
    raise RefusedError("no version specified", [missing, *workspace.cargo_errors("version")])


def manifest_versions(workspace: Workspace, policy: Policy) -> Counter[Version]:
    """Count the locations that own or lock each version that is written for what is published.

    Where cargo does not report which members inherit the version of a workspace, and no other location has a version,
    that one counts.
    """
    # A requirement only quotes a version, and not always all of it.
    owning = [location for location in find_version_locations(workspace, policy).all if location.kind != "requirement"]
    written = [(location.current.removeprefix(location.prefix), location.spelling) for location in owning]
    shared = (workspace.tree.cargo[root].get("workspace", "package", "version") for root in workspace.unreported)
    texts = written or [(text, "cargo") for text in shared]
    return Counter(version for text, spelling in texts if (version := _releasable(text, spelling)))


def _releasable(text: str, spelling: Ecosystem) -> Version | None:
    try:
        return Version.parse(text) if spelling == "cargo" else Version.from_pep440(text)
    except VersionError:
        return None


def _unknown_names(injected: Iterable[str], known: tuple[str, ...]) -> Iterable[Finding]:
    for name in injected:
        if name in known:
            continue
        if RENAMED.get(name) in known:
            saw, remedy = f"`{name}` is now `{RENAMED[name]}`", f"-p {RENAMED[name]}"
        else:
            saw, remedy = "this runbook has no such parameter", f"one of {', '.join(known)}"
        yield Finding.failed("parameters", f"-p {name}", saw, remedy)


def _parse_world(world: object, problems: list[Finding]) -> WorldChoice:
    """Parse the parameter `world`; what is wrong with it is added to `problems`."""
    kind, colon, option = str(world).partition(":")
    if world == "real":
        if "PYTEST_CURRENT_TEST" not in os.environ:  # this process was not started, directly or not, by a test
            return WorldChoice()
        saw, remedy = "while tests run, no world but the rehearsal is allowed", "-p world rehearsal"
    elif kind != "rehearsal":
        saw, remedy = f"is {world!r}, and there are two worlds", "-p world real, or -p world rehearsal"
    elif colon and option not in (QUICK, *FAULTS):
        saw = f"is {world!r}, and no such rehearsal is known"
        remedy = f"-p world rehearsal:NAME, of {', '.join((QUICK, *FAULTS))}"
    else:
        return WorldChoice("rehearsal", option == QUICK, option if option in FAULTS else None)
    problems.append(Finding.failed("parameters", "-p world", saw, remedy))
    return WorldChoice()


def _parse_version(version: object, problems: list[Finding]) -> Version | None:
    """Parse a version; what is wrong with it is added to `problems`."""
    if version is None:
        return None
    try:
        return Version.parse(version)
    except VersionError as error:
        problems.append(Finding.failed("version", f"the version {version!r}", error.reason, error.remedy))
        return None


def _refuse_if(problems: list[Finding]) -> None:
    if problems:
        raise RefusedError("the parameters were refused, and nothing was done", problems)
