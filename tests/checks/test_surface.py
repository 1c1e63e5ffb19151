"""Exactly the declared artifacts can be published; other packages are refused with the edit that prevents it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
DEPENDENT = replace(POLICY, artifacts=(*POLICY.artifacts, Artifact("binoc-dep", "crates.io", "crates/dep")))
Check = Callable[..., Findings]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Return a function that checks the files above after some changes."""

    def run(*changes: tuple[str, str, str], policy: Policy = POLICY) -> Findings:
        files = dict(FILES)
        for path, old, new in changes:
            before = files.setdefault(path, "")
            assert old in before
            files[path] = before.replace(old, new, 1)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
            if path.endswith("Cargo.toml"):
                (tmp_path / path).parent.joinpath("src").mkdir(exist_ok=True)
                (tmp_path / path).parent.joinpath("src/lib.rs").touch()
        return surface(World.real(tmp_path).workspace(), policy)

    return run


def test_each_declared_artifact_gives_one_ok(check: Check) -> None:
    assert [(finding.check, finding.status, finding.looked_at) for finding in check()] == [
        ("surface", "ok", "python/binoc/pyproject.toml:4"),
        ("surface", "ok", "crates/sdk/Cargo.toml:2"),
    ]


@pytest.mark.parametrize(
    ("change", "place", "remedy"),
    [
        (
            ("crates/core/Cargo.toml", "publish = false\n", ""),
            "crates/core/Cargo.toml:2",
            "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
        ),
        (
            ("crates/core/Cargo.toml", "publish = false\n", "publish = true\n"),
            "crates/core/Cargo.toml:5",
            "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
        ),
        (
            ("Cargo.toml", "publish = false\n", "publish = true\n"),
            "crates/cli/Cargo.toml:5",
            "write `publish = false` under `[package]` in `crates/cli/Cargo.toml`",
        ),
        (
            ("pyproject.toml", '"Private :: Do Not Upload"', '"Topic :: Security"'),
            "pyproject.toml:4",
            'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `pyproject.toml`',
        ),
        (
            ("pyproject.toml", 'classifiers = ["Private :: Do Not Upload"]\n', ""),
            "pyproject.toml:2",
            'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `pyproject.toml`',
        ),
    ],
)
def test_undeclared_package_that_can_be_published_is_refused(
    change: tuple[str, str, str], place: str, remedy: str, check: Check
) -> None:
    (finding,) = check(change).having("failed", "unknown", "warning")
    assert (finding.status, finding.looked_at, finding.remedy) == ("failed", place, remedy)


@pytest.mark.parametrize(
    ("change", "place", "remedy"),
    [
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish = false\n'),
            "crates/sdk/Cargo.toml:5",
            "write `publish = true` in `crates/sdk/Cargo.toml:5`",
        ),
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish.workspace = true\n'),
            "crates/sdk/Cargo.toml:5",
            "write `publish = true` in `crates/sdk/Cargo.toml:5`",
        ),
        (
            ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish = ["ours"]\n'),
            "crates/sdk/Cargo.toml:5",
            'add "crates-io" to `publish` in `crates/sdk/Cargo.toml:5`',
        ),
        (
            ("crates/sdk/Cargo.toml", 'version = "0.4.0"\n', ""),
            "crates/sdk/Cargo.toml:2",
            "write its version under `[package]` in `crates/sdk/Cargo.toml`",
        ),
        (
            ("crates/sdk/Cargo.toml", '"binoc-sdk"', '"sdk"'),
            "pyproject.toml:20",
            'write `name = "binoc-sdk"` in a `Cargo.toml` in `crates/sdk`',
        ),
        (
            ("python/binoc/pyproject.toml", "[project]\n", '[project]\nclassifiers = [\n  "Private :: X",\n]\n'),
            "python/binoc/pyproject.toml:5",
            "remove the classifier in `python/binoc/pyproject.toml:5`",
        ),
    ],
)
def test_declared_artifact_that_cannot_be_published_is_refused(
    change: tuple[str, str, str], place: str, remedy: str, check: Check
) -> None:
    finding = check(change).having("failed")[0]
    assert (finding.looked_at, finding.remedy) == (place, remedy)


def test_wrong_path_in_the_policy_is_refused_at_its_line(check: Check) -> None:
    wrong = Artifact("binoc-sdk", "crates.io", "sdk", source=Place("pyproject.toml", 20))
    (finding,) = check(policy=Policy(declared=True, artifacts=(POLICY.artifacts[0], wrong))).having("failed")
    assert (finding.looked_at, finding.remedy) == ("pyproject.toml:20", 'write `path = "crates/sdk"`')


