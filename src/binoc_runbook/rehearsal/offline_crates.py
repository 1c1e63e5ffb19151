"""The crates that a rehearsal builds with: those of the lock file, from a directory, so that crates.io is never asked.

From the Cargo book, "Source Replacement": a directory source holds what `cargo vendor` writes, and takes the place of a
registry. Each crate must still have the checksum that the lock file names.
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

#: How long cargo may take to gather them, in seconds; the first time it may have to download some.
TIMEOUT = 600.0


def lend_crates(world: World, home: Path) -> None:
    """Lead the cargo whose home is `home` to the crates that the lock file of the rehearsed checkout names.

    They are kept in the build cache of the checkout: what is compiled from one directory need not be compiled again.

    Raises:
        RefusedError: They cannot be had.
    """
    lock = world.root / "Cargo.lock"
    if not lock.is_file():
        return
    cache = Path(world.processes.inherits("CARGO_TARGET_DIR"))
    kept = cache / "crates" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    mark_cache(kept.parent)
    if not kept.is_dir():
        _gather(world, kept)
    told = f'[source.crates-io]\nreplace-with = "lent"\n\n[source.lent]\ndirectory = {json.dumps(str(kept))}\n'
    (home / "config.toml").write_text(told, "utf-8")


def _gather(world: World, kept: Path) -> None:
    beside = Path(tempfile.mkdtemp(prefix="gathering-", dir=kept.parent))
    command = ["cargo", "vendor", "--locked", "--versioned-dirs", str(beside)]
    try:
        done = world.processes.run(command, timeout=TIMEOUT)
        if done.returncode != 0:
            finding = Finding.failed("rehearsal", " ".join(command[:3]), done.reason, "cargo fetch --locked")
            raise RefusedError("the crates of the lock file cannot be had", [finding])
        if not kept.is_dir():  # another rehearsal may have been quicker
            beside.replace(kept)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
