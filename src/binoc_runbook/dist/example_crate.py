"""Examples of published crates: crates of the workspace that are compiled outside of it, as users do."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.dist.standalone_manifest import StandaloneManifest
from binoc_runbook.world.processes import Processes

#: How long cargo may take for one example, in seconds.
TIMEOUT = 900.0

_LIBRARIES = (".so", ".dylib", ".dll")


def write(root: Path, example: str, manifest: StandaloneManifest, directory: Path) -> None:
    """Copy the sources of the crate `example`, a path relative to `root`, into a new directory with a new manifest."""
    directory.mkdir(parents=True)
    shutil.copytree(root / example / "src", directory / "src")
    if (root / example / "build.rs").is_file():
        shutil.copy(root / example / "build.rs", directory)
    (directory / "Cargo.toml").write_text(manifest.text, "utf-8")


def copy_lock_file(root: Path, directory: Path) -> None:
    """Copy the lock file of the checkout to a crate; cargo removes the packages that the crate does not need."""
    if (root / "Cargo.lock").is_file():
        shutil.copy(root / "Cargo.lock", directory)


def unpack(crate_file: Path, directory: Path) -> Path:
    """Unpack a `.crate` and return the directory of the crate."""
    with tarfile.open(crate_file) as archive:
        archive.extractall(directory, filter="data")
    return directory / crate_file.name.removesuffix(".crate")


def build(
    processes: Processes, directory: Path, depend_on: list[str], target: Path, published: set[str]
) -> Path | ProcessResult:
    """Add a dependency with `cargo add`, compile, and return a copy of the shared library, or the command that failed.

    Cargo compiles in the directory `target`, which keeps the other dependencies for the next run. The output of
    packages without a registry, and of the `published` crates, is removed first: they can change under one version in a
    rehearsal, but cargo detects changes by modification times, and all unpacked files have the same.
    """
    cargo = replace(processes, root=directory, environment={**processes.environment, "CARGO_TARGET_DIR": str(target)})
    done = cargo.run(["cargo", "add", "--quiet", *depend_on], timeout=TIMEOUT)
    if done.returncode == 0:
        done = cargo.run(["cargo", "metadata", "--format-version", "1"], timeout=TIMEOUT)
    if done.returncode == 0:
        packages = json.loads(done.stdout)["packages"]
        changed = [package["id"] for package in packages if not package["source"] or package["name"] in published]
        done = cargo.run(["cargo", "clean", "--quiet", *(f"--package={id_}" for id_ in changed)], timeout=TIMEOUT)
    if done.returncode == 0:
        done = cargo.run(["cargo", "build", "--quiet", "--lib", "--message-format", "json"], timeout=TIMEOUT)
    if done.returncode != 0:
        return _with_readable_errors(done)
    for line in reversed(done.stdout.splitlines()):
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-artifact" and "cdylib" in message["target"]["kind"]:
            library = next(file for file in message["filenames"] if file.endswith(_LIBRARIES))
            return Path(shutil.copy(library, directory))
    return ProcessResult(tuple(done.command), 1, "", 'no shared library was built; add "cdylib" to its crate-type')


def _with_readable_errors(done: ProcessResult) -> ProcessResult:
    """Return a failed command with the errors of the compiler as text instead of JSON."""
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [message["message"]["message"] for message in messages if message.get("reason") == "compiler-message"]
    return replace(done, stdout="", stderr="\n".join([*errors, done.stderr]))
