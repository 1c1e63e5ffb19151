"""Tests of the release notebook: real commands in a small workspace with a real remote."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.site.releases.record_files import read_releases
from binoc_runbook.stages import STAGES
from binoc_runbook.world.triggered_run import JobRun

from ..pages.reading import COMMANDS, first_difference

pytestmark = pytest.mark.rehearsal

RUNBOOK = Path(__file__).parents[2] / "runbooks/release.ipynb"
BIN = Path(sys.executable).parent
NAMES = [stage.name for stage in STAGES]


@pytest.fixture
def armed(checkout):
    """The small workspace with the release runbook."""
    (checkout.root / "runbooks").mkdir()
    shutil.copy(RUNBOOK, checkout.root / "runbooks")
    checkout.commit("Add the runbook")
    return checkout


@pytest.fixture
def environment(local_registries):
    """The environment without the variables of pytest, with empty registries."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}


@pytest.fixture
def type_in(armed, environment):
    """A function that runs a command in the checkout without a terminal."""

    def run(program: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / program, *arguments],
            cwd=armed.root,
            env=environment,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def outputs(notebook: dict) -> str:
    return "\n".join(
        "".join(output.get("data", {}).get("text/plain", []) or output.get("text", []))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    )


def test_short_command_with_redirected_output_prints_the_record_of_a_dry_run(type_in, armed, tmp_path):
    before = armed.remote_refs()
    done = type_in("papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0")
    assert done.returncode == 0, done.stderr
    notebook = json.loads(done.stdout)
    for name in NAMES:
        assert f". {name}: " in outputs(notebook)
    assert armed.remote_refs() == before
    assert str(tmp_path) not in done.stdout
    assert json.loads((armed.root / "runs/0.4.0.json").read_text())["outcome"] == "dry run"


def test_short_command_on_a_terminal_writes_its_record_to_runs(armed, environment):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [BIN / "papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0"],
        cwd=armed.root,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    output = b""
    while True:
        try:
            chunk = os.read(controller, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    assert process.wait(timeout=60) == 0, output.decode()
    record = json.loads((armed.root / "runs/0.4.0.ipynb").read_text())
    for name in NAMES:
        assert f". {name}: " in outputs(record)
    assert "push-tag" in output.decode()


def test_second_real_release_changes_nothing(type_in, armed):
    parameters = ("-p", "version", "0.4.0", "-p", "dry_run", "False")
    command = ("papermill", "runbooks/release.ipynb", "runs/0.4.0.ipynb", *parameters)
    first = type_in(*command)
    assert first.returncode == 0, first.stderr
    refs = armed.remote_refs()
    assert refs["refs/tags/v0.4.0^{}"] == refs["refs/heads/main"] == armed.head()
    filed = sorted(path.name for path in (armed.root / "docs/releases").iterdir())
    assert filed == ["0.4.0.ipynb", "0.4.0.json"]
    (listed,), findings = read_releases(armed.root / "docs/releases")
    assert not findings  # the site lists it without a warning
    assert (listed.commit, listed.has_page, list(listed.stages)) == (armed.head(), True, NAMES)

    again = type_in(*command)
    assert again.returncode == 0, again.stderr
    assert armed.remote_refs() == refs


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (["-p", "verison", "0.4.0"], "-p verison"),
        (["-p", "version", "0.4"], "version '0.4'"),
        (["-p", "version", "v0.4.0"], "type `0.4.0`"),
        (["-p", "version", "0.4.0rc1"], "type `0.4.0-rc.1`"),
        (["-p", "version", "0.4.0-1"], "`0.4.0.post1`"),
        (["-p", "version", ""], "version ''"),
        (["-p", "version", "0.4.0", "-p", "dry_run", "no"], "-p dry_run"),
        (["-p", "version", "0.4.0", "-p", "world", "rehearsal", "-p", "remote", "origin"], "-p remote"),
        (["-p", "dry_run", "False"], "-p version"),
    ],
)
def test_invalid_parameter_is_refused_with_a_finding_at_the_end(type_in, armed, arguments, last):
    before = armed.remote_refs()
    done = type_in("papermill", "runbooks/release.ipynb", *arguments)
    assert done.returncode == 1
    assert last in "\n".join(done.stderr.strip().splitlines()[-6:])
    assert armed.remote_refs() == before


def test_failed_test_command_is_reported_with_its_last_output_and_no_traceback(type_in, armed):
    armed.edit("pyproject.toml", '["git", "--version"]', '["git", "no-such-command"]')
    armed.commit()
    done = type_in("papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0")
    assert done.returncode == 1
    assert "is not a git command" in done.stderr
    assert "refused: `tests`" in "\n".join(done.stderr.strip().splitlines()[-4:])
    assert "stages/tests.py" not in done.stderr


