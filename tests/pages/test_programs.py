"""Stories of the pages of packages, with programs built from this checkout."""

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

from .reading import ROOT, on, pasted
from .stories import story_of

pytestmark = pytest.mark.rehearsal

BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


@pytest.fixture
def user(shell, tmp_path):
    """Return a shell in which `pip install` uses the built wheels and a directory of the test."""
    if not list((BUILT / "wheels").glob("*.whl")):
        pytest.skip("no wheels were built: ./just build")
    installed = tmp_path / "installed"
    shell.environment |= {
        "PIP_FIND_LINKS": str(BUILT / "wheels"),
        "PIP_TARGET": str(installed),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(installed),
        "PATH": f"{installed / 'bin'}{os.pathsep}{shell.environment['PATH']}",
    }
    return shell


def table(user, directory, *rows):
    user.write(f"{directory}/people.csv", "\n".join(["id,name,born", *rows, ""]))


@story_of("python/binoc/README.md")
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
        user.write(f"{directory}/{name}.csv", f"station_id,value\n7,{value}\n")
    for year, text in (("2025", "one\n"), ("2026", "two\n")):
        user.write(f"{year}/readme.txt", text)
    user.follow(on(page), codes={"binoc diff A B --exit-code -q": 1})
    assert "`station_id`" in user.run("binoc diff A B --key station_id")
    assert "`1` → `2`" in (user.directory / "changes.md").read_text("utf-8")
    (script,) = pasted(page, "python")
    user.write("script.py", script)
    assert user.run("python script.py").rstrip() == user.run("binoc diff 2025 2026").rstrip()


@story_of("docs/index.md")
def test_landing_page(user, remote):
    table(user, "2025", "1,Ada,1815", "2,Grace,1906")
    table(user, "2026", "1,Ada,1815", "2,Grace Hopper,1906", "3,Alan,1912")
    user.follow(on("docs/index.md"))


@story_of("python/binoc-sqlite/README.md")
def test_binoc_sqlite(user):
    for year, column, rows in (
        ("2025", "", "(1, 20.0), (2, 19.0)"),
        ("2026", ", unit TEXT", "(1, 20.0, 'C'), (2, 19.5, 'C'), (3, 21.5, 'C')"),
    ):
        user.write(f"{year}/stations.db", "")
        with closing(sqlite3.connect(user.directory / year / "stations.db")) as database, database:
            database.execute(f"CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL{column})")
            database.execute(f"INSERT INTO reading VALUES {rows}")
    user.follow(on("python/binoc-sqlite/README.md"))


PLUGIN, SDK = "docs/how-to/write-a-plugin.md", "crates/binoc-sdk/README.md"


@story_of(PLUGIN)
@story_of(SDK)
def test_plugin(user, tmp_path):
    offer_crates(user, tmp_path)
    # This registry replaces crates.io, and not a registry of another name.
    del user.environment["CARGO_REGISTRY_DEFAULT"]
    site = BUILT / "site"  # the built programs
    user.environment |= {"PYTHONPATH": str(site), "PATH": f"{site / 'bin'}{os.pathsep}{user.environment['PATH']}"}

    def write_plugin():
        manifest = (user.directory / "Cargo.toml").read_text("utf-8")
        user.write("Cargo.toml", f"{manifest}\n{pasted(PLUGIN, 'toml')[0]}")
        user.write("src/lib.rs", pasted(PLUGIN, "rust")[0])

    def write_tables():
        table(user, "OLD", "1,Ada,1815")
        table(user, "NEW", "1,Ada,1816")

    build, *_, diff = (command.line for command in on(PLUGIN) if command.heading == "3. Build and run it")
    user.follow(on(PLUGIN), {build: write_plugin, diff: write_tables})
    assert user.run(diff) == "1\n"
    assert "count" in user.run("binoc plugins --plugin target/release/libcount.so")

    manifest = user.directory / "Cargo.toml"
    first = manifest.read_text("utf-8")
    shutil.move(user.directory, tmp_path / "first")
    user.directory = tmp_path / "here"
    user.follow(on(SDK))
    assert (user.directory / "Cargo.toml").read_text("utf-8").split() == first.split()


def offer_crates(user, directory: Path) -> None:
    """Configure cargo with a local registry that has the packaged `binoc-sdk` and its dependencies."""

    def cargo(*arguments: str) -> str:
        command = ["cargo", *arguments, "--locked", "--offline"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout

    host = re.search(r"host: (.+)", user.run("rustc -vV"))[1]
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", host))
    packages = {package["id"]: package for package in metadata["packages"]}
    needs = {node["id"]: [item["pkg"] for item in node["deps"]] for node in metadata["resolve"]["nodes"]}
    (sdk,) = (key for key, package in packages.items() if package["name"] == "binoc-sdk")
    wanted, offered = [sdk], directory / "crates"
    for key in wanted:
        wanted += [dependency for dependency in needs[key] if dependency not in wanted]
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
    # Do not optimize: the test is about the instructions, not about speed.
    user.environment |= {"CARGO_HOME": str(directory / "cargo"), "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
