"""Effects of actions: interrupted and failed pushes, and two runs at once, with real processes and remotes."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.effects import flag_of
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.version import Version
from binoc_runbook.world import World

BEFORE = ["tree", "surface", "sync", "workflow", "remote", "tests"]
ACTIONS = ["push-branch", "tag", "push-tag"]

#: The date of the tag of the other clone.
DATE = "2026-11-29T10:00:00Z"

#: A release in a process: it prints the refusal, and exits with the exit code of the command.
RELEASE = """
import sys
from pathlib import Path
from binoc_runbook.finding import InterruptedRunError, RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.version import Version
from binoc_runbook.world import World

class Reporter:
    def __getattr__(self, name):
        return lambda *arguments: None

root = Path(sys.argv[1])
try:
    target = open_target(World.real(root), Version.parse("0.4.0"))
    release = Release(target, Reporter(), root / "runs", dry_run=False)
    for name in ("tree", "surface", "sync", "workflow", "remote", "tests"):
        release.run(name)
    release.recheck()
    for name in ("push-branch", "tag", "push-tag"):
        release.run(name)
    release.finish()
except RefusedError as refusal:
    print(refusal)
    sys.exit(130 if isinstance(refusal, InterruptedRunError) else 1)
"""


class SilentReporter:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def start():
    """A function that starts a release of a checkout in another process."""
    processes = []
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}

    def run(checkout):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", RELEASE, checkout.root],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return processes[-1]

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def release_of(checkout, monkeypatch):
    """A function that runs the stages of a release up to the given one in this process."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)

    def run(root=checkout.root, until=None):
        # A different date, so that two tags are different objects.
        environment = {} if root == checkout.root else {"GIT_COMMITTER_DATE": DATE}
        target = open_target(World.real(root, environment), Version.parse("0.4.0"))
        release = Release(target, SilentReporter(), root / "runs", dry_run=False)
        for name in [*BEFORE, "recheck", *ACTIONS, "finish"]:
            if name == until:
                break
            release.run(name) if name in BEFORE + ACTIONS else getattr(release, name)()
        return release

    return run


def hook(repository, name, script):
    path = repository / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def lose_answer(repository, ref, effect="true"):
    """Let a push of a ref end after its effect and before the answer of the server (githooks(5))."""
    name = "reference-transaction"
    hook(repository, name, f'[ $1 = committed ] && grep -q " {ref}$" || exit 0\n{effect}; kill -KILL $PPID')


def wait_for(path, process):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def end_of(process):
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def record_of(root):
    return json.loads((root / "runs/0.4.0.json").read_text())


def findings_of(root, name):
    (stage,) = [stage for stage in record_of(root)["stages"] if stage["name"] == name]
    return stage["findings"]


def actions(root):
    return {
        stage["name"]: (stage["started"], stage["acted"])
        for stage in record_of(root)["stages"]
        if stage["name"] in ACTIONS
    }


# Interrupted and failed actions


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v0.4.0"])
def test_interruption_after_the_effect_and_before_the_answer_reports_the_effect(checkout, start, tmp_path, ref):
    arrived = tmp_path / "arrived"
    hook(checkout.remote, "post-receive", f"read old new ref; [ $ref != {ref} ] || {{ touch {arrived}; sleep 3; }}")
    process = start(checkout)
    wait_for(arrived, process)
    process.send_signal(signal.SIGINT)
    code, output = end_of(process)
    assert code == 130
    done = {"refs/heads/main": "done so far: push-branch;", "refs/tags/v0.4.0": "push-branch, tag, push-tag;"}[ref]
    assert done in output
    assert "pushed nothing" not in output
    assert ref in checkout.remote_refs()
    assert record_of(checkout.root)["outcome"] == "unfinished"
    (checkout.remote / "hooks/post-receive").unlink()
    code, output = end_of(start(checkout))
    assert code == 0, output


