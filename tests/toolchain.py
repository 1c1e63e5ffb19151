"""The installed Rust toolchain for tests, without the cost of starting it: programs that precede rustup on PATH.

`cargo metadata` asks `rustc` four times for its version and configuration, and rustup selects the toolchain for each of
these processes. This is most of the time of a `check`, and hundreds of tests run one. The results do not change during
a run of the tests, so they are recorded from the real `rustc`. All other command lines run the real programs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

#: `$*` are the arguments; a selected toolchain, as in a rehearsed workflow, is a matter of rustup.
_PROGRAM = """\
#!/bin/sh
case "$RUSTUP_TOOLCHAIN $*" in
{recorded}" "[!+]*) exec {real} "$@" ;;
esac
exec {proxy} "$@"
"""


def write_programs(directory: Path) -> None:
    """Write the programs `cargo` and `rustc` to a directory; write nothing if Rust is not installed."""
    proxies = {name: shutil.which(name) for name in ("cargo", "rustc")}
    if None in proxies.values():
        return
    real = Path(_output("rustc", "--print", "sysroot").strip()) / "bin"
    recorded = {"rustc": _questions(real), "cargo": []}
    for name, proxy in proxies.items():
        answers = ((line, _output(str(real / name), *line.split(" "))) for line in recorded[name])
        cases = "".join(
            f"{shlex.quote(f' {line}')}) printf %s {shlex.quote(text)} && exit ;;\n" for line, text in answers
        )
        text = _PROGRAM.format(recorded=cases, real=real / name, proxy=shlex.quote(str(proxy)))
        # Several processes of one test run write the same programs.
        with tempfile.NamedTemporaryFile("w", dir=directory, delete=False) as file:
            file.write(text)
        Path(file.name).chmod(0o755)
        Path(file.name).replace(directory / name)


def _questions(real: Path) -> list[str]:
    """Return the command lines of `rustc` that `cargo metadata` starts, and the one of the stored test results."""
    with tempfile.TemporaryDirectory() as directory:
        crate, log, recorder = (Path(directory) / name for name in ("crate", "log", "rustc"))
        (crate / "src").mkdir(parents=True)
        (crate / "src/lib.rs").touch()
        (crate / "Cargo.toml").write_text('[package]\nname = "a"\nedition = "2024"\n\n[workspace]\nresolver = "3"\n')
        recorder.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real}/rustc "$@"\n')
        recorder.chmod(0o755)
        environment = {**os.environ, "RUSTC": str(recorder), "CARGO_CACHE_RUSTC_INFO": "0"}
        command = [
            real / "cargo",
            "metadata",
            "--offline",
            "--format-version=1",
            "--manifest-path",
            crate / "Cargo.toml",
        ]
        subprocess.run(command, env=environment, capture_output=True, check=True)
        return sorted({"--version", *log.read_text().splitlines()})


def _output(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return done.stdout
