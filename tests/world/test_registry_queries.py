"""Queries of registries on localhost, with real clients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from binoc_runbook.policy import Artifact
from binoc_runbook.rehearsal.servers.server import Response
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.pip_index import configured_index
from binoc_runbook.world.registry_queries import look_up_versions

VERSION = Version.parse("0.4.0-rc.1")
DISTRIBUTION, CRATE = Artifact("demo", "pypi", "python/demo"), Artifact("demo-sdk", "crates.io", "crates/demo-sdk")


@pytest.fixture
def kinds(tmp_path, monkeypatch, local_registries):
    """Return a function that returns the kinds of the results for the distribution and the crate."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))

    def look_up(limit=30.0):
        lookups = look_up_versions(World.real(tmp_path).processes, (DISTRIBUTION, CRATE), VERSION, limit)
        return tuple(lookups[artifact].kind for artifact in (DISTRIBUTION, CRATE))

    return look_up


def test_unknown_names(kinds):
    assert kinds() == ("no name", "no name")


def test_other_versions(kinds, local_registries):
    local_registries.versions = {"demo": ["0.3.0", "0.4.0"], "demo-sdk": ["0.3.0", "0.4.0"]}
    assert kinds() == ("no version", "no version")


def test_published_versions_are_not_downloaded(kinds, local_registries):
    local_registries.versions = {"demo": ["0.4.0rc1"], "demo-sdk": ["0.4.0-rc.1"]}
    assert kinds() == ("offered", "offered")
    assert {entry.path for entry in local_registries.log} == {
        "/simple/demo/",
        "/index/config.json",
        "/index/de/mo/demo-sdk",
    }


@pytest.mark.parametrize("others", [[], ["0.3.0"]])
def test_yanked_crate(kinds, local_registries, others):
    local_registries.versions = {"demo-sdk": [*others, "-0.4.0-rc.1"]}
    assert kinds() == ("no name", "yanked")


def test_name_that_differs_in_a_hyphen_only(kinds, local_registries):
    local_registries.versions = {"demo_sdk": ["0.4.0-rc.1"]}
    assert kinds()[1] == "no name"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_refused_and_failed_requests(kinds, local_registries, status):
    local_registries.response = Response.text(status, "refused")
    assert kinds() == ("no answer", "no answer")


def test_unreachable_registries(kinds, local_registries):
    local_registries.close()
    assert kinds() == ("no answer", "no answer")


def test_no_time(kinds):
    assert kinds(limit=0.0) == ("no answer", "no answer")


def test_missing_cargo_has_a_remedy(tmp_path, local_registries):
    (tmp_path / "empty").mkdir()
    processes = replace(World.real(tmp_path).processes, environment={"PATH": str(tmp_path / "empty")})
    lookup = look_up_versions(processes, (CRATE,), VERSION)[CRATE]
    assert lookup.kind == "no answer"
    assert lookup.remedy


def test_default_registry_of_a_configuration_file(kinds, tmp_path, monkeypatch, local_registries):
    monkeypatch.delenv("CARGO_REGISTRY_DEFAULT")
    (tmp_path / "cargo").mkdir()
    (tmp_path / "cargo/config.toml").write_text('[registry]\ndefault = "tests"\n')
    local_registries.versions = {"demo-sdk": ["0.4.0-rc.1"]}
    assert kinds()[1] == "offered"


@pytest.mark.parametrize("place", ["home/.config/pip/pip.conf", "home/.pip/pip.conf", "variable.conf", None])
def test_index_of_the_configuration_of_pip_is_used(tmp_path, monkeypatch, local_registries, place):
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    processes = World.real(tmp_path).processes
    if place:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"[global]\nindex-url = {local_registries.url}/simple\n")
        if place == "variable.conf":
            monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / place))
    elif configured_index(processes):
        pytest.skip("this machine has a configuration of pip for all users")
    assert configured_index(processes) == (f"{local_registries.url}/simple" if place else "")
