"""The standalone manifest of a member of a workspace."""

from __future__ import annotations

import tomllib

import pytest

from binoc_runbook.dist.standalone_manifest import standalone_manifest

ROOT = """\
[workspace]
members = ["crates/*"]

[workspace.package]
version = "0.4.0"
edition = "2024"
license-file = "LICENSE"

[workspace.dependencies]
demo-sdk = { path = "crates/demo-sdk", version = "0.4.0", default-features = false }
serde = { version = "1", features = ["derive"] }
"""
PLUGIN = """\
[package]
name = "demo-plugin"
version.workspace = true
edition.workspace = true
license-file.workspace = true
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
demo-sdk = { workspace = true, features = ["extra"] }
serde = { workspace = true, features = ["rc"], optional = true }
csv = "1.4"

[dev-dependencies]
demo-core = { path = "../demo-core" }

[lints]
workspace = true
"""


@pytest.fixture
def convert(tmp_path):
    def read(plugin: str = PLUGIN, without: str = "demo-sdk"):
        (tmp_path / "crates/plugin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "Cargo.toml").write_text(ROOT)
        (tmp_path / "crates/plugin/Cargo.toml").write_text(plugin)
        return standalone_manifest(tmp_path, "crates/plugin", without)

    return read


def test_inherited_values_are_included_and_path_dependencies_are_not(convert):
    manifest = tomllib.loads(convert().text)
    assert manifest["package"] == {"name": "demo-plugin", "version": "0.4.0", "edition": "2024", "publish": False}
    assert manifest["dependencies"] == {
        "serde": {"version": "1", "features": ["derive", "rc"], "optional": True},
        "csv": {"version": "1.4"},
    }
    assert manifest["workspace"] == {}
    assert manifest["lib"] == {"crate-type": ["cdylib"]}
    assert not {"dev-dependencies", "lints"} & manifest.keys()


def test_workspace_without_a_crate_is_an_error(convert):
    with pytest.raises(ValueError, match="workspace"):
        convert(ROOT)


def test_options_restore_the_dependency_on_the_published_crate(convert):
    assert convert().options == ("--no-default-features", "--features", "extra")
    renamed = PLUGIN.replace("demo-sdk = {", 'sdk = { package = "demo-sdk",').replace("workspace = true, ", "", 1)
    assert convert(renamed).options == ("--rename", "sdk", "--features", "extra")


@pytest.mark.parametrize(
    ("old", "new", "crate"),
    [
        ('csv = "1.4"', 'demo-core = { path = "../demo-core" }', "`demo-core`"),
        ("demo-sdk = { workspace = true, ", 'other = { version = "1", ', "`demo-sdk`"),
    ],
)
def test_crate_that_cannot_be_standalone_is_an_error(convert, old, new, crate):
    with pytest.raises(ValueError, match=crate):
        convert(PLUGIN.replace(old, new))
