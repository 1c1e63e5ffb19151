"""Third-party files of an sdist: which crates are linked, the texts of their licences, and the SBOM of SQLite."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from binoc_runbook.checks.dists.commit_files import CommitFiles
from binoc_runbook.checks.dists.generated_files import BUNDLED, NOTICES, SOURCE_ID
from binoc_runbook.dist.bundled_sqlite import BundledSqlite, sqlite_sbom
from binoc_runbook.dist.licence_texts import licence_texts
from binoc_runbook.dist.linked_crates import ThirdPartyCrate, ThirdPartyCrates
from binoc_runbook.dist.third_party import add_third_party_files, third_party_files
from binoc_runbook.finding import RefusedError
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world.processes import Processes

ROOT = Path(__file__).parents[2]
VERSION = Version.parse("0.4.0")
REPOSITORY = "https://localhost/gift"


@pytest.fixture
def crate(tmp_path):
    """A function that creates the directory of a crate with these files."""

    def create(name, files, *, licence="MIT", repository=REPOSITORY, licence_file="", features=()):
        directory = tmp_path / "crates" / name
        for path, text in {"Cargo.toml": "", **files}.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        return ThirdPartyCrate(name, "1.0.0", licence, repository, directory, licence_file, frozenset(features))

    return create


# Licence texts


def test_licence_files_of_a_crate_are_read(crate, tmp_path):
    names = ["COPYING", "LICENSE-MIT", "NOTICE.md", "UNLICENSE", "license-apache-2.0", "LICENCE", "COPYRIGHT"]
    files = {name: f"{name}\r\nLine  \n\n" for name in names}
    gift = crate("gift", {**files, "LICENSES/ISC.txt": "ISC", "README.md": "", "src/license.rs": ""})
    texts = licence_texts(gift, [gift], tmp_path)
    assert texts.keys() == {*names, "LICENSES/ISC.txt"}
    assert texts["COPYING"] == "COPYING\nLine\n"


def test_licence_file_of_the_manifest_is_read_unless_it_is_outside_of_the_crate(crate, tmp_path):
    gift = crate("gift", {"legal/mine": "Mine"}, licence_file="legal/mine")
    assert licence_texts(gift, [], tmp_path) == {"legal/mine": "Mine\n"}
    (tmp_path / "crates/secret").write_text("Secret")
    assert licence_texts(replace(gift, licence_file="../secret"), [], tmp_path) == {}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, {"LICENSE": "Same\n"}),
        ({"licence": "ISC"}, {}),
        ({"repository": "https://localhost/other"}, {}),
        ({"repository": ""}, {}),
    ],
)
def test_crate_without_a_licence_file_has_the_one_of_its_repository(crate, tmp_path, changes, texts):
    sibling, gift = crate("gift-sys", {"LICENSE": "Same"}), replace(crate("gift", {}), **changes)
    assert licence_texts(gift, [gift, sibling], tmp_path) == texts


def test_checkout_can_contain_the_licence_of_a_crate(crate, tmp_path):
    (tmp_path / "licenses").mkdir()
    (tmp_path / "licenses/gift.txt").write_text("Theirs")
    assert licence_texts(crate("gift", {}), [], tmp_path) == {"licenses/gift.txt": "Theirs\n"}


# Linked crates


def report(**edges):
    """Return the output of cargo for a workspace `demo`, with the dependencies of each package and their kinds."""
    names = sorted({"demo", *edges, *(name for pairs in edges.values() for name, _ in pairs)})
    packages = [
        {
            "id": name,
            "name": name,
            "version": "1.0.0",
            "license": "MIT/Apache-2.0",
            "license_file": None,
            "repository": "https://localhost/gift.git",
            "manifest_path": f"/crates/{name}/Cargo.toml",
        }
        for name in names
    ]
    nodes = [
        {
            "id": name,
            "features": [],
            "deps": [{"pkg": other, "dep_kinds": [{"kind": kind}]} for other, kind in edges.get(name, ())],
        }
        for name in names
    ]
    resolve = {"root": "demo", "nodes": nodes}
    return json.dumps({"packages": packages, "workspace_members": ["demo"], "resolve": resolve})


def test_normal_dependencies_of_the_platforms_are_linked():
    linked = {"demo": [("serde", None), ("cc", "build"), ("tempfile", "dev")], "cc": [("shlex", None)]}
    everywhere = linked | {"serde": [("windows", None)]}
    crates = ThirdPartyCrates.parse(report(**everywhere), report(**linked))
    assert [str(crate) for crate in crates.linked] == ["serde 1.0.0"]
    assert [crate.name for crate in crates.others] == ["cc", "shlex", "windows"]
    assert [crate.name for crate in crates.resolved] == ["cc", "serde", "shlex", "tempfile", "windows"]
    assert (crates.linked[0].licence, crates.linked[0].repository) == ("MIT OR Apache-2.0", REPOSITORY)


def test_unexpected_output_of_cargo_is_an_error():
    with pytest.raises(ValueError, match="unexpected output"):
        ThirdPartyCrates.parse("{}", "{}")


# A distribution


@pytest.fixture
def generate(checkout):
    """A function that generates the third-party files of the distribution of `checkout`, which depends on a crate."""
    manifest = checkout.root / "python/demo/Cargo.toml"
    members, lock = manifest.read_text("utf-8"), (checkout.root / "Cargo.lock").read_text("utf-8")
    artifact = read_policy(checkout.root).artifacts[0]

    def depend(name, settings="", features=""):
        directory = checkout.root.parent / name
        (directory / "src").mkdir(parents=True)
        (directory / "src/lib.rs").write_text("")
        package = f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2024"\nlicense = "MIT"\n'
        (directory / "Cargo.toml").write_text(f"{package}{settings}\n[workspace]\n")
        manifest.write_text(f'{members}\n[dependencies]\n{name} = {{ path = "../../../{name}"{features} }}\n')
        entry = f'[[package]]\nname = "{name}"\nversion = "1.0.0"\n'
        python = '[[package]]\nname = "demo-python"\nversion = "0.4.0"\n'
        edited = lock.replace(python, f'{python}dependencies = [\n "{name}",\n]\n')
        (checkout.root / "Cargo.lock").write_text(f"{edited}\n{entry}")
        return lambda: third_party_files(artifact, VERSION, Processes(checkout.root))

    return depend


def test_crate_without_a_licence_text_is_refused_until_the_checkout_contains_it(checkout, generate):
    run = generate("gift")
    with pytest.raises(RefusedError) as refused:
        run()
    (finding,) = refused.value.findings
    assert (finding.check, finding.status, finding.looked_at) == ("dist", "failed", "Cargo.lock")
    assert "`gift` 1.0.0" in finding.saw
    path = finding.remedy.split("`")[3]
    checkout.write(path, "Given by Rosa.\n")
    notices = run()[NOTICES].decode()
    assert "\n- gift 1.0.0: MIT\n" in notices
    assert "\nGiven by Rosa.\n" in notices


def test_stale_lock_file_is_refused(checkout, generate):
    run = generate("gift")
    checkout.write("Cargo.lock", "version = 4\n")
    with pytest.raises(RefusedError) as refused:
        run()
    (finding,) = refused.value.findings
    assert (finding.looked_at, finding.remedy) == ("cargo metadata --locked", "cargo update --workspace")


def test_bundled_sqlite_of_an_unknown_version_is_refused(checkout, generate):
    run = generate("libsqlite3-sys", "[features]\nbundled = []\n", ', features = ["bundled"]')
    checkout.write("licenses/libsqlite3-sys.txt", "Given by Rosa.\n")
    with pytest.raises(RefusedError) as refused:
        run()
    (finding,) = refused.value.findings
    assert finding.looked_at == "Cargo.lock"
    assert "`libsqlite3-sys`" in finding.remedy


# SQLite

HEADER = '#define SQLITE_VERSION        "3.53.2"\n#define SQLITE_SOURCE_ID      "2026-06-03 19:12:13 d6e0"\n'


def test_bundled_sqlite_is_read_from_its_header(crate):
    sys = crate("libsqlite3-sys", {"sqlite3/sqlite3.h": HEADER}, features=["bundled"])
    assert BundledSqlite.find([sys]) == BundledSqlite("3.53.2", "2026-06-03 19:12:13 d6e0", sys)
    assert BundledSqlite.find([replace(sys, features=frozenset())]) is None
    (sys.directory / "sqlite3/sqlite3.h").unlink()
    with pytest.raises(ValueError, match=r"`sqlite3/sqlite3\.h`"):
        BundledSqlite.find([sys])


def test_settings_of_maturin_get_the_sbom_and_count_as_those_of_the_commit(crate, tmp_path):
    sys = crate("libsqlite3-sys", {"sqlite3/sqlite3.h": HEADER}, features=["bundled"])
    sqlite = BundledSqlite.find([sys])
    assert sqlite is not None
    committed = '[project]\nname = "demo"\n\n[tool.maturin]\ninclude = ["data"]\n'
    (tmp_path / "pyproject.toml").write_text(committed)
    add_third_party_files(tmp_path, {NOTICES: b"", BUNDLED: sqlite_sbom(sqlite, "demo", "0.4.0")})
    assert (tmp_path / NOTICES).exists()
    packaged = (tmp_path / "pyproject.toml").read_bytes()
    maturin = tomllib.loads(packaged.decode())["tool"]["maturin"]
    assert maturin["include"] == ["data", {"path": BUNDLED, "format": "sdist"}]
    assert maturin["sbom"]["include"] == [BUNDLED]
    commit = CommitFiles({}, {"pyproject.toml": committed})
    assert commit.is_rewritten_manifest("pyproject.toml", packaged)
    assert not commit.is_rewritten_manifest("pyproject.toml", packaged.replace(b'"data"', b'"data", "evil"'))


def test_notices_of_this_repository_are_complete():
    """The sources of all crates are in the home of cargo, because the tests run after a build."""
    artifact = next(artifact for artifact in read_policy(ROOT).artifacts if artifact.name == "binoc-sqlite")
    files = third_party_files(artifact, VERSION, Processes(ROOT))
    notices = files[NOTICES].decode()
    (component,) = json.loads(files[BUNDLED])["components"]
    assert f"\n- SQLite {component['version']}, " in notices
    assert component["purl"] == f"pkg:generic/sqlite@{component['version']}"
    assert [item["name"] for item in component["properties"]] == [SOURCE_ID]
    linked, _, others = notices.partition("do not contain")
    assert "\n- rusqlite " in linked
    assert "\n- cc " in others
    assert "\n- binoc-sdk " not in notices
    assert str(Path.home()) not in notices
    assert str(ROOT) not in notices
