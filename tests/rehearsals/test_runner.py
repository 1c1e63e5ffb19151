"""Tests of the workflow runner, with real clients and local registries."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from binoc_runbook.checks.attestation import statement_of
from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.runner import Repository, Runner, RunnerHost, WorkflowRun
from binoc_runbook.rehearsal.runner.failure_diagnosis import FailedJob, diagnose
from binoc_runbook.rehearsal.servers.trusted_publishers import Publisher
from binoc_runbook.world.github import GitHubClient
from binoc_runbook.world.triggered_run import JobRun

pytestmark = pytest.mark.rehearsal

PYPI = Publisher("example/demo", 7, "publish.yml", "pypi-demo")
CRATES_IO = Publisher("example/demo", 7, "publish.yml", "crates-io")

#: A program that writes a wheel and an sdist, like a build.
MAKE = """\
import base64, hashlib, io, pathlib, tarfile, zipfile
dist = pathlib.Path("dist")
dist.mkdir()
metadata = "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0.0\\n"
wheel = "Wheel-Version: 1.0\\nGenerator: make\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
files = {"demo.py": "\\n", "demo-1.0.0.dist-info/METADATA": metadata, "demo-1.0.0.dist-info/WHEEL": wheel}
def row(name, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(text)}\\n"
rows = [row(*file) for file in files.items()]
files["demo-1.0.0.dist-info/RECORD"] = "".join([*rows, "demo-1.0.0.dist-info/RECORD,,\\n"])
with zipfile.ZipFile(dist / "demo-1.0.0-py3-none-any.whl", "w") as archive:
    for name, text in files.items():
        archive.writestr(zipfile.ZipInfo(name), text)
with tarfile.open(dist / "demo-1.0.0.tar.gz", "w:gz") as archive:
    entry = tarfile.TarInfo("demo-1.0.0/PKG-INFO")
    entry.size = len(metadata)
    archive.addfile(entry, io.BytesIO(metadata.encode()))
print("made dist")
"""

PUBLISH = """\
name: publish
on:
  push:
    tags: ["v*"]
  workflow_dispatch:
    inputs:
      artifact:
        type: choice
        options: [all, demo, demo-sdk]
