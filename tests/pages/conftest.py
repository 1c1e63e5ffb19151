"""A person who does what a page says: in a clone of this repository as it is now, with a bare remote of its own."""

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

from .executed import is_typed_here
from .reading import ROOT, Typed, differs

#: The address on the pages, which leads to the remote of the test.
ADDRESS = "https://github.com/harvard-lil/binoc"


@dataclass
class Person:
    """Types commands in bash, as they stand on a page, and sees what they print."""

    directory: Path
    remote: Path
    environment: dict[str, str]
    #: What the versions on the pages are to be read as: the one of this checkout, and the next ones.
    versions: Mapping[str, str]

    def types(self, line: str, *, ends: int | None = 0) -> str:
        """Type a line, and return all that it prints; `cd` holds for the next one. `ends` is its exit code."""
        where = self.directory.parent / "where"
        done = subprocess.run(
            ["bash", "-c", f'{line}\nended=$?; pwd >"$WHERE"; exit $ended'],
            cwd=self.directory,
            env=self.environment | {"WHERE": str(where)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert ends is None or done.returncode == ends, f"`{line}` ended with {done.returncode}:\n{done.stdout}"
        self.directory = Path(where.read_text("utf-8").rstrip("\n"))
        return done.stdout

    def follows(
        self,
        typed: Iterable[Typed],
        meanwhile: Mapping[str, Callable[[], object]] | None = None,
        ends: Mapping[str, int] | None = None,
    ) -> None:
        """Type what is to be typed here, in its order; `meanwhile` is done before the command that it is named by.

        What the page says that a command prints is compared; `ends` has the exit codes that are not 0.
        """
        left = dict(meanwhile or {})
        here = list(filter(is_typed_here, typed))
        printed = ""
        for each, following in zip(here, [*here[1:], None], strict=True):
            if each.line in left:
                left.pop(each.line)()
            printed += self.types(self.now(each.line), ends=(ends or {}).get(each.line, 0))
            if each.shown and following and following.shown_at == each.shown_at != each.where:
                continue  # what a block prints is shown below it; in a console, below each command
            if each.shown:
                line = differs(self.now(each.shown), printed)
                assert line is None, f"{each.shown_at}: `{each.line}` does not print {line!r} there, but\n{printed}"
            printed = ""
        assert not left, f"no page says {list(left)} any more"

    def now(self, text: str) -> str:
        """A text of a page, about the versions of today."""
        return re.sub("|".join(map(re.escape, self.versions)), lambda found: self.versions[found[0]], text)

    def writes(self, path: str, text: str) -> None:
        (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / path).write_text(text, "utf-8")

    def edits(self, path: str, old: str, new: str) -> None:
        text = (self.directory / path).read_text("utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        (self.directory / path).write_text(text.replace(old, new, 1), "utf-8")


def _versions() -> dict[str, str]:
    now = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]
    core = now.partition("-")[0]
    major, minor, _ = core.split(".")
    following = f"{major}.{int(minor) + 1}"
    # The longest first, as one begins another.
    return {
        "0.4.0-alpha.1": f"{core}-alpha.1",
        "0.4.0": now,
        "0.5.0": f"{following}.0",
        "0.5.1": f"{following}.1",
    }


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody in an empty directory, whose git leads the address of this repository nowhere."""
    home = Path(os.environ["GIT_CONFIG_GLOBAL"])
    home.write_text("[user]\nname = Rosa Release\nemail = rosa@example.org\n[init]\ndefaultBranch = main\n", "utf-8")
    tools = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= {
        "PATH": f"{tools}{os.pathsep}{environment['PATH']}",
        # The clone would make an environment of its own.
        "BINOC_ENVIRONMENT": sys.prefix,
        # What talks comes in its order with what is printed.
        "PYTHONUNBUFFERED": "1",
        # Nothing is got from anywhere.
        "PIP_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "CARGO_NET_OFFLINE": "true",
    }
    (tmp_path / "here").mkdir()
    return Person(tmp_path / "here", tmp_path / "remote.git", environment, _versions())


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def remote(person: Person, _kept: Path) -> Path:
    """The remote, with two commits: this repository as it lies here."""
    made = _kept / "remote.git"
    if not made.exists():
        sources = _kept / "sources"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (sources / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, sources / name)
        person.types(
            f"cd {sources} && git init -q && git commit -q --allow-empty -m Before"
            f" && git add -A && git commit -q -m Now && git clone -q --bare . {made} && cd {person.directory}"
        )
    shutil.copytree(made, person.remote)
    person.types(f"git config --global url.{person.remote}.insteadOf {ADDRESS}")
    return person.remote


@pytest.fixture
def maintainer(person: Person, remote: Path) -> Person:
    """Somebody in a clone of the repository."""
    person.types(f"git clone -q {ADDRESS} binoc && cd binoc")
    return person
