"""The commands that the packages' own pages show, typed with the programs that were built of this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from .executed import tells
from .reading import ROOT, on, pasted

pytestmark = pytest.mark.rehearsal

BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


@pytest.fixture
def user(person, tmp_path):
    """Somebody for whom `pip install` offers the wheels that were built, into a directory of the test."""
    if not list((BUILT / "wheels").glob("*.whl")):
        pytest.skip("no wheels were built: ./just build")
    installed = tmp_path / "installed"
    person.environment |= {
        "PIP_FIND_LINKS": str(BUILT / "wheels"),
        "PIP_TARGET": str(installed),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(installed),
        "PATH": f"{installed / 'bin'}{os.pathsep}{person.environment['PATH']}",
    }
    return person


def table(user, directory, *rows):
    user.writes(f"{directory}/people.csv", "\n".join(["id,name,born", *rows, ""]))


@tells("python/binoc/README.md")
def test_binoc(user):
    page = "python/binoc/README.md"
    table(user, "2025", "1,Ada,1815", "2,Grace,1906", "3,Alan,1912", "4,Edsger,1930")
    table(user, "2026", "1,Ada,1815", "2,Grace Hopper,1906", "3,Alan,1911", "4,Edsger,1930")
    for directory, name, value in (
        ("2025", "station", 1),
        ("2026", "stations", 1),
        ("A", "stations", 1),
        ("B", "stations", 2),
    ):
        user.writes(f"{directory}/{name}.csv", f"station_id,value\n7,{value}\n")
    for year, text in (("2025", "one\n"), ("2026", "two\n")):
        user.writes(f"{year}/readme.txt", text)
    user.follows(on(page), ends={"binoc diff A B --exit-code -q": 1})
    assert "rows matched by key (requested): `station_id`" in user.types("binoc diff A B --key station_id")
    assert "`1` → `2`" in (user.directory / "changes.md").read_text("utf-8")
    (script,) = pasted(page, "python")
    user.writes("script.py", script)
    assert user.types("python script.py").rstrip() == user.types("binoc diff 2025 2026").rstrip()


@tells("python/binoc-sqlite/README.md")
def test_binoc_sqlite(user):
    for year, column, rows in (
        ("2025", "", "(1, 20.0), (2, 19.0)"),
        ("2026", ", unit TEXT", "(1, 20.0, 'C'), (2, 19.5, 'C'), (3, 21.5, 'C')"),
    ):
        user.writes(f"{year}/stations.db", "")
        with closing(sqlite3.connect(user.directory / year / "stations.db")) as database, database:
            database.execute(f"CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL{column})")
            database.execute(f"INSERT INTO reading VALUES {rows}")
    user.follows(on("python/binoc-sqlite/README.md"))


PLUGIN, SDK = "docs/how-to/write-a-plugin.md", "crates/binoc-sdk/README.md"


@tells(PLUGIN)
@tells(SDK)
def test_a_plugin_is_written(user, tmp_path):
    offer_crates(user, tmp_path)
    site = BUILT / "site"  # the programs that were built, installed
    user.environment |= {"PYTHONPATH": str(site), "PATH": f"{site / 'bin'}{os.pathsep}{user.environment['PATH']}"}

    def written():
        manifest = (user.directory / "Cargo.toml").read_text("utf-8")
        user.writes("Cargo.toml", f"{manifest}\n{pasted(PLUGIN, 'toml')[0]}")
        user.writes("src/lib.rs", pasted(PLUGIN, "rust")[0])

    def compared():
        table(user, "OLD", "1,Ada,1815")
        table(user, "NEW", "1,Ada,1816")

    build, *_, diff = (each.line for each in on(PLUGIN) if each.heading == "3. Build and run it")
    user.follows(on(PLUGIN), {build: written, diff: compared})
    assert user.types(diff) == "1\n"
    assert "count" in user.types("binoc plugins --plugin target/release/libcount.so")

    manifest = user.directory / "Cargo.toml"
    first = manifest.read_text("utf-8")
    shutil.move(user.directory, tmp_path / "first")
    user.directory = tmp_path / "here"
    user.follows(on(SDK))
    assert (user.directory / "Cargo.toml").read_text("utf-8").split() == first.split()


def offer_crates(user, directory: Path) -> None:
    """Let cargo know one registry: what `binoc-sdk` is uploaded as, and what it needs, as this checkout has it."""

    def cargo(*arguments: str) -> str:
        command = ["cargo", *arguments, "--locked", "--offline"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout

    host = re.search(r"host: (.+)", user.types("rustc -vV"))[1]
    told = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", host))
    packages = {each["id"]: each for each in told["packages"]}
    needs = {each["id"]: [other["pkg"] for other in each["deps"]] for each in told["resolve"]["nodes"]}
    (sdk,) = (key for key, each in packages.items() if each["name"] == "binoc-sdk")
    wanted, offered = [sdk], directory / "crates"
    for key in wanted:
        wanted += [each for each in needs[key] if each not in wanted]
        place, name = Path(packages[key]["manifest_path"]).parent, f"{packages[key]['name']}-{packages[key]['version']}"
        if key == sdk:
            cargo(
                "package",
                "--package",
                "binoc-sdk",
                "--no-verify",
                "--allow-dirty",
                "--target-dir",
                str(directory / "sdk"),
            )
            shutil.unpack_archive(directory / "sdk/package" / f"{name}.crate", offered, "gztar", filter="data")
        else:
            shutil.copytree(place, offered / name)
        (offered / name / ".cargo-checksum.json").write_text('{"files": {}}')
    (directory / "cargo").mkdir()
    (directory / "cargo/config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "offered"\n\n[source.offered]\ndirectory = {json.dumps(str(offered))}\n'
    )
    user.environment.pop("CARGO_TARGET_DIR", None)
    # What is tried is the way there, and not how fast the plugin is.
    user.environment |= {"CARGO_HOME": str(directory / "cargo"), "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