def test_lines_of_the_test_command_are_printed_once(type_in, armed):
    armed.edit("pyproject.toml", '["git", "--version"]', '["git", "log", "--format=line %s"]')
    armed.commit()
    for option in ([], ["--log-output"]):
        done = type_in("papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0", "-p", "retest", "True", *option)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("line Add the runbook") == 1
        assert "line Add the runbook" not in done.stdout
        assert "line Add the runbook" in (armed.root / "runs/0.4.0/tests.log").read_text()


def test_command_with_yes_performs_the_release(type_in, armed):
    done = type_in("binoc-runbook", "release", "0.4.0", "--yes")
    assert done.returncode == 0, done.stderr
    assert armed.remote_refs()["refs/tags/v0.4.0^{}"] == armed.head()
    assert "Traceback" not in done.stderr


def test_record_of_a_release_is_filed_although_its_workflow_run_failed(type_in, armed, environment):
    run = ServedRun(7, "push", "v0.4.0", armed.head(), ".github/workflows/publish.yml")
    for name, state in (("Build", "success"), ("Publish demo", "failure")):
        run.job_ended(JobRun(name, name, 0, state))
    run.completed = True
    with GitHubServer(repository="example/demo") as github:
        github.runs[7] = run
        environment |= {"GITHUB_API_URL": github.url, "GH_TOKEN": github.token({"actions": "read"})}
        done = type_in("binoc-runbook", "release", "0.4.0", "--yes", "--wait")
    assert done.returncode == 1
    assert "✗ Publish demo: failed" in done.stderr
    assert done.stderr.count("gh run rerun 7 --failed") == 1
    assert "publication failed" in "\n".join(done.stderr.splitlines()[-4:])
    assert environment["GH_TOKEN"] not in done.stderr
    (listed,), findings = read_releases(armed.root / "docs/releases")
    assert not findings
    assert (listed.commit, listed.has_page) == (armed.head(), True)
    record = json.loads((armed.root / "docs/releases/0.4.0.json").read_text())
    assert (record["workflow_run"]["id"], record["workflow_run"]["conclusion"]) == (7, "failure")


def test_command_without_a_terminal_does_not_release(type_in, armed):
    before = armed.remote_refs()
    done = type_in("binoc-runbook", "release", "0.4.0")
    assert done.returncode == 1
    assert "./just release 0.4.0 --yes" in done.stderr
    assert armed.remote_refs() == before


@pytest.mark.parametrize(("typed", "released"), [("0.4.0", True), ("0.4", False), ("", False)])
def test_command_prompts_for_the_version_once(armed, environment, typed, released):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [BIN / "binoc-runbook", "release", "0.4.0"],
        cwd=armed.root,
        env=environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    os.write(controller, f"{typed}\n".encode())
    output, _ = process.communicate(timeout=120)
    os.close(controller)
    os.close(terminal)
    assert process.returncode == (0 if released else 1), output
    assert output.count("type 0.4.0") == 1
    assert ("refs/tags/v0.4.0" in armed.remote_refs()) is released


def output_on_pages() -> list[str]:
    """Return the outputs of rehearsals on the pages, without the jobs and files of our own workflow."""
    ours = r"\d\. tests: |    \$ just |      runs the tests|Source |[✓-] .+: (passed|not run)|  (artifact|binoc)"
    texts = {entry.output for entry in COMMANDS if " rehearse" in entry.line and "--quick" not in entry.line}
    return [re.sub(rf"(?m)^({ours}).*$", "...", text) for text in texts if text]


def test_rehearsal_prints_the_output_of_the_pages_and_changes_no_repository(demo, rehearse):
    (demo.root / "runbooks").mkdir()
    shutil.copy(RUNBOOK, demo.root / "runbooks")
    demo.git("add", "--all", cwd=demo.root)
    demo.git("commit", "--quiet", "-m", "Add the runbook", cwd=demo.root)
    before = demo.git("for-each-ref", cwd=demo.bare)
    process = rehearse()
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    assert "refs/tags/v0.4.0" in output
    assert "runs/rehearsal-0.4.0.ipynb" in output
    assert [line for text in output_on_pages() if (line := first_difference(text, output))] == [], output
    assert demo.git("for-each-ref", cwd=demo.bare) == before
    assert demo.git("status", "--porcelain", cwd=demo.root) == ""


def test_refusal_is_printed_once_and_without_a_traceback(type_in, armed):
    armed.edit("CHANGELOG.md", "Everything", "All")
    done = type_in("binoc-runbook", "release", "0.4.0", "--yes")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("refused: `tree`") == 1
    assert done.stderr.count("`CHANGELOG.md`") == 1


