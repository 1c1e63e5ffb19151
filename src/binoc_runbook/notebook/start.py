"""The second cell of each runbook: parse its parameters, choose its world, and open the release or the verification."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.notebook.reporter import NotebookReporter, injected_parameters
from binoc_runbook.rehearsal.faults import FAULTS, QUICK
from binoc_runbook.release.parameters import (
    ReleaseParameters,
    inside_pytest,
    open_target,
    parse_release_parameters,
    parse_verification_parameters,
)
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import TIMEOUT, Verification, read_checksums
from binoc_runbook.world import World


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


def start_release(
    version: object = None,
    *,
    dry_run: object = True,
    remote: object = None,
    retest: object = False,
    world: object = "real",
) -> Release:
    """Open the release that a runbook's parameters describe, in the checkout that holds the working directory.

    `version` is the SemVer spelling; `None` means the version of the manifests, which only a dry run may use. `remote`
    is the name of a remote, `None` the policy's. `retest` runs the tests even where they are known to pass. `world` is
    `real` or `rehearsal`; after a colon follows a fault to inject (`rehearsal:lost-answer`), or `quick` for a rehearsal
    without the tests and the workflow, of which only the notebook is kept.

    Raises:
        RefusedError: A parameter is not what it must be, or the checkout cannot be read.
    """
    parameters, choice = parse_parameters(
        version, dry_run=dry_run, remote=remote, retest=retest, world=world, injected=injected_parameters()
    )
    opened = choice.open(_root("there is nothing to release here"))
    target = open_target(opened, parameters.version, remote=parameters.remote, retest=parameters.retest)
    reporter = NotebookReporter(opened.clean, opened.clean_markup)
    return Release(target, reporter, opened.runs, dry_run=parameters.dry_run)


def start_verification(
    version: object = None, *, sums: object = None, timeout: object = TIMEOUT, world: object = "real"
) -> Verification:
    """Open the verification that a runbook's parameters describe, in the checkout of the working directory.

    `version` is the SemVer spelling; `None` means the version of the manifests. `sums` is the path of a `SHA256SUMS`;
    `None` means the one in `dist/`, if it is of this version. `timeout` is in seconds. `world` is `real` or
    `rehearsal`; a rehearsal first releases and publishes the version.

    Raises:
        RefusedError: A parameter is not what it must be, the checkout cannot be read, or the rehearsal failed.
    """
    choice, findings = parse_world(world)
    parameters = parse_verification_parameters(
        version, sums=sums, timeout=timeout, injected=injected_parameters(), findings=findings
    )
    root = _root("there is nothing to verify here")
    opened = choice.open(root)
    reporter = NotebookReporter(opened.clean, opened.clean_markup)
    target = open_target(opened, parameters.version)
    if choice.kind == "rehearsal":
        from binoc_runbook.rehearsal.publish import publish

        reporter.asks(f"rehearsing {target.version}, so that there is something to verify")
        published, digests = publish(target, reporter.line)
        reporter.answers("rehearsed: released and published on loopback", Findings())
        target = open_target(published, target.version)
        return Verification(target, reporter, root / "runs", sums=digests, timeout=parameters.timeout)
    digests = read_checksums(root, parameters.sums, target) or {}
    own_build = parameters.sums is None
    return Verification(target, reporter, root / "runs", sums=digests, own_build=own_build, timeout=parameters.timeout)


def parse_parameters(
    version: object,
    *,
    dry_run: object = True,
    remote: object = None,
    retest: object = False,
    world: object = "real",
    injected: tuple[str, ...] = (),
) -> tuple[ReleaseParameters, WorldChoice]:
    """Parse all parameters of `release.ipynb`, and what they say together.

    Raises:
        RefusedError: With one finding for each parameter that is not as it must be.
    """
    choice, findings = parse_world(world)
    if str(world).startswith("rehearsal") and remote is not None:
        saw = "a rehearsal makes a remote of its own and can name no other"
        findings.append(Finding.failed("parameters", "-p remote", saw, "leave out `remote`, or `world`"))
    if version is None and dry_run is False and world == "real":
        saw = "a real release needs its version spelt out"
        findings.append(Finding.failed("parameters", "-p version", saw, "-r version 0.4.0 (the one you mean)"))
    parameters = parse_release_parameters(
        version, dry_run=dry_run, remote=remote, retest=retest, injected=injected, findings=findings
    )
    return parameters, choice


def parse_world(world: object) -> tuple[WorldChoice, list[Finding]]:
    """Parse the parameter `world`; the findings say what is wrong with it."""
    kind, colon, option = str(world).partition(":")
    if world == "real":
        if not inside_pytest():
            return WorldChoice(), []
        saw, remedy = "while tests run, no world but the rehearsal is allowed", "-p world rehearsal"
    elif kind != "rehearsal":
        saw, remedy = f"is {world!r}, and there are two worlds", "-p world real, or -p world rehearsal"
    elif colon and option not in (QUICK, *FAULTS):
        saw = f"is {world!r}, and no such rehearsal is known"
        remedy = f"-p world rehearsal:NAME, of {', '.join((QUICK, *FAULTS))}"
    else:
        return WorldChoice("rehearsal", option == QUICK, option if option in FAULTS else None), []
    return WorldChoice(), [Finding.failed("parameters", "-p world", saw, remedy)]


def _root(headline: str) -> Path:
    root = root_of(Path.cwd())
    if root is None:
        finding = Finding.failed("tree", "the working directory", "is not in a git checkout", "cd into the checkout")
        raise RefusedError(headline, [finding])
    return root
