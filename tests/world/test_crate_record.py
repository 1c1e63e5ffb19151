"""Queries of the web API of a crate registry on localhost."""

from __future__ import annotations

import json

import pytest

from binoc_runbook.rehearsal.servers.crate_registry import CrateRegistry, CrateVersion
from binoc_runbook.rehearsal.servers.server import Response
from binoc_runbook.world.crate_record import read_crate_record
from binoc_runbook.world.processes import Processes

PUBLISHER = {"provider": "github", "repository": "example/demo", "run_id": "7", "sha": "c" * 40}


@pytest.fixture
def registry():
    with CrateRegistry(dict) as server:
        crate = server.add_crate("demo-sdk", trustpub_only=True)
        crate.versions["0.4.0"] = CrateVersion("0.4.0", {"name": "demo-sdk"}, b"", PUBLISHER)
        yield server
    assert server.mistakes == []


def read(tmp_path, source, version="0.4.0"):
    processes = Processes(tmp_path, {"CARGO_HOME": str(tmp_path)})
    return read_crate_record(processes, "demo-sdk", version, source)


def test_api_is_that_of_the_index(registry, tmp_path):
    record = read(tmp_path, registry.index)
    assert record.version["trustpub_data"] == PUBLISHER
    assert (record.crate["trustpub_only"], record.crate["num_versions"]) == (True, 1)


def test_api_of_crates_io_is_in_the_cache_of_cargo(registry, tmp_path):
    source = "registry+https://github.com/rust-lang/crates.io-index"
    assert "no cached configuration" in read(tmp_path, source).reason
    cache = tmp_path / "registry/index/crates.io-0123456789abcdef"
    cache.mkdir(parents=True)
    (cache / "config.json").write_text(json.dumps({"dl": "unused", "api": registry.url}))
    assert read(tmp_path, source).version["num"] == "0.4.0"


@pytest.mark.parametrize("source", ["", "git+https://example.org/demo", "registry+https://example.org/index"])
def test_other_sources_are_not_queried(tmp_path, source):
    record = read(tmp_path, source)
    assert (record.version, record.crate) == (None, None)
    assert "sparse index" in record.reason


def test_unknown_version_has_no_record(registry, tmp_path):
    assert read(tmp_path, registry.index, "0.5.0").reason.startswith("404")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b'{"api": 1}', b'{"version": 1, "crate": 1}'])
def test_response_that_is_not_a_record_is_unknown(registry, tmp_path, monkeypatch, body):
    respond = registry.respond

    def answer(request):
        is_config = request.path.endswith("config.json")
        return respond(request) if is_config and b"version" in body else Response(200, body, "application/json")

    monkeypatch.setattr(registry, "respond", answer)
    record = read(tmp_path, registry.index)
    assert (record.version, record.crate) == (None, None)
    assert record.reason


def test_registry_that_is_down_is_unknown(registry, tmp_path):
    registry.faults.down = True
    assert read(tmp_path, registry.index).reason.startswith("503")
    registry.close()
    assert read(tmp_path, registry.index).reason
