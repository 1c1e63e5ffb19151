"""`set-version` edits the lines that own or quote a published version, and no other byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.cargo_metadata import CargoMetadata, CargoPackage
from binoc_runbook.workspace.edit import Plan, apply, plan
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.world import World

Lay = Callable[[Mapping[str, str]], Path]

V = Version.parse
UNDECLARED = Policy()

POLICY = Policy(
    declared=True,
    artifacts=(
        Artifact("binoc", "pypi", "python/binoc"),
        Artifact("binoc-sqlite", "pypi", "python/sqlite"),
        Artifact("binoc-sdk", "crates.io", "crates/sdk"),
    ),
)

FILES = {
    "Cargo.toml": """\
[workspace]
resolver = "2"
members = ["crates/*", "python/*"]

[workspace.package]
version = "0.4.0"   # what is released
edition = "2021"

[workspace.dependencies]
binoc-sdk = { path = "crates/sdk", version = "0.4.0" }
serde = "0.4.0"
""",
    "crates/sdk/Cargo.toml": '[package]\nname = "binoc-sdk"\nversion.workspace = true\nedition.workspace = true\n',
    "crates/core/Cargo.toml": """\
[package]
name = "binoc-core"
version = "0.1.0"
edition = "2021"
publish = false

[dependencies]
sdk = { package = "binoc-sdk", path = '../sdk', version = '=0.4.0' }

[target.'cfg(unix)'.dev-dependencies.binoc-cli]
path = "../cli"
version = "0.4"
""",
    "crates/cli/Cargo.toml": """\
[package]
name = "binoc-cli"
version = { workspace = true }
edition = "2021"
publish = false

[dependencies]
binoc-sdk = { workspace = true }
""",
    "python/binoc/Cargo.toml": '[package]\nname = "binoc-python"\nversion = "0.0.0"\nedition = "2021"\n'
    "publish = false\n",
    "python/binoc/pyproject.toml": """\
[build-system]
requires = ["maturin>=1.9,<2"]
build-backend = "maturin"

[project]
name = "binoc"
version = '0.4.0'
dependencies = ["click>=0.4.0"]
""",
    "python/sqlite/Cargo.toml": '[package]\nname = "sqlite"\nversion.workspace = true\nedition = "2021"\n'
    "publish = false\n",
    "python/sqlite/pyproject.toml": """\
[build-system]
requires = ["maturin>=1.9,<2"]
build-backend = "maturin"

[project]
name = "binoc-sqlite"
dynamic = ["version"]
dependencies = [
    # keep together
    "Binoc[all] >=0.4.0, <0.5 ; python_version >= '3.10'",  # 0.4.0
    "binoc_extra==0.4.0",
]

[project.optional-dependencies]
dev = ["binoc~=0.4.0", "binoc; extra == \\"x\\"", "binoc==0.4.0; extra == \\"x\\""]

