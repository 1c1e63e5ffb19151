"""Tests of the local registries and the identity provider with real clients."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.client
import io
import json
import os
import re
import ssl
import struct
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.servers import crates_token
from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.crate_registry import CrateRegistry
from binoc_runbook.rehearsal.servers.identity import IdentityProvider, JobIdentity
from binoc_runbook.rehearsal.servers.package_index import PackageIndex
from binoc_runbook.rehearsal.servers.server import Request, Response, Server
from binoc_runbook.rehearsal.servers.trusted_publishers import Publisher

pytestmark = pytest.mark.rehearsal

SCRIPTS = Path(sys.executable).parent
RUN = JobIdentity("Example/demo", 7, "publish.yml", "refs/tags/v1.0.0", "5" * 40, environment="pypi-demo")
CRATE_RUN = dataclasses.replace(RUN, environment="crates-io")
PYPI = Publisher("example/demo", 7, "publish.yml", "pypi-demo")
CRATES_IO = Publisher("example/demo", 7, "publish.yml", "crates-io")


@dataclass
class Rehearsed:
    """The local servers, a directory, and functions that run the clients there."""

    directory: Path
    registries: Registries

    @property
    def identity(self) -> IdentityProvider:
        return self.registries.identity

    @property
    def index(self) -> PackageIndex:
        return self.registries.index

    @property
    def crates(self) -> CrateRegistry:
        return self.registries.crates

    def do(self, *command: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        # Clients do not retry, so that faults are reported at once.
        settings = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0", "CARGO_TARGET_DIR": str(self.directory / "target")}
        environment = os.environ | self.registries.environment | settings | extra
        return subprocess.run(
            command,
            cwd=cwd or self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def uv_publish(self, run: JobIdentity | None = RUN) -> tuple[bool, str]:
        """Run the command of the workflow; return whether it succeeded, and its output."""
        variables = self.identity.admit(run) if run else {}
        command = [str(SCRIPTS / "uv"), "publish", "--trusted-publishing", "always"]
        done = self.do(*command, GITHUB_ACTIONS="true", **variables)
        return done.returncode == 0, without_masks(done.stdout + done.stderr)

    def crate_token(self, run: JobIdentity = CRATE_RUN) -> str:
        return crates_token.obtain(self.registries, self.identity.admit(run))

    def exchange(self, jwt: str) -> tuple[int, dict]:
        return send("POST", self.crates.exchange, {"jwt": jwt})

    def cargo_publish(self, token: str, crate: Path) -> tuple[bool, str]:
        command = ["cargo", "publish", "--package", "demo-sdk", "--locked", "--no-verify"]
        done = self.do(*command, cwd=crate, **{crates_token.VARIABLE: token})
        return done.returncode == 0, done.stderr

    def statuses(self, server: Server, path: str) -> list[int]:
        """Return the status of the response to each request of a path."""
        return [entry.status for entry in server.log if entry.path == path]


@pytest.fixture
def rehearsed(tmp_path: Path) -> Iterator[Rehearsed]:
    with open_registries(tmp_path / "clients") as registries:
        yield Rehearsed(tmp_path, registries)
    assert registries.mistakes == []


def send(method: str, url: str, body: dict | bytes | None = None, **headers: str) -> tuple[int, dict]:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


def post(index: PackageIndex, path: str, token: str) -> Response:
    return index.handle(Request("POST", path, {}, Message(), json.dumps({"token": token}).encode()))


def form(fields: dict[str, str], name: str, content: bytes = b"bytes") -> bytes:
    parts = [f'name="{key}"\r\n\r\n{value}'.encode() for key, value in fields.items()]
    parts.append(f'name="content"; filename="{name}"\r\n\r\n'.encode() + content)
    return b"".join(b"--B\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--B--\r\n"


def upload(index: PackageIndex, token: str, body: bytes) -> Response:
    headers = Message()
    headers["Authorization"] = "Basic " + base64.b64encode(f"__token__:{token}".encode()).decode()
    headers["Content-Type"] = "multipart/form-data; boundary=B"
    return index.handle(Request("POST", "/legacy/", {}, headers, body))


def without_masks(text: str) -> str:
    """Return the output without tokens, which uv prints in `::add-mask::` commands if GITHUB_ACTIONS is set."""
    return re.sub(r"::add-mask::.*", "::add-mask::", text)


def wheel(directory: Path, name: str = "demo", version: str = "1.0.0", text: str = "'''Nothing.'''\n") -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    files = {
        f"{name.replace('-', '_')}.py": text,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_urlsafe(content)},{len(content)}" for path, content in files.items()]
    files[f"{stem}.dist-info/RECORD"] = "\n".join([*rows, f"{stem}.dist-info/RECORD,,", ""])
    directory.mkdir(exist_ok=True)
    wheel_path = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel_path, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return wheel_path


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def sdist(directory: Path, name: str = "demo", version: str = "1.0.0") -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    directory.mkdir(exist_ok=True)
    with tarfile.open(directory / f"{stem}.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(f"{stem}/PKG-INFO")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return directory / f"{stem}.tar.gz"


def crate(directory: Path, version: str = "1.0.0") -> Path:
    (directory / "src").mkdir(parents=True, exist_ok=True)
    (directory / "src/lib.rs").write_text("pub fn answer() -> u32 { 42 }\n")
    (directory / "Cargo.toml").write_text(
        f'[package]\nname = "demo-sdk"\nversion = "{version}"\nedition = "2021"\n'
        'description = "Nothing."\nlicense = "MIT"\n\n[features]\nextra = []\n'
    )
    (directory / "Cargo.lock").write_text(f'version = 3\n\n[[package]]\nname = "demo-sdk"\nversion = "{version}"\n')
    return directory


# The package index, with uv and pip


def test_uv_publishes_and_both_installers_install(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    dists = [wheel(rehearsed.directory / "dist"), sdist(rehearsed.directory / "dist")]
    done, output = rehearsed.uv_publish()
    assert done, output
    stored = rehearsed.index.files("demo")
    assert {name: file.content for name, file in stored.items()} == {path.name: path.read_bytes() for path in dists}
    # uv revokes its token; PyPI's tokens also expire.
    assert rehearsed.statuses(rehearsed.index, "/_/oidc/burn-token") == [200]

    for installer in (["uv", "pip", "install", "--python", sys.executable], ["pip", "install"]):
        target = rehearsed.directory / f"installed-by-{installer[0]}"
        command = [str(SCRIPTS / installer[0]), *installer[1:], "--target", str(target), "demo==1.0.0"]
        result = rehearsed.do(*command, **rehearsed.registries.user_environment)
        assert result.returncode == 0, result.stderr
        assert (target / "demo.py").read_text() == "'''Nothing.'''\n"


def test_same_file_is_accepted_again_and_a_different_one_is_refused(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    first = wheel(rehearsed.directory / "dist").read_bytes()
    for _ in range(2):
        done, output = rehearsed.uv_publish()
        assert done, output
    wheel(rehearsed.directory / "dist", text="'''Something else.'''\n")
    done, output = rehearsed.uv_publish()
    assert not done
    assert "File already exists" in output
    assert rehearsed.index.files("demo")["demo-1.0.0-py3-none-any.whl"].content == first


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        ({"environment": "pypi-other"}, "Publisher with matching claims was not found"),
        ({"environment": None}, "Publisher with matching claims was not found"),
        ({"workflow": "other.yml"}, "Publisher with matching claims was not found"),
        ({"called": "called.yml"}, "Publisher with matching claims was not found"),
        ({"owner_id": 8}, "Publisher with matching claims was not found"),
        ({"repository": "Example/fork"}, "Publisher with matching claims was not found"),
        ({"event": "pull_request_target"}, "Publishing from a workflow invoked via 'pull_request_target'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_uv_gets_no_token_for_a_different_job(rehearsed, difference, reason):
    rehearsed.index.add_project("demo", PYPI)
    wheel(rehearsed.directory / "dist")
    done, output = rehearsed.uv_publish(dataclasses.replace(RUN, **difference))
    assert not done
    assert "invalid-publisher" in output or "valid token, but no corresponding publisher" in output
    assert reason in output
    assert rehearsed.index.files("demo") == {}


def test_job_without_id_token_permission_gets_no_identity_token(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish(None)[0]
    with pytest.raises(crates_token.TokenExchangeError, match="id-token: write"):
        crates_token.obtain(rehearsed.registries, {})
    variables = rehearsed.identity.admit(RUN)
    rehearsed.identity.dismiss(RUN)
    with pytest.raises(crates_token.TokenExchangeError):
        crates_token.obtain(rehearsed.registries, variables)
    url = f"{rehearsed.identity.url}/token?audience=pypi"
    assert send("GET", url, Authorization="bearer anything")[0] == 401
    assert rehearsed.statuses(rehearsed.index, "/legacy/") == []


def test_index_does_not_compare_ref_and_event(rehearsed):
    rehearsed.index.add_project("demo", dataclasses.replace(PYPI, environment=None))
    wheel(rehearsed.directory / "dist")
    done, output = rehearsed.uv_publish(dataclasses.replace(RUN, ref="refs/heads/side", event="workflow_run"))
    assert done, output


def test_pending_publisher_creates_only_its_own_project(rehearsed):
    rehearsed.index.add_pending("demo", PYPI)
    with pytest.raises(ValueError, match="already been registered"):
        rehearsed.index.add_pending("another", PYPI)
    wheel(rehearsed.directory / "dist", name="misnamed")
    done, output = rehearsed.uv_publish()
    assert not done
    assert "Non-user identities cannot create new projects" in output
    assert list(rehearsed.index.projects) == ["demo"]

    (rehearsed.directory / "dist/misnamed-1.0.0-py3-none-any.whl").unlink()
    wheel(rehearsed.directory / "dist")
    done, output = rehearsed.uv_publish()
    assert done, output


def test_pending_publisher_expires_after_30_days(rehearsed):
    rehearsed.index.add_pending("demo", PYPI)
    for server in (rehearsed.index, rehearsed.identity):
        server.faults.clock_skew = 30 * 86400 + 1
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish()[0]
    assert rehearsed.index.projects == {}


def test_simple_index_lists_files_with_digests(rehearsed, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", rehearsed.registries.environment["SSL_CERT_FILE"])
    rehearsed.index.add_project("Demo.Name", PYPI)
    dist = wheel(rehearsed.directory / "dist", name="demo-name")
    assert rehearsed.uv_publish()[0]
    status, page = send("GET", f"{rehearsed.index.simple}Demo_Name/")
    assert (status, page["name"], page["versions"]) == (200, "demo-name", ["1.0.0"])
    (file,) = page["files"]
    assert (file["filename"], file["url"].endswith(f"/files/demo-name/{dist.name}")) == (dist.name, True)
    assert file["hashes"] == {"sha256": hashlib.sha256(dist.read_bytes()).hexdigest()}


def test_token_is_valid_only_for_the_projects_of_its_publisher(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.add_project("demo-sqlite", dataclasses.replace(PYPI, environment="pypi-demo-sqlite"))
    wheel(rehearsed.directory / "dist", name="demo-sqlite")
    done, output = rehearsed.uv_publish()
    assert not done
    assert "isn't allowed to upload to project 'demo-sqlite'" in output


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("a second time", "invalid-reuse-token"),
        ("for another audience", "invalid-token"),
        ("too late", "invalid-token"),
        ("too early", "invalid-token"),
        ("from another provider", "invalid-token"),
        ("something else", "invalid-payload"),
    ],
)
def test_invalid_identity_token_is_refused(rehearsed, case, code, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", rehearsed.registries.environment["SSL_CERT_FILE"])
    rehearsed.index.add_project("demo", PYPI)
    token = rehearsed.identity.issue(RUN, "pypi")
    mint = f"{rehearsed.index.url}/_/oidc/mint-token"
    match case:
        case "a second time":
            assert send("POST", f"{rehearsed.index.url}/_/oidc/github/mint-token", {"token": token})[0] == 200
        case "for another audience":
            token = rehearsed.identity.issue(RUN, "crates.io")
        case "too late":
            rehearsed.index.faults.clock_skew = 300 + 31
        case "too early":
            rehearsed.index.faults.clock_skew = -40
        case "from another provider":
            other = IdentityProvider()
            token = other.issue(RUN, "pypi")
            other.close()
        case "something else":
            token = "nothing"
    status, document = send("POST", mint, {"token": token})
    assert (status, [error["code"] for error in document["errors"]]) == (422, [code])


class Claims(JobIdentity):
    """A job with changed claims, which GitHub would not issue."""

    __slots__ = ("changed",)

    @classmethod
    def of(cls, run: JobIdentity, **changed: object) -> Claims:
        job = cls(**dataclasses.asdict(run))
        object.__setattr__(job, "changed", changed)
        return job

    def claims(self) -> dict[str, object]:
        claims = JobIdentity.claims(self) | self.changed
        return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"repository_owner_id": None}, "Missing claim 'repository_owner_id'"),
        ({"event_name": None}, "Missing claim 'event_name'"),
        ({"repository_owner": "another"}, "Publisher with matching claims was not found"),
        (
            {"job_workflow_ref": "Example/demo/.github/workflows/publish.yml@refs/heads/main"},
            "Check failed for required claim 'job_workflow_ref'",
        ),
        (
            {"job_workflow_ref": "another/demo/.github/workflows/publish.yml@refs/tags/v1.0.0"},
            "Check failed for required claim 'job_workflow_ref'",
        ),
        ({"aud": ["pypi"]}, "malformed or invalid token"),
        ({"aud": "testpypi"}, "malformed or invalid token"),
        ({"iss": "https://example.org"}, "unknown trusted publishing issuer"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_index_checks_all_required_claims(rehearsed, changed, reason):
    rehearsed.index.add_project("demo", PYPI)
    token = rehearsed.identity.issue(Claims.of(RUN, **changed), "pypi")
    response = post(rehearsed.index, "/_/oidc/mint-token", token)
    assert response.status == 422
    assert reason in json.loads(response.body)["errors"][0]["description"]
    assert rehearsed.exchange(rehearsed.identity.issue(Claims.of(CRATE_RUN, **changed), "crates.io"))[0] == 400


@pytest.mark.parametrize(
    ("name", "changed", "refusal"),
    [
        ("Demo-1.0.0-py3-none-any.whl", {}, "not normalized"),
        ("demo-1.0.1-py3-none-any.whl", {}, "Version in filename should be '1.0.0'"),
        ("other-1.0.0-py3-none-any.whl", {}, "Start filename for 'demo' with 'other'"),
        ("demo-1.0.0.whl", {}, "Invalid filename"),
        ("demo-1.0.0.tar.gz", {"filetype": "sdist", "sha256_digest": "0" * 64}, "digest supplied does not match"),
        ("demo-1.0.0.zip", {"filetype": "sdist"}, "Only one sdist"),
    ],
)
def test_file_that_does_not_match_its_form_is_refused(rehearsed, name, changed, refusal):
    project = rehearsed.index.add_project("demo", PYPI)
    sdist(rehearsed.directory / "dist")
    assert rehearsed.uv_publish()[0]
    rehearsed.index.faults.token_life = 60
    minted = json.loads(post(rehearsed.index, "/_/oidc/mint-token", rehearsed.identity.issue(RUN, "pypi")).body)
    fields = {":action": "file_upload", "name": "demo", "version": "1.0.0", "filetype": "bdist_wheel", **changed}
    response = upload(rehearsed.index, minted["token"], form(fields, name))
    assert response.status == 400
    assert refusal in response.body.decode()
    assert list(project.files) == ["demo-1.0.0.tar.gz"]


def test_upload_stores_all_bytes_and_a_broken_form_is_refused(rehearsed):
    project = rehearsed.index.add_project("demo", PYPI)
    token = json.loads(post(rehearsed.index, "/_/oidc/mint-token", rehearsed.identity.issue(RUN, "pypi")).body)["token"]
    content = b"\r\n--X\r\n\x00\xff\r\r\n\n" * 10_000
    fields = {":action": "file_upload", "name": "demo", "version": "1.0.0", "filetype": "bdist_wheel"}
    body = form(fields, "demo-1.0.0-py3-none-any.whl", content)
    for broken in (b"", b"--B\r\n", body[:-8], body.replace(b'name="content"', b"")):
        assert upload(rehearsed.index, token, broken).status == 400
    assert project.files == {}
    assert upload(rehearsed.index, token, body).status == 200
    assert [file.content for file in project.files.values()] == [content]


def test_expired_upload_token_is_refused(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.faults.token_life = 0
    wheel(rehearsed.directory / "dist")
    done, output = rehearsed.uv_publish()
    assert not done
    assert "403" in output
    rehearsed.index.faults.token_life = None
    assert rehearsed.uv_publish()[0]


def test_second_upload_succeeds_after_an_error_after_storing(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.faults.errors_after_storing = 1
    wheel(rehearsed.directory / "dist")
    done, output = rehearsed.uv_publish()
    assert not done
    assert "500" in output
    assert len(rehearsed.index.files("demo")) == 1
    done, output = rehearsed.uv_publish()
    assert done, output


def test_publishing_fails_while_the_registries_are_down(rehearsed, tmp_path):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    rehearsed.index.faults.down = True
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish()[0]
    token, package = rehearsed.crate_token(), crate(tmp_path / "demo-sdk")
    rehearsed.crates.faults.down = True
    assert not rehearsed.cargo_publish(token, package)[0]
    rehearsed.index.faults.down = rehearsed.crates.faults.down = False
    assert rehearsed.uv_publish()[0]
    assert rehearsed.cargo_publish(token, package)[0]


# The crate registry, with cargo


def test_cargo_publishes_and_a_consumer_builds_with_the_crate(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO, trustpub_only=True)
    token = rehearsed.crate_token()
    done, output = rehearsed.cargo_publish(token, crate(tmp_path / "demo-sdk"))
    assert done, output
    (release,) = rehearsed.crates.versions("demo_SDK").values()
    packed = next((tmp_path / "target/package").glob("**/demo-sdk-1.0.0.crate"))
    assert release.content == packed.read_bytes()

    consumer = tmp_path / "consumer"
    (consumer / "src").mkdir(parents=True)
    (consumer / "Cargo.toml").write_text('[package]\nname = "consumer"\nversion = "0.1.0"\nedition = "2021"\n')
    (consumer / "src/main.rs").write_text('fn main() { println!("{}", demo_sdk::answer()); }\n')
    for command in (["add", "demo-sdk", "--features", "extra"], ["fetch"], ["run", "--quiet", "--locked"]):
        result = rehearsed.do("cargo", *command, cwd=consumer)
        assert result.returncode == 0, result.stderr
    assert result.stdout == "42\n"
    assert release.sha256 in (consumer / "Cargo.lock").read_text()


def test_version_is_published_only_once(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    package = crate(tmp_path / "demo-sdk")
    assert rehearsed.cargo_publish(rehearsed.crate_token(), package)[0]
    done, output = rehearsed.cargo_publish(rehearsed.crate_token(), package)
    assert not done
    assert "already" in output
    assert len(rehearsed.crates.versions("demo-sdk")) == 1
    # Cargo checks the index before it uploads, so this upload is sent without cargo.
    metadata = b'{"name": "demo_SDK", "vers": "1.0.0+other"}'
    body = struct.pack("<I", len(metadata)) + metadata + struct.pack("<I", 1) + b"x"
    url = f"{rehearsed.crates.url}/api/v1/crates/new"
    status, document = send("PUT", url, body, Authorization=rehearsed.crate_token())
    assert (status, document["errors"]) == (400, [{"detail": "crate version `1.0.0+other` is already uploaded"}])


def test_revoked_and_expired_tokens_are_refused(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    package, token = crate(tmp_path / "demo-sdk"), rehearsed.crate_token()
    crates_token.revoke(rehearsed.registries, token)
    with pytest.raises(crates_token.TokenExchangeError, match="Invalid authentication token"):
        crates_token.revoke(rehearsed.registries, token)
    done, output = rehearsed.cargo_publish(token, package)
    assert not done
    assert "Invalid authentication token" in output
    token = rehearsed.crate_token()
    rehearsed.crates.faults.clock_skew = 1801
    done, output = rehearsed.cargo_publish(token, package)
    assert not done
    assert "Invalid authentication token" in output
    assert rehearsed.crates.versions("demo-sdk") == {}


def test_first_version_needs_a_personal_token_and_later_versions_the_workflow(rehearsed, tmp_path):
    rehearsed.crates.add_crate("unrelated", CRATES_IO)
    package = crate(tmp_path / "demo-sdk")
    done, output = rehearsed.cargo_publish(rehearsed.crate_token(), package)
    assert not done
    assert "Trusted Publishing tokens do not support creating new crates" in output
    personal_token = rehearsed.crates.add_api_token()
    done, output = rehearsed.cargo_publish(personal_token, package)
    assert done, output

    crate(package, version="1.0.1")
    done, output = rehearsed.cargo_publish(rehearsed.crate_token(), package)
    assert not done
    assert "not valid for crate `demo-sdk`" in output
    registered = rehearsed.crates.crates["demo-sdk"]
    registered.publishers, registered.trustpub_only = [CRATES_IO], True
    done, output = rehearsed.cargo_publish(personal_token, package)
    assert not done
    assert "can only be published using Trusted Publishing" in output
    assert rehearsed.cargo_publish(rehearsed.crate_token(), package)[0]


def test_error_after_storing_leaves_the_crate_published(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    rehearsed.crates.faults.errors_after_storing = 1
    package = crate(tmp_path / "demo-sdk")
    assert not rehearsed.cargo_publish(rehearsed.crate_token(), package)[0]
    done, output = rehearsed.cargo_publish(rehearsed.crate_token(), package)
    assert not done
    assert "already" in output
    assert list(rehearsed.crates.versions("demo-sdk")) == ["1.0.0"]


@pytest.mark.parametrize(
    ("difference", "refusal"),
    [
        ({"event": "pull_request_target", "repository": "x/y"}, "does not support the `pull_request_target` event"),
        ({"event": "workflow_run"}, "does not support the `workflow_run` event"),
        ({"repository": "x/y", "owner_id": 8}, "No Trusted Publishing config found for repository `x/y`."),
        ({"owner_id": 8, "workflow": "other.yml"}, "does not match the repository owner ID (8)"),
        ({"workflow": "other.yml", "environment": "other"}, "does not match the workflow filename `other.yml`"),
        ({"environment": "other"}, "does not match the environment `other`"),
        ({"environment": None}, "requires an environment, but the JWT does not specify one"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_exchange_reports_the_first_claim_that_differs(rehearsed, difference, refusal):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    run = dataclasses.replace(CRATE_RUN, **difference)
    status, document = rehearsed.exchange(rehearsed.identity.issue(run, "crates.io"))
    assert status == 400
    assert refusal in document["errors"][0]["detail"]


def test_exchange_compares_the_calling_workflow_and_accepts_a_token_only_once(rehearsed):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    token = rehearsed.identity.issue(dataclasses.replace(CRATE_RUN, called="called.yml"), "crates.io")
    assert rehearsed.exchange(token)[0] == 200
    assert rehearsed.exchange(token) == (400, {"errors": [{"detail": "JWT has already been used"}]})
    for other in ("nothing", rehearsed.identity.issue(CRATE_RUN, "pypi")):
        assert rehearsed.exchange(other) == (400, {"errors": [{"detail": "Failed to decode JWT"}]})


# The base of the servers


def test_clients_trust_the_rehearsal_in_addition_to_the_system(tmp_path):
    system = ssl.create_default_context().get_ca_certs(binary_form=True)
    variables = Authority().client_environment(tmp_path)
    trusted = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"]).get_ca_certs(binary_form=True)
    assert set(trusted) > set(system)
    assert len(set(trusted)) == len(set(system)) + 1


def test_logs_and_repr_of_the_servers_contain_no_tokens(rehearsed):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    variables, token = rehearsed.identity.admit(CRATE_RUN), rehearsed.crate_token()
    secret = variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    status, document = send(
        "GET", f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=pypi", Authorization=f"bearer {secret}"
    )
    assert status == 200
    text = "\n".join(map(str, [*rehearsed.identity.log, *rehearsed.crates.log]))
    text += "".join(repr(vars(server)) for server in (rehearsed.identity, rehearsed.index, rehearsed.crates))
    assert "path='/token', status=200" in text
    assert not any(token in text for token in (secret, token, document["value"]))


def test_request_without_length_or_with_a_large_body_is_refused(rehearsed, monkeypatch):
    monkeypatch.setattr("binoc_runbook.rehearsal.servers.server.LARGEST", 1000)
    # The body is not sent: the server does not read a refused body, and the client might get no response.
    for headers, expected in (({"Content-Length": "1001"}, 413), ({"Transfer-Encoding": "chunked"}, 411)):
        connection = http.client.HTTPConnection(urlsplit(rehearsed.crates.url).netloc, timeout=20)
        connection.putrequest("PUT", "/api/v1/crates/new")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == expected
        connection.close()


def test_silent_client_does_not_delay_closing_a_server():
    import socket

    with IdentityProvider() as server:
        port = int(server.url.rpartition(":")[2])
        silent = socket.create_connection(("127.0.0.1", port), timeout=5)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    server.close()
    silent.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
