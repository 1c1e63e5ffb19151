"""The fuzz functions of the crates, and the crate that runs them, which is generated and not committed."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The inputs with which a fuzzer begins.
SEEDS = ROOT / "crates/binoc-cli/tests/cases"

_FUNCTION = re.compile(r"^pub fn (\w+)\(data: &\[u8\]\) \{", re.MULTILINE)
_MANIFEST = """\
[package]
name = "binoc-fuzz"
version = "0.0.0"
edition = "2024"
publish = false

[package.metadata]
cargo-fuzz = true

[dependencies]
libfuzzer-sys = "0.4"
"""


@dataclass(frozen=True)
class Target:
    """A fuzz function: a public function of bytes in the module `fuzzing` of a crate."""

    crate: str
    function: str

    @property
    def name(self) -> str:
        """The crate without its prefix, and the function."""
        return f"{self.crate.removeprefix('binoc-')}-{self.function}"


def find_targets() -> list[Target]:
    """Return all fuzz functions, sorted by crate."""
    return [
        Target(path.parts[-3], function)
        for path in sorted(ROOT.glob("crates/*/src/fuzzing.rs"))
        for function in _FUNCTION.findall(path.read_text("utf-8"))
    ]


def write_crate(directory: Path, targets: list[Target]) -> None:
    """Write a crate with one binary for each target. It is a workspace of its own, with the pins of this one."""
    (directory / "fuzz_targets").mkdir(parents=True, exist_ok=True)
    manifest = _MANIFEST
    for crate in sorted({target.crate for target in targets}):
        manifest += f'{crate} = {{ path = "{(ROOT / "crates" / crate).as_posix()}" }}\n'
    for target in targets:
        path = f"fuzz_targets/{target.name}.rs"
        manifest += f'\n[[bin]]\nname = "{target.name}"\npath = "{path}"\ntest = false\ndoc = false\nbench = false\n'
        call = f"{target.crate.replace('-', '_')}::fuzzing::{target.function}(data)"
        (directory / path).write_text(
            f"#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|data: &[u8]| {call});\n", encoding="utf-8"
        )
    # Debug assertions find more; the information about lines makes a report readable.
    manifest += "\n[workspace]\n\n[profile.release]\ndebug = 1\n"
    (directory / "Cargo.toml").write_text(manifest, encoding="utf-8")
    shutil.copyfile(ROOT / "Cargo.lock", directory / "Cargo.lock")
