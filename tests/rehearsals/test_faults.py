"""Tests of faults between a pushed tag and the published artifacts: each is reported, and a later attempt fixes it."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import re
import signal
import time
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from binoc_runbook.finding import Finding
from binoc_runbook.rehearsal.faults import FAULTS, REPLACED_ARTIFACT
from binoc_runbook.rehearsal.runner import WorkflowRun
from binoc_runbook.rehearsal.runner.failure_diagnosis import FailedJob, diagnose
from binoc_runbook.rehearsal.servers.crate_registry import CrateVersion
from binoc_runbook.rehearsal.servers.package_index import UploadedFile
from binoc_runbook.world.github import GitHubClient
from binoc_runbook.world.workflow_runs import WorkflowRuns

from .conftest import PLATFORM

pytestmark = pytest.mark.rehearsal

TAG = "refs/tags/v0.4.0"
SCHEMA = Path(__file__).parents[2] / "docs/reference/schemas/record.schema.json"
PUBLISH_JOBS = ["publish-demo", "publish-demo-extra", "publish-demo-sdk"]


@pytest.fixture
def skip_checks(monkeypatch):
    """A function that makes the workflow skip its checks; with `False`, they run again."""

    def skip(skipped: bool = True) -> None:
        monkeypatch.setenv("LC_DEMO_CHECK", "true" if skipped else "binoc-runbook")

    return skip


def failed(run: WorkflowRun) -> list[str]:
    return [job.id for job in run.jobs if job.state == "failure"]


def ran(run: WorkflowRun) -> list[str]:
    return [job.id for job in run.jobs if job.state != "skipped"]


def finding_of(run: WorkflowRun, job_id: str) -> Finding:
    (finding,) = [job.finding for job in run.jobs if job.id == job_id]
    assert finding is not None
    return finding


def diagnosis(text: str, environment: str = "pypi-demo") -> tuple[str, str]:
    """Return the meaning and the remedy of an error text, for a job of the workspace."""
    known = diagnose([text], FailedJob("example", "demo", "publish.yml", environment, "0.4.0"))
    assert known is not None
    return known


def result(finding: Finding) -> tuple[str, str]:
    return finding.saw, finding.remedy


# Errors of the build


def test_tag_of_another_version_publishes_nothing_and_is_not_moved(demo, skip_checks):
    skip_checks()
    wrong = demo.release("0.4.1", manifests="0.4.0")
    with demo.publication("0.4.1") as it:
        (run,) = it.publication.start(wrong)
        # The first jobs are independent of each other.
        assert (ran(run), failed(run)) == (["sources", "rebuild"], ["sources"])
        finding = finding_of(run, "sources")
        assert "0.4.1" in finding.saw
        assert "Cargo.toml:6" in finding.saw
        assert "just prepare VERSION" in finding.remedy
        assert (it.stored(), it.uploads()) == ({}, [])
        commit = demo.remote_commit(wrong)

        (run,) = it.publication.start(demo.release("0.4.2"))
        assert run.passed, it.output
        assert it.stored() == it.publication.built(run)
        assert {name.split("-")[-1].removesuffix(".crate") for name in it.stored() if "sdk" in name} == {"0.4.2"}
        assert demo.remote_commit(wrong) == commit


def test_wrong_wheels_are_not_published_but_the_next_version_is(demo, skip_checks, monkeypatch):
    monkeypatch.setenv("LC_DEMO_BUILD", "missing extra false-tag")
    with demo.publication() as it:
        (run,) = it.publication.start(TAG)
        assert failed(run) == ["wheels"]
        assert not set(ran(run)) & {"check-dists", "attest", *PUBLISH_JOBS, "verify-published"}
        finding = finding_of(run, "wheels")
        for name in ("demo-0.4.0-cp310-abi3-", "win_amd64.whl", "`cp312-cp312`"):
            assert name in finding.saw
        assert "just prepare VERSION" in finding.remedy
        assert (it.stored(), it.uploads()) == ({}, [])

        skip_checks()
        monkeypatch.delenv("LC_DEMO_BUILD")
        (run,) = it.publication.start(demo.release("0.4.1"))
        assert run.passed, it.output
        assert it.stored() == it.publication.built(run)
        assert not [name for name in it.stored() if "0.4.0" in name]


# Errors of the registries


def test_later_attempt_publishes_everything_after_the_registries_were_down(demo):
    with demo.publication() as it:
        run = it.built_run()
        assert failed(run) == [*PUBLISH_JOBS, "verify-published"]
        for job in PUBLISH_JOBS:
            assert result(finding_of(run, job)) == diagnosis("503 Service Unavailable")
        assert it.stored() == {}

        again = it.publication.rerun(run)
        assert again.passed, it.output
        assert it.stored() == it.publication.built(again)
        assert it.uploads() == [200] * 5
        assert not it.publication.missing()
        assert not it.publication.failed_jobs()


def test_wrong_trusted_publisher_stops_only_its_own_artifact(demo):
    with demo.publication() as it:
        run = it.built_run()
        index, crates = it.publication.registries.index, it.publication.registries.crates
        right = {name: publisher for publisher, (name, _) in index.pending.items()}
        index.pending.clear()
        index.add_project("demo", right["demo"])
        index.add_project("demo-extra", dataclasses.replace(right["demo-extra"], environment="production"))
        crate = crates.crate("demo-sdk")
        (trusted,) = crate.publishers
        crate.publishers[:] = [dataclasses.replace(trusted, workflow="release.yml")]

        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo-extra", "publish-demo-sdk", "verify-published"]
        for job, environment in (("publish-demo-extra", "pypi-demo-extra"), ("publish-demo-sdk", "crates-io")):
            assert result(finding_of(run, job)) == diagnosis("invalid-publisher", environment)
            for value in ("`example`", "`demo`", "`publish.yml`", f"`{environment}`", "Re-run failed jobs"):
                assert value in finding_of(run, job).remedy
        # Only one artifact is published, and the last job reports the other two.
        assert "demo-extra==0.4.0" in finding_of(run, "verify-published").saw
        assert "demo-sdk@=0.4.0" in finding_of(run, "verify-published").saw
        assert "demo==0.4.0" not in finding_of(run, "verify-published").saw
        assert not re.search(r"for up to \d+ s", it.output), "a rehearsal does not need to wait for its registries"
        assert [name.partition("-")[0] for name in it.stored_so_far()] == ["demo", "demo"]
        missing = [finding.looked_at.split("`")[1] for finding in it.publication.missing()]
        assert missing == ["demo-extra", "demo-sdk"]

        index.project("demo-extra").publishers[:] = [right["demo-extra"]]
        crate.publishers[:] = [trusted]
        again = it.publication.rerun(run)
        assert again.passed, it.output
        assert it.stored_so_far() == it.publication.built(again)
        assert it.uploads() == [200] * 5, "a published file was uploaded again"


def test_next_attempt_gets_new_tokens(demo, skip_checks, monkeypatch):
    with demo.publication() as it:
        run = it.built_run()
        registries = it.publication.registries
        skip_checks()
        # PyPI's second job sends the identity token of the first, and crates.io's publish token has expired.
        issue, tokens = registries.identity.issue, {}
        monkeypatch.setattr(
            registries.identity, "issue", lambda run, audience: tokens.setdefault(audience, issue(run, audience))
        )
        registries.crates.faults.token_life = 0.0
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo-extra", "publish-demo-sdk"]
        assert result(finding_of(run, "publish-demo-extra")) == diagnosis("invalid-reuse-token")
        assert result(finding_of(run, "publish-demo-sdk")) == diagnosis("Invalid authentication token")
        it.stored_so_far()

        run = it.publication.rerun(run)
        for job in ("publish-demo-extra", "publish-demo-sdk"):
            assert result(finding_of(run, job)) == diagnosis("invalid-reuse-token")

        monkeypatch.setattr(registries.identity, "issue", issue)
        registries.crates.faults.token_life, registries.index.faults.token_life = None, 0.0
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo-extra"]
        assert result(finding_of(run, "publish-demo-extra")) == diagnosis("Invalid or non-existent authentication")

        registries.index.faults.token_life = None
        again = it.publication.rerun(run)
        assert again.passed, it.output
        assert it.stored_so_far() == it.publication.built(again)
        assert [status for status in it.uploads() if status == 200] == [200] * 5


def test_files_that_were_stored_despite_an_error_are_not_stored_again(demo):
    with demo.publication() as it:
        run = it.built_run()
        for server in (it.publication.registries.index, it.publication.registries.crates):
            server.faults.errors_after_storing = 1
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo", "publish-demo-sdk", "verify-published"]
        assert result(finding_of(run, "publish-demo")) == diagnosis("500 Internal Server Error")
        assert result(finding_of(run, "publish-demo-sdk")) == diagnosis("responded with an error (status 500")
        assert "1 of 2 files" in finding_of(run, "verify-published").saw
        # One of the two files of `demo` was stored, so `demo` is not published.
        assert len(it.stored_so_far()) == 4
        (missing,) = it.publication.missing()
        assert missing.looked_at == "`demo` 0.4.0 at the rehearsed PyPI"

        again = it.publication.rerun(run)
        assert it.stored_so_far() == it.publication.built(again)
        # crates.io does not accept a version twice, so its job fails, although everything is published.
        assert failed(again) == ["publish-demo-sdk"], it.output
        assert result(finding_of(again, "publish-demo-sdk")) == diagnosis("is already uploaded")
        assert not it.publication.missing()
        (warning,) = it.publication.failed_jobs()
        assert warning.status == "warning"


def test_different_files_of_a_published_name_are_not_replaced(demo, skip_checks):
    with demo.publication() as it:
        run = it.built_run()
        registries = it.publication.registries
        name, *_ = sorted(it.publication.built(run))
        foreign = UploadedFile(name, "0.4.0", "bdist_wheel", "", b"built by hand")
        publisher = next(known for known, (name, _) in registries.index.pending.items() if name == "demo")
        registries.index.pending.clear()
        registries.index.add_project("demo", publisher).files[foreign.name] = foreign
        # The same crate, compressed differently.
        (packed,) = run.workflow_artifacts.directory.rglob("*.crate")
        content = gzip.compress(gzip.decompress(packed.read_bytes()), 1)
        line = {"name": "demo-sdk", "vers": "0.4.0", "deps": [], "features": {}, "yanked": False}
        line["cksum"] = hashlib.sha256(content).hexdigest()
        registries.crates.crate("demo-sdk").versions["0.4.0"] = CrateVersion("0.4.0", line, content)
        assert len(it.stored_so_far()) == 2

        run = it.publication.rerun(run)
        assert result(finding_of(run, "publish-demo")) == diagnosis("File already exists")
        assert "0.4.0" in finding_of(run, "publish-demo").remedy
        assert "just prepare" in finding_of(run, "publish-demo").remedy
        assert finding_of(run, "publish-demo-sdk").remedy == "run `just verify 0.4.0`"
        for file in ("demo==0.4.0", "demo-sdk@=0.4.0"):
            assert f"{file}: differs" in finding_of(run, "verify-published").saw
        assert len(it.stored_so_far()) == 2, "a file was published next to a foreign one"
        assert len(it.publication.missing()) == 3
        assert {finding.status for finding in it.publication.failed_jobs()} == {"failed"}

        skip_checks()
        it.publication.register_publishers()
        (run,) = it.publication.start(demo.release("0.4.1"))
        assert run.passed, it.output
        assert it.publication.built(run).items() <= it.stored_so_far().items()


# Runs that are started by hand


def test_run_by_hand_from_a_branch_builds_and_publishes_nothing(demo, skip_checks):
    skip_checks()
    with demo.publication() as it:
        it.publication.register_publishers()
        assert it.publication.runner.push("refs/heads/main") is None
        run = it.publication.runner.dispatch("refs/heads/main", {"artifact": "demo"})
        assert run.passed, it.output
        assert ran(run) == ["sources", "wheels", "rebuild", "check-dists", "verify-crate"]
        assert (it.stored(), it.uploads()) == ({}, [])


BUILDS = {"sources", "wheels", "rebuild"}


def test_run_by_hand_from_a_tag_publishes_one_artifact_with_the_files_of_the_tags_run(demo, skip_checks):
    with demo.publication() as it:
        first = it.built_run()
        skip_checks()
        runs = it.publication.registries.github.runs
        of_the_tag = runs[first.id]
        for artifact, count, builds in (("demo-extra", 2, set()), ("demo-sdk", 3, BUILDS), ("demo", 5, BUILDS)):
            if artifact == "demo-sdk":
                of_the_tag.artifacts[0].expired = True
            if artifact == "demo":
                del runs[first.id]  # as if GitHub had started no run
            run = it.publication.runner.dispatch(TAG, {"artifact": artifact})
            assert run.passed, it.output
            assert set(ran(run)) & set(PUBLISH_JOBS) == {f"publish-{artifact}"}
            assert set(ran(run)) & BUILDS == builds
            assert len(it.stored_so_far()) == count
        assert it.uploads() == [200] * 5
        assert it.stored() == it.publication.built(first)
        # A second build of the commit gives the same files, so the failed run can be completed.
        skip_checks(False)
        again = it.publication.rerun(first)
        assert it.stored_so_far() == it.publication.built(again)
        assert failed(again) == ["publish-demo-sdk"], it.output
        assert it.publication.failed_jobs().status == "warning"


def test_run_by_hand_refuses_files_that_are_not_those_of_the_checksums(demo, skip_checks):
    with demo.publication() as it:
        first = it.built_run()
        skip_checks()
        artifacts = it.publication.registries.github.runs[first.id].artifacts
        (sdists,) = [artifact for artifact in artifacts if artifact.name == "demo.source"]
        archive = sdists.archive.with_name("other.zip")
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("demo-0.4.0.tar.gz", b"other")
        sdists.archive = archive
        run = it.publication.runner.dispatch(TAG, {"artifact": "demo"})
        assert (ran(run), failed(run)) == (["fetch-dists"], ["fetch-dists"])
        assert "`demo-0.4.0.tar.gz`" in finding_of(run, "fetch-dists").saw
        assert it.uploads() == []


# Injected faults (`--fault`)


def test_artifact_that_was_replaced_after_the_check_is_not_published(demo, skip_checks):
    skip_checks()
    with demo.publication() as it:
        attempts = it.publication.start(TAG, REPLACED_ARTIFACT)
        first = next(attempts)
        assert failed(first) == ["publish-demo"]
        finding, added = finding_of(first, "publish-demo"), "demo-0.4.0.post1.tar.gz"
        assert f"`{added}`" in finding.saw
        assert "step `Verify that dist has exactly the checked files`" in finding.looked_at
        assert added in it.publication.built(first)
        assert not it.publication.registries.index.files("demo")
        assert len(it.stored_so_far()) == 3
        second = next(attempts)
        assert second.passed, it.output
        assert it.stored_so_far() == it.publication.built(second)
        assert added not in it.stored()
        assert not it.publication.missing()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != REPLACED_ARTIFACT])
def test_injected_fault_occurs_only_in_the_first_attempt(demo, skip_checks, fault):
    skip_checks()
    with demo.publication() as it:
        first, second = it.publication.start(TAG, fault)
        assert failed(first)
        assert set(failed(first)) <= set(PUBLISH_JOBS)
        for job in failed(first):
            assert "Re-run failed jobs" in finding_of(first, job).remedy
        assert second.attempt == 2
        assert it.stored() == it.publication.built(second)
        assert not it.publication.missing()
        assert it.publication.failed_jobs().status == ("warning" if fault == "lost-answer" else "ok")
        observed = it.publication.observed_run()
        assert (observed.id, observed.attempt, observed.succeeded) == (second.id, 2, not failed(second))
        assert results(observed) == {job.name: job.state for job in second.jobs}


def results(observed) -> dict[str, str | None]:
    """Return the conclusion of each job of a run that the rehearsed GitHub reports."""
    return {job.name: job.conclusion for job in observed.jobs}


def test_rehearsed_github_reports_the_run_and_its_jobs_while_it_is_in_progress(demo, skip_checks):
    skip_checks()
    with demo.publication() as it:
        runner, reports = it.publication.runner, []
        token = it.publication.registries.github.token({"actions": "read"})
        client = GitHubClient({**it.publication.registries.environment, "GH_TOKEN": token})
        runs = WorkflowRuns(client, "example/demo", "publish.yml", "v0.4.0", demo.remote_commit(TAG))

        def query(line: str) -> None:
            if re.fullmatch(r"job [^:]+", line):
                reports.append((line.removeprefix("job "), runs.latest().run))

        runner.host = dataclasses.replace(runner.host, on_line=query)
        assert runs.latest().kind == "no run"
        (run,) = it.publication.start(TAG)
        for name, observed in reports:
            assert (observed.status, observed.conclusion) == ("in_progress", None)
            assert [job.name for job in observed.jobs if job.status == "in_progress"] == [name]
        assert it.publication.observed_run() == runs.latest().run
        assert results(runs.latest().run) == {job.name: job.state for job in run.jobs}


def read_record(demo) -> dict:
    """Return the record of the rehearsal, after validating it against the schema."""
    record = json.loads((demo.root / "runs/rehearsal-0.4.0.json").read_text("utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(record)
    return record


def test_failed_job_of_a_published_artifact_is_a_warning(demo, rehearse, tmp_path):
    before = demo.git("for-each-ref", cwd=demo.bare)
    process = rehearse("--fault", "lost-answer")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert FAULTS["lost-answer"] in output
    assert "! warning: rehearsed workflow: job `Publish demo-sdk to crates.io`" in output
    lines = output.splitlines()
    head = next(number for number, line in enumerate(lines) if line.split() == ["artifact", "PyPI", "crates.io"])
    assert [re.split(" {2,}", line.strip()) for line in lines[head : head + 4]] == [
        ["artifact", "PyPI", "crates.io"],
        ["demo", "✓ 2 files"],
        ["demo-extra", "✓ 2 files"],
        ["demo-sdk", "✓ 1 file"],
    ]
    record = read_record(demo)
    assert record["outcome"] == "released"
    assert "refs/tags/v0.4.0^{}" in record["remote_refs"]
    assert (record["workflow_run"]["attempt"], record["workflow_run"]["conclusion"]) == (2, "failure")
    attempts = [(job["attempt"], job["name"], job["state"]) for job in record["jobs"]]
    assert attempts == [
        (1, "fetch-dists", "skipped"),
        (1, "Source distributions and crate", "success"),
        (1, f"Wheels for {PLATFORM}", "success"),
        (1, "Independent rebuild", "success"),
        (1, "Check dists", "success"),
        (1, "Verify the crate", "success"),
        (1, "Attest the crate and the checksums", "success"),
        (1, "Publish demo to PyPI", "failure"),
        (1, "Publish demo-extra to PyPI", "success"),
        (1, "Publish demo-sdk to crates.io", "failure"),
        (1, "Verify published artifacts", "success"),
        (1, "GitHub release", "success"),
        (2, "Publish demo to PyPI", "success"),
        (2, "Publish demo-sdk to crates.io", "failure"),
        (2, "Verify published artifacts", "success"),
        (2, "GitHub release", "success"),
    ]
    assert record["jobs"][7]["finding"]["remedy"] == '"Re-run failed jobs"'
    assert {artifact["artifact"]: len(artifact["files"]) for artifact in record["published"]} == {
        "demo": 2,
        "demo-extra": 2,
        "demo-sdk": 1,
    }
    page = (demo.root / "runs/rehearsal-0.4.0.ipynb").read_text("utf-8")
    for text in (output, json.dumps(record), page):
        assert not re.search(r"pypi-[\w-]{40}|cio_tp_|add-mask|eyJ[\w-]{20}", text), "a token was printed or recorded"
        assert str(tmp_path) not in text
    assert demo.git("for-each-ref", cwd=demo.bare) == before


def test_rehearsal_is_refused_if_an_artifact_is_not_published(demo, rehearse):
    process = rehearse(LC_DEMO_CHECK="binoc-runbook", LC_DEMO_BUILD="missing")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "`demo` 0.4.0 at the rehearsed PyPI" in output
    assert "`demo-sdk` 0.4.0 at the rehearsed crates.io" in output
    assert f"job `Wheels for {PLATFORM}`" in output
    assert "Traceback" not in output
    record = read_record(demo)
    assert (record["outcome"], [artifact["files"] for artifact in record["published"]]) == ("refused", [{}] * 3)


def test_ctrl_c_ends_the_job_and_removes_temporary_files(demo, rehearse, tmp_path):
    started = tmp_path / "started"
    slow = f"@echo $$ > {started}; sleep 60"
    text = (demo.root / "justfile").read_text().replace("@python build.py sources", slow)
    (demo.root / "justfile").write_text(text)
    demo.git("commit", "--quiet", "--all", "-m", "A slow build", cwd=demo.root)
    process = rehearse()
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "failed: publication: Ctrl-C" in output
    assert "Traceback" not in output
    assert not Path(f"/proc/{started.read_text().strip()}").exists()
