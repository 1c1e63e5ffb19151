"""Fixtures: a small workspace with a publish workflow like ours, which a rehearsal publishes in about 5 seconds."""

from __future__ import annotations

import copy
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import platform_tags

from binoc_runbook.checks.workflow.grammar import target_of
from binoc_runbook.rehearsal.publish import Publication, open_publication
from binoc_runbook.rehearsal.runner import WorkflowRun
from binoc_runbook.rehearsal.runner.runner_labels import this_host
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

#: The platform tag of wheels that this machine can install; equal on most machines, as messages contain it.
PLATFORM = next(
    tag for tag in ("manylinux_2_17_x86_64", *platform_tags()) if tag in set(platform_tags()) and tag[:6] != "linux_"
)

ROOT = Path(__file__).parents[2]

#: The hosted runners by the system and machine of this host.
_RUNNERS = {
    ("Linux", "X64"): "ubuntu-24.04",
    ("Linux", "ARM64"): "ubuntu-24.04-arm",
    ("macOS", "X64"): "macos-15-intel",
    ("macOS", "ARM64"): "macos-15",
}


def _workflow() -> str:
    """Return the workflow of this repository for the small workspace."""
    text = (ROOT / ".github/workflows/publish.yml").read_text("utf-8")
    for name, other in (("binoc-sqlite", "demo-extra"), ("binoc_sqlite", "demo_extra"), ("binoc", "demo")):
        text = text.replace(name, other)
    entry = {"platform": PLATFORM, "runner": _RUNNERS[this_host()], "target": target_of(PLATFORM)}
    row = "          - " + "            ".join(f"{key}: {value}\n" for key, value in entry.items())
    text = re.sub(r"(?<=        include:\n)(?: {10}.*\n)+", row, text)
    # The registries show a published file at once.
    return text.replace("manylinux_2_17_x86_64\n", f"{PLATFORM}\n").replace("'60' || '600'", "'0' || '10'")


WORKFLOW = _workflow()

#: A fast replacement for maturin: it writes sdists of the commit, and wheels with a real library of the stable ABI.
#: `LC_DEMO_BUILD` lists the errors to make; jobs inherit only variables such as `LC_*`.
BUILD = """\
import base64, gzip, hashlib, io, json, os, pathlib, re, shutil, subprocess, sys, tarfile, zipfile

VERSION = re.search('^version = "(.+)"', pathlib.Path("Cargo.toml").read_text(), re.MULTILINE)[1]
PLATFORM = re.search('platforms = \\\\["(.+)"\\\\]', pathlib.Path("pyproject.toml").read_text())[1]
WRONG = os.environ.get("LC_DEMO_BUILD", "")
SOURCE = "extern void *PyModuleDef_Init(void *); void *PyInit__native(void) { return PyModuleDef_Init(0); }"
SOURCES = sys.argv[1] == "sources"
dist, work = pathlib.Path("dist"), pathlib.Path("target/demo")
dist.mkdir(exist_ok=True)
work.mkdir(parents=True, exist_ok=True)
library = "native.so"
if not SOURCES:
    (work / "native.c").write_text(SOURCE)
    compile = ["cc", "-shared", "-fPIC", "-nostdlib", "-s", "-Wl,--allow-shlib-undefined", "-o", library, "native.c"]
    subprocess.run(compile, cwd=work, check=True)

def wheel(path, info, about, tag):
    bill = {"bomFormat": "CycloneDX", "metadata": {"component": {"name": "demo", "version": VERSION}},
            "components": [{"name": "libc", "version": "1.0.0"}]}
    package = info.partition("-")[0]
    files = {
        f"{package}/__init__.py": f"NAME = {package!r}\\n".encode(),
        f"{package}/_native.abi3.so": (work / library).read_bytes(),
        f"{info}/METADATA": about,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: false\\nTag: {tag}\\n".encode(),
        f"{info}/licenses/LICENSE": pathlib.Path("LICENSE").read_bytes(),
        f"{info}/sboms/demo.cyclonedx.json": json.dumps(bill).encode(),
    }
    rows = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows += f"{name},sha256={digest},{len(data)}\\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, f"{info}/RECORD": f"{rows}{info}/RECORD,,\\n".encode()}.items():
            archive.writestr(zipfile.ZipInfo(name), data)

def sdist(path, root, source, about):
    with gzip.GzipFile(path, "w", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        files = {name: (source / name).read_bytes() for name in ("pyproject.toml", "LICENSE", "README.md")}
        files |= {"PKG-INFO": about, "Cargo.lock": pathlib.Path("Cargo.lock").read_bytes()}
        for name, data in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

for name in ("demo", "demo-extra"):
    root = f"{name.replace('-', '_')}-{VERSION}"
    about = (
        f"Metadata-Version: 2.4\\nName: {name}\\nVersion: {VERSION}\\nSummary: A demonstration.\\n"
        "License-Expression: MIT\\nLicense-File: LICENSE\\nRequires-Python: >=3.10\\n"
        "Description-Content-Type: text/markdown\\n\\nA demonstration.\\n"
    ).encode()
    if SOURCES:
        sdist(dist / f"{root}.tar.gz", root, pathlib.Path("python") / name, about)
        continue
    tag = f"cp310-abi3-{PLATFORM}"
    if not (name == "demo" and "missing" in WRONG):
        wheel_tag = "cp312-cp312" if name == "demo-extra" and "false-tag" in WRONG else "cp310-abi3"
        wheel(dist / f"{root}-{wheel_tag}-{PLATFORM}.whl", f"{root}.dist-info", about, tag)
    if name == "demo" and "extra" in WRONG:
        wheel(dist / f"{root}-cp310-abi3-win_amd64.whl", f"{root}.dist-info", about, "cp310-abi3-win_amd64")
if SOURCES:
    subprocess.run(["cargo", "package", "-p", "demo-sdk", "--locked", "--no-verify"], check=True)
    crate = pathlib.Path(os.environ["CARGO_TARGET_DIR"]) / "package" / f"demo-sdk-{VERSION}.crate"
    shutil.copy(crate, dist)
files = sorted(path for path in dist.iterdir() if path.name != "SHA256SUMS")
lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\\n" for path in files]
(dist / "SHA256SUMS").write_text("".join(lines))
"""

