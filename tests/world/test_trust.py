"""Programs in the configuration of a checkout: not started by queries, until the user trusts the checkout."""

from __future__ import annotations

import shutil

import pytest

from binoc_runbook.cli import main
from binoc_runbook.release.parameters import WorldChoice
from binoc_runbook.stages import CHECK_STAGES
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.git import LEAKING, Git


@pytest.fixture
def configure(checkout):
    """Return a function that adds a setting to the configuration of the checkout."""
    return lambda *arguments: checkout.git("config", *arguments, cwd=checkout.root)


def observe(checkout, name):
    """Return the findings of a stage that are not ok."""
    target = Target(Version.parse("0.4.0"), read_policy(checkout.root), World.real(checkout.root), "origin")
    (stage,) = [stage for stage in CHECK_STAGES if stage.name == name]
    return [finding for finding in stage.observe(target).findings if finding.status != "ok"]


def test_program_is_unknown_until_the_checkout_is_trusted(checkout, configure, monkeypatch, capsys):
    configure("core.hooksPath", "hooks")
    monkeypatch.chdir(checkout.root)
    (finding,) = observe(checkout, "tree")
    assert (finding.check, finding.status, finding.remedy) == ("trust", "unknown", "just trust")
    assert finding.looked_at.startswith(".git/config:")
    assert main(["trust"]) == 0
    assert "core.hookspath = hooks" in capsys.readouterr().out
    assert observe(checkout, "tree") == []
    checkout.git("switch", "--quiet", "--create", "other", "--track", "origin/main", cwd=checkout.root)
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    assert observe(checkout, "tree") == []  # no command reads the settings of branches
    configure("core.sshCommand", "ssh -v")
    assert {finding.check for finding in observe(checkout, "tree")} == {"trust"}
    assert Git(checkout.root, trusted=True).untrusted_programs == ()


def test_trust_is_for_one_directory_and_stored_outside_of_it(checkout, configure):
    configure("core.hooksPath", "hooks")
    file = Git(checkout.root).trust()
    assert not file.is_relative_to(checkout.root)
    copy = checkout.root.with_name("copy")
    shutil.copytree(checkout.root, copy)
    assert Git(checkout.root).untrusted_programs == ()
    assert [program.setting.key for program in Git(copy).untrusted_programs] == ["core.hookspath"]
    file.unlink()
    assert Git(checkout.root).untrusted_programs


def test_nothing_is_stored_without_a_program(checkout, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["--root", str(checkout.root), "trust"]) == 0
    assert not (tmp_path / "state").exists()


def test_trust_that_cannot_be_stored_or_read_is_refused(checkout, configure, monkeypatch, tmp_path, capsys):
    configure("core.hooksPath", "hooks")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main(["--root", str(checkout.root), "trust"]) == 1
    assert "XDG_STATE_HOME" in capsys.readouterr().err
    checkout.write(".git/config", "[core\n")
    assert main(["--root", str(checkout.root), "trust"]) == 1
    assert isinstance(Git(checkout.root).tree_state(), str)


def test_release_trusts_the_checkout(checkout, configure):
    configure("core.sshCommand", "ssh -v")
    assert WorldChoice().open(checkout.root).git.untrusted_programs == ()
    assert World.real(checkout.root).git.untrusted_programs


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote.origin.uploadpack", "program"),
        ("core.sshCommand", "program"),
        ("remote.origin.pushurl", "ext::program"),
        ("url.ext::program.insteadOf", "unused:"),
    ],
)
def test_remote_is_not_queried_with_an_untrusted_program(checkout, configure, key, value):
    configure(key, value)
    (finding,) = observe(checkout, "remote")
    assert (finding.status, finding.remedy) == ("unknown", "just trust")
    assert Git(checkout.root).query_remote("origin", "ls-remote", "origin", timeout=9.0).returncode == 126
    (finding,) = observe(checkout, "tree")
    assert finding.check == "trust"


def test_included_file_is_read(checkout, configure):
    checkout.write(".git/extra", "[core]\n\tsshCommand = program\n")
    configure("include.path", "extra")
    places = [finding.looked_at for finding in observe(checkout, "tree")]
    assert places == [str(Git(checkout.root).named_programs[0].place), ".git/extra:2"]
    assert places[0].startswith(".git/config:")


def test_program_of_another_remote_is_not_needed(checkout, configure):
    configure("remote.backup.url", "ext::program")
    assert observe(checkout, "remote") == []
    assert [finding.check for finding in observe(checkout, "tree")] == ["trust"]


def test_remote_in_a_file_of_its_own_is_not_queried(checkout, configure):
    checkout.write(".git/remotes/backup", "URL: ext::program\nPull: refs/heads/main\n")
    (finding,) = observe(checkout, "tree")
    assert (finding.check, finding.looked_at) == ("trust", ".git/remotes/backup")
    assert Git(checkout.root).query_remote("backup", "ls-remote", "backup", timeout=9.0).returncode == 126


def test_file_with_an_untrusted_filter_is_not_compared(checkout, configure):
    checkout.write(".gitattributes", "*.txt filter=upper\n")
    configure("filter.upper.clean", "tr a-z A-Z")
    checkout.write("text.txt", "text\n")
    checkout.commit()
    checkout.write("text.txt", "other\n")
    assert [finding.check for finding in observe(checkout, "tree")] == ["trust"]
    checkout.edit("CHANGELOG.md", "Everything", "All")
    assert [finding.check for finding in observe(checkout, "tree")] == ["tree", "trust"]
    Git(checkout.root).trust()
    (finding,) = observe(checkout, "tree")
    assert "`text.txt`" in finding.saw


def test_signature_is_not_tried_with_an_untrusted_program(checkout, configure):
    configure("tag.gpgSign", "true")
    configure("gpg.program", "false")
    assert observe(checkout, "remote") == []
    (finding,) = observe(checkout, "tree")
    assert finding.check == "trust"
    Git(checkout.root).trust()
    (finding,) = observe(checkout, "remote")
    assert (finding.status, finding.looked_at) == ("failed", "git config tag.gpgSign")


def test_checkout_of_another_user_is_refused_by_git(checkout, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (finding,) = [finding for finding in observe(checkout, "tree") if finding.status == "failed"]
    assert finding.remedy == f"git config --global --add safe.directory {checkout.root}"


def test_variables_that_select_a_repository_are_those_of_git(checkout):
    names = checkout.git("rev-parse", "--local-env-vars").split()
    kept = {name for name in names if name.startswith(("GIT_CONFIG", "GIT_NO_REPLACE"))}
    assert set(names) - kept <= set(LEAKING)
