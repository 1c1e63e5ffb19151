"""Tests of the verification of a release that was published to local registries, with real clients."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.tags import platform_tags

from binoc_runbook.dist.smoke_test import run_smoke_test
from binoc_runbook.finding import Findings, RefusedError
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.servers.package_index import UploadedFile
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.verification import Verification
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World, cargo_index, pip_index

pytestmark = pytest.mark.rehearsal

BIN = Path(sys.executable).parent
RUNBOOK = Path(__file__).parents[2] / "runbooks/verify.ipynb"
VERSION = Version.parse("0.4.0")

#: The platform tag of a wheel that this machine can install.
PLATFORM = next(tag for tag in platform_tags() if not tag.startswith("linux_"))
WHEEL = f"demo-0.4.0-cp310-abi3-{PLATFORM}.whl"

SOURCES = {
    "smoke_test.py": """\
import argparse, ctypes, importlib.metadata
parser = argparse.ArgumentParser()
parser.add_argument("version")
parser.add_argument("--plugin", action="append", default=[])
arguments = parser.parse_args()
assert importlib.metadata.version("demo") == arguments.version
import demo
assert demo.__file__.startswith(__import__("sys").prefix)
(library,) = arguments.plugin
assert ctypes.CDLL(library).answer() == 42, "the plugin returns a wrong value"
""",
    "crates/demo-sdk/src/lib.rs": "pub fn answer() -> u32 {\n    42\n}\n",
    "crates/demo-plugin/Cargo.toml": """\
