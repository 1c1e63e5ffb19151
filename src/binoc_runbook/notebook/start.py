"""The second cell of each runbook: parse its parameters, choose its world, and open the release or the verification."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, Findings, InterruptedRunError, RefusedError
from binoc_runbook.notebook.reporter import NotebookReporter, injected_parameters
from binoc_runbook.release.attempts import CHECK, NOTHING_PUSHED
from binoc_runbook.release.parameters import (
    TIMEOUT,
    open_target,
    parse_release_parameters,
    parse_verification_parameters,
)
from binoc_runbook.release.run import Release

if TYPE_CHECKING:
    from binoc_runbook.release.verification import Verification


def start_release(
    version: object = None,
    *,
    dry_run: object = True,
    remote: object = None,
    retest: object = False,
    wait: object = False,
    world: object = "real",
) -> Release:
    """Open a release with the parameters of the runbook, in the checkout of the working directory.

    `version` is the SemVer spelling; `None` means the version of the manifests, which only a dry run can use. `remote`
    is the name of a remote; `None` means the remote of the policy. `retest` runs the tests even if they are known to
    pass. `wait` follows the workflow run at GitHub until it has ended, and then verifies the published artifacts; a dry
    run and a rehearsal ignore it. `world` is `real` or `rehearsal`, optionally with a fault to inject
    instead of the tests (`rehearsal:lost-answer`), or with `quick`: a rehearsal without the tests and the workflow,
    which keeps only the notebook.

    Raises:
        RefusedError: A parameter is invalid, the checkout cannot be read, another release is running, or the record
            cannot be written.
        InterruptedRunError: The run was interrupted.
    """
    with _interruptible():
        parameters = parse_release_parameters(
            version,
            dry_run=dry_run,
            remote=remote,
            retest=retest,
            wait=wait,
            world=world,
            injected=injected_parameters(),
        )
        opened = parameters.world.open(_root("no checkout to release from"))
        target = open_target(opened, parameters.version, remote=parameters.remote, retest=parameters.retest)
        reporter = NotebookReporter(opened.clean, opened.clean_markup)
        return Release(target, reporter, opened.runs, dry_run=parameters.dry_run, wait=parameters.wait)


def start_verification(
    version: object = None, *, sums: object = None, timeout: object = TIMEOUT, world: object = "real"
) -> Verification:
    """Open a verification with the parameters of the runbook, in the checkout of the working directory.

    `version` is the SemVer spelling; `None` means the version of the manifests. `sums` is the path of a `SHA256SUMS`;
    `None` means the one in `dist/`, if it is of this version. `timeout` is in seconds. `world` is `real` or
    `rehearsal`; a rehearsal first releases and publishes the version.

    Raises:
        RefusedError: A parameter is invalid, the checkout cannot be read, or the rehearsal failed.
    """
    # A release does not load the modules of a verification: they are a quarter of its loading time.
    from binoc_runbook.release.verification import Verification, read_checksums

    parameters = parse_verification_parameters(
        version, sums=sums, timeout=timeout, world=world, injected=injected_parameters()
    )
    root = _root("no checkout to verify")
    opened = parameters.world.open(root)
    reporter = NotebookReporter(opened.clean, opened.clean_markup)
    target = open_target(opened, parameters.version)
    if opened.kind == "rehearsal":
        from binoc_runbook.rehearsal.publish import publish

        reporter.started(f"rehearsing the release of {target.version}, to verify it afterwards")
        published, digests = publish(target, reporter.line)
        reporter.result("rehearsed: released and published to local registries", Findings())
        target = open_target(published, target.version)
        return Verification(target, reporter, root / "runs", sums=digests, timeout=parameters.timeout)
    digests = read_checksums(root, parameters.sums, target) or {}
    own_build = parameters.sums is None
    return Verification(target, reporter, root / "runs", sums=digests, own_build=own_build, timeout=parameters.timeout)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise `InterruptedRunError` on Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        finding = Finding.failed(CHECK, "Ctrl-C", "this run was interrupted at its start", "run the same command again")
        raise InterruptedRunError("interrupted at the start of the release", [finding], NOTHING_PUSHED) from None


def _root(headline: str) -> Path:
    root = root_of(Path.cwd())
    if root is None:
        finding = Finding.failed("tree", "the working directory", "is not in a git checkout", "cd into the checkout")
        raise RefusedError(headline, [finding])
    return root
