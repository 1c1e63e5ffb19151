"""The output of cargo for a directory tree, without changes to the tree, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.processes import Processes

CRATE = '[package]\nname = "a"\nversion = "0.4.0"\nedition = "2021"\n[dependencies]\nserde = "1"\n'

LOCK = """\
version = 4

[[package]]
name = "a"
version = "0.4.0"
dependencies = [
 "b",
]

[[package]]
name = "b"
version = "0.4.0"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Create a crate in a directory with the name of an option, and a configuration with another compiler."""
    root = tmp_path / "tree"
    for path, text in {
        "-x/Cargo.toml": CRATE,
        "-x/src/lib.rs": "",
        ".cargo/config.toml": '[build]\nrustc = "./compiler"\nrustc-wrapper = "./compiler"\n'
        'rustc-workspace-wrapper = "./compiler"\n',
        "compiler": "#!/bin/sh\ntouch was-run\n",
        "locked/Cargo.toml": CRATE.replace("serde", "b").replace('"1"', '{ path = "b" }'),
        "locked/Cargo.lock": LOCK,
        "locked/src/lib.rs": "",
        "locked/b/Cargo.toml": CRATE.replace('"a"', '"b"').partition("[dependencies]")[0],
        "locked/b/src/lib.rs": "",
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


def test_lock_file_is_checked_without_programs_of_the_tree(tree: Path) -> None:
    before = files(tree)
    report = read_metadata(Processes(tree), "locked/Cargo.toml")
    assert (report.error, report.lock) == ("", None)
    assert [package.name for package in report.packages] == ["a"]  # `b` is a dependency, not a member
    assert files(tree) == before


def test_outdated_lock_file_is_not_changed_and_members_are_listed(tree: Path) -> None:
    outdated = LOCK.replace('version = "0.4.0"', 'version = "0.3.0"')
    (tree / "locked/Cargo.lock").write_text(outdated)
    report = read_metadata(Processes(tree), "locked/Cargo.toml")
    assert report.lock is not None
    assert (report.error, report.lock.state) == ("", "outdated")
    assert [package.name for package in report.packages] == ["a"]
    assert (tree / "locked/Cargo.lock").read_text() == outdated
    assert read_metadata(Processes(tree), "locked/Cargo.toml", locked=False).lock is None


@pytest.mark.parametrize("variable", ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"])
def test_wrapper_of_the_environment_does_not_run(variable: str, tree: Path) -> None:
    before = files(tree)
    assert read_metadata(Processes(tree, {variable: str(tree / "compiler")}), "locked/Cargo.toml").lock is None
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


@pytest.mark.parametrize(
    ("message", "state", "remedy"),
    [
        # The second is the text of Cargo 1.84 and older.
        ("error: cannot update the lock file /x/Cargo.lock because --locked was passed", "outdated", "cargo update"),
        ("error: the lock file /x/Cargo.lock needs to be updated but --locked was passed", "outdated", "cargo update"),
        ("error: failed to parse lock file at: /x/Cargo.lock", "invalid", "git checkout"),
        ("error: no matching package\nAs a reminder, you are using offline mode (--offline)", "unknown", "cargo fetch"),
        ("error: failed to download `serde v1.0.0`", "unknown", "cargo fetch --locked"),
        ("error: could not execute process `rustc -vV`", "unknown", "cargo metadata --locked"),
    ],
)
def test_error_about_the_lock_file(
    message: str, state: str, remedy: str, with_script: Callable[[str], Processes], tmp_path: Path
) -> None:
    (tmp_path / "Cargo.lock").touch()
    answer = '{"packages": [], "workspace_root": "/", "workspace_members": []}'
    script = f"case \"$*\" in *--locked*) printf '{message}\\n' >&2; exit 101;; esac; echo '{answer}'"
    report = read_metadata(with_script(script), "Cargo.toml")
    assert report.lock is not None
    assert (report.error, report.lock.state, report.lock.reason) == ("", state, message.partition("\n")[0])
    assert report.lock.remedy.startswith(remedy)


def test_unexpected_output_is_an_error(with_script: Callable[[str], Processes]) -> None:
    report = read_metadata(with_script("echo hello"), "Cargo.toml")
    assert report.error
    assert report.packages == ()
