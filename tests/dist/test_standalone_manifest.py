"""A member of a workspace, made to stand alone."""

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
def stands(tmp_path):
    def read(plugin: str = PLUGIN, without: str = "demo-sdk"):
        (tmp_path / "crates/plugin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "Cargo.toml").write_text(ROOT)
        (tmp_path / "crates/plugin/Cargo.toml").write_text(plugin)
        return standalone_manifest(tmp_path, "crates/plugin", without)

    return read


def test_what_it_inherits_is_written_out_and_what_lies_beside_it_is_left_out(stands):
    told = tomllib.loads(stands().text)
    assert told["package"] == {"name": "demo-plugin", "version": "0.4.0", "edition": "2024", "publish": False}
    assert told["dependencies"] == {
        "serde": {"version": "1", "features": ["derive", "rc"], "optional": True},
        "csv": {"version": "1.4"},
    }
    assert told["workspace"] == {}
    assert told["lib"] == {"crate-type": ["cdylib"]}
    assert not {"dev-dependencies", "lints"} & told.keys()


def test_a_workspace_is_no_crate(stands):
    with pytest.raises(ValueError, match="is a workspace and no crate"):
        stands(ROOT)


def test_the_dependency_on_the_published_crate_is_asked_for_as_it_was_used(stands):
    assert stands().options == ("--no-default-features", "--features", "extra")
    renamed = PLUGIN.replace("demo-sdk = {", 'sdk = { package = "demo-sdk",').replace("workspace = true, ", "", 1)
    assert stands(renamed).options == ("--rename", "sdk", "--features", "extra")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('csv = "1.4"', 'demo-core = { path = "../demo-core" }', "depends on `demo-core`, which lies beside it"),
        ("demo-sdk = { workspace = true, ", 'other = { version = "1", ', "does not depend on `demo-sdk`"),
    ],
)
def test_a_crate_that_cannot_stand_alone_says_why(stands, old, new, why):
    with pytest.raises(ValueError, match=why):
        stands(PLUGIN.replace(old, new))
