"""The state of a release and its next command, for every state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from binoc_runbook.checks.observations import (
    CommitVersions,
    GitHubResponse,
    GitHubRun,
    RemoteRefs,
    RunLookup,
    Tag,
    VersionLookup,
)
from binoc_runbook.checks.published import CLOSED, PublicationResult, ReleaseContext
from binoc_runbook.checks.release_state import (
    PLACES,
    STATES,
    ObservedTag,
    ReleaseTraces,
    diagnose,
)
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version

WHEEL = Artifact("demo", "pypi", "python/demo", "pypi-demo")
CRATE = Artifact("demo-sdk", "crates.io", "crates/demo-sdk", "crates-io")
POLICY = Policy(artifacts=(WHEEL, CRATE), repository="example/demo", workflow="publish.yml")
COMMIT, OTHER, OBJECT = "c" * 40, "d" * 40, "a" * 40
SAME = CommitVersions({"demo": "0.4.0", "demo-sdk": "0.4.0"})
OLDER = CommitVersions({"demo": "0.3.0", "demo-sdk": "0.3.0"})
TAG = ObservedTag(Tag(annotated=True, object=OBJECT, commit=COMMIT), SAME)
NO_TAG = ObservedTag(None, CommitVersions(None, "there is no tag"))
OLD = 7 * 24 * 3600.0


def publication(artifact, state="published", kind="offered", lacking=()):
    digests = frozenset({"0" * 64}) if kind == "offered" else frozenset()
    lookup = VersionLookup(kind, "the registry", digests, "" if kind == "offered" else "the registry has no such file")
    status = {"published": "ok", "differs": "failed", "missing": "failed"}.get(state, "unknown")
    finding = Finding("published", status, "the registry", state, "" if status == "ok" else "yank it")
    return PublicationResult(artifact, state, finding, lookup, lacking)


def absent(artifact):
    return publication(artifact, "missing", "no version")


def published(*artifacts, **others):
    """Return publications of these artifacts; the other ones are absent."""
    return {item.name: publication(item) if item in artifacts else absent(item) for item in POLICY.artifacts} | others


def run(progress):
    """Return the lookup of a run with this progress."""
    if progress in ("none", "unknown"):
        return RunLookup("no run" if progress == "none" else "no access", "GET /runs", reason="no token")
    words = {"passed": ("completed", "success"), "failed": ("completed", "failure"), "running": ("in_progress", None)}
    status, conclusion = words.get(progress, ("queued", None))
    return RunLookup("run", "GET /runs", GitHubRun(7, 1, "push", status, conclusion, "the page of run 7", ()))


SOURCE = {item.name: Findings([Finding.ok("provenance", item.name, "is from the tag")]) for item in POLICY.artifacts}

RELEASED = ReleaseTraces(
    context=ReleaseContext(POLICY, Version.parse("0.4.0"), OLD),
    remote="origin",
    branch="main",
    commit=COMMIT,
    refs=RemoteRefs("git ls-remote", {"refs/heads/main": COMMIT}, ""),
    on_branch="yes",
    behind="yes",
    manifests=SAME,
    local=TAG,
    published=TAG,
    run=run("passed"),
    publications=published(WHEEL, CRATE),
    provenance=SOURCE,
    github=GitHubResponse("GET /releases", "value", {"draft": False, "assets": []}),
)

NOTHING = replace(
    RELEASED,
    on_branch="no",
    local=NO_TAG,
    published=NO_TAG,
    run=run("none"),
    publications=published(),
    provenance={},
    github=GitHubResponse("GET /releases", "absent"),
)

PUSHED = replace(NOTHING, on_branch="yes", local=TAG, published=TAG)
YOUNG = replace(RELEASED.context, age=60.0)
UNREADABLE = VersionLookup("no answer", "the registry", reason="timed out")
FAILED = run("failed")
PARTLY = published(WHEEL)
LACKING = published(CRATE, demo=publication(WHEEL, "differs", lacking=("demo-0.4.0.tar.gz",)))

CASES = [
    (
        "remote not readable",
        replace(RELEASED, refs=RemoteRefs("git ls-remote", None, "refused"), published=NO_TAG),
        "git ls-remote origin",
    ),
    (
        "remote not readable",
        replace(RELEASED, refs=RemoteRefs("git ls-remote", None, "not trusted", untrusted=True), published=NO_TAG),
        "just trust",
    ),
    ("disputed", replace(RELEASED, publications=published(CRATE, demo=publication(WHEEL, "differs"))), "yank it"),
    (
        "disputed",
        replace(RELEASED, provenance={"demo": Findings([Finding.failed("commit", "x", "another commit", "yank it")])}),
        "yank it",
    ),
    ("published without a tag", replace(RELEASED, local=NO_TAG, published=NO_TAG), "./just prepare 0.4.1"),
    (
        "wrong tag",
        replace(PUSHED, published=ObservedTag(Tag(annotated=False, object=COMMIT, commit=COMMIT), SAME)),
        "./just prepare 0.4.1",
    ),
    ("wrong tag", replace(PUSHED, published=replace(TAG, contents=OLDER)), "./just prepare 0.4.1"),
    (
        "wrong local tag",
        replace(NOTHING, local=replace(TAG, tag=Tag(annotated=True, object=OBJECT, commit=OTHER))),
        "git tag -d v0.4.0",
    ),
    (
        "wrong local tag",
        replace(RELEASED, local=replace(TAG, tag=Tag(annotated=False, object=COMMIT, commit=COMMIT))),
        "git tag -d v0.4.0 && git fetch origin tag v0.4.0",
    ),
    ("not prepared", replace(NOTHING, manifests=OLDER), "./just prepare 0.4.0"),
    ("tag not pushed", replace(NOTHING, on_branch="yes", local=TAG), "./just release 0.4.0"),
    ("branch pushed", replace(NOTHING, on_branch="yes"), "./just release 0.4.0"),
    ("not started", NOTHING, "./just release 0.4.0"),
    ("tag not on the branch", replace(PUSHED, on_branch="no"), None),
    ("workflow waits", replace(PUSHED, run=run("waiting")), "gh run watch 7"),
    ("workflow runs", replace(PUSHED, run=run("running")), "gh run watch 7"),
    (
        "closed",
        replace(RELEASED, context=replace(RELEASED.context, age=CLOSED), run=FAILED, publications=LACKING),
        "./just prepare 0.4.1",
    ),
    ("workflow failed", replace(PUSHED, run=FAILED), "gh run rerun 7 --failed"),
    ("workflow failed", replace(PUSHED, run=FAILED, publications=PARTLY), "gh run rerun 7 --failed"),
    (
        "registry not readable",
        replace(PUSHED, publications=published(WHEEL) | {"demo-sdk": replace(absent(CRATE), lookup=UNREADABLE)}),
        "./just verify 0.4.0",
    ),
    ("workflow not started", PUSHED, "gh workflow run publish.yml --ref v0.4.0 -f artifact=demo"),
    (
        "workflow not started",
        replace(PUSHED, publications=PARTLY),
        "gh workflow run publish.yml --ref v0.4.0 -f artifact=demo-sdk",
    ),
    (
        "not yet visible",
        replace(PUSHED, context=YOUNG, run=run("passed")),
        "./just verify 0.4.0",
    ),
    (
        "not yet visible",
        replace(PUSHED, context=YOUNG, run=run("unknown")),
        "gh run list --workflow publish.yml --branch v0.4.0",
    ),
    (
        "partly published",
        replace(PUSHED, run=RELEASED.run, publications=PARTLY),
        "gh workflow run publish.yml --ref v0.4.0 -f artifact=demo-sdk",
    ),
    (
        "partly published",
        replace(PUSHED, run=RELEASED.run, publications=LACKING),
        "gh workflow run publish.yml --ref v0.4.0 -f artifact=demo",
    ),
    ("not published", replace(PUSHED, run=RELEASED.run), "gh workflow run publish.yml --ref v0.4.0 -f artifact=demo"),
    (
        "not published",
        replace(PUSHED, run=run("unknown")),
        "gh run list --workflow publish.yml --branch v0.4.0",
    ),
    ("GitHub release missing", replace(RELEASED, run=FAILED, github=NOTHING.github), "gh run rerun 7 --failed"),
    (
        "published",
        replace(RELEASED, github=GitHubResponse("GET /releases", "no token", reason="no token")),
        "./just verify 0.4.0",
    ),
    ("released", RELEASED, ""),
]


@pytest.mark.parametrize(("state", "traces", "command"), CASES)
def test_state_has_its_next_command(state, traces, command):
    diagnosis = diagnose(traces)
    assert diagnosis.state.name == state
    assert command is None or diagnosis.command == command


def test_every_state_has_a_case():
    assert {state for state, *_ in CASES} == {state.name for state in STATES}


def test_commands_never_force_or_delete_on_the_remote():
    commands = " ".join(diagnose(traces).command for _, traces, _ in CASES)
    assert not {"--force", "-f origin", "--delete", "push -d", "+refs"} & set(commands.split())


@pytest.mark.parametrize(("state", "traces", "command"), CASES)
def test_every_artifact_has_an_answer_with_evidence_for_every_place(state, traces, command):
    cells = diagnose(traces).cells
    assert list(cells) == ["demo", "demo-sdk"]
    assert all(tuple(row) == PLACES and all(cell.evidence for cell in row.values()) for row in cells.values())


def test_unreadable_place_is_unknown_and_not_no():
    unreadable = replace(
        RELEASED,
        refs=RemoteRefs("git ls-remote", None, "refused"),
        published=NO_TAG,
        run=run("unknown"),
        publications={item.name: replace(absent(item), lookup=UNREADABLE) for item in POLICY.artifacts},
        provenance={},
        github=GitHubResponse("GET /releases", "no answer", reason="timed out"),
    )
    row = diagnose(unreadable).cells["demo"]
    assert {place: cell.answer for place, cell in row.items() if cell.answer != "yes"} == dict.fromkeys(
        ("remote tag", "workflow run", "registry", "digest", "provenance", "GitHub release"), "unknown"
    )