def test_nbmake_runs_the_runbook_in_a_shallow_detached_clone(armed, environment, tmp_path):
    clone = tmp_path / "shallow"
    armed.git("clone", "--quiet", "--depth=1", armed.root.as_uri(), str(clone))
    armed.git("switch", "--quiet", "--detach", cwd=clone)
    done = subprocess.run(
        [BIN / "python", "-m", "pytest", "-p", "no:cacheprovider", "--nbmake", "runbooks"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_only_the_rehearsal_world_is_allowed_in_tests(armed, environment):
    done = subprocess.run(
        [BIN / "papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0", "-p", "dry_run", "False"],
        cwd=armed.root,
        env=environment | {"PYTEST_CURRENT_TEST": "some test"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert "-p world rehearsal" in done.stderr
    assert "refs/tags/v0.4.0" not in armed.remote_refs()


def test_workspace_without_a_runbook_is_rehearsed_with_ours(demo, environment, tmp_path):
    done = subprocess.run(
        [BIN / "binoc-runbook", "rehearse", "0.4.0", "--root", demo.root],
        cwd=tmp_path,
        env=environment | {"LC_DEMO_CHECK": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((demo.root / "runs/rehearsal-0.4.0.json").read_text())["outcome"] == "released"
    assert (demo.root / "runs/rehearsal-0.4.0.ipynb").is_file()


def test_records_are_not_collected_as_tests(armed, environment):
    for directory in ("runs", "docs/releases"):
        (armed.root / directory).mkdir(parents=True)
        shutil.copy(RUNBOOK, armed.root / directory / "0.4.0.ipynb")
    shutil.copy(RUNBOOK.parents[1] / "pyproject.toml", armed.root)
    done = subprocess.run(
        [BIN / "python", "-m", "pytest", "--nbmake", "--collect-only", "-q", "."],
        cwd=armed.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "runbooks/release.ipynb" in done.stdout
    assert "0.4.0.ipynb" not in done.stdout


#: The arguments of each program that performs a real release.
RELEASE = {
    "papermill": ["runbooks/release.ipynb", "-p", "version", "0.4.0", "-p", "dry_run", "False"],
    "binoc-runbook": ["release", "0.4.0", "--yes"],
}


def start_release(program, root, environment):
    """Start a real release in its own session, with its output in pipes."""
    return subprocess.Popen(
        [BIN / program, *RELEASE[program]],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("program", ["papermill", "binoc-runbook"])
def test_ctrl_c_ends_the_test_command(armed, environment, program, tmp_path):
    started = tmp_path / "started"
    command = f"echo $$ > {started}; sleep 60"
    armed.edit("pyproject.toml", '["git", "--version"]', json.dumps(["sh", "-c", command]))
    armed.commit()
    before = armed.remote_refs()
    process = start_release(program, armed.root, environment)
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted in `tests`" in errors
    assert "this run pushed nothing and tagged nothing" in errors
    assert "Traceback" not in errors
    assert not Path(f"/proc/{started.read_text().strip()}").exists()
    assert armed.remote_refs() == before


def parent(pid):
    return int(re.search(r"(?m)^PPid:\s*(\d+)$", Path(f"/proc/{pid}/status").read_text())[1])


@pytest.mark.parametrize("killed", ["papermill", "kernel"])
def test_killed_release_ends_the_test_command(armed, environment, killed, tmp_path):
    started = tmp_path / "started"
    command = f"trap '' INT TERM; sleep 600 & echo $$ $! > {started}.new; mv {started}.new {started}; wait"
    armed.edit("pyproject.toml", '["git", "--version"]', json.dumps(["sh", "-c", command]))
    armed.commit()
    with subprocess.Popen(
        [BIN / "papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0", "-p", "dry_run", "False"],
        cwd=armed.root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        command_and_child = [int(pid) for pid in started.read_text().split()]
        # The parent of the command is its supervisor, whose parent is the kernel.
        os.kill(process.pid if killed == "papermill" else parent(parent(command_and_child[0])), signal.SIGKILL)
        running = command_and_child
        while running and time.monotonic() < deadline:
            time.sleep(0.05)
            running = [pid for pid in command_and_child if is_running(pid)]
        assert running == []


def is_running(pid):
    try:
        return not re.search(r"(?m)^State:\s*Z", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("program", ["papermill", "binoc-runbook"])
def test_ctrl_c_at_the_start_of_the_release_is_reported(armed, environment, program, tmp_path):
    # A slow `git` gives time for the interruption.
    started = tmp_path / "started"
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    slow = f'[ -z "$JPY_PARENT_PID" ] || {{ touch {started}; sleep 5; }}'
    git.write_text(f'#!/bin/sh\n{slow}\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    slow_git = {"PATH": f"{git.parent}{os.pathsep}{environment['PATH']}"}
    process = start_release(program, armed.root, environment | slow_git)
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "this run pushed nothing and tagged nothing" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("program", ["papermill", "binoc-runbook"])
def test_release_does_not_start_without_a_place_for_its_record(type_in, armed, program):
    (armed.root / "runs").touch()
    before = armed.remote_refs()
    done = type_in(program, *RELEASE[program])
    assert done.returncode == 1
    assert "failed: release: runs" in done.stderr
    assert "mv runs runs.old" in done.stderr
    assert "Traceback" not in done.stderr
    assert armed.remote_refs() == before
