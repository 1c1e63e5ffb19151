"""The policy table: its values, and errors with their lines."""

from __future__ import annotations

import json
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.policy import Artifact, Policy, normalised, policy_keys
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = """\
[project]
name = "binoc-runbook"

[tool.binoc-runbook]
tag = "v{version}"
branch = ["main", "release/*"]
remote = "origin"
test = ["just", "test-code"]
repository = "harvard-lil/binoc"
workflow = "publish.yml"

[[tool.binoc-runbook.artifacts]]
name = "binoc"
registry = "pypi"
path = "python/binoc"
environment = "pypi-binoc"
wheels = "cp310-abi3"
platforms = ["manylinux_2_17_x86_64", "musllinux_1_2_aarch64", "macosx_11_0_arm64", "win_amd64"]

[[tool.binoc-runbook.artifacts]]
name = "binoc-sdk"
registry = "crates.io"
path = "crates/binoc-sdk"
environment = "crates-io"
"""

#: A second distribution, for values that must differ between artifacts.
SQLITE = """
[[tool.binoc-runbook.artifacts]]
name = "binoc-sqlite"
registry = "pypi"
path = "python/binoc-sqlite"
environment = "pypi-binoc-sqlite"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Create a checkout with a manifest for each artifact and without a policy."""
    for manifest in (
        "python/binoc/pyproject.toml",
        "python/binoc-sqlite/pyproject.toml",
        "crates/binoc-sdk/Cargo.toml",
    ):
        file = tmp_path / manifest
        file.parent.mkdir(parents=True)
        file.touch()
    return tmp_path


@pytest.fixture
def load(checkout: Path) -> Callable[[str], Policy]:
    def load(text: str) -> Policy:
        (checkout / "pyproject.toml").write_text(text)
        return read_policy(checkout)

    return load


def refused(load: Callable[[str], Policy], text: str) -> list[tuple[str, str, str]]:
    """Return `looked_at`, `saw` and `remedy` of each finding."""
    with pytest.raises(RefusedError) as error:
        load(text)
    assert {finding.status for finding in error.value.findings} == {"failed"}
    return [(finding.looked_at, finding.saw, finding.remedy) for finding in error.value.findings]


# Reading


def test_policy_has_the_lines_of_its_tables(load: Callable[[str], Policy]) -> None:
    policy = load(GOOD)

    assert policy == Policy(
        declared=True,
        tag="v{version}",
        branch=("main", "release/*"),
        remote="origin",
        test=("just", "test-code"),
        repository="harvard-lil/binoc",
        workflow="publish.yml",
        artifacts=(
            Artifact(
                "binoc",
                "pypi",
                "python/binoc",
                "pypi-binoc",
                "cp310-abi3",
                ("manylinux_2_17_x86_64", "musllinux_1_2_aarch64", "macosx_11_0_arm64", "win_amd64"),
            ),
            Artifact("binoc-sdk", "crates.io", "crates/binoc-sdk", "crates-io"),
        ),
    )
    assert str(policy.source) == "pyproject.toml:4"
    assert [str(artifact.source) for artifact in policy.artifacts] == ["pyproject.toml:12", "pyproject.toml:20"]


def test_missing_keys_have_defaults(load: Callable[[str], Policy]) -> None:
    assert load("[tool.binoc-runbook]\n") == replace(Policy(), declared=True)


def test_branch_can_be_a_string(load: Callable[[str], Policy]) -> None:
    assert load('[tool.binoc-runbook]\nbranch = "trunk"\n').branch == ("trunk",)


def test_timeouts_are_seconds(load: Callable[[str], Policy]) -> None:
    policy = load("[tool.binoc-runbook]\npush-timeout = 90\nquery-timeout = 2.5\n")
    assert (policy.push_timeout, policy.query_timeout) == (90.0, 2.5)


def test_path_is_normalized(load: Callable[[str], Policy]) -> None:
    assert load(GOOD.replace('"python/binoc"', '"./python//binoc/"')).artifacts[0].path == "python/binoc"


@pytest.mark.parametrize("text", ["", '[project]\nname = "binoc"\n', "[tool.ruff]\nline-length = 120\n"])
def test_policy_without_a_table_is_not_declared(load: Callable[[str], Policy], text: str) -> None:
    policy = load(text)

    assert policy == Policy()
    assert not policy.declared
    assert policy.artifacts == ()