[dependency-groups]
test = [{ include-group = "x" }, "binoc>=0.3"]""".replace("\\\\", "\\"),
    "docs/pyproject.toml": '[project]\nname = "docs"\nversion = "0.4.0"\n'
    'classifiers = ["Private :: Do Not Upload"]\ndependencies = ["binoc==0.4.0"]\n',
}

#: The same files with all numbers in each requirement: otherwise Cargo allows no pre-release.
IN_FULL = {**FILES, "crates/core/Cargo.toml": FILES["crates/core/Cargo.toml"].replace('"0.4"', '"0.4.0"')}

AFTER = {
    "Cargo.toml": [
        ('version = "0.4.0"   #', 'version = "0.5.0-rc.1"   #'),
        ('sdk", version = "0.4.0"', 'sdk", version = "0.5.0-rc.1"'),
    ],
    "crates/core/Cargo.toml": [("'=0.4.0'", "'=0.5.0-rc.1'"), ('version = "0.4.0"', 'version = "0.5.0-rc.1"')],
    "python/binoc/pyproject.toml": [("version = '0.4.0'", "version = '0.5.0rc1'")],
    "python/sqlite/pyproject.toml": [
        (">=0.4.0, <0.5 ;", ">=0.5.0rc1, <0.6 ;"),
        ("binoc~=0.4.0", "binoc~=0.5.0rc1"),
        ('binoc==0.4.0; extra == \\"x\\"', 'binoc==0.5.0rc1; extra == \\"x\\"'),
    ],
    "docs/pyproject.toml": [('"binoc==0.4.0"', '"binoc==0.5.0rc1"')],
}


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "lib.rs")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def discover(root: Path) -> Workspace:
    return World.real(root).workspace()


def discover_without_cargo(root: Path) -> Workspace:
    """Read the manifests of standalone crates with the output that cargo would have, to save time."""

    def read(manifest: str) -> CargoMetadata:
        package = Manifest(root, manifest).table("package")
        publish = () if package.get("publish") is False else None
        crate = CargoPackage(package["name"], str(root / manifest), package["version"], publish)
        return CargoMetadata(str((root / manifest).parent), (crate,))

    return Workspace.discover(root, read)


def versions(workspace: Workspace, policy: Policy) -> set[Version | None]:
    """Return the versions of the published packages; `None` for an unknown one."""
    return {
        None
        if package.source is None or package.version is None
        else V(package.version)
        if package.source.spelling == "cargo"
        else Version.from_pep440(package.version)
        for package in workspace.packages_to_publish(policy)
    }


def set_version(
    root: Path, version: str, policy: Policy = POLICY, read: Callable[[Path], Workspace] = discover
) -> Plan:
    planned = plan(read(root), policy, V(version))
    assert not planned.problems, str(planned.problems)
    assert not apply(planned.edits)
    return planned


def test_all_places_that_own_or_quote_the_version_are_edited(lay: Lay) -> None:
    root = lay(IN_FULL)
    planned = set_version(root, "0.5.0-rc.1")
    expected = {path: text.encode() for path, text in IN_FULL.items()}
    for path, replaced in AFTER.items():
        for before, after in replaced:
            assert expected[path].count(before.encode()) == 1, before
            expected[path] = expected[path].replace(before.encode(), after.encode())
    assert contents(root) == expected
    assert {edit.path for edit in planned.edits} == set(AFTER)


def test_current_version_needs_no_edits(lay: Lay) -> None:
    assert plan(discover(lay(FILES)), POLICY, V("0.4.0")).edits == ()


@pytest.mark.parametrize("version", ["0.4.1", "0.5.0", "1.0.0", "0.5.0-rc.1", "0.4.1-alpha.3", "0.3.0"])
def test_setting_the_old_version_again_restores_all_bytes(version: str, lay: Lay) -> None:
    root = lay(IN_FULL if V(version).is_prerelease else FILES)
    before = contents(root)
    set_version(root, version)
    assert contents(root) != before
    set_version(root, "0.4.0")
    assert contents(root) == before


def test_short_requirement_is_refused_for_a_prerelease(lay: Lay) -> None:
    root = lay(FILES)
    problem, *others = plan(discover(root), POLICY, V("0.5.0-rc.1")).problems
    assert (problem.status, problem.looked_at, others) == ("failed", "crates/core/Cargo.toml:12", [])
    for data in ("`0.4`", "`0.5.0-rc.1`", "`crates/core/Cargo.toml:12`", "`just set-version 0.5.0-rc.1`"):
        assert data in problem.remedy
    path = root / "crates/core/Cargo.toml"
    path.write_text(path.read_text().replace('"0.4"', '"0.5.0-rc.1"'))
    set_version(root, "0.5.0-rc.1")
    set_version(root, "0.5.0")
    assert path.read_text() == IN_FULL["crates/core/Cargo.toml"].replace("0.4.0", "0.5.0")


def test_plan_shows_lines_with_current_and_new_text(lay: Lay) -> None:
    planned = plan(discover(lay(FILES)), POLICY, V("0.5.0"))
    lines = [str(change) for edit in planned.edits for change in edit.changes]
    assert lines[:4] == [
        "Cargo.toml:6: `0.4.0` → `0.5.0`",
        "Cargo.toml:10: `0.4.0` → `0.5.0`",
        "crates/core/Cargo.toml:8: `=0.4.0` → `=0.5.0`",
        "crates/core/Cargo.toml:12: `0.4` → `0.5`",
    ]


def test_lock_file_is_as_cargo_would_write_it(lay: Lay) -> None:
    root = lay(IN_FULL)
    with_sources(root)
    (root / "Cargo.toml").write_text(FILES["Cargo.toml"].replace('serde = "0.4.0"\n', ""))
    cargo("generate-lockfile", root)
    before = contents(root)
    set_version(root, "0.5.0-rc.1")
    cargo("metadata", root, "--locked", "--format-version=1")
    assert (root / "Cargo.lock").read_text().count('version = "0.5.0-rc.1"') == 3
    assert (root / "Cargo.lock").read_text().count('version = "0.1.0"') == 1
    set_version(root, "0.4.0")
    assert contents(root) == before


def test_versions_in_dependencies_of_the_lock_file_are_edited(lay: Lay) -> None:
    published = '[package]\nname = "a"\nversion = "0.4.0"\nedition = "2021"\n'
    root = lay(
        {
            "new/Cargo.toml": published,
            "old/Cargo.toml": published.replace("0.4.0", "0.2.0") + "publish = false\n[workspace]\n",
            "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["new", "user"]\nexclude = ["old"]\n',
            "user/Cargo.toml": '[package]\nname = "user"\nversion = "1.0.0"\nedition = "2021"\n'
            "publish = false\n[dependencies]\n"
            'a = { path = "../new", version = "0.4.0" }\nb = { package = "a", path = "../old", version = "0.2.0" }\n',
        }
    )
    with_sources(root)
    cargo("generate-lockfile", root)
    assert '"a 0.4.0"' in (root / "Cargo.lock").read_text()
    before = contents(root)
    set_version(root, "0.5.0", UNDECLARED)
    cargo("metadata", root, "--locked", "--format-version=1")
    assert '"a 0.5.0"' in (root / "Cargo.lock").read_text()
    set_version(root, "0.4.0", UNDECLARED)
    assert contents(root) == before


def test_lock_file_entry_with_a_source_is_not_edited(lay: Lay) -> None:
    entry = '[[package]]\nname = "a"\nversion = "0.4.0"\nsource = "registry+https://example.org/index"\n'
    root = lay({"Cargo.toml": '[package]\nname = "a"\nversion = "0.4.0"\n', "Cargo.lock": f"version = 4\n\n{entry}"})
    set_version(root, "0.5.0", UNDECLARED)
    assert entry in (root / "Cargo.lock").read_text()


@pytest.mark.parametrize(
    ("path", "before", "after", "line"),
    [
        ("python/sqlite/pyproject.toml", ">=0.4.0, <0.5", ">=0.3, <0.5", 10),
        ("crates/core/Cargo.toml", "=0.4.0", ">=0.3, <0.5", 8),
        ("crates/core/Cargo.toml", "=0.4.0", ">=0.3, <=0.4", 8),
        ("crates/sdk/Cargo.toml", "[package]", "[package", 1),
        ("Cargo.lock", "", "<<<<<<< HEAD\n", 1),
        ("Cargo.toml", 'version = "0.4.0"   #', 'version = "0\\u002e4.0"   #', 6),
    ],
)
def test_value_that_cannot_be_edited_is_a_problem(path: str, before: str, after: str, line: int, lay: Lay) -> None:
    files = {**FILES, "Cargo.lock": ""}
    assert before in files[path]
    root = lay({**files, path: files[path].replace(before, after, 1)})
    (problem,) = plan(discover(root), POLICY, V("0.5.0")).problems
    assert (problem.status, problem.looked_at) == ("failed", f"{path}:{line}")
    assert problem.remedy


@pytest.mark.parametrize("requirement", ["newest", "0.4.0.0"])
def test_nothing_is_edited_if_cargo_cannot_read_the_workspace(requirement: str, lay: Lay) -> None:
    core = FILES["crates/core/Cargo.toml"].replace("=0.4.0", requirement)
    planned = plan(discover(lay({**FILES, "crates/core/Cargo.toml": core})), POLICY, V("0.5.0"))
    (problem,) = planned.problems
    assert (problem.status, problem.looked_at) == ("failed", "cargo metadata --no-deps --manifest-path Cargo.toml")
    assert "crates/core" in problem.saw
    assert problem.remedy == problem.looked_at


def test_unrelated_crate_that_cargo_cannot_read_is_ignored(lay: Lay) -> None:
    files = {**FILES, "Cargo.toml": FILES["Cargo.toml"].replace('resolver = "2"', 'resolver = "2"\nexclude = ["x"]')}
    root = lay({**files, "x/Cargo.toml": '[package]\nname = "x"\nversion = "zero"\n'})
    set_version(root, "0.5.0")
    assert versions(discover(root), POLICY) == {V("0.5.0")}


def test_edit_that_changes_other_values_is_refused(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay({"Cargo.toml": '[package]\nname = "a"\nversion = "0.4.0"\nmetadata.x = "0.4.0"\n'})
    workspace = discover_without_cargo(root)
    (package,) = workspace.packages
    spans = package.document.spans
    monkeypatch.setitem(spans, ("package", "version"), spans["package", "metadata", "x"])
    (problem,) = plan(workspace, UNDECLARED, V("0.5.0")).problems
    assert (problem.status, problem.looked_at) == ("failed", "Cargo.toml:4")


def test_empty_version_is_a_problem(lay: Lay) -> None:
    workspace = discover_without_cargo(lay({"Cargo.toml": '[package]\nname = "a"\nversion = ""\n'}))
    (problem,) = plan(workspace, UNDECLARED, V("0.5.0")).problems
    assert (problem.status, problem.looked_at) == ("failed", "Cargo.toml:3")


def test_published_packages_with_different_versions_get_the_same(lay: Lay) -> None:
    root = lay({**FILES, "Cargo.toml": FILES["Cargo.toml"].replace("0.4.0", "0.3.7")})
    set_version(root, "0.5.0")
    assert versions(discover(root), POLICY) == {V("0.5.0")}


# Styles.

quotes = st.sampled_from(['"', "'", '"""', "'''"])
spaces = st.sampled_from(["", " ", "\t "])
comments = st.sampled_from(["", ' # version = "0.4.0"', "#'"])


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, str]:
    """Generate two crates and two distributions in many TOML styles."""

    def string(text: str) -> str:
        quote = draw(quotes)
        return f"{quote}{text}{quote}"

    def pair(key: str, value: str) -> str:
        return f"{draw(spaces)}{key}{draw(spaces)}={draw(spaces)}{value}{draw(spaces)}{draw(comments)}\n"

    def short(key: str, value: str) -> str:
        return f"{draw(spaces)}{key}{draw(spaces)}={draw(spaces)}{value}{draw(spaces)}"

    version = pair("version", string("0.4.0"))
    header = draw(st.sampled_from(["[package]", "[ package ] # x", '["package"]']))
    sdk = draw(
        st.sampled_from(
            [
                f"{header}\n{pair('name', string('sdk'))}{version}",
                f"{header}\n{version}{pair('name', string('sdk'))}[package.metadata.x]\nversion = '0.4.0'\n",
                f"package.name = 'sdk'\npackage.{version.lstrip()}",
                f"package = {{{short('name', string('sdk'))},{short('version', string('0.4.0'))}}}\n",
            ]
        )
    )
    requirement = string(draw(st.sampled_from(["0.4.0", "0.4", "^0.4.0", "=0.4.0", ">=0.4.0, <0.5.0", ">= 0.3"])))
    dependency = draw(
        st.sampled_from(
            [
                f"[dependencies]\nsdk = {{{short('path', string('../sdk'))},{short('version', requirement)}}}"
                f"{draw(comments)}\n",
                f"[dependencies]\nsdk = {{\n  version = {requirement}, # 0.4.0\n  path = '../sdk',\n}}\n",
                f"[dependencies.sdk]\n{pair('version', requirement)}{pair('path', string('../sdk'))}",
                f"[dependencies]\nsdk.path = '../sdk'\nother = '0.4.0'\nsdk.{pair('version', requirement).lstrip()}",
                f"[target.'cfg(unix)'.dev-dependencies]\n'sdk' = {{path='../sdk',version={requirement}}}\n",
            ]
        )
    )
    pin = draw(
        st.sampled_from(["base==0.4.0", "base >=0.4.0,<0.5", "Base[x]~=0.4.0 ; extra == 'y'", "base>=0.3"])
    ).replace("'", "'" if draw(st.booleans()) else '\\"')
    listed = draw(st.sampled_from(['["{}"]', '[\n  # 0.4.0\n  "x==0.4.0", "{}", # y\n]', '["a",\n\t"{}"\n,]'])).format(
        pin
    )
    files = {
        "sdk/Cargo.toml": sdk,
        "cli/Cargo.toml": f"{dependency}[package]\nname = 'cli'\nversion = '0.1.0'\npublish = false\n",
        "base/pyproject.toml": f"[project]\n{pair('name', string('base'))}{pair('version', string('0.4.0'))}",
        "more/pyproject.toml": f"[project]\nversion = '0.4.0'\nname = 'more'\ndependencies = {listed}\n",
        "CHANGELOG.md": "## 0.4.0\n",
    }
    end = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    last = draw(st.booleans())
    return {path: mark + (text if last else text.removesuffix("\n")).replace("\n", end) for path, text in files.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(manifests(), st.sampled_from(["0.4.1", "0.5.0", "1.0.0", "0.5.0-rc.1"]))
def test_any_style_is_restored(tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], version: str) -> None:
    root = tmp_path_factory.mktemp("style")
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(text.encode())
    before = contents(root)
    planned = plan(discover_without_cargo(root), UNDECLARED, V(version))
    if planned.problems:  # a bound and a short requirement exclude a pre-release
        assert V(version).is_prerelease
        (problem,) = planned.problems
        assert "`>= 0.3`" in problem.saw or "`0.4`" in problem.saw
        return
    assert {edit.path for edit in planned.edits} >= {"sdk/Cargo.toml", "base/pyproject.toml", "more/pyproject.toml"}
    assert not apply(planned.edits)
    assert versions(discover_without_cargo(root), UNDECLARED) == {V(version)}
    assert plan(discover_without_cargo(root), UNDECLARED, V(version)).edits == ()
    set_version(root, "0.4.0", UNDECLARED, discover_without_cargo)
    assert contents(root) == before


