"""Check that a version can still be published, with real clients and registries on localhost."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.availability import availability
from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.checks.remote import RemoteView
from binoc_runbook.finding import RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.rehearsal.servers.server import Response
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.stages import CHECK_STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World

INDEX, CRATES = "the package index: demo==0.4.0", "the crate registry: demo-sdk@=0.4.0"


@pytest.fixture
def observe(checkout, tmp_path, monkeypatch, local_registries):
    """Return a function that observes the stage `remote`: its state, and its findings about registries by place."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    stage = next(stage for stage in CHECK_STAGES if stage.name == "remote")

    def observe_stage():
        observation = stage.observe(open_target(World.real(checkout.root), Version.parse("0.4.0")))
        places = {finding.looked_at: finding for finding in observation.findings}
        return observation.state, {place: places[place] for place in places if "registry" in place or "index" in place}

    return observe_stage


def push_tag(checkout):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)


def test_first_release_is_ok(observe):
    state, findings = observe()
    assert state == "done"
    assert {place: finding.status for place, finding in findings.items()} == {INDEX: "ok", CRATES: "ok"}


@pytest.mark.parametrize("versions", [{"demo-sdk": ["0.4.0"]}, {"demo-sdk": ["-0.4.0"]}], ids=["published", "yanked"])
def test_one_published_artifact_is_refused(observe, local_registries, versions):
    local_registries.versions = versions
    state, findings = observe()
    assert state == "blocked"
    assert {place: finding.status for place, finding in findings.items()} == {INDEX: "ok", CRATES: "failed"}
    assert findings[CRATES].remedy == "just prepare 0.4.1"


def test_published_artifacts_are_one_finding(observe, local_registries, checkout):
    local_registries.versions = {"demo": ["0.4.0"], "demo-sdk": ["0.4.0"]}
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)  # a tag that was not pushed
    state, findings = observe()
    assert state == "blocked"
    ((place, finding),) = findings.items()
    assert (finding.check, finding.status, place) == ("remote", "failed", f"{INDEX}, {CRATES}")


def test_remedy_makes_the_check_pass(observe, local_registries, checkout):
    """The version that the remedy names is not published, so only the old version is refused."""
    local_registries.versions = {"demo": ["0.4.0"], "demo-sdk": ["0.4.0"]}
    _, findings = observe()
    (finding,) = findings.values()
    version = Version.parse(finding.remedy.removeprefix("just prepare "))
    target = open_target(World.real(checkout.root), version)
    (stage,) = (stage for stage in CHECK_STAGES if stage.name == "remote")
    assert stage.observe(target).state == "done"


def test_published_version_with_its_tag_is_ok(observe, local_registries, checkout):
    local_registries.versions = {"demo": ["0.4.0"], "demo-sdk": ["0.4.0"]}
    push_tag(checkout)
    assert observe() == ("done", {})
    assert local_registries.log == []


def test_unknown_tag_of_a_published_version_is_unknown(observe, local_registries, checkout):
    local_registries.versions = {"demo": ["0.4.0"]}
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    state, findings = observe()
    assert state == "unknown"
    assert findings[INDEX].status == "unknown"
    assert findings[INDEX].remedy.startswith("git ls-remote origin")


def test_refusal_of_the_registries_is_unknown(observe, local_registries):
    local_registries.response = Response.text(403, "refused")
    state, findings = observe()
    assert state == "unknown"
    assert {place: finding.status for place, finding in findings.items()} == {INDEX: "unknown", CRATES: "unknown"}
    assert all(finding.remedy == "just check 0.4.0, when the registry responds" for finding in findings.values())


@pytest.mark.parametrize("code", [403, None], ids=["unknown", "published"])
def test_release_stops_before_the_tests(observe, local_registries, checkout, code):
    if code:
        local_registries.response = Response.text(code, "refused")
    else:
        local_registries.versions = {"demo": ["0.4.0"]}
    refs = checkout.remote_refs()
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    release = Release(target, Silent(), checkout.root / "runs", dry_run=False)
    release.run("remote")
    with pytest.raises(RefusedError):
        release.run("tests")
    assert checkout.remote_refs() == refs


class Silent:
    """A reporter that shows nothing."""

    def __getattr__(self, name):
        return lambda *arguments: None


def test_missing_client_is_named(checkout):
    artifact = Artifact("demo", "pypi", "python/demo")
    view = open_target(World.real(checkout.root), Version.parse("0.4.0")).observe_remote()
    assert isinstance(view, RemoteView)
    lookup = VersionLookup("no answer", INDEX, reason="`uv` was not found on PATH", remedy="python -m pip install uv")
    (finding,) = availability(view, Version.parse("0.4.0"), {artifact: lookup})
    assert (finding.status, finding.remedy) == ("unknown", "python -m pip install uv")