def test_policy_without_a_file_is_not_declared(tmp_path: Path) -> None:
    assert read_policy(tmp_path) == Policy()


def test_policy_can_be_an_inline_table(load: Callable[[str], Policy]) -> None:
    inline = load('tool.binoc-runbook = { tag = "{version}", test = ["cargo", "test"] }\n')

    assert (inline.declared, inline.tag, inline.test) == (True, "{version}", ("cargo", "test"))


# Refusing


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        # keys
        ('remote = "origin"', 'remot = "origin"', 7),
        ('remote = "origin"', 'colour = "red"', 7),
        ('path = "python/binoc"', 'paths = "x"\npath = "python/binoc"', 15),
        ('registry = "pypi"\n', "", 12),
        # types
        ('tag = "v{version}"', "tag = 4", 5),
        ('["main", "release/*"]', "{ main = true }", 6),
        ('["main", "release/*"]', '["main", 3]', 6),
        ('["just", "test-code"]', '"just test-code"', 8),
        ('"pypi-binoc"', "2026-01-01", 16),
        # the tag, the branch and the remote
        ('"v{version}"', '"release"', 5),
        ('"v{version}"', '"{version}-{version}"', 5),
        ('"v{version}"', '"v {version}"', 5),
        ('"v{version}"', '"{version}.lock"', 5),
        ('"v{version}"', '"refs/tags/v{version}"', 5),
        ('["main", "release/*"]', '["release/*~"]', 6),
        ('["main", "release/*"]', '"HEAD"', 6),
        ('["main", "release/*"]', "[]", 6),
        ('["main", "release/*"]', '""', 6),
        ('"origin"', '"--upload-pack=x"', 7),
        ('"origin"', '"git@github.com:harvard-lil/binoc"', 7),
        # commands
        ('["just", "test-code"]', "[]", 8),
        ('test = ["just", "test-code"]', 'test = ["just"]\nsmoke-test = "python try.py"', 9),
        ('test = ["just", "test-code"]', 'test = ["just"]\nhidden-variables = "MY_*"', 9),
        ('test = ["just", "test-code"]', 'test = ["just"]\nhidden-variables = ["MY VARIABLE"]', 9),
        ('test = ["just", "test-code"]', 'test = ["just"]\nhidden-variables = ["MY_*", "*"]', 9),
        # the example of a crate
        ('"crates-io"', '"crates-io"\nexample = "crates/gone"', 25),
        ('"crates-io"', '"crates-io"\nexample = "../other"', 25),
        ('"pypi-binoc"', '"pypi-binoc"\nexample = "crates/binoc-sdk"', 17),
        # third-party notices and URLs
        ('"pypi-binoc"', '"pypi-binoc"\nthird-party-notices = "yes"', 17),
        ('"crates-io"', '"crates-io"\nthird-party-notices = true', 25),
        ('remote = "origin"', 'project-urls = ["!"]', 7),
        # the documentation site
        ('remote = "origin"', 'site = "http://example.org/"', 7),
        ('remote = "origin"', 'site = "https://example.org/binoc"', 7),
        # GitHub
        ('"harvard-lil/binoc"', '"binoc"', 9),
        # timeouts
        ('remote = "origin"', 'push-timeout = "600"', 7),
        ('remote = "origin"', "push-timeout = true", 7),
        ('remote = "origin"', "push-timeout = 0", 7),
        ('remote = "origin"', "query-timeout = nan", 7),
        ('remote = "origin"', "query-timeout = 86401", 7),
        ('"harvard-lil/binoc"', '"https://github.com/harvard-lil/binoc.git"', 9),
        ('"publish.yml"', '".github/workflows/publish.yml"', 10),
        ('"publish.yml"', '"publish"', 10),
        # artifacts
        ('"pypi"', '"npm"', 14),
        ('"pypi"', '["pypi"]', 14),
        ('"binoc"\nregistry', '"-binoc"\nregistry', 13),
        ('"binoc-sdk"', '"0binoc"', 21),
        ('"python/binoc"', '"python/nothing"', 15),
        ('"python/binoc"', '"crates"', 15),
        ('"crates/binoc-sdk"', '"python/binoc"', 23),
        ('"python/binoc"', '"../binoc"', 15),
        ('"python/binoc"', '"/python/binoc"', 15),
        ('"python/binoc"', "'python\\binoc'", 15),
        ('"cp310-abi3"', '"abi3-py310"', 17),
        ('"cp310-abi3"', '"cp310-cp311"', 17),
        ('"win_amd64"', '"windows"', 18),
        ('"win_amd64"', '"manylinux2014_x86_64"', 18),
        ('"win_amd64"', '"macosx_11_0_arm64"', 18),
        ('wheels = "cp310-abi3"\n', "", 17),
        ('environment = "crates-io"', 'environment = "crates-io"\nplatforms = ["win_amd64"]', 25),
        ('"crates-io"', '"PyPI-Binoc"', 24),
    ],
)
def test_invalid_value_is_refused_with_its_line(load: Callable[[str], Policy], good: str, bad: str, line: int) -> None:
    assert good in GOOD

    [(place, _, remedy)] = refused(load, GOOD.replace(good, bad, 1))

    assert place == f"pyproject.toml:{line}"
    assert remedy


