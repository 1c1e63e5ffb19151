"""Programs for tests with recorded output, which save the time in which cargo and uv query the toolchain.

`cargo metadata` starts `rustc` four times to query its version and configuration, and rustup selects the toolchain for
each of these processes. With `--refresh`, uv queries Python each time. This was most of the time of a `check`, and
hundreds of tests run one. The output does not change during a run of the tests, so it is recorded from the real
programs. All other command lines run the real programs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from binoc_runbook.world.cargo_isolation import toolchain as default_toolchain
from binoc_runbook.world.processes import Processes

ROOT = Path(__file__).parents[1]

#: rustup selects all other toolchains, and those that no variable names.
_PROGRAM = """\
#!/bin/sh
case "$RUSTUP_TOOLCHAIN $*" in
{toolchains}esac
exec {proxy} "$@"
"""


def write_programs(directory: Path) -> None:
    """Write the programs `cargo` and `rustc` to a directory; write nothing if Rust is not installed."""
    # Tests can start tests, so the directory can be on PATH.
    path = os.pathsep.join(entry for entry in os.environ["PATH"].split(os.pathsep) if entry != str(directory))
    proxies = {name: shutil.which(name, path=path) for name in ("cargo", "rustc")}
    if None in proxies.values():
        return
    # The names that the library passes to cargo in a checkout that pins no toolchain, and in this one.
    cases = dict.fromkeys(proxies, "")
    for toolchain in dict.fromkeys(default_toolchain(Processes(root)) for root in (Path("/"), ROOT)):
        real = Path(_output("rustc", "--print", "sysroot", toolchain=toolchain).strip()) / "bin"
        for line in _queries(real):
            output = shlex.quote(_output(str(real / "rustc"), *line.split(" ")))
            cases["rustc"] += f"{shlex.quote(f'{toolchain} {line}')}) printf %s {output} && exit ;;\n"
        for name in cases:
            cases[name] += f'{shlex.quote(toolchain)}" "[!+]*) exec {shlex.quote(str(real / name))} "$@" ;;\n'
    for name, proxy in proxies.items():
        text = _PROGRAM.format(toolchains=cases[name], proxy=shlex.quote(str(proxy)))
        _write_program(directory / name, text)


def write_python(directory: Path) -> Path:
    """Write a program with the output of this Python for uv; return its path, for `UV_PYTHON`."""
    path, python = directory / "python-for-uv", shlex.quote(sys.executable)
    with tempfile.TemporaryDirectory() as temporary:
        output, recorder = Path(temporary) / "output", Path(temporary) / "python"
        _write_program(recorder, f'#!/bin/sh\n{python} "$@" | tee {output}\n')
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "compile", "--no-cache", "--offline", "--quiet", "-"]
        environment = {**os.environ, "UV_PYTHON": str(recorder)}
        subprocess.run(command, env=environment, input=b"", capture_output=True, check=True)
        text = shlex.quote(output.read_text())
    recorded = f"case $* in *get_interpreter_info*) printf %s {text} && exit ;; esac"
    _write_program(path, f'#!/bin/sh\n{recorded}\nexec {python} "$@"\n')
    return path


def _write_program(path: Path, text: str) -> None:
    # Several processes of one test run write the same programs.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).chmod(0o755)
    Path(file.name).replace(path)


def _queries(real: Path) -> list[str]:
    """Return the command lines of `rustc` that `cargo metadata` starts, and the one of the stored test results."""
    with tempfile.TemporaryDirectory() as directory:
        crate, log, recorder = (Path(directory) / name for name in ("crate", "log", "rustc"))
        (crate / "src").mkdir(parents=True)
        (crate / "src/lib.rs").touch()
        (crate / "Cargo.toml").write_text('[package]\nname = "a"\nedition = "2024"\n\n[workspace]\nresolver = "3"\n')
        _write_program(recorder, f'#!/bin/sh\necho "$*" >> {log}\nexec {real}/rustc "$@"\n')
        environment = {**os.environ, "RUSTC": str(recorder), "CARGO_CACHE_RUSTC_INFO": "0"}
        command = [str(real / "cargo"), "metadata", "--offline", "--format-version=1"]
        subprocess.run(command, cwd=crate, env=environment, capture_output=True, check=True)
        return sorted({"--version", *log.read_text().splitlines()})


def _output(*command: str, toolchain: str = "") -> str:
    environment = {**os.environ, "RUSTUP_TOOLCHAIN": toolchain} if toolchain else None
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, text=True, check=True
    )
    return done.stdout
