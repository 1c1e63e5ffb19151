"""Parameters of the two runbooks: strict parsing, with findings that show the valid form."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Literal

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Policy
from binoc_runbook.rehearsal.faults import FAULTS, QUICK
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version, VersionError, quoted, shortened
from binoc_runbook.workspace import Ecosystem, Workspace
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.workspace.version_locations import find_version_locations
from binoc_runbook.world import World

#: The parameters of the runbook `release.ipynb`.
RELEASE_PARAMETERS = ("version", "dry_run", "remote", "retest", "wait", "world")

#: The parameters of the runbook `verify.ipynb`.
VERIFICATION_PARAMETERS = ("version", "sums", "timeout", "world")

#: Former names of parameters.
RENAMED = {"patience": "timeout"}

#: The default and the maximum timeout of a verification, for artifacts that are not yet visible, in seconds.
TIMEOUT, LONGEST_TIMEOUT = 600.0, 24 * 3600


@dataclass(frozen=True, slots=True)
class WorldChoice:
    """The value of the parameter `world`, such as `rehearsal:quick` or `rehearsal:lost-answer`."""

    kind: Literal["real", "rehearsal"] = "real"
    quick: bool = False
    fault: str | None = None

    def open(self, root: Path) -> World:
        """Open the world for the checkout at `root`."""
        if self.kind == "real":
            return World.real(root, trusted=True)  # the release runs the tests of the checkout
        from binoc_runbook.rehearsal.rehearsal_world import open_world

        return open_world(root, self.fault, quick=self.quick)


@dataclass(frozen=True, slots=True)
class ReleaseParameters:
    """Parsed parameters of `release.ipynb`; `version` and `remote` are `None` if they were not given."""

    version: Version | None
    dry_run: bool
    remote: str | None
    retest: bool
    wait: bool
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
    wait: object = False,
    world: object = "real",
    injected: Iterable[str] = (),
) -> ReleaseParameters:
    """Parse the parameters of `release.ipynb` strictly; `injected` are the names that papermill was given.

    papermill guesses types (`-p dry_run no` is a true string) and ignores unknown names.

    Raises:
        RefusedError: At least one parameter is invalid; with a finding for each.
    """
    problems = [*_unknown_names(injected, RELEASE_PARAMETERS)]
    for name, value in (("dry_run", dry_run), ("retest", retest), ("wait", wait)):
        if not isinstance(value, bool):
            problems.append(_not_boolean(name, value))
    if remote is not None and not (isinstance(remote, str) and remote):
        saw = f"must be the name of a git remote, not {quoted(remote)}"
        problems.append(Finding.failed("parameters", "-p remote", saw, "-r remote NAME; `git remote` lists the names"))
    choice = _parse_world(world, problems)
    if str(world).startswith("rehearsal") and remote is not None:
        saw = "a rehearsal uses its own remote"
        problems.append(Finding.failed("parameters", "-p remote", saw, "remove `-p remote` or `-p world`"))
    if version is None and dry_run is False and world == "real":
        saw = "a real release requires an explicit version"
        problems.append(Finding.failed("parameters", "-p version", saw, "-p version VERSION"))
    parsed = _parse_version(version, problems)
    _refuse_if(problems)
    chosen = str(remote) if remote else None
    return ReleaseParameters(parsed, bool(dry_run), chosen, bool(retest), bool(wait), choice)


def parse_verification_parameters(
    version: object, *, sums: object, timeout: object, world: object = "real", injected: Iterable[str] = ()
) -> VerificationParameters:
    """Parse the parameters of `verify.ipynb` strictly, like `parse_release_parameters`.

    Raises:
        RefusedError: At least one parameter is invalid; with a finding for each.
    """
    problems = [*_unknown_names(injected, VERIFICATION_PARAMETERS)]
    if sums is not None and not (isinstance(sums, str) and sums):
        saw = f"must be the path of a file, not {quoted(sums)}"
        problems.append(Finding.failed("parameters", "-p sums", saw, "-r sums dist/SHA256SUMS"))
    seconds = timeout if isinstance(timeout, int | float) and not isinstance(timeout, bool) else -1.0
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        saw = f"must be a number of seconds from 0 to {LONGEST_TIMEOUT}, not {quoted(timeout)}"
        problems.append(Finding.failed("parameters", "-p timeout", saw, "-p timeout 600"))
    choice = _parse_world(world, problems)
    parsed = _parse_version(version, problems)
    _refuse_if(problems)
    return VerificationParameters(parsed, str(sums) if sums else None, float(seconds), choice)


def parse_version(version: str | None) -> Version | None:
    """Parse the version of a command line; `None` stays `None`.

    Raises:
        RefusedError: The version cannot be released.
    """
    problems: list[Finding] = []
    parsed = _parse_version(version, problems)
    if problems:
        raise RefusedError("invalid version; nothing was done", problems)
    return parsed


def open_target(world: World, version: Version | None, *, remote: str | None = None, retest: bool = False) -> Target:
    """Return the target of a release of `version`; `None` means the version of the manifests.

    Raises:
        RefusedError: The policy or the manifests cannot be read.
    """
    policy = read_policy(world.root)
    workspace = None if version else world.workspace()
    chosen = version or manifest_version(workspace or world.workspace(), policy)
    return Target(chosen, policy, world, remote or policy.remote, retest, _first=workspace)


def manifest_version(workspace: Workspace, policy: Policy) -> Version:
    """Return the version of the manifests; if they disagree, the version that most locations have.

    So if one location was edited, the checks use the version of the other locations, and report the edited one.

    Raises:
        RefusedError: No location has a version that can be released.
    """
    counts = manifest_versions(workspace, policy)
    if counts:
        return max(counts, key=lambda version: (counts[version], version))
    looked_at = ", ".join(package.manifest for package in workspace.packages_to_publish(policy)) or "the manifests"
    saw = "there is no version that can be released"
    remedy = "specify it: `VERSION` on the command line, `-p version VERSION` with papermill"
    missing = Finding.failed("version", looked_at, saw, remedy)
    raise RefusedError("no version specified", [missing, *workspace.cargo_errors("version")])


def manifest_versions(workspace: Workspace, policy: Policy) -> Counter[Version]:
    """Count, for each version of the published packages, the locations that define or lock it.

    The version of a workspace counts only if cargo does not report which members inherit it, and no other location has
    a version.
    """
    # A requirement repeats a version, but not always all of it.
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


def check_parameter_names(names: Iterable[str], known: tuple[str, ...]) -> None:
    """Check that papermill can assign the parameters: `dry-run = True` would be a syntax error in the notebook.

    Raises:
        RefusedError: A name is not a Python identifier.
    """
    if invalid := [name for name in names if not name.isidentifier() or iskeyword(name)]:
        raise RefusedError("invalid parameters; nothing was done", [*_unknown_names(invalid, known)])


def _unknown_names(injected: Iterable[str], known: tuple[str, ...]) -> Iterable[Finding]:
    for name in injected:
        if name in known:
            continue
        if RENAMED.get(name) in known:
            saw, remedy = f"`{name}` was renamed to `{RENAMED[name]}`", f"use `-p {RENAMED[name]}`"
        elif (spelled := name.replace("-", "_")) in known:
            saw, remedy = "names of parameters have underscores", f"use `-p {spelled}`"
        elif near := _nearest(name, known):
            saw, remedy = f"unknown parameter; did you mean `{near}`?", f"use `-p {near}`"
        else:
            saw, remedy = "unknown parameter", f"use one of {', '.join(known)}"
        yield Finding.failed("parameters", f"-p {shortened(name)}", saw, remedy)


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    import difflib  # needed only for unknown names

    return next(iter(difflib.get_close_matches(name, known, 1)), None)


def _not_boolean(name: str, value: object) -> Finding:
    """Return the finding about a value that is not a boolean."""
    meant = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(str(value).lower())
    if str(meant) == value:
        saw = f"is the text {quoted(value)}; `-r` passes text, `-p` a boolean"
    else:
        saw = f"must be True or False, not {quoted(value)}"
    remedy = f"-p {name} True, or -p {name} False" if meant is None else f"-p {name} {meant}"
    return Finding.failed("parameters", f"-p {name}", saw, remedy)


def _parse_world(world: object, problems: list[Finding]) -> WorldChoice:
    """Parse the parameter `world`, and add its errors to `problems`."""
    kind, colon, option = str(world).partition(":")
    if world == "real":
        if "PYTEST_CURRENT_TEST" not in os.environ:  # a test has not started this process or one of its parents
            return WorldChoice()
        saw, remedy = "only the rehearsal world is allowed in tests", "-p world rehearsal"
    elif kind != "rehearsal":
        saw, remedy = f"must be real or rehearsal, not {quoted(world)}", "-p world real, or -p world rehearsal"
    elif colon and option not in (QUICK, *FAULTS):
        saw = f"unknown rehearsal option {quoted(option)}"
        remedy = f"-p world rehearsal:OPTION, where OPTION is one of {', '.join((QUICK, *FAULTS))}"
    else:
        return WorldChoice("rehearsal", option == QUICK, option if option in FAULTS else None)
    problems.append(Finding.failed("parameters", "-p world", saw, remedy))
    return WorldChoice()


def _parse_version(version: object, problems: list[Finding]) -> Version | None:
    """Parse a version, and add its errors to `problems`."""
    if version is None:
        return None
    try:
        return Version.parse(version)
    except VersionError as error:
        problems.append(Finding.failed("version", f"version {quoted(version)}", error.reason, error.remedy))
        return None


def _refuse_if(problems: list[Finding]) -> None:
    if problems:
        raise RefusedError("invalid parameters; nothing was done", problems)
