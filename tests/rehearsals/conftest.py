"""Fixtures: a small workspace with a publish workflow like ours, which a rehearsal publishes in about 5 seconds."""

from __future__ import annotations

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

from binoc_runbook.rehearsal.publish import Publication, open_publication
from binoc_runbook.rehearsal.runner import WorkflowRun
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

#: The platform tag of wheels that this machine can install; equal on most machines, as messages contain it.
PLATFORM = next(
    tag for tag in ("manylinux_2_17_x86_64", *platform_tags()) if tag in set(platform_tags()) and tag[:6] != "linux_"
)

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
SETUP_UV = "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1"
CRATES_AUTH = "rust-lang/crates-io-auth-action@c6f97d42243bad5fab37ca0427f495c86d5b1a18 # v1.0.5"


def _upload_step(name: str, path: str) -> str:
    return f"""\
      - uses: {UPLOAD}
        with:
          name: {name}
          path: {path}
          if-no-files-found: error
"""


def _check_job(name: str, needs: str, *steps: str, condition: str = "") -> str:
    job = f"  {name}:\n{f'    needs: {needs}{chr(10)}' if needs else ''}{condition}"
    return f"""\
{job}    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: {CHECKOUT}
        with:
          persist-credentials: false
{"".join(steps)}"""


def _download_step(key: str, value: str, merged: bool = True) -> str:
    merge = "          merge-multiple: true\n" if merged else ""
    return f"      - uses: {DOWNLOAD}\n        with:\n          {key}: '{value}'\n          path: dist\n{merge}"


def _publish_job(artifact: str, environment: str, *steps: str) -> str:
    tagged = "startsWith(github.ref, 'refs/tags/v')"
    return f"""\
  publish-{artifact}:
    needs: [check-dists, verify-crate]
    if: {tagged} && (github.event_name == 'push' || inputs.artifact == '{artifact}')
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    environment: {environment}
    permissions:
      id-token: write
    steps:
{"".join(steps)}"""


_UV = f"""\
      - uses: {SETUP_UV}
        with:
          enable-cache: false
      - run: uv publish --trusted-publishing always
"""
_CARGO = f"""\
      - uses: {CHECKOUT}
        with:
          persist-credentials: false
      - id: auth
        uses: {CRATES_AUTH}
      - run: cargo publish -p demo-sdk --locked --no-verify
        env:
          CARGO_REGISTRY_TOKEN: ${{{{ steps.auth.outputs.token }}}}
"""

WORKFLOW = """\
name: publish
on:
  push:
    tags: ["v*"]
  workflow_dispatch:
    inputs:
      artifact:
        type: choice
        required: true
        default: nothing
        options: [nothing, demo, demo-extra, demo-sdk]
permissions: {}
cache-mode: none
env:
  RUSTUP_TOOLCHAIN: 1.95.0
concurrency:
  group: publish-${{ github.ref }}
  cancel-in-progress: false
jobs:
""" + "".join(
    [
        _check_job(
            "build",
            "",
            '      - run: ./just check-tag "$GITHUB_REF"\n',
            "      - run: ./just build\n",
            _upload_step("demo.dist", "dist/demo-0*"),
            _upload_step("demo-extra.dist", "dist/demo_extra-*"),
            _upload_step("demo-sdk.dist", "dist/demo-sdk-*"),
        ),
        _check_job(
            "check-dists",
            "build",
            _download_step("pattern", "demo*.*"),
            "      - run: ./just sums\n",
            "      - run: ./just check-dists --platforms all\n",
            _upload_step("sums", "dist/SHA256SUMS"),
        ),
        _check_job(
            "verify-crate",
            "build",
            _download_step("name", "demo-sdk.dist", merged=False),
            "      - run: ./just verify-crate\n",
        ),
        _publish_job("demo", "pypi-demo", _download_step("pattern", "demo.*"), _UV),
        _publish_job("demo-extra", "pypi-demo-extra", _download_step("pattern", "demo-extra.*"), _UV),
        _publish_job("demo-sdk", "crates-io", _CARGO),
        _check_job(
            "verify-published",
            "[check-dists, publish-demo, publish-demo-extra, publish-demo-sdk]",
            _download_step("name", "sums", merged=False),
            "      - run: ./just verify --sums dist/SHA256SUMS\n",
            condition="    if: ${{ !cancelled() && startsWith(github.ref, 'refs/tags/v') "
            "&& needs.check-dists.result == 'success' }}\n",
        ),
    ]
)

