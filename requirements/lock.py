"""Compile the pins in requirements/ from pyproject.toml and bench.in, for `just lock`; with `--check`, compare them.

Only wheels are installed, because a source distribution runs code of its author to build a package, which hashes do not
pin completely. So both commands fail if a pin has no wheel for a machine that installs it. The exit code is 1 then, and
also if the package index cannot be read.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from binoc_runbook.dist.wheel_platform import WheelPlatform

ROOT = Path(__file__).parents[1]
COMPILE = ("uv", "pip", "compile", "--quiet", "--only-binary", ":all:")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: The machines of contributors and of CI, as targets of Rust, which are also platforms of uv. They need the pins for
#: development, some of which have no wheels for other machines.
DEVELOPMENT = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
#: The machines that can run the benchmarks.
BENCH = (*DEVELOPMENT, "x86_64-apple-darwin", "x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc")
#: Platforms whose wheels are built on a machine of another platform. `just` has no wheel for Windows on Arm.
CROSS_BUILT = {"win_arm64": "win_amd64"}


def build_machines() -> list[str]:
    """Return the targets of the machines that build the wheels of the policy."""
    policy = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["binoc-runbook"]
    tags = [tag for artifact in policy["artifacts"] for tag in artifact.get("platforms", [])]
    platforms = [WheelPlatform.of(CROSS_BUILT.get(tag, tag)) for tag in tags]
    return list(dict.fromkeys(platform.target for platform in platforms if platform))


def compile_pins(directory: Path) -> None:
    """Write the pins into a directory; those that are in its files are kept if they satisfy pyproject.toml."""
    dev, build, bench = (directory / name for name in ("dev.txt", "build.txt", "bench.txt"))
    options = ["--universal", "--python-version", PYTHONS[0], "--generate-hashes"]
    options += ["--no-emit-index-url", "--no-annotate", "--no-header"]
    _run(*COMPILE, *options, "pyproject.toml", "--group", "dev", "--output-file", str(dev))
    _run(*COMPILE, *options, "--group", "build", "--constraint", str(dev), "--output-file", str(build))
    _run(*COMPILE, *options, "requirements/bench.in", "--output-file", str(bench))
    # The wrapper `just` installs uv with pip, and all other pins with uv.
    entries = dev.read_text("utf-8").replace("\\\n", "\\").splitlines()
    uv = next(entry for entry in entries if entry.startswith("uv=="))
    (directory / "uv.txt").write_text(uv.replace("\\", "\\\n") + "\n", "utf-8")


def missing_wheels() -> list[str]:
    """Return the errors of uv for each file, machine and Python for which a pin has no wheel."""

    def check(file: str, machine: str, python: str) -> str:
        place = ("--python-platform", machine, "--python-version", python)
        command = [*COMPILE, "--no-deps", *place, "--output-file", os.devnull, f"requirements/{file}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return f"{file} on {machine} with Python {python}: {done.stderr.strip()}" if done.returncode else ""

    machines = {"build.txt": build_machines(), "dev.txt": DEVELOPMENT, "bench.txt": BENCH}
    cases = [(file, *case) for file, names in machines.items() for case in itertools.product(names, PYTHONS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [error for error in pool.map(check, *zip(*cases, strict=True)) if error]


def outdated() -> list[str]:
    """Return an error for each file that `compile_pins` would change."""
    with tempfile.TemporaryDirectory(prefix="binoc-pins-") as name:
        directory = Path(name)
        current = {path.name: path.read_bytes() for path in (ROOT / "requirements").glob("*.txt")}
        for file, data in current.items():
            (directory / file).write_bytes(data)
        compile_pins(directory)
        changed = [file for file, data in current.items() if (directory / file).read_bytes() != data]
    return [f"requirements/{file} does not follow from pyproject.toml; run `./just lock`" for file in sorted(changed)]


def main(arguments: list[str]) -> int:
    """Write or check the pins; print what is wrong."""
    if arguments not in ([], ["--check"]):
        print("usage: python requirements/lock.py [--check]", file=sys.stderr)
        return 2
    errors = outdated() if arguments else []
    if not arguments:
        compile_pins(ROOT / "requirements")
    errors += missing_wheels()
    print("\n".join(errors) or "each pin has a wheel for each machine that installs it")
    return 1 if errors else 0


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(command[:3])}` failed with exit code {done.returncode}; see its message above")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
