"""Everything that goes wrong between a pushed tag and its users: what is found, what mends it, and nothing twice."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from binoc_runbook.finding import Finding
from binoc_runbook.rehearsal.faults import RegistryFault
from binoc_runbook.rehearsal.runner import WorkflowRun
from binoc_runbook.rehearsal.servers.crate_registry import CrateVersion
from binoc_runbook.rehearsal.servers.package_index import UploadedFile

pytestmark = pytest.mark.rehearsal

TAG = "refs/tags/v0.4.0"
SCHEMA = Path(__file__).parents[2] / "docs/reference/schemas/record.schema.json"
PUBLISHING = ["publish-demo", "publish-demo-extra", "publish-demo-sdk"]


@pytest.fixture
def unasked(monkeypatch):
    """Leaves the questions of the workflow out, where they are not what is tested; `False` brings them back."""

    def leave_out(out: bool = True) -> None:
        monkeypatch.setenv("DEMO_ASKS", "true" if out else "binoc-runbook")

    return leave_out


def failed(run: WorkflowRun) -> list[str]:
    return [job.id for job in run.jobs if job.state == "failure"]


def ran(run: WorkflowRun) -> list[str]:
    return [job.id for job in run.jobs if job.state != "skipped"]


def found(run: WorkflowRun, job: str) -> Finding:
    (finding,) = [each.finding for each in run.jobs if each.id == job]
    assert finding is not None
    return finding


# What is built


def test_a_tag_on_a_commit_of_another_version_publishes_nothing_and_stays_where_it_is(demo, unasked):
    unasked()
    wrong = demo.release("0.4.1", says="0.4.0")
    with demo.publication("0.4.1") as it:
        (run,) = it.publication.start(wrong)
        assert (ran(run), failed(run)) == (["build"], ["build"])
        finding = found(run, "build")
        assert "refs/tags/v0.4.1: " in finding.saw
        assert "Cargo.toml:6" in finding.saw
        assert "this run has published nothing" in finding.saw
        assert finding.remedy.startswith("just prepare VERSION")
        assert (it.stored(), it.uploads()) == ({}, [])
        moved = demo.at_remote(wrong)

        (run,) = it.publication.start(demo.release("0.4.2"))
        assert run.passed, it.said
        assert it.stored() == it.publication.built(run)
        assert {name.split("-")[-1].removesuffix(".crate") for name in it.stored() if "sdk" in name} == {"0.4.2"}
        assert demo.at_remote(wrong) == moved


def test_wheels_that_were_not_promised_are_never_published_and_the_next_version_is(demo, unasked, monkeypatch):
    monkeypatch.setenv("DEMO_BUILD", "missing extra false-tag")
    with demo.publication() as it:
        (run,) = it.publication.start(TAG)
        assert failed(run) == ["check-dists"]
        assert not set(ran(run)) & {*PUBLISHING, "verify-published"}
        finding = found(run, "check-dists")
        assert ".whl: the wheel is missing" in finding.saw
        assert "win_amd64.whl: " in finding.saw
        assert "`cp312-cp312`" in finding.saw
        assert "this run has published nothing" in finding.saw
        assert "just prepare VERSION" in finding.remedy
        assert "this tag stays" in finding.remedy
        assert (it.stored(), it.uploads()) == ({}, [])

        unasked()
        monkeypatch.delenv("DEMO_BUILD")
        (run,) = it.publication.start(demo.release("0.4.1"))
        assert run.passed, it.said
        assert it.stored() == it.publication.built(run)
        assert not [name for name in it.stored() if "0.4.0" in name]


# What the registries say


def test_while_no_registry_answers_nothing_is_lost_and_a_later_attempt_publishes_it_all(demo):
    with demo.publication() as it:
        run = it.checked()
        assert failed(run) == [*PUBLISHING, "verify-published"]
        for job in PUBLISHING:
            assert "does not answer" in found(run, job).saw
            assert found(run, job).remedy == 'wait until it does, then "Re-run failed jobs"'
        assert "unknown: " in found(run, "verify-published").saw
        assert it.stored() == {}

        again = it.publication.rerun(run)
        assert again.passed, it.said
        assert it.stored() == it.publication.built(again)
        assert it.uploads() == [200] * 5
        assert not it.publication.missing()
        assert not it.publication.unfinished()


def test_a_wrong_publisher_holds_up_its_own_artifact_until_the_right_one_is_entered(demo, unasked):
    with demo.publication() as it:
        run = it.checked()
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
        assert "knows no publisher with the claims" in found(run, "publish-demo-extra").saw
        assert "knows no publisher with the claims" in found(run, "publish-demo-sdk").saw
        for job, environment in (("publish-demo-extra", "pypi-demo-extra"), ("publish-demo-sdk", "crates-io")):
            for value in ("`example`", "`demo`", "`publish.yml`", f"`{environment}`", "Re-run failed jobs"):
                assert value in found(run, job).remedy
        # One artifact is out and two are not: that is what the last job says.
        assert "demo-extra==0.4.0: not yet visible" in found(run, "verify-published").saw
        assert "demo-sdk@=0.4.0: not yet visible" in found(run, "verify-published").saw
        assert "demo==0.4.0: not yet visible" not in found(run, "verify-published").saw
        assert "asked again" not in it.said, "a rehearsal waited for registries that show at once what they have"
        assert [name.partition("-")[0] for name in it.remember()] == ["demo", "demo"]
        assert [each.looked_at.split("`")[1] for each in it.publication.missing()] == ["demo-extra", "demo-sdk"]

        index.project("demo-extra").publishers[:] = [right["demo-extra"]]
        crate.publishers[:] = [trusted]
        again = it.publication.rerun(run)
        assert again.passed, it.said
        assert it.remember() == it.publication.built(again)
        assert it.uploads() == [200] * 5, "what was out was published again"


def test_a_token_that_is_expired_or_was_used_is_replaced_by_the_next_attempt(demo, unasked, monkeypatch):
    with demo.publication() as it:
        run = it.checked()
        registries = it.publication.registries
        unasked()
        # PyPI's second job shows the identity token of the first, and crates.io's publish token has expired.
        issue, shown = registries.identity.issue, {}
        monkeypatch.setattr(
            registries.identity, "issue", lambda run, audience: shown.setdefault(audience, issue(run, audience))
        )
        registries.crates.faults.token_life = 0.0
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo-extra", "publish-demo-sdk"]
        assert "a token had expired, was used or revoked before" in found(run, "publish-demo-extra").saw
        assert "a token had expired, was used or revoked before" in found(run, "publish-demo-sdk").saw
        it.remember()

        run = it.publication.rerun(run)
        assert "a token had expired, was used or revoked before" in found(run, "publish-demo-sdk").saw
        for job in ("publish-demo-extra", "publish-demo-sdk"):
            assert found(run, job).remedy == '"Re-run failed jobs": the job gets a new one'

        monkeypatch.setattr(registries.identity, "issue", issue)
        registries.crates.faults.token_life, registries.index.faults.token_life = None, 0.0
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo-extra"]
        assert "a token had expired, was used or revoked before" in found(run, "publish-demo-extra").saw

        registries.index.faults.token_life = None
        again = it.publication.rerun(run)
        assert again.passed, it.said
        assert it.remember() == it.publication.built(again)
        assert [status for status in it.uploads() if status == 200] == [200] * 5


def test_what_was_stored_although_the_answer_was_an_error_is_not_stored_again(demo):
    with demo.publication() as it:
        run = it.checked()
        for each in (it.publication.registries.index, it.publication.registries.crates):
            each.faults.errors_after_storing = 1
        run = it.publication.rerun(run)
        assert failed(run) == ["publish-demo", "publish-demo-sdk", "verify-published"]
        assert "may have kept what was sent; nothing is lost" in found(run, "publish-demo").saw
        assert found(run, "publish-demo").remedy == '"Re-run failed jobs"'
        assert "it takes no version twice" in found(run, "publish-demo-sdk").saw
        assert "if the job stays red because the version is there already" in found(run, "publish-demo-sdk").remedy
        assert "1 of 2 files" in found(run, "verify-published").saw
        # One file of `demo` was stored, and it is not called published for that.
        assert len(it.remember()) == 4
        (lack,) = it.publication.missing()
        assert (lack.looked_at, lack.saw[:7]) == ("`demo` 0.4.0 at the rehearsed PyPI", "lacks `")

        again = it.publication.rerun(run)
        assert it.remember() == it.publication.built(again)
        # crates.io takes no version twice, so its job stays red; the last job knows better.
        assert failed(again) == ["publish-demo-sdk"]
        assert "crates.io has this version already" in found(again, "publish-demo-sdk").saw
        assert found(again, "publish-demo-sdk").remedy == "run `just verify 0.4.0`"
        assert not it.publication.missing()
        (told,) = it.publication.unfinished()
        assert told.status == "warning"
        assert "all that the job publishes is out, as it was built, and the job stays red" in told.saw


def test_other_bytes_under_a_name_that_is_out_stay_out_and_the_next_version_follows(demo, unasked):
    with demo.publication() as it:
        run = it.checked()
        registries = it.publication.registries
        name, *_ = sorted(it.publication.built(run))
        foreign = UploadedFile(name, "0.4.0", "bdist_wheel", "", b"built by hand")
        publisher = next(known for known, (name, _) in registries.index.pending.items() if name == "demo")
        registries.index.pending.clear()
        registries.index.add_project("demo", publisher).files[foreign.name] = foreign
        # The same crate, packed by another hand.
        (packed,) = run.workflow_artifacts.directory.rglob("*.crate")
        content = gzip.compress(gzip.decompress(packed.read_bytes()), 1)
        line = {"name": "demo-sdk", "vers": "0.4.0", "deps": [], "features": {}, "yanked": False}
        line["cksum"] = hashlib.sha256(content).hexdigest()
        registries.crates.crate("demo-sdk").versions["0.4.0"] = CrateVersion("0.4.0", line, content)
        assert len(it.remember()) == 2

        run = it.publication.rerun(run)
        assert "never replaced" in found(run, "publish-demo").saw
        assert "yank 0.4.0 if it is wrong" in found(run, "publish-demo").remedy
        assert "run `just prepare` for the next version" in found(run, "publish-demo").remedy
        assert found(run, "publish-demo-sdk").remedy == "run `just verify 0.4.0`"
        for question in ("demo==0.4.0", "demo-sdk@=0.4.0"):
            assert f"{question}: differs: " in found(run, "verify-published").saw
        assert "yank" in found(run, "verify-published").remedy
        assert len(it.remember()) == 2, "beside a foreign file something was published"
        assert str(it.publication.missing()).count("has other bytes of") == 2
        assert {each.status for each in it.publication.unfinished()} == {"failed"}

        unasked()
        it.publication.trust()
        (run,) = it.publication.start(demo.release("0.4.1"))
        assert run.passed, it.said
        assert it.publication.built(run).items() <= it.remember().items()


# By hand


def test_by_hand_from_a_branch_everything_is_built_and_nothing_published(demo, unasked):
    unasked()
    with demo.publication() as it:
        it.publication.trust()
        assert it.publication.runner.push("refs/heads/main") is None
        run = it.publication.runner.dispatch("refs/heads/main", {"artifact": "demo"})
        assert run.passed, it.said
        assert ran(run) == ["build", "check-dists", "verify-crate"]
        assert (it.stored(), it.uploads()) == ({}, [])


def test_one_artifact_is_published_from_the_tag_by_hand_and_the_others_are_left_alone(demo, unasked):
    with demo.publication() as it:
        first = it.checked()
        unasked()
        for artifact, count in (("demo-extra", 2), ("demo-sdk", 3), ("demo", 5)):
            run = it.publication.runner.dispatch(TAG, {"artifact": artifact})
            assert run.passed, it.said
            assert set(ran(run)) & set(PUBLISHING) == {f"publish-{artifact}"}
            assert len(it.remember()) == count
        assert it.uploads() == [200] * 5
        # Built anew from the same commit they are the same bytes, so the run that had failed ends well, too.
        unasked(False)
        again = it.publication.rerun(first)
        assert it.remember() == it.publication.built(again)
        assert failed(again) == ["publish-demo-sdk"]
        assert it.publication.unfinished().status == "warning"


# Asked for, as `--fault`


@pytest.mark.parametrize("fault", get_args(RegistryFault))
def test_a_fault_that_was_asked_for_comes_once_and_ends_with_everything_out_once(demo, unasked, fault):
    unasked()
    with demo.publication() as it:
        first, second = it.publication.start(TAG, fault)
        assert failed(first)
        assert set(failed(first)) <= set(PUBLISHING)
        for job in failed(first):
            assert "Re-run failed jobs" in found(first, job).remedy
        assert second.attempt == 2
        assert it.stored() == it.publication.built(second)
        assert not it.publication.missing()
        assert it.publication.unfinished().status == ("warning" if fault == "lost-answer" else "ok")


def record(demo) -> dict:
    """The record that a rehearsal has left, which is of its schema, jobs and all."""
    kept = json.loads((demo.root / "runs/rehearsal-0.4.0.json").read_text("utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(kept)
    return kept


def test_a_lost_answer_is_shown_and_recorded_with_why_one_job_stays_red(demo, rehearse, tmp_path):
    before = demo.git("for-each-ref", cwd=demo.bare)
    process = rehearse("--fault", "lost-answer")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "asked for, until all jobs have run: each registry stores the first upload and answers 500" in told
    assert 'as "Re-run failed jobs" does, the failed jobs run again' in told
    assert "1 job failed, although its artifacts were published:" in told
    assert "! warning: rehearsed workflow: job `publish-demo-sdk`" in told
    table = told[told.index("files of 0.4.0 in the rehearsed registries:") :].splitlines()[1:5]
    assert [re.split(" {2,}", line.strip()) for line in table] == [
        ["artifact", "PyPI", "crates.io"],
        ["demo", "✓ 2 files"],
        ["demo-extra", "✓ 2 files"],
        ["demo-sdk", "✓ 1 file"],
    ]
    assert "✓ 0.4.0 was released in this rehearsal" in told
    assert "origin holds refs/tags/v0.4.0, annotated tag of" in told

    kept = record(demo)
    assert kept["outcome"] == "released"
    attempts = [(each["attempt"], each["name"], each["state"]) for each in kept["jobs"]]
    assert attempts == [
        (1, "build", "success"),
        (1, "check-dists", "success"),
        (1, "verify-crate", "success"),
        (1, "publish-demo", "failure"),
        (1, "publish-demo-extra", "success"),
        (1, "publish-demo-sdk", "failure"),
        (1, "verify-published", "success"),
        (2, "publish-demo", "success"),
        (2, "publish-demo-sdk", "failure"),
        (2, "verify-published", "success"),
    ]
    assert kept["jobs"][3]["finding"]["remedy"] == '"Re-run failed jobs"'
    assert {each["artifact"]: len(each["files"]) for each in kept["published"]} == {
        "demo": 2,
        "demo-extra": 2,
        "demo-sdk": 1,
    }
    page = (demo.root / "runs/rehearsal-0.4.0.ipynb").read_text("utf-8")
    for text in (told, json.dumps(kept), page):
        assert not re.search(r"pypi-[\w-]{40}|cio_tp_|add-mask|eyJ[\w-]{20}", text), "a token was shown"
        assert str(tmp_path) not in text
    assert demo.git("for-each-ref", cwd=demo.bare) == before


@pytest.mark.parametrize(
    ("fault", "stage", "words"),
    [
        ("protected-branch", "push-branch", ["made through a pull request", "bring this commit in by a pull request"]),
        ("refused-tag", "push-tag", ["creations being restricted", "bypass list", "never take another name"]),
    ],
)
def test_a_rule_of_the_remote_ends_the_release_at_its_stage_with_what_to_do(demo, rehearse, fault, stage, words):
    process = rehearse("--fault", fault)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"release of 0.4.0 refused: `{stage}`" in told
    for each in words:
        assert each in told
    assert record(demo)["outcome"] == "refused"
    assert record(demo)["jobs"] == []


def test_what_is_not_out_or_not_as_it_should_be_refuses_the_rehearsal_with_every_reason(demo, rehearse):
    process = rehearse(DEMO_ASKS="binoc-runbook", DEMO_BUILD="missing")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    last = told[told.index("the rehearsed publication of 0.4.0 is not whole") :]
    assert "`demo` 0.4.0 at the rehearsed PyPI: was not published" in last
    assert "`demo-sdk` 0.4.0 at the rehearsed crates.io: was not published" in last
    assert "the wheel is missing" in last
    assert "nothing outside this rehearsal was changed" in last
    assert "Traceback" not in told
    assert (record(demo)["outcome"], [each["files"] for each in record(demo)["published"]]) == ("refused", [{}] * 3)


def test_ctrl_c_during_a_job_ends_it_and_leaves_nothing_behind(demo, rehearse, tmp_path):
    started = tmp_path / "started"
    slow = f"@echo $$ > {started}; sleep 60"
    text = (demo.root / "justfile").read_text().replace("@python build.py", slow)
    (demo.root / "justfile").write_text(text)
    demo.git("commit", "--quiet", "--all", "-m", "A slow build", cwd=demo.root)
    process = rehearse()
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "interrupted in the rehearsed workflow" in told
    assert "nothing outside this rehearsal was changed" in told
    assert "Traceback" not in told
    assert not Path(f"/proc/{started.read_text().strip()}").exists()
