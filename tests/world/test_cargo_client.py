"""The output of cargo for a directory tree, without changes to the tree, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.processes import Processes

CRATE = '[package]\nname = "a"\nversion = "0.4.0"\nedition = "2021"\n[dependencies]\nserde = "1"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Create a crate in a directory with the name of an option, and a configuration with another compiler."""
    root = tmp_path / "tree"
    for path, text in {
        "-x/Cargo.toml": CRATE,
        "-x/src/lib.rs": "",
        ".cargo/config.toml": '[build]\nrustc = "./compiler"\nrustc-wrapper = "./compiler"\n',
        "compiler": "#!/bin/sh\ntouch was-run\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "compiler").chmod(0o755)
    return root


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_tree_is_not_changed_and_its_programs_do_not_run(tree: Path) -> None:
    before = files(tree)
    report = read_metadata(Processes(tree), "-x/Cargo.toml")
    assert (report.error, report.root) == ("", str(tree / "-x"))
    (package,) = report.packages
    assert (package.name, package.version, package.publish) == ("a", "0.4.0", None)
    assert package.manifest == str(tree / "-x/Cargo.toml")
    assert files(tree) == before


def test_error_is_one_line_without_colour(tree: Path) -> None:
    (tree / "-x/src/lib.rs").unlink()
    report = read_metadata(Processes(tree, {"CARGO_TERM_COLOR": "always"}), "-x/Cargo.toml")
    assert report.error == f"error: failed to parse manifest at `{tree}/-x/Cargo.toml`"
    assert report.remedy == "cargo metadata --no-deps --manifest-path -x/Cargo.toml"


@pytest.fixture
def with_script(tmp_path: Path) -> Callable[[str], Processes]:
    """Return a function that returns processes with a shell script as `cargo`."""

    def write(script: str) -> Processes:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/cargo").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin/cargo").chmod(0o755)
        return Processes(tmp_path, first=(tmp_path / "bin",))

    return write


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("printf 'warning: old\\nerror: broken\\n\\nCaused by:\\n  rust\\n' >&2; exit 101", "error: broken"),
        ("echo 'no toolchain' >&2; exit 1", "no toolchain"),
        ("exit 3", "exit code 3"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_error_after_warnings_is_reported(script: str, error: str, with_script: Callable[[str], Processes]) -> None:
    report = read_metadata(with_script(script), "Cargo.toml")
    assert (report.error, report.packages) == (error, ())
    assert report.remedy


def test_unexpected_output_is_an_error(with_script: Callable[[str], Processes]) -> None:
    report = read_metadata(with_script("echo hello"), "Cargo.toml")
    assert report.error
    assert report.packages == ()
