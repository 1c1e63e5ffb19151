"""Exactly the declared artifacts can be published; whatever else could be is named, with the edit that closes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from binoc_runbook.checks.surface import surface, withheld
from binoc_runbook.finding import Findings, Place
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.cargo_metadata import CargoMetadata
from binoc_runbook.world import World

POLICY = Policy(
    declared=True,
    artifacts=(
        Artifact("binoc", "pypi", "python/binoc", source=Place("pyproject.toml", 10)),
        Artifact("binoc-sdk", "crates.io", "crates/sdk", source=Place("pyproject.toml", 20)),
    ),
)
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["crates/*", "python/binoc"]\n'
    "[workspace.package]\npublish = false\n",
    "crates/sdk/Cargo.toml": '[package]\nname = "binoc-sdk"\nversion = "0.4.0"\nedition = "2021"\n',
    "crates/core/Cargo.toml": '[package]\nname = "binoc-core"\nversion = "0.4.0"\nedition = "2021"\npublish = false\n',
    "crates/cli/Cargo.toml": '[package]\nname = "binoc-cli"\nversion = "0.4.0"\nedition = "2021"\n'
    "publish.workspace = true\n",
    "python/binoc/Cargo.toml": '[package]\nname = "binoc-python"\nversion = "0.4.0"\nedition = "2021"\npublish = []\n',
    "python/binoc/pyproject.toml": '[build-system]\nbuild-backend = "maturin"\n'
    '[project]\nname = "Binoc"\ndynamic = ["version"]\n',
    "pyproject.toml": '[project]\nname = "binoc-runbook"\nversion = "0.1.0"\n'
    'classifiers = ["Private :: Do Not Upload"]\n',
}
Ask = Callable[..., Findings]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """What surface finds in the files above, some of them changed."""

    def asked(*changes: tuple[str, str, str], policy: Policy = POLICY) -> Findings:
        files = dict(FILES)
        for path, before, after in changes:
            assert before in files.setdefault(path, "")
            files[path] = files[path].replace(before, after, 1)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
            if path.endswith("Cargo.toml"):
                (tmp_path / path).parent.joinpath("src").mkdir(exist_ok=True)
                (tmp_path / path).parent.joinpath("src/lib.rs").touch()
        return surface(World.real(tmp_path).workspace(), policy)

    return asked


def test_each_artifact_that_can_be_published_as_declared_is_one_answer(ask: Ask) -> None:
    assert [str(finding) for finding in ask()] == [
        "✓ ok: surface: python/binoc/pyproject.toml:4: `binoc` for PyPI can be published, as the policy declares",
        "✓ ok: surface: crates/sdk/Cargo.toml:2: `binoc-sdk` for crates.io can be published, as the policy declares",
    ]


@pytest.mark.parametrize(
    ("change", "place", "name", "remedy"),
    [
        (
            ("crates/core/Cargo.toml", "publish = false\n", ""),
            "crates/core/Cargo.toml:2",
            "`binoc-core` can be published to crates.io",
            "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
        ),
        (
            ("crates/core/Cargo.toml", "publish = false\n", "publish = true\n"),
            "crates/core/Cargo.toml:5",
            "`binoc-core` can be published to crates.io",
            "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
        ),
        (
            ("Cargo.toml", "publish = false\n", "publish = true\n"),
            "crates/cli/Cargo.toml:5",
            "`binoc-cli` can be published to crates.io",
            "write `publish = false` under `[package]` in `crates/cli/Cargo.toml`",
        ),
        (
            ("pyproject.toml", '"Private :: Do Not Upload"', '"Topic :: Security"'),
            "pyproject.toml:4",
            "`binoc-runbook` can be published to PyPI",
            'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `pyproject.toml`',
        ),
        (
            ("pyproject.toml", 'classifiers = ["Private :: Do Not Upload"]\n', ""),
            "pyproject.toml:2",
            "`binoc-runbook` can be published to PyPI",
            'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `pyproject.toml`',
        ),
    ],
)
def test_what_could_be_published_without_being_declared_is_named(
    change: tuple[str, str, str], place: str, name: str, remedy: str, ask: Ask
) -> None:
    (finding,) = ask(change).having("failed", "unknown", "warning")
    assert (finding.status, finding.looked_at) == ("failed", place)
    assert finding.saw == f"{name}, and the policy does not declare it"
    assert finding.remedy == remedy


@pytest.mark.parametrize(
    ("change", "place", "saw", "remedy"),
    [
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish = false\n'),
            "crates/sdk/Cargo.toml:5",
            "the policy declares `binoc-sdk` for crates.io, and its manifest does not let Cargo publish it",
            "write `publish = true` in `crates/sdk/Cargo.toml:5`",
        ),
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish.workspace = true\n'),
            "crates/sdk/Cargo.toml:5",
            "the policy declares `binoc-sdk` for crates.io, and its manifest does not let Cargo publish it",
            "write `publish = true` in `crates/sdk/Cargo.toml:5`",
        ),
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish = ["ours"]\n'),
            "crates/sdk/Cargo.toml:5",
            "the policy declares `binoc-sdk` for crates.io, and `publish` allows only `ours`",
            'add "crates-io" to `publish` in `crates/sdk/Cargo.toml:5`',
        ),
        (
            ("crates/sdk/Cargo.toml", 'version = "0.4.0"\n', ""),
            "crates/sdk/Cargo.toml:2",
            "the policy declares `binoc-sdk` for crates.io, and without a version Cargo does not publish it"
            " (`[package]` has no version)",
            "write its version under `[package]` in `crates/sdk/Cargo.toml`",
        ),
        (
            ("crates/sdk/Cargo.toml", '"binoc-sdk"', '"sdk"'),
            "pyproject.toml:20",
            "the policy declares `binoc-sdk` for crates.io, and no `Cargo.toml` has that name",
            "name it in a `Cargo.toml` in `crates/sdk`",
        ),
        (
            ("python/binoc/pyproject.toml", "[project]\n", '[project]\nclassifiers = [\n  "Private :: X",\n]\n'),
            "python/binoc/pyproject.toml:5",
            "the policy declares `binoc` for PyPI, and a classifier makes PyPI refuse it",
            "remove the classifier in `python/binoc/pyproject.toml:5`",
        ),
    ],
)
def test_a_declared_artifact_that_cannot_be_published_is_named(
    change: tuple[str, str, str], place: str, saw: str, remedy: str, ask: Ask
) -> None:
    finding = ask(change).having("failed")[0]
    assert (finding.looked_at, finding.saw, finding.remedy) == (place, saw, remedy)


def test_an_artifact_elsewhere_than_the_policy_says_is_named_with_the_line_of_the_policy(ask: Ask) -> None:
    moved = Policy(declared=True, artifacts=(POLICY.artifacts[0], Artifact("binoc-sdk", "crates.io", "sdk")))
    (finding,) = ask(policy=moved).having("failed")
    assert finding.saw == "the policy says that `binoc-sdk` lies in `sdk`, and it lies in `crates/sdk`"
    assert finding.remedy == 'write `path = "crates/sdk"`'


def test_a_crate_for_another_registry_is_a_warning(ask: Ask) -> None:
    (finding,) = ask(("crates/core/Cargo.toml", "publish = false", 'publish = ["ours"]')).having("failed", "warning")
    assert finding.status == "warning"
    assert finding.saw == "`binoc-core` can be published to `ours`, of which the policy says nothing"


def test_without_a_policy_it_says_so_and_what_would_be_published(ask: Ask) -> None:
    (finding,) = ask(policy=Policy())
    assert finding.status == "warning"
    assert finding.saw == "no promise is declared; what can be published is `binoc-sdk` (crates.io), `Binoc` (PyPI)"


def test_nothing_that_can_be_published_is_an_error_and_not_an_empty_success(tmp_path: Path) -> None:
    findings = surface(World.real(tmp_path).workspace(), Policy())
    assert findings.status == "failed"


def test_a_manifest_that_does_not_parse_fails_with_its_line(ask: Ask) -> None:
    findings = ask(("crates/core/Cargo.toml", 'name = "binoc-core"', "name = "))
    (broken,) = findings.having("failed")
    assert broken.looked_at == "crates/core/Cargo.toml:2"
    assert "line 2, column 8" in broken.saw
    (unknown,) = findings.having("unknown")  # cargo cannot read it either
    assert unknown.looked_at == "cargo metadata --no-deps --manifest-path Cargo.toml"


@pytest.fixture
def no_cargo(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))


@pytest.mark.usefixtures("no_cargo")
def test_cargo_that_is_missing_is_unknown_and_never_no(ask: Ask) -> None:
    findings = ask()
    assert findings.status == "unknown"
    assert [finding.status for finding in findings] == ["unknown", "ok", "ok"]
    assert "`cargo` was not found on PATH" in findings[0].saw
    assert "rustup" in findings[0].remedy


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_what_a_manifest_says_alone_still_counts(ask: Ask) -> None:
    findings = ask(("crates/core/Cargo.toml", "publish = false\n", ""))
    assert [finding.looked_at for finding in findings.having("failed")] == ["crates/core/Cargo.toml:2"]


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_an_inherited_publish_is_neither_allowed_nor_refused(ask: Ask, tmp_path: Path) -> None:
    sdk = ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish.workspace = true\n')
    findings = ask(sdk)
    assert [finding.status for finding in findings] == ["unknown", "ok"]
    assert "binoc-sdk" not in str(findings)
    (unknown,) = withheld(World.real(tmp_path).workspace(), POLICY).having("unknown")
    assert unknown.looked_at == "crates/cli/Cargo.toml:5"
    assert "`cargo` was not found on PATH" in unknown.saw


def test_an_error_of_cargo_is_unknown_with_its_first_line(ask: Ask) -> None:
    findings = ask(("crates/core/Cargo.toml", 'edition = "2021"', 'edition = "1999"'))
    (unknown,) = findings.having("unknown", "failed")
    assert (unknown.check, unknown.status) == ("surface", "unknown")
    assert "error: failed to load manifest for workspace member" in unknown.saw
    assert "\n" not in unknown.saw
    assert unknown.remedy == unknown.looked_at == "cargo metadata --no-deps --manifest-path Cargo.toml"


def test_an_error_that_many_crates_share_is_reported_once(ask: Ask, tmp_path: Path) -> None:
    ask()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Cargo.toml").write_text(f'[package]\nname = "{name}"\npublish = false\n[workspace]\n')
    workspace = Workspace.discover(tmp_path, lambda manifest: CargoMetadata(error="no toolchain", remedy="install one"))
    (unknown,) = surface(workspace, POLICY).having("unknown")
    assert "no toolchain" in unknown.saw


def test_a_member_that_is_listed_under_a_link_is_the_one_behind_it(tmp_path: Path) -> None:
    (tmp_path / "real/a/src").mkdir(parents=True)
    (tmp_path / "real/a/src/lib.rs").touch()
    (tmp_path / "real/a/Cargo.toml").write_text(FILES["crates/sdk/Cargo.toml"])
    (tmp_path / "linked").symlink_to("real/a")
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["linked"]\n')
    findings = surface(World.real(tmp_path).workspace(), Policy())
    assert [finding.status for finding in findings] == ["warning"]


def test_each_crate_that_is_not_declared_is_asked_what_keeps_it_from_being_published(ask: Ask, tmp_path: Path) -> None:
    ask()
    assert [str(finding) for finding in withheld(World.real(tmp_path).workspace(), POLICY)] == [
        "✓ ok: surface: crates/cli/Cargo.toml:5: `binoc-cli` cannot be published",
        "✓ ok: surface: crates/core/Cargo.toml:5: `binoc-core` cannot be published",
        "✓ ok: surface: python/binoc/Cargo.toml:5: `binoc-python` cannot be published",
    ]
    open_again = ("crates/core/Cargo.toml", "publish = false\n", "")
    ask(open_again)
    (failed,) = withheld(World.real(tmp_path).workspace(), POLICY).having("failed")
    assert (failed.looked_at, failed.remedy) == (
        "crates/core/Cargo.toml:2",
        "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
    )
