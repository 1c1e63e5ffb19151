"""The client that runs `cargo metadata` for members of a workspace, inherited values and the state of the lock file."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.workspace.cargo_metadata import CargoMetadata, LockResult
from binoc_runbook.workspace.version_locations import lock_path
from binoc_runbook.world.cargo_isolation import outside
from binoc_runbook.world.processes import Processes

#: The timeout of `cargo metadata` for one workspace, in seconds.
TIMEOUT = 120.0

# Needs no network, and writes no lock file.
_COMMAND = ("cargo", "metadata", "--format-version", "1", "--offline", "--color", "never")

# Resolving dependencies starts rustc. These variables precede `[build]` in the configuration of the user (Cargo book,
# *Configuration*); a wrapper of the compiler is not needed for its version.
_COMPILER = {
    "RUSTC": "rustc",
    "RUSTC_WRAPPER": "",
    "RUSTC_WORKSPACE_WRAPPER": "",
    "CARGO_BUILD_RUSTC_WRAPPER": "",
    # The cache of the version of rustc is in the directory `target`, and a check writes nothing there.
    "CARGO_CACHE_RUSTC_INFO": "0",
}

_OUTDATED = re.compile(r"lock file .*--locked was passed")
_INVALID = re.compile(r"failed to parse lock file")
# The index or the source of a crate is not in CARGO_HOME.
_MISSING = re.compile(r"--offline|offline mode|failed to download")


def read_metadata(processes: Processes, manifest: str, *, locked: bool = True) -> CargoMetadata:
    """Return the output of cargo for the workspace of a manifest, given by its path relative to the root.

    With `locked`, cargo also checks the lock file next to the manifest, if there is one. If it does not accept the file
    or cannot check it, cargo runs again without resolving dependencies, and the result has the reason in `lock`.
    """
    lock = None
    if locked and (processes.root / lock_path(manifest)).is_file():
        result = _run(processes, manifest, "--locked")
        if result.returncode == 0:
            return CargoMetadata.parse(result.stdout, _remedy(manifest))
        lock = _lock_result(result, manifest)
    result = _run(processes, manifest, "--no-deps")
    if result.returncode == 127:
        remedy = "install the Rust toolchain with rustup, then open a new shell"
        return CargoMetadata(error=result.reason, remedy=remedy)
    if result.returncode != 0:
        return CargoMetadata(error=_error(result), remedy=_remedy(manifest))
    return CargoMetadata.parse(result.stdout, _remedy(manifest), lock)


def _run(processes: Processes, manifest: str, option: str) -> ProcessResult:
    compiler = _COMPILER | {"RUSTC": processes.inherits("RUSTC") or _COMPILER["RUSTC"]}
    processes = replace(processes, environment={**processes.environment, **compiler})
    # Cargo prints paths that begin with this path.
    path = os.path.join(os.path.realpath(processes.root), manifest)  # noqa: PTH118 - the text for an argument
    with outside(processes) as isolated:
        return isolated.run([*_COMMAND, option, f"--manifest-path={path}"], timeout=TIMEOUT)


def _lock_result(result: ProcessResult, manifest: str) -> LockResult:
    reason, path = _error(result), lock_path(manifest)
    if _OUTDATED.search(result.stderr):
        return LockResult("outdated", reason, f"cargo update --workspace --manifest-path {manifest}")
    if _INVALID.search(result.stderr):
        remedy = f"git checkout COMMIT -- {path}, with the last commit of `git log -- {path}` in which it is valid"
        return LockResult("invalid", reason, remedy)
    if _MISSING.search(result.stderr):
        return LockResult("unknown", reason, f"cargo fetch --locked --manifest-path {manifest}")
    return LockResult("unknown", reason, f"cargo metadata --locked --offline --manifest-path {manifest}")


def _error(result: ProcessResult) -> str:
    # Warnings and output of rustup precede the error.
    lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
    return next((line for line in lines if line.startswith("error")), lines[0])


def _remedy(manifest: str) -> str:
    return f"cargo metadata --no-deps --manifest-path {manifest}"
