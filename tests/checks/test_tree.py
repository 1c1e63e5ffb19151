"""State of the checkout: changes, branch, unfinished operations and history."""

from __future__ import annotations

import os
import subprocess

import pytest

from binoc_runbook.checks.tree import tree
from binoc_runbook.stages import Target
from binoc_runbook.stages.tree import TreeStage
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.git import Git


def check(checkout, *statuses):
    """Return the findings of the stage with these statuses."""
    policy = read_policy(checkout.root)
    target = Target(Version.parse("0.4.0"), policy, World.real(checkout.root), policy.remote)
    return TreeStage().observe(target).findings.having(*statuses)


def run_remedy(checkout, finding) -> str:
    """Run the commands of a remedy in a shell, and return their output."""
    command = ["sh", "-e", "-c", finding.remedy]
    return subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=True).stdout


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
    assert (finding.looked_at, finding.remedy) == ("HEAD", "git add --all && git commit")


FLAGS = [("--assume-unchanged",), ("--skip-worktree",), ("--assume-unchanged", "--skip-worktree")]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
@pytest.mark.parametrize("path", ["Cargo.toml", "Cargo.lock", "CHANGELOG.md", "crates/demo-sdk/src/lib.rs"])
def test_hidden_change_is_refused(checkout, flags, path):
    for flag in flags:
        checkout.git("update-index", flag, path, cwd=checkout.root)
    assert not check(checkout, "failed", "warning", "unknown")
    checkout.write(path, (checkout.root / path).read_text("utf-8") + "\n")
    assert not checkout.git("status", "--porcelain", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", "git ls-files -v")
    assert f"`{path}`" in finding.saw
    assert f"+++ b/{path}" in run_remedy(checkout, finding)
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert finding.looked_at == "git status"


def test_files_outside_a_sparse_checkout_are_refused(checkout):
    checkout.git("sparse-checkout", "set", "--no-cone", "/*", "!/crates/demo-core", cwd=checkout.root)
    assert not (checkout.root / "crates/demo-core").exists()
    assert not checkout.git("status", "--porcelain", cwd=checkout.root)
    finding = check(checkout, "failed")[0]
    assert finding.looked_at == "git ls-files -v"
    assert "`crates/demo-core/Cargo.toml`" in finding.saw
    run_remedy(checkout, finding)
    assert not check(checkout, "failed", "warning", "unknown")


def test_missing_file_with_a_flag_is_refused(checkout):
    checkout.git("update-index", "--skip-worktree", "CHANGELOG.md", cwd=checkout.root)
    (checkout.root / "CHANGELOG.md").unlink()
    (finding,) = check(checkout, "failed", "warning", "unknown")
    run_remedy(checkout, finding)
    assert not check(checkout, "failed", "warning", "unknown")


def test_change_that_keeps_size_and_time_is_refused(checkout):
    checkout.git("config", "core.trustctime", "false", cwd=checkout.root)
    path = checkout.root / "Cargo.toml"
    os.utime(path, (1, 1))
    checkout.git("update-index", "--refresh", cwd=checkout.root)
    with path.open("r+b") as file:  # the same inode
        text = file.read().replace(b"0.4.0", b"0.5.0")
        file.seek(0)
        file.write(text)
    os.utime(path, (1, 1))
    assert not checkout.git("status", "--porcelain", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", "git ls-tree HEAD")
    assert "+++ b/Cargo.toml" in run_remedy(checkout, finding)


@pytest.mark.parametrize("path", ["Cargo.lock", "CHANGELOG.md", "crates/demo-sdk/Cargo.toml", "pyproject.toml"])
def test_ignored_file_that_the_release_uses_is_refused(checkout, path):
    checkout.git("rm", "--quiet", "--cached", path, cwd=checkout.root)
    checkout.write(".gitignore", f"/target/\n/runs/\n/{path}\n")
    checkout.commit()
    assert not checkout.git("status", "--porcelain", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", "git ls-tree HEAD")
    checkout.git(*finding.remedy.partition(" && ")[0].split()[1:], cwd=checkout.root)
    checkout.commit()
    assert not check(checkout, "failed", "warning", "unknown")


def test_ignored_member_of_the_workspace_is_refused(checkout):
    checkout.write(".gitignore", "/target/\n/runs/\n/crates/local/\n/scratch/\n")
    checkout.commit()
    checkout.write("scratch/pyproject.toml", '[project]\nname = "scratch"\nversion = "1"\n')
    assert not check(checkout, "failed", "warning", "unknown")
    checkout.write("crates/local/Cargo.toml", '[package]\nname = "local"\nversion = "1.0.0"\npublish = false\n')
    checkout.write("crates/local/src/lib.rs", "")
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert "`crates/local/Cargo.toml`" in finding.saw


def test_line_ends_of_the_work_tree_are_not_a_difference(checkout):
    checkout.write(".gitattributes", "*.toml text eol=crlf\n")
    checkout.commit()
    for path in (checkout.root / "Cargo.toml", checkout.root / "crates/demo-sdk/Cargo.toml"):
        path.unlink()
    checkout.git("checkout", "--", ".", cwd=checkout.root)
    assert b"\r\n" in (checkout.root / "Cargo.toml").read_bytes()
    assert not check(checkout, "failed", "warning", "unknown")


def test_manifest_behind_a_link_is_compared_with_its_target(checkout):
    (checkout.root / "crates/demo-sdk/Cargo.toml").rename(checkout.root / "sdk.toml")
    (checkout.root / "crates/demo-sdk/Cargo.toml").symlink_to("../../sdk.toml")
    checkout.commit()
    assert not check(checkout, "failed", "warning", "unknown")
    checkout.git("update-index", "--assume-unchanged", "sdk.toml", cwd=checkout.root)
    checkout.edit("sdk.toml", 'license = "MIT"', 'license = "ISC"')
    assert {finding.looked_at for finding in check(checkout, "failed")} == {"git ls-files -v", "git ls-tree HEAD"}


def test_manifest_in_a_submodule_is_compared_with_its_commit(checkout, tmp_path, git):
    git("init", "--quiet", "--initial-branch=main", str(tmp_path / "sub"))
    (tmp_path / "sub/src").mkdir()
    (tmp_path / "sub/src/lib.rs").touch()
    manifest = '[package]\nname = "sub"\nversion = "1.0.0"\npublish = false\n'
    (tmp_path / "sub/Cargo.toml").write_text(manifest, "utf-8")
    git("add", "--all", cwd=tmp_path / "sub")
    git("commit", "--quiet", "-m", "Sub", cwd=tmp_path / "sub")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "sub"), "crates/sub")
    checkout.git(*add, cwd=checkout.root)
    checkout.commit()
    assert not check(checkout, "failed", "warning", "unknown")
    checkout.git("update-index", "--assume-unchanged", "Cargo.toml", cwd=checkout.root / "crates/sub")
    checkout.write("crates/sub/Cargo.toml", manifest.replace("1.0.0", "2.0.0"))
    (finding,) = check(checkout, "failed", "warning", "unknown")
    assert "`crates/sub/Cargo.toml`" in finding.saw
