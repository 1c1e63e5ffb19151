"""Processes: their results, their logs, and the end of their child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from binoc_runbook.checks.observations import TIMED_OUT
from binoc_runbook.world import processes
from binoc_runbook.world.processes import Processes, process_threads


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


@pytest.fixture
def here(tmp_path):
    return Processes(tmp_path)


def test_short_command_returns_exit_code_and_output(here):
    done = here.run(python("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)"))
    assert (done.returncode, done.stdout, done.reason) == (3, "out\n", "why")


def test_standard_input_is_passed(here):
    done = here.run(python("import sys; print(sys.stdin.read().upper())"), stdin="é\n")
    assert done.stdout.strip() == "É"


def test_given_directories_precede_path(tmp_path):
    program = tmp_path / "bin" / "papermill"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    assert Processes(tmp_path, first=(program.parent,)).run(["papermill"]).stdout == "mine\n"


def test_missing_program_has_exit_code_127(here):
    done = here.run(["no-such-program"])
    assert done.returncode == 127
    assert "`no-such-program`" in done.reason


def test_missing_long_command_has_exit_code_127(here, tmp_path):
    ended = here.watch(["no-such-program"], tmp_path / "log", lambda line: None)
    assert ended.returncode == 127
    assert "`no-such-program`" in ended.reason


def test_timeout_has_exit_code_124(here):
    done = here.run(python("import sys, time; print('why', file=sys.stderr); time.sleep(60)"), timeout=3)
    assert done.returncode == TIMED_OUT
    assert done.reason.endswith("why")


def test_tool_of_an_environment_that_is_not_activated_is_used(here, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert here.find("papermill") == str(Path(sys.executable).with_name("papermill"))


def test_lines_are_passed_on_immediately_and_logged(here, tmp_path):
    lines: list[tuple[float, str]] = []
    code = "import sys, time; print('one'); time.sleep(0.5); print('two', file=sys.stderr)"
    ended = here.watch(python(code), tmp_path / "logs/x.log", lambda line: lines.append((time.monotonic(), line)))
    assert [line for _, line in lines] == ["one", "two"]
    assert lines[1][0] - lines[0][0] > 0.3, "the first line was delayed"
    assert (tmp_path / "logs/x.log").read_text() == "one\ntwo\n"
    assert (ended.returncode, ended.tail) == (0, ("one", "two"))


def test_last_lines_are_kept_in_memory(here, tmp_path):
    ended = here.watch(python("for n in range(5000): print(n)"), tmp_path / "log", lambda line: None)
    assert ended.tail[-1] == "4999"
    assert len(ended.tail) < 100
    assert (tmp_path / "log").read_text().count("\n") == 5000


def test_colours_progress_bars_and_invalid_bytes_are_replaced(here, tmp_path):
    code = r"import sys; sys.stdout.buffer.write(b'\x1b[31mred\x1b[0m\n10%\r100%\n\xff\n')"
    ended = here.watch(python(code), tmp_path / "log", lambda line: None)
    assert ended.tail == ("red", "100%", "�")


def test_colour_variables_are_not_inherited(here, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = here.watch(python("import os; print(os.environ.get('FORCE_COLOR'))"), tmp_path / "log", lambda line: None)
    assert ended.tail == ("None",)


def test_standard_input_of_a_long_command_is_empty(here, tmp_path):
    ended = here.watch(python("import sys; print(repr(sys.stdin.read()))"), tmp_path / "log", lambda line: None)
    assert ended.tail == ("''",)


def test_interruption_ends_the_command_and_its_child_processes(here, tmp_path):
    code = """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.pid)
        child.wait()
    """
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        here.watch(python(code), tmp_path / "log", interrupt)
    deadline = time.monotonic() + 5
    while _is_running(pids[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(pids[0])


def test_interruption_during_the_start_ends_the_command(here, tmp_path):
    started = tmp_path / "started"
    for _ in range(30):  # the signal arrives at a different moment each time
        with pytest.raises(KeyboardInterrupt):
            here.watch(
                ["sh", "-c", f"echo $$ > {started}; kill -INT {os.getpid()}; exec sleep 60"],
                tmp_path / "log",
                lambda line: None,
            )
        assert not _is_running(int(started.read_text()))


def test_second_interruption_still_ends_the_command(here, tmp_path):
    pids: list[int] = []
    # The command ignores the first signal, and sends one to its parent.
    code = f"""
        import os, signal, time
        signal.signal(signal.SIGINT, lambda *_: os.kill({os.getpid()}, signal.SIGINT))
        print(os.getpid())
        while True:
            time.sleep(1)
    """

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        here.watch(python(code), tmp_path / "log", interrupt)
    assert not _is_running(pids[0])


def test_command_that_ignores_the_interruption_is_ended(here, tmp_path):
    code = """
        import os, signal, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print(os.getpid())
        time.sleep(60)
    """

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        here.watch(python(code), tmp_path / "log", interrupt)
    assert time.monotonic() - began < 15


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie does not run any more.
    ps = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not ps.stdout.strip().startswith("Z")


def test_withheld_variable_is_not_inherited_and_can_be_set(tmp_path, monkeypatch):
    monkeypatch.setenv("OF_THE_USER", "inherited")
    program = [sys.executable, "-c", "import os; print(os.environ.get('OF_THE_USER'))"]
    assert Processes(tmp_path).run(program).stdout.strip() == "inherited"
    withheld = Processes(tmp_path, withheld=lambda name: name == "OF_THE_USER")
    assert withheld.run(program).stdout.strip() == "None"
    withheld.environment = {"OF_THE_USER": "given"}
    assert withheld.run(program).stdout.strip() == "given"


#: Starts a child process, which ignores all signals that it can ignore, and writes to `heartbeat` until it is ended.
HEARTBEAT = """
import subprocess, sys
beat = '''
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    with open("heartbeat.new", "w") as file:
        file.write(f"{os.getpid()} {time.monotonic()}")
    os.replace("heartbeat.new", "heartbeat")
    time.sleep(0.05)
'''
subprocess.run([sys.executable, "-c", beat])
"""


def heart(directory):
    """Wait for the first heartbeat; return the process that writes it."""
    deadline = time.monotonic() + 30
    while not (directory / "heartbeat").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return int((directory / "heartbeat").read_text().split()[0])


def ends(pid):
    deadline = time.monotonic() + 30
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _is_running(pid)


def test_timeout_ends_child_processes(here, tmp_path):
    assert here.run(python(HEARTBEAT), timeout=3).returncode == TIMED_OUT
    assert ends(heart(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_long_command_and_its_child_processes_end_with_the_process_that_started_them(tmp_path, number):
    code = f"""
        from pathlib import Path
        from binoc_runbook.world.processes import Processes
        Processes(Path.cwd()).watch({python(HEARTBEAT)!r}, Path("log"), print)
    """
    owner = subprocess.Popen(python(code), cwd=tmp_path, start_new_session=True)
    pid = heart(tmp_path)
    assert _is_running(pid)
    owner.send_signal(number)
    owner.wait(30)
    assert ends(pid)
    last = (tmp_path / "heartbeat").read_text()
    time.sleep(0.3)
    assert (tmp_path / "heartbeat").read_text() == last


def test_exit_codes_of_a_supervised_command(here, tmp_path):
    assert here.watch(["sh", "-c", "exit 7"], tmp_path / "log", lambda line: None).returncode == 7
    assert here.watch(["sh", "-c", "kill -9 $$"], tmp_path / "log", lambda line: None).returncode == 128 + 9
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    assert here.watch([str(tmp_path / "text")], tmp_path / "log", lambda line: None).returncode == 126


def test_supervised_command_has_default_signals_and_no_other_descriptors(here, tmp_path):
    code = """
        import os, signal
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, int(signal.getsignal(signal.SIGTERM)))
        print(sorted(os.listdir("/dev/fd"))[:-1])
    """
    ended = here.watch(python(code), tmp_path / "log", lambda line: None)
    assert ended.tail == ("True 0", "['0', '1', '2']")
    ended = here.watch(["sh", "-c", "kill -PIPE $$"], tmp_path / "log", lambda line: None)
    assert ended.returncode == 128 + signal.SIGPIPE


def test_processes_have_their_own_session(here, tmp_path):
    code = "import os; print(os.getsid(0))"
    assert here.run(python(code)).stdout.strip() != str(os.getsid(0))
    assert here.watch(python(code), tmp_path / "log", lambda line: None).tail != (str(os.getsid(0)),)


def test_wait_is_reported(here, monkeypatch):
    monkeypatch.setattr(processes, "NOTICE", 0.1)
    lines: list[str] = []
    here.on_wait = lines.append
    assert here.run(["sleep", "1"], timeout=60).returncode == 0
    assert lines
    assert all("`sleep 1`" in line for line in lines)


def test_interruption_ends_processes_of_threads(here, tmp_path):
    def interrupted() -> None:
        with process_threads() as pool:
            pool.submit(here.run, python(HEARTBEAT))
            heart(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ends(heart(tmp_path))
