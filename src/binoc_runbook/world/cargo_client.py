"""The client that runs `cargo metadata` for members of a workspace and inherited values."""

from __future__ import annotations

from binoc_runbook.workspace.cargo_metadata import CargoMetadata
from binoc_runbook.world.processes import Processes

#: The timeout of `cargo metadata` for one workspace, in seconds.
TIMEOUT = 120.0
# It resolves no dependencies, so it needs no network and writes no lock file.
_COMMAND = ("cargo", "metadata", "--no-deps", "--format-version", "1", "--offline", "--color", "never")


def read_metadata(processes: Processes, manifest: str) -> CargoMetadata:
    """Return the output of cargo for the workspace of a manifest, given by its path relative to the root."""
    result = processes.run([*_COMMAND, f"--manifest-path={manifest}"], timeout=TIMEOUT)
    if result.returncode == 127:
        remedy = "install the Rust toolchain with rustup, then open a new shell"
        return CargoMetadata(error=result.reason, remedy=remedy)
    remedy = f"cargo metadata --no-deps --manifest-path {manifest}"
    if result.returncode != 0:
        # Warnings and output of rustup precede the error.
        lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
        return CargoMetadata(error=next((line for line in lines if line.startswith("error")), lines[0]), remedy=remedy)
    return CargoMetadata.parse(result.stdout, remedy)
