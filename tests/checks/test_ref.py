"""Check of the ref that started a workflow: a release tag needs a commit with the same version."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.ref import ref
from binoc_runbook.cli import main
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World


@pytest.fixture
def check(checkout):
    """Return a function that checks a ref and returns the finding, with the same exit code as the command."""

    def run(name: str):
        (finding,) = ref(name, World.real(checkout.root).workspace(), read_policy(checkout.root))
        assert (finding.check, finding.looked_at) == ("ref", name)
        assert main(["--root", str(checkout.root), "check-tag", name]) == int(finding.status == "failed")
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
