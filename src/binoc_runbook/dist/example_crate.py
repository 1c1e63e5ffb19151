"""A crate of the workspace that uses a published one, compiled as somebody else's: outside the checkout, by itself."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.dist.standalone_manifest import Alone
from binoc_runbook.world.processes import Processes

#: How long cargo may take for one example, in seconds.
PATIENCE = 900.0

_LIBRARIES = (".so", ".dylib", ".dll")


def write(root: Path, example: str, stands: Alone, folder: Path) -> None:
    """Copy the sources of the crate `example`, a path from `root`, into a new folder, with another manifest."""
    folder.mkdir(parents=True)
    shutil.copytree(root / example / "src", folder / "src")
    if (root / example / "build.rs").is_file():
        shutil.copy(root / example / "build.rs", folder)
    (folder / "Cargo.toml").write_text(stands.manifest, "utf-8")


def lock(root: Path, folder: Path) -> None:
    """Let a crate have the versions that the lock file of the checkout names; cargo drops those it does not need."""
    if (root / "Cargo.lock").is_file():
        shutil.copy(root / "Cargo.lock", folder)


def unpack(packed: Path, folder: Path) -> Path:
    """Unpack a `.crate` and return the folder of the crate."""
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".crate")


def build(processes: Processes, folder: Path, depend_on: list[str]) -> Path | ProcessResult:
    """Add a dependency with `cargo add`, compile, and return the shared library; what failed, where something did."""
    environment = {**processes.environment, "CARGO_TARGET_DIR": str(folder / "target")}
    cargo = replace(processes, root=folder, environment=environment)
    for command in (["add", "--quiet", *depend_on], ["build", "--quiet", "--lib", "--message-format", "json"]):
        done = cargo.run(["cargo", *command], patience=PATIENCE)
        if done.returncode != 0:
            return _in_words(done)
    for line in reversed(done.stdout.splitlines()):
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("reason") == "compiler-artifact" and "cdylib" in told["target"]["kind"]:
            return next(Path(file) for file in told["filenames"] if file.endswith(_LIBRARIES))
    return ProcessResult(tuple(done.command), 1, "", 'it gives no shared library: its crate-type lacks "cdylib"')


def _in_words(done: ProcessResult) -> ProcessResult:
    """What the compiler said, from the messages that carry it as JSON."""
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [each["message"]["message"] for each in told if each.get("reason") == "compiler-message"]
    return replace(done, stdout="", stderr="\n".join([*errors, done.stderr]))
