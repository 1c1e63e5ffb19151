"""Completion scripts, in real shells on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import termios
import time

import pytest

from binoc_runbook.cli import main

#: How each shell is started without the configuration of the user, and how it loads the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(cat {})"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(cat {})"'),
    "fish": (["fish", "--no-config", "-i"], "cat {} | source"),
}

#: Typed lines, and the arguments of the command that the shell then starts.
TYPED = {
    "binoc-runbook insp\t": "inspect",
    "binoc-runbook release 0.4.0 --dr\t": "release 0.4.0 --dry-run",
    "binoc-runbook -q check-t\t": "-q check-tag",
    "binoc-runbook -q check --stri\t": "-q check --strict",
    "binoc-runbook adr --ro\t": "adr --root",
    "binoc-runbook rehearse --fault diverged\t": "rehearse --fault diverged-branch",
    "binoc-runbook help set-v\t": "help set-version",
    "binoc-runbook completion f\t": "completion fish",
    "binoc-runbook check --dists buil\t": "check --dists built-files",
    "binoc-runbook -C buil\t": "-C built-files",
}


class Terminal:
    """A shell on a terminal."""

    def __init__(self, command, directory):
        self._main, child = pty.openpty()
        environment = {
            **os.environ,
            "TERM": "xterm",
            "HOME": str(directory),
            "PATH": f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            # fish needs a controlling terminal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(child)

    def type(self, line, end):
        """Type a line and return what the shell prints until a pattern."""
        os.write(self._main, f"{line}\n".encode())
        text, limit = "", time.monotonic() + 30
        while time.monotonic() < limit and not re.search(end, text):
            if select.select([self._main], [], [], 1)[0]:
                text += os.read(self._main, 65536).decode("utf-8", "replace")
        return text

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._main)


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_completes_commands_options_values_and_directories(shell, tmp_path, capsys):
    if not shutil.which(shell) and shell != "bash":
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "built-files").mkdir()
    program = tmp_path / "bin/binoc-runbook"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "<$*>"\n')
    program.chmod(0o755)
    command, load = SHELLS[shell]
    terminal = Terminal(command, tmp_path)
    try:
        terminal.type(f"{load.format(shlex.quote(str(script)))}; echo 'rea''dy'", "ready\r")
        completed = {}
        for line in TYPED:
            printed = terminal.type(line, r"<[^<>\x1b]*>\r")
            completed[line] = printed.rpartition("<")[2].partition(">")[0].rstrip("/")
    finally:
        terminal.close()
    assert completed == TYPED
