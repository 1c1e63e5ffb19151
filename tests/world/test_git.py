"""Git as it is asked: real repositories, each in the state that the test names."""

from __future__ import annotations

from pathlib import Path

import pytest

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.world.git import Git


@pytest.fixture
def here(checkout):
    return Git(checkout.root)


def state(here: Git) -> TreeState:
    told = here.tree_state()
    assert isinstance(told, TreeState)
    return told


def test_a_clean_checkout_says_its_commit_its_tree_and_its_branch(checkout, here):
    told = state(here)
    assert told.commit == checkout.head()
    assert told.tree == checkout.git("rev-parse", "HEAD^{tree}", cwd=checkout.root)
    assert told.branch == "main"
    assert (told.shallow, told.operation, told.changed, told.untracked) == (False, None, (), ())
    assert told.message == "What is to be released"


def test_changed_renamed_and_untracked_files_are_told_by_name(checkout, here):
    checkout.edit("CHANGELOG.md", "Everything", "All")
    checkout.git("mv", ".gitignore", "a new name", cwd=checkout.root)
    checkout.write("notes/todo.txt", "later\n")
    told = state(here)
    assert set(told.changed) == {"CHANGELOG.md", "a new name"}
    assert told.untracked == ("notes/todo.txt",)


def test_an_ignored_file_is_not_told(checkout, here):
    checkout.write("target/debug/binary", "")
    assert state(here).untracked == ()


def test_a_detached_head_has_no_branch(checkout, here):
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    assert state(here).branch is None


def test_a_repository_before_its_first_commit_has_no_commit(tmp_path, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    assert state(Git(tmp_path / "empty")).commit is None
    assert Git(tmp_path / "empty").head() is None


def test_head_is_a_commit_and_unless_it_is_detached_a_branch(checkout, here):
    checkout.git("tag", "main", cwd=checkout.root)  # a tag of the same name must not be taken for the branch
    assert here.head() == (checkout.head(), "main")
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    assert here.head() == (checkout.head(), None)


def test_a_directory_that_is_no_repository_gives_the_reason(tmp_path):
    assert "not a git repository" in str(Git(tmp_path).tree_state())


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "revert"])
def test_an_unfinished_operation_is_told_with_the_way_out(checkout, here, operation):
    run = checkout.git
    checkout.write("both.txt", "ours\n")
    ours = checkout.commit("Ours")
    run("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    checkout.write("both.txt", "theirs\n")
    checkout.commit("Theirs")
    arguments = {"merge": ["main"], "rebase": ["main"], "cherry-pick": ["main"], "revert": [ours]}[operation]
    run(operation, *arguments, cwd=checkout.root, check=False)
    told = state(here).operation
    assert told is not None
    name, way_out = told
    assert name == operation
    run(*way_out.split()[1:], cwd=checkout.root)
    assert state(here).operation is None


def test_a_shallow_clone_is_told(checkout, tmp_path):
    checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(tmp_path / "shallow"))
    assert state(Git(tmp_path / "shallow")).shallow


def test_a_worktree_is_a_checkout_like_any_other(checkout, tmp_path):
    checkout.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"), cwd=checkout.root)
    tree = Git(tmp_path / "tree")
    assert state(tree).branch == "other"
    assert tree.private_directory() == (checkout.root / ".git").resolve()


def test_what_a_hook_leaves_in_the_environment_does_not_redirect_git(checkout, here, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert state(here).changed == ()


def test_local_tags_are_told_apart(checkout, here):
    checkout.git("tag", "light", cwd=checkout.root)
    checkout.git("tag", "-a", "-m", "heavy", "heavy", cwd=checkout.root)
    assert here.local_tag("none") is None
    light, heavy = here.local_tag("light"), here.local_tag("heavy")
    assert light is not None
    assert heavy is not None
    assert (light.annotated, heavy.annotated) == (False, True)
    assert light.commit == heavy.commit == checkout.head()
    assert heavy.object != heavy.commit


def test_a_remote_answers_with_the_refs_that_were_asked_for_and_no_others(checkout, here):
    checkout.git("push", "--quiet", "origin", "HEAD:refs/heads/x/refs/heads/main", cwd=checkout.root)
    told = here.remote_refs("origin", "refs/heads/main", "refs/tags/v0.4.0")
    assert set(told.refs or {}) == {"refs/heads/main"}
    assert told.tag("v0.4.0") is None


def test_a_remote_that_cannot_be_reached_is_unknown_and_not_empty(checkout, here):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    told = here.remote_refs("origin")
    assert told.refs is None
    assert told.reason


def test_the_address_of_a_remote_is_shown_without_credentials_and_without_paths(checkout, here):
    def shown(url: str) -> str | None:
        checkout.git("remote", "set-url", "origin", url, cwd=checkout.root)
        return Git(checkout.root).remote_url("origin")

    assert shown("https://rosa:secret@example.org/demo.git") == "https://example.org/demo.git"
    assert shown("git@example.org:demo.git") == "git@example.org:demo.git"
    assert shown("/srv/git/demo.git") == "…/demo.git"
    assert here.remote_url("upstream") is None


def test_what_git_says_about_a_remote_does_not_tell_its_path(checkout, here):
    gone = str(checkout.remote) + "-gone"
    checkout.git("remote", "set-url", "origin", gone, cwd=checkout.root)
    here.remote_url("origin")
    assert gone not in here.remote_refs("origin").reason


def test_the_tagger_is_who_git_is_configured_with(checkout, here):
    assert here.identity() == "Rosa Release <rosa@example.org>"


def test_without_an_identity_there_is_no_tagger(checkout, here):
    checkout.git("config", "--unset", "user.email", cwd=checkout.root)
    assert here.identity() is None


def test_signing_without_a_usable_key_is_told_before_it_is_needed(checkout, here):
    checkout.git("config", "tag.gpgSign", "true", cwd=checkout.root)
    checkout.git("config", "gpg.format", "ssh", cwd=checkout.root)
    checkout.git("config", "user.signingKey", str(Path("/nowhere/key.pub")), cwd=checkout.root)
    assert here.signs_tags()
    assert here.try_signing("HEAD^{tree}")


def test_signing_with_a_key_leaves_no_object_behind(checkout, here, tmp_path, git):
    import shutil
    import subprocess

    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    checkout.git("config", "gpg.format", "ssh", cwd=checkout.root)
    checkout.git("config", "user.signingKey", str(key), cwd=checkout.root)
    before = checkout.git("count-objects", cwd=checkout.root)
    assert here.try_signing("HEAD^{tree}") is None
    assert checkout.git("count-objects", cwd=checkout.root) == before


def test_containment_has_three_answers_in_both_directions(checkout, here):
    before, head = checkout.git("rev-parse", "HEAD~1", cwd=checkout.root), checkout.head()
    checkout.git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    side = checkout.commit("Side")
    assert here.containment(head, head) == ("yes", "yes")
    assert here.containment(head, before) == ("yes", "no")
    assert here.containment(before, head) == ("no", "yes")
    assert here.containment(head, side) == ("no", "no")
    assert here.containment("0123456789012345678901234567890123456789", head) == ("unknown", "unknown")
