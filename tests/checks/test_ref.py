"""A tag is published from only if its own commit says the same version; whatever else there is publishes nothing."""

from __future__ import annotations

import pytest

from binoc_runbook.cli import main


@pytest.fixture
def ask(checkout, capsys):
    def run(name: str) -> tuple[int, str]:
        code = main(["--root", str(checkout.root), "check-tag", name])
        return code, capsys.readouterr().err

    return run


def test_the_tag_of_the_version_that_the_commit_says_is_fine(ask):
    code, told = ask("refs/tags/v0.4.0")
    assert code == 0
    assert "its commit says 0.4.0 everywhere" in told


def test_a_tag_of_another_version_names_each_place_and_the_way_forward(ask):
    code, told = ask("refs/tags/v0.5.0")
    assert code == 1
    assert "its commit is none of 0.5.0" in told
    assert "Cargo.toml:" in told
    assert "`0.4.0`, and should be `0.5.0`" in told
    assert "just prepare VERSION" in told
    assert "stays" in told


def test_a_commit_without_the_changelog_of_its_version_is_none_of_it(ask, checkout):
    checkout.edit("CHANGELOG.md", "## [0.4.0]", "## [0.3.0]")
    code, told = ask("refs/tags/v0.4.0")
    assert code == 1
    assert "CHANGELOG.md: no section" in told


@pytest.mark.parametrize("name", ["refs/tags/v0.4", "refs/tags/nightly", "refs/tags/0.4.0", "refs/tags/v0.4.0-1"])
def test_a_tag_of_no_release_is_refused(ask, name):
    code, told = ask(name)
    assert code == 1
    assert "is the tag of no release" in told


@pytest.mark.parametrize("name", ["refs/heads/main", "refs/heads/v0.5.0", "refs/pull/7/merge"])
def test_what_is_no_tag_is_never_published(ask, name):
    code, told = ask(name)
    assert code == 0
    assert "never published" in told
