"""Limits and prompts of git: remotes that do not respond, signing that hangs, and programs that read the terminal."""

from __future__ import annotations

import os
import pty
import shlex
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from binoc_runbook.checks.observations import TIMED_OUT
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.stages import STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World, processes
from binoc_runbook.world import git as git_client
from binoc_runbook.world.git import Git

BY_NAME = {stage.name: stage for stage in STAGES}

#: The timeouts of a push and of a query in these tests, in seconds: a push of a few objects takes less than this.
PUSH, QUERY = 8, 4


@pytest.fixture
def here(checkout):
    return Git(checkout.root)


@pytest.fixture
def silent_server():
    """A server that accepts connections, but never responds; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"git://127.0.0.1:{server.getsockname()[1]}/demo"


@pytest.fixture
def target(checkout):
    """Return a function that opens the target of a release with short timeouts."""
    checkout.edit(
        "pyproject.toml",
        "[tool.binoc-runbook]\n",
        f"[tool.binoc-runbook]\npush-timeout = {PUSH}\nquery-timeout = {QUERY}\n",
    )
    checkout.commit("Short timeouts")
    return lambda: open_target(World.real(checkout.root, trusted=True), Version.parse("0.4.0"))


def script(path: Path, code: str) -> Path:
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(code)}")
    path.chmod(0o755)
    return path


def ends(pid: int) -> bool:
    """Wait until a process ends; a zombie has ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        if not done.stdout.strip() or done.stdout.strip().startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + 30
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return int(file.read_text())


class Lines(list):
    """A reporter that keeps the lines."""

    def line(self, text):
        self.append(text)

    def __getattr__(self, name):
        return lambda *arguments: None


def perform(target, reporter):
    """Run all stages of a release."""
    release = Release(target, reporter, target.world.runs, dry_run=False)
    for stage in STAGES:
        release.run(stage.name)


def test_remote_that_does_not_respond_is_unknown_and_waited_for_once(checkout, target, silent_server, monkeypatch):
    checkout.git("remote", "set-url", "origin", silent_server, cwd=checkout.root)
    monkeypatch.setattr(processes, "NOTICE", 0.5)
    opened, lines = target(), Lines()
    opened.world.show_waits(lines.line)
    assert BY_NAME["remote"].observe(opened).state == "unknown"
    assert any("git ls-remote origin" in line for line in lines)
    lines.clear()
    for name in ("remote", "push-branch", "tag", "push-tag"):
        assert BY_NAME[name].observe(opened).state == "unknown"
    assert not lines, "the remote was queried again"


def test_remote_is_queried_again_after_a_pause(checkout, here, silent_server, monkeypatch):
    checkout.git("remote", "set-url", "origin", silent_server, cwd=checkout.root)
    assert here.remote_refs("origin", timeout=1).refs is None
    checkout.git("remote", "set-url", "origin", str(checkout.remote), cwd=checkout.root)
    assert here.remote_refs("origin").refs is None
    monkeypatch.setattr(git_client, "PAUSE", 0.0)
    assert here.remote_refs("origin").refs is not None


@pytest.mark.parametrize("name", ["push-branch", "push-tag"])
def test_push_that_stalls_at_the_server_fails_and_the_remote_is_observed(checkout, target, tmp_path, name, monkeypatch):
    monkeypatch.setattr(processes, "NOTICE", 0.5)
    pids = tmp_path / "pid"
    wanted = "refs/heads/*" if name == "push-branch" else "refs/tags/*"
    hook = script(
        checkout.remote / "hooks/pre-receive",
        f"while read old new ref; do case $ref in {wanted}) echo $$ > {pids}; sleep 600;; esac; done\n",
    )
    opened, lines = target(), Lines()
    with pytest.raises(RefusedError) as error:
        perform(opened, lines)
    (finding,) = error.value.findings
    assert (finding.check, finding.status) == (name, "failed")
    assert finding.looked_at.startswith("git -c push.pushOption= ")
    assert any(" push --porcelain " in line for line in lines)
    assert ends(pid_in(pids)), "the hook is still running"
    assert "refs/tags/v0.4.0" not in checkout.remote_refs()
    # The same command finishes the release.
    hook.unlink()
    perform(target(), Lines())
    assert checkout.remote_refs()["refs/tags/v0.4.0^{}"] == checkout.head()