def test_crate_for_another_registry_is_a_warning(check: Check) -> None:
    (finding,) = check(("crates/core/Cargo.toml", "publish = false", 'publish = ["ours"]')).having("failed", "warning")
    assert (finding.status, finding.looked_at) == ("warning", "crates/core/Cargo.toml:5")
    assert "`ours`" in finding.saw


def test_without_a_policy_all_packages_are_listed_as_a_warning(check: Check) -> None:
    (finding,) = check(policy=Policy())
    assert finding.status == "warning"
    assert "`binoc-sdk` (crates.io), `Binoc` (PyPI)" in finding.saw


def test_directory_without_packages_is_refused(tmp_path: Path) -> None:
    findings = surface(World.real(tmp_path).workspace(), Policy())
    assert findings.status == "failed"


def test_invalid_manifest_is_refused_at_its_line(check: Check) -> None:
    findings = check(("crates/core/Cargo.toml", 'name = "binoc-core"', "name = "))
    (broken,) = findings.having("failed")
    assert broken.looked_at == "crates/core/Cargo.toml:2"
    assert "line 2, column 8" in broken.saw
    (unknown,) = findings.having("unknown")  # cargo cannot read it either
    assert unknown.looked_at == "cargo metadata --no-deps --manifest-path Cargo.toml"


@pytest.fixture
def no_cargo(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))


