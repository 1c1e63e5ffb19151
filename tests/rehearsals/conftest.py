"""A small workspace with a workflow of the shape of ours, which rehearsals publish in a few seconds."""

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

#: A wheel of the stable ABI that any Linux of this machine, or macOS, can install.
PLATFORM = next(tag for tag in platform_tags() if not tag.startswith("linux_"))

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
SETUP_UV = "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1"
CRATES_AUTH = "rust-lang/crates-io-auth-action@c6f97d42243bad5fab37ca0427f495c86d5b1a18 # v1.0.5"


def _handed_on(name: str, path: str) -> str:
    return f"""\
      - uses: {UPLOAD}
        with:
          name: {name}
          path: {path}
          if-no-files-found: error
"""


def _checking(name: str, needs: str, *steps: str, condition: str = "") -> str:
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


def _taken(key: str, value: str, merged: bool = True) -> str:
    merge = "          merge-multiple: true\n" if merged else ""
    return f"      - uses: {DOWNLOAD}\n        with:\n          {key}: '{value}'\n          path: dist\n{merge}"


def _publishing(artifact: str, environment: str, *steps: str) -> str:
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
        _checking(
            "build",
            "",
            '      - run: just check-tag "$GITHUB_REF"\n',
            "      - run: just build\n",
            _handed_on("demo.dist", "dist/demo-0*"),
            _handed_on("demo-extra.dist", "dist/demo_extra-*"),
            _handed_on("demo-sdk.dist", "dist/demo-sdk-*"),
        ),
        _checking(
            "check-dists",
            "build",
            _taken("pattern", "demo*.*"),
            "      - run: just sums\n",
            "      - run: just check-dists --platforms all\n",
            _handed_on("sums", "dist/SHA256SUMS"),
        ),
        _checking(
            "verify-crate", "build", _taken("name", "demo-sdk.dist", merged=False), "      - run: just verify-crate\n"
        ),
        _publishing("demo", "pypi-demo", _taken("pattern", "demo.*"), _UV),
        _publishing("demo-extra", "pypi-demo-extra", _taken("pattern", "demo-extra.*"), _UV),
        _publishing("demo-sdk", "crates-io", _CARGO),
        _checking(
            "verify-published",
            "[check-dists, publish-demo, publish-demo-extra, publish-demo-sdk]",
            _taken("name", "sums", merged=False),
            "      - run: just verify --sums dist/SHA256SUMS\n",
            condition="    if: ${{ !cancelled() && startsWith(github.ref, 'refs/tags/v') "
            "&& needs.check-dists.result == 'success' }}\n",
        ),
    ]
)

#: Makes in a moment what maturin would compile: sdists of the commit, and wheels with a real library of the stable ABI.
#: `DEMO_BUILD` says what goes wrong in it.
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
        files = {each: (source / each).read_bytes() for each in ("pyproject.toml", "LICENSE", "README.md")}
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
        told = "cp312-cp312" if name == "demo-extra" and "false-tag" in WRONG else "cp310-abi3"
        wheel(dist / f"{root}-{told}-{PLATFORM}.whl", f"{root}.dist-info", about, tag)
    if name == "demo" and "extra" in WRONG:
        wheel(dist / f"{root}-cp310-abi3-win_amd64.whl", f"{root}.dist-info", about, "cp310-abi3-win_amd64")
subprocess.run(["cargo", "package", "-p", "demo-sdk", "--locked", "--no-verify"], check=True)
made = pathlib.Path(os.environ["CARGO_TARGET_DIR"]) / "package" / f"demo-sdk-{VERSION}.crate"
shutil.copy(made, dist)
"""

#: With `DEMO_ASKS=true` nobody asks anything, which saves the time of the questions where they are not what is tested.
JUSTFILE = """\
set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

ask := env("DEMO_ASKS", "binoc-runbook")

check-tag ref:
    @binoc-runbook check-tag "$@"

build:
    @python build.py

sums:
    @binoc-runbook sums

check-dists *arguments:
    @{{ ask }} check --dists dist "$@"

verify-crate *arguments:
    @{{ ask }} verify-crate "$@"

