"""A whole release in one process: real git, a real remote, and every way in which it can go on from half-way."""

from __future__ import annotations

import json

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.rehearsal_world import open_world
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.stages import STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World

BEFORE = ["tree", "surface", "sync", "workflow", "remote", "tests"]
ACTS = ["push-branch", "tag", "push-tag"]


class Quiet:
    """A reporter that keeps the lines of the test command and shows nothing."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)

    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def run(checkout, monkeypatch):
    """Runs a release of the checkout from end to end, as the cells of the notebook do."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)

    def whole(*, dry_run=False, until=None, retest=False, version="0.4.0"):
        target = open_target(World.real(checkout.root), Version.parse(version), retest=retest)
        release = Release(target, Quiet(), checkout.root / "runs", dry_run=dry_run)
        for name in [*BEFORE, "line", *ACTS, "finish"]:
            if name == until:
                break
            release.run(name) if name in BEFORE + ACTS else getattr(release, name)()
        return release

    return whole


def states(release):
    return {run.stage.name: run.state for run in release.record.stages}


def acted(release):
    return [run.stage.name for run in release.record.stages if run.acted]


def tag_of(checkout):
    return checkout.git("cat-file", "tag", "v0.4.0", cwd=checkout.remote)


def test_a_release_leaves_the_branch_and_an_annotated_tag_of_the_commit(checkout, run):
    release = run()
    assert acted(release) == ["tests", *ACTS]
    refs = checkout.remote_refs()
    assert refs["refs/heads/main"] == refs["refs/tags/v0.4.0^{}"] == checkout.head()
    assert refs["refs/tags/v0.4.0"] != checkout.head()


def test_the_changelog_section_is_the_message_of_the_tag_headings_included(checkout, run):
    run()
    assert tag_of(checkout).split("\n\n", 1)[1].startswith("v0.4.0\n\n### Added\n\n- Everything.")


def test_the_same_release_again_changes_nothing(checkout, run):
    run()
    before = checkout.remote_refs()
    again = run()
    assert acted(again) == []
    assert set(states(again).values()) == {"done"}
    assert checkout.remote_refs() == before


def test_the_same_release_is_seen_as_done_after_its_record_was_committed(checkout, run):
    run()
    assert (checkout.root / "docs/releases/0.4.0.json").is_file()
    checkout.commit("Record the release")
    before = checkout.remote_refs()
    again = run()
    assert acted(again) == []
    assert checkout.remote_refs() == before
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_a_dry_run_shows_the_commands_and_changes_nothing(checkout, run):
    before = checkout.remote_refs()
    release = run(dry_run=True)
    assert checkout.remote_refs() == before
    assert checkout.git("tag", cwd=checkout.root) == ""
    shown = {run.stage.name: [list(each.arguments) for each in run.commands] for run in release.record.stages}
    assert [shown[name][0][:2] for name in ACTS] == [["git", "push"], ["git", "tag"], ["git", "push"]]


def test_the_commands_of_the_plan_are_the_commands_that_ran(checkout, run):
    planned = run(dry_run=True).record.to_json()["stages"]
    performed = run().record.to_json()["stages"]
    assert [stage["commands"] for stage in planned if stage["name"] in ACTS] == [
        stage["commands"] for stage in performed if stage["name"] in ACTS
    ]


def test_a_dry_run_goes_on_to_the_end_and_then_tells_every_reason(checkout, run):
    checkout.write("CHANGELOG.md", "# Changelog\n")
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    with pytest.raises(RefusedError) as refused:
        run(dry_run=True)
    words = str(refused.value)
    assert "dry run of 0.4.0 refused: `tree`, `surface`, `sync`" in words
    assert "demo-core" in words
    assert "CHANGELOG.md" in words
    assert "nothing was pushed and nothing was tagged" in words