@pytest.mark.usefixtures("no_cargo")
def test_missing_cargo_is_unknown(check: Check) -> None:
    findings = check()
    assert findings.status == "unknown"
    assert [finding.status for finding in findings] == ["unknown", "ok", "ok"]
    assert "rustup" in findings[0].remedy


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_own_settings_of_a_manifest_are_checked(check: Check) -> None:
    findings = check(("crates/core/Cargo.toml", "publish = false\n", ""))
    assert [finding.looked_at for finding in findings.having("failed")] == ["crates/core/Cargo.toml:2"]


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_an_inherited_setting_is_unknown(check: Check, tmp_path: Path) -> None:
    sdk = ("crates/sdk/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\npublish.workspace = true\n')
    findings = check(sdk)
    assert [finding.status for finding in findings] == ["unknown", "ok"]
    assert "binoc-sdk" not in str(findings)
    (unknown,) = withheld(World.real(tmp_path).workspace(), POLICY).having("unknown")
    assert unknown.looked_at == "crates/cli/Cargo.toml:5"


def test_error_of_cargo_is_unknown_with_its_first_line(check: Check) -> None:
    findings = check(("crates/core/Cargo.toml", 'edition = "2021"', 'edition = "1999"'))
    (unknown,) = findings.having("unknown", "failed")
    assert (unknown.check, unknown.status) == ("surface", "unknown")
    assert "error: failed to load manifest for workspace member" in unknown.saw  # the output of cargo
    assert "\n" not in unknown.saw
    assert unknown.remedy == unknown.looked_at == "cargo metadata --no-deps --manifest-path Cargo.toml"


def test_error_of_several_crates_is_reported_once(check: Check, tmp_path: Path) -> None:
    check()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Cargo.toml").write_text(f'[package]\nname = "{name}"\npublish = false\n[workspace]\n')
    workspace = Workspace.discover(tmp_path, lambda manifest: CargoMetadata(error="no toolchain", remedy="install one"))
    (unknown,) = surface(workspace, POLICY).having("unknown")
    assert "no toolchain" in unknown.saw


def test_linked_member_is_one_package(tmp_path: Path) -> None:
    (tmp_path / "real/a/src").mkdir(parents=True)
    (tmp_path / "real/a/src/lib.rs").touch()
    (tmp_path / "real/a/Cargo.toml").write_text(FILES["crates/sdk/Cargo.toml"])
    (tmp_path / "linked").symlink_to("real/a")
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["linked"]\n')
    findings = surface(World.real(tmp_path).workspace(), Policy())
    assert [finding.status for finding in findings] == ["warning"]


def test_undeclared_crates_are_checked_one_by_one(check: Check, tmp_path: Path) -> None:
    check()
    findings = withheld(World.real(tmp_path).workspace(), POLICY)
    assert [(finding.status, finding.looked_at) for finding in findings] == [
        ("ok", "crates/cli/Cargo.toml:5"),
        ("ok", "crates/core/Cargo.toml:5"),
        ("ok", "python/binoc/Cargo.toml:5"),
    ]
    check(("crates/core/Cargo.toml", "publish = false\n", ""))
    (failed,) = withheld(World.real(tmp_path).workspace(), POLICY).having("failed")
    assert (failed.looked_at, failed.remedy) == (
        "crates/core/Cargo.toml:2",
        "write `publish = false` under `[package]` in `crates/core/Cargo.toml`",
    )


SDK = 'edition = "2021"\n'
INHERITED = (
    "Cargo.toml",
    "[workspace.package]",
    '[workspace.dependencies]\nbinoc-dep = { path = "crates/dep" }\n[workspace.package]',
)


def with_dependency(check: Check, text: str, *changes: tuple[str, str, str], policy: Policy = DEPENDENT) -> Findings:
    """Check a public crate `binoc-dep` and a public crate `binoc-sdk` with these lines about dependencies."""
    dep = ("crates/dep/Cargo.toml", "", '[package]\nname = "binoc-dep"\nversion = "0.4.0"\nedition = "2021"\n')
    return check(dep, ("crates/sdk/Cargo.toml", SDK, f"{SDK}{text}\n"), *changes, policy=policy)


@pytest.mark.parametrize(
    ("text", "changes", "place", "remedy"),
    [
        ('[dependencies]\nbinoc-dep = { path = "../dep" }', [], "crates/sdk/Cargo.toml:6", 'write `version = "0.4.0"`'),
        ('[build-dependencies]\nbinoc-dep.path = "../dep"', [], "crates/sdk/Cargo.toml:6", 'write `version = "0.4.0"`'),
        (
            '[dependencies.other]\npath = "../dep"\npackage = "binoc-dep"',
            [],
            "crates/sdk/Cargo.toml:5",
            'write `version = "0.4.0"`',
        ),
        (
            "[target.'cfg(unix)'.dependencies]\nbinoc-dep = { path = '../dep', version = '*' }",
            [],
            "crates/sdk/Cargo.toml:6",
            'write `version = "0.4.0"`',
        ),
        ("[dependencies]\nbinoc-dep.workspace = true", [INHERITED], "Cargo.toml:5", 'write `version = "0.4.0"`'),
        (
            '[dependencies]\nx = { git = "https://localhost/x" }',
            [],
            "crates/sdk/Cargo.toml:6",
            'write the required version, such as `version = "1.2.3"`, for `x`',
        ),
        (
            '[dev-dependencies]\nx = "*"',
            [],
            "crates/sdk/Cargo.toml:6",
            'write the required version, such as `version = "1.2.3"`, for `x`',
        ),
        (
            '[dependencies]\nx = { version = "1", registry-index = "https://localhost/x" }',
            [],
            "crates/sdk/Cargo.toml:6",
            "remove `registry`",
        ),
        (
            '[dependencies]\nbinoc-core = { path = "../core", version = "0.4.0" }',
            [],
            "crates/sdk/Cargo.toml:6",
            "publish `binoc-core`, or remove `binoc-core`",
        ),
        (
            '[dev-dependencies]\nbinoc-core = { path = "../core", version = "0.4.0" }',
            [],
            "crates/sdk/Cargo.toml:6",
            "remove `version` of `binoc-core`",
        ),
    ],
)
def test_dependency_that_crates_io_refuses_is_refused(
    text: str, changes: list[tuple[str, str, str]], place: str, remedy: str, check: Check
) -> None:
    findings = with_dependency(check, text, *changes)
    (finding,) = findings.having("failed", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", place)
    assert finding.remedy.startswith(remedy)
    assert finding.remedy.endswith(f"in `{place}`")
    assert not [finding for finding in findings.having("ok") if "binoc-sdk" in finding.saw]


@pytest.mark.parametrize(
    "text",
    [
        '[dependencies]\nbinoc-dep = { path = "../dep", version = "0.4.0" }',
        '[dev-dependencies]\nbinoc-dep = { path = "../dep" }\nbinoc-core = { path = "../core" }',
        '[dependencies]\nx = { git = "https://localhost/x", version = "1" }',
        '[dependencies]\nx = { version = "1", registry = "crates-io" }',
    ],
)
def test_dependency_that_crates_io_accepts_is_ok(text: str, check: Check) -> None:
    assert with_dependency(check, text).status == "ok"


def test_refused_dependency_without_a_policy_is_a_warning(check: Check) -> None:
    text = '[dependencies]\nbinoc-dep = { path = "../dep" }'
    findings = with_dependency(check, text, policy=Policy()).having("warning", "failed")
    assert [(finding.status, finding.looked_at) for finding in findings] == [
        ("warning", "packages that can be published"),
        ("warning", "crates/sdk/Cargo.toml:6"),
    ]


def test_cargo_refuses_and_accepts_the_same_dependencies(check: Check, tmp_path: Path) -> None:
    processes = World.real(tmp_path).processes
    package = ["cargo", "package", "--offline", "--no-verify", "--allow-dirty", "--manifest-path=crates/sdk/Cargo.toml"]
    with_dependency(check, '[dependencies]\nbinoc-dep = { path = "../dep" }')
    assert "does not specify a version" in processes.run(package).stderr
    with_dependency(check, '[dev-dependencies]\nbinoc-dep = { path = "../dep" }')
    assert processes.run(package).returncode == 0
