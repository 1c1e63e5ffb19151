"""What became of an artifact, judged from what the registry offered and what was built."""

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


def offer(*digests: str, kind: str = "offered", reason: str = "") -> VersionLookup:
    return VersionLookup(kind, "the question", frozenset(each * 64 for each in digests), reason)


NOTHING = offer(kind="no version", reason="not there")


def released(age: float | None = DAY) -> ReleaseContext:
    return ReleaseContext(POLICY, VERSION, age)


def judged(artifact: Artifact, told: VersionLookup, sums: dict[str, str], age: float | None = DAY):
    return published(artifact, told, select_built_files(artifact, POLICY, VERSION, sums), released(age))


@pytest.mark.parametrize(
    ("artifact", "told", "sums", "age", "state", "status", "saw"),
    [
        # everything is there
        (DEMO, offer("a", "b", "c"), FILES | CRATE, DAY, "published", "ok", "3 files out, each as it was built"),
        (SDK, offer("d"), FILES | CRATE, DAY, "published", "ok", "1 file out, each as it was built"),
        (DEMO, offer("a", "b", "c"), FILES, None, "published", "ok", "3 files out"),
        # the sums of a laptop do not name the wheels of other machines
        (DEMO, offer("a", "b", "c"), MINE, DAY, "published", "warning", "2 of 3 files compared"),
        (
            DEMO,
            offer("a", "c"),
            MINE,
            DAY,
            "differs",
            "failed",
            "1 of 2 files out; as it was built, not there: `demo_x",
        ),
        # nothing is there
        (DEMO, NOTHING, FILES, HOUR, "not yet visible", "unknown", "not there"),
        (DEMO, offer(kind="no name"), FILES, HOUR, "not yet visible", "unknown", ""),
        (DEMO, NOTHING, FILES, 3 * HOUR, "missing", "failed", "not there"),
        (SDK, offer(kind="no name"), CRATE, DAY, "missing", "failed", ""),
        (SDK, NOTHING, {}, DAY, "missing", "failed", "not there"),
        (SDK, NOTHING, CRATE, None, "missing", "failed", "no tag `v0.4.0-rc.1` that says since when"),
        # some is there
        (DEMO, offer("a", "b"), FILES, HOUR, "not yet visible", "unknown", "2 of 3 files out"),
        (DEMO, offer("a", "b"), FILES, DAY, "differs", "failed", f"abi3-{ARM}.whl`"),
        # something else is there
        (DEMO, offer("a", "b", "c", "e"), FILES, DAY, "differs", "failed", "not built: sha256 eeeeeeeeeeee"),
        (DEMO, offer("a", "b", "e"), FILES, HOUR, "differs", "failed", f"not there: `demo_x-0.4.0rc1-cp310-abi3-{ARM}"),
        (SDK, offer("e"), CRATE, HOUR, "differs", "failed", "offers what was not built"),
        # nobody knows
        (DEMO, offer(kind="no answer", reason="503"), FILES, HOUR, "unknown", "unknown", "503"),
        (DEMO, offer("a", "b", "c"), {}, DAY, "unknown", "unknown", "3 files out, and no SHA256SUMS"),
        (DEMO, offer("a", "b", "c"), CRATE, DAY, "unknown", "unknown", "no SHA256SUMS"),
    ],
)
def test_the_state_of_an_artifact(artifact, told, sums, age, state, status, saw):
    verdict = judged(artifact, told, sums, age)
    assert (verdict.state, verdict.finding.status) == (state, status)
    assert verdict.finding.saw.startswith(f"{state}: ")
    assert saw in verdict.finding.saw
    assert (verdict.finding.remedy == "") == (status == "ok")


@pytest.mark.parametrize(
    ("artifact", "told", "age", "remedy"),
    [
        (DEMO, NOTHING, HOUR, "just verify 0.4.0-rc.1"),
        (DEMO, NOTHING, DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        # a release that PyPI does not know is no older than its first file
        (DEMO, NOTHING, 15 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        (DEMO, offer("a", "b"), 13 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-x"),
        (DEMO, offer("a", "b"), 14 * DAY, "just prepare VERSION, the next one"),
        (SDK, NOTHING, 15 * DAY, "gh workflow run publish.yml --ref v0.4.0-rc.1 -f artifact=demo-sdk"),
        (SDK, NOTHING, None, "git fetch --tags && just verify 0.4.0-rc.1"),
        (SDK, offer("e"), DAY, "cargo yank demo-sdk@0.4.0-rc.1, then `just prepare` the next version"),
        (DEMO, offer("e"), DAY, "yank 0.4.0-rc.1 on the page of `demo-x` at PyPI"),
    ],
)
def test_each_state_has_its_way_on(artifact, told, age, remedy):
    assert judged(artifact, told, FILES | CRATE, age).finding.remedy.startswith(remedy)


def test_a_build_in_a_checkout_is_no_reason_to_yank_a_release():
    release = ReleaseContext(POLICY, VERSION, DAY, own_build=True)
    finding = published(SDK, offer("e"), select_built_files(SDK, POLICY, VERSION, CRATE), release).finding
    assert (finding.status, finding.remedy[:19]) == ("failed", "gh release download")


def test_without_sums_the_way_on_is_to_get_them():
    remedy = judged(DEMO, offer("a"), {}).finding.remedy
    assert remedy.startswith("gh release download v0.4.0-rc.1 --pattern SHA256SUMS && just verify 0.4.0-rc.1 --sums")


def test_sums_are_of_one_artifact_and_one_version():
    sums = FILES | CRATE | {"demo-0.4.0rc1.tar.gz": "f" * 64, "demo_x-0.4.0.tar.gz": "f" * 64}
    assert select_built_files(DEMO, POLICY, VERSION, sums).digests == FILES
    assert select_built_files(DEMO, POLICY, VERSION, sums).whole
    assert select_built_files(SDK, POLICY, VERSION, sums).digests == CRATE
    assert not select_built_files(DEMO, POLICY, VERSION, MINE).whole
    without_sdist = {name: digest for name, digest in FILES.items() if name.endswith(".whl")}
    assert not select_built_files(DEMO, POLICY, VERSION, without_sdist).whole


@pytest.mark.parametrize(
    ("told", "tagged", "status", "saw"),
    [
        ("5" * 40, "5" * 40, "ok", "made from `555555555555`, as `v0.4.0-rc.1` is"),
        ("6" * 40, "5" * 40, "failed", "made from `666666666666`, and `v0.4.0-rc.1` is `555555555555`"),
        (None, "5" * 40, "unknown", "no file of it that could be read"),
        ("5" * 40, None, "unknown", "no tag `v0.4.0-rc.1`"),
    ],
)
def test_the_commit_of_a_crate_is_the_one_of_the_tag(told, tagged, status, saw):
    finding = commit(SDK, told, released(), tagged)
    assert (finding.status, saw in finding.saw) == (status, True)


@pytest.mark.parametrize(
    ("told", "status", "saw"),
    [
        ([Provenance("a", "proven"), Provenance("b", "proven")], "ok", "2 files proven to be built in example/demo"),
        ([Provenance("a", "unknown", "was not found"), Provenance("b", "proven")], "unknown", "`a`: was not found"),
        ([Provenance("a", "unknown", "?"), Provenance("b", "refuted", "by x")], "failed", "`b`: by x"),
        ([], "unknown", "no file to ask about"),
    ],
)
def test_one_file_without_proof_leaves_the_provenance_unknown_and_a_refuted_one_refuses_it(told, status, saw):
    finding = provenance(DEMO, told, released())
    assert (finding.status, saw in finding.saw) == (status, True)
