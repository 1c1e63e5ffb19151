"""Processes: started from argument lists, limited in time, logged line by line, and ended with their child processes.

Each process has its own session, so that it cannot open the terminal: `ssh` prompts there even if standard input is
closed. Only an action of a release may prompt, see `terminal_for_prompts`.
"""

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.observations import TIMED_OUT, ProcessResult
from binoc_runbook.redaction import Translate, for_lines, plain

#: The number of last lines that are kept of a long command; its log contains all lines.
TAIL = 40

#: The limit of a command without another one, in seconds.
LIMIT = 900.0

#: A wait is reported after this time, in seconds, and again each time that it has doubled.
NOTICE = 5.0

#: A function that shows a line of text.
ShowLine = Callable[[str], None]

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
    inherited, such as credentials for another purpose. `first` are directories that precede PATH. `on_wait`
    shows that a short command is still running.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    clean: Translate = plain
    withheld: Callable[[str], bool] = lambda name: False
    first: tuple[Path, ...] = ()
    on_wait: ShowLine = lambda text: None

    def find(self, program: str) -> str | None:
        """Return the path of a program on PATH or in the environment of this library, or `None`."""
        return shutil.which(program, path=self._inherited()["PATH"])

    def inherits(self, name: str) -> str:
        """Return the value of an environment variable of the processes, or an empty text."""
        return self._inherited().get(name, "")

    def run(self, command: Sequence[str], *, stdin: str | None = None, timeout: float = LIMIT) -> ProcessResult:
        """Run a short command; the exit code is 127 for a missing program, and 124 after a timeout."""

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                self._located(command),
                cwd=self.root,
                env=self._inherited(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

        try:
            return finish(start, command, stdin=stdin, timeout=timeout, on_wait=self.on_wait)
        except FileNotFoundError:
            return ProcessResult(tuple(command), 127, "", f"`{command[0]}` was not found on PATH")

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
        try:
            located = self._located(command)
        except FileNotFoundError:
            return LoggedResult(127, 0.0, (f"`{command[0]}` was not found on PATH",))

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                arguments,
                cwd=self.root,
                env=self._inherited() | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=descriptors,
            )

        with supervised(located) as (arguments, descriptors), _until_end(start) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe, see above
            with log.open("w", encoding="utf-8") as file:
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


def finish(
    start: Callable[[], subprocess.Popen[bytes]],
    command: Sequence[str],
    *,
    stdin: str | None = None,
    timeout: float = LIMIT,
    on_wait: ShowLine = lambda text: None,
    terminal: int | None = None,
) -> ProcessResult:
    """Start a process that leads its own group, with pipes; wait until it ends or `timeout` seconds have passed.

    `command` is what is shown of it. `on_wait` shows that the process is still running. After a timeout the exit code
    is 124, and the process and its child processes are ended. If the process may prompt, `terminal` is a descriptor of
    the controlling terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C was typed, also if only the process got it from the terminal.
    """
    with _until_end(start) as process, _foreground(process, terminal):
        try:
            output, errors = _communicate(process, command, stdin, timeout, on_wait)
        except subprocess.TimeoutExpired as error:
            reason = f"timed out after {timeout:g} s"
            if message := _text(error.stderr or b"").strip():
                reason += f": {message}"
            return ProcessResult(tuple(command), TIMED_OUT, "", reason)
    if terminal is not None and process.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    return ProcessResult(tuple(command), process.returncode, _text(output), _text(errors).strip())


def _communicate(
    process: subprocess.Popen[bytes], command: Sequence[str], stdin: str | None, timeout: float, on_wait: ShowLine
) -> tuple[bytes, bytes]:
    began, notice = time.monotonic(), NOTICE
    given: bytes | None = (stdin or "").encode()
    while True:
        waited = time.monotonic() - began
        try:
            return process.communicate(given, max(0.0, min(notice, timeout) - waited))
        except subprocess.TimeoutExpired:
            waited = time.monotonic() - began
            if waited >= timeout:
                raise
            on_wait(f"waiting for `{' '.join(command)}` for {waited:.0f} s, at most {timeout:g} s")
            given, notice = None, max(notice, waited) * 2


@contextlib.contextmanager
def supervised(command: Sequence[str]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Open a pipe for a supervisor of a command; yield the command line of both, and the descriptors to pass on.

    The supervisor ends the command if this process is killed.
    """
    if sys.platform == "win32":
        yield list(command), ()
        return
    program = str(Path(__file__).with_name("supervisor.py"))
    reader, writer = os.pipe()
    try:
        yield [sys.executable, "-I", "-S", program, str(reader), *command], (reader,)
    finally:
        os.close(reader)
        os.close(writer)


_running: set[subprocess.Popen[bytes]] = set()


@contextlib.contextmanager
def process_threads(number: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads that wait for processes; after an exception, such as Ctrl-C, the processes are ended."""
    with ThreadPoolExecutor(number) as pool:
        try:
            yield pool
        except BaseException:
            # The processes do not get Ctrl-C, and the end of the pool waits for its threads.
            for process in tuple(_running):
                _signal(process)
            raise


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


@contextlib.contextmanager
def _until_end(start: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process; at the end of this context, end it and its child processes, if it is still running."""
    with contextlib.ExitStack() as stack:
        # An interruption between the start and the callback would leave the process running.
        with _delayed_interrupt():
            process = start()
            _running.add(process)
            stack.callback(_end, process)
        yield process


# Prompts

_prompts = threading.Lock()


@contextlib.contextmanager
def terminal_for_prompts() -> Iterator[int | None]:
    """Open the controlling terminal for one process that may prompt; yield its descriptor, or `None` if there is none.

    There is none in a notebook, because jupyter_client starts each kernel in its own session. A terminal that belongs
    to another foreground job is not used either. The lock lets one thread at a time prompt.
    """
    with _prompts, contextlib.ExitStack() as stack:
        terminal = None
        with contextlib.suppress(OSError, AttributeError):  # Windows has neither the device nor the functions
            opened = os.open("/dev/tty", os.O_RDWR)
            stack.callback(os.close, opened)
            terminal = opened if os.tcgetpgrp(opened) == os.getpgrp() else None
        yield terminal


@contextlib.contextmanager
def _foreground(process: subprocess.Popen[bytes], terminal: int | None) -> Iterator[None]:
    """Let the group of a process read from the terminal and get Ctrl-C, inside this context."""
    if terminal is None or sys.platform == "win32":
        yield
        return
    with contextlib.suppress(OSError):  # the process has ended
        os.tcsetpgrp(terminal, process.pid)
        os.killpg(process.pid, signal.SIGCONT)  # it was stopped, if it has read too early
    try:
        yield
    finally:
        # A process in the background gets SIGTTOU for the next call, which would stop it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# The end of processes


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
        _signal(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        _running.discard(process)


def _signal(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":  # has no sessions; only builds run on it, not releases
        process.kill()
        return
    from binoc_runbook.world.supervisor import SIGNALS

    # The process leads its own group, so this signals only it and its child processes.
    for number, seconds in SIGNALS:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    # Child processes can ignore the signal that ended the process.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
