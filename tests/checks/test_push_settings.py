"""Check of the settings that change a push, and of the refs in the output of a push."""

from __future__ import annotations

import shutil

import pytest

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.checks.push_settings import OVERRIDDEN, REDIRECTING, push_settings, relevant, unrequested_refs
from binoc_runbook.stages import ACTION_STAGES, CHECK_STAGES
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.git import Git


@pytest.fixture
def findings(checkout):
    def check():
        return list(
            push_settings(relevant(Git(checkout.root).settings("push", "submodule", "remote"), "origin"), "origin")
        )

    return check


def open_target(checkout):
    return Target(Version.parse("0.4.0"), read_policy(checkout.root), World.real(checkout.root), "origin")


def test_clone_without_such_settings_has_no_finding(checkout, findings):
    checkout.git("config", "push.default", "simple", cwd=checkout.root)
    checkout.git("config", "remote.other.push", "refs/*:refs/*", cwd=checkout.root)
    assert findings() == []


@pytest.mark.parametrize("scope", ["--local", "--global"])
@pytest.mark.parametrize("key", OVERRIDDEN)
def test_overridden_setting_is_listed(checkout, findings, key, scope):
    key = key.format(remote="origin")
    checkout.git("config", scope, key, "true", cwd=checkout.root)
    (finding,) = findings()
    assert (finding.check, finding.status) == ("remote", "ok")
    assert f"`{key}`" in finding.saw


def test_key_without_a_value_is_true(checkout):
    config = checkout.root / ".git/config"
    config.write_text(config.read_text() + "[push]\n\tfollowTags\n")
    assert [setting.value for setting in Git(checkout.root).settings("push")] == ["true"]


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize("key", REDIRECTING)
def test_program_of_a_server_is_a_warning(checkout, findings, key, scope):
    key = key.format(remote="origin")
    checkout.git("config", f"--{scope}", key, "/srv/bin/program", cwd=checkout.root)
    (finding,) = findings()
    assert (finding.check, finding.status) == ("remote", "warning")
    assert finding.looked_at.endswith(key)
    assert "/srv" not in str(finding)
    checkout.git(*finding.remedy.split()[1:], cwd=checkout.root)
    assert findings() == []


def test_setting_of_the_environment_is_reported(findings, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.receivepack")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "program")
    (finding,) = findings()
    assert finding.status == "warning"
    for name in finding.remedy.split()[1:]:
        monkeypatch.delenv(name, raising=False)
    assert findings() == []


def test_refs_that_the_command_does_not_name_are_unrequested():
    output = (
        "To example.org:demo.git\n"
        " \tabc:refs/heads/main\t1234567..89abcde\n"
        "*\trefs/tags/v0.3.9:refs/tags/v0.3.9\t[new tag]\n"
        "=\trefs/tags/v0.4.0:refs/tags/v0.4.0\t[up to date]\n"
        "Done\n"
    )
    command = ("git", "push", "origin", "abc:refs/heads/main", "refs/tags/v0.4.0:refs/tags/v0.4.0")
    assert unrequested_refs(ProcessResult(command, 0, output, "")) == ("refs/tags/v0.3.9",)


@pytest.fixture
def widened_push(checkout, tmp_path, monkeypatch):
    """Return a function that puts a `git` on PATH which adds `--tags` to pushes whose command contains a text."""
    checkout.git("tag", "-a", "-m", "x", "v0.3.9", "HEAD~1", cwd=checkout.root)

    def widen(text):
        wrapper = tmp_path / "bin/git"
        wrapper.parent.mkdir()
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *" push {text}"*) set -- "$@" --tags;; esac\nexec {shutil.which("git")} "$@"\n'
        )
        wrapper.chmod(0o755)
        monkeypatch.setenv("PATH", str(wrapper.parent), prepend=":")

    return widen


def test_dry_push_that_lists_another_ref_is_refused(checkout, widened_push):
    widened_push("--dry-run")
    (finding,) = CHECK_STAGES[-1].observe(open_target(checkout)).findings.having("failed", "unknown")
    assert (finding.check, finding.status) == ("remote", "failed")
    assert "`refs/tags/v0.3.9`" in finding.saw
    assert "refs/tags/v0.3.9" not in checkout.remote_refs()


def test_push_that_lists_another_ref_blocks_the_next_stages(checkout, widened_push):
    target, push_branch = open_target(checkout), ACTION_STAGES[0]
    assert push_branch.observe(target).state == "ready"
    widened_push("--porcelain")
    assert push_branch.act(target, print) == ()
    observed = push_branch.observe(target)
    assert observed.state == "blocked"
    assert "`refs/tags/v0.3.9`" in observed.findings.having("failed")[0].saw
