"""The promises of a repository: how they are read, and what is refused with its line and the allowed values."""

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

#: A second distribution, for what two artifacts may not share.
SQLITE = """
[[tool.binoc-runbook.artifacts]]
name = "binoc-sqlite"
registry = "pypi"
path = "python/binoc-sqlite"
environment = "pypi-binoc-sqlite"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a manifest for each artifact, and no policy yet."""
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
    """Where, what and the remedy of each finding."""
    with pytest.raises(RefusedError) as error:
        load(text)
    assert {finding.status for finding in error.value.findings} == {"failed"}
    return [(finding.looked_at, finding.saw, finding.remedy) for finding in error.value.findings]


# Reading


def test_a_policy_is_read_with_the_lines_it_stands_on(load: Callable[[str], Policy]) -> None:
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


def test_what_is_not_said_is_what_is_customary(load: Callable[[str], Policy]) -> None:
    assert load("[tool.binoc-runbook]\n") == replace(Policy(), declared=True)


def test_a_single_branch_needs_no_list(load: Callable[[str], Policy]) -> None:
    assert load('[tool.binoc-runbook]\nbranch = "trunk"\n').branch == ("trunk",)


def test_a_path_is_kept_in_its_shortest_form(load: Callable[[str], Policy]) -> None:
    assert load(GOOD.replace('"python/binoc"', '"./python//binoc/"')).artifacts[0].path == "python/binoc"


@pytest.mark.parametrize("text", ["", '[project]\nname = "binoc"\n', "[tool.ruff]\nline-length = 120\n"])
def test_without_a_table_nothing_is_promised(load: Callable[[str], Policy], text: str) -> None:
    policy = load(text)

    assert policy == Policy()
    assert not policy.declared
    assert policy.artifacts == ()


def test_without_a_file_nothing_is_promised(tmp_path: Path) -> None:
    assert read_policy(tmp_path) == Policy()


def test_the_policy_is_found_in_any_form_of_toml(load: Callable[[str], Policy]) -> None:
    inline = load('tool.binoc-runbook = { tag = "{version}", test = ["cargo", "test"] }\n')

    assert (inline.declared, inline.tag, inline.test) == (True, "{version}", ("cargo", "test"))


# Refusing