#: A fast replacement for maturin: it writes sdists of the commit, and wheels with a real library of the stable ABI.
#: `DEMO_BUILD` lists the errors to make.
BUILD = """\
import base64, gzip, hashlib, io, json, os, pathlib, re, shutil, subprocess, tarfile, zipfile

VERSION = re.search('^version = "(.+)"', pathlib.Path("Cargo.toml").read_text(), re.MULTILINE)[1]
PLATFORM = re.search('platforms = \\\\["(.+)"\\\\]', pathlib.Path("pyproject.toml").read_text())[1]
WRONG = os.environ.get("DEMO_BUILD", "")
SOURCE = "extern void *PyModuleDef_Init(void *); void *PyInit__native(void) { return PyModuleDef_Init(0); }"
dist, work = pathlib.Path("dist"), pathlib.Path("target/demo")
dist.mkdir()
work.mkdir(parents=True, exist_ok=True)
(work / "native.c").write_text(SOURCE)
library = "native.so"
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
    sdist(dist / f"{root}.tar.gz", root, pathlib.Path("python") / name, about)
    tag = f"cp310-abi3-{PLATFORM}"
    if not (name == "demo" and "missing" in WRONG):
        wheel_tag = "cp312-cp312" if name == "demo-extra" and "false-tag" in WRONG else "cp310-abi3"
        wheel(dist / f"{root}-{wheel_tag}-{PLATFORM}.whl", f"{root}.dist-info", about, tag)
    if name == "demo" and "extra" in WRONG:
        wheel(dist / f"{root}-cp310-abi3-win_amd64.whl", f"{root}.dist-info", about, "cp310-abi3-win_amd64")
subprocess.run(["cargo", "package", "-p", "demo-sdk", "--locked", "--no-verify"], check=True)
crate = pathlib.Path(os.environ["CARGO_TARGET_DIR"]) / "package" / f"demo-sdk-{VERSION}.crate"
shutil.copy(crate, dist)
"""

#: With `DEMO_CHECK=true` the checks are replaced by the program `true`, which saves time in tests of other parts.
JUSTFILE = """\
set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

check := env("DEMO_CHECK", "binoc-runbook")

check-tag ref:
    @binoc-runbook check-tag "$@"

build:
    @python build.py

sums:
    @binoc-runbook sums

check-dists *arguments:
    @{{ check }} check --dists dist "$@"

verify-crate *arguments:
    @{{ check }} verify-crate "$@"

verify *arguments:
    @{{ check }} verify "$@"
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
    + _artifact_table("demo")
    + _artifact_table("demo-extra")
    + '\n[[tool.binoc-runbook.artifacts]]\nname = "demo-sdk"\nregistry = "crates.io"\npath = "crates/demo-sdk"\n'
    'environment = "crates-io"\n',
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [0.4.0] - 2026-11-22\n\n### Added\n\n- Everything.\n",
    ".gitignore": "/target/\n/runs/\n/dist/\n",
    "justfile": JUSTFILE,
    "just": '#!/bin/sh\nexec just "$@"\n',
    "build.py": BUILD,
    ".github/workflows/publish.yml": WORKFLOW,
}

#: Clients do not retry, so that faults are reported at once.
NO_RETRIES = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0"}


#: The tokens of the registries and of the identity provider.
TOKEN = re.compile(r"pypi-[\w-]{40}|cio_tp_|eyJ[\w-]{20}")


@dataclass
class Demo:
    """The workspace with its remote, which has the tag `v0.4.0`; `git` runs git in the workspace."""

    root: Path
    bare: Path
    git: Callable[..., str]
    #: The run that `checked` copies; the first test of a module creates it.
    runs: dict[str, WorkflowRun] = field(default_factory=dict)

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

    def checked(self) -> WorkflowRun:
        """Return a run of `v0.4.0` that has built and checked its dists, but could not reach the registries.

        The registries of this publication are reachable, and have the trusted publishers of the policy.
        """
        self.publication.register_publishers()
        if "checked" not in self.demo.runs:
            runner, registries = self.publication.runner, self.publication.registries
            host = runner.host

            def go_down(line: str) -> None:
                host.on_line(line)
                if line == "job publish-demo":
                    registries.index.faults.down = registries.crates.faults.down = True

            runner.host = dataclasses.replace(host, on_line=go_down)
            run = runner.push("refs/tags/v0.4.0")
            runner.host = host
            registries.index.faults.down = registries.crates.faults.down = False
            assert run is not None
            self.demo.runs["checked"] = run
        first = self.demo.runs["checked"]
        directory = self.publication.runner.directory / "run-checked"
        shutil.copytree(first.directory / "artifacts", directory / "artifacts")
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
    return Demo(root, bare, git, _shared["runs"])


@pytest.fixture
def rehearse(demo: Demo, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts `binoc-runbook rehearse` in the workspace; the fixture checks its temporary directory.

    The checks of the workflow are skipped, unless the environment has another `DEMO_CHECK`.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= {**NO_RETRIES, "TMPDIR": str(temporary), "DEMO_CHECK": "true"}

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
