"""Discovery reads all manifests, uses the output of cargo, and reports errors as findings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from binoc_runbook.finding import Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.cargo_metadata import CargoMetadata
from binoc_runbook.world import World
from binoc_runbook.world.cargo_client import read_metadata

Files = Mapping[str, str]
Lay = Callable[[Files], Path]


def discover(root: Path) -> Workspace:
    return World.real(root).workspace()


def crate(name: str, rest: str = "", version: str = 'version = "0.4.0"') -> str:
    return f'[package]\nname = "{name}"\n{version}\nedition = "2021"\n{rest}'


def dist(name: str, rest: str = "", backend: str = "maturin", version: str = 'version = "0.4.0"') -> str:
    build = f'[build-system]\nrequires = ["{backend.partition(".")[0]}"]\nbuild-backend = "{backend}"\n'
    return f'{build}[project]\nname = "{name}"\n{version}\n{rest}'


DYNAMIC = 'dynamic = ["version"]'

# Minimal versions of layouts of real projects, and the expected packages: manifest → name, version, the line that owns
# it, and whether it can be published.
LAYOUTS: dict[str, tuple[Files, Mapping[str, tuple[str, str | None, str | None, bool]]]] = {
    "a root distribution that maturin builds from a crate of a virtual workspace with a version of its own": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nexclude = ["scripts", "target"]\nresolver = "2"\n'
            '[workspace.package]\nedition = "2021"\nversion = "0.0.7"\n'
            '[workspace.dependencies]\ninstaller-cache = { version = "0.0.7", path = "crates/installer-cache" }\n',
            "crates/installer/Cargo.toml": crate(
                "installer", "[dependencies]\ninstaller-cache = { workspace = true }\n"
            ),
            "crates/installer-cache/Cargo.toml": crate("installer-cache", version="version = { workspace = true }"),
            "crates/README.md": "",
            "pyproject.toml": dist("installer", '[tool.maturin]\nmanifest-path = "crates/installer/Cargo.toml"\n'),
            "scripts/bench/pyproject.toml": dist(
                "bench", 'classifiers = ["Private :: Do Not Upload"]\n', "hatchling.build"
            ),
        },
        {
            "crates/installer/Cargo.toml": ("installer", "0.4.0", "crates/installer/Cargo.toml:3", True),
            "crates/installer-cache/Cargo.toml": ("installer-cache", "0.0.7", "Cargo.toml:7", True),
            "pyproject.toml": ("installer", "0.4.0", "pyproject.toml:6", True),
            "scripts/bench/pyproject.toml": ("bench", "0.4.0", "scripts/bench/pyproject.toml:6", False),
        },
    ),
    "a dynamic version that is inherited twice": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/linter", "py"]\nresolver = "2"\n'
            '[workspace.package]\nversion = "0.4.0-rc.1"\npublish = false\n',
            "crates/linter/Cargo.toml": crate("linter", "publish.workspace = true\n", "version.workspace = true"),
            "py/Cargo.toml": crate("linter-py", "publish = { workspace = true }\n", "version.workspace = true"),
            "py/pyproject.toml": dist("linter", version=DYNAMIC),
        },
        {
            "crates/linter/Cargo.toml": ("linter", "0.4.0-rc.1", "Cargo.toml:5", False),
            "py/Cargo.toml": ("linter-py", "0.4.0-rc.1", "Cargo.toml:5", False),
            "py/pyproject.toml": ("linter", "0.4.0-rc.1", "Cargo.toml:5", True),
        },
    ),
    "no manifest at the root, bindings with a Cargo root and a lock file of their own": (
        {
            "tokens/Cargo.toml": crate("tokens", 'exclude = ["x"]\n'),
            "bindings/python/Cargo.toml": crate(
                "tokens-python", '[lib]\nname = "tokens"\n[dependencies.tokens]\npath = "../../tokens"\n'
            ),
            "bindings/python/pyproject.toml": dist(
                "tokens", '[tool.maturin]\nmodule-name = "tokens.tokens"\n', version=DYNAMIC
            ),
            "bindings/node/Cargo.toml": crate("node", "publish = []\n", "") + "[workspace]\n",
        },
        {
            "tokens/Cargo.toml": ("tokens", "0.4.0", "tokens/Cargo.toml:3", True),
            "bindings/python/Cargo.toml": ("tokens-python", "0.4.0", "bindings/python/Cargo.toml:3", True),
            "bindings/python/pyproject.toml": ("tokens", "0.4.0", "bindings/python/Cargo.toml:3", True),
            "bindings/node/Cargo.toml": ("node", None, None, False),
        },
    ),
    "a workspace below the root, members by path, a neighbour that setuptools builds and one of pure Python": (
        {
            "pyproject.toml": dist(
                "crypt",
                'classifiers = [\n  "Topic :: Security",\n]\n[tool.maturin]\nmanifest-path = "src/rust/Cargo.toml"\n',
            ),
            "src/rust/Cargo.toml": '[workspace]\nmembers = ["core"]\nresolver = "2"\n'
            '[workspace.package]\nversion = "0.1.0"\npublish = false\n'
            + crate("crypt-rust", "publish.workspace = true\n", "version.workspace = true")
            + '[target."cfg(unix)".dependencies]\nffi = { path = "ffi" }\n[dev-dependencies.keys]\npath = "keys"\n',
            "src/rust/core/Cargo.toml": crate("core", "publish.workspace = true\n", "version.workspace = true"),
            "src/rust/ffi/Cargo.toml": crate("ffi", "publish.workspace = true\n", "version.workspace = true"),
            "src/rust/keys/Cargo.toml": crate("keys", "publish.workspace = true\n", "version.workspace = true"),
            "vectors/pyproject.toml": dist("crypt-vectors", backend="flit_core.buildapi"),
            "old/pyproject.toml": dist("old", "[tool.setuptools-rust]\n", "setuptools.build_meta", DYNAMIC),
        },
        {
            "pyproject.toml": ("crypt", "0.4.0", "pyproject.toml:6", True),
            "src/rust/Cargo.toml": ("crypt-rust", "0.1.0", "src/rust/Cargo.toml:5", False),
            "src/rust/core/Cargo.toml": ("core", "0.1.0", "src/rust/Cargo.toml:5", False),
            "src/rust/ffi/Cargo.toml": ("ffi", "0.1.0", "src/rust/Cargo.toml:5", False),
            "src/rust/keys/Cargo.toml": ("keys", "0.1.0", "src/rust/Cargo.toml:5", False),
            "vectors/pyproject.toml": ("crypt-vectors", "0.4.0", "vectors/pyproject.toml:6", True),
            "old/pyproject.toml": ("old", None, None, True),
        },
    ),
    "one crate and one distribution at the root": (
        {
            "Cargo.toml": crate("fast-json", 'publish = ["crates-io"]\n', 'version = "0.37.0-alpha.1+dev"'),
            "pyproject.toml": dist("Fast_JSON", version=DYNAMIC),
        },
        {
            "Cargo.toml": ("fast-json", "0.37.0-alpha.1+dev", "Cargo.toml:3", True),
            "pyproject.toml": ("Fast_JSON", "0.37.0-alpha.1+dev", "Cargo.toml:3", True),
        },
    ),
    "default members, excluded test crates and a member that names its workspace": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "other/b"]\ndefault-members = ["a"]\n'
            'exclude = ["tests"]\nresolver = "2"\n'
            '[workspace.package]\nversion = "1.30.0-rc1"\n',
            "a/Cargo.toml": crate("a", 'workspace = ".."\npublish = true\n', "version.workspace = true"),
            "other/b/Cargo.toml": crate("b", 'publish = ["my-registry"]\n'),
            "tests/c/Cargo.toml": crate("c"),
            "tests/c/pyproject.toml": dist("c", version=DYNAMIC),
            "tests/d/Cargo.toml": crate("d", '[workspace]\nmembers = ["e"]\n'),
            "tests/d/e/Cargo.toml": crate("e"),
        },
        {
            "a/Cargo.toml": ("a", "1.30.0-rc1", "Cargo.toml:7", True),
            "other/b/Cargo.toml": ("b", "0.4.0", "other/b/Cargo.toml:3", True),
            "tests/c/Cargo.toml": ("c", "0.4.0", "tests/c/Cargo.toml:3", True),
            "tests/c/pyproject.toml": ("c", "0.4.0", "tests/c/Cargo.toml:3", True),
            "tests/d/Cargo.toml": ("d", "0.4.0", "tests/d/Cargo.toml:3", True),
            "tests/d/e/Cargo.toml": ("e", "0.4.0", "tests/d/e/Cargo.toml:3", True),
        },
    ),
    "implicit members that are inherited dependencies, and one outside that has a workspace of its own": (
        {
            "w/Cargo.toml": '[workspace]\nresolver = "2"\n[workspace.package]\nversion = "0.4.0"\n'
            '[workspace.dependencies]\nhelp = { path = "help" }\nfar = { path = "../far" }\n'
            + crate("w", "[build-dependencies]\nhelp.workspace = true\n[dependencies]\nfar = { workspace = true }\n"),
            "w/help/Cargo.toml": crate(
                "help", '[dependencies]\ndeep = { path = "../../deep" }\n', "version.workspace = true"
            ),
            "far/Cargo.toml": "[workspace]\n" + crate("far"),
            "deep/Cargo.toml": crate("deep", 'workspace = "../w"\n', "version.workspace = true"),
        },
        {
            "w/Cargo.toml": ("w", "0.4.0", "w/Cargo.toml:10", True),
            "w/help/Cargo.toml": ("help", "0.4.0", "w/Cargo.toml:4", True),
            "far/Cargo.toml": ("far", "0.4.0", "far/Cargo.toml:4", True),
            "deep/Cargo.toml": ("deep", "0.4.0", "w/Cargo.toml:4", True),
        },
    ),
    "patterns of every kind, and a member in a hidden directory": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["./crates/*", "tools/[ab]?", "deep/**/leaf", ".hidden/x"]\n'
            'exclude = ["crates/not"]\nresolver = "2"\n',
            "crates/one/Cargo.toml": crate("one"),
            "crates/one/src/data.txt": "",
            "crates/not/Cargo.toml": crate("not"),
            "tools/a1/Cargo.toml": crate("a1"),
            "deep/leaf/Cargo.toml": crate("leaf"),
            "deep/er/and/leaf/Cargo.toml": crate("leaf2"),
            ".hidden/x/Cargo.toml": crate("x"),
            ".hidden/y/Cargo.toml": crate("y"),
        },
        {
            "crates/one/Cargo.toml": ("one", "0.4.0", "crates/one/Cargo.toml:3", True),
            "crates/not/Cargo.toml": ("not", "0.4.0", "crates/not/Cargo.toml:3", True),
            "tools/a1/Cargo.toml": ("a1", "0.4.0", "tools/a1/Cargo.toml:3", True),
            "deep/leaf/Cargo.toml": ("leaf", "0.4.0", "deep/leaf/Cargo.toml:3", True),
            "deep/er/and/leaf/Cargo.toml": ("leaf2", "0.4.0", "deep/er/and/leaf/Cargo.toml:3", True),
            ".hidden/x/Cargo.toml": ("x", "0.4.0", ".hidden/x/Cargo.toml:3", True),
        },
    ),
    "line breaks inside an inline table, a byte order mark and the line ends of Windows": (
        {
            "Cargo.toml": "\ufeff" + '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n'.replace("\n", "\r\n"),
            "a/Cargo.toml": crate("a").replace("\n", "\r\n"),
            "b/Cargo.toml": crate("b", '[dependencies]\na = {\n  path = "../a",\n  version = "0.4.0",\n}\n'),
        },
        {
            "a/Cargo.toml": ("a", "0.4.0", "a/Cargo.toml:3", True),
            "b/Cargo.toml": ("b", "0.4.0", "b/Cargo.toml:3", True),
        },
    ),
}

layouts = pytest.mark.parametrize(("files", "expected"), LAYOUTS.values(), ids=LAYOUTS)


@layouts
def test_a_layout_is_read(files: Files, expected: Mapping[str, Any], lay: Lay) -> None:
    workspace = discover(lay(files))
    read = {
        package["manifest"]: (package["name"], package["version"], package["version_source"], package["publishable"])
        for package in (package.to_json() for package in workspace.packages)
    }
    assert read == dict(expected)
    assert workspace.orphans == ()
    assert workspace.problems == Findings()


@layouts
def test_cargo_runs_once_for_each_root(files: Files, expected: Mapping[str, Any], lay: Lay) -> None:
    root = lay(files)
    manifests: list[str] = []

    def read(manifest: str) -> CargoMetadata:
        manifests.append(manifest)
        return read_metadata(World.real(root).processes, manifest)

    workspace = Workspace.discover(root, read)
    assert sorted(manifests) == list(workspace.cargo_roots)
    assert workspace.unreported == {}
    assert not list(root.rglob("Cargo.lock"))


@pytest.mark.parametrize("pointer", ["", 'workspace = ".."\n'])
def test_crate_that_its_workspace_does_not_list_is_an_orphan(pointer: str, lay: Lay) -> None:
    members = {"Cargo.toml": '[workspace]\nmembers = ["a"]\n', "a/Cargo.toml": crate("a")}
    workspace = discover(lay({**members, "b/Cargo.toml": crate("b", pointer)}))
    assert [package.name for package in workspace.packages] == ["a"]
    assert [orphan.manifest for orphan in workspace.orphans] == ["b/Cargo.toml"]
    assert workspace.orphans[0].reason
    assert list(workspace.cargo_errors("surface")) == []


def test_cargo_does_not_run_for_crates_of_an_invalid_workspace(lay: Lay) -> None:
    files = {"Cargo.toml": '[workspace]\nmembers = ["a", "gone"]\n', "a/Cargo.toml": crate("a"), "b/Cargo.toml": ""}
    root = lay({**files, "c/Cargo.toml": crate("c") + "[workspace]\n", "c/d/Cargo.toml": crate("d")})
    manifests: list[str] = []

    def read(manifest: str) -> CargoMetadata:
        manifests.append(manifest)
        return read_metadata(World.real(root).processes, manifest)

    workspace = Workspace.discover(root, read)
    assert sorted(manifests) == ["Cargo.toml", "c/Cargo.toml"]
    assert workspace.cargo_roots == ("c/Cargo.toml",)
    (finding,) = workspace.cargo_errors("surface")
    assert (finding.check, finding.status) == ("surface", "unknown")
    assert finding.looked_at == "cargo metadata --no-deps --manifest-path Cargo.toml"
    assert "error: failed to load manifest for workspace member" in finding.saw
    assert "\n" not in finding.saw


INHERITING: Files = {
    "Cargo.toml": '[workspace]\nmembers = ["*"]\n[workspace.package]\nversion = "0.4.0"\npublish = []\n',
    "a/Cargo.toml": crate("a", "publish.workspace = true\n", "version.workspace = true"),
    "b/Cargo.toml": crate("b", "publish = false\n"),
    "c/Cargo.toml": crate("c"),
    "d/Cargo.toml": crate("d", 'publish = ["ours"]\n'),
    "e/Cargo.toml": crate("e", version=""),
}


@pytest.mark.parametrize(
    "report",
    [
        CargoMetadata(error="`cargo` was not found on PATH", remedy="install it"),
        CargoMetadata.parse("warning: what is this?"),
        CargoMetadata.parse('{"packages": [], "workspace_members": [], "workspace_root": "/elsewhere"}'),
    ],
)
def test_without_cargo_inherited_values_are_unknown(report: CargoMetadata, lay: Lay) -> None:
    workspace = Workspace.discover(lay(INHERITING), lambda manifest: report)
    assert [
        (package.name, package.version, package.publishable, package.root, bool(package.cargo_error))
        for package in workspace.packages
    ] == [
        ("a", None, None, None, True),
        ("b", "0.4.0", False, None, True),
        ("c", "0.4.0", True, None, True),
        ("d", "0.4.0", True, None, True),
        ("e", None, False, None, True),
    ]
    assert workspace.orphans == ()
    assert workspace.packages[0].reason
    assert workspace.to_json()["packages"][0]["publishable"] is True  # type: ignore[index]
    assert {finding.status for finding in workspace.cargo_errors("surface")} == {"unknown"}


@pytest.mark.parametrize("output", ["", "{}", "[]", '{"packages": [{}]}', '{"packages": 4}', b"\xff"])
def test_unexpected_output_of_cargo_is_an_error(output: str | bytes) -> None:
    assert CargoMetadata.parse(output).error


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("a/Cargo.toml", "", ["`[package]`", "`[workspace]`"]),
        ("a/Cargo.toml", "[profile.release]\nlto = true\n", ["`[package]`", "`[workspace]`"]),
        ("a/Cargo.toml", "package = 3\n", ["`[package]`", "`[workspace]`"]),
        ("a/Cargo.toml", "[package]\nversion = '1'\n", ["`[package]`"]),
        ("a/Cargo.toml", "[package]\nname = 4\n", ["`[package]`"]),
        ("pyproject.toml", "[tool.ruff]\nline-length = 88\n", ["`[project]`"]),
        ("pyproject.toml", "[tool.poetry]\nname = 'x'\n", ["`[project]`", "`[tool.poetry]`"]),
        ("pyproject.toml", "[build-system]\nrequires = ['setuptools']\n", ["`[project]`", "`setup.py`"]),
        ("pyproject.toml", "[project]\nversion = '1'\n", ["`[project]`"]),
        ("pyproject.toml", "project = []\n", ["`[project]`"]),
    ],
)
def test_manifest_without_a_package_is_an_orphan(path: str, text: str, names: list[str], lay: Lay) -> None:
    workspace = discover(lay({path: text}))
    assert workspace.packages == ()
    assert [orphan.manifest for orphan in workspace.orphans] == [path]
    assert all(name in workspace.orphans[0].reason for name in names)
    assert workspace.problems == Findings()


@pytest.mark.parametrize(
    ("text", "place", "position"),
    [
        ("[package]\nname = \n", "Cargo.toml:2", "line 2, column 8"),
        ("[package\n", "Cargo.toml:1", "line 1, column 9"),
        ('[package]\nname = "a', "Cargo.toml:2", "end of document"),
        ("a = 1\na = 2\n", "Cargo.toml:2", "line 2"),
        ("a = " + "[" * 10_000, "Cargo.toml:1", ""),
        ("a = " + "9" * 10_000, "Cargo.toml:1", ""),
        ("<<<<<<< HEAD\n", "Cargo.toml:1", "line 1, column 1"),
        ("a = 1\r\n\x00", "Cargo.toml:2", "line 2"),
    ],
)
def test_invalid_toml_is_a_problem_with_line_and_column(text: str, place: str, position: str, lay: Lay) -> None:
    workspace = discover(lay({"Cargo.toml": text}))
    (problem,) = workspace.problems
    assert (problem.status, problem.looked_at) == ("failed", place)
    assert position in problem.saw
    assert problem.remedy
    assert [orphan.manifest for orphan in workspace.orphans] == ["Cargo.toml"]


def test_manifest_that_is_not_utf8_is_a_problem_with_line_and_column(lay: Lay) -> None:
    root = lay({"Cargo.toml": ""})
    (root / "Cargo.toml").write_bytes(b'[package]\nname = "\xff"\n')
    (problem,) = discover(root).problems
    assert (problem.status, problem.looked_at) == ("failed", "Cargo.toml:2")
    assert "column 9" in problem.saw


@pytest.mark.parametrize(
    "text",
    [
        "[package]\nname = 'a'\nversion = 4\n",
        "[package]\nname = 'a'\nversion = {}\n",
        "[package]\nname = 'a'\nversion.workspace = true\n",
        "[package]\nname = 'a'\nversion = {workspace = true}\n[workspace]\npackage = 3\n",
        "[package]\nname = 'a'\nversion = {workspace = true}\n[workspace.package]\nversion = ['1']\n",
        "[package]\nname = 'a'\nversion.workspace = true\nworkspace = '..'\n",
    ],
)
def test_invalid_version_is_none_with_a_reason(text: str, lay: Lay) -> None:
    workspace = discover(lay({"Cargo.toml": text}))
    (package,) = workspace.packages
    assert (package.version, package.version_source) == (None, None)
    assert package.reason
    (finding,) = workspace.cargo_errors("surface")
    assert finding.status == "unknown"


def test_crate_without_a_version_is_not_publishable(lay: Lay) -> None:
    (package,) = discover(lay({"Cargo.toml": "[package]\nname = 'a'\n"})).packages
    assert (package.version, package.version_source, package.publishable) == (None, None, False)
    assert package.reason


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": dist("a", backend="setuptools.build_meta", version=DYNAMIC)}, "`setuptools.build_meta`"),
        ({"pyproject.toml": "[project]\nname = 'a'\ndynamic = ['version']\n"}, "`setuptools`"),
        ({"pyproject.toml": dist("a", version="")}, "`dynamic`"),
        ({"pyproject.toml": dist("a", version="version = 4")}, "`[project]`"),
        ({"pyproject.toml": dist("a", version=DYNAMIC)}, "`Cargo.toml`"),
        (
            {"pyproject.toml": dist("a", "[tool.maturin]\nmanifest-path = '../x/Cargo.toml'\n", version=DYNAMIC)},
            "`../x/Cargo.toml`",
        ),
        ({"pyproject.toml": dist("a", version=DYNAMIC), "Cargo.toml": crate("b", version="")}, "`[package]`"),
    ],
)
def test_unknown_dynamic_version_is_none_with_a_reason(files: Files, name: str, lay: Lay) -> None:
    package = next(package for package in discover(lay(files)).packages if package.ecosystem == "pypi")
    assert package.version is None
    assert name in package.reason
    assert package.publishable


@pytest.mark.parametrize(
    ("classifiers", "publishable"),
    [
        ("[]", True),
        ('["Topic :: Security"]', True),
        ('["Private :: Do Not Upload"]', False),
        ('["private :: internal"]', False),
        ('"Private :: Do Not Upload"', True),
        ("[4]", True),
    ],
)
def test_distribution_with_a_private_classifier_is_not_publishable(
    classifiers: str, publishable: bool, lay: Lay
) -> None:
    (package,) = discover(lay({"pyproject.toml": dist("a", f"classifiers = {classifiers}\n")})).packages
    assert package.publishable is publishable


def test_environments_and_caches_are_skipped(lay: Lay) -> None:
    foreign = {
        "target/CACHEDIR.TAG": "",
        "target/package/a-0.4.0/Cargo.toml": "broken",
        "env/pyvenv.cfg": "",
        "env/lib/x/pyproject.toml": "broken",
        "node_modules/x/Cargo.toml": "broken",
        "a/__pycache__/pyproject.toml": "broken",
        ".tox/x/pyproject.toml": "broken",
    }
    workspace = discover(lay({"Cargo.toml": crate("a"), **foreign}))
    assert [package.manifest for package in workspace.packages] == ["Cargo.toml"]
    assert (workspace.orphans, workspace.problems) == ((), Findings())


def test_root_that_is_an_environment_is_read(lay: Lay) -> None:
    assert discover(lay({"Cargo.toml": crate("a"), "pyvenv.cfg": ""})).packages


def test_links_cause_no_loops_and_no_duplicates(lay: Lay) -> None:
    root = lay({"Cargo.toml": '[workspace]\nmembers = ["linked"]\n', "real/a/Cargo.toml": crate("a")})
    (root / "loop").symlink_to(root)
    (root / "real/up").symlink_to("..")
    (root / "linked").symlink_to("real/a")
    (root / "pyproject.toml").symlink_to("nowhere.toml")
    (root / "real/pyproject.toml").symlink_to("pyproject.toml")
    workspace = discover(root)
    assert [package.manifest for package in workspace.packages] == ["real/a/Cargo.toml"]
    assert workspace.packages[0].root == "Cargo.toml"
    assert workspace.unreported == {}
    assert [orphan.manifest for orphan in workspace.orphans] == ["pyproject.toml", "real/pyproject.toml"]


def test_nothing_outside_the_root_is_read(lay: Lay) -> None:
    files = {"in/Cargo.toml": '[workspace]\nmembers = ["../out/a"]\n'}
    root = lay({**files, "out/a/Cargo.toml": crate("a", 'workspace = "../../in"\n')})
    workspace = discover(root / "in")
    assert (workspace.packages, workspace.unreported) == ((), {})


def test_version_from_outside_the_root_has_no_place(lay: Lay) -> None:
    version = '[workspace.package]\nversion = "0.4.0"\n'
    files = {"Cargo.toml": f'[workspace]\nmembers = ["in"]\n{version}', "in/Cargo.toml": crate("a", version="")}
    files["in/Cargo.toml"] += "version.workspace = true\n"
    (package,) = discover(lay(files) / "in").packages
    assert (package.version, package.source, package.root, package.publishable) == (None, None, None, True)


def test_directory_with_the_name_of_a_manifest_is_ignored(lay: Lay) -> None:
    root = lay({"Cargo.toml/x": "", "pyproject.toml/y": ""})
    os.mkfifo(root / "Cargo.lock")
    workspace = discover(root)
    assert (workspace.packages, workspace.tree.locks) == ((), [])


def test_missing_root_is_a_problem(tmp_path: Path) -> None:
    workspace = discover(tmp_path / "nowhere")
    assert [problem.status for problem in workspace.problems] == ["unknown"]


def test_manifest_below_300_directories_is_read(lay: Lay) -> None:
    path = "/".join(["d"] * 300)
    assert discover(lay({f"{path}/Cargo.toml": crate("a")})).packages


# Packages to publish.

FILES = {
    "Cargo.toml": '[workspace]\nmembers = ["sdk", "core"]\nresolver = "2"\n'
    '[workspace.package]\nversion = "0.4.0-rc.1"\n',
    "sdk/Cargo.toml": crate("binoc-sdk", version="version.workspace = true"),
    "core/Cargo.toml": crate("binoc-core", "publish = false\n"),
    "py/pyproject.toml": dist("Binoc", version='version = "0.4.0rc1"'),
    "old/binoc/pyproject.toml": dist("binoc", version='version = "0.1.0"'),
}
POLICY = Policy(declared=True, artifacts=(Artifact("binoc", "pypi", "py"), Artifact("binoc-sdk", "crates.io", "sdk")))


def test_package_in_the_directory_of_the_artifact_is_published(lay: Lay) -> None:
    workspace = discover(lay(FILES))
    assert [package.manifest for package in workspace.packages_to_publish(POLICY)] == [
        "py/pyproject.toml",
        "sdk/Cargo.toml",
    ]


def test_without_a_policy_all_publishable_packages_are_published(lay: Lay) -> None:
    workspace = discover(lay(FILES))
    published = [package.manifest for package in workspace.packages_to_publish(Policy())]
    assert published == ["old/binoc/pyproject.toml", "py/pyproject.toml", "sdk/Cargo.toml"]


def test_json_has_the_documented_keys(lay: Lay) -> None:
    workspace = discover(lay({"Cargo.toml": crate("a"), "x/pyproject.toml": "[tool.x]\n"}))
    (orphan,) = workspace.orphans
    assert json.loads(json.dumps(workspace.to_json())) == {
        "schema": 1,
        "packages": [
            {
                "ecosystem": "cargo",
                "name": "a",
                "manifest": "Cargo.toml",
                "version": "0.4.0",
                "version_source": "Cargo.toml:3",
                "publishable": True,
            }
        ],
        "orphans": [{"manifest": "x/pyproject.toml", "reason": orphan.reason}],
    }
