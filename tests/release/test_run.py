"""Tests of a release in one process, with real git and a real remote: complete, refusal, interrupted and resumed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re

import pytest

from binoc_runbook.finding import InterruptedRunError, RefusedError
from binoc_runbook.rehearsal.rehearsal_world import open_world
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import check_record
from binoc_runbook.stages import STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World

BEFORE = ["tree", "surface", "sync", "workflow", "remote", "tests"]
ACTION_STAGES = ["push-branch", "tag", "push-tag"]


class SilentReporter:
    """A reporter that keeps the lines of the test command and prints nothing."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)

    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def run(checkout, monkeypatch):
    """A function that runs a release of the checkout, like the cells of the notebook."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)

    def run_release(*, dry_run=False, until=None, retest=False, version="0.4.0"):
        target = open_target(World.real(checkout.root, trusted=True), Version.parse(version), retest=retest)
        release = Release(target, SilentReporter(), checkout.root / "runs", dry_run=dry_run)
        for name in [*BEFORE, "recheck", *ACTION_STAGES, "finish"]:
            if name == until:
                break
            release.run(name) if name in BEFORE + ACTION_STAGES else getattr(release, name)()
        return release

    return run_release


def states(release):
    return {run.stage.name: run.state for run in release.record.stages}


def acted(release):
    return [run.stage.name for run in release.record.stages if run.acted]


def saw(release):
    """Return the text of the last finding of the tests."""
    return next(run for run in release.record.stages if run.stage.name == "tests").findings[-1].saw


def tag_of(checkout):
    return checkout.git("cat-file", "tag", "v0.4.0", cwd=checkout.remote)


def test_release_pushes_the_branch_and_an_annotated_tag(checkout, run):
    release = run()
    assert acted(release) == ["tests", *ACTION_STAGES]
    refs = checkout.remote_refs()
    assert refs["refs/heads/main"] == refs["refs/tags/v0.4.0^{}"] == checkout.head()
    assert refs["refs/tags/v0.4.0"] != checkout.head()


@pytest.mark.parametrize(("recent", "state"), [(60.0, "done"), (0.0, "blocked")])
def test_checks_begin_with_the_plan_and_are_repeated_before_the_push(checkout, run, monkeypatch, recent, state):
    monkeypatch.setattr("binoc_runbook.release.run.RECENT", recent)
    release = run(until="tree")
    release.plan()
    release._begun[-1].result()
    checkout.edit("CHANGELOG.md", "Everything", "Everything else")
    release.run("tree")
    assert states(release) == {"tree": state}
    with pytest.raises(RefusedError):
        release.recheck()
    assert states(release) == {"tree": "blocked"}


def test_interrupted_plan_ends_the_checks(checkout, run, monkeypatch):
    def interrupt(release):
        raise KeyboardInterrupt

    release = run(until="tree")
    monkeypatch.setattr(release._reporter, "plan", interrupt, raising=False)
    with pytest.raises(InterruptedRunError):
        release.plan()
    assert release._begun is None
    release.run("tree")
    assert states(release) == {"tree": "done"}


def test_changelog_section_is_the_tag_message(checkout, run):
    run()
    assert tag_of(checkout).split("\n\n", 1)[1].startswith("v0.4.0\n\n### Added\n\n- Everything.")


def test_second_release_changes_nothing(checkout, run):
    run()
    before = checkout.remote_refs()
    again = run()
    assert acted(again) == []
    assert set(states(again).values()) == {"done"}
    assert checkout.remote_refs() == before


def test_second_release_after_the_commit_of_the_record_changes_nothing(checkout, run):
    run()
    assert (checkout.root / "docs/releases/0.4.0.json").is_file()
    checkout.commit("Record the release")
    before = checkout.remote_refs()
    again = run()
    assert acted(again) == []
    assert checkout.remote_refs() == before
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_unfinished_records_of_killed_releases_are_removed(checkout, run):
    names = [".0.4.0.json.4242", ".0.4.0.4242.ipynb", ".0.4.0-rc.1.json.4242"]
    for name in names:
        checkout.write(f"docs/releases/{name}", "{")
    run()
    assert sorted(path.name for path in (checkout.root / "docs/releases").iterdir()) == [names[2], "0.4.0.json"]


def test_second_release_reports_the_commits_that_are_not_in_it(checkout, run):
    run()
    checkout.write("new.txt", "new\n")
    checkout.commit("A forgotten bump")
    release = run()
    (remote,) = (stage for stage in release.record.stages if stage.stage.name == "remote")
    (warning,) = remote.findings.having("warning")
    assert "A forgotten bump" in warning.saw
    assert warning.remedy == "just prepare 0.4.1"
    assert release.record.outcome == "released"


def test_dry_run_shows_the_commands_and_changes_nothing(checkout, run):
    before = checkout.remote_refs()
    release = run(dry_run=True)
    assert checkout.remote_refs() == before
    assert checkout.git("tag", cwd=checkout.root) == ""
    commands = {run.stage.name: [command.arguments for command in run.commands] for run in release.record.stages}
    assert [{"push", "tag"} & set(commands[name][0]) for name in ACTION_STAGES] == [{"push"}, {"tag"}, {"push"}]


def test_release_runs_the_commands_of_the_plan(checkout, run):
    planned = run(dry_run=True).record.to_json()["stages"]
    performed = run().record.to_json()["stages"]
    assert [stage["commands"] for stage in planned if stage["name"] in ACTION_STAGES] == [
        stage["commands"] for stage in performed if stage["name"] in ACTION_STAGES
    ]


def test_dry_run_reports_all_reasons_at_the_end(checkout, run):
    checkout.write("CHANGELOG.md", "# Changelog\n")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    with pytest.raises(RefusedError, match="`tree`, `surface`, `sync`") as refusal:
        run(dry_run=True)
    text = str(refusal.value)
    assert {finding.check for finding in refusal.value.findings} == {"tree", "surface", "sync"}
    assert "demo-core" in text
    assert "CHANGELOG.md" in text


def test_release_does_not_run_the_tests_after_a_failed_stage(checkout, run):
    checkout.edit("pyproject.toml", 'test = ["git", "--version"]', 'test = ["touch", "tested"]')
    checkout.commit()
    checkout.edit("CHANGELOG.md", "Everything", "All")
    with pytest.raises(RefusedError, match="`tree`"):
        run()
    assert not (checkout.root / "tested").exists()


def test_unreachable_remote_stops_a_release_but_not_a_dry_run(checkout, run):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    assert states(run(dry_run=True))["remote"] == "unknown"
    with pytest.raises(RefusedError) as refusal:
        run()
    assert {(finding.check, finding.status) for finding in refusal.value.findings} == {("remote", "unknown")}


@pytest.mark.parametrize("stopped_before", ["tests", "recheck", *ACTION_STAGES])
def test_stopped_release_is_finished_by_the_same_command(checkout, run, stopped_before):
    run(until=stopped_before)
    release = run()
    assert set(states(release).values()) == {"done"}
    assert checkout.remote_refs()["refs/tags/v0.4.0^{}"] == checkout.head()


def test_resumed_release_does_not_test_the_same_tree_again(run):
    run(until="push-branch")
    assert "tests" not in acted(run())


def test_retest_runs_the_tests_again(run):
    run(until="push-branch")
    assert "tests" in acted(run(retest=True))


def test_different_tree_is_tested_again(checkout, run):
    run(until="push-branch")
    checkout.write("CHANGELOG.md", (checkout.root / "CHANGELOG.md").read_text() + "- More.\n")
    checkout.commit()
    assert "tests" in acted(run())


def test_result_with_untracked_files_is_not_kept(checkout, run):
    checkout.write("only-here.txt", "")
    run(until="push-branch")
    (checkout.root / "only-here.txt").unlink()
    assert "tests" in acted(run())


def test_failed_test_stops_the_release_and_reports_its_output(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["git", "no-such-command"]')
    checkout.commit()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refusal:
        run()
    assert "'no-such-command' is not a git command" in str(refusal.value)
    assert "runs/0.4.0/tests.log" in str(refusal.value)
    assert checkout.remote_refs() == before


def test_missing_test_command_is_reported(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["no-such-program"]')
    checkout.commit()
    with pytest.raises(RefusedError, match="`no-such-program`"):
        run()


def test_tracked_file_that_the_tests_change_stops_the_release(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["rm", "CHANGELOG.md"]')
    checkout.commit()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError, match=r"`CHANGELOG\.md`"):
        run()
    assert checkout.remote_refs() == before


def test_result_with_hidden_changes_is_not_kept(checkout, run):
    checkout.git("update-index", "--assume-unchanged", "crates/demo-sdk/src/lib.rs", cwd=checkout.root)
    checkout.write("crates/demo-sdk/src/lib.rs", "// other\n")
    with pytest.raises(RefusedError):
        run(dry_run=True)
    checkout.write("crates/demo-sdk/src/lib.rs", "")
    assert "tests" in acted(run())


HIDE = "git update-index --assume-unchanged {0} && sed -i.old s/0.4.0/0.5.0/ {0} && rm {0}.old"


@pytest.mark.parametrize("path", ["Cargo.toml", "CHANGELOG.md"])
def test_hidden_change_during_the_tests_stops_the_release(checkout, run, path):
    checkout.edit("pyproject.toml", '["git", "--version"]', f'["sh", "-c", "{HIDE.format(path)}"]')
    checkout.commit()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refused:
        run()
    assert ("failed", "git ls-files -v") in {(finding.status, finding.looked_at) for finding in refused.value.findings}
    assert checkout.remote_refs() == before


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_prepared_version_that_is_not_in_the_commit_is_not_released(checkout, run, flag):
    paths = ("Cargo.toml", "Cargo.lock", "CHANGELOG.md", "crates/demo-core/Cargo.toml")
    checkout.git("update-index", flag, *paths, cwd=checkout.root)
    for path in paths:
        checkout.write(path, (checkout.root / path).read_text("utf-8").replace("0.4.0", "0.5.0"))
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refused:
        run(version="0.5.0")
    assert {finding.check for finding in refused.value.findings} == {"tree"}
    assert checkout.remote_refs() == before
    assert not checkout.git("tag", cwd=checkout.root)


def test_message_of_the_tag_is_that_of_the_commit(checkout, run):
    run(until="tag")
    checkout.edit("CHANGELOG.md", "Everything", "Something else")
    with pytest.raises(RefusedError):
        run()
    checkout.git("update-index", "--assume-unchanged", "CHANGELOG.md", cwd=checkout.root)
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    (command,) = STAGES[-2].commands(target)
    assert "Everything" in command.stdin


def test_push_by_another_user_during_the_tests_stops_the_release(checkout, run):
    release = run(until="recheck")
    checkout.push_from_another_clone()
    with pytest.raises(RefusedError) as refusal:
        release.recheck()
    assert {(finding.check, finding.status) for finding in refusal.value.findings} == {("remote", "failed")}


@pytest.mark.parametrize("when", ["recheck", *ACTION_STAGES])
def test_commit_after_the_tests_is_not_released(checkout, run, when):
    release = run(until=when)
    before = checkout.remote_refs()
    checkout.commit("Not tested")
    with pytest.raises(RefusedError, match="HEAD"):
        release.recheck() if when == "recheck" else release.run(when)
    assert checkout.remote_refs() == before


@pytest.mark.parametrize("key", ["remote.origin.url", "remote.origin.pushurl"])
@pytest.mark.parametrize("when", ["recheck", *ACTION_STAGES])
def test_remote_that_the_tests_change_is_not_pushed_to(checkout, run, git, when, key):
    release = run(until=when)
    other = checkout.root.parent / "other.git"
    git("clone", "--quiet", "--bare", str(checkout.remote), str(other))
    checkout.git("config", key, str(other), cwd=checkout.root)
    before = git("ls-remote", str(other))
    with pytest.raises(RefusedError):
        release.recheck() if when == "recheck" else release.run(when)
    assert git("ls-remote", str(other)) == before


def test_protected_branch_stops_the_release_before_the_tag(checkout, run):
    hook = checkout.remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nwhile read old new ref; do case $ref in refs/heads/main) exit 1;; esac; done\n")
    hook.chmod(0o755)
    with pytest.raises(RefusedError, match="pull request"):
        run()
    assert checkout.git("tag", cwd=checkout.root) == ""

    # The commit is merged on the remote; then the same command finishes the release.
    hook.unlink()
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    assert acted(run()) == ["tag", "push-tag"]


def test_refused_tag_is_kept_and_pushed_by_the_next_run(checkout, run):
    hook = checkout.remote / "hooks/update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/tags/*) echo no tags today >&2; exit 1;; esac\n")
    hook.chmod(0o755)
    with pytest.raises(RefusedError) as refusal:
        run()
    assert "no tags today" in str(refusal.value)
    assert "push-branch, tag" in str(refusal.value)
    tag = checkout.git("rev-parse", "v0.4.0", cwd=checkout.root)
    hook.unlink()
    assert acted(run()) == ["push-tag"]
    assert checkout.remote_refs()["refs/tags/v0.4.0"] == tag


def test_push_that_succeeds_with_an_error_is_done(checkout, run, tmp_path):
    # A wrapper of receive-pack that fails after it has succeeded.
    lossy = tmp_path / "lossy"
    lossy.write_text('#!/bin/sh\ngit-receive-pack "$@"\nexit 1\n')
    lossy.chmod(0o755)
    checkout.git("config", "remote.origin.receivepack", str(lossy), cwd=checkout.root)
    assert set(states(run()).values()) == {"done"}


def test_tag_that_only_the_remote_has_is_not_created_again(checkout, run):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    checkout.git("tag", "-a", "-m", "theirs", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    theirs = checkout.git("rev-parse", "v0.4.0", cwd=checkout.root)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    release = run()
    assert set(states(release).values()) == {"done"}
    assert checkout.git("rev-parse", "v0.4.0", cwd=checkout.root) == theirs
    assert checkout.remote_refs()["refs/tags/v0.4.0"] == theirs


def test_branch_is_pushed_for_a_tag_that_was_pushed_alone(checkout, run):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    assert acted(run()) == ["tests", "push-branch"]
    assert checkout.remote_refs()["refs/heads/main"] == checkout.head()


@pytest.mark.parametrize("where", ["here", "there"])
def test_tag_of_a_different_commit_is_not_moved(checkout, run, where):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", "HEAD~1", cwd=checkout.root)
    if where == "there":
        checkout.git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
        side = checkout.commit("Side")
        checkout.git("push", "--quiet", "origin", f"{side}:refs/tags/v0.4.0", cwd=checkout.root)
        checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
        checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    before = checkout.remote_refs()
    with pytest.raises(RefusedError, match=r"v0\.4\.0"):
        run()
    assert checkout.remote_refs() == before


def test_record_has_all_stages_and_no_paths_of_the_machine(checkout, run, tmp_path):
    run()
    text = (checkout.root / "docs/releases/0.4.0.json").read_text()
    record = json.loads(text)
    assert [stage["name"] for stage in record["stages"]] == [stage.name for stage in STAGES]
    assert (record["outcome"], record["commit"]) == ("released", checkout.head())
    assert str(tmp_path) not in text


def test_existing_record_is_not_overwritten(checkout, run):
    run()
    first = (checkout.root / "docs/releases/0.4.0.json").read_bytes()
    run()
    assert (checkout.root / "docs/releases/0.4.0.json").read_bytes() == first


def test_filed_record_has_its_digest(checkout, run):
    run()
    assert check_record(checkout.root, Version.parse("0.4.0")).having("ok")
    checkout.edit("docs/releases/0.4.0.json", '"outcome": "released"', '"outcome": "refused"')
    assert check_record(checkout.root, Version.parse("0.4.0")).having("failed")


@pytest.mark.parametrize("failing", [False, True])
def test_record_has_the_output_of_failed_tests_only(checkout, run, failing):
    command = ["sh", "-c", f"echo a line of the tests; exit {failing:d}"]
    checkout.edit("pyproject.toml", '["git", "--version"]', json.dumps(command))
    checkout.commit()
    with contextlib.suppress(RefusedError):
        run()
    stages = json.loads((checkout.root / "runs/0.4.0.json").read_text())["stages"]
    (finding,) = next(stage["findings"] for stage in stages if stage["name"] == "tests")[-1:]
    digest = hashlib.sha256((checkout.root / "runs/0.4.0/tests.log").read_bytes()).hexdigest()
    assert ("a line of the tests" in finding["saw"]) is failing
    assert (f"1 line, 20 bytes, SHA-256 {digest}" in finding["saw"]) is not failing


def test_result_of_earlier_tests_has_the_digest_of_their_output(checkout, run):
    digest = re.search("SHA-256 [0-9a-f]{64}", saw(run(until="recheck")))
    assert digest[0] in saw(run(until="recheck"))


def test_test_command_does_not_get_credentials(checkout, run, monkeypatch):
    monkeypatch.setenv("TWINE_USERNAME", "rosa")
    monkeypatch.setenv("MY_VARIABLE", "mine")
    monkeypatch.setenv("OTHER_VARIABLE", "other")
    checkout.edit("pyproject.toml", '["git", "--version"]', '["env"]\nhidden-variables = ["my_*"]')
    checkout.commit()
    release = run(dry_run=True)
    lines = (checkout.root / "runs/0.4.0/tests.log").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert not names & {"TWINE_USERNAME", "MY_VARIABLE"}
    assert {"OTHER_VARIABLE", "BINOC_RUNBOOK_TESTING", "PATH"} <= names
    assert release.target.world.processes.inherits("TWINE_USERNAME") == "rosa"


def test_refused_release_writes_a_record(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["false"]')
    checkout.commit()
    with pytest.raises(RefusedError):
        run()
    record = json.loads((checkout.root / "runs/0.4.0.json").read_text())
    assert (record["outcome"], record["stages"][-1]["name"]) == ("refused", "tests")
    assert not (checkout.root / "docs/releases").exists()


def test_release_inside_its_test_command_does_not_run_the_tests(checkout, run, monkeypatch):
    monkeypatch.setenv("BINOC_RUNBOOK_TESTING", "0.4.0")
    release = run(dry_run=True)
    assert states(release)["tests"] == "done"
    assert acted(release) == []


def test_rehearsal_performs_the_release_and_does_not_change_the_checkout(checkout):
    world = open_world(checkout.root)
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    before = checkout.remote_refs()
    release = Release(open_target(world, None), SilentReporter(), world.runs, dry_run=False)
    for name in BEFORE:
        release.run(name)
    release.recheck()
    for name in ACTION_STAGES:
        release.run(name)
    release.finish()
    assert set(release.record.refs) == {"HEAD", "refs/heads/main", "refs/tags/v0.4.0", "refs/tags/v0.4.0^{}"}
    assert checkout.remote_refs() == before
    assert checkout.git("tag", cwd=checkout.root) == ""
    assert not world.root.exists()
