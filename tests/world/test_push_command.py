"""The command of a push, run by real git: no setting of the user adds refs to it, or makes it fail."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.push_settings import OVERRIDDEN
from binoc_runbook.world.git import Git
from binoc_runbook.world.push_command import push_command

#: The settings of `OVERRIDDEN`, and others of `push` that have no effect on explicit refspecs.
SETTINGS = {
    "push.followTags": "true",
    "push.gpgSign": "true",
    "push.pushOption": "ci.skip",
    "push.recurseSubmodules": "only",
    "submodule.recurse": "true",
    "remote.origin.mirror": "true",
    "remote.origin.push": "+refs/*:refs/*",
    "remote.origin.tagOpt": "--tags",
    "push.default": "matching",
    "push.autoSetupRemote": "true",
    "push.useForceIfIncludes": "true",
}


def push(checkout, *refspecs):
    return Git(checkout.root).run(push_command("origin", *refspecs))


def branch_and_tag(checkout) -> list[str]:
    """Create the tag to push, and others that must stay in the clone; return the refspecs of a release."""
    for tag in ("v0.4.0", "v0.3.9", "v0.5.0-rc.1"):
        checkout.git("tag", "-a", "-m", tag, tag, cwd=checkout.root)
    checkout.git("tag", "light", cwd=checkout.root)
    checkout.git("branch", "private", cwd=checkout.root)
    return [f"{checkout.head()}:refs/heads/main", "refs/tags/v0.4.0:refs/tags/v0.4.0"]


def test_every_overridden_setting_is_tested():
    assert {key.format(remote="origin") for key in OVERRIDDEN} <= SETTINGS.keys()


@pytest.mark.parametrize("scope", ["--local", "--global"])
@pytest.mark.parametrize("key", SETTINGS)
def test_push_with_a_setting_publishes_only_the_given_refs(checkout, key, scope):
    refspecs = branch_and_tag(checkout)
    checkout.git("config", scope, "--add", key, SETTINGS[key], cwd=checkout.root)
    result = push(checkout, *refspecs)
    assert result.returncode == 0, result.reason
    refs = checkout.remote_refs()
    assert set(refs) == {"refs/heads/main", "refs/tags/v0.4.0", "refs/tags/v0.4.0^{}"}
    assert refs["refs/heads/main"] == refs["refs/tags/v0.4.0^{}"] == checkout.head()


def test_settings_in_the_environment_are_overridden(checkout, monkeypatch):
    refspecs = branch_and_tag(checkout)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "push.followTags")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    assert push(checkout, *refspecs).returncode == 0
    assert set(checkout.remote_refs()) == {"refs/heads/main", "refs/tags/v0.4.0", "refs/tags/v0.4.0^{}"}


def test_push_options_are_not_sent(checkout):
    """The remote accepts push options, and its hook writes their number to a file."""
    checkout.git("config", "receive.advertisePushOptions", "true", cwd=checkout.remote)
    hook = checkout.remote / "hooks/pre-receive"
    hook.write_text('#!/bin/sh\necho "${GIT_PUSH_OPTION_COUNT:-0}" > options\n')
    hook.chmod(0o755)
    checkout.git("config", "push.pushOption", "ci.skip", cwd=checkout.root)
    assert push(checkout, *branch_and_tag(checkout)).returncode == 0
    assert (checkout.remote / "options").read_text() == "0\n"


@pytest.mark.parametrize("key", ["push.recurseSubmodules", "submodule.recurse"])
def test_submodules_are_not_pushed(checkout, git, tmp_path, monkeypatch, key):
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    git("clone", "--quiet", "--bare", str(checkout.remote), str(tmp_path / "part.git"))
    git("submodule", "--quiet", "add", str(tmp_path / "part.git"), "part", cwd=checkout.root)
    git("commit", "--quiet", "--allow-empty", "-m", "Not pushed", cwd=checkout.root / "part")
    checkout.commit("With a submodule")
    before = git("ls-remote", str(tmp_path / "part.git"))
    checkout.git("config", key, "true" if key == "submodule.recurse" else "on-demand", cwd=checkout.root)
    assert push(checkout, *branch_and_tag(checkout)).returncode == 0
    assert git("ls-remote", str(tmp_path / "part.git")) == before
