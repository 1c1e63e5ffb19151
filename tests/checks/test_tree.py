"""Is the checkout what a release is made from?"""

from __future__ import annotations

import pytest

from binoc_runbook.checks.tree import tree
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world.git import Git


def found(checkout, status):
    findings = tree(Git(checkout.root).tree_state(), read_policy(checkout.root)).having(status)
    return [f"{finding.saw} → {finding.remedy}" for finding in findings]


def test_a_clean_checkout_of_the_release_branch_is_fine(checkout):
    assert found(checkout, "failed") == found(checkout, "warning") == []
    assert len(found(checkout, "ok")) == 2


def test_a_changed_file_is_named(checkout):
    checkout.edit("CHANGELOG.md", "Everything", "All")
    (told,) = found(checkout, "failed")
    assert "1 file (`CHANGELOG.md`)" in told
    assert "git stash" in told


def test_many_changed_files_are_counted_and_some_are_named(checkout):
    for number in range(9):
        checkout.write(f"new-{number}.txt", "")
    checkout.git("add", "--all", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "9 files" in told
    assert "and 4 more" in told


def test_an_untracked_file_is_a_warning(checkout):
    checkout.write("notes.txt", "")
    assert found(checkout, "failed") == []
    (told,) = found(checkout, "warning")
    assert "`notes.txt`" in told


def test_the_record_of_a_release_is_not_a_leftover(checkout):
    checkout.write("docs/releases/0.4.0.json", "{}")
    assert found(checkout, "failed") == found(checkout, "warning") == []


@pytest.mark.parametrize(("branch", "allowed"), [("release/0.4", True), ("feature", False)])
def test_the_branch_is_one_that_the_policy_allows(checkout, branch, allowed):
    checkout.git("switch", "--quiet", "-c", branch, cwd=checkout.root)
    told = found(checkout, "failed")
    assert (told == []) is allowed
    if not allowed:
        assert "on `feature`, and releases are made from `main` or `release/*` → git switch main" in told[0]


def test_a_detached_head_is_refused_with_the_way_back(checkout):
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    (told,) = found(checkout, "failed")
    assert "HEAD is detached" in told
    assert told.endswith("git switch main")


def test_a_merge_in_progress_is_refused(checkout):
    checkout.git("switch", "--quiet", "-c", "side", cwd=checkout.root)
    checkout.commit("Side")
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    checkout.git("merge", "--quiet", "--no-ff", "--no-commit", "side", cwd=checkout.root)
    assert "a merge is in progress → finish it, or `git merge --abort`" in found(checkout, "failed")


def test_a_shallow_clone_is_refused(checkout, tmp_path):
    checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(tmp_path / "shallow"))
    checkout.root = tmp_path / "shallow"
    (told,) = found(checkout, "failed")
    assert told.endswith("git fetch --unshallow")


@pytest.mark.parametrize("marker", ["[skip ci]", "[CI SKIP]", "[no ci]", "skip-checks: true"])
def test_a_commit_that_tells_the_forge_to_skip_workflows_is_refused(checkout, marker):
    checkout.commit(f"Release\n\n{marker}")
    (told,) = found(checkout, "failed")
    assert "would start no workflow" in told


def test_a_directory_that_is_no_clone_is_one_finding(tmp_path, checkout):
    (finding,) = tree(Git(tmp_path).tree_state(), read_policy(checkout.root))
    assert finding.status == "failed"
    assert "not a git repository" in finding.saw


def test_a_repository_without_a_commit_has_nothing_to_tag(tmp_path, checkout, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    findings = tree(Git(tmp_path / "empty").tree_state(), read_policy(checkout.root)).having("failed")
    assert "there is no commit yet" in findings[0].saw