def test_a_real_release_does_not_start_the_tests_when_something_failed(checkout, run):
    checkout.edit("pyproject.toml", 'test = ["git", "--version"]', 'test = ["touch", "tested"]')
    checkout.commit()
    checkout.edit("CHANGELOG.md", "Everything", "All")
    with pytest.raises(RefusedError, match="`tree`"):
        run()
    assert not (checkout.root / "tested").exists()


def test_an_unreachable_remote_passes_a_dry_run_and_stops_a_real_one(checkout, run):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    assert states(run(dry_run=True))["remote"] == "unknown"
    with pytest.raises(RefusedError, match="git ls-remote origin"):
        run()


@pytest.mark.parametrize("stopped_before", ["tests", "line", *ACTS])
def test_a_release_that_stopped_anywhere_is_finished_by_the_same_command(checkout, run, stopped_before):
    run(until=stopped_before)
    release = run()
    assert set(states(release).values()) == {"done"}
    assert checkout.remote_refs()["refs/tags/v0.4.0^{}"] == checkout.head()


def test_a_resumed_release_does_not_test_the_same_tree_twice(run):
    run(until="push-branch")
    assert "tests" not in acted(run())


def test_retest_tests_again(run):
    run(until="push-branch")
    assert "tests" in acted(run(retest=True))


def test_another_tree_is_tested_anew(checkout, run):
    run(until="push-branch")
    checkout.write("CHANGELOG.md", (checkout.root / "CHANGELOG.md").read_text() + "- More.\n")
    checkout.commit()
    assert "tests" in acted(run())


def test_a_test_beside_untracked_files_is_no_evidence_for_the_tree(checkout, run):
    checkout.write("only-here.txt", "")
    run(until="push-branch")
    (checkout.root / "only-here.txt").unlink()
    assert "tests" in acted(run())