@pytest.mark.parametrize(
    ("good", "bad", "suggestion"),
    [
        ('remote = "origin"', 'remot = "origin"', "`remote`"),
        ('remote = "origin"', 'trial = ["python"]', "`smoke-test`"),
        ('["just", "test-code"]', '"just test-code"', '`test = ["just", "test-code"]`'),
        ('"harvard-lil/binoc"', '"https://github.com/harvard-lil/binoc.git"', '`repository = "harvard-lil/binoc"`'),
        ('"publish.yml"', '".github/workflows/publish.yml"', '`workflow = "publish.yml"`'),
        ('"win_amd64"', '"manylinux2014_x86_64"', '"macosx_11_0_arm64", "manylinux_2_17_x86_64"]`'),
        ('"crates-io"', '"PyPI-Binoc"', '"crates-binoc-sdk"'),
    ],
)
def test_remedy_suggests_a_valid_value(load: Callable[[str], Policy], good: str, bad: str, suggestion: str) -> None:
    [(_, _, remedy)] = refused(load, GOOD.replace(good, bad, 1))

    assert suggestion in remedy


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ('"binoc-sqlite"\nregistry', '"Binoc"\nregistry', 27),
        ('path = "python/binoc-sqlite"', 'path = "python/binoc"', 29),
        ('"pypi-binoc-sqlite"', '"pypi-binoc"', 30),
    ],
)
def test_two_artifacts_have_different_names_paths_and_environments(
    load: Callable[[str], Policy], good: str, bad: str, line: int
) -> None:
    [(place, saw, _)] = refused(load, GOOD + SQLITE.replace(good, bad))

    assert place == f"pyproject.toml:{line}"
    assert "`binoc`" in saw
    assert "`pyproject.toml:12`" in saw


def test_crate_and_distribution_can_share_name_and_directory(load: Callable[[str], Policy], checkout: Path) -> None:
    (checkout / "python/binoc/Cargo.toml").touch()

    policy = load(GOOD.replace('"binoc-sdk"', '"binoc"').replace('"crates/binoc-sdk"', '"python/binoc"'))

    assert [artifact.name for artifact in policy.artifacts] == ["binoc", "binoc"]


def test_all_errors_are_reported_together(load: Callable[[str], Policy]) -> None:
    bad = GOOD.replace("remote", "remot").replace('"v{version}"', '"v"').replace("python/binoc", "python/gone")

    places = [place for place, _, _ in refused(load, bad)]

    assert places == ["pyproject.toml:7", "pyproject.toml:5", "pyproject.toml:15"]


def test_error_text_contains_its_findings(load: Callable[[str], Policy]) -> None:
    with pytest.raises(RefusedError, match=r"pyproject\.toml:7.*remot"):
        load(GOOD.replace("remote", "remot"))