def test_interruption_before_the_effect_reports_that_the_push_can_arrive_later(checkout, start, tmp_path):
    arriving = tmp_path / "arriving"
    wait = f"read old new ref; [ $ref != refs/tags/v0.4.0 ] || {{ touch {arriving}; sleep 3; }}"
    hook(checkout.remote, "pre-receive", wait)
    process = start(checkout)
    wait_for(arriving, process)
    process.send_signal(signal.SIGINT)
    code, output = end_of(process)
    assert code == 130
    assert "done so far: push-branch, tag;" in output
    assert "can arrive later: `git ls-remote origin refs/heads/main refs/tags/v0.4.0" in output
    assert actions(checkout.root)["push-tag"] == (True, False)


def test_lost_remote_after_a_push_reports_that_the_push_may_have_arrived(checkout, start):
    gone = f"{checkout.remote}-gone"
    lose_answer(checkout.remote, "refs/tags/v0.4.0", f"mv {checkout.remote} {gone}")
    code, output = end_of(start(checkout))
    assert code == 1
    assert "the push of `refs/tags/v0.4.0` may have arrived: `git ls-remote origin" in output
    assert "done so far: push-branch, tag;" in output
    shutil.move(gone, checkout.remote)
    assert "refs/tags/v0.4.0" in checkout.remote_refs()


def test_lost_remote_after_an_answer_reports_the_answer(checkout, start):
    lose = f"read old new ref; [ $ref != refs/tags/v0.4.0 ] || mv {checkout.remote} {checkout.remote}-gone"
    hook(checkout.remote, "post-receive", lose)
    code, output = end_of(start(checkout))
    assert code == 1
    assert "`origin` has accepted `refs/tags/v0.4.0`, but could not be checked afterwards: `git ls-remote" in output


@pytest.mark.parametrize(
    ("ref", "name", "acted"), [("refs/heads/main", "push-branch", False), ("refs/tags/v0.4.0", "push-tag", True)]
)
def test_without_an_answer_only_the_object_shows_that_this_run_made_the_change(checkout, start, ref, name, acted):
    lose_answer(checkout.remote, ref)
    code, output = end_of(start(checkout))
    assert code == 0, output
    assert actions(checkout.root)[name] == (True, acted)
    assert {finding["status"] for finding in findings_of(checkout.root, name)} == (
        {"ok"} if acted else {"ok", "warning"}
    )


def test_refused_push_has_not_arrived(checkout, release_of):
    hook(checkout.remote, "pre-receive", "exit 1")
    with pytest.raises(RefusedError) as refusal:
        release_of()
    assert refusal.value.after.startswith("the push of `refs/heads/main` was rejected;")
    assert actions(checkout.root) == {"push-branch": (True, False)}


def test_run_without_an_action_pushed_nothing(checkout, release_of):
    checkout.edit("CHANGELOG.md", "Everything", "All")
    with pytest.raises(RefusedError) as refusal:
        release_of()
    assert refusal.value.after == "this run pushed nothing and tagged nothing"


def test_interruption_of_the_tests_ends_with_130(checkout, start, tmp_path):
    started = tmp_path / "started"
    checkout.edit("pyproject.toml", '["git", "--version"]', json.dumps(["sh", "-c", f"touch {started}; sleep 60"]))
    checkout.commit()
    process = start(checkout)
    wait_for(started, process)
    process.send_signal(signal.SIGINT)
    code, output = end_of(process)
    assert code == 130
    assert "this run pushed nothing and tagged nothing" in output


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("*\trefs/tags/v1:refs/tags/v1\t[new tag]", "*"),
        (" \tabc:refs/tags/v1\t1..2", " "),
        ("=\tabc:refs/tags/v1\t[up to date]", "="),
        ("!\tabc:refs/tags/v1\t[remote rejected] (hook declined)", "!"),
        ("!\tabc:refs/tags/v1\t[remote failure] (remote failed to report status)", None),
        ("*\tabc:refs/tags/v10\t[new tag]", None),
        ("Done", None),
    ],
)
def test_answer_of_the_remote(line, flag):
    result = ProcessResult(("git", "push"), 0, f"To origin\n{line}\nDone\n", "")
    assert flag_of(result, "refs/tags/v1") == flag
    assert flag_of(None, "refs/tags/v1") is None


