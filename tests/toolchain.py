"""Programs for tests that save the time in which cargo and uv query the toolchain, with recorded answers.

`cargo metadata` asks `rustc` four times for its version and configuration, and rustup selects the toolchain for each of
these processes. With `--refresh`, uv asks Python each time. This was most of the time of a `check`, and hundreds of
tests run one. The answers do not change during a run of the tests, so they are recorded from the real programs. All
other command lines run the real programs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
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
        _write_program(directory / name, text)


def write_python(directory: Path) -> Path:
    """Write a program that gives uv the answer of this Python; return its path, for `UV_PYTHON`."""
    path, python = directory / "python-for-uv", shlex.quote(sys.executable)
    with tempfile.TemporaryDirectory() as temporary:
        answer, recorder = Path(temporary) / "answer", Path(temporary) / "python"
        _write_program(recorder, f'#!/bin/sh\n{python} "$@" | tee {answer}\n')
        command = [Path(sys.executable).with_name("uv"), "pip", "compile", "--no-cache", "--offline", "--quiet", "-"]
        environment = {**os.environ, "UV_PYTHON": str(recorder)}
        subprocess.run(command, env=environment, input=b"", capture_output=True, check=True)
        text = shlex.quote(answer.read_text())
    recorded = f"case $* in *get_interpreter_info*) printf %s {text} && exit ;; esac"
    _write_program(path, f'#!/bin/sh\n{recorded}\nexec {python} "$@"\n')
    return path


def _write_program(path: Path, text: str) -> None:
    # Several processes of one test run write the same programs.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).chmod(0o755)
    Path(file.name).replace(path)


def _questions(real: Path) -> list[str]:
    """Return the command lines of `rustc` that `cargo metadata` starts, and the one of the stored test results."""
    with tempfile.TemporaryDirectory() as directory:
        crate, log, recorder = (Path(directory) / name for name in ("crate", "log", "rustc"))
        (crate / "src").mkdir(parents=True)
        (crate / "src/lib.rs").touch()
        (crate / "Cargo.toml").write_text('[package]\nname = "a"\nedition = "2024"\n\n[workspace]\nresolver = "3"\n')
        _write_program(recorder, f'#!/bin/sh\necho "$*" >> {log}\nexec {real}/rustc "$@"\n')
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
