"""Commands that build: `dist`, `sums`, `verify-crate` and `adr`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.cli.output import OK, REFUSED, show_line, verdict
from binoc_runbook.finding import Finding, RefusedError

if TYPE_CHECKING:
    pass


def dist(root: Path, parsed: argparse.Namespace) -> int:
    """Build what a release publishes: sdists, crates, wheels of the sdists, and the sums of all."""
    from binoc_runbook.dist.build import build
    from binoc_runbook.release.parameters import open_target
    from binoc_runbook.world import World

    if parsed.platform and parsed.part == "sources":
        finding = Finding.failed(
            "dist", "--platform", "is of wheels, and sources have none", "leave out one of the two"
        )
        raise RefusedError("nothing was built", [finding])
    target = open_target(World.real(root), None)

    for path in build(target, root / parsed.out, show_line, part=parsed.part, platform=parsed.platform):
        print(path.relative_to(root) if path.is_relative_to(root) else path)
    return OK


def sums(root: Path, parsed: argparse.Namespace) -> int:
    """Write SHA256SUMS anew over the files of a folder, such as one that several jobs have filled."""
    from binoc_runbook.dist.checksums import write_checksums

    folder = root / parsed.out
    if not folder.is_dir():
        finding = Finding.failed("sums", f"--out {parsed.out}", "is no folder", "--out DIR, the folder of the files")
        raise RefusedError("there is nothing to sum", [finding])
    print(write_checksums(folder).read_text("utf-8"), end="")
    return OK


def verify_crate(root: Path, parsed: argparse.Namespace) -> int:
    """Package and compile each crate anew, and compare it with what is to be uploaded and with the last release."""
    from binoc_runbook.display import terminal
    from binoc_runbook.dist.verify_crate import verify_crates
    from binoc_runbook.release.parameters import open_target
    from binoc_runbook.world import World

    target = open_target(World.real(root), None)

    shown = parsed.dists.as_posix().rstrip("/")
    findings = verify_crates(target, root / parsed.dists, show_line, shown, install=parsed.install)
    terminal.show_findings(sys.stdout, findings)
    terminal.show_lines(sys.stderr, [verdict(findings, str(target.version))])
    # What comes after it in a workflow cannot be taken back, so what nobody knows stops it too.
    return OK if findings.status in ("ok", "warning") else REFUSED


def adr(root: Path, parsed: argparse.Namespace) -> int:
    """Start the page of a new decision, named after today and its title."""
    import datetime

    from binoc_runbook.site.new_decision import start_decision

    print(start_decision(root, parsed.title, datetime.date.today()))
    return OK
