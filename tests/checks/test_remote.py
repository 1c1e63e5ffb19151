"""Would the remote take the release? Asked of real bare repositories, in each state that a release can meet."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World


def view(checkout) -> tuple[Target, RemoteView]:
    target = Target(Version.parse("0.4.0"), read_policy(checkout.root), World.real(checkout.root), "origin")
    told = target.observe_remote()
    assert isinstance(told, RemoteView)
    return target, told


def found(checkout, *statuses):
    target, told = view(checkout)
    findings = remote(told, target.try_actions(told)).having(*statuses)
    return [f"{finding.looked_at}: {finding.saw} → {finding.remedy}" for finding in findings]


def test_a_remote_that_is_behind_would_take_the_release(checkout):
    before = checkout.remote_refs()
    assert found(checkout, "failed", "unknown", "warning") == []
    told = "\n".join(found(checkout, "ok"))
    assert "an ancestor of" in told
    assert "no conflict seen; the rules of the server itself were not consulted" in told
    assert "the tag will be made by Rosa Release" in told
    assert checkout.remote_refs() == before, "asking has changed the remote"


def test_an_empty_remote_would_take_the_release(checkout, git, tmp_path):
    git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    checkout.git("remote", "set-url", "origin", str(tmp_path / "empty.git"), cwd=checkout.root)
    assert found(checkout, "failed", "unknown") == []
    assert "the branch is not there yet" in "\n".join(found(checkout, "ok"))


def test_a_missing_remote_is_unknown(checkout):
    checkout.git("remote", "remove", "origin", cwd=checkout.root)
    assert found(checkout, "failed") == []
    (told,) = found(checkout, "unknown")
    assert "this clone has no remote `origin`" in told
    assert "git remote add origin" in told


def test_an_unreachable_remote_is_unknown_and_says_why(checkout):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    assert found(checkout, "failed") == []
    (told,) = found(checkout, "unknown")
    assert "could not be asked" in told
    assert "does not appear to be a git repository" in told


def test_a_branch_that_somebody_pushed_to_is_refused(checkout):
    checkout.push_from_another_clone()
    told = "\n".join(found(checkout, "failed"))
    assert "which this clone does not have" in told
    assert "git pull --ff-only origin main" in told


def test_a_diverged_branch_is_refused(checkout):
    checkout.push_from_another_clone()
    checkout.git("fetch", "--quiet", "origin", cwd=checkout.root)
    told = "\n".join(found(checkout, "failed"))
    assert "has diverged" in told
    assert "git rebase" in told


def test_a_branch_that_is_ahead_contains_the_commit_already(checkout):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    checkout.push_from_another_clone()
    checkout.git("fetch", "--quiet", "origin", cwd=checkout.root)
    assert found(checkout, "failed") == []
    assert "and contains" in "\n".join(found(checkout, "ok"))


@pytest.mark.parametrize("where", ["here", "on the remote", "in both"])
def test_an_annotated_tag_of_this_commit_is_an_earlier_run_of_ours(checkout, where):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    if where != "here":
        checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    if where == "on the remote":
        checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    assert found(checkout, "failed", "unknown") == []


def test_a_tag_of_another_commit_in_this_clone_only_can_be_deleted_by_its_owner(checkout):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", "HEAD~1", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "git tag -d v0.4.0" in told


def test_a_lightweight_tag_in_this_clone_is_refused(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "lightweight" in told
    assert "git tag -d v0.4.0" in told


def test_a_tag_of_a_commit_that_is_not_ours_is_taken_for_good(checkout):
    checkout.git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    checkout.commit("Side")
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "a pushed tag is never moved" in told
    assert "just prepare VERSION" in told


def test_a_lightweight_tag_on_the_remote_is_never_replaced(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    told = "\n".join(found(checkout, "failed"))
    assert "a pushed tag is never moved" in told
    assert "git tag -d" not in told


def test_a_tag_on_an_ancestor_says_which_commit_was_released(checkout):
    released = checkout.head()
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    checkout.commit("The record of the release")
    assert view(checkout)[1].commit == released
    assert found(checkout, "failed") == []


def test_without_an_identity_no_tag_can_be_made(checkout):
    checkout.git("config", "--unset", "user.name", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "git config user.name" in told


def test_where_tags_are_signed_the_signing_is_tried(checkout):
    for name, value in (("tag.gpgSign", "true"), ("gpg.format", "ssh"), ("user.signingKey", "/nowhere/key.pub")):
        checkout.git("config", name, value, cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "signing without a prompt failed" in told


def test_a_remote_that_may_not_be_written_to_is_unknown_to_a_contributor(checkout):
    checkout.git("remote", "set-url", "--push", "origin", str(checkout.remote) + "-not-yours", cwd=checkout.root)
    assert found(checkout, "failed") == []
    (told,) = found(checkout, "unknown")
    assert "the release manager needs write access" in told