@pytest.mark.parametrize(
    ("good", "bad", "line", "saw", "remedy"),
    [
        # keys
        ('remote = "origin"', 'remot = "origin"', 7, "`remot` is not a key of the policy", "write `remote`"),
        ('remote = "origin"', 'colour = "red"', 7, "`colour` is not a key of the policy", "delete it"),
        ('path = "python/binoc"', 'paths = "x"\npath = "python/binoc"', 15, "not a key of an artifact", "write `path`"),
        ('registry = "pypi"\n', "", 12, "an artifact has no `registry`", '"pypi" or "crates.io"'),
        # types
        ('tag = "v{version}"', "tag = 4", 5, "is a number, not a string", "exactly one `{version}`"),
        ('["main", "release/*"]', "{ main = true }", 6, "is a table, not a list", 'such as "main"'),
        ('["main", "release/*"]', '["main", 3]', 6, "is a number, not a string", 'such as "main"'),
        ('["just", "test-code"]', '"just test-code"', 8, "no shell takes it apart", 'test = ["just", "test-code"]'),
        ('"pypi-binoc"', "2026-01-01", 16, "is a date or time, not a string", "the name of an environment"),
        # the tag and the branch
        ('"v{version}"', '"release"', 5, "holds `{version}` 0 times", "exactly one `{version}`"),
        ('"v{version}"', '"{version}-{version}"', 5, "holds `{version}` 2 times", "exactly one `{version}`"),
        ('"v{version}"', '"v {version}"', 5, "no name that git takes", "exactly one `{version}`"),
        ('"v{version}"', '"{version}.lock"', 5, "no name that git takes", "exactly one `{version}`"),
        ('"v{version}"', '"refs/tags/v{version}"', 5, "after `refs/tags/`", "exactly one `{version}`"),
        ('["main", "release/*"]', '["release/*~"]', 6, "no name that git takes", 'such as "main"'),
        ('["main", "release/*"]', '"HEAD"', 6, "after `refs/heads/`", 'such as "main"'),
        ('["main", "release/*"]', "[]", 6, "nothing could be released", 'such as "main"'),
        ('["main", "release/*"]', '""', 6, "is empty", 'such as "main"'),
        ('"origin"', '"--upload-pack=x"', 7, "after `refs/remotes/`", "the name of a git remote"),
        ('"origin"', '"git@github.com:harvard-lil/binoc"', 7, "no name that git takes", "the name of a git remote"),
        # the command
        ('["just", "test-code"]', "[]", 8, "would test nothing", "a list of arguments"),
        (
            'test = ["just", "test-code"]',
            'test = ["just"]\nsmoke-test = "python try.py"',
            9,
            "no shell takes it apart",
            'smoke-test = ["python", "try.py"]',
        ),
        # the example of a crate
        (
            '"crates-io"',
            '"crates-io"\nexample = "crates/gone"',
            25,
            "no Cargo.toml in `crates/gone`",
            "the directory of a crate",
        ),
        (
            '"crates-io"',
            '"crates-io"\nexample = "../other"',
            25,
            "not a path below the root",
            "a directory below the root",
        ),
        (
            '"pypi-binoc"',
            '"pypi-binoc"\nexample = "crates/binoc-sdk"',
            17,
            "given for the distribution `binoc`",
            "delete `example`",
        ),
        # GitHub
        ('"harvard-lil/binoc"', '"binoc"', 9, "not of the form owner/name", "owner/name"),
        (
            '"harvard-lil/binoc"',
            '"https://github.com/harvard-lil/binoc.git"',
            9,
            "not of the form owner/name",
            'repository = "harvard-lil/binoc"',
        ),
        (
            '"publish.yml"',
            '".github/workflows/publish.yml"',
            10,
            "is a path",
            'workflow = "publish.yml"',
        ),
        ('"publish.yml"', '"publish"', 10, "not the name of a workflow file", ".yml or .yaml"),
        # an artifact
        ('"pypi"', '"npm"', 14, "no registry that is known", '"pypi" or "crates.io"'),
        ('"pypi"', '["pypi"]', 14, "no registry that is known", '"pypi" or "crates.io"'),
        ('"binoc"\nregistry', '"-binoc"\nregistry', 13, "no name that PyPI takes", "letters and digits"),
        ('"binoc-sdk"', '"0binoc"', 21, "no name that crates.io takes", "a letter first"),
        (
            '"python/binoc"',
            '"python/nothing"',
            15,
            "no pyproject.toml in `python/nothing`",
            "the directory of `binoc`'s pyproject.toml",
        ),
        (
            '"python/binoc"',
            '"crates"',
            15,
            "no pyproject.toml in `crates`",
            "the directory of `binoc`'s pyproject.toml",
        ),
        ('"crates/binoc-sdk"', '"python/binoc"', 23, "no Cargo.toml in", "the directory of `binoc-sdk`'s Cargo.toml"),
        ('"python/binoc"', '"../binoc"', 15, "not a path below the root", "with forward slashes"),
        ('"python/binoc"', '"/python/binoc"', 15, "not a path below the root", "with forward slashes"),
        ('"python/binoc"', "'python\\binoc'", 15, "not a path below the root", "with forward slashes"),
        ('"cp310-abi3"', '"abi3-py310"', 17, "no pair of Python tag and ABI tag", '"cp310-abi3"'),
        ('"cp310-abi3"', '"cp310-cp311"', 17, "no pair of Python tag and ABI tag", '"cp310-cp310"'),
        ('"win_amd64"', '"windows"', 18, "holds `windows`", "win_amd64"),
        ('"win_amd64"', '"manylinux2014_x86_64"', 18, "old name", '"manylinux_2_17_x86_64"]'),
        ('"win_amd64"', '"macosx_11_0_arm64"', 18, "names `macosx_11_0_arm64` twice", "tags such as"),
        ('wheels = "cp310-abi3"\n', "", 17, "without `wheels`", "add `wheels`"),
        (
            'environment = "crates-io"',
            'environment = "crates-io"\nplatforms = ["win_amd64"]',
            25,
            "`platforms` is given for the crate",
            "delete `platforms`",
        ),
        (
            '"crates-io"',
            '"PyPI-Binoc"',
            24,
            "the environment of `binoc` in pyproject.toml:12 too",
            'such as "crates-binoc-sdk"',
        ),
    ],
)
def test_an_impossible_promise_is_refused_with_its_line_and_what_is_allowed(
    load: Callable[[str], Policy], good: str, bad: str, line: int, saw: str, remedy: str
) -> None:
    assert good in GOOD

    [finding] = refused(load, GOOD.replace(good, bad, 1))

    assert finding[0] == f"pyproject.toml:{line}"
    assert saw in finding[1]
    assert remedy in finding[2]


@pytest.mark.parametrize(
    ("good", "bad", "saw"),
    [
        ('"binoc-sqlite"\nregistry', '"Binoc"\nregistry', "`Binoc` is the name of `binoc` in pyproject.toml:12 too"),
        ('path = "python/binoc-sqlite"', 'path = "python/binoc"', "is the path of `binoc` in pyproject.toml:12 too"),
        ('"pypi-binoc-sqlite"', '"pypi-binoc"', "is the environment of `binoc` in pyproject.toml:12 too"),
    ],
)
def test_two_artifacts_do_not_share_what_tells_them_apart(
    load: Callable[[str], Policy], good: str, bad: str, saw: str
) -> None:
    [finding] = refused(load, GOOD + SQLITE.replace(good, bad))

    assert saw in finding[1]


def test_a_crate_and_a_distribution_may_have_one_name_and_one_directory(
    load: Callable[[str], Policy], checkout: Path
) -> None:
    (checkout / "python/binoc/Cargo.toml").touch()

    policy = load(GOOD.replace('"binoc-sdk"', '"binoc"').replace('"crates/binoc-sdk"', '"python/binoc"'))

    assert [artifact.name for artifact in policy.artifacts] == ["binoc", "binoc"]


