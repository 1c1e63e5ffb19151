"""The world of a rehearsal: what it takes from the checkout, and what it leaves there."""

from __future__ import annotations

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.offline_crates import lend_crates
from binoc_runbook.rehearsal.rehearsal_world import open_world
from binoc_runbook.world import World

pytestmark = pytest.mark.rehearsal


@pytest.fixture
def world(checkout):
    opened = open_world(checkout.root)
    yield opened
    opened.close()


def test_it_has_one_commit_of_the_same_tree_and_an_empty_remote(checkout, world):
    state = world.git.tree_state()
    assert state.tree == checkout.git("rev-parse", "HEAD^{tree}", cwd=checkout.root)
    assert world.git.query("rev-list", "--count", "HEAD").stdout.strip() == "1"
    assert (state.branch, state.changed, state.untracked) == ("main", (), ())
    assert world.git.remote_refs("origin").refs == {}


def test_it_takes_no_tags_no_hooks_and_no_uncommitted_change(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    hook = checkout.root / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    checkout.write("CHANGELOG.md", "not committed\n")
    world = open_world(checkout.root)
    assert world.git.local_tag("v0.4.0") is None
    assert "Everything" in (world.root / "CHANGELOG.md").read_text()
    assert world.git.run(["git", "push", "origin", "HEAD:refs/heads/main"]).returncode == 0
    world.close()


def test_it_uses_nothing_of_the_configuration_of_whoever_runs_it(checkout, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[user]\n\tname = Somebody Else\n[tag]\n\tgpgSign = true\n[core]\n\thooksPath = /nowhere\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.email")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "somebody@example.org")
    world = open_world(checkout.root)
    assert world.git.identity() == "Rehearsal <rehearsal@localhost>"
    assert not world.git.signs_tags()
    world.close()


def test_closing_it_leaves_nothing(checkout, world):
    directory = world.root.parent
    world.close()
    assert not directory.exists()
    assert checkout.git("status", "--porcelain", "--ignored", cwd=checkout.root) == ""


@pytest.mark.parametrize("state", ["detached", "shallow", "worktree"])
def test_whatever_state_the_checkout_is_in_it_is_rehearsed(checkout, tmp_path, state):
    root = checkout.root
    if state == "detached":
        checkout.git("switch", "--quiet", "--detach", cwd=root)
    if state == "shallow":
        root = tmp_path / "shallow"
        checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(root))
    if state == "worktree":
        root = tmp_path / "tree"
        checkout.git("worktree", "add", "--quiet", "--detach", str(root), cwd=checkout.root)
    world = open_world(root)
    assert world.git.run(["git", "push", "origin", "HEAD:refs/heads/main"]).returncode == 0
    world.close()


def push(world, *arguments):
    return world.git.run(["git", "push", "--porcelain", "origin", *arguments])


def test_what_its_remote_holds_is_never_forced_moved_or_deleted(world):
    world.git.run(["git", "tag", "v0.4.0"])
    assert push(world, "HEAD:refs/heads/main", "refs/tags/v0.4.0").returncode == 0
    held = world.git.remote_refs("origin").refs
    world.git.run(["git", "commit", "--amend", "--allow-empty", "-m", "Another"])

    forced = push(world, "+HEAD:refs/heads/main")
    moved = push(world, "+HEAD:refs/tags/v0.4.0")
    deleted = push(world, ":refs/tags/v0.4.0")

    assert [done.returncode for done in (forced, moved, deleted)] == [1, 1, 1]
    assert "Cannot update this protected ref." in moved.stderr
    assert world.git.remote_refs("origin").refs == held


@pytest.mark.parametrize(
    ("fault", "refused", "taken", "words"),
    [
        ("protected-branch", "refs/heads/main", "refs/tags/v0.4.0", "made through a pull request"),
        ("refused-tag", "refs/tags/v0.4.0", "refs/heads/main", "creations being restricted"),
    ],
)
def test_a_rule_of_the_remote_is_seen_by_the_push_and_by_no_dry_run(checkout, fault, refused, taken, words):
    world = open_world(checkout.root, fault)
    assert push(world, "--dry-run", f"HEAD:{refused}").returncode == 0
    done = push(world, f"HEAD:{refused}")
    assert done.returncode == 1
    assert words in done.stderr
    assert push(world, f"HEAD:{taken}").returncode == 0
    assert list(world.git.remote_refs("origin").refs)[-1] == taken
    world.close()


def test_a_checkout_without_a_commit_is_refused(tmp_path, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    with pytest.raises(RefusedError, match="the rehearsal could not begin"):
        open_world(tmp_path / "empty")


def test_what_it_builds_is_never_taken_for_what_the_checkout_builds(checkout):
    """Cargo would, if both built into one: same names, same places in the workspace, and the newer one wins."""
    checkout.write(
        "crates/demo-core/tests/place.rs",
        '#[test]\nfn place() {\n    assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).is_dir());\n}\n',
    )
    checkout.commit()
    command = ["cargo", "test", "--quiet", "--offline", "--package", "demo-core"]
    rehearsed = open_world(checkout.root)
    assert rehearsed.processes.run(command).returncode == 0
    rehearsed.close()
    done = World.real(checkout.root).processes.run(command)
    assert done.returncode == 0, done.stdout


def test_the_crates_that_it_builds_with_are_no_packages_of_the_checkout(checkout, world, tmp_path):
    lend_crates(world, tmp_path)
    (lent,) = (each for each in (checkout.root / "target/rehearsal/crates").iterdir() if each.is_dir())
    (lent / "stranger-1.0.0").mkdir()
    (lent / "stranger-1.0.0/pyproject.toml").write_text('[project]\nname = "stranger"\nversion = "1.0.0"\n')
    assert "stranger" not in {package.name for package in World.real(checkout.root).workspace().packages}
