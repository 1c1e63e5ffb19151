"""A checkout and its remote, with the programs that send the signal of a case, and the processes of its commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..conftest import Checkout, make_checkout, run_git
from .cases import Case

SOURCE = Path(__file__).parents[2] / "src"
DRIVER = Path(__file__).with_name("driver.py")

#: The limit for a command, and for the processes that a killed one leaves, in seconds.
LIMIT = 180.0

#: Send the signal to the process in the file `victim`, once.
KILL = """\
mkdir {here}/fired 2>/dev/null || exit 0
until [ -s {here}/victim ]; do sleep 0.02; done
kill -s {signal} "$(cat {here}/victim)"
"""

#: Run git. At the point of the case, send the signal before it or after it.
GIT = """\
[ ! -e {here}/fired ] || exec {git} "$@"
if {kernel} && [ -n "$JPY_PARENT_PID" ]; then
    # The kernel is the child of the command; a supervisor can be between it and git.
    kernel=$PPID
    while read -r _ _ _ parent _ < /proc/$kernel/stat && [ "$parent" != "$JPY_PARENT_PID" ]; do kernel=$parent; done
    echo $kernel > {here}/new.$$
    mv {here}/new.$$ {here}/victim
fi
action=none
case " $* " in
    *" push --dry-run "*) ;;
    *" push "*":refs/heads/"*) action=push-branch ;;
    *" push "*":refs/tags/"*) action=push-tag ;;
    *" tag --annotate "*) action=tag ;;
esac
[ $action = {action} ] || exec {git} "$@"
if [ {when} = before ]; then {here}/bin/kill-it; exec {git} "$@"; fi
{git} "$@"
{here}/bin/kill-it
sleep 1
"""

#: Send the signal at a hook for a ref (githooks(5)), and give the victim time to react.
HOOK = """\
[ "{name}" != update ] || [ "$1" = {ref} ] || exit 0
[ "{state}" = "" ] || [ "$1" = "{state}" ] || exit 0
[ "{name}" = update ] || grep -q "{ref}" || exit 0
{here}/bin/kill-it
sleep 0.3
"""

#: The test command of the checkout.
TESTS = """\
[ {point} = tests ] || exit 0
{here}/bin/kill-it
sleep 1
"""


class Sandbox:
    """The directory of a case: `checkout`, a directory for temporary files, and the programs that send the signal."""

    def __init__(self, case: Case, directory: Path) -> None:
        self.case = case
        self.here = directory
        self.checkout = Checkout(directory / "demo", directory / "remote.git", partial(run_git, cwd=directory))
        self.temporary = directory / "temporary"
        #: A directory that exists as soon as the signal is sent.
        self.fired = directory / "fired"
        #: Whether the signal was sent; the command can have ended before its point.
        self.is_killed = False
        make_checkout(self.checkout)
        self.checkout.edit("pyproject.toml", '["git", "--version"]', '["run-tests"]')
        self.checkout.commit()
        self.checkout.git("config", "core.logAllRefUpdates", "always", cwd=self.checkout.remote)
        self.temporary.mkdir()
        self._write_programs()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        self.environment = kept | {
            "KILL_CASE": str(directory),
            "PATH": os.pathsep.join([str(directory / "bin"), str(Path(sys.executable).parent), kept["PATH"]]),
            "PYTHONPATH": str(SOURCE),
            "TMPDIR": str(self.temporary),
        }

    def _write_programs(self) -> None:
        case, here, remote = self.case, self.here, self.checkout.remote
        kind, *arguments = case.point
        action, when = arguments if kind == "git" else ("no-action", "before")
        values = {"here": here, "signal": case.signal.removeprefix("SIG"), "git": shutil.which("git"), "point": kind}
        values |= {"action": action, "when": when, "kernel": str(case.victim == "kernel").lower()}
        for name, script in {"kill-it": KILL, "git": GIT, "run-tests": TESTS}.items():
            _write_program(here / "bin" / name, script.format(**values))
        if kind in ("remote", "clone"):
            hook, ref = arguments
            state = hook if hook in ("prepared", "committed") else ""
            name = "reference-transaction" if state else hook
            repository = remote if kind == "remote" else self.checkout.root / ".git"
            _write_program(repository / "hooks" / name, HOOK.format(**values, name=name, state=state, ref=ref))
        if case.detached:
            # A remote on another machine does not end with its client.
            _write_program(here / "bin/detached", 'exec setsid git-receive-pack "$@"')
            key = "remote.origin.receivepack"
            self.checkout.git("config", key, str(here / "bin/detached"), cwd=self.checkout.root)

    def run_killed(self) -> tuple[int, str]:
        """Run the command and send the signal at the point of the case; return the exit code and the output."""
        kind, *arguments = self.case.point
        effect = int(arguments[0]) if kind == "effect" else 0
        with self._start(effect) as process:
            if self.case.victim == "command":
                (self.here / "victim").write_text(str(process.pid))
            if kind == "time":
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(float(arguments[0]))
                if process.poll() is None:
                    self.fired.mkdir()
                    process.send_signal(signal.Signals[self.case.signal])
            result = process.wait(LIMIT), self._output()
        self.is_killed = self.fired.exists()
        self.fired.mkdir(exist_ok=True)  # so that the second run gets no signal
        return result

    def run(self) -> tuple[int, str]:
        """Run the command again; return the exit code and the output."""
        with self._start() as process:
            return process.wait(LIMIT), self._output()

    def _start(self, effect: int = 0) -> subprocess.Popen[bytes]:
        command: list[object] = [sys.executable, "-m", "binoc_runbook.cli"]
        if self.case.in_process:
            command = [sys.executable, DRIVER, self.case.signal, effect, self.fired]
        with (self.here / "output").open("wb") as output:
            return subprocess.Popen(
                [str(part) for part in (*command, *self.case.command)],
                cwd=self.checkout.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _output(self) -> str:
        return (self.here / "output").read_text("utf-8", errors="replace")

    def updates(self, ref: str) -> list[tuple[str, str]]:
        """Return the old and the new object of each update of a ref of the remote."""
        lines = (self.checkout.remote / "logs" / ref).read_text("utf-8").splitlines()
        return [(old, new) for old, new, *_ in (line.split(" ") for line in lines)]

    def wait_for_processes(self) -> None:
        """Wait until all processes of the commands have ended.

        Raises:
            AssertionError: One of them still runs after the limit.
        """
        end = time.monotonic() + LIMIT
        while processes := list(self._processes()):
            assert time.monotonic() < end, f"left running: {processes}"
            time.sleep(0.05)

    @contextlib.contextmanager
    def ending_processes(self) -> Iterator[None]:
        """End all processes of the commands at the end of this context."""
        try:
            yield
        finally:
            for pid, _ in self._processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _processes(self) -> Iterator[tuple[int, str]]:
        """Yield the id and the command line of each process that has inherited the environment of the commands."""
        mark = f"KILL_CASE={self.here}".encode()
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (directory / "environ").read_bytes().split(b"\0"):
                    line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    yield int(directory.name), line


def _write_program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
