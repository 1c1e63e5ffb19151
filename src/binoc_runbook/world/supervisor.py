"""Supervisor of one command: it ends the command and its child processes when the process that started it is gone.

It is the first process of its own session, and it is run by its path, `python -I -S supervisor.py FD COMMAND…`, because
it must start fast. FD is the read end of a pipe. Nothing is written to the pipe: it closes when the process that holds
the write end ends, even by SIGKILL. A signal at the death of the parent (Linux, PR_SET_PDEATHSIG) would not reach child
processes of the command, and would also be sent when only the thread ends that started the command. Windows has no
sessions, so this module is not used there.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

#: The signals that end a group of processes, with the seconds until the next one.
SIGNALS: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))


def supervise(pipe: int, command: list[str]) -> int:
    """Run a command until it ends, or until the pipe closes; return its exit code, 128 + N for the signal N."""
    if os.getpgrp() != os.getpid():
        os.setsid()  # never signal the group of another process
    os.set_inheritable(pipe, False)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # The group also contains this process, which must not end before the command. The command does not inherit
    # these handlers, as it would inherit ignored signals.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become(command)
    while True:
        ready, _, _ = select.select([pipe, woken], [], [])
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if pipe in ready:
            _end(child)
        os.read(woken, 512)


def _become(command: list[str]) -> None:
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - an argument list, as in subprocess
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(126)


def _end(child: int) -> None:
    """End the group, and this process with it."""
    for number, seconds in SIGNALS:
        os.killpg(0, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                os.killpg(0, signal.SIGKILL)
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(supervise(int(sys.argv[1]), sys.argv[2:]))
