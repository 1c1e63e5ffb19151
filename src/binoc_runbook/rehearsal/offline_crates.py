"""Vendored crates: a rehearsal builds with the crates of the lock file from a directory, without crates.io.

From the Cargo book, "Source Replacement": a directory source contains what `cargo vendor` writes, and replaces a
registry. Each crate must still have the checksum that is in the lock file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from binoc_runbook.files import mark_cache
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.world import World

#: The timeout of `cargo vendor`, in seconds. The first run may download crates.
TIMEOUT = 600.0


def use_vendored_crates(world: World, home: Path) -> None:
    """Configure the cargo home `home` to use vendored copies of the crates in the lock file.

    The copies are kept in the build cache of the checkout. Their paths do not change, so cargo does not compile them
    again.

    Raises:
        RefusedError: `cargo vendor` failed.
    """
    lock = world.root / "Cargo.lock"
    if not lock.is_file():
        return
    cache = Path(world.processes.inherits("CARGO_TARGET_DIR"))
    crates = cache / "crates" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    mark_cache(crates.parent)
    if not crates.is_dir():
        _vendor(world, crates)
    source = f"[source.vendored]\ndirectory = {json.dumps(str(crates))}\n"
    (home / "config.toml").write_text(f'[source.crates-io]\nreplace-with = "vendored"\n\n{source}', "utf-8")


def _vendor(world: World, crates: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="vendor-", dir=crates.parent))
    command = ["cargo", "vendor", "--locked", "--versioned-dirs", str(temporary)]
    try:
        done = world.processes.run(command, timeout=TIMEOUT)
        if done.returncode != 0:
            finding = Finding.failed("rehearsal", " ".join(command[:3]), done.reason, "cargo fetch --locked")
            raise RefusedError("the crates of `Cargo.lock` are not available", [finding])
        if not crates.is_dir():  # another rehearsal may have written it meanwhile
            temporary.replace(crates)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
