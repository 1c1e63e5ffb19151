"""The client of git with real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.world.git import Git


@pytest.fixture
def here(checkout):
    return Git(checkout.root)


def state(here: Git) -> TreeState:
    tree = here.tree_state()
    assert isinstance(tree, TreeState)
    return tree


def test_state_of_a_clean_checkout(checkout, here):
    tree = state(here)
    assert tree.commit == checkout.head()
    assert tree.tree == checkout.git("rev-parse", "HEAD^{tree}", cwd=checkout.root)
    assert tree.branch == "main"
    assert (tree.shallow, tree.operation, tree.changed, tree.untracked) == (False, None, (), ())
    assert tree.message == "The commit to release"


def test_changed_renamed_and_untracked_files_are_listed(checkout, here):
    checkout.edit("CHANGELOG.md", "Everything", "All")
    checkout.git("mv", ".gitignore", "a new name", cwd=checkout.root)
    checkout.write("notes/todo.txt", "later\n")
    tree = state(here)
    assert set(tree.changed) == {"CHANGELOG.md", "a new name"}
    assert tree.untracked == ("notes/todo.txt",)


def test_ignored_file_is_not_listed(checkout, here):
    checkout.write("target/debug/binary", "")
    assert state(here).untracked == ()


def test_detached_head_has_no_branch(checkout, here):
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    assert state(here).branch is None


def test_new_repository_has_no_commit(tmp_path, git):
    git("init", "--quiet", str(tmp_path / "empty"))
    assert state(Git(tmp_path / "empty")).commit is None
    assert Git(tmp_path / "empty").head() is None


def test_head_has_a_commit_and_a_branch(checkout, here):
    checkout.git("tag", "main", cwd=checkout.root)  # a tag of the same name must not be taken for the branch
    assert here.head() == (checkout.head(), "main")
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)
    assert here.head() == (checkout.head(), None)


def test_directory_without_a_repository_has_an_error(tmp_path):
    assert "not a git repository" in str(Git(tmp_path).tree_state())


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "revert"])
def test_operation_in_progress_has_the_command_that_ends_it(checkout, here, operation):
    run = checkout.git
    checkout.write("both.txt", "ours\n")
    ours = checkout.commit("Ours")
    run("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    checkout.write("both.txt", "theirs\n")
    checkout.commit("Theirs")
    arguments = {"merge": ["main"], "rebase": ["main"], "cherry-pick": ["main"], "revert": [ours]}[operation]
    run(operation, *arguments, cwd=checkout.root, check=False)
    in_progress = state(here).operation
    assert in_progress is not None
    name, command = in_progress
    assert name == operation
    run(*command.split()[1:], cwd=checkout.root)
    assert state(here).operation is None


def test_shallow_clone_is_detected(checkout, tmp_path):
    checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(tmp_path / "shallow"))
    assert state(Git(tmp_path / "shallow")).shallow


def test_worktree_is_supported(checkout, tmp_path):
    checkout.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"), cwd=checkout.root)
    tree = Git(tmp_path / "tree")
    assert state(tree).branch == "other"
    assert tree.private_directory() == (checkout.root / ".git").resolve()


def test_variables_of_a_hook_are_ignored(checkout, here, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert state(here).changed == ()


def test_lightweight_and_annotated_tags(checkout, here):
    checkout.git("tag", "light", cwd=checkout.root)
    checkout.git("tag", "-a", "-m", "heavy", "heavy", cwd=checkout.root)
    assert here.local_tag("none") is None
    light, heavy = here.local_tag("light"), here.local_tag("heavy")
    assert light is not None
    assert heavy is not None
    assert (light.annotated, heavy.annotated) == (False, True)
    assert light.commit == heavy.commit == checkout.head()
    assert heavy.object != heavy.commit


def test_only_the_given_refs_of_a_remote_are_returned(checkout, here):
    checkout.git("push", "--quiet", "origin", "HEAD:refs/heads/x/refs/heads/main", cwd=checkout.root)
    refs = here.remote_refs("origin", "refs/heads/main", "refs/tags/v0.4.0")
    assert set(refs.refs or {}) == {"refs/heads/main"}
    assert refs.tag("v0.4.0") is None


def test_refs_of_an_unreachable_remote_are_unknown(checkout, here):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    refs = here.remote_refs("origin")
    assert refs.refs is None
    assert refs.reason


def test_url_of_a_remote_is_shown_without_credentials_and_paths(checkout, here):
    def shown(url: str) -> str | None:
        checkout.git("remote", "set-url", "origin", url, cwd=checkout.root)
        return Git(checkout.root).remote_url("origin")

    assert shown("https://rosa:secret@example.org/demo.git") == "https://***@example.org/demo.git"
    assert shown("https://example.org/demo.git?token=secret") == "https://example.org/demo.git?token=***"
    assert shown("rosa:secret@example.org:demo.git") == "***@example.org:demo.git"
    assert shown("git@example.org:demo.git") == "git@example.org:demo.git"
    assert shown("ssh://git@example.org/demo.git") == "ssh://git@example.org/demo.git"
    assert shown("file:///srv/git/demo.git") == "…/demo.git"
    assert shown("/srv/git/demo.git") == "…/demo.git"
    checkout.git("config", "remote.origin.promisor", "true", cwd=checkout.root)
    checkout.git("config", "remote.origin.partialCloneFilter", "blob:none", cwd=checkout.root)
    assert shown("https://example.org/partial.git") == "https://example.org/partial.git"
    assert here.remote_url("upstream") is None


def test_errors_of_a_remote_do_not_contain_its_path(checkout, here):
    gone = str(checkout.remote) + "-gone"
    checkout.git("remote", "set-url", "origin", gone, cwd=checkout.root)
    here.remote_url("origin")
    assert gone not in here.remote_refs("origin").reason


def test_identity_is_that_of_the_configuration(checkout, here):
    assert here.identity() == "Rosa Release <rosa@example.org>"


def test_missing_identity_is_none(checkout, here):
    checkout.git("config", "--unset", "user.email", cwd=checkout.root)
    assert here.identity() is None


def test_signing_with_a_missing_key_has_an_error(checkout, here):
    checkout.git("config", "tag.gpgSign", "true", cwd=checkout.root)
    checkout.git("config", "gpg.format", "ssh", cwd=checkout.root)
    checkout.git("config", "user.signingKey", str(Path("/nowhere/key.pub")), cwd=checkout.root)
    assert here.signs_tags()
    assert here.try_signing("HEAD^{tree}")


def test_trial_signature_adds_no_object(checkout, here, tmp_path, git):
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


def test_containment_is_yes_no_or_unknown(checkout, here):
    before, head = checkout.git("rev-parse", "HEAD~1", cwd=checkout.root), checkout.head()
    checkout.git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    side = checkout.commit("Side")
    assert here.containment(head, head) == ("yes", "yes")
    assert here.containment(head, before) == ("yes", "no")
    assert here.containment(before, head) == ("no", "yes")
    assert here.containment(head, side) == ("no", "no")
    assert here.containment("0123456789012345678901234567890123456789", head) == ("unknown", "unknown")