def test_commit_during_the_tests_is_reported(checkout, release_of):
    command = ["git", "commit", "--quiet", "--allow-empty", "--message=During the tests"]
    checkout.edit("pyproject.toml", '["git", "--version"]', json.dumps(command))
    before = checkout.commit()
    refs = checkout.remote_refs()
    with pytest.raises(RefusedError) as refusal:
        release_of()
    (finding,) = refusal.value.findings
    assert (finding.check, finding.status, finding.looked_at) == ("tests", "failed", "HEAD")
    assert before[:12] in finding.saw
    assert checkout.head()[:12] in finding.saw
    assert checkout.remote_refs() == refs


# Two runs at once


@pytest.fixture
def other(checkout, tmp_path):
    """Another clone of the remote at the same commit."""
    root = tmp_path / "other"
    checkout.git("clone", "--quiet", str(checkout.root), str(root))
    checkout.git("remote", "set-url", "origin", str(checkout.remote), cwd=root)
    for name, value in (("user.name", "Rosa Release"), ("user.email", "rosa@example.org")):
        checkout.git("config", name, value, cwd=root)
    return root


def tag_object(checkout, root):
    return checkout.git("rev-parse", "refs/tags/v0.4.0", cwd=root)


def assert_that_the_loser_adopted_the_tag(checkout):
    there = checkout.remote_refs()["refs/tags/v0.4.0"]
    assert f"> {int(datetime.datetime.fromisoformat(DATE).timestamp())} " in checkout.git(
        "cat-file", "tag", there, cwd=checkout.remote
    )
    assert tag_object(checkout, checkout.root) == there
    record = record_of(checkout.root)
    findings = [finding for stage in record["stages"] for finding in stage["findings"] if "10:00 UTC" in finding["saw"]]
    assert [(finding["status"], "Rosa Release" in finding["saw"]) for finding in findings] == [("warning", True)]
    assert not any(stage["acted"] for stage in record["stages"] if stage["name"] in ("tag", "push-tag"))
    assert record["outcome"] == "released"


def test_tag_of_another_run_before_the_own_tag(checkout, release_of, other):
    release = release_of(until="tag")
    release_of(other)
    release.run("tag")
    release.run("push-tag")
    release.finish()
    assert_that_the_loser_adopted_the_tag(checkout)


def test_tag_of_another_run_after_the_own_tag(checkout, release_of, other):
    release = release_of(until="push-tag")
    release_of(other)
    assert tag_object(checkout, checkout.root) != tag_object(checkout, other)
    release.run("push-tag")
    release.finish()
    assert_that_the_loser_adopted_the_tag(checkout)


@pytest.mark.parametrize(("ref", "name"), [("refs/heads/main", "push-branch"), ("refs/tags/v0.4.0", "push-tag")])
def test_push_of_another_run_during_the_own_push(checkout, start, other, ref, name):
    # The hook runs after git has read the refs of the remote, and before it sends anything.
    checkout.git("tag", "-a", "-m", "theirs", "v0.4.0", cwd=other)
    tag = f"GIT_COMMITTER_DATE={DATE} git tag --force -a -m theirs v0.4.0"
    refs = f"HEAD:refs/heads/main {ref if 'tags' in ref else ''}"
    push = f"cd {other} && unset GIT_DIR && {tag} && git push --quiet origin {refs}"
    hook(checkout.root / ".git", "pre-push", f'grep -q "{ref} " || exit 0\n{push}')
    code, output = end_of(start(checkout))
    assert code == 0, output
    assert actions(checkout.root)[name] == (True, False)
    if "tags" in ref:
        assert_that_the_loser_adopted_the_tag(checkout)
    else:
        (finding,) = [finding for finding in findings_of(checkout.root, name) if finding["status"] != "ok"]
        assert (finding["check"], finding["status"]) == (name, "warning")


