"""State of an artifact at its registry, from the published and the built files."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.observations import Provenance, VersionLookup
from binoc_runbook.checks.published import (
    ReleaseContext,
    commit,
    provenance,
    published,
    select_built_files,
)
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version

WHEEL, ARM = "manylinux_2_17_x86_64", "macosx_11_0_arm64"
DEMO = Artifact("demo-x", "pypi", "python/demo", wheels="cp310-abi3", platforms=(WHEEL, ARM))
SDK = Artifact("demo-sdk", "crates.io", "crates/demo-sdk")
POLICY = Policy(declared=True, repository="example/demo", artifacts=(DEMO, SDK))
VERSION = Version.parse("0.4.0-rc.1")

FILES = {
    "demo_x-0.4.0rc1.tar.gz": "a" * 64,
    f"demo_x-0.4.0rc1-cp310-abi3-{WHEEL}.whl": "b" * 64,
    f"demo_x-0.4.0rc1-cp310-abi3-{ARM}.whl": "c" * 64,
}
CRATE = {"demo-sdk-0.4.0-rc.1.crate": "d" * 64}
MINE = {name: digest for name, digest in FILES.items() if ARM not in name}
HOUR, DAY = 3600.0, 86400.0


def offer(*digits: str, kind: str = "offered", reason: str = "") -> VersionLookup:
    return VersionLookup(kind, "pip index versions demo-x", frozenset(digit * 64 for digit in digits), reason)


NOTHING = offer(kind="no version", reason="404")


def released(age: float | None = DAY) -> ReleaseContext:
    return ReleaseContext(POLICY, VERSION, age)


def check(artifact: Artifact, lookup: VersionLookup, checksums: dict[str, str], age: float | None = DAY):
    return published(artifact, lookup, select_built_files(artifact, POLICY, VERSION, checksums), released(age))


@pytest.mark.parametrize(
    ("artifact", "lookup", "checksums", "age", "state", "status", "data"),
    [
        # all files
        (DEMO, offer("a", "b", "c"), FILES | CRATE, DAY, "published", "ok", "3 files"),
        (SDK, offer("d"), FILES | CRATE, DAY, "published", "ok", "1 file"),
        (DEMO, offer("a", "b", "c"), FILES, None, "published", "ok", "3 files"),
        # the checksums of a local build have one wheel
        (DEMO, offer("a", "b", "c"), MINE, DAY, "published", "warning", "2 of 3 files"),
        (DEMO, offer("a", "c"), MINE, DAY, "differs", "failed", "1 of 2 files"),
        # no file
        (DEMO, NOTHING, FILES, HOUR, "not yet visible", "unknown", "404"),
        (DEMO, offer(kind="no name", reason="404"), FILES, HOUR, "not yet visible", "unknown", ""),
        (DEMO, NOTHING, FILES, 3 * HOUR, "missing", "failed", "404"),
        (SDK, offer(kind="no name", reason="404"), CRATE, DAY, "missing", "failed", ""),
        (SDK, NOTHING, {}, DAY, "missing", "failed", "404"),
        (SDK, NOTHING, CRATE, None, "missing", "failed", "`v0.4.0-rc.1`"),
        # some files
        (DEMO, offer("a", "b"), FILES, HOUR, "not yet visible", "unknown", "2 of 3 files"),
        (DEMO, offer("a", "b"), FILES, DAY, "differs", "failed", f"abi3-{ARM}.whl`"),
        # other files
        (DEMO, offer("a", "b", "c", "e"), FILES, DAY, "differs", "failed", "sha256 eeeeeeeeeeee"),
        (DEMO, offer("a", "b", "e"), FILES, HOUR, "differs", "failed", f"`demo_x-0.4.0rc1-cp310-abi3-{ARM}"),
        (SDK, offer("e"), CRATE, HOUR, "differs", "failed", "sha256 eeeeeeeeeeee"),
        # unknown
        (DEMO, offer(kind="no answer", reason="503"), FILES, HOUR, "unknown", "unknown", "503"),
        (DEMO, offer("a", "b", "c"), {}, DAY, "unknown", "unknown", "SHA256SUMS"),
        (DEMO, offer("a", "b", "c"), CRATE, DAY, "unknown", "unknown", "SHA256SUMS"),
    ],
)
def test_state_of_an_artifact(artifact, lookup, checksums, age, state, status, data):
    result = check(artifact, lookup, checksums, age)
    assert (result.state, result.finding.status) == (state, status)
    assert result.finding.saw.startswith(f"{state}: ")
    assert data in result.finding.saw
    assert (result.finding.remedy == "") == (status == "ok")


@pytest.mark.parametrize(
    ("artifact", "lookup", "age", "remedy"),
    [
        (DEMO, NOTHING, HOUR, "just verify 0.4.0-rc.1"),
        (DEMO, NOTHING, DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        # for PyPI, the age of a release starts with its first file
        (DEMO, NOTHING, 15 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        (DEMO, offer("a", "b"), 13 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        (DEMO, offer("a", "b"), 14 * DAY, "just prepare VERSION"),
        (SDK, NOTHING, 15 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-sdk"),
        (SDK, NOTHING, None, "git fetch --tags && just verify 0.4.0-rc.1"),
        (SDK, offer("e"), DAY, "cargo yank demo-sdk@0.4.0-rc.1"),
        (DEMO, offer("e"), DAY, "yank 0.4.0-rc.1 on the page of `demo-x`"),
    ],
)
def test_remedy_of_each_state(artifact, lookup, age, remedy):
    assert check(artifact, lookup, FILES | CRATE, age).finding.remedy.startswith(remedy)


def test_local_build_is_not_a_reason_to_yank_a_release():
    release = ReleaseContext(POLICY, VERSION, DAY, own_build=True)
    finding = published(SDK, offer("e"), select_built_files(SDK, POLICY, VERSION, CRATE), release).finding
    assert (finding.status, finding.remedy[:19]) == ("failed", "gh release download")


def test_remedy_without_checksums_is_their_download():
    remedy = check(DEMO, offer("a"), {}).finding.remedy
    assert remedy.startswith("gh release download v0.4.0-rc.1 --pattern SHA256SUMS && just verify 0.4.0-rc.1 --sums")


def test_built_files_are_of_one_artifact_and_one_version():
    checksums = FILES | CRATE | {"demo-0.4.0rc1.tar.gz": "f" * 64, "demo_x-0.4.0.tar.gz": "f" * 64}
    assert select_built_files(DEMO, POLICY, VERSION, checksums).digests == FILES
    assert select_built_files(DEMO, POLICY, VERSION, checksums).complete
    assert select_built_files(SDK, POLICY, VERSION, checksums).digests == CRATE
    assert not select_built_files(DEMO, POLICY, VERSION, MINE).complete
    without_sdist = {name: digest for name, digest in FILES.items() if name.endswith(".whl")}
    assert not select_built_files(DEMO, POLICY, VERSION, without_sdist).complete


@pytest.mark.parametrize(
    ("named", "tagged", "status", "data"),
    [
        ("5" * 40, "5" * 40, "ok", "`555555555555`"),
        ("6" * 40, "5" * 40, "failed", "`666666666666`"),
        (None, "5" * 40, "unknown", ""),
        ("5" * 40, None, "unknown", "`v0.4.0-rc.1`"),
    ],
)
def test_commit_of_a_crate_is_the_commit_of_the_tag(named, tagged, status, data):
    finding = commit(SDK, named, released(), tagged)
    assert (finding.check, finding.status) == ("commit", status)
    assert data in finding.saw


@pytest.mark.parametrize(
    ("files", "status", "data"),
    [
        ([Provenance("a", "proven"), Provenance("b", "proven")], "ok", "example/demo"),
        ([Provenance("a", "unknown", "404"), Provenance("b", "proven")], "unknown", "`a`: 404"),
        ([Provenance("a", "unknown", "?"), Provenance("b", "refuted", "by x")], "failed", "`b`: by x"),
        ([], "unknown", ""),
    ],
)
def test_provenance_of_a_distribution_is_the_worst_of_its_files(files, status, data):
    finding = provenance(DEMO, files, released())
    assert (finding.check, finding.status) == ("provenance", status)
    assert data in finding.saw