# Writing.


def test_modes_and_links_are_kept(lay: Lay) -> None:
    root = lay({"real/Cargo.toml": '[package]\nname = "a"\nversion = "0.4.0"\n'})
    (root / "real/Cargo.toml").chmod(0o640)
    (root / "real/Cargo.toml").rename(root / "real/kept.toml")
    (root / "real/Cargo.toml").symlink_to("kept.toml")
    set_version(root, "0.5.0", UNDECLARED)
    assert (root / "real/Cargo.toml").is_symlink()
    assert (root / "real/kept.toml").stat().st_mode & 0o777 == 0o640
    assert '"0.5.0"' in (root / "real/kept.toml").read_text()


def test_file_that_changed_after_it_was_read_is_not_written(lay: Lay) -> None:
    root = lay(FILES)
    planned = plan(discover(root), POLICY, V("0.5.0"))
    (root / "docs/pyproject.toml").write_text("[project]\n")
    before = contents(root)
    (finding,) = apply(planned.edits)
    assert (finding.status, finding.looked_at) == ("failed", "docs/pyproject.toml")
    assert contents(root) == before


@pytest.mark.parametrize("call", range(1, 12))
@pytest.mark.parametrize("function", ["fsync", "replace", "write"])
def test_files_are_restored_after_an_error(function: str, call: int, lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(FILES)
    before = contents(root)
    planned = plan(discover(root), POLICY, V("0.5.0"))
    broken = fails_at(call, OSError(28, "No space left on device"))
    if function == "replace":
        monkeypatch.setattr(Path, "replace", broken(Path.replace))
    elif function == "fsync":
        monkeypatch.setattr(os, "fsync", broken(os.fsync))
    else:
        monkeypatch.setattr(os, "fdopen", broken(os.fdopen))
    findings = apply(planned.edits)
    monkeypatch.undo()
    if call <= len(planned.edits):
        assert [finding.status for finding in findings] == ["failed"]
        assert "No space left on device" in findings[0].saw
        assert contents(root) == before
        set_version(root, "0.5.0")
    assert versions(discover(root), POLICY) == {V("0.5.0")}


def test_files_that_cannot_be_restored_are_listed(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(FILES)
    planned = plan(discover(root), POLICY, V("0.5.0"))
    monkeypatch.setattr(Path, "replace", fails_from(3, OSError(5, "Input/output error"))(Path.replace))
    (finding,) = apply(planned.edits)
    changed = [edit.path for edit in planned.edits if edit.file.read_bytes() == edit.after]
    assert len(changed) == 2
    assert "Input/output error" in finding.saw
    assert all(f"`{path}`" in finding.saw for path in changed)
    assert finding.remedy == f"git diff -- {' '.join(changed)}"


@pytest.mark.parametrize("call", range(1, 6))
def test_files_are_restored_after_an_interruption(call: int, lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(FILES)
    before = contents(root)
    planned = plan(discover(root), POLICY, V("0.5.0"))
    monkeypatch.setattr(Path, "replace", fails_at(call, KeyboardInterrupt())(Path.replace))
    with pytest.raises(KeyboardInterrupt):
        apply(planned.edits)
    monkeypatch.undo()
    assert contents(root) == before


@pytest.mark.race  # files are written in parallel
@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_same_command_completes_after_the_process_is_killed(function: str, call: int, lay: Lay) -> None:
    root = lay(FILES)
    expected = dict(contents(lay(FILES)))
    program = f"""
import os, signal, threading
from pathlib import Path
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace.edit import apply, plan
from binoc_runbook.world import World
policy = Policy(declared=True, artifacts={[(a.name, a.registry, a.path) for a in POLICY.artifacts]!r})
policy = Policy(declared=True, artifacts=tuple(Artifact(*values) for values in policy.artifacts))
calls, lock = 0, threading.Lock()
owner = {"os" if function == "fsync" else "Path"}
real = owner.{function}
def killed(*arguments):
    global calls
    with lock:
        calls += 1
        if calls == {call}:
            os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
owner.{function} = killed
apply(plan(World.real(Path({str(root)!r})).workspace(), policy, Version.parse("0.5.0")).edits)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    import sys

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    set_version(root, "0.5.0")
    assert versions(discover(root), POLICY) == {V("0.5.0")}
    set_version(root, "0.4.0")
    assert contents(root) == expected


def fails_at(call: int, error: BaseException) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return _fails(lambda number: number == call, error)


def fails_from(call: int, error: BaseException) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return _fails(lambda number: number >= call, error)


def _fails(
    when: Callable[[int], bool], error: BaseException
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    calls = 0

    def around(real: Callable[..., object]) -> Callable[..., object]:
        def broken(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if when(calls):
                raise error
            return real(*arguments, **named)

        return broken

    return around


def with_sources(root: Path) -> None:
    for manifest in root.rglob("Cargo.toml"):
        (manifest.parent / "src").mkdir(exist_ok=True)
        (manifest.parent / "src/lib.rs").touch()


def cargo(command: str, root: Path, *arguments: str) -> None:
    process = subprocess.run(["cargo", command, "--offline", *arguments], cwd=root, capture_output=True, check=False)
    assert process.returncode == 0, process.stderr.decode()