def test_dry_push_that_stalls_is_unknown(checkout, target, tmp_path):
    pids = tmp_path / "pid"
    program = script(tmp_path / "receive-pack", f"echo $$ > {pids}; sleep 600\n")
    checkout.git("config", "remote.origin.receivepack", str(program), cwd=checkout.root)
    assert BY_NAME["remote"].observe(target()).state == "unknown"
    assert ends(pid_in(pids))


def test_signing_that_hangs_fails(checkout, target, tmp_path):
    pids = tmp_path / "pid"
    program = script(tmp_path / "gpg", f"echo $$ > {pids}; sleep 600\n")
    checkout.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=checkout.root)
    for name, value in (("tag.gpgSign", "true"), ("gpg.program", str(program)), ("user.signingKey", "x")):
        checkout.git("config", name, value, cwd=checkout.root)
    opened = target()
    checkout.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=checkout.root)
    stage = BY_NAME["tag"]
    assert stage.observe(opened).state == "ready"
    (finding,) = stage.act(opened, lambda line: None)
    assert (finding.check, finding.status) == ("tag", "failed")
    assert ends(pid_in(pids))
    assert stage.observe(opened).state == "ready"


def test_action_ends_with_the_process_that_started_it(checkout, tmp_path):
    pids = tmp_path / "pid"
    script(checkout.remote / "hooks/pre-receive", f"echo $$ > {pids}; sleep 600\n")
    code = """
        import sys
        from pathlib import Path
        from binoc_runbook.world.git import Git
        Git(Path.cwd()).act(["git", "push", "origin", "HEAD:refs/heads/main"], timeout=600)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, cwd=checkout.root, start_new_session=True) as owner:
        pid = pid_in(pids)
        owner.kill()
    assert ends(pid)


# Prompts

#: A program in the place of ssh, which shows its options, prompts on the terminal, and then runs the remote command.
SSH = """
echo "$@" >> {calls}
if (: > /dev/tty) 2>/dev/null; then
    echo tty >> {calls}
    printf 'password: ' > /dev/tty
    read -r answer < /dev/tty && echo "typed $answer" >> {calls}
fi
for command; do :; done
exec sh -c "$command"
"""


@pytest.fixture
def over_ssh(checkout, tmp_path):
    """Use a program in the place of ssh for the remote; return it and the file with its calls."""
    calls = tmp_path / "calls"
    program = script(tmp_path / "ssh", SSH.format(calls=calls))
    checkout.git("remote", "set-url", "origin", f"host.invalid:{checkout.remote}", cwd=checkout.root)
    return program, calls


def in_terminal(code: str, directory: Path, typed: bytes, environment: dict[str, str]) -> str:
    """Run Python code in a new terminal; type something as soon as it prompts, and return its output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execve(sys.executable, [sys.executable, "-c", textwrap.dedent(code)], {**os.environ, **environment})
    output = b""
    while True:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux, after the end
            break
        if not read:
            break
        output += read
        if b"password: " in read:
            os.write(terminal, typed)
    os.close(terminal)
    os.waitpid(pid, 0)
    return output.decode()


QUERY_AND_PUSH = """
    from pathlib import Path
    from binoc_runbook.world.git import Git
    here = Git(Path.cwd())
    print("query", here.remote_refs("origin", timeout=60).refs is not None)
    print("push", here.act(["git", "push", "origin", "HEAD:refs/heads/main"], timeout=60).returncode)
    print("query", here.remote_refs("origin", timeout=60).refs is not None)
    print("typed at the end", input("password: "))
"""