def test_a_failing_test_stops_the_release_with_its_last_words(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["git", "no-such-command"]')
    checkout.commit()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refused:
        run()
    assert "'no-such-command' is not a git command" in str(refused.value)
    assert "runs/0.4.0/tests.log" in str(refused.value)
    assert checkout.remote_refs() == before


def test_a_test_command_that_is_not_installed_is_named(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["no-such-program"]')
    checkout.commit()
    with pytest.raises(RefusedError, match="`no-such-program` was not found on PATH"):
        run()


def test_tests_that_change_a_tracked_file_are_noticed_at_the_line(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["rm", "CHANGELOG.md"]')
    checkout.commit()
    before = checkout.remote_refs()
    with pytest.raises(RefusedError, match=r"`CHANGELOG\.md`"):
        run()
    assert checkout.remote_refs() == before


def test_a_push_that_lands_while_the_tests_run_is_noticed_at_the_line(checkout, run):
    release = run(until="line")
    checkout.push_from_another_clone()
    with pytest.raises(RefusedError, match="which this clone does not have"):
        release.line()


@pytest.mark.parametrize("when", ["line", *ACTS])
def test_a_commit_that_is_made_meanwhile_is_not_released_in_place_of_the_tested_one(checkout, run, when):
    release = run(until=when)
    before = checkout.remote_refs()
    checkout.commit("Not tested")
    with pytest.raises(RefusedError, match="HEAD has moved"):
        release.line() if when == "line" else release.run(when)
    assert checkout.remote_refs() == before


def test_a_protected_branch_stops_the_release_before_there_is_a_tag(checkout, run):
    hook = checkout.remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nwhile read old new ref; do case $ref in refs/heads/main) exit 1;; esac; done\n")
    hook.chmod(0o755)
    with pytest.raises(RefusedError) as refused:
        run()
    assert "pull request" in str(refused.value)
    assert checkout.git("tag", cwd=checkout.root) == ""

    # As the remedy says: somebody merges it; then the same command finishes the rest.
    hook.unlink()
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    assert acted(run()) == ["tag", "push-tag"]


def test_a_refused_tag_stays_in_the_clone_and_is_pushed_by_the_next_run(checkout, run):
    hook = checkout.remote / "hooks/update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/tags/*) echo no tags today >&2; exit 1;; esac\n")
    hook.chmod(0o755)
    with pytest.raises(RefusedError) as refused:
        run()
    assert "no tags today" in str(refused.value)
    assert "done so far: push-branch, tag" in str(refused.value)
    made = checkout.git("rev-parse", "v0.4.0", cwd=checkout.root)
    hook.unlink()
    assert acted(run()) == ["push-tag"]
    assert checkout.remote_refs()["refs/tags/v0.4.0"] == made


def test_a_push_whose_answer_was_lost_is_believed_to_the_remote(checkout, run, tmp_path):
    # A wrapper around the real receive-pack that loses its exit code after it has done its work.
    lossy = tmp_path / "lossy"
    lossy.write_text('#!/bin/sh\ngit-receive-pack "$@"\nexit 1\n')
    lossy.chmod(0o755)
    checkout.git("config", "remote.origin.receivepack", str(lossy), cwd=checkout.root)
    assert set(states(run()).values()) == {"done"}


def test_a_tag_that_only_the_remote_has_is_adopted_and_not_made_again(checkout, run):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    checkout.git("tag", "-a", "-m", "theirs", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    theirs = checkout.git("rev-parse", "v0.4.0", cwd=checkout.root)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    release = run()
    assert set(states(release).values()) == {"done"}
    assert checkout.git("rev-parse", "v0.4.0", cwd=checkout.root) == theirs
    assert checkout.remote_refs()["refs/tags/v0.4.0"] == theirs


def test_an_orphan_tag_of_an_earlier_accident_gets_its_branch(checkout, run):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    assert acted(run()) == ["tests", "push-branch"]
    assert checkout.remote_refs()["refs/heads/main"] == checkout.head()


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_tag_of_another_commit_is_never_moved(checkout, run, where):
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


def test_the_record_names_every_stage_and_holds_no_path_of_the_machine(checkout, run, tmp_path):
    run()
    text = (checkout.root / "docs/releases/0.4.0.json").read_text()
    record = json.loads(text)
    assert [stage["name"] for stage in record["stages"]] == [stage.name for stage in STAGES]
    assert (record["outcome"], record["commit"]) == ("released", checkout.head())
    assert str(tmp_path) not in text


def test_a_record_that_is_there_is_not_written_over(checkout, run):
    run()
    first = (checkout.root / "docs/releases/0.4.0.json").read_bytes()
    run()
    assert (checkout.root / "docs/releases/0.4.0.json").read_bytes() == first


def test_a_stopped_release_leaves_a_record_of_how_far_it_came(checkout, run):
    checkout.edit("pyproject.toml", '["git", "--version"]', '["false"]')
    checkout.commit()
    with pytest.raises(RefusedError):
        run()
    record = json.loads((checkout.root / "runs/0.4.0.json").read_text())
    assert (record["outcome"], record["stages"][-1]["name"]) == ("refused", "tests")
    assert not (checkout.root / "docs/releases").exists()


def test_a_release_inside_its_own_test_command_does_not_test_again(checkout, run, monkeypatch):
    monkeypatch.setenv("BINOC_RUNBOOK_TESTING", "0.4.0")
    release = run(dry_run=True)
    assert states(release)["tests"] == "done"
    assert acted(release) == []


def test_a_rehearsal_really_performs_the_release_and_leaves_the_checkout_alone(checkout):
    world = open_world(checkout.root)
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    before = checkout.remote_refs()
    release = Release(open_target(world, None), Quiet(), world.runs, dry_run=False)
    for name in BEFORE:
        release.run(name)
    release.line()
    for name in ACTS:
        release.run(name)
    release.finish()
    assert set(release.record.refs) == {"HEAD", "refs/heads/main", "refs/tags/v0.4.0", "refs/tags/v0.4.0^{}"}
    assert checkout.remote_refs() == before
    assert checkout.git("tag", cwd=checkout.root) == ""
    assert not world.root.exists()
