"""Fixtures for all tests: an isolated environment, and real git repositories."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.policy import Artifact
from binoc_runbook.version import Version
from binoc_runbook.world import release_lock
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.zizmor import audit_workflow

from .message_files import Messages
from .toolchain import write_programs, write_python

if TYPE_CHECKING:
    from .local_registries import LocalRegistries

# A shell without job control starts background processes with SIGINT ignored, and their child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

Git = Callable[..., str]

# A release depends on the tests, so they use the same examples each time. To generate new examples:
# HYPOTHESIS_PROFILE=explore ./just test-code
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-messages", action="store_true", help="write tests/messages from the tests that run")


#: The file system in memory of Linux, and its smallest free space for a complete run of the tests.
MEMORY, ENOUGH = Path("/dev/shm"), 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    # The tests create and delete hundreds of thousands of files. On ext4, creating a file is slow for some seconds
    # after many were deleted, so that tests with clones take almost twice as long.
    if sys.platform == "linux" and not os.environ.keys() & {"TMPDIR", "PYTEST_XDIST_WORKER"} and _is_suitable(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    config.pluginmanager.register(Messages(), "messages")


def _is_suitable(directory: Path) -> bool:
    """Return whether a directory has space for all tests, and can contain programs."""
    if not os.access(directory, os.W_OK):
        return False
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize >= ENOUGH and not status.f_flag & os.ST_NOEXEC


# Modules and collected tests live until the end, so the garbage collector does not have to look at them.


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def toolchain(pytestconfig: pytest.Config) -> Iterator[None]:
    """Let the tests start the installed Rust toolchain without rustup; see `toolchain`."""
    # The path is the same in each run, because build scripts run again after a change of PATH.
    directory = pytestconfig.cache.mkdir("toolchain")
    write_programs(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(directory), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session", autouse=True)
def audits() -> Iterator[None]:
    """Audit each text of a workflow once: starting zizmor takes longer than starting ten times git."""
    audits: dict[tuple[str | None, str, bytes], Audit] = {}

    def audit(processes: Processes, file: str) -> Audit:
        path = processes.root / file
        if not path.is_file():
            return audit_workflow(processes, file)
        key = processes.find("zizmor"), file, path.read_bytes()
        if key not in audits:
            audits[key] = audit_workflow(processes, file)
        return audits[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("binoc_runbook.stages.workflow.audit_workflow", audit)
        yield


@pytest.fixture(scope="session", autouse=True)
def signing_keys() -> Iterator[None]:
    """Use two keys in turn for all rehearsed identity providers: generating one takes as long as starting Python."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    keys: deque[rsa.RSAPrivateKey] = deque()
    generate = rsa.generate_private_key

    def next_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        keys.append(generate(public_exponent, key_size) if len(keys) < 2 else keys.popleft())
        return keys[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", next_key)
        yield


@pytest.fixture(autouse=True)
def isolated_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the configuration of git, cargo and pip, and the GitHub tokens, of the user from all tests."""
    isolated = isolate(os.environ, tmp_path_factory.mktemp("home"))
    for name in os.environ.keys() - isolated.keys():
        monkeypatch.delenv(name)
    for name, value in isolated.items():
        monkeypatch.setenv(name, value)
    # Since Python 3.13, the global opener keeps the certificate authorities of its first use.
    urllib.request.install_opener(None)


def isolate(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment without the configuration and the tokens of the user, and with another home directory."""
    hidden = ("GIT_", "PIP_CONFIG", "UV_", "CARGO_REGISTR", "BINOC_")
    # Without a token, a release sends no request to GitHub. Without COLUMNS, messages are not wrapped.
    names = {"GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL", "COLUMNS", "FORCE_COLOR"}
    kept = {name: value for name, value in environment.items() if not name.startswith(hidden) and name not in names}
    # Use the installed toolchain; hide only the configuration of the user.
    toolchain = {"RUSTUP_HOME": str(Path.home() / ".rustup"), "CARGO_HOME": str(Path.home() / ".cargo")}
    return (
        toolchain
        | kept
        | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
        }
    )


