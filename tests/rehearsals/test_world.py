"""Tests of the rehearsal world: its repository, its remote, and its isolation from the checkout."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.bare_remote import remote_path
from binoc_runbook.rehearsal.offline_crates import use_vendored_crates
from binoc_runbook.rehearsal.rehearsal_world import open_world
from binoc_runbook.release.parameters import open_target
from binoc_runbook.stages import ACTION_STAGES, CHECK_STAGES
from binoc_runbook.world import World

pytestmark = pytest.mark.rehearsal


@pytest.fixture
def world(checkout):
    opened = open_world(checkout.root)
    yield opened
    opened.close()


def test_repository_has_one_commit_and_an_empty_remote(checkout, world):
    state = world.git.tree_state()
    assert state.tree == checkout.git("rev-parse", "HEAD^{tree}", cwd=checkout.root)
    assert world.git.query("rev-list", "--count", "HEAD").stdout.strip() == "1"
    assert (state.branch, state.changed, state.untracked) == ("main", (), ())
    assert world.git.remote_refs("origin").refs == {}


def test_tags_hooks_and_uncommitted_changes_are_not_copied(checkout):
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


def test_git_configuration_of_the_user_is_not_used(checkout, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[user]\n\tname = Another User\n[tag]\n\tgpgSign = true\n[core]\n\thooksPath = /nowhere\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.email")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "user@example.org")
    world = open_world(checkout.root)
    assert world.git.identity() == "Rehearsal <rehearsal@localhost>"
    assert not world.git.signs_tags()
    world.close()


def test_settings_that_change_a_push_are_rehearsed_and_reported(checkout):
    config = checkout.git
    config("config", "--global", "push.followTags", "true", cwd=checkout.root)
    config("config", "--global", "push.default", "matching", cwd=checkout.root)
    config("config", "push.pushOption", "token=secret", cwd=checkout.root)
    config("config", "remote.origin.mirror", "true", cwd=checkout.root)
    # These name programs of the server of the user.
    config("config", "remote.origin.receivepack", "/srv/bin/receive-pack", cwd=checkout.root)
    world = open_world(checkout.root)
    settings = {setting.key: setting.value for setting in world.git.settings("push", "remote")}
    assert {
        key: value for key, value in settings.items() if key not in ("remote.origin.url", "remote.origin.fetch")
    } == {
        "push.followtags": "true",
        "push.default": "matching",
        "push.pushoption": "rehearsal",
        "remote.origin.mirror": "true",
    }
    world.git.run(["git", "tag", "-a", "-m", "Never pushed", "v0.3.9"])
    target = open_target(world, None)
    remote, push_branch = CHECK_STAGES[-1], ACTION_STAGES[0]
    observed = remote.observe(target)
    assert observed.state == "done"
    assert [finding.saw.count("`") for finding in observed.findings if "push.followTags" in finding.saw] == [6]
    assert push_branch.act(target, print) == ()
    assert set(world.git.remote_refs("origin").refs) == {"HEAD", "refs/heads/main"}
    world.close()


def test_directory_of_a_killed_rehearsal_is_removed_by_the_next_one(checkout, monkeypatch, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = """
        import sys, time
        from pathlib import Path
        from binoc_runbook.rehearsal.rehearsal_world import open_world
        world = open_world(Path(sys.argv[1]))
        print(world.root.parent, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(checkout.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        theirs = Path(owner.stdout.readline().strip())
        assert theirs.is_dir()
        assert theirs.is_relative_to(temporary)
        # Without a lock file, or with another name, a directory is not ours.
        others = [temporary / "binoc-rehearsal-without-a-lock", temporary / "another"]
        for other in others:
            other.mkdir()
        (temporary / "another/owner.lock").touch()
        (temporary / "binoc-rehearsal-link").symlink_to(temporary / "another")
        open_world(checkout.root).close()
        assert theirs.is_dir(), "the owner is still running"
        owner.kill()
    open_world(checkout.root).close()
    assert not theirs.exists()
    left = {path.name for path in temporary.iterdir()}
    assert left == {"another", "binoc-rehearsal-link", "binoc-rehearsal-without-a-lock"}
    assert (temporary / "another/owner.lock").exists()


def test_close_removes_all_files(checkout, world):
    directory = world.root.parent
    world.close()
    assert not directory.exists()
    assert checkout.git("status", "--porcelain", "--ignored", cwd=checkout.root) == ""


@pytest.mark.parametrize("state", ["detached", "shallow", "worktree"])
def test_any_state_of_the_checkout_can_be_rehearsed(checkout, tmp_path, state):
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


def test_remote_refuses_forced_moved_and_deleted_refs(world):
    world.git.run(["git", "tag", "v0.4.0"])
    assert push(world, "HEAD:refs/heads/main", "refs/tags/v0.4.0").returncode == 0
    before = world.git.remote_refs("origin").refs
    world.git.run(["git", "commit", "--amend", "--allow-empty", "-m", "Another"])

    forced = push(world, "+HEAD:refs/heads/main")
    moved = push(world, "+HEAD:refs/tags/v0.4.0")
    deleted = push(world, ":refs/tags/v0.4.0")

    assert [done.returncode for done in (forced, moved, deleted)] == [1, 1, 1]
    assert "Cannot update this protected ref." in moved.stderr
    assert world.git.remote_refs("origin").refs == before


@pytest.mark.parametrize(
    ("refused", "accepted", "message"),
    [
        ("refs/heads/main", "refs/tags/v0.4.0", "made through a pull request"),
        ("refs/tags/v0.4.0", "refs/heads/main", "creations being restricted"),
    ],
)
def test_dry_run_does_not_predict_a_rule_of_the_remote(checkout, refused, accepted, message):
    world = open_world(checkout.root)
    checkout.git("config", "--add", "rehearsal.refuses", refused, cwd=remote_path(world.root))
    assert push(world, "--dry-run", f"HEAD:{refused}").returncode == 0
    done = push(world, f"HEAD:{refused}")
    assert done.returncode == 1
    assert message in done.stderr
    assert push(world, f"HEAD:{accepted}").returncode == 0
    assert list(world.git.remote_refs("origin").refs)[-1] == accepted
    world.close()


def test_checkout_without_a_commit_is_refused(tmp_path, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    with pytest.raises(RefusedError) as refusal:
        open_world(tmp_path / "empty")
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("rehearsal", "failed")]


def test_builds_of_the_rehearsal_and_the_checkout_are_separate(checkout):
    """In a shared target directory, cargo would mix up the packages, which have equal names and relative paths."""
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


def test_vendored_crates_are_not_packages_of_the_checkout(checkout, world, tmp_path):
    use_vendored_crates(world, tmp_path)
    (crates,) = (path for path in (checkout.root / "target/rehearsal/crates").iterdir() if path.is_dir())
    (crates / "stranger-1.0.0").mkdir()
    (crates / "stranger-1.0.0/pyproject.toml").write_text('[project]\nname = "stranger"\nversion = "1.0.0"\n')
    assert "stranger" not in {package.name for package in World.real(checkout.root).workspace().packages}
