"""Shells that run the commands of pages, in clones of the current state of this repository with a bare remote."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..local_registries import LocalRegistries
from .reading import ROOT, Command, first_difference
from .stories import runs_in_story

#: The address on the pages; git reads it as the remote of the test.
ADDRESS = "https://github.com/harvard-lil/binoc"


@dataclass
class Shell:
    """Bash that runs commands as they are written on a page."""

    directory: Path
    remote: Path
    environment: dict[str, str]
    #: The versions on the pages, and those that replace them: the version of this checkout, and the next ones.
    versions: Mapping[str, str]
    registries: LocalRegistries

    def run(self, line: str, *, code: int | None = 0) -> str:
        """Run a line and return its output; `code` is the expected exit code. `cd` affects the next line."""
        directory = self.directory.parent / "directory"
        done = subprocess.run(
            ["bash", "-c", f'{line}\ncode=$?; pwd >"$DIRECTORY"; exit $code'],
            cwd=self.directory,
            env=self.environment | {"DIRECTORY": str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert code is None or done.returncode == code, f"`{line}` exited with {done.returncode}:\n{done.stdout}"
        self.directory = Path(directory.read_text("utf-8").rstrip("\n"))
        return done.stdout

    def follow(
        self,
        commands: Iterable[Command],
        before: Mapping[str, Callable[[], object]] | None = None,
        codes: Mapping[str, int] | None = None,
    ) -> None:
        """Run the commands of a story and compare their output with the documented one.

        `before` has a function to call before a command, `codes` the exit codes that are not 0; both by command.
        """
        remaining = dict(before or {})
        story = list(filter(runs_in_story, commands))
        output = ""
        for command, following in zip(story, [*story[1:], None], strict=True):
            if command.line in remaining:
                remaining.pop(command.line)()
            output += self.run(self.current(command.line), code=(codes or {}).get(command.line, 0))
            if command.output and following and following.output_place == command.output_place != command.place:
                continue  # the documented output of a block follows its last command
            if command.output:
                line = first_difference(self.current(command.output), output)
                problem = f"{command.output_place}: `{command.line}` does not print {line!r} there, but\n{output}"
                assert line is None, problem
            output = ""
        assert not remaining, f"not on the page: {list(remaining)}"

    def current(self, text: str) -> str:
        """Return a text of a page with current versions."""
        return re.sub("|".join(map(re.escape, self.versions)), lambda match: self.versions[match[0]], text)

    def write(self, path: str, text: str) -> None:
        (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / path).write_text(text, "utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.directory / path).read_text("utf-8")
        assert old in text, f"{path} does not contain {old!r}"
        (self.directory / path).write_text(text.replace(old, new, 1), "utf-8")


def _versions() -> dict[str, str]:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]
    core = version.partition("-")[0]
    major, minor, _ = core.split(".")
    following = f"{major}.{int(minor) + 1}"
    # Longer versions first: some start with another one.
    return {
        "0.4.0-alpha.1": f"{core}-alpha.1",
        "0.4.0": version,
        "0.5.0": f"{following}.0",
        "0.5.1": f"{following}.1",
    }


@pytest.fixture
def shell(tmp_path: Path, local_registries: LocalRegistries) -> Shell:
    """Return a shell in an empty directory, without network and with empty registries."""
    home = Path(os.environ["GIT_CONFIG_GLOBAL"])
    home.write_text("[user]\nname = Rosa Release\nemail = rosa@example.org\n[init]\ndefaultBranch = main\n", "utf-8")
    tools = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= {
        "PATH": f"{tools}{os.pathsep}{environment['PATH']}",
        # A clone would create its own environment.
        "BINOC_ENVIRONMENT": sys.prefix,
        # Standard error and standard output stay in order.
        "PYTHONUNBUFFERED": "1",
        # No downloads.
        "PIP_NO_INDEX": "1",
        "CARGO_NET_OFFLINE": "true",
    }
    (tmp_path / "here").mkdir()
    return Shell(tmp_path / "here", tmp_path / "remote.git", environment, _versions(), local_registries)


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def remote(shell: Shell, _shared: Path) -> Path:
    """Return the remote, with two commits; the last one has the current files of this repository."""
    bare = _shared / "remote.git"
    if not bare.exists():
        sources = _shared / "sources"
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listing.stdout.split("\0")):
            if (ROOT / name).is_file():
                (sources / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, sources / name)
        shell.run(
            f"cd {sources} && git init -q && git commit -q --allow-empty -m Before"
            f" && git add -A && git commit -q -m Now && git clone -q --bare . {bare} && cd {shell.directory}"
        )
    shutil.copytree(bare, shell.remote)
    shell.run(f"git config --global url.{shell.remote}.insteadOf {ADDRESS}")
    return shell.remote


@pytest.fixture
def maintainer(shell: Shell, remote: Path) -> Shell:
    """Return a shell in a clone of the repository."""
    shell.run(f"git clone -q {ADDRESS} binoc && cd binoc")
    return shell
