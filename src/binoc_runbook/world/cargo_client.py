"""Cargo as the source of what belongs to a workspace and what is inherited there."""

from __future__ import annotations

from binoc_runbook.workspace.cargo_metadata import CargoMetadata
from binoc_runbook.world.processes import Processes

#: How long cargo may take to list the packages of one workspace, in seconds.
TIMEOUT = 120.0
# It resolves nothing, so it needs no network and writes no lock file.
_COMMAND = ("cargo", "metadata", "--no-deps", "--format-version", "1", "--offline", "--color", "never")


def read_metadata(processes: Processes, manifest: str) -> CargoMetadata:
    """Return cargo's report about the workspace of a manifest, which is given by its path from the root."""
    result = processes.run([*_COMMAND, f"--manifest-path={manifest}"], timeout=TIMEOUT)
    if result.returncode == 127:
        remedy = "install the Rust toolchain with rustup, then open a new shell"
        return CargoMetadata(error=result.reason, remedy=remedy)
    remedy = f"cargo metadata --no-deps --manifest-path {manifest}"
    if result.returncode != 0:
        # Warnings and what rustup reports come before the error.
        lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
        return CargoMetadata(error=next((line for line in lines if line.startswith("error")), lines[0]), remedy=remedy)
    return CargoMetadata.parse(result.stdout, remedy)
