"""Processes other than git: started from argument lists, logged line by line, and ended with their child processes."""

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
from binoc_runbook.redaction import Translate, for_lines, plain

#: The number of last lines that are kept of a long command; its log contains all lines.
TAIL = 40

# ipykernel sets these variables, but logs and pages must have no escape codes.
_COLOUR = ("FORCE_COLOR", "CLICOLOR_FORCE")


@dataclass(frozen=True, slots=True)
class LoggedResult:
    """The result of a long command: exit code, duration in seconds, and the last lines."""

    returncode: int
    seconds: float
    tail: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Return the last lines of the output, or the exit code if there are none."""
        return " / ".join(line.strip() for line in self.tail[-6:] if line.strip()) or f"exit code {self.returncode}"


@dataclass
class Processes:
    """A starter of processes in `root`, with `environment` added to the inherited environment.

    `clean` is applied to the logged output of long commands. Variables for whose names `withheld` returns true are not
    inherited, such as credentials for another purpose. `first` are directories that precede PATH.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    clean: Translate = plain
    withheld: Callable[[str], bool] = lambda name: False
    first: tuple[Path, ...] = ()

    def find(self, program: str) -> str | None:
        """Return the path of a program on PATH or in the environment of this library, or `None`."""
        return shutil.which(program, path=self._inherited()["PATH"])

    def inherits(self, name: str) -> str:
        """Return the value of an environment variable of the processes, or an empty text."""
        return self._inherited().get(name, "")

    def run(self, command: Sequence[str], *, stdin: str | None = None, timeout: float | None = None) -> ProcessResult:
        """Run a short command; the exit code is 127 for a missing program, and 124 after a timeout."""
        try:
            result = subprocess.run(
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
            return ProcessResult(tuple(command), 124, "", f"timed out after {timeout:.0f} s")
        return ProcessResult(tuple(command), result.returncode, _text(result.stdout), _text(result.stderr).strip())

    def watch(
        self,
        command: Sequence[str],
        log: Path,
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> LoggedResult:
        """Run a long command; pass each line of its output to `on_line`, and write it to `log`.

        Standard output and error are one stream. After an exception, the command and its child processes are ended.
        The exit code is 127 for a missing program.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        tail: deque[str] = deque(maxlen=TAIL)
        clean = for_lines(self.clean)
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            # An interruption between the start and the callback would leave the process running.
            with _delayed_interrupt():
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
                stack.callback(_end, process)
            file = stack.enter_context(log.open("w", encoding="utf-8"))
            assert process.stdout is not None  # noqa: S101 - it is a pipe, see above
            for raw in process.stdout:
                line = clean(_text(raw)).rstrip("\r\n").rpartition("\r")[2]
                tail.append(line)
                file.write(line + "\n")
                on_line(line)
            process.wait()
        return LoggedResult(process.returncode, time.monotonic() - began, tuple(tail))

    def _inherited(self) -> dict[str, str]:
        names = (name for name in os.environ if name not in _COLOUR and not self.withheld(name))
        merged = {name: os.environ[name] for name in names} | dict(self.environment)
        # `just` and `maturin` are next to this Python, even if its environment is not activated.
        directories = (*self.first, Path(sys.executable).parent, merged.get("PATH", os.defpath))
        return merged | {"PATH": os.pathsep.join(map(str, directories))}

    def _located(self, command: Sequence[str]) -> list[str]:
        program = self.find(command[0])
        if program is None:
            raise FileNotFoundError(command[0])
        return [program, *command[1:]]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


@contextlib.contextmanager
def _delayed_interrupt() -> Iterator[None]:
    """Delay SIGINT (Ctrl-C) until the end of this context.

    The signal is not blocked, because a process that is started in this context would inherit the blocked signal.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():  # nothing is interrupted
        yield
        return
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received:
            before(received[0], None)


def _end(process: subprocess.Popen[bytes]) -> None:
    # A second Ctrl-C must not interrupt this.
    with _delayed_interrupt():
        if sys.platform == "win32":  # has no sessions; only builds run on it, not releases
            process.kill()
        else:
            _signal(process)
        if process.stdout is not None:
            process.stdout.close()


def _signal(process: subprocess.Popen[bytes]) -> None:
    # The process has its own session (start_new_session), so this signals only its child processes.
    for sign, timeout in ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