def test_different_tag_of_an_earlier_attempt_is_not_replaced(checkout, release_of, other):
    release_of(until="push-tag")
    own = tag_object(checkout, checkout.root)
    release_of(other)
    release = release_of()
    assert tag_object(checkout, checkout.root) == own
    (warning,) = {finding for run in release.record.stages for finding in run.findings.having("warning")}
    assert warning.check == "remote"
    subprocess.run(["sh", "-ec", warning.remedy], cwd=checkout.root, check=True, capture_output=True)
    assert tag_object(checkout, checkout.root) == checkout.remote_refs()["refs/tags/v0.4.0"]


def test_second_release_of_the_same_clone_is_refused_and_the_record_of_the_first_is_kept(checkout, start, tmp_path):
    started, go = tmp_path / "started", tmp_path / "go"
    command = f"touch {started}; while [ ! -e {go} ]; do sleep 0.05; done"
    checkout.edit("pyproject.toml", '["git", "--version"]', json.dumps(["sh", "-c", command]))
    checkout.commit()
    first = start(checkout)
    wait_for(started, first)
    record = (checkout.root / "runs/0.4.0.json").read_bytes()
    code, output = end_of(start(checkout))
    assert code == 1
    assert f"process {first.pid} on `" in output
    assert (checkout.root / "runs/0.4.0.json").read_bytes() == record
    go.touch()
    assert end_of(first) == (0, "")
    assert all(acted for _, acted in actions(checkout.root).values())


def test_record_of_a_killed_release_is_kept(checkout, start, tmp_path):
    started = tmp_path / "started"
    hook(checkout.remote, "post-receive", f"touch {started}; sleep 1")
    process = start(checkout)
    wait_for(started, process)
    process.kill()
    process.wait()
    killed = (checkout.root / "runs/0.4.0.json").read_bytes()
    (checkout.remote / "hooks/post-receive").unlink()
    code, output = end_of(start(checkout))
    assert code == 0, output
    (kept,) = (checkout.root / "runs/0.4.0").glob("*/0.4.0.json")
    assert kept.read_bytes() == killed
    assert json.loads(killed)["outcome"] == "unfinished"
    assert record_of(checkout.root)["outcome"] == "released"


# Records that cannot be written


def fill_the_disk(runs):
    """Let the next write of the record by this process fail as on a full disk."""
    (runs / f".0.4.0.json.{os.getpid()}").symlink_to("/dev/full")


@pytest.mark.parametrize("cause", ["runs is a file", "full disk"])
def test_record_that_cannot_be_written_stops_the_release_at_its_start(checkout, release_of, cause):
    runs = checkout.root / "runs"
    if cause == "full disk":
        runs.mkdir()
        fill_the_disk(runs)
    else:
        runs.touch()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refusal:
        release_of()
    assert {(finding.check, finding.status) for finding in refusal.value.findings} == {("release", "failed")}
    assert refusal.value.after == "this run pushed nothing and tagged nothing"
    assert checkout.remote_refs() == before


def test_full_disk_after_a_push_reports_what_is_done(checkout, release_of):
    release = release_of(until="push-branch")
    fill_the_disk(checkout.root / "runs")
    with pytest.raises(RefusedError) as refusal:
        release.run("push-branch")
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("release", "failed")]
    assert "done so far: push-branch;" in refusal.value.after
    (checkout.root / f"runs/.0.4.0.json.{os.getpid()}").unlink()
    release_of()
    assert "refs/tags/v0.4.0" in checkout.remote_refs()


def test_log_that_cannot_be_written_is_a_failure_of_the_tests(checkout, release_of):
    (checkout.root / "runs").mkdir()
    (checkout.root / "runs/0.4.0").touch()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refusal:
        release_of()
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("tests", "failed")]
    assert checkout.remote_refs() == before
