"""Every stage in the states that a release can find it in: never done, done, half done, conflicting, not answerable."""

from __future__ import annotations

import pytest

from binoc_runbook.release.parameters import open_target
from binoc_runbook.stages import ACTS, QUESTIONS, STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World

BY_NAME = {stage.name: stage for stage in STAGES}


@pytest.fixture
def observed(checkout):
    """The state of a stage by its name, in the checkout as it is now."""

    def state(name):
        return BY_NAME[name].observe(open_target(World.real(checkout.root), Version.parse("0.4.0"))).state

    return state


@pytest.fixture
def tagged(checkout):
    def tag(*, push=True, kind=("-a", "-m", "x"), commit="HEAD"):
        checkout.git("tag", *kind, "v0.4.0", commit, cwd=checkout.root)
        if push:
            checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)

    return tag


def unreachable(checkout):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)


def test_the_stages_are_nine_in_the_order_of_the_runbook():
    assert [(stage.name, stage.reach) for stage in STAGES] == [
        ("tree", "local"),
        ("surface", "local"),
        ("sync", "local"),
        ("workflow", "local"),
        ("remote", "local"),
        ("tests", "local"),
        ("push-branch", "public"),
        ("tag", "local"),
        ("push-tag", "permanent"),
    ]


def test_before_anything_was_done_the_questions_are_answered_and_the_acts_are_ready(observed):
    assert {stage.name: observed(stage.name) for stage in QUESTIONS} == dict.fromkeys(
        (stage.name for stage in QUESTIONS), "done"
    )
    assert observed("tests") == "ready"
    assert [observed(stage.name) for stage in ACTS] == ["ready", "ready", "ready"]


def test_a_pushed_branch_is_done_and_the_tag_is_still_to_come(observed, checkout):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    assert [observed(stage.name) for stage in ACTS] == ["done", "ready", "ready"]


def test_a_tag_that_is_only_here_is_half_of_it(observed, tagged):
    tagged(push=False)
    assert [observed(stage.name) for stage in ACTS] == ["ready", "done", "ready"]


def test_a_tag_that_is_only_there_is_the_other_half(observed, checkout, tagged):
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    assert [observed(stage.name) for stage in ACTS] == ["ready", "ready", "done"]


def test_all_of_it_is_done_when_branch_and_tag_are_there(observed, checkout, tagged):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    tagged()
    assert [observed(stage.name) for stage in ACTS] == ["done", "done", "done"]


def test_another_tag_object_of_the_same_commit_on_the_remote_is_the_release_all_the_same(observed, checkout, tagged):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    tagged(push=False, kind=("-a", "-m", "another message"))
    assert [observed(stage.name) for stage in ACTS] == ["done", "done", "done"]


def test_a_lightweight_tag_stands_in_the_way(observed, tagged):
    tagged(push=False, kind=())
    assert [observed(name) for name in ("tag", "push-tag")] == ["blocked", "blocked"]


def test_a_tag_of_another_commit_stands_in_the_way(observed, tagged):
    tagged(push=False, commit="HEAD~1")
    assert [observed(name) for name in ("tag", "push-tag")] == ["blocked", "blocked"]


def test_a_diverged_branch_stands_in_the_way_of_the_push(observed, checkout):
    checkout.somebody_pushes()
    assert observed("push-branch") == "blocked"
    assert observed("remote") == "blocked"


@pytest.mark.parametrize("name", ["remote", "push-branch", "tag", "push-tag"])
def test_a_remote_that_cannot_be_asked_leaves_a_stage_unknown_and_never_ready(observed, checkout, name):
    unreachable(checkout)
    assert observed(name) == "unknown"


@pytest.mark.parametrize("name", ["remote", "tests", *(stage.name for stage in ACTS)])
def test_without_a_commit_there_is_nothing_to_tell(tmp_path, git, checkout, name):
    (tmp_path / "empty").mkdir()
    git("init", "--quiet", cwd=tmp_path / "empty")
    (tmp_path / "empty/pyproject.toml").write_text("")
    assert BY_NAME[name].observe(open_target(World.real(tmp_path / "empty"), Version.parse("0.4.0"))).state == "unknown"


def test_a_policy_without_a_test_command_is_said_and_passes(observed, checkout):
    checkout.edit("pyproject.toml", 'test = ["git", "--version"]\n', "")
    checkout.commit()
    assert observed("tests") == "done"


def test_no_stage_that_only_asks_has_commands(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    assert [stage.commands(target) for stage in QUESTIONS] == [()] * len(QUESTIONS)


def test_the_tag_is_not_made_while_the_remote_lacks_the_commit(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    (finding,) = BY_NAME["tag"].requires(target)
    assert finding.status == "failed"
    assert "does not show" in finding.saw


def test_where_the_tag_comes_from_the_remote_the_command_is_a_fetch(checkout, tagged):
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    (command,) = BY_NAME["tag"].commands(open_target(World.real(checkout.root), Version.parse("0.4.0")))
    assert command.arguments[:3] == ("git", "fetch", "--no-tags")