[package]
name = "demo-plugin"
version.workspace = true
edition.workspace = true
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
demo-sdk = { path = "../demo-sdk", version = "0.4.0" }
""",
    "crates/demo-plugin/src/lib.rs": """\
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> u32 {
    demo_sdk::answer()
}
""",
}


@dataclass
class Reporter:
    """A reporter that keeps all lines; `on_line` is called for each line of a check."""

    lines: list[str] = field(default_factory=list)
    on_line: Callable[[], None] = lambda: None

    def note(self, words: str) -> None:
        self.lines.append(words)

    started = note

    def line(self, text: str) -> None:
        self.lines.append(text)
        self.on_line()

    def result(self, headline: str, findings: Findings) -> None:
        self.lines.append(headline)

    def verified(self, version: Version, names: str) -> None:
        self.lines.append(f"{version}: {names}")


@dataclass
class Published:
    """A small workspace whose version 0.4.0 is tagged, its dists, and the registries."""

    root: Path
    dist: Path
    registries: Registries
    reporter: Reporter
    environment: dict[str, str]

    def release(self) -> None:
        """Publish the dists."""
        for path in self.dist.iterdir():
            if not path.name.endswith(".crate"):
                self.put(path.name, path.read_bytes())
        token = self.registries.crates.add_api_token()
        command = ["cargo", "publish", "--package", "demo-sdk", "--no-verify"]
        done = self.do(*command, CARGO_REGISTRIES_REHEARSAL_TOKEN=token)
        assert done.returncode == 0, done.stderr

    def put(self, name: str, content: bytes) -> None:
        index = self.registries.index
        project = index.projects.get("demo") or index.add_project("demo")
        project.files[name] = UploadedFile(
            name, "0.4.0", "bdist_wheel" if name.endswith(".whl") else "sdist", "", content
        )

    def do(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.environment | extra
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=240, check=False
        )

    @property
    def world(self) -> World:
        return World.real(self.root, self.environment)

    def sums(self) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.dist.iterdir()}

    def verification(self, **options) -> Verification:
        options.setdefault("sums", self.sums())
        target = open_target(self.world, Version.parse("0.4.0"))
        return Verification(target, self.reporter, self.root / "runs", pause=0.01, **options)

    def record(self) -> dict:
        return json.loads((self.root / "runs/verify-0.4.0.json").read_text("utf-8"))


@pytest.fixture
def built(checkout, tmp_path) -> Iterator[Published]:
    for path, text in SOURCES.items():
        checkout.write(path, text)
    checkout.edit(
        "pyproject.toml", 'test = ["git", "--version"]', 'test = ["git"]\nsmoke-test = ["python", "smoke_test.py"]'
    )
    checkout.edit("pyproject.toml", '["manylinux_2_17_x86_64"]', f'["{PLATFORM}"]')
    checkout.edit("pyproject.toml", '"crates-io"', '"crates-io"\nexample = "crates/demo-plugin"')
    with open_registries(tmp_path / "clients") as registries:
        environment = {
            **registries.user_environment,
            # Clients do not retry, so that faults are reported at once.
            "UV_HTTP_RETRIES": "0",
            "CARGO_NET_RETRY": "0",
            "CARGO_TARGET_DIR": str(tmp_path / "target"),
            # An environment takes about 2 seconds, so only one test uses all Pythons.
            "PYENV_ROOT": str(tmp_path / "no-pyenv"),
        }
        workspace = Published(checkout.root, tmp_path / "dist", registries, Reporter(), environment)
        assert workspace.do("cargo", "generate-lockfile", "--offline").returncode == 0
        checkout.commit("Release 0.4.0")
        checkout.git("tag", "-a", "v0.4.0", "-m", "0.4.0", cwd=checkout.root)
        assert workspace.do("cargo", "package", "--package", "demo-sdk", "--no-verify").returncode == 0
        workspace.dist.mkdir()
        shutil.copy(tmp_path / "target/package/demo-sdk-0.4.0.crate", workspace.dist)
        write_wheel(workspace.dist / WHEEL)
        write_sdist(workspace.dist / "demo-0.4.0.tar.gz")
        yield workspace
    assert registries.mistakes == []


@pytest.fixture
def published(built) -> Published:
    built.release()
    return built


def write_wheel(path: Path, text: str = "'''Nothing.'''\n") -> None:
    info = "demo-0.4.0.dist-info"
    files = {
        "demo.py": text,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 0.4.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: cp310-abi3-{PLATFORM}\n",
    }
    digests = {name: hashlib.sha256(content.encode()).digest() for name, content in files.items()}
    rows = [f"{name},sha256={base64.urlsafe_b64encode(sha).decode().rstrip('=')}," for name, sha in digests.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def write_sdist(path: Path) -> None:
    content = b"Metadata-Version: 2.2\nName: demo\nVersion: 0.4.0\n"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("demo-0.4.0/PKG-INFO")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def states(verification: Verification) -> dict[str, str]:
    return {artifact.name: verdict.state for artifact, verdict in verification.verdicts.items()}


# A complete verification


def test_complete_release_is_verified_on_each_python(published):
    del published.environment["PYENV_ROOT"]
    verification = published.verification()
    verification.published()
    verification.provenance()
    verification.smoke_test()
    verification.finish()
    assert states(verification) == {"demo": "published", "demo-sdk": "published"}
    record = published.record()
    assert record["outcome"] == "published"
    results = [(finding["check"], finding["status"]) for finding in record["findings"]]
    assert results[:4] == [("published", "ok"), ("published", "ok"), ("provenance", "unknown"), ("commit", "ok")]
    assert results[4:8] == [
        ("provenance", "unknown"),  # there is no token for GitHub
        ("publisher", "warning"),  # the first version is published with an API token
        ("publisher", "warning"),
        ("github-release", "unknown"),
    ]
    assert set(results[8:]) == {("smoke-test", "ok")}
    assert "libdemo_plugin" in record["findings"][-1]["saw"]
    assert record["artifacts"][1]["commit"] == record["commit"]
    assert str(published.root.parent) not in json.dumps(record)


def test_command_runs_the_notebook_and_prints_the_record(published, tmp_path):
    (published.root / "runbooks").mkdir()
    shutil.copy(RUNBOOK, published.root / "runbooks")
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("".join(f"{digest}  {name}\n" for name, digest in published.sums().items()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [BIN / "binoc-runbook", "verify", "0.4.0", "--sums", sums, "--timeout", "0", "--json"],
        cwd=published.root,
        env=environment | published.environment | {"HOME": os.environ["HOME"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == published.record()
    assert json.loads(done.stdout)["outcome"] == "published"
    notebook = (published.root / "runs/verify-0.4.0.ipynb").read_text("utf-8")
    assert "demo==0.4.0" in notebook
    assert str(tmp_path) not in notebook


# States of the artifacts


def test_artifacts_that_are_not_yet_visible_are_checked_again(built):
    built.reporter.on_line = lambda: built.registries.index.projects or built.release()
    verification = built.verification(timeout=60)
    verification.published()
    assert states(verification) == {"demo": "published", "demo-sdk": "published"}
    assert any("demo, demo-sdk" in line for line in built.reporter.lines)


def test_smoke_test_is_skipped_if_artifacts_are_not_visible_before_the_timeout(built):
    verification = built.verification(timeout=0)
    verification.published()
    verification.provenance()
    verification.smoke_test()
    assert states(verification) == {"demo": "not yet visible", "demo-sdk": "not yet visible"}
    with pytest.raises(RefusedError) as refusal:
        verification.finish()
    looked_at = str([finding.looked_at for finding in refusal.value.findings])
    assert "demo==0.4.0" in looked_at
    assert "demo-sdk@=0.4.0" in looked_at
    assert built.record()["outcome"] == "refused"
    (finding,) = verification.findings["smoke-test"]
    assert (finding.status, "demo, demo-sdk" in finding.saw) == ("unknown", True)


def test_artifact_that_is_not_visible_long_after_the_tag_is_missing(built):
    old = {"GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    assert built.do("git", "tag", "-f", "-a", "v0.4.0", "-m", "0.4.0", "v0.4.0^{}", **old).returncode == 0
    verification = built.verification(timeout=60)
    verification.published()
    assert states(verification) == {"demo": "missing", "demo-sdk": "missing"}


def test_file_with_a_different_digest_differs(published):
    published.put(WHEEL, b"something else")
    verification = published.verification()
    verification.published()
    assert states(verification) == {"demo": "differs", "demo-sdk": "published"}


def test_artifacts_are_unknown_without_checksums(published):
    verification = published.verification(sums={})
    verification.published()
    assert states(verification) == {"demo": "unknown", "demo-sdk": "unknown"}


def test_artifacts_are_unknown_if_the_registries_are_down(published):
    published.registries.index.faults.down = published.registries.crates.faults.down = True
    verification = published.verification()
    verification.published()
    assert states(verification) == {"demo": "unknown", "demo-sdk": "unknown"}
    assert "503" in str(verification.findings["published"])


def test_crate_of_a_different_commit_fails(published):
    assert published.do("git", "tag", "-f", "v0.4.0", "HEAD~1").returncode == 0
    verification = published.verification()
    verification.published()
    verification.provenance()
    (finding,) = verification.findings["provenance"].having("failed")
    assert finding.check == "commit"


def test_verification_with_a_skipped_check_is_refused(published):
    verification = published.verification()
    verification.published()
    with pytest.raises(RefusedError) as refusal:
        verification.finish()
    results = [(finding.check, finding.status) for finding in refusal.value.findings]
    assert results == [("provenance", "failed"), ("smoke-test", "failed")]


def test_verification_without_artifacts_is_refused(built):
    text = (built.root / "pyproject.toml").read_text()
    (built.root / "pyproject.toml").write_text(text.partition("\n[[")[0])
    verification = built.verification()
    for check in (verification.published, verification.provenance, verification.smoke_test):
        check()
    with pytest.raises(RefusedError) as refusal:
        verification.finish()
    assert [(finding.check, finding.status) for finding in refusal.value.findings] == [("published", "unknown")]


def test_lookup_distinguishes_unknown_names_and_unknown_versions(published):
    processes = published.world.processes
    kinds = [
        look_up(processes, name, version).kind
        for look_up, known in (
            (pip_index.look_up_version, "demo"),
            (cargo_index.look_up_version, "demo-sdk"),
        )
        for name, version in ((known, "0.4.0"), (known, "0.4.1"), ("no-such-name", "0.4.0"))
    ]
    assert kinds == ["offered", "no version", "no name"] * 2


def test_setting_to_exclude_new_packages_is_ignored(published):
    published.environment["UV_EXCLUDE_NEWER"] = "2020-01-01"
    assert pip_index.look_up_version(published.world.processes, "demo", "0.4.0").kind == "offered"


# The smoke test of dists, before a release


def smoke_test(built: Published) -> Findings:
    return run_smoke_test(built.world, read_policy(built.root), VERSION, files=built.dist)


def test_smoke_test_of_dists_does_not_use_the_registries(built):
    built.registries.index.faults.down = built.registries.crates.faults.down = True
    findings = smoke_test(built)
    assert findings.status == "ok", str(findings)
    assert all("demo==0.4.0" in finding.saw for finding in findings)


def test_plugin_that_does_not_compile_fails_the_smoke_test(built):
    text = (built.root / "crates/demo-plugin/src/lib.rs").read_text()
    (built.root / "crates/demo-plugin/src/lib.rs").write_text(text.replace("answer()\n}", "question()\n}"))
    (finding,) = smoke_test(built)
    assert finding.status == "failed"
    assert "cannot find function `question` in crate `demo_sdk`" in finding.saw
    assert str(built.root) not in finding.saw


def test_example_that_does_not_use_the_crate_fails(built):
    (built.root / "crates/demo-plugin/Cargo.toml").write_text('[package]\nname = "other"\nversion = "1.0.0"\n')
    (finding,) = smoke_test(built)
    assert (finding.status, "`demo-sdk`" in finding.saw) == ("failed", True)


def test_failed_smoke_test_reports_the_last_output_for_each_python(built):
    write_wheel(built.dist / WHEEL, text="raise RuntimeError('broken when imported')\n")
    findings = smoke_test(built)
    assert {finding.status for finding in findings} == {"failed"}
    assert all("broken when imported" in finding.saw for finding in findings)


def test_wheels_for_other_platforms_are_not_tested(built):
    (built.dist / WHEEL).rename(built.dist / "demo-0.4.0-cp310-abi3-win_arm64.whl")
    (finding,) = smoke_test(built)
    assert (finding.status, "`demo`" in finding.saw) == ("unknown", True)


def test_smoke_test_needs_a_command(built):
    text = (built.root / "pyproject.toml").read_text()
    (built.root / "pyproject.toml").write_text(text.replace('smoke-test = ["python", "smoke_test.py"]\n', ""))
    (finding,) = smoke_test(built)
    assert (finding.status, "`smoke-test`" in finding.remedy) == ("unknown", True)