def test_only_an_action_on_a_terminal_prompts(checkout, over_ssh):
    program, calls = over_ssh
    output = in_terminal(QUERY_AND_PUSH, checkout.root, b"secret\n", {"GIT_SSH_COMMAND": shlex.quote(str(program))})
    assert "push 0" in output
    assert output.count("query True") == 2
    assert "typed at the end secret" in output, "the terminal was not given back"
    lines = calls.read_text()
    assert lines.count("tty\n") == 1
    assert lines.count("typed secret\n") == 1
    assert [("-oBatchMode=yes" in line) for line in lines.splitlines() if "git-" in line] == [True, False, True]


def test_interruption_of_a_prompt_is_an_interruption(checkout, over_ssh):
    program, _ = over_ssh
    before = checkout.remote_refs()
    code = """
        from pathlib import Path
        from binoc_runbook.world.git import Git
        try:
            Git(Path.cwd()).act(["git", "push", "origin", "HEAD:refs/heads/main"], timeout=60)
        except KeyboardInterrupt:
            print("interrupted")
    """
    output = in_terminal(code, checkout.root, b"\x03", {"GIT_SSH_COMMAND": shlex.quote(str(program))})
    assert "interrupted" in output
    assert checkout.remote_refs() == before


def test_action_without_a_terminal_does_not_prompt(checkout, over_ssh):
    program, calls = over_ssh
    code = """
        from pathlib import Path
        from binoc_runbook.world.git import Git
        print(Git(Path.cwd()).act(["git", "push", "origin", "HEAD:refs/heads/main"], timeout=60).returncode)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {**os.environ, "GIT_SSH_COMMAND": shlex.quote(str(program))}
    done = subprocess.run(
        command, cwd=checkout.root, env=environment, start_new_session=True, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "0"
    assert "tty" not in calls.read_text()
    assert "-oBatchMode=yes" in calls.read_text()


@pytest.mark.parametrize(
    ("environment", "config", "batch"),
    [
        ({"GIT_SSH_COMMAND": "{ssh} -v"}, {}, True),
        ({"GIT_SSH_COMMAND": "{ssh}"}, {"core.sshCommand": "false"}, True),
        ({}, {"core.sshCommand": "{ssh}"}, True),
        ({"GIT_SSH": "{ssh}"}, {}, True),
        ({"GIT_SSH": "false"}, {"core.sshCommand": "{ssh}"}, True),
        ({"GIT_SSH_COMMAND": "{ssh}", "GIT_SSH_VARIANT": "simple"}, {}, False),
        ({}, {"core.sshCommand": "{ssh}", "ssh.variant": "plink"}, False),
        ({"GIT_SSH": "{plink}"}, {}, False),
        ({}, {"core.sshCommand": "{plink}"}, False),
    ],
)
def test_batch_mode_is_added_to_the_configured_openssh(checkout, over_ssh, tmp_path, environment, config, batch):
    program, calls = over_ssh
    plink = script(tmp_path / "plink", program.read_text().removeprefix("#!/bin/sh\n"))
    names = {"ssh": program, "plink": plink}
    for name, value in config.items():
        checkout.git("config", name, value.format(**names), cwd=checkout.root)
    here = Git(checkout.root, {name: value.format(**names) for name, value in environment.items()}, trusted=True)
    assert here.remote_refs("origin").refs is not None
    assert ("-oBatchMode=yes" in calls.read_text()) is batch


def test_no_program_can_prompt_for_a_password(checkout, here, tmp_path, monkeypatch):
    started = tmp_path / "started"
    program = script(tmp_path / "askpass", f"echo $@ >> {started}; echo secret\n")
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(program))
    checkout.git("config", "core.askPass", str(program), cwd=checkout.root)
    filled = here.run(["git", "credential", "fill"], stdin="protocol=https\nhost=host.invalid\n\n", timeout=60)
    assert filled.returncode not in (0, TIMED_OUT)
    assert not started.exists()
