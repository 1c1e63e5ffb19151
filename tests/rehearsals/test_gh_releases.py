"""The job that creates the GitHub release: the steps of the publish workflow, with the `gh` of a rehearsal."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.rehearsal.gh.dispatch import main
from binoc_runbook.rehearsal.gh.program import write_program
from binoc_runbook.rehearsal.servers.github_api import GitHubRelease, GitHubServer, ReleaseAsset

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).parents[2]
SUMS = b"0000  demo-0.4.0.tar.gz\n"


class ReleaseJob:
    """The job `github-release` of the publish workflow of this repository, in a directory with its files."""

    def __init__(self, server, directory):
        self.server, self.directory = server, directory
        write_program(directory / "bin")
        self.prepare({"SHA256SUMS": SUMS, "verify-0.4.0.json": b"{}"})
        self.permissions = {"contents": "write"}
        self.version = {"PRERELEASE": "false", "LATEST": "true"}

    def prepare(self, assets):
        release = self.directory / "release"
        release.mkdir(exist_ok=True)
        for name, content in {"notes.md": b"The notes.\n", **assets}.items():
            (release / name).write_bytes(content)

    @property
    def digests(self):
        files = sorted((self.directory / "release").iterdir())
        return "\n".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files)

    @property
    def environment(self):
        return {
            **os.environ,
            **self.version,
            "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}",
            "GITHUB_API_URL": self.server.url,
            "GITHUB_REF_NAME": "v0.4.0",
            "GH_REPO": "example/demo",
            "GH_TOKEN": self.server.token(self.permissions),
            "RUNNER_TEMP": str(self.directory),
            "TITLE": "Demo 0.4.0",
        }

    def run(self):
        """Run the steps as GitHub does; return the first failed one, or the last one."""
        workflow = WorkflowFile.read(ROOT, ".github/workflows/publish.yml")
        (job,) = [job for job in workflow.jobs if job.id == "github-release"]
        environment = self.environment | {"DIGESTS": self.digests}
        for script in (step.text_at("run") for step in job.steps if step.get("run")):
            done = subprocess.run(
                ["bash", "-e", "-c", script],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            if done.returncode != 0:
                break
        return done

    @property
    def changes(self):
        return [entry.method for entry in self.server.log if entry.method != "GET"]

    @property
    def release(self):
        (release,) = self.server.releases
        return release


@pytest.fixture
def job(checkout, tmp_path):
    checkout.git("tag", "--annotate", "-m", "v0.4.0", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "refs/tags/v0.4.0", cwd=checkout.root)
    (tmp_path / "job").mkdir()
    with GitHubServer(checkout.remote, "example/demo") as server:
        server.settings.immutable_releases = True
        yield ReleaseJob(server, tmp_path / "job")
    assert server.mistakes == []


def draft(**change):
    values = {"number": 70, "tag": "v0.4.0", "name": "x", "body": "", "draft": True, "prerelease": False}
    return GitHubRelease(**values | change)


def test_release_is_published_with_its_assets_and_a_repeated_job_changes_nothing(job):
    assert job.run().returncode == 0
    release = job.release
    assert (release.draft, release.immutable, release.prerelease, release.name) == (False, True, False, "Demo 0.4.0")
    assert (release.body, job.server.latest) == ("The notes.\n", "v0.4.0")
    assert {asset.name: asset.content for asset in release.assets} == {"SHA256SUMS": SUMS, "verify-0.4.0.json": b"{}"}
    assert job.changes == ["POST", "POST", "POST", "PATCH"]
    job.prepare({})
    done = job.run()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "published, immutable: true")
    assert len(job.changes) == 4


def test_draft_is_completed(job):
    job.server.releases = [draft(assets=[ReleaseAsset(71, "SHA256SUMS", SUMS)])]
    job.version = {"PRERELEASE": "true", "LATEST": "false"}
    assert job.run().returncode == 0
    assert job.changes == ["POST", "PATCH"]
    assert (job.release.number, len(job.release.assets), job.server.latest) == (70, 2, None)


@pytest.mark.parametrize(
    "asset", [ReleaseAsset(71, "SHA256SUMS", SUMS, "starter"), ReleaseAsset(71, "other.txt", b"x")]
)
def test_draft_with_a_wrong_asset_is_not_published(job, asset):
    job.server.releases = [draft(assets=[asset])]
    done = job.run()
    assert (done.returncode, job.release.draft) == (1, True)
    assert "::error::" in done.stdout
    assert f"  {asset.name}" in done.stdout
    assert asset in job.release.assets


def test_published_release_with_another_asset_fails(job):
    job.server.releases = [draft(draft=False, immutable=True, assets=[ReleaseAsset(71, "SHA256SUMS", b"other")])]
    job.prepare({})
    (job.directory / "release/verify-0.4.0.json").unlink()
    done = job.run()
    assert (done.returncode, job.changes) == (1, [])
    assert "::error::" in done.stdout


def test_unavailable_github_is_not_a_missing_release(job):
    job.server.faults.down = True
    done = job.run()
    assert done.returncode == 1
    assert "503" in done.stdout
    assert job.changes == []


def test_token_that_cannot_write_is_refused(job):
    job.permissions = {"contents": "read"}
    done = job.run()
    assert (done.returncode, job.server.releases) == (1, [])
    assert "Resource not accessible by integration (HTTP 403)" in done.stdout + done.stderr


@pytest.fixture
def gh(job, monkeypatch, capfd):
    """A function that runs a command in this process, and returns its exit code and its error."""
    for name in ("GITHUB_API_URL", "GH_REPO", "GH_TOKEN"):
        monkeypatch.setenv(name, job.environment[name])
    return lambda *arguments: (main(arguments), capfd.readouterr().err.strip())


def test_missing_tag_is_refused(job, gh):
    options = ["--draft", "--verify-tag", "--title", "t", "--notes-file", "n", "--prerelease=false"]
    code, error = gh("release", "create", "v0.9.0", *options)
    assert (code, "v0.9.0 doesn't exist" in error, job.server.releases) == (1, True, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "upload", "v0.4.0", "release/SHA256SUMS", "--clobber"],
        ["release", "delete", "v0.4.0"],
        ["release", "edit", "v0.4.0", "--draft=false", "--latest=true", "--tag", "v1"],
        ["release", "edit", "v0.4.0", "--draft=false", "--latest="],
        ["release", "create", "v0.4.0", "release/SHA256SUMS"],
        ["api", "repos/example/demo/releases/1", "--method", "DELETE"],
        ["auth", "token"],
    ],
)
def test_other_commands_are_rejected_with_their_text(job, gh, arguments):
    code, error = gh(*arguments)
    assert (code, error.endswith(shlex.join(["gh", *arguments]))) == (1, True)
    assert job.server.log == []


def test_repository_must_be_named(job, gh, monkeypatch):
    monkeypatch.setenv("GH_REPO", "")
    code, error = gh("release", "view", "v0.4.0")
    assert (code, "not a git repository" in error, job.server.log) == (1, True, [])
