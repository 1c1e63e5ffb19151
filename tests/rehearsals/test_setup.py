"""Tests of the setup check against local servers, with real clients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from binoc_runbook.rehearsal.registries import open_registries
from binoc_runbook.rehearsal.servers.package_index import UploadedFile
from binoc_runbook.rehearsal.servers.repository_api import RepositorySettings
from binoc_runbook.release.setup_check import check_setup
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

pytestmark = pytest.mark.rehearsal

#: `looked_at` of the findings about the two names.
PROJECT, CRATE = "pip index versions demo", "cargo info demo-sdk"


@pytest.fixture
def setup(checkout, tmp_path, monkeypatch):
    """A function that checks the setup of the checkout with clients of the local servers, and these servers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with open_registries(tmp_path / "clients", checkout.remote, "example/demo") as registries:
        registries.github.settings = RepositorySettings.promised("pypi-demo", "crates-io")
        permissions = dict.fromkeys(("actions", "environments", "secrets"), "read") | {"administration": "write"}
        token = {"GH_TOKEN": registries.github.token(permissions), "CARGO_NET_RETRY": "0"}

        def check():
            environment = registries.user_environment | token
            world = replace(World.real(checkout.root, environment), kind="rehearsal")
            return check_setup(world, read_policy(checkout.root))

        yield check, registries
    assert registries.mistakes == []


def statuses(findings):
    return {finding.looked_at: finding.status for finding in findings}


def test_new_names_need_a_pending_publisher_and_a_publish_by_hand(setup):
    check, _ = setup
    findings = check()
    (project,) = [finding for finding in findings if finding.looked_at == PROJECT]
    assert (project.status, "pending publisher" in project.saw) == ("unknown", True)
    assert statuses(findings)[CRATE] == "failed"
    assert statuses(findings)["GET /repos/example/demo/immutable-releases"] == "ok"


def test_project_exists_with_and_without_files(setup):
    check, registries = setup
    project = registries.index.add_project("demo")
    assert statuses(check())[PROJECT] == "ok"
    project.files["demo-1.0.0.tar.gz"] = UploadedFile("demo-1.0.0.tar.gz", "1.0.0", "sdist", "", b"x")
    assert statuses(check())[PROJECT] == "ok"


def test_unreachable_registries_are_unknown(setup):
    check, registries = setup
    registries.index.faults.down = registries.crates.faults.down = True
    findings = check()
    assert findings.having("failed") == findings[:0]
    assert (statuses(findings)[PROJECT], statuses(findings)[CRATE]) == ("unknown", "unknown")