permissions: {}
jobs:
  build:
    name: Build
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    outputs:
      version: ${{ steps.make.outputs.version }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.13"
      - id: make
        run: |
          python make.py
          echo "version=1.0.0" >> "$GITHUB_OUTPUT"
      - uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1
        with:
          name: demo.sdist
          path: dist/demo-*.tar.gz
          if-no-files-found: error
      - uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1
        with:
          name: demo.wheel
          path: dist/demo-*.whl
          if-no-files-found: error
  publish-demo:
    name: Publish demo
    needs: [build]
    if: startsWith(github.ref, 'refs/tags/v') && (github.event_name == 'push' || inputs.artifact != 'demo-sdk')
    runs-on: ubuntu-24.04
    environment: pypi-demo
    permissions:
      id-token: write
    steps:
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          pattern: demo.*
          path: dist
          merge-multiple: true
      - uses: astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1
        with:
          version: "0.0.1"
      - run: uv publish --trusted-publishing always
  publish-demo-sdk:
    name: Publish demo-sdk
    needs: [build]
    if: startsWith(github.ref, 'refs/tags/v') && (github.event_name == 'push' || inputs.artifact != 'demo')
    runs-on: ubuntu-24.04
    environment:
      name: crates-io
    permissions:
      id-token: write
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: auth
        uses: rust-lang/crates-io-auth-action@c6f97d42243bad5fab37ca0427f495c86d5b1a18 # v1.0.5
      - run: cargo publish -p demo-sdk --locked --no-verify
        env:
          CARGO_REGISTRY_TOKEN: ${{ steps.auth.outputs.token }}
  afterwards:
    needs: [publish-demo, publish-demo-sdk, build]
    runs-on: ubuntu-24.04
    steps:
      - run: echo "published ${{ needs.build.outputs.version }}, ${{ needs.publish-demo.result }}"
"""

CRATE = {
    "Cargo.toml": '[package]\nname = "demo-sdk"\nversion = "1.0.0"\nedition = "2021"\n'
    'description = "Nothing."\nlicense = "MIT"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "demo-sdk"\nversion = "1.0.0"\n',
    "src/lib.rs": "",
    # No host has this toolchain. If it were used, the commands of cargo would fail.
    "rust-toolchain.toml": '[toolchain]\nchannel = "1.10.0"\n',
    "make.py": MAKE,
    ".gitignore": "/dist/\n/target/\n",
}


@dataclass
class Rehearsed:
    """A repository, its bare remote, the registries and the runner, with the lines that it has printed."""

    root: Path
    bare: Path
    registries: Registries
    runner: Runner
    git: Callable[..., str]
    lines: list[str] = field(default_factory=list)

    def commit(self, workflow: str) -> None:
        path = self.root / ".github/workflows/publish.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(workflow)
        self.git("add", "--all", cwd=self.root)
        self.git("commit", "--quiet", "-m", "A workflow", cwd=self.root)
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=self.root)

    def tag(self, workflow: str, name: str = "v1.0.0") -> str:
        self.commit(workflow)
        self.git("tag", "--annotate", "-m", "A release", name, cwd=self.root)
        self.git("push", "--quiet", "origin", f"refs/tags/{name}", cwd=self.root)
        return f"refs/tags/{name}"

    def push(self, workflow: str) -> WorkflowRun:
        run = self.runner.push(self.tag(workflow))
        assert run is not None
        return run

    def register(self) -> None:
        self.registries.index.add_project("demo", PYPI)
        self.registries.crates.add_crate("demo-sdk", CRATES_IO, trustpub_only=True)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def rehearsed(tmp_path: Path, git: Callable[..., str]) -> Iterator[Rehearsed]:
    root, bare = tmp_path / "demo", tmp_path / "remote.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git("init", "--quiet", "--initial-branch=main", str(root))
    git("remote", "add", "origin", str(bare), cwd=root)
    for path, text in CRATE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    lines: list[str] = []
    with open_registries(tmp_path / "clients") as registries:
        # Clients do not retry, so that faults are reported at once.
        environment = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0", "CARGO_TARGET_DIR": str(tmp_path / "target")}
        repository = Repository(bare, "example/demo", 7, "publish.yml")
        runner = Runner(repository, RunnerHost(registries, environment, lines.append), tmp_path / "runs")
        yield Rehearsed(root, bare, registries, runner, git, lines)
    assert registries.mistakes == []
    files = subprocess.run(
        ["grep", "-rlE", "pypi-[A-Za-z0-9_-]{40}|cio_tp_", str(tmp_path / "runs")], capture_output=True
    )
    assert files.stdout == b"", "a file contains a token"
    assert not re.search(r"pypi-[\w-]{40}|cio_tp_|add-mask", "\n".join(lines))


def states(run: WorkflowRun) -> dict[str, str]:
    return {job.name: job.state for job in run.jobs}


def one(run: WorkflowRun, name: str) -> JobRun:
    (job,) = [job for job in run.jobs if name in (job.id, job.name)]
    return job


def diagnosis(text: str, environment: str = "pypi-demo") -> tuple[str, str]:
    """Return the meaning and the remedy of an error text, for a job of `PUBLISH`."""
    known = diagnose([text], FailedJob("example", "demo", "publish.yml", environment, "1.0.0"))
    assert known is not None
    return known


def result(run: WorkflowRun, name: str) -> tuple[str, str]:
    finding = one(run, name).finding
    assert finding is not None
    return finding.saw, finding.remedy


def small(steps: str, *, job: str = "", more: str = "") -> str:
    """Return a workflow with a job of these steps, and more jobs."""
    lines = "\n".join(f"      {line}" for line in steps.strip("\n").splitlines())
    extra = "\n".join(f"    {line}" for line in job.strip("\n").splitlines())
    text = f"name: small\non: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n{extra}\n    steps:\n{lines}\n{more}"
    return re.sub(r"\n+", "\n", text)


# A complete release


def test_tag_is_published_by_the_commands_of_the_workflow(rehearsed):
    rehearsed.register()
    run = rehearsed.push(PUBLISH)
    assert set(states(run).values()) == {"success"}, rehearsed.output
    assert list(states(run)) == ["Build", "Publish demo", "Publish demo-sdk", "afterwards"]
    assert set(rehearsed.registries.index.files("demo")) == {"demo-1.0.0.tar.gz", "demo-1.0.0-py3-none-any.whl"}
    assert set(rehearsed.registries.crates.versions("demo-sdk")) == {"1.0.0"}
    assert one(run, "afterwards").steps[0].lines == ("published 1.0.0, success",)
    assert one(run, "build").outputs == {"version": "1.0.0"}
    assert "0.0.1" in rehearsed.output
    assert "Rust 1.10.0" in rehearsed.output
    # The token of cargo was revoked, and no job can request another.
    assert [entry.status for entry in rehearsed.registries.crates.log if entry.method == "DELETE"] == [204]
    assert rehearsed.registries.identity._request_tokens._values == {}


def test_only_the_failed_job_runs_again_after_the_publisher_is_corrected(rehearsed):
    rehearsed.register()
    (project,) = rehearsed.registries.index.projects.values()
    project.publishers[:] = [dataclasses.replace(PYPI, environment="pypi-other")]
    run = rehearsed.push(PUBLISH)
    assert states(run) == {
        "Build": "success",
        "Publish demo": "failure",
        "Publish demo-sdk": "success",
        "afterwards": "skipped",
    }
    job = one(run, "publish-demo")
    assert [step.code for step in job.steps] == [None, None, 2]
    assert result(run, "publish-demo") == diagnosis("invalid-publisher")
    for value in ("`example`", "`demo`", "`publish.yml`", "`pypi-demo`", "Re-run failed jobs"):
        assert value in job.finding.remedy
    assert [job.finding.status for job in run.jobs if job.finding] == ["failed"]

    project.publishers[:] = [PYPI]
    again = rehearsed.runner.rerun_failed(run)
    assert set(states(again).values()) == {"success"}, rehearsed.output
    assert (again.id, again.attempt) == (run.id, 2)
    assert one(again, "build") is one(run, "build")
    assert one(again, "publish-demo-sdk") is one(run, "publish-demo-sdk")
    assert len(rehearsed.registries.index.files("demo")) == 2


def test_rerun_completes_an_upload_that_failed_after_storing(rehearsed):
    rehearsed.register()
    rehearsed.registries.index.faults.errors_after_storing = 1
    run = rehearsed.push(PUBLISH)
    assert one(run, "publish-demo").finding.remedy == '"Re-run failed jobs"'
    stored = {name: file.sha256 for name, file in rehearsed.registries.index.files("demo").items()}
    assert len(stored) == 1
    again = rehearsed.runner.rerun_failed(run)
    assert again.passed, rehearsed.output
    complete = {name: file.sha256 for name, file in rehearsed.registries.index.files("demo").items()}
    assert len(complete) == 2
    assert stored.items() <= complete.items()


def test_errors_of_the_registries_are_distinguished(rehearsed):
    rehearsed.registries.index.add_project("demo", PYPI)
    rehearsed.registries.index.faults.down = True
    run = rehearsed.push(PUBLISH)
    assert result(run, "publish-demo") == diagnosis("503 Service Unavailable")
    assert result(run, "publish-demo-sdk") == diagnosis("invalid-publisher", "crates-io")

    rehearsed.registries.index.faults.down = False
    rehearsed.registries.crates.add_crate("unrelated", CRATES_IO)
    run = rehearsed.runner.rerun_failed(run)
    assert one(run, "publish-demo").state == "success"
    assert result(run, "publish-demo-sdk") == diagnosis("do not support creating new crates", "crates-io")

    crate = rehearsed.registries.crates.add_crate("demo-sdk", dataclasses.replace(CRATES_IO, environment="x"))
    rehearsed.registries.crates.crates.pop("unrelated")
    run = rehearsed.runner.rerun_failed(run)
    assert "environment `crates-io`" in one(run, "publish-demo-sdk").finding.remedy
    crate.publishers[:] = [CRATES_IO]
    rehearsed.registries.crates.faults.errors_after_storing = 1
    run = rehearsed.runner.rerun_failed(run)
    assert "Re-run failed jobs" in one(run, "publish-demo-sdk").finding.remedy
    run = rehearsed.runner.rerun_failed(run)
    assert one(run, "publish-demo-sdk").finding.remedy == "run `just verify 1.0.0`"


def test_different_file_of_a_published_name_is_not_uploaded_again(rehearsed):
    rehearsed.register()
    assert rehearsed.push(PUBLISH).passed
    (rehearsed.root / "make.py").write_text(MAKE.replace('"demo.py": "\\n"', '"demo.py": "x = 1\\n"'))
    run = rehearsed.runner.push(rehearsed.tag(PUBLISH + "# again\n", "v1.0.0-again"))
    assert one(run, "publish-demo").finding.saw == diagnosis("File already exists")[0]


def test_run_by_hand_publishes_nothing_from_a_branch_and_one_artifact_from_a_tag(rehearsed):
    rehearsed.register()
    ref = rehearsed.tag(PUBLISH)
    assert rehearsed.runner.push("refs/heads/main") is None
    run = rehearsed.runner.dispatch("refs/heads/main", {"artifact": "demo"})
    assert states(run) == {
        "Build": "success",
        "publish-demo": "skipped",
        "publish-demo-sdk": "skipped",
        "afterwards": "skipped",
    }
    assert "startsWith(github.ref, 'refs/tags/v')" in one(run, "publish-demo").reason
    assert "`publish-demo`" in one(run, "afterwards").reason
    assert rehearsed.registries.index.files("demo") == {}
    run = rehearsed.runner.dispatch(ref, {"artifact": "demo"})
    assert (one(run, "publish-demo").state, one(run, "publish-demo-sdk").state) == ("success", "skipped")
    with pytest.raises(RefusedError, match=r"publish\.yml:7: input `artifact`.*`all`, `demo`, `demo-sdk`"):
        rehearsed.runner.dispatch(ref, {"artifact": "other"})
    with pytest.raises(RefusedError, match=r"publish\.yml: .*`wrong`"):
        rehearsed.runner.dispatch(ref, {"wrong": "x"})
    with pytest.raises(RefusedError, match=r"v1\.0\.0"):
        rehearsed.runner.dispatch("v1.0.0", {})
    with pytest.raises(RefusedError, match="git rev-parse"):
        rehearsed.runner.push("refs/tags/v9.9.9")


def test_job_without_id_token_permission_gets_no_identity(rehearsed):
    rehearsed.register()
    run = rehearsed.push(PUBLISH.replace("    permissions:\n      id-token: write\n", ""))
    assert one(run, "publish-demo").state == one(run, "publish-demo-sdk").state == "failure"
    for name in ("publish-demo", "publish-demo-sdk"):
        assert one(run, name).finding.saw == diagnosis("ACTIONS_ID_TOKEN_REQUEST_TOKEN")[0]
    assert rehearsed.registries.identity.log == []


# Steps


def test_steps_set_outputs_variables_and_path_for_later_steps(rehearsed, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "of-the-user")
    monkeypatch.setenv("UV_PUBLISH_TOKEN", "of-the-user")
    monkeypatch.setenv("SSH_AUTH_SOCK", "of-the-user")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://rosa:secret@host.invalid/simple")
    monkeypatch.setenv("ALL_PROXY", "http://rosa:secret@host.invalid")
    run = rehearsed.push(
        small(
            """
- uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
- id: first
  run: |
    printf 'one=1\\ntext<<END\\na\\nb\\nEND\\n' >> "$GITHUB_OUTPUT"
    echo "KEPT=yes" >> "$GITHUB_ENV"
    mkdir "$RUNNER_TEMP/bin"
    printf '#!/bin/sh\\necho own\\n' > "$RUNNER_TEMP/bin/git"
    chmod +x "$RUNNER_TEMP/bin/git"
    echo "## Done" >> "$GITHUB_STEP_SUMMARY"
- run: git cat-file -t v1.0.0; git describe --exact-match; git rev-parse --is-shallow-repository
- run: echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
- name: See ${{ steps.first.outputs.one }}
  working-directory: src
  env:
    LEVEL: step ${{ env.KEPT }}
  run: |
    echo "$LEVEL $TOP ${GH_TOKEN:-none} ${UV_PUBLISH_TOKEN:-none} ${{ steps.first.outputs.text }}" $(git)
    echo "$GITHUB_REF_NAME $GITHUB_REF_TYPE $GITHUB_EVENT_NAME $GITHUB_JOB $GITHUB_REPOSITORY $CI $GITHUB_ACTIONS"
    test "$PWD" = "$GITHUB_WORKSPACE/src"
    test "${SSH_AUTH_SOCK:-none} $ALL_PROXY" = "none http://host.invalid"
""",
            job="env:\n  LEVEL: job\n  TOP: top",
        )
    )
    job = one(run, "one")
    assert job.state == "success", rehearsed.output
    assert job.summary == "## Done\n"
    assert job.steps[2].lines == ("tag", "v1.0.0", "true")
    assert job.steps[4].name == "See 1"
    assert job.steps[4].lines == (
        "step yes top none none a",
        "b own",
        "v1.0.0 tag push one example/demo true true",
    )


def test_failed_step_skips_later_steps_without_a_status_function(rehearsed):
    run = rehearsed.push(
        small(
            """
- run: |
    echo before
    exit 7
    echo after
- run: echo never
- if: ${{ !cancelled() }}
  run: echo at least
- if: failure()
  run: echo ${{ job.status }}
- if: success() || steps.none.outputs.x == 'y'
  run: echo never
- shell: bash
  if: always()
  run: false | true
""",
        )
    )
    job = one(run, "one")
    assert [step.state for step in job.steps] == ["failure", "skipped", "success", "success", "skipped", "failure"]
    assert (job.steps[0].code, job.steps[0].lines) == (7, ("before",))
    assert job.steps[3].lines == ("failure",)
    assert re.search(r"exit code 7\b.*`before`", job.finding.saw)
    assert ".github/workflows/publish.yml:7" in job.finding.looked_at
    assert "never" not in rehearsed.output.replace("Run echo never", "")


def test_masked_values_are_not_printed_or_stored(rehearsed, monkeypatch):
    monkeypatch.setattr(
        rehearsed.registries.github,
        "token",
        lambda permissions: f"forge-{'-'.join(f'{k}-{v}' for k, v in permissions.items())}",
    )
    run = rehearsed.push(
        small(
            """
- id: a
  name: Hide
  run: |
    echo "::add-mask::hush%25 hush"
    echo "say hush% hush and $GH_TOKEN"
    echo "secret=hush% hush" >> "$GITHUB_OUTPUT"
    echo "plain=x" >> "$GITHUB_OUTPUT"
    echo "hush% hush" >> "$GITHUB_STEP_SUMMARY"
    echo "::error::shown"
    test "$GH_TOKEN" = forge-contents-write
  env:
    GH_TOKEN: ${{ github.token }}
""",
            job="permissions:\n  contents: write\noutputs:\n"
            "  secret: ${{ steps.a.outputs.secret }}\n  plain: ${{ steps.a.outputs.plain }}",
        )
    )
    job = one(run, "one")
    assert job.state == "success", rehearsed.output
    assert job.steps[0].lines == ("say *** and ***", "::error::shown")
    assert (job.outputs, job.summary) == ({"plain": "x"}, "***\n")
    logs = [path.read_text() for path in (run.directory / "jobs").rglob("*.log")]
    assert not any("hush" in text or "forge-" in text for text in [*logs, repr(run)])
    assert "add-mask" not in rehearsed.output


def test_interruption_ends_child_processes_and_revokes_tokens(rehearsed):
    rehearsed.register()
    started = rehearsed.root.parent / "started"

    def interrupt(line: str) -> None:
        if "started" in line and "echo" not in line:
            raise KeyboardInterrupt

    rehearsed.runner.host = dataclasses.replace(rehearsed.runner.host, on_line=interrupt)
    steps = f"""
- uses: rust-lang/crates-io-auth-action@v1
- run: |
    echo $$ > {started}
    echo started
    sleep 60
"""
    with pytest.raises(KeyboardInterrupt):
        rehearsed.push(small(steps, job="environment: crates-io\npermissions: {id-token: write}"))
    assert not Path(f"/proc/{started.read_text().strip()}").exists()
    assert rehearsed.registries.identity._request_tokens._values == {}
    assert [entry.status for entry in rehearsed.registries.crates.log if entry.method == "DELETE"] == [204]


# Matrix, needs, workflow artifacts


MATRIX = """
  wheels:
    name: Wheels for ${{ matrix.platform }}
    runs-on: ${{ matrix.runner }}
    strategy:
      matrix:
        include:
          - {runner: ubuntu-24.04, platform: manylinux_2_17_x86_64}
          - {runner: ubuntu-24.04, platform: musllinux_1_2_x86_64}
          - {runner: ubuntu-24.04-arm, platform: manylinux_2_17_aarch64}
          - {runner: macos-15, platform: macosx_11_0_arm64}
    steps:
      - run: echo ${{ matrix.platform }}
  never:
    needs: [wheels]
    if: false
    runs-on: ubuntu-24.04
    steps:
      - run: echo never
  skipped:
    needs: [never]
    runs-on: ubuntu-24.04
    steps:
      - run: echo never
  ancestor:
    needs: [skipped]
    if: needs.skipped.result == 'skipped'
    runs-on: ubuntu-24.04
    steps:
      - run: echo never
  rebuild:
    runs-on: ubuntu-24.04
    steps:
      - run: just wheels musllinux_1_2_x86_64
  anyway:
    needs: [wheels, never]
    if: always() && needs.wheels.result == 'success' && !contains(needs.*.result, 'failure')
    runs-on: macos-15
    steps:
      - run: echo anyway
"""


def test_jobs_for_other_hosts_are_reported_and_count_as_passed(rehearsed, monkeypatch):
    monkeypatch.setattr("binoc_runbook.rehearsal.runner.runner_labels.this_host", lambda: ("Linux", "X64"))
    installable = ["manylinux_2_17_x86_64", "linux_x86_64"]
    monkeypatch.setattr("binoc_runbook.rehearsal.runner.runner_labels.platform_tags", lambda: iter(installable))
    run = rehearsed.push(small("- run: echo", more=MATRIX))
    assert states(run) == {
        "one": "success",
        "Wheels for manylinux_2_17_x86_64": "success",
        "Wheels for musllinux_1_2_x86_64": "elsewhere",
        "Wheels for manylinux_2_17_aarch64": "elsewhere",
        "Wheels for macosx_11_0_arm64": "elsewhere",
        "never": "skipped",
        "skipped": "skipped",
        "ancestor": "skipped",
        "rebuild": "elsewhere",
        "anyway": "success",
    }
    reasons = [job.reason for job in run.jobs if job.state == "elsewhere"]
    assert "`musllinux_1_2_x86_64`" in reasons[0]
    assert "`musllinux_1_2_x86_64`" in reasons[-1]
    assert all("Linux X64" in reason for reason in reasons[1:-1])
    assert run.passed


def test_only_the_failed_entry_of_a_matrix_runs_again(rehearsed):
    flag = rehearsed.root.parent / "flag"
    steps = f"""
- run: echo ${{{{ matrix.letter }}}} > out
- uses: actions/upload-artifact@v7
  with: {{name: "from-${{{{ matrix.letter }}}}", path: out}}
- run: test ${{{{ matrix.letter }}}} = a || test -e {flag}
"""
    more = """
  last:
    needs: one
    if: failure() || success()
    runs-on: ubuntu-24.04
    steps:
      - run: echo ${{ needs.one.result }}
"""
    run = rehearsed.push(small(steps, job="strategy: {matrix: {letter: [a, b]}}", more=more))
    assert states(run) == {"one (a)": "success", "one (b)": "failure", "last": "success"}
    assert one(run, "last").steps[0].lines == ("failure",)
    flag.touch()
    again = rehearsed.runner.rerun_failed(run)
    assert states(again) == {"one (a)": "success", "one (b)": "success", "last": "success"}
    assert one(again, "one (a)") is one(run, "one (a)")
    assert one(again, "last").steps[0].lines == ("success",)


@pytest.mark.parametrize(
    ("on", "tag", "branch"),
    [
        ("push", True, True),
        ("[workflow_dispatch]", False, False),
        ("{push: {tags: ['v*']}}", True, False),
        ("{push: {tags: ['v[0-9]+.*', '!v1*']}}", False, False),
        ("{push: {branches: [main]}}", False, True),
        ("{push: {branches: ['release/**'], tags-ignore: [x]}}", True, False),
        ("{push: {tags-ignore: ['v*']}}", False, False),
    ],
)
def test_push_triggers_the_workflow_if_its_filters_match(rehearsed, on, tag, branch):
    ref = rehearsed.tag(small("- run: echo").replace("on: push", f"on: {on}"))
    assert (rehearsed.runner.push(ref) is not None) is tag
    assert (rehearsed.runner.push("refs/heads/main") is not None) is branch


ARTIFACTS = """
- run: |
    mkdir -p dist/deep other && echo 1 > dist/a.whl && echo 2 > dist/deep/b.whl
    echo 3 > dist/.hidden && echo 4 > other/c.txt
- uses: actions/upload-artifact@v7
  with: {name: alone, path: dist/a.whl}
- uses: actions/upload-artifact@v7
  with: {name: directory, path: dist}
- uses: actions/upload-artifact@v7
  with: {name: deep, path: "dist/**/*.whl"}
- uses: actions/upload-artifact@v7
  with:
    name: several
    path: |
      dist
      other/*.txt
      !dist/deep/**
- uses: actions/upload-artifact@v7
  with: {name: none, path: "*.none"}
- uses: actions/download-artifact@v8
  with: {path: all}
- uses: actions/download-artifact@v8
  with: {path: merged, pattern: "{alone,se*}", merge-multiple: true}
- uses: actions/download-artifact@v8
  with: {name: deep, path: named}
- run: find all merged named -type f | sort
"""


def test_files_of_workflow_artifacts_have_the_same_names_as_on_github(rehearsed):
    run = rehearsed.push(small(ARTIFACTS))
    assert one(run, "one").steps[-1].lines == (
        "all/alone/a.whl",
        "all/deep/a.whl",
        "all/deep/deep/b.whl",
        "all/directory/a.whl",
        "all/directory/deep/b.whl",
        "all/several/dist/a.whl",
        "all/several/other/c.txt",
        "merged/a.whl",
        "merged/dist/a.whl",
        "merged/other/c.txt",
        "named/a.whl",
        "named/deep/b.whl",
    ), rehearsed.output
    assert "`*.none`" in rehearsed.output


@pytest.mark.parametrize(
    ("step", "data"),
    [
        ("- uses: actions/upload-artifact@v7\n  with: {name: a, path: x}", "`a`"),
        ("- uses: actions/upload-artifact@v7\n  with: {name: b, path: y, if-no-files-found: error}", "`y`"),
        ("- uses: actions/upload-artifact@v7\n  with: {name: 'b/c', path: x}", "`b/c`"),
        ("- uses: actions/download-artifact@v8\n  with: {name: c}", "`c`"),
        ("- run: echo\n  working-directory: nowhere", "`nowhere`"),
        ("- run: echo nonsense >> $GITHUB_OUTPUT", "`nonsense`"),
        ("- run: gh pr list", "gh pr list"),
    ],
)
def test_failed_step_reports_its_reason(rehearsed, step, data):
    upload = "- run: echo > x\n- uses: actions/upload-artifact@v7\n  with: {name: a, path: x}\n"
    job = one(rehearsed.push(small(upload + step)), "one")
    assert (job.state, job.steps[-1].state) == ("failure", "failure")
    assert data in job.finding.saw


# Unsupported workflows


@pytest.mark.parametrize(
    ("workflow", "line", "data"),
    [
        (small("- run: echo\n- uses: someone/else@v1"), 8, "`someone/else@v1`"),
        (small("- uses: actions/checkout@v7\n  with: {ref: main}"), 8, "`ref` of `actions/checkout`"),
        (small("- run: echo\n  continue-on-error: true"), 8, "`continue-on-error`"),
        (small("- run: echo\n  shell: pwsh"), 8, "`pwsh`"),
        (small("- run: echo", job="container: alpine"), 6, "`container`"),
        (small("- run: echo", job="services: {db: {image: x}}"), 6, "`services`"),
        (small("- run: echo", job="permissions: write-all"), 6, "write-all"),
        (small("- run: echo", job="needs: [two]"), 6, "`two`"),
        (small("- run: echo", job="needs: [one]"), 4, "`one`"),
        (small("- run: echo", job="if: matrix.x == 1"), 6, "`matrix`"),
        (small("- run: echo", job="if: ${{ true }} && false"), 6, "`${{ … }}`"),
        (small("- run: echo", job="strategy: {matrix: '${{ fromJSON(x) }}'}"), 6, "`one`"),
        (small("- run: echo ${{ secrets.TOKEN }}"), 7, "`secrets`"),
        (small("- run: echo ${{ github.actor }}"), 7, "`github.actor`"),
        (small("- run: echo ${{ needs.two.result }}"), 7, "`needs.two.result`"),
        (small("- run: echo ${{ inputs.x }}"), 7, "`inputs.x`"),
        (small("- run: echo ${{ hashFiles('x') }}"), 7, "`hashFiles`"),
        (small("- run: echo ${{ fromJSON('[1]')[0] }}"), 7, "`fromJSON`"),
        (small("- run: echo", job="if: fromJSON('true')"), 6, "`fromJSON`"),
        (small("- run: echo ${{ success() }}"), 7, "`success()`"),
        (small("- run: echo", more="  two:\n    uses: ./.github/workflows/x.yml\n"), 8, "`two`"),
        (small("- name: nothing"), 7, "`run`"),
        ("on: push\njobs: []\n", None, "jobs"),
    ],
)
def test_unsupported_workflow_is_refused_before_a_job_runs(rehearsed, workflow, line, data):
    with pytest.raises(RefusedError) as refusal:
        rehearsed.push(workflow)
    (finding,) = refusal.value.findings
    assert (finding.check, finding.status) == ("rehearsed workflow", "failed")
    assert finding.looked_at == f".github/workflows/publish.yml{f':{line}' if line else ''}"
    assert data in finding.saw
    assert finding.remedy
    assert rehearsed.lines == []


ATTEST = """\
name: publish
on:
  push:
    tags: ["v*"]
permissions: {}
jobs:
  attest:
    runs-on: ubuntu-24.04
    permissions:
      id-token: write
      attestations: write
    steps:
      - run: mkdir dist && echo one > dist/one && echo two > dist/two
      - uses: actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6 # v4.2.2
        with:
          subject-path: dist/*
"""


def test_attestation_states_the_job_and_the_digests(rehearsed):
    run = rehearsed.push(ATTEST)
    assert run.passed, rehearsed.output
    client = GitHubClient({**rehearsed.registries.environment, "GH_TOKEN": rehearsed.registries.github.token({})})
    digest = hashlib.sha256(b"one\n").hexdigest()
    (entry,) = client.get(f"/repos/example/demo/attestations/sha256:{digest}").value["attestations"]
    statement = statement_of(entry["bundle"])
    assert [subject["name"] for subject in statement["subject"]] == ["one", "two"]
    assert statement["subject"][0]["digest"] == {"sha256": digest}
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["workflow"] == {
        "ref": "refs/tags/v1.0.0",
        "repository": "https://github.com/example/demo",
        "path": ".github/workflows/publish.yml",
    }
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": run.event.sha}
    assert entry["bundle"]["dsseEnvelope"]["signatures"] == []
    assert client.get(f"/repos/example/demo/attestations/sha256:{'0' * 64}").outcome == "absent"


@pytest.mark.parametrize(
    ("without", "reason"),
    [
        ("      id-token: write\n", "no `id-token: write` permission"),
        ("      attestations: write\n", "Resource not accessible by integration"),
        ("echo one > dist/one && echo two > dist/two", "no files match `dist/*`"),
    ],
)
def test_attestation_needs_permissions_and_files(rehearsed, without, reason):
    run = rehearsed.push(ATTEST.replace(without, "true" if "echo" in without else ""))
    assert not run.passed
    assert reason in rehearsed.output
    assert rehearsed.registries.github.attestations == []
