"""Check of the ref that started a workflow: a release tag needs a commit with the same version."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.ref import RefCommits, ref
from binoc_runbook.cli import main
from binoc_runbook.workspace.input_files import input_files
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

pytestmark = pytest.mark.usefixtures("without_gitpython")


@pytest.fixture
def check(checkout):
    """Return a function that checks a ref and returns the finding, with the same exit code as the command."""

    def run(name: str):
        world, policy = World.real(checkout.root), read_policy(checkout.root)
        workspace = world.workspace()
        comparison = world.git.compare(input_files(workspace, policy))
        commits = RefCommits(world.git.commit_of("HEAD"), world.git.commit_of(name))
        (finding,) = ref(name, workspace, policy, comparison, commits)
        assert (finding.check, finding.looked_at) == ("ref", name)
        assert main(["--root", str(checkout.root), "check-tag", name]) == int(finding.status != "ok")
        return finding

    return run


def test_tag_of_the_version_of_its_commit_is_ok(check):
    assert check("refs/tags/v0.4.0").status == "ok"


def test_tag_of_another_version_is_refused_with_all_places(check):
    finding = check("refs/tags/v0.5.0")
    assert finding.status == "failed"
    for text in ("Cargo.toml:", "CHANGELOG.md:", "`0.4.0`", "`0.5.0`"):
        assert text in finding.saw
    assert finding.remedy.startswith("just prepare VERSION")


def test_commit_without_a_changelog_section_is_refused(check, checkout):
    checkout.edit("CHANGELOG.md", "## [0.4.0]", "## [0.3.0]")
    checkout.commit()
    finding = check("refs/tags/v0.4.0")
    assert finding.status == "failed"
    assert "CHANGELOG.md: " in finding.saw


@pytest.mark.parametrize("name", ["refs/tags/v0.4", "refs/tags/nightly", "refs/tags/0.4.0", "refs/tags/v0.4.0-1"])
def test_tag_that_is_not_a_release_tag_is_refused(check, name):
    finding = check(name)
    assert finding.status == "failed"
    assert "`v{version}`" in finding.saw


@pytest.mark.parametrize("name", ["refs/heads/main", "refs/heads/v0.5.0", "refs/pull/7/merge"])
def test_ref_that_is_not_a_tag_is_ok(check, name):
    assert check(name).status == "ok"


FLAGS = ["--assume-unchanged", "--skip-worktree"]


@pytest.fixture
def released(checkout, check):
    """Create the tag of 0.5.0 on a commit with the version 0.4.0, and hide the other versions in the work tree."""

    def hide(flag: str) -> None:
        checkout.git("tag", "--annotate", "-m", "x", "v0.5.0", cwd=checkout.root)
        assert check("refs/tags/v0.5.0").status == "failed"
        paths = ("Cargo.toml", "Cargo.lock", "CHANGELOG.md", "crates/demo-core/Cargo.toml")
        checkout.git("update-index", flag, *paths, cwd=checkout.root)
        for path in paths:
            text = (checkout.root / path).read_text("utf-8")
            checkout.write(path, text.replace("0.4.0", "0.5.0"))
        assert not checkout.git("status", "--porcelain", cwd=checkout.root)

    return hide


@pytest.mark.parametrize("flag", FLAGS)
def test_hidden_changes_are_refused_as_in_a_new_clone(flag, released, check, checkout, tmp_path):
    released(flag)
    finding = check("refs/tags/v0.5.0")
    assert finding.status == "failed"
    assert "`Cargo.toml`" in finding.saw
    checkout.git("clone", "--quiet", "--branch=v0.5.0", str(checkout.root), str(tmp_path / "clone"))
    assert main(["--root", str(tmp_path / "clone"), "check-tag", "refs/tags/v0.5.0"]) == 1


def test_tag_of_another_commit_is_refused(check, checkout):
    checkout.git("tag", "--annotate", "-m", "x", "v0.4.0", "HEAD~1", cwd=checkout.root)
    finding = check("refs/tags/v0.4.0")
    assert finding.status == "failed"
    checkout.git(*finding.remedy.split()[1:], cwd=checkout.root)
    assert check("refs/tags/v0.4.0").status == "ok"


def test_checkout_without_git_is_unknown(check, checkout):
    (checkout.root / ".git").rename(checkout.root.parent / "moved")
    assert check("refs/tags/v0.4.0").status == "unknown"
