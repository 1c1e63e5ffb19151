"""State of the checkout: changes, branch, unfinished operations and history."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.tree import tree
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world.git import Git


def check(checkout, *statuses):
    return tree(Git(checkout.root).tree_state(), read_policy(checkout.root)).having(*statuses)


def test_clean_checkout_of_the_release_branch_is_ok(checkout):
    assert [finding.status for finding in check(checkout, "ok", "warning", "failed", "unknown")] == ["ok", "ok"]


def test_changed_file_is_refused(checkout):
    checkout.edit("CHANGELOG.md", "Everything", "All")
    (finding,) = check(checkout, "failed")
    assert finding.looked_at == "git status"
    assert "`CHANGELOG.md`" in finding.saw
    assert "`git stash`" in finding.remedy


def test_many_changed_files_are_counted_and_five_are_listed(checkout):
    for number in range(9):
        checkout.write(f"new-{number}.txt", "")
    checkout.git("add", "--all", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert "9 files" in finding.saw
    assert finding.saw.count(".txt") == 5


def test_untracked_file_is_a_warning(checkout):
    checkout.write("notes.txt", "")
    (finding,) = check(checkout, "failed", "warning")
    assert finding.status == "warning"
    assert "`notes.txt`" in finding.saw


def test_record_of_a_release_is_not_a_change(checkout):
    checkout.write("docs/releases/0.4.0.json", "{}")
    assert not check(checkout, "failed", "warning")


@pytest.mark.parametrize(("branch", "allowed"), [("release/0.4", True), ("feature", False)])
def test_branch_is_one_of_the_policy(checkout, branch, allowed):
    checkout.git("switch", "--quiet", "-c", branch, cwd=checkout.root)
    findings = check(checkout, "failed")
    assert [(finding.looked_at, finding.remedy) for finding in findings] == [("HEAD", "git switch main")][allowed:]
    for name in ("`feature`", "`main`", "`release/*`") if findings else ():
        assert name in findings[0].saw


def test_detached_head_is_refused(checkout):
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert (finding.looked_at, finding.remedy) == ("HEAD", "git switch main")


def test_merge_in_progress_is_refused(checkout):
    checkout.git("switch", "--quiet", "-c", "side", cwd=checkout.root)
    checkout.commit("Side")
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    checkout.git("merge", "--quiet", "--no-ff", "--no-commit", "side", cwd=checkout.root)
    (finding,) = (finding for finding in check(checkout, "failed") if finding.looked_at == ".git")
    assert "merge" in finding.saw
    assert "`git merge --abort`" in finding.remedy


def test_shallow_clone_is_refused(checkout, tmp_path):
    checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(tmp_path / "shallow"))
    checkout.root = tmp_path / "shallow"
    (finding,) = check(checkout, "failed")
    assert (finding.looked_at, finding.remedy) == (".git", "git fetch --unshallow")


@pytest.mark.parametrize("marker", ["[skip ci]", "[CI SKIP]", "[no ci]", "skip-checks: true"])
def test_commit_message_that_skips_workflows_is_refused(checkout, marker):
    checkout.commit(f"Release\n\n{marker}")
    (finding,) = check(checkout, "failed")
    assert finding.looked_at == "HEAD"
    assert f"`{marker}`" in finding.saw


def test_directory_outside_of_a_repository_is_refused(tmp_path, checkout):
    (finding,) = tree(Git(tmp_path).tree_state(), read_policy(checkout.root))
    assert (finding.status, finding.looked_at) == ("failed", "git status")
    assert "not a git repository" in finding.saw  # the output of git


def test_repository_without_a_commit_is_refused(tmp_path, checkout, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    finding = tree(Git(tmp_path / "empty").tree_state(), read_policy(checkout.root)).having("failed")[0]
    assert (finding.looked_at, finding.remedy) == ("HEAD", "git commit")