def test_everything_that_is_wrong_is_said_at_once(load: Callable[[str], Policy]) -> None:
    bad = GOOD.replace("remote", "remot").replace('"v{version}"', '"v"').replace("python/binoc", "python/gone")

    lines = [where for where, _, _ in refused(load, bad)]

    assert lines == ["pyproject.toml:7", "pyproject.toml:5", "pyproject.toml:15"]


def test_an_error_prints_its_findings(load: Callable[[str], Policy]) -> None:
    with pytest.raises(RefusedError, match=r"pyproject\.toml:7.*remot"):
        load(GOOD.replace("remote", "remot"))


def test_a_path_does_not_lead_out_through_a_link(load: Callable[[str], Policy], checkout: Path) -> None:
    (checkout / "elsewhere").symlink_to(checkout.parent)

    [finding] = refused(load, GOOD.replace('"python/binoc"', '"elsewhere"'))

    assert "leads out of the checkout" in finding[1]


@pytest.mark.parametrize(
    ("text", "saw"),
    [
        ("[tool]\nbinoc-runbook = true\n", "`tool.binoc-runbook` is a boolean, not a table"),
        ("tool = 3\n", "`tool` is a number, not a table"),
        ("[tool.binoc-runbook.artifacts.binoc]\n", "`artifacts` is a table, not a list of tables"),
        ('[tool.binoc-runbook]\nartifacts = ["binoc"]\n', "an artifact is a string, not a table"),
    ],
)
def test_what_is_no_table_is_refused(load: Callable[[str], Policy], text: str, saw: str) -> None:
    [finding] = refused(load, text)

    assert finding[1] == saw


def test_toml_that_does_not_parse_is_refused_with_line_and_column(load: Callable[[str], Policy]) -> None:
    [(where, saw, _)] = refused(load, '[tool.binoc-runbook]\ntag = "v{version}\n')

    assert where == "pyproject.toml:2"
    assert "column 18" in saw


def test_a_file_that_is_not_text_is_refused(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(RefusedError, match="UTF-8"):
        read_policy(checkout)


# What git takes is asked of git itself

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
def test_a_tag_is_refused_exactly_where_git_refuses_it(load: Callable[[str], Policy], tag: str, pattern: str) -> None:
    tag = pattern.format(tag)
    ref = f"refs/tags/{tag.replace('{version}', '0.4.0')}"
    taken = subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0
    text = f"[tool.binoc-runbook]\ntag = {json.dumps(tag)}\n".replace("\x7f", "\\u007f")

    with nullcontext() if taken else pytest.raises(RefusedError):
        assert load(text).tag == tag


# Asking


@pytest.mark.parametrize("pattern", ["v{version}", "{version}", "binoc-{version}-final", "release/{version}"])
def test_a_tag_and_its_version_lead_to_each_other(pattern: str) -> None:
    policy = Policy(tag=pattern)

    for version in ("0.4.0", "0.4.0-rc.1"):
        assert policy.version_of(policy.tag_of(version)) == version
        assert policy.tag_of(Version.parse(version)) == policy.tag_of(version)


@pytest.mark.parametrize("tag", ["", "v", "0.4.0", "vv0.4.0", "v0.4", "v0.4.0rc1", "vscode", "v0.4.0 "])
def test_a_tag_that_no_release_has_names_no_version(tag: str) -> None:
    assert Policy().version_of(tag) is None


def test_where_the_two_ends_of_a_tag_would_overlap_there_is_no_version() -> None:
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
def test_a_branch_is_allowed_by_its_full_name(name: str, allowed: bool) -> None:
    assert Policy(branch=("main", "release/*")).allows_branch(name) is allowed


@pytest.mark.parametrize(
    ("one", "other", "registry"),
    [("Binoc_SQLite", "binoc-sqlite", "pypi"), ("a.-_b", "a-b", "pypi"), ("binoc_sdk", "binoc-sdk", "crates.io")],
)
def test_names_are_compared_as_their_registry_compares_them(one: str, other: str, registry: str) -> None:
    assert normalised(registry, one) == normalised(registry, other)  # type: ignore[arg-type]


def test_every_key_is_explained_where_it_is_defined() -> None:
    keys = policy_keys(Policy) | policy_keys(Artifact)

    assert list(keys) == [
        "tag",
        "branch",
        "remote",
        "test",
        "smoke-test",
        "repository",
        "workflow",
        "artifacts",
        "name",
        "registry",
        "path",
        "environment",
        "wheels",
        "platforms",
        "example",
    ]
    assert all(key.metadata["help"].endswith(".") and key.metadata["allowed"] for key in keys.values())


def test_a_former_key_is_refused_with_the_present_one(checkout):
    (checkout / "pyproject.toml").write_text('[tool.binoc-runbook]\ntrial = ["python"]\n', "utf-8")
    with pytest.raises(RefusedError) as refused:
        read_policy(checkout)
    (finding,) = refused.value.findings
    assert finding.looked_at == "pyproject.toml:2"
    assert "`smoke-test`" in finding.remedy