#: With `LC_DEMO_CHECK=true` the checks are replaced by the program `true`, which saves time in tests of other parts.
#: `LC_DEMO_VERIFY` does the same for the check of published files; without it, the first variable selects both.
JUSTFILE = """\
set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

check := env("LC_DEMO_CHECK", "binoc-runbook")
verify := env("LC_DEMO_VERIFY", check)

check-tag ref:
    @binoc-runbook check-tag "$@"

sources:
    @python build.py sources

wheels platform:
    @python build.py wheels

rust-target target:

sums *options:
    @binoc-runbook sums "$@"

check-dists *arguments:
    @{{ check }} check --dists dist "$@"

verify-crate *arguments:
    @{{ check }} verify-crate "$@"

verify *arguments:
    @{{ verify }} verify "$@"

release-notes *arguments:
    #!/usr/bin/env bash
    if [ "{{ verify }}" != true ]; then exec binoc-runbook release-notes "$@"; fi
    mkdir release
    echo Notes > release/notes.md
    cp dist/SHA256SUMS release
    cd release
    { echo 'digests<<END'; sha256sum SHA256SUMS notes.md; echo END; } >> "$GITHUB_OUTPUT"
    printf '%s\\n' title=v0.4.0 prerelease=false latest=true >> "$GITHUB_OUTPUT"
"""


def _distribution(name: str) -> dict[str, str]:
    directory = f"python/{name}"
    return {
        f"{directory}/Cargo.toml": f'[package]\nname = "{name}-python"\nversion.workspace = true\n'
        "edition.workspace = true\npublish = false\n",
        f"{directory}/src/lib.rs": "",
        f"{directory}/pyproject.toml": '[build-system]\nrequires = ["maturin>=1.9"]\nbuild-backend = "maturin"\n\n'
        f'[project]\nname = "{name}"\ndynamic = ["version"]\n',
        f"{directory}/LICENSE": "MIT\n",
        f"{directory}/README.md": "A demonstration.\n",
    }


def _artifact_table(name: str) -> str:
    return f"""
[[tool.binoc-runbook.artifacts]]
name = "{name}"
registry = "pypi"
path = "python/{name}"
environment = "pypi-{name}"
wheels = "cp310-abi3"
platforms = ["{PLATFORM}"]
"""


WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*", "python/*"]\nresolver = "3"\n\n'
    '[workspace.package]\nversion = "0.4.0"\nedition = "2024"\n',
    "Cargo.lock": "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\n"
    "version = 4\n"
    + "".join(
        f'\n[[package]]\nname = "{package}"\nversion = "0.4.0"\n'
        for package in ("demo-extra-python", "demo-python", "demo-sdk")
    ),
    "crates/demo-sdk/Cargo.toml": '[package]\nname = "demo-sdk"\nversion.workspace = true\nedition.workspace = true\n'
    'description = "What plugins build on."\nlicense = "MIT"\nreadme = "README.md"\n',
    "crates/demo-sdk/src/lib.rs": "pub fn answer() -> u32 {\n    42\n}\n",
    "crates/demo-sdk/LICENSE": "MIT\n",
    "crates/demo-sdk/README.md": "For plugins.\n",
    **_distribution("demo"),
    **_distribution("demo-extra"),
    "LICENSE": "MIT\n",
    "pyproject.toml": '[tool.binoc-runbook]\ntag = "v{version}"\nbranch = ["main"]\nremote = "origin"\n'
    'test = ["git", "--version"]\nrepository = "example/demo"\nworkflow = "publish.yml"\n'
    'smoke-test = ["python", "smoke_test.py"]\n'
    + _artifact_table("demo")
    + _artifact_table("demo-extra")
    + '\n[[tool.binoc-runbook.artifacts]]\nname = "demo-sdk"\nregistry = "crates.io"\npath = "crates/demo-sdk"\n'
    'environment = "crates-io"\n',
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [0.4.0] - 2026-11-22\n\n### Added\n\n- Everything.\n",
    ".gitignore": "/target/\n/runs/\n/dist/\n",
    "justfile": JUSTFILE,
    "just": '#!/bin/sh\nexec just "$@"\n',
    "rust-toolchain.toml": (ROOT / "rust-toolchain.toml").read_text("utf-8"),
    "build.py": BUILD,
    "smoke_test.py": "import demo, demo_extra\n",
    ".github/workflows/publish.yml": WORKFLOW,
}

#: Clients do not retry, so that faults are reported at once. Packages are installed only on the Python of this library.
NO_RETRIES = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0", "PYENV_ROOT": "/nowhere"}


#: The tokens of the registries and of the identity provider.
TOKEN = re.compile(r"pypi-[\w-]{40}|cio_tp_|eyJ[\w-]{20}")


@dataclass
class Demo:
    """The workspace with its remote, which has the tag `v0.4.0`; `git` runs git in the workspace."""

    root: Path
    bare: Path
    git: Callable[..., str]
    #: A directory of all tests of the module.
    shared: Path
    #: The run that `built_run` copies, the same in the API, and its attestations; the first test creates it.
    runs: dict[str, tuple[WorkflowRun, ServedRun, list[dict[str, Any]]]] = field(default_factory=dict)

    def release(self, version: str, *, manifests: str | None = None) -> str:
        """Push a release commit and its tag; `manifests` is the version of the manifests if it is a different one."""
        written = manifests or version
        for path in ("Cargo.toml", "Cargo.lock"):
            text = (self.root / path).read_text()
            (self.root / path).write_text(text.replace('version = "0.4.0"', f'version = "{written}"'))
        log = (self.root / "CHANGELOG.md").read_text()
        if f"## [{written}]" not in log:
            head = f"## [Unreleased]\n\n## [{written}] - 2026-11-23\n\n- More.\n"
            (self.root / "CHANGELOG.md").write_text(log.replace("## [Unreleased]\n", head))
        self.git("commit", "--quiet", "--allow-empty", "--all", "-m", f"Release {written}", cwd=self.root)
        self.git("tag", "--annotate", "-m", f"v{version}", f"v{version}", cwd=self.root)
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main", f"refs/tags/v{version}", cwd=self.root)
        return f"refs/tags/v{version}"

    def remote_commit(self, ref: str) -> str:
        return self.git("rev-parse", f"{ref}^{{commit}}", cwd=self.bare)

    @contextmanager
    def publication(self, version: str = "0.4.0", **environment: str) -> Iterator[Rehearsed]:
        """Open empty registries, and the runner of the workflow; check that no token was printed or logged."""
        target_directory = {"CARGO_TARGET_DIR": str(self.root.parent / "target")}
        variables = {**target_directory, **NO_RETRIES, **environment}
        world = dataclasses.replace(World.real(self.root, variables), kind="rehearsal")
        lines: list[str] = []
        with open_publication(world, read_policy(world.root), Version.parse(version), lines.append) as publication:
            yield Rehearsed(self, publication, lines)
        assert publication.registries.mistakes == []
        logs = [path.read_text("utf-8") for path in (self.root.parent / "publication").rglob("*.log")]
        assert logs
        assert not TOKEN.search("\n".join([*lines, *logs])), "a token was printed or logged"


@dataclass
class Rehearsed:
    """An open publication of the workspace, and the lines that it has printed."""

    demo: Demo
    publication: Publication
    lines: list[str]
    _stored: dict[str, str] = field(default_factory=dict)

    def built_run(self) -> WorkflowRun:
        """Return a run of `v0.4.0` that has built its dists, but could not reach the registries.

        The registries of this publication are reachable, and have the trusted publishers of the policy.
        """
        self.publication.register_publishers()
        runner, registries = self.publication.runner, self.publication.registries
        if "built" not in self.demo.runs:
            host = runner.host

            def go_down(line: str) -> None:
                host.on_line(line)
                if line == "job Publish demo to PyPI":
                    registries.index.faults.down = registries.crates.faults.down = True

            runner.host = dataclasses.replace(host, on_line=go_down)
            with pytest.MonkeyPatch.context() as patch:
                # Other tests check dists.
                patch.setenv("LC_DEMO_CHECK", "true")
                patch.setenv("LC_DEMO_VERIFY", "binoc-runbook")
                run = runner.push("refs/tags/v0.4.0")
            runner.host = host
            registries.index.faults.down = registries.crates.faults.down = False
            assert run is not None
            served = registries.github.runs[run.id]
            for name in ("artifacts", "archives"):
                shutil.copytree(run.directory / name, self.demo.shared / name)
            for artifact in served.artifacts:
                artifact.archive = self.demo.shared / "archives" / artifact.archive.name
            self.demo.runs["built"] = run, served, registries.github.attestations
        first, served, attestations = self.demo.runs["built"]
        registries.github.runs[first.id] = copy.deepcopy(served)
        registries.github.attestations = list(attestations)
        runner._runs = first.id
        directory = self.publication.runner.directory / "run-built"
        shutil.copytree(self.demo.shared / "artifacts", directory / "artifacts")
        store = WorkflowArtifacts(directory / "artifacts", dict(first.workflow_artifacts.attempts))
        return dataclasses.replace(first, directory=directory, workflow_artifacts=store)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def stored(self) -> dict[str, str]:
        """Return the SHA-256 of every file at the registries, of all versions."""
        registries = self.publication.registries
        files = {file.name: file.sha256 for name in ("demo", "demo-extra") for file in self._files(name)}
        crates = registries.crates.versions("demo-sdk").items()
        return files | {f"demo-sdk-{version}.crate": release.sha256 for version, release in crates}

    def _files(self, name: str):
        return self.publication.registries.index.files(name).values()

    def stored_so_far(self) -> dict[str, str]:
        """Return the stored files, after checking that those of the previous call have not changed."""
        stored = self.stored()
        assert self._stored.items() <= stored.items(), "a published file was replaced or removed"
        self._stored = stored
        return stored

    def uploads(self) -> list[int]:
        """Return the status of the response to each upload."""
        registries = self.publication.registries
        log = [*registries.index.log, *registries.crates.log]
        return [entry.status for entry in log if entry.path in ("/legacy/", "/api/v1/crates/new")]


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """State that the tests of a module share; the first test that needs it creates it in its isolated environment."""
    return {"directory": tmp_path_factory.mktemp("shared"), "runs": {}}


@pytest.fixture
def _template(_shared: dict[str, Any], git: Callable[..., str]) -> Path:
    directory: Path = _shared["directory"]
    if "template" not in _shared:
        root, bare = directory / "demo", directory / "remote.git"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        git("init", "--quiet", "--initial-branch=main", str(root))
        for path, text in WORKSPACE.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        (root / "just").chmod(0o755)
        git("remote", "add", "origin", str(bare), cwd=root)
        git("add", "--all", cwd=root)
        git("commit", "--quiet", "-m", "A workspace", cwd=root)
        git("tag", "--annotate", "-m", "v0.4.0", "v0.4.0", cwd=root)
        git("push", "--quiet", "origin", "HEAD:refs/heads/main", "refs/tags/v0.4.0", cwd=root)
        _shared["template"] = True
    return directory


@pytest.fixture
def demo(_template: Path, _shared: dict[str, Any], tmp_path: Path, git: Callable[..., str]) -> Demo:
    """A copy of the workspace and its remote."""
    root, bare = tmp_path / "demo", tmp_path / "remote.git"
    for path in (root, bare):
        shutil.copytree(_template / path.name, path)
    git("remote", "set-url", "origin", str(bare), cwd=root)
    return Demo(root, bare, git, _shared["directory"], _shared["runs"])


@pytest.fixture
def rehearse(demo: Demo, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts `binoc-runbook rehearse` in the workspace; the fixture checks its temporary directory.

    The checks of the workflow are skipped, unless the environment has another `LC_DEMO_CHECK`.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= {**NO_RETRIES, "TMPDIR": str(temporary), "LC_DEMO_CHECK": "true"}

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [Path(sys.executable).parent / "binoc-runbook", "rehearse", "0.4.0", *arguments],
            cwd=demo.root,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    yield start
    assert list(temporary.iterdir()) == [], "the rehearsal has left temporary files"
