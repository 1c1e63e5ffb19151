"""Examples of published crates, compiled in a directory that earlier runs have used."""

from __future__ import annotations

import os
from pathlib import Path

from binoc_runbook.dist.example_crate import build
from binoc_runbook.world.processes import Processes

EXAMPLE = '[package]\nname = "demo-plugin"\nversion = "0.4.0"\nedition = "2024"\n\n[lib]\ncrate-type = ["cdylib"]\n'
USE = '#[unsafe(no_mangle)]\npub extern "C" fn length() -> usize {\n    demo_sdk::TEXT.len()\n}\n'
USE += "#[unsafe(no_mangle)]\npub static TEXT: &str = demo_sdk::TEXT;\n"
SDK = '[package]\nname = "demo-sdk"\nversion = "0.4.0"\nedition = "2024"\n'


def write(directory: Path, manifest: str, source: str) -> Path:
    (directory / "src").mkdir(parents=True, exist_ok=True)
    (directory / "Cargo.toml").write_text(manifest, "utf-8")
    (directory / "src/lib.rs").write_text(source, "utf-8")
    return directory


def test_new_content_of_a_registry_under_the_same_version_is_compiled(tmp_path: Path) -> None:
    home, registry, target = tmp_path / "home", tmp_path / "registry", tmp_path / "target"
    home.mkdir()
    source = f'[source.crates-io]\nreplace-with = "local"\n\n[source.local]\ndirectory = "{registry.as_posix()}"\n'
    (home / "config.toml").write_text(source, "utf-8")
    for number, text in enumerate(("first content", "other content")):
        sdk = write(registry / "demo-sdk-0.4.0", SDK, f'pub const TEXT: &str = "{text}";\n')
        for path in (sdk / "Cargo.toml", sdk / "src/lib.rs"):  # cargo packs all files with one time
            os.utime(path, (1_153_704_088, 1_153_704_088))
        (sdk / ".cargo-checksum.json").write_text('{"files": {}}', "utf-8")
        crate = write(tmp_path / f"run-{number}", EXAMPLE, USE)
        processes = Processes(tmp_path, {"CARGO_HOME": str(home), "CARGO_NET_OFFLINE": "true"})
        library = build(processes, crate, ["demo-sdk@=0.4.0"], target, {"demo-sdk"})
        assert isinstance(library, Path), library
        assert text.encode() in library.read_bytes()