verify *arguments:
    @{{ ask }} verify "$@"
"""


def _distribution(name: str) -> dict[str, str]:
    place = f"python/{name}"
    return {
        f"{place}/Cargo.toml": f'[package]\nname = "{name}-python"\nversion.workspace = true\n'
        "edition.workspace = true\npublish = false\n",
        f"{place}/src/lib.rs": "",
        f"{place}/pyproject.toml": '[build-system]\nrequires = ["maturin>=1.9"]\nbuild-backend = "maturin"\n\n'
        f'[project]\nname = "{name}"\ndynamic = ["version"]\n',
        f"{place}/LICENSE": "MIT\n",
        f"{place}/README.md": "A demonstration.\n",
    }


def _promised(name: str) -> str:
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
        f'\n[[package]]\nname = "{each}"\nversion = "0.4.0"\n'
        for each in ("demo-extra-python", "demo-python", "demo-sdk")
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
    + _promised("demo")
    + _promised("demo-extra")
    + '\n[[tool.binoc-runbook.artifacts]]\nname = "demo-sdk"\nregistry = "crates.io"\npath = "crates/demo-sdk"\n'
    'environment = "crates-io"\n',
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [0.4.0] - 2026-11-22\n\n### Added\n\n- Everything.\n",
    ".gitignore": "/target/\n/runs/\n/dist/\n",
    "justfile": JUSTFILE,
    "build.py": BUILD,
    ".github/workflows/publish.yml": WORKFLOW,
}

#: A fault is to be seen at once, and not after some more attempts of a client.
ONCE = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0"}


#: What the registries and the identity provider give out.
TOKEN = re.compile(r"pypi-[\w-]{40}|cio_tp_|eyJ[\w-]{20}")


@dataclass
class Demo:
    """The workspace with its remote, on which `v0.4.0` is tagged and pushed, and git as a person there types it."""

    root: Path
    bare: Path
    git: Callable[..., str]
    #: The run that `checked` copies; made when the first test asks for it, and kept for all of a file.
    kept: dict[str, WorkflowRun] = field(default_factory=dict)

    def release(self, version: str, *, says: str | None = None) -> str:
        """Push a commit that says a version, and its tag; `says` is another version than the tag's."""
        told = says or version
        for path in ("Cargo.toml", "Cargo.lock"):
            text = (self.root / path).read_text()
            (self.root / path).write_text(text.replace('version = "0.4.0"', f'version = "{told}"'))
        log = (self.root / "CHANGELOG.md").read_text()
        if f"## [{told}]" not in log:
            head = f"## [Unreleased]\n\n## [{told}] - 2026-11-23\n\n- More.\n"
            (self.root / "CHANGELOG.md").write_text(log.replace("## [Unreleased]\n", head))
        self.git("commit", "--quiet", "--allow-empty", "--all", "-m", f"Release {told}", cwd=self.root)
        self.git("tag", "--annotate", "-m", f"v{version}", f"v{version}", cwd=self.root)
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main", f"refs/tags/v{version}", cwd=self.root)
        return f"refs/tags/v{version}"

    def at_remote(self, ref: str) -> str:
        return self.git("rev-parse", f"{ref}^{{commit}}", cwd=self.bare)

    @contextmanager
    def publication(self, version: str = "0.4.0", **environment: str) -> Iterator[Rehearsed]:
        """Registries that know nothing of the workspace yet, and the runner of its workflow."""
        target_directory = {"CARGO_TARGET_DIR": str(self.root.parent / "target")}
        told = {**target_directory, **ONCE, **environment}
        world = dataclasses.replace(World.real(self.root, told), kind="rehearsal")
        shown: list[str] = []
        with open_publication(world, read_policy(world.root), Version.parse(version), shown.append) as opened:
            yield Rehearsed(self, opened, shown)
        assert opened.registries.mistakes == []
        kept = [path.read_text("utf-8") for path in (self.root.parent / "publication").rglob("*.log")]
        assert kept
        assert not TOKEN.search("\n".join([*shown, *kept])), "a token was shown or kept"


