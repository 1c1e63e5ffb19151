"""The states of each stage: ready, done, partly done, blocked and unknown."""

from __future__ import annotations

import re

import pytest

from binoc_runbook.release.parameters import open_target
from binoc_runbook.stages import ACTION_STAGES, CHECK_STAGES, STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World

BY_NAME = {stage.name: stage for stage in STAGES}


@pytest.fixture
def observed(checkout):
    """Return a function that returns the state of a stage, by its name."""

    def state(name):
        return BY_NAME[name].observe(open_target(World.real(checkout.root), Version.parse("0.4.0"))).state

    return state


@pytest.fixture
def tagged(checkout):
    def tag(*, push=True, kind=("-a", "-m", "x"), commit="HEAD"):
        checkout.git("tag", *kind, "v0.4.0", commit, cwd=checkout.root)
        if push:
            checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)

    return tag


def unreachable(checkout):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)


def test_order_and_reach_of_the_stages():
    assert [(stage.name, stage.reach) for stage in STAGES] == [
        ("tree", "local"),
        ("surface", "local"),
        ("sync", "local"),
        ("workflow", "local"),
        ("remote", "local"),
        ("tests", "local"),
        ("push-branch", "public"),
        ("tag", "local"),
        ("push-tag", "permanent"),
    ]


def test_states_before_a_release(observed):
    assert {stage.name: observed(stage.name) for stage in CHECK_STAGES} == dict.fromkeys(
        (stage.name for stage in CHECK_STAGES), "done"
    )
    assert observed("tests") == "ready"
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["ready", "ready", "ready"]


def test_states_after_the_branch_is_pushed(observed, checkout):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["done", "ready", "ready"]


def test_states_with_a_local_tag_only(observed, tagged):
    tagged(push=False)
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["ready", "done", "ready"]


def test_states_with_a_remote_tag_only(observed, checkout, tagged):
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["ready", "ready", "done"]


def test_states_after_a_release(observed, checkout, tagged):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    tagged()
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["done", "done", "done"]


def test_another_tag_object_of_the_same_commit_is_done(observed, checkout, tagged):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    tagged(push=False, kind=("-a", "-m", "another message"))
    assert [observed(stage.name) for stage in ACTION_STAGES] == ["done", "done", "done"]


def test_lightweight_tag_is_blocked(observed, tagged):
    tagged(push=False, kind=())
    assert [observed(name) for name in ("tag", "push-tag")] == ["blocked", "blocked"]


def test_tag_of_another_commit_is_blocked(observed, tagged):
    tagged(push=False, commit="HEAD~1")
    assert [observed(name) for name in ("tag", "push-tag")] == ["blocked", "blocked"]


def test_diverged_branch_is_blocked(observed, checkout):
    checkout.push_from_another_clone()
    assert observed("push-branch") == "blocked"
    assert observed("remote") == "blocked"


@pytest.mark.parametrize("name", ["remote", "push-branch", "tag", "push-tag"])
def test_stage_is_unknown_if_the_remote_is_unreachable(observed, checkout, name):
    unreachable(checkout)
    assert observed(name) == "unknown"


@pytest.mark.parametrize("name", ["remote", "tests", *(stage.name for stage in ACTION_STAGES)])
def test_stage_is_unknown_without_a_commit(tmp_path, git, checkout, name):
    (tmp_path / "empty").mkdir()
    git("init", "--quiet", cwd=tmp_path / "empty")
    (tmp_path / "empty/pyproject.toml").write_text("")
    assert BY_NAME[name].observe(open_target(World.real(tmp_path / "empty"), Version.parse("0.4.0"))).state == "unknown"


def test_policy_without_a_test_command_is_done(observed, checkout):
    checkout.edit("pyproject.toml", 'test = ["git", "--version"]\n', "")
    checkout.commit()
    assert observed("tests") == "done"


