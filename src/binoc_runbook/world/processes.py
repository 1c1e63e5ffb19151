"""Processes other than git: started from argument lists, watched line by line, and ended with everything they began."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.redaction import Translate, plain

#: How many of a long command's last lines are kept for the page; all of them are in its log.
TAIL = 40

# ipykernel promises its children a colour terminal; a log and a page are none.
_COLOUR = ("FORCE_COLOR", "CLICOLOR_FORCE")


@dataclass(frozen=True, slots=True)
class LoggedResult:
    """A long command that ended: exit code, duration in seconds, and the last lines."""

    returncode: int
    seconds: float
    tail: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Return the last lines of the output; the exit code where there are none."""
        return " / ".join(line.strip() for line in self.tail[-6:] if line.strip()) or f"exit code {self.returncode}"


@dataclass
class Processes:
    """Starts processes in `root`, with `environment` added to what they inherit.

    `clean` makes what a long command prints fit to be kept. What they inherit is left out where `withheld` says so of
    a variable's name: a credential that stands there for another purpose, say. Programs are looked for in
    the directories `first` before all others.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    clean: Translate = plain
    withheld: Callable[[str], bool] = lambda name: False
    first: tuple[Path, ...] = ()

    def find(self, program: str) -> str | None:
        """Where a program is, the environment that runs this library included even when it is not activated."""
        return shutil.which(program, path=self._inherited()["PATH"])

    def inherits(self, name: str) -> str:
        """The value of a variable as the processes see it; empty where it is not set."""
        return self._inherited().get(name, "")

    def run(self, command: Sequence[str], *, stdin: str | None = None, timeout: float | None = None) -> ProcessResult:
        """Run a short command for its answer; exit code 127 when there is no such program, 124 when it is too slow."""
        try:
            done = subprocess.run(
                self._located(command),
                cwd=self.root,
                env=self._inherited(),
                input=(stdin or "").encode(),
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            return ProcessResult(tuple(command), 127, "", f"`{command[0]}` was not found on PATH")
        except subprocess.TimeoutExpired:
            return ProcessResult(tuple(command), 124, "", f"no answer within {timeout:.0f} s")
        return ProcessResult(tuple(command), done.returncode, _text(done.stdout), _text(done.stderr).strip())

    def watch(
        self,
        command: Sequence[str],
        log: Path,
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> LoggedResult:
        """Run a long command, handing on each line as it comes and writing it to `log`.

        Standard output and error are one stream, as a person would see them. Whatever interrupts this ends the
        command and all that it started. The exit code is 127 when there is no such program.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        tail: deque[str] = deque(maxlen=TAIL)
        began = time.monotonic()
        with contextlib.ExitStack() as ending:
            # Ctrl-C between the start and the watch would leave the command behind.
            with _ctrl_c_waits():
                try:
                    process = subprocess.Popen(
                        self._located(command),
                        cwd=self.root,
                        env=self._inherited() | dict(environment or {}),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                except FileNotFoundError:
                    return LoggedResult(127, 0.0, (f"`{command[0]}` was not found on PATH",))
                ending.callback(_end, process)
            written = ending.enter_context(log.open("w", encoding="utf-8"))
            assert process.stdout is not None  # noqa: S101 - it was asked for above
            for raw in process.stdout:
                line = self.clean(_text(raw)).rstrip("\r\n").rpartition("\r")[2]
                tail.append(line)
                written.write(line + "\n")
                on_line(line)
            process.wait()
        return LoggedResult(process.returncode, time.monotonic() - began, tuple(tail))

    def _inherited(self) -> dict[str, str]:
        names = (name for name in os.environ if name not in _COLOUR and not self.withheld(name))
        merged = {name: os.environ[name] for name in names} | dict(self.environment)
        # `just` and `maturin` live beside this Python, whether or not its environment was activated.
        directories = (*self.first, Path(sys.executable).parent, merged.get("PATH", os.defpath))
        return merged | {"PATH": os.pathsep.join(map(str, directories))}

    def _located(self, command: Sequence[str]) -> list[str]:
        found = self.find(command[0])
        if found is None:
            raise FileNotFoundError(command[0])
        return [found, *command[1:]]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


@contextlib.contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of this, and not in the middle of it.

    The signal is not blocked, because a process that is started meanwhile would inherit that.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():  # nothing is interrupted
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(came[0], None)


def _end(process: subprocess.Popen[bytes]) -> None:
    # A second Ctrl-C must not save the command from the first one.
    with _ctrl_c_waits():
        if sys.platform == "win32":  # has no sessions to send a signal to, and is where builds run, not releases
            process.kill()
        else:
            _signal(process)
        if process.stdout is not None:
            process.stdout.close()


def _signal(process: subprocess.Popen[bytes]) -> None:
    # The session of the process is its own (start_new_session), so this reaches nothing that we did not start.
    for sign, timeout in ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
