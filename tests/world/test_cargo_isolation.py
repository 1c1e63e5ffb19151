"""The toolchain and the configuration of cargo for a checkout whose own files it does not read."""

from __future__ import annotations

import os
import tomllib

import pytest

from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.cargo_isolation import outside, toolchain
from binoc_runbook.world.processes import Processes


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return an empty checkout, with two toolchains of rustup and a default one."""
    home = tmp_path / "rustup"
    for name in ("1.90.0-x86_64-unknown-linux-gnu", "linked"):
        (home / "toolchains" / name).mkdir(parents=True)
    (home / "settings.toml").write_text('default_toolchain = "stable-x"\n', "utf-8")
    monkeypatch.setenv("RUSTUP_HOME", str(home))
    monkeypatch.delenv("RUSTUP_TOOLCHAIN", raising=False)
    (tmp_path / "checkout").mkdir()
    return tmp_path / "checkout"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[toolchain]\nchannel = "1.90.0"\n', "1.90.0"),
        ('[toolchain]\nchannel = "linked"\n', "linked"),
        ('[toolchain]\nchannel = "1.90"\n', "stable-x"),
        ('[toolchain]\nchannel = "1.91.0"\n', "stable-x"),  # not installed
        ('[toolchain]\nchannel = "../../checkout"\n', "stable-x"),
        ('[toolchain]\npath = "/srv/toolchain"\n', "stable-x"),
        ('toolchain = "1.90.0"\n', "stable-x"),
        ("[toolchain", "stable-x"),
    ],
)
def test_toolchain_of_the_checkout_is_used_if_it_is_installed(root, text, name):
    (root / "rust-toolchain.toml").write_text(text, "utf-8")
    assert toolchain(Processes(root)) == name


def test_toolchain_of_the_user_precedes(root, tmp_path, monkeypatch):
    (root / "rust-toolchain").write_text("1.90.0\n", "utf-8")
    assert toolchain(Processes(root)) == "1.90.0"
    settings = tmp_path / "rustup/settings.toml"
    settings.write_text(f'[overrides]\n"{tmp_path}" = "override-x"\n', "utf-8")
    assert toolchain(Processes(root)) == "override-x"
    monkeypatch.setenv("RUSTUP_TOOLCHAIN", "given")
    assert toolchain(Processes(root)) == "given"
    monkeypatch.delenv("RUSTUP_TOOLCHAIN")
    settings.unlink()
    (root / "rust-toolchain").unlink()
    assert toolchain(Processes(root)) == "stable"


def test_only_the_sources_of_crates_are_kept(root):
    (root / ".cargo").mkdir()
    (root / ".cargo/config.toml").write_text(
        "[build]\nrustc = 'x'\n[env]\nLD_PRELOAD = 'x'\n"
        "[registry]\ndefault = 'own'\nglobal-credential-providers = ['x']\n"
        "[registries.own]\nindex = 'sparse+https://host.example/'\ncredential-provider = 'x'\n"
        "[source.crates-io]\nreplace-with = 'vendored'\n[source.vendored]\ndirectory = 'vendor'\n",
        "utf-8",
    )
    with outside(Processes(root)) as isolated:
        assert not isolated.root.is_relative_to(root)
        assert tomllib.loads((isolated.root / ".cargo/config.toml").read_text("utf-8")) == {
            "source": {"crates-io": {"replace-with": "vendored"}, "vendored": {"directory": str(root / "vendor")}},
            "registries": {"own": {"index": "sparse+https://host.example/"}},
            "registry": {"default": "own"},
        }
    (root / ".cargo/config.toml").write_text("[build]\nrustc = 'x'\n", "utf-8")
    with outside(Processes(root)) as isolated:
        assert isolated.root.parent == isolated.root


def test_lock_file_is_checked_with_vendored_crates(tmp_path):
    """The crate is in a directory of the checkout, as after `cargo vendor`."""
    files = {
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "vendor"\n',
        "Cargo.toml": '[package]\nname = "a"\nversion = "0.4.0"\nedition = "2021"\n[dependencies]\nb = "1"\n',
        "src/lib.rs": "",
        "vendor/b/Cargo.toml": '[package]\nname = "b"\nversion = "1.0.0"\nedition = "2021"\n',
        "vendor/b/src/lib.rs": "",
        "vendor/b/.cargo-checksum.json": f'{{"files": {{}}, "package": "{"0" * 64}"}}',
        "Cargo.lock": 'version = 4\n\n[[package]]\nname = "a"\nversion = "0.4.0"\ndependencies = [\n "b",\n]\n\n'
        '[[package]]\nname = "b"\nversion = "1.0.0"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\n' + f'checksum = "{"0" * 64}"\n',
    }
    for path, text in files.items():
        os.makedirs(tmp_path / os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        (tmp_path / path).write_text(text, "utf-8")
    assert read_metadata(Processes(tmp_path), "Cargo.toml").lock is None