def test_stages_before_the_tests_have_no_commands(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    assert [stage.commands(target) for stage in CHECK_STAGES] == [()] * len(CHECK_STAGES)


def test_tag_requires_the_commit_on_the_remote(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    (finding,) = BY_NAME["tag"].requires(target)
    assert (finding.status, finding.check) == ("failed", "tag")
    assert finding.looked_at.startswith("git ls-remote origin ")


def test_tag_of_the_remote_is_fetched(checkout, tagged):
    tagged()
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    (command,) = BY_NAME["tag"].commands(open_target(World.real(checkout.root), Version.parse("0.4.0")))
    assert command.arguments[:3] == ("git", "fetch", "--no-tags")


def test_wrapper_that_is_not_in_git_blocks_the_workflow(observed, checkout):
    checkout.git("rm", "--quiet", "--cached", "just", cwd=checkout.root)
    checkout.write(".git/info/exclude", "/just\n")
    checkout.commit("Remove the wrapper")
    assert (checkout.root / "just").is_file()
    assert observed("workflow") == "blocked"


#: A second published crate, which depends on the first one, and its publish job.
DEPENDENT = {
    "pyproject.toml": """

[[tool.binoc-runbook.artifacts]]
name = "demo-extra"
registry = "crates.io"
path = "crates/demo-extra"
environment = "crates-io-extra"
""",
    ".github/workflows/publish.yml": """\
  publish-demo-extra:
    needs: [check-dists]
    if: startsWith(github.ref, 'refs/tags/v')
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    environment: crates-io-extra
    permissions:
      id-token: write
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: cargo publish -p demo-extra --locked --no-verify
""",
}


@pytest.mark.parametrize(
    ("dependency", "order"),
    [
        ('[dependencies]\ndemo-sdk = { path = "../demo-sdk", version = "0.4.0" }\n', True),
        (
            '[target.x.build-dependencies]\nx = { package = "demo-sdk", path = "../demo-sdk", version = "*" }\n',
            True,
        ),
        ("[dependencies]\ndemo-sdk.workspace = true\n", True),
        ('[dev-dependencies]\ndemo-sdk = { path = "../demo-sdk" }\n', False),
        ("", False),
    ],
    ids=["normal", "build", "inherited", "development", "none"],
)
def test_dependent_crate_is_published_after_its_dependency(checkout, dependency, order):
    checkout.write("Cargo.toml", (checkout.root / "Cargo.toml").read_text() + SHARED)
    manifest = (checkout.root / "crates/demo-sdk/Cargo.toml").read_text().replace("demo-sdk", "demo-extra")
    checkout.write("crates/demo-extra/Cargo.toml", f"{manifest}\n{dependency}")
    checkout.write("crates/demo-extra/src/lib.rs", "")
    for path, text in DEPENDENT.items():
        checkout.write(path, (checkout.root / path).read_text() + text)
    checkout.commit()
    findings = crate_order(checkout)
    assert [finding.status for finding in findings] == ["failed"] * order
    if order:
        (finding,) = findings
        assert finding.looked_at.startswith(".github/workflows/publish.yml:")
        needs = re.search(r"`(needs: \[.*\])`", finding.remedy)[1]  # the edit that the remedy shows
        path = ".github/workflows/publish.yml"
        head, _, job = (checkout.root / path).read_text().rpartition("needs: [check-dists]")
        checkout.write(path, f"{head}{needs}{job}")
        checkout.commit()
        assert not crate_order(checkout)


SHARED = '\n[workspace.dependencies]\ndemo-sdk = { path = "crates/demo-sdk", version = "0.4.0" }\n'


def crate_order(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    findings = BY_NAME["workflow"].observe(target).findings
    return [finding for finding in findings if finding.saw.startswith("crate order:")]


def test_changelog_that_is_not_utf8_is_blocked_and_has_a_plan(observed, checkout):
    (checkout.root / "CHANGELOG.md").write_bytes(b"## [0.4.0]\n\n- caf\xe9\n")
    checkout.commit()
    assert observed("sync") == "blocked"
    (command,) = BY_NAME["tag"].commands(open_target(World.real(checkout.root), Version.parse("0.4.0")))
    assert "caf\ufffd" in command.stdin
