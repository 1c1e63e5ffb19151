"""The second cell of each runbook: parse its parameters, choose its world, and open the release or the verification."""

from __future__ import annotations

from pathlib import Path

from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.notebook.reporter import NotebookReporter, injected_parameters
from binoc_runbook.release.parameters import open_target, parse_release_parameters, parse_verification_parameters
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import TIMEOUT, Verification, read_checksums


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
    parameters = parse_release_parameters(
        version, dry_run=dry_run, remote=remote, retest=retest, world=world, injected=injected_parameters()
    )
    opened = parameters.world.open(_root("there is nothing to release here"))
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
    parameters = parse_verification_parameters(
        version, sums=sums, timeout=timeout, world=world, injected=injected_parameters()
    )
    root = _root("there is nothing to verify here")
    opened = parameters.world.open(root)
    reporter = NotebookReporter(opened.clean, opened.clean_markup)
    target = open_target(opened, parameters.version)
    if opened.kind == "rehearsal":
        from binoc_runbook.rehearsal.publish import publish

        reporter.asks(f"rehearsing {target.version}, so that there is something to verify")
        published, digests = publish(target, reporter.line)
        reporter.answers("rehearsed: released and published on loopback", Findings())
        target = open_target(published, target.version)
        return Verification(target, reporter, root / "runs", sums=digests, timeout=parameters.timeout)
    digests = read_checksums(root, parameters.sums, target) or {}
    own_build = parameters.sums is None
    return Verification(target, reporter, root / "runs", sums=digests, own_build=own_build, timeout=parameters.timeout)


def _root(headline: str) -> Path:
    root = root_of(Path.cwd())
    if root is None:
        finding = Finding.failed("tree", "the working directory", "is not in a git checkout", "cd into the checkout")
        raise RefusedError(headline, [finding])
    return root
