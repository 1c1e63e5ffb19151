"""The program `gh` of a rehearsal: only commands of the publish workflow, with the permissions of the job."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import zipfile

import pytest

from binoc_runbook.rehearsal.gh.program import write_program
from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.rehearsal.servers.served_run import ServedRun

SHA = "a" * 40
RUNS = f"repos/example/demo/actions/workflows/publish.yml/runs?event=push&branch=v1.0.0&head_sha={SHA}"
SELECT = '.artifacts[] | select(.name | test("^sums$|^demo.*[.]")) | [.id, .name, .digest, .expired] | @tsv'


class Setup:
    """A GitHub server with one run of the tag, and the program."""

    def __init__(self, directory, github, environment):
        self.directory, self.github = directory, github
        self.environment = {**environment, "GITHUB_API_URL": github.url, "HTTPS_PROXY": "http://127.0.0.1:9"}
        write_program(directory / "programs")
        self.run = github.runs[7] = ServedRun(7, "push", "v1.0.0", SHA, ".github/workflows/publish.yml")

    def add(self, name, content):
        files = self.directory / "files"
        files.mkdir(exist_ok=True)
        (files / "file").write_text(content)
        self.run.add_artifact(name, files, self.directory / "archives")

    def gh(self, *arguments, permissions=(("actions", "read"),), **more):
        token = {"GH_TOKEN": self.github.token(dict(permissions))} if permissions is not None else {}
        return subprocess.run(
            [self.directory / "programs/gh", *arguments],
            env={"PATH": "/usr/bin:/bin", **self.environment, **token, **more},
            capture_output=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def setup(tmp_path):
    authority = Authority()
    with GitHubServer(repository="example/demo", authority=authority) as github:
        yield Setup(tmp_path, github, authority.client_environment(tmp_path))
    assert github.mistakes == []


def test_files_of_a_run_are_listed_and_downloaded(setup):
    for name in ("demo.source", "sums", "release", "demo-extra.linux", "demo"):
        setup.add(name, name)
    setup.github.page = 2
    assert setup.gh("api", RUNS, "--jq", ".workflow_runs[0].id").stdout == b"7\n"
    path = "repos/example/demo/actions/runs/7/artifacts?per_page=100"
    done = setup.gh("api", "--paginate", path, "--jq", SELECT)
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [(name, expired) for _, name, _, expired in rows] == [
        ("demo-extra.linux", "false"),
        ("sums", "false"),
        ("demo.source", "false"),
    ]
    number, _, digest, _ = rows[0]
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    done = setup.gh("api", f"repos/example/demo/actions/artifacts/{number}/zip")
    with zipfile.ZipFile(io.BytesIO(done.stdout)) as archive:
        assert archive.read("file") == b"demo-extra.linux"


def test_later_attempt_adds_a_workflow_artifact_of_the_same_name(setup):
    setup.add("sums", "1")
    setup.add("sums", "2")
    done = setup.gh("api", "--paginate", "repos/example/demo/actions/runs/7/artifacts?per_page=100", "--jq", SELECT)
    assert [line.split("\t")[0] for line in done.stdout.decode().splitlines()] == ["7002", "7001"]


def test_missing_run_is_an_empty_line(setup):
    other = RUNS.replace("v1.0.0", "v2.0.0")
    done = setup.gh("api", other, "--jq", ".workflow_runs[0].id")
    assert (done.returncode, done.stdout) == (0, b"\n")


def test_expired_artifact_cannot_be_downloaded(setup):
    setup.add("sums", "1")
    setup.run.artifacts[0].expired = True
    done = setup.gh("api", "repos/example/demo/actions/artifacts/7001/zip")
    assert (done.returncode, done.stderr.strip()) == (1, b"gh: Artifact has expired (HTTP 410)")


def test_token_needs_the_permission_to_read_actions(setup):
    path = "repos/example/demo/actions/runs/7/artifacts?per_page=100"
    done = setup.gh("api", "--paginate", path, "--jq", SELECT, permissions=(("contents", "write"),))
    assert done.returncode == 1
    assert b"HTTP 403" in done.stderr
    assert b"Resource not accessible by integration" in done.stdout
    done = setup.gh("api", "--paginate", path, "--jq", SELECT, permissions=None)
    assert done.returncode == 4
    assert b"GH_TOKEN" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("pr", "create"),
        ("api", "repos/example/demo/actions/artifacts/1/zip", "--method", "DELETE"),
        ("api", RUNS),
        ("api", RUNS, "--jq", ".workflow_runs[1].id"),
        (),
    ],
)
def test_other_command_is_rejected_with_its_text(setup, arguments):
    done = setup.gh(*arguments)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.strip().decode().endswith(shlex.join(["gh", *arguments]))
    assert setup.github.log == []


def test_unreachable_server_is_an_error(setup):
    setup.github.faults.down = True
    done = setup.gh("api", RUNS, "--jq", ".workflow_runs[0].id")
    assert (done.returncode, b"HTTP 503" in done.stderr) == (1, True)
    done = setup.gh("api", RUNS, "--jq", ".workflow_runs[0].id", GITHUB_API_URL="http://127.0.0.1:9")
    assert (done.returncode, b"error connecting" in done.stderr) == (1, True)
