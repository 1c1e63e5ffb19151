"""Run the fuzz functions of the crates with cargo-fuzz: `python -m tests.fuzz SECONDS [TARGET]`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .targets import ROOT, SEEDS, Target, find_targets, write_crate

INSTALL = """\
`just fuzz` needs a nightly toolchain and cargo-fuzz; install them:
  rustup toolchain install nightly
  cargo install cargo-fuzz --locked"""


def has_tools() -> bool:
    """Return whether rustup, a nightly toolchain and cargo-fuzz are installed."""
    commands = (["rustup", "run", "nightly", "rustc", "--version"], ["cargo-fuzz", "--version"])
    return all(
        shutil.which(command[0]) and subprocess.run(command, capture_output=True, check=False).returncode == 0
        for command in commands
    )


def run(target: Target, crate: Path, seconds: int) -> bool:
    """Run one target for a time; return whether no input failed."""
    print(f"{target.name}: {target.crate}::fuzzing::{target.function}", flush=True)
    corpus = crate / "corpus" / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        *("rustup", "run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir", str(crate)),
        *(target.name, str(corpus), str(SEEDS), "--"),
        # The seeds are small, and inputs that are not help less than many small ones.
        *(f"-max_total_time={seconds}", "-max_len=4096", "-timeout=30", "-rss_limit_mb=1024", "-print_final_stats=1"),
    ]
    # The options of the workspace, such as another linker, need not work with a sanitizer.
    environment = {key: value for key, value in os.environ.items() if key not in ("RUSTFLAGS", "RUSTUP_TOOLCHAIN")}
    if Path("/dev/shm").is_dir():
        # Targets that write files run several times as often on a file system in memory.
        environment["TMPDIR"] = "/dev/shm"
    return subprocess.run(command, cwd=crate, env=environment, check=False).returncode == 0


def main() -> int:
    """Run all targets or one; return 1 if an input failed or a tool is missing."""
    targets = {target.name: target for target in find_targets()}
    parser = argparse.ArgumentParser(prog="just fuzz", description="Run the fuzz functions of the crates.")
    parser.add_argument("seconds", type=int, help="for how long each target runs")
    parser.add_argument("target", nargs="?", choices=targets, metavar="target", help=f"one of: {', '.join(targets)}")
    options = parser.parse_args()
    if not has_tools():
        print(INSTALL, file=sys.stderr)
        return 1
    crate = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "fuzz"
    write_crate(crate, list(targets.values()))
    selected = [targets[options.target]] if options.target else list(targets.values())
    failed = [target.name for target in selected if not run(target, crate, options.seconds)]
    for name in failed:
        print(f"{name} failed; the input is in {crate / 'artifacts' / name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