@dataclass
class Rehearsed:
    """A publication that has been opened, what it has shown, and what its servers were asked."""

    demo: Demo
    publication: Publication
    shown: list[str]
    _first: dict[str, str] = field(default_factory=dict)

    def checked(self) -> WorkflowRun:
        """A run of `v0.4.0` whose files are built and checked, and whose registries went down before the first upload.

        Those of this publication are others: they answer, and know the publishers of the policy.
        """
        self.publication.trust()
        if "checked" not in self.demo.kept:
            runner, registries = self.publication.runner, self.publication.registries
            host = runner.host

            def go_down(line: str) -> None:
                host.on_line(line)
                if line == "job publish-demo":
                    registries.index.faults.down = registries.crates.faults.down = True

            runner.host = dataclasses.replace(host, on_line=go_down)
            made = runner.push("refs/tags/v0.4.0")
            runner.host = host
            registries.index.faults.down = registries.crates.faults.down = False
            assert made is not None
            self.demo.kept["checked"] = made
        first = self.demo.kept["checked"]
        directory = self.publication.runner.directory / "run-checked"
        shutil.copytree(first.directory / "artifacts", directory / "artifacts")
        store = WorkflowArtifacts(directory / "artifacts", dict(first.workflow_artifacts.attempts))
        return dataclasses.replace(first, directory=directory, workflow_artifacts=store)

    @property
    def said(self) -> str:
        return "\n".join(self.shown)

    def stored(self) -> dict[str, str]:
        """The sha256 of every file at the registries, of every version."""
        registries = self.publication.registries
        files = {each.name: each.sha256 for name in ("demo", "demo-extra") for each in self._files(name)}
        crates = registries.crates.versions("demo-sdk").items()
        return files | {f"demo-sdk-{version}.crate": release.sha256 for version, release in crates}

    def _files(self, name: str):
        return self.publication.registries.index.files(name).values()

    def remember(self) -> dict[str, str]:
        """What is stored now, which no later attempt may replace."""
        now = self.stored()
        assert self._first.items() <= now.items(), "a file that was out was replaced or taken away"
        self._first = now
        return now

    def uploads(self) -> list[int]:
        """How the registries have answered every upload."""
        registries = self.publication.registries
        log = [*registries.index.log, *registries.crates.log]
        return [each.status for each in log if each.path in ("/legacy/", "/api/v1/crates/new")]


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the first test that needs it makes for all of a file, each in the isolated environment of a test."""
    return {"directory": tmp_path_factory.mktemp("made"), "runs": {}}


@pytest.fixture
def _template(_made: dict[str, Any], git: Callable[..., str]) -> Path:
    directory: Path = _made["directory"]
    if "template" not in _made:
        root, bare = directory / "demo", directory / "remote.git"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        git("init", "--quiet", "--initial-branch=main", str(root))
        for path, text in WORKSPACE.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        git("remote", "add", "origin", str(bare), cwd=root)
        git("add", "--all", cwd=root)
        git("commit", "--quiet", "-m", "A workspace", cwd=root)
        git("tag", "--annotate", "-m", "v0.4.0", "v0.4.0", cwd=root)
        git("push", "--quiet", "origin", "HEAD:refs/heads/main", "refs/tags/v0.4.0", cwd=root)
        _made["template"] = True
    return directory


@pytest.fixture
def demo(_template: Path, _made: dict[str, Any], tmp_path: Path, git: Callable[..., str]) -> Demo:
    """A workspace of the test's own."""
    root, bare = tmp_path / "demo", tmp_path / "remote.git"
    for each in (root, bare):
        shutil.copytree(_template / each.name, each)
    git("remote", "set-url", "origin", str(bare), cwd=root)
    return Demo(root, bare, git, _made["runs"])


@pytest.fixture
def rehearse(demo: Demo, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Types `binoc-runbook rehearse` in the workspace; its temporary files go where one sees whether any are left.

    The questions of the workflow are left out, unless the environment says otherwise.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= {**ONCE, "TMPDIR": str(temporary), "DEMO_ASKS": "true"}

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
    assert list(temporary.iterdir()) == [], "something of the rehearsal was left behind"
