"""Processes: what they print is seen as it comes, and what they start does not outlive them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from binoc_runbook.world.processes import Processes


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


@pytest.fixture
def here(tmp_path):
    return Processes(tmp_path)


def test_a_short_command_answers_with_its_exit_code_and_what_it_printed(here):
    done = here.run(python("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)"))
    assert (done.returncode, done.stdout, done.reason) == (3, "out\n", "why")


def test_a_question_may_be_asked_on_standard_input(here):
    done = here.run(python("import sys; print(sys.stdin.read().upper())"), stdin="é\n")
    assert done.stdout.strip() == "É"


def test_programs_are_looked_for_in_the_given_directories_first(tmp_path):
    program = tmp_path / "bin" / "papermill"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    assert Processes(tmp_path, first=(program.parent,)).run(["papermill"]).stdout == "mine\n"


def test_a_program_that_is_not_there_is_an_answer_and_no_crash(here):
    done = here.run(["no-such-program"])
    assert done.returncode == 127
    assert "`no-such-program` was not found on PATH" in done.reason


def test_a_long_command_that_is_not_there_ends_with_the_same_code(here, tmp_path):
    ended = here.watch(["no-such-program"], tmp_path / "log", lambda line: None)
    assert (ended.returncode, ended.reason) == (127, "`no-such-program` was not found on PATH")


def test_a_command_that_does_not_end_is_given_up(here):
    done = here.run(python("import time; time.sleep(60)"), timeout=0.5)
    assert done.returncode == 124
    assert "no answer within" in done.reason


def test_a_tool_of_the_environment_is_found_although_it_is_not_activated(here, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert here.find("papermill") == str(Path(sys.executable).with_name("papermill"))


def test_lines_are_handed_on_as_they_come_and_all_of_them_are_in_the_log(here, tmp_path):
    seen: list[tuple[float, str]] = []
    code = "import sys, time; print('one'); time.sleep(0.5); print('two', file=sys.stderr)"
    ended = here.watch(python(code), tmp_path / "logs/x.log", lambda line: seen.append((time.monotonic(), line)))
    assert [line for _, line in seen] == ["one", "two"]
    assert seen[1][0] - seen[0][0] > 0.3, "the first line was held back"
    assert (tmp_path / "logs/x.log").read_text() == "one\ntwo\n"
    assert (ended.returncode, ended.tail) == (0, ("one", "two"))


def test_only_the_last_lines_are_kept_in_memory(here, tmp_path):
    ended = here.watch(python("for n in range(5000): print(n)"), tmp_path / "log", lambda line: None)
    assert ended.tail[-1] == "4999"
    assert len(ended.tail) < 100
    assert (tmp_path / "log").read_text().count("\n") == 5000


def test_colours_progress_bars_and_broken_bytes_become_plain_lines(here, tmp_path):
    code = r"import sys; sys.stdout.buffer.write(b'\x1b[31mred\x1b[0m\n10%\r100%\n\xff\n')"
    ended = here.watch(python(code), tmp_path / "log", lambda line: None)
    assert ended.tail == ("red", "100%", "�")


def test_a_child_is_not_told_to_colour_what_goes_into_a_log(here, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = here.watch(python("import os; print(os.environ.get('FORCE_COLOR'))"), tmp_path / "log", lambda line: None)
    assert ended.tail == ("None",)


def test_a_child_that_waits_for_input_is_told_at_once_that_there_is_none(here, tmp_path):
    ended = here.watch(python("import sys; print(repr(sys.stdin.read()))"), tmp_path / "log", lambda line: None)
    assert ended.tail == ("''",)


def test_an_interruption_ends_the_command_and_all_that_it_started(here, tmp_path):
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


def test_an_interruption_while_the_command_is_being_started_leaves_nothing_behind(here, tmp_path):
    started = tmp_path / "started"
    for _ in range(30):  # it is a matter of luck where exactly each arrives
        with pytest.raises(KeyboardInterrupt):
            here.watch(
                ["sh", "-c", f"echo $$ > {started}; kill -INT $PPID; exec sleep 60"],
                tmp_path / "log",
                lambda line: None,
            )
        assert not _is_running(int(started.read_text()))


def test_a_second_interruption_does_not_save_the_command(here, tmp_path):
    pids: list[int] = []
    # It lives on after the first signal, and answers it with one to whoever waits for its end.
    code = """
        import os, signal, time
        signal.signal(signal.SIGINT, lambda *_: os.kill(os.getppid(), signal.SIGINT))
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


def test_a_child_that_ignores_the_interruption_is_ended_all_the_same(here, tmp_path):
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
    # A zombie whose parent has not asked yet is no longer running.
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not told.stdout.strip().startswith("Z")


def test_a_withheld_variable_is_not_inherited_and_can_still_be_given(tmp_path, monkeypatch):
    monkeypatch.setenv("OF_THE_USER", "inherited")
    program = [sys.executable, "-c", "import os; print(os.environ.get('OF_THE_USER'))"]
    assert Processes(tmp_path).run(program).stdout.strip() == "inherited"
    withheld = Processes(tmp_path, withheld=lambda name: name == "OF_THE_USER")
    assert withheld.run(program).stdout.strip() == "None"
    withheld.environment = {"OF_THE_USER": "given"}
    assert withheld.run(program).stdout.strip() == "given"