def test_path_through_a_link_stays_inside_the_checkout(load: Callable[[str], Policy], checkout: Path) -> None:
    (checkout / "elsewhere").symlink_to(checkout.parent)

    [(place, _, _)] = refused(load, GOOD.replace('"python/binoc"', '"elsewhere"'))

    assert place == "pyproject.toml:15"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool]\nbinoc-runbook = true\n", "pyproject.toml:2"),
        ("tool = 3\n", "pyproject.toml:1"),
        ("[tool.binoc-runbook.artifacts.binoc]\n", "pyproject.toml"),
        ('[tool.binoc-runbook]\nartifacts = ["binoc"]\n', "pyproject.toml:2"),
    ],
)
def test_other_type_than_table_is_refused(load: Callable[[str], Policy], text: str, place: str) -> None:
    [finding] = refused(load, text)

    assert finding[0] == place


def test_invalid_toml_is_refused_with_line_and_column(load: Callable[[str], Policy]) -> None:
    [(place, saw, _)] = refused(load, '[tool.binoc-runbook]\ntag = "v{version}\n')

    assert place == "pyproject.toml:2"
    assert "column 18" in saw


def test_file_that_is_not_utf8_is_refused(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(RefusedError) as error:
        read_policy(checkout)
    assert [finding.looked_at for finding in error.value.findings] == ["pyproject.toml:1"]


# The names that git accepts, compared with git

NAMES = [
    "main",
    "release/0.4",
    "a.b",
    "@",
    "a@{b",
    "a..b",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a/",
    "/a",
    "a//b",
    "a.",
]


@pytest.mark.parametrize("tag", [*NAMES, *(f"a{sign}b" for sign in " ~^:\\\t\x7f?*["), "ä", "{a}", "@a", "a-"])
@pytest.mark.parametrize("pattern", ["{}{{version}}", "{{version}}{}"])
def test_tag_is_refused_if_git_refuses_it(load: Callable[[str], Policy], tag: str, pattern: str) -> None:
    tag = pattern.format(tag)
    ref = f"refs/tags/{tag.replace('{version}', '0.4.0')}"
    valid = subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0
    text = f"[tool.binoc-runbook]\ntag = {json.dumps(tag)}\n".replace("\x7f", "\\u007f")

    with nullcontext() if valid else pytest.raises(RefusedError):
        assert load(text).tag == tag


# Methods


@pytest.mark.parametrize("pattern", ["v{version}", "{version}", "binoc-{version}-final", "release/{version}"])
def test_tag_and_version_round_trip(pattern: str) -> None:
    policy = Policy(tag=pattern)

    for version in ("0.4.0", "0.4.0-rc.1"):
        assert policy.version_of(policy.tag_of(version)) == version
        assert policy.tag_of(Version.parse(version)) == policy.tag_of(version)


@pytest.mark.parametrize("tag", ["", "v", "0.4.0", "vv0.4.0", "v0.4", "v0.4.0rc1", "vscode", "v0.4.0 "])
def test_other_tags_have_no_version(tag: str) -> None:
    assert Policy().version_of(tag) is None


def test_prefix_and_suffix_of_a_tag_do_not_overlap() -> None:
    assert Policy(tag="aa{version}aa").version_of("aaa") is None


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("main", True),
        ("release/0.4", True),
        ("release/0.4/x", True),
        ("Main", False),
        ("mainly", False),
        ("release", False),
    ],
)
def test_branch_is_matched_by_its_full_name(name: str, allowed: bool) -> None:
    assert Policy(branch=("main", "release/*")).allows_branch(name) is allowed


@pytest.mark.parametrize(
    ("one", "other", "registry"),
    [("Binoc_SQLite", "binoc-sqlite", "pypi"), ("a.-_b", "a-b", "pypi"), ("binoc_sdk", "binoc-sdk", "crates.io")],
)
def test_names_are_normalized_like_at_the_registry(one: str, other: str, registry: str) -> None:
    assert normalised(registry, one) == normalised(registry, other)  # type: ignore[arg-type]


def test_all_keys_have_help() -> None:
    keys = policy_keys(Policy) | policy_keys(Artifact)

    assert list(keys) == [
        "tag",
        "branch",
        "remote",
        "test",
        "hidden-variables",
        "smoke-test",
        "repository",
        "workflow",
        "project-urls",
        "site",
        "push-timeout",
        "query-timeout",
        "start-timeout",
        "artifacts",
        "name",
        "registry",
        "path",
        "environment",
        "wheels",
        "platforms",
        "third-party-notices",
        "example",
    ]
    assert all(key.metadata["help"].endswith(".") and key.metadata["allowed"] for key in keys.values())