@pytest.fixture
def without_gitpython(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide GitPython, which jobs that build and check dists do not install."""
    for name in ("git", "gitdb"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(autouse=True)
def no_release_lock() -> Iterator[None]:
    """Unlock the clones of releases that were refused: their processes would have ended."""
    yield
    while release_lock._held:
        release_lock._held.popitem()[1].close()


@pytest.fixture(autouse=True)
def nothing_is_published(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Report that no registry has a version, without a query, in tests that do not use `local_registries`."""
    if not {"local_registries", "unreachable_registries"} & set(request.fixturenames):

        def look_up_versions(processes: object, artifacts: Sequence[Artifact], version: Version) -> object:
            """Return the results of the real queries of empty registries."""
            return {
                artifact: VersionLookup(
                    "no name",
                    f"the crate registry: {artifact.name}@={version}",
                    reason=f"the registry has no crate `{artifact.name}`",
                )
                if artifact.registry == "crates.io"
                else VersionLookup(
                    "no name",
                    f"the package index: {artifact.name}=={version.pep440}",
                    reason=f"the index has no project `{artifact.name}`",
                )
                for artifact in artifacts
            }

        monkeypatch.setattr("binoc_runbook.world.registry_queries.look_up_versions", look_up_versions)


@pytest.fixture(scope="session")
def _python_for_uv(pytestconfig: pytest.Config) -> Path:
    return write_python(pytestconfig.cache.mkdir("toolchain"))


@pytest.fixture
def fast_uv(monkeypatch: pytest.MonkeyPatch, _python_for_uv: Path) -> None:
    """Let uv not start Python before each query; see `toolchain`."""
    monkeypatch.setenv("UV_PYTHON", str(_python_for_uv))


@pytest.fixture
def local_registries(monkeypatch: pytest.MonkeyPatch, fast_uv: None) -> Iterator[LocalRegistries]:
    """Run registries on localhost, and let the clients of this test query them."""
    from .local_registries import LocalRegistries

    with LocalRegistries() as registries:
        for name, value in registries.environment.items():
            monkeypatch.setenv(name, value)
        yield registries


@pytest.fixture
def unreachable_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure registries that no client can reach, so that a test does not query the public ones."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("CARGO_REGISTRY_DEFAULT", "unreachable")
    monkeypatch.setenv("CARGO_REGISTRIES_UNREACHABLE_INDEX", "sparse+http://127.0.0.1:9/")
    monkeypatch.setenv("CARGO_NET_RETRY", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Return a function that runs git, `git("push", "origin", cwd=path)`, and returns its output."""

    def run(*arguments: str, cwd: Path = tmp_path, check: bool = True) -> str:
        return run_git(*arguments, cwd=cwd, check=check)

    return run


def run_git(*arguments: str, cwd: Path, check: bool = True) -> str:
    """Run git with the identity of the tests, and return its output."""
    identity = ["-c", "user.name=Rosa Release", "-c", "user.email=rosa@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@dataclass
class Checkout:
    """A small workspace that is ready for a release, its bare remote, and a function that runs git."""

    root: Path
    remote: Path
    git: Git

    def commit(self, message: str = "A change") -> str:
        """Commit all changes; return the commit."""
        self.git("add", "--all", cwd=self.root)
        self.git("commit", "--quiet", "--allow-empty", "-m", message, cwd=self.root)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD", cwd=self.root)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text("utf-8")
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        self.write(path, text.replace(old, new))

    def remote_refs(self) -> dict[str, str]:
        """Return the refs of the remote by full name; an annotated tag has a second entry for its commit."""
        lines = self.git("ls-remote", str(self.remote), cwd=self.root).splitlines()
        return {name: sha for sha, name in (line.split("\t") for line in lines) if name != "HEAD"}

    def push_from_another_clone(self, path: str = "theirs.txt") -> str:
        """Commit and push from another clone; return the commit."""
        other = self.root.parent / "another-clone"
        self.git("clone", "--quiet", str(self.remote), str(other))
        (other / path).write_text("theirs\n", "utf-8")
        self.git("add", "--all", cwd=other)
        self.git("commit", "--quiet", "-m", "Theirs", cwd=other)
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=other)
        return self.git("rev-parse", "HEAD", cwd=other)


@pytest.fixture(scope="session")
def _checkout_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that `checkout` copies; the first test fills it in its isolated environment."""
    return tmp_path_factory.mktemp("checkout")


@pytest.fixture
def checkout(tmp_path: Path, git: Git, _checkout_template: Path) -> Checkout:
    """Create a checkout with a public crate, a private crate and a distribution, version 0.4.0, and a bare remote."""
    root, remote = tmp_path / "demo", tmp_path / "remote.git"
    if not any(_checkout_template.iterdir()):
        make_checkout(Checkout(_checkout_template / root.name, _checkout_template / remote.name, git))
    for path in (root, remote):
        shutil.copytree(_checkout_template / path.name, path)
    configuration = root / ".git/config"
    text = configuration.read_text("utf-8")
    configuration.write_text(text.replace(f"{_checkout_template}{os.sep}", f"{tmp_path}{os.sep}"), "utf-8")
    git("update-index", "--refresh", cwd=root)  # because the index describes the files before copying
    return Checkout(root, remote, git)


def make_checkout(checkout: Checkout) -> None:
    """Create the workspace of `checkout` and its remote; both directories must not exist."""
    root, remote, git = checkout.root, checkout.remote, checkout.git
    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git("init", "--quiet", "--initial-branch=main", str(root))
    for name, value in (("user.name", "Rosa Release"), ("user.email", "rosa@example.org")):
        git("config", name, value, cwd=root)
    git("remote", "add", "origin", str(remote), cwd=root)
    for path, text in _WORKSPACE.items():
        checkout.write(path, text)
    checkout.commit("A workspace")
    git("push", "--quiet", "origin", "refs/heads/main", cwd=root)
    checkout.commit("The commit to release")
    for repository in (root / ".git", remote):
        for sample in (repository / "hooks").glob("*.sample"):
            sample.unlink()


def demo_workflow() -> str:
    """Return the publish workflow of this repository for the demo, which has two artifacts and one platform."""
    text = (Path(__file__).parents[1] / ".github/workflows/publish.yml").read_text("utf-8")
    text = text.replace(", binoc-sqlite", "").replace(", publish-binoc-sqlite", "")
    text = text.replace("jobs:\n", "env:\n  RUSTUP_TOOLCHAIN: 1.95.0\n\njobs:\n", 1)
    for pattern in (
        r"^  publish-binoc-sqlite:\n(?:(?:   .*)?\n)*",
        r"^      - uses: actions/upload-artifact@.*\n(?:        if: .*\n)?        with:\n"
        r"          name: binoc-sqlite.*\n(?:          .*\n)*",
        r"^      binoc-sqlite: .*\n",
        r"^          (?:# A cross.*\n|- platform: (?!manylinux_2_17_x86_64).*\n(?:            .*\n)*)",
    ):
        text = re.sub(pattern, "", text, flags=re.MULTILINE)
    return text.replace("binoc", "demo")


_WORKSPACE = {
    "Cargo.toml": """\
[workspace]
members = ["crates/*", "python/demo"]
resolver = "3"

[workspace.package]
version = "0.4.0"
edition = "2024"
""",
    "Cargo.lock": """\
# This file is automatically @generated by Cargo.
# It is not intended for manual editing.
version = 4

[[package]]
name = "demo-core"
version = "0.4.0"
dependencies = [
 "demo-sdk",
]

[[package]]
name = "demo-python"
version = "0.4.0"

[[package]]
name = "demo-sdk"
version = "0.4.0"
""",
    "crates/demo-sdk/Cargo.toml": """\
[package]
name = "demo-sdk"
version.workspace = true
edition.workspace = true
description = "What plugins build on."
license = "MIT"
""",
    "crates/demo-sdk/src/lib.rs": "",
    "crates/demo-core/Cargo.toml": """\
[package]
name = "demo-core"
version.workspace = true
edition.workspace = true
publish = false

[dependencies]
demo-sdk = { path = "../demo-sdk", version = "0.4.0" }
""",
    "crates/demo-core/src/lib.rs": "",
    "python/demo/Cargo.toml": """\
[package]
name = "demo-python"
version.workspace = true
edition.workspace = true
publish = false
""",
    "python/demo/src/lib.rs": "",
    "python/demo/pyproject.toml": """\
[build-system]
requires = ["maturin>=1.9"]
build-backend = "maturin"

[project]
name = "demo"
dynamic = ["version"]
""",
    "pyproject.toml": """\
[tool.binoc-runbook]
tag = "v{version}"
branch = ["main", "release/*"]
remote = "origin"
test = ["git", "--version"]
repository = "example/demo"
workflow = "publish.yml"

[[tool.binoc-runbook.artifacts]]
name = "demo"
registry = "pypi"
path = "python/demo"
environment = "pypi-demo"
wheels = "cp310-abi3"
platforms = ["manylinux_2_17_x86_64"]

[[tool.binoc-runbook.artifacts]]
name = "demo-sdk"
registry = "crates.io"
path = "crates/demo-sdk"
environment = "crates-io"
""",
    "CHANGELOG.md": """\
# Changelog

## [Unreleased]

## [0.4.0] - 2026-11-22

### Added

- Everything.
""",
    ".gitignore": "/target/\n/runs/\n",
    "just": "#!/bin/sh\n",
    ".github/workflows/publish.yml": demo_workflow(),
}


@pytest.fixture
def sphinx_build() -> Callable[..., tuple[int, str]]:
    """Return a function that runs `sphinx-build` in this process, which saves about 1 second of imports.

    It returns the exit code and the output. Sites without MyST-NB must set their source suffixes, because MyST-NB
    changes the defaults of Sphinx for all later builds of this process.
    """

    def run(*arguments: str) -> tuple[int, str]:
        from sphinx.cmd.build import build_main

        output = io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            warnings.simplefilter("ignore")  # the filters of pytest would not apply to a separate process
            code = build_main(["-b", "html", *arguments])
        return code, output.getvalue()

    return run


@pytest.fixture(scope="session")
def a_record() -> Callable[..., dict[str, object]]:
    """Return a function that creates the record of a real release, with 1 second for each stage and given changes."""

    def make(version: str = "0.4.0", /, **changes: object) -> dict[str, object]:
        stages = ["tree", "surface", "sync", "workflow", "remote", "tests", "push-branch", "tag", "push-tag"]
        return {
            "schema": 1,
            "version": version,
            "tag": f"v{version}",
            "dry_run": False,
            "world": "real",
            "repository": "example/demo",
            "commit": "c" * 40,
            "outcome": "released",
            "began": "2026-11-22T09:59:50Z",
            "ended": "2026-11-22T10:00:00Z",
            "seconds": 10.0,
            "stages": [{"name": name, "seconds": 1.0} for name in stages],
            "remote_refs": {},
            **changes,
        }

    return make
