"""Whether a name is taken, asked of registries on loopback by the clients that are configured for them."""

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


@pytest.fixture
def asked(checkout, tmp_path, monkeypatch):
    """The findings about the checkout of a world whose clients go to loopback, and the servers there."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with open_registries(tmp_path / "clients", checkout.remote, "example/demo") as registries:
        registries.github.settings = RepositorySettings.promised("pypi-demo", "crates-io")
        may = dict.fromkeys(("actions", "environments", "secrets"), "read") | {"administration": "write"}
        token = {"GH_TOKEN": registries.github.token(may), "CARGO_NET_RETRY": "0"}

        def ask():
            environment = registries.user_environment | token
            world = replace(World.real(checkout.root, environment), kind="rehearsal")
            return check_setup(world, read_policy(checkout.root))

        yield ask, registries
    assert registries.mistakes == []


def test_names_that_nobody_has_need_a_pending_publisher_and_a_publish_by_hand(asked):
    ask, _ = asked
    told = str(ask())
    assert "PyPI has no project `demo` yet" in told
    assert "crates.io has no crate `demo-sdk`" in told
    assert "GET /repos/example/demo/immutable-releases: published releases are immutable" in told


def test_a_project_is_there_with_and_without_files_and_the_crate_of_the_workspace_is_no_answer(asked):
    ask, registries = asked
    project = registries.index.add_project("demo")
    assert "PyPI has a project `demo`" in str(ask())
    project.files["demo-1.0.0.tar.gz"] = UploadedFile("demo-1.0.0.tar.gz", "1.0.0", "sdist", "", b"x")
    told = str(ask())
    assert "PyPI has a project `demo`" in told
    assert "crates.io has no crate `demo-sdk`" in told


def test_registries_that_are_down_leave_it_unknown(asked):
    ask, registries = asked
    registries.index.faults.down = registries.crates.faults.down = True
    told = ask()
    assert told.having("failed") == told[:0]
    assert "PyPI has `demo`" in str(told.having("unknown"))
    assert "crates.io has `demo-sdk`" in str(told.having("unknown"))
