"""Both registries and the identity provider on loopback, asked by the clients that people and workflows use."""

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
    """The servers, a directory, and the clients as they are sent there."""

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
        # A fault is to be seen at once, and not after some more attempts.
        timeout = {"UV_HTTP_RETRIES": "0", "CARGO_NET_RETRY": "0", "CARGO_TARGET_DIR": str(self.directory / "target")}
        environment = os.environ | self.registries.environment | timeout | extra
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
        """The command of the workflow, in a directory with `dist/`; whether it succeeded, and what it said."""
        asked = self.identity.admit(run) if run else {}
        command = [str(SCRIPTS / "uv"), "publish", "--trusted-publishing", "always"]
        done = self.do(*command, GITHUB_ACTIONS="true", **asked)
        return done.returncode == 0, without_masks(done.stdout + done.stderr)

    def crate_token(self, run: JobIdentity = CRATE_RUN) -> str:
        return crates_token.obtain(self.registries, self.identity.admit(run))

    def exchange(self, jwt: str) -> tuple[int, dict]:
        return ask("POST", self.crates.exchange, {"jwt": jwt})

    def cargo_publish(self, token: str, crate: Path) -> tuple[bool, str]:
        command = ["cargo", "publish", "--package", "demo-sdk", "--locked", "--no-verify"]
        done = self.do(*command, cwd=crate, **{crates_token.VARIABLE: token})
        return done.returncode == 0, done.stderr

    def asked(self, server: Server, path: str) -> list[int]:
        return [each.status for each in server.log if each.path == path]


@pytest.fixture
def rehearsed(tmp_path: Path) -> Iterator[Rehearsed]:
    with open_registries(tmp_path / "clients") as registries:
        yield Rehearsed(tmp_path, registries)
    assert registries.mistakes == []


def ask(method: str, url: str, body: dict | bytes | None = None, **headers: str) -> tuple[int, dict]:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
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
    """With GITHUB_ACTIONS uv prints the token in a command for the log; a failing test must not repeat it."""
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
    place = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return place


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


def test_uv_publishes_with_the_token_of_the_run_and_both_installers_get_it(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    made = [wheel(rehearsed.directory / "dist"), sdist(rehearsed.directory / "dist")]
    done, said = rehearsed.uv_publish()
    assert done, said
    stored = rehearsed.index.files("demo")
    assert {name: file.content for name, file in stored.items()} == {path.name: path.read_bytes() for path in made}
    # uv gives its token back; PyPI's tokens end by themselves as well.
    assert rehearsed.asked(rehearsed.index, "/_/oidc/burn-token") == [200]

    for installer in (["uv", "pip", "install", "--python", sys.executable], ["pip", "install"]):
        target = rehearsed.directory / f"installed-by-{installer[0]}"
        command = [str(SCRIPTS / installer[0]), *installer[1:], "--target", str(target), "demo==1.0.0"]
        got = rehearsed.do(*command, **rehearsed.registries.user_environment)
        assert got.returncode == 0, got.stderr
        assert (target / "demo.py").read_text() == "'''Nothing.'''\n"


def test_the_same_bytes_are_accepted_again_and_other_bytes_refused(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    first = wheel(rehearsed.directory / "dist").read_bytes()
    for _ in range(2):
        done, said = rehearsed.uv_publish()
        assert done, said
    wheel(rehearsed.directory / "dist", text="'''Something else.'''\n")
    done, said = rehearsed.uv_publish()
    assert not done
    assert "File already exists" in said
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
def test_uv_gets_no_token_for_another_run(rehearsed, difference, reason):
    rehearsed.index.add_project("demo", PYPI)
    wheel(rehearsed.directory / "dist")
    done, said = rehearsed.uv_publish(dataclasses.replace(RUN, **difference))
    assert not done
    assert "invalid-publisher" in said or "valid token, but no corresponding publisher" in said
    assert reason in said
    assert rehearsed.index.files("demo") == {}


def test_a_job_without_the_permission_cannot_even_ask(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish(None)[0]
    with pytest.raises(crates_token.TokenExchangeError, match="id-token: write"):
        crates_token.obtain(rehearsed.registries, {})
    variables = rehearsed.identity.admit(RUN)
    rehearsed.identity.dismiss(RUN)
    with pytest.raises(crates_token.TokenExchangeError, match="may not ask"):
        crates_token.obtain(rehearsed.registries, variables)
    url = f"{rehearsed.identity.url}/token?audience=pypi"
    assert ask("GET", url, Authorization="bearer anything")[0] == 401
    assert rehearsed.asked(rehearsed.index, "/legacy/") == []


def test_what_the_index_does_not_match_makes_no_difference(rehearsed):
    rehearsed.index.add_project("demo", dataclasses.replace(PYPI, environment=None))
    wheel(rehearsed.directory / "dist")
    done, said = rehearsed.uv_publish(dataclasses.replace(RUN, ref="refs/heads/side", event="workflow_run"))
    assert done, said


def test_a_pending_publisher_makes_its_project_and_no_other(rehearsed):
    rehearsed.index.add_pending("demo", PYPI)
    with pytest.raises(ValueError, match="already been registered"):
        rehearsed.index.add_pending("another", PYPI)
    wheel(rehearsed.directory / "dist", name="misnamed")
    done, said = rehearsed.uv_publish()
    assert not done
    assert "Non-user identities cannot create new projects" in said
    assert list(rehearsed.index.projects) == ["demo"]

    (rehearsed.directory / "dist/misnamed-1.0.0-py3-none-any.whl").unlink()
    wheel(rehearsed.directory / "dist")
    done, said = rehearsed.uv_publish()
    assert done, said


def test_a_pending_publisher_ends_after_thirty_days(rehearsed):
    rehearsed.index.add_pending("demo", PYPI)
    for server in (rehearsed.index, rehearsed.identity):
        server.faults.clock_skew = 30 * 86400 + 1
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish()[0]
    assert rehearsed.index.projects == {}


def test_the_simple_index_names_each_file_with_its_digest(rehearsed, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", rehearsed.registries.environment["SSL_CERT_FILE"])
    rehearsed.index.add_project("Demo.Name", PYPI)
    made = wheel(rehearsed.directory / "dist", name="demo-name")
    assert rehearsed.uv_publish()[0]
    status, page = ask("GET", f"{rehearsed.index.simple}Demo_Name/")
    assert (status, page["name"], page["versions"]) == (200, "demo-name", ["1.0.0"])
    (file,) = page["files"]
    assert (file["filename"], file["url"].endswith(f"/files/demo-name/{made.name}")) == (made.name, True)
    assert file["hashes"] == {"sha256": hashlib.sha256(made.read_bytes()).hexdigest()}


def test_a_token_is_for_the_projects_of_its_publisher_only(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.add_project("demo-sqlite", dataclasses.replace(PYPI, environment="pypi-demo-sqlite"))
    wheel(rehearsed.directory / "dist", name="demo-sqlite")
    done, said = rehearsed.uv_publish()
    assert not done
    assert "isn't allowed to upload to project 'demo-sqlite'" in said


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("a second time", "invalid-reuse-token"),
        ("for another audience", "invalid-token"),
        ("too late", "invalid-token"),
        ("too early", "invalid-token"),
        ("from another provider", "invalid-token"),
        ("something else", "invalid-payload"),
    ],
)
def test_an_identity_token_is_good_once_for_its_audience_and_its_time(rehearsed, what, code, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", rehearsed.registries.environment["SSL_CERT_FILE"])
    rehearsed.index.add_project("demo", PYPI)
    token = rehearsed.identity.issue(RUN, "pypi")
    mint = f"{rehearsed.index.url}/_/oidc/mint-token"
    match what:
        case "a second time":
            assert ask("POST", f"{rehearsed.index.url}/_/oidc/github/mint-token", {"token": token})[0] == 200
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
    status, told = ask("POST", mint, {"token": token})
    assert (status, [error["code"] for error in told["errors"]]) == (422, [code])


class Claims(JobIdentity):
    """A run whose token says something that no run of GitHub's would."""

    __slots__ = ("changed",)

    @classmethod
    def of(cls, run: JobIdentity, **changed: object) -> Claims:
        made = cls(**dataclasses.asdict(run))
        object.__setattr__(made, "changed", changed)
        return made

    def claims(self) -> dict[str, object]:
        claims = JobIdentity.claims(self) | self.changed
        return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"repository_owner_id": None}, "Missing claim 'repository_owner_id'"),
        ({"event_name": None}, "Missing claim 'event_name'"),
        ({"repository_owner": "somebody"}, "Publisher with matching claims was not found"),
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
def test_the_index_reads_every_claim_that_it_must(rehearsed, changed, reason):
    rehearsed.index.add_project("demo", PYPI)
    token = rehearsed.identity.issue(Claims.of(RUN, **changed), "pypi")
    answer = post(rehearsed.index, "/_/oidc/mint-token", token)
    assert answer.status == 422
    assert reason in json.loads(answer.body)["errors"][0]["description"]
    assert rehearsed.exchange(rehearsed.identity.issue(Claims.of(CRATE_RUN, **changed), "crates.io"))[0] == 400


@pytest.mark.parametrize(
    ("named", "told", "refusal"),
    [
        ("Demo-1.0.0-py3-none-any.whl", {}, "not normalized"),
        ("demo-1.0.1-py3-none-any.whl", {}, "Version in filename should be '1.0.0'"),
        ("other-1.0.0-py3-none-any.whl", {}, "Start filename for 'demo' with 'other'"),
        ("demo-1.0.0.whl", {}, "Invalid filename"),
        ("demo-1.0.0.tar.gz", {"filetype": "sdist", "sha256_digest": "0" * 64}, "digest supplied does not match"),
        ("demo-1.0.0.zip", {"filetype": "sdist"}, "Only one sdist"),
    ],
)
def test_the_index_refuses_a_file_that_is_not_what_its_form_says(rehearsed, named, told, refusal):
    project = rehearsed.index.add_project("demo", PYPI)
    sdist(rehearsed.directory / "dist")
    assert rehearsed.uv_publish()[0]
    rehearsed.index.faults.token_life = 60
    minted = json.loads(post(rehearsed.index, "/_/oidc/mint-token", rehearsed.identity.issue(RUN, "pypi")).body)
    fields = {":action": "file_upload", "name": "demo", "version": "1.0.0", "filetype": "bdist_wheel", **told}
    answer = upload(rehearsed.index, minted["token"], form(fields, named))
    assert answer.status == 400
    assert refusal in answer.body.decode()
    assert list(project.files) == ["demo-1.0.0.tar.gz"]


def test_an_upload_keeps_every_byte_of_its_file_and_a_broken_form_is_refused(rehearsed):
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


def test_an_expired_upload_token_is_refused(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.faults.token_life = 0
    wheel(rehearsed.directory / "dist")
    done, said = rehearsed.uv_publish()
    assert not done
    assert "403" in said
    rehearsed.index.faults.token_life = None
    assert rehearsed.uv_publish()[0]


def test_an_error_after_storing_is_mended_by_doing_it_again(rehearsed):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.index.faults.errors_after_storing = 1
    wheel(rehearsed.directory / "dist")
    done, said = rehearsed.uv_publish()
    assert not done
    assert "500" in said
    assert len(rehearsed.index.files("demo")) == 1
    done, said = rehearsed.uv_publish()
    assert done, said


def test_while_the_registries_are_down_nothing_happens_and_afterwards_all_of_it(rehearsed, tmp_path):
    rehearsed.index.add_project("demo", PYPI)
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    rehearsed.index.faults.down = True
    wheel(rehearsed.directory / "dist")
    assert not rehearsed.uv_publish()[0]
    token, made = rehearsed.crate_token(), crate(tmp_path / "demo-sdk")
    rehearsed.crates.faults.down = True
    assert not rehearsed.cargo_publish(token, made)[0]
    rehearsed.index.faults.down = rehearsed.crates.faults.down = False
    assert rehearsed.uv_publish()[0]
    assert rehearsed.cargo_publish(token, made)[0]


# The crate registry, with cargo


def test_cargo_publishes_with_the_token_of_the_run_and_a_consumer_builds_with_it(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO, trustpub_only=True)
    token = rehearsed.crate_token()
    done, said = rehearsed.cargo_publish(token, crate(tmp_path / "demo-sdk"))
    assert done, said
    (release,) = rehearsed.crates.versions("demo_SDK").values()
    packed = next((tmp_path / "target/package").glob("**/demo-sdk-1.0.0.crate"))
    assert release.content == packed.read_bytes()

    consumer = tmp_path / "consumer"
    (consumer / "src").mkdir(parents=True)
    (consumer / "Cargo.toml").write_text('[package]\nname = "consumer"\nversion = "0.1.0"\nedition = "2021"\n')
    (consumer / "src/main.rs").write_text('fn main() { println!("{}", demo_sdk::answer()); }\n')
    for command in (["add", "demo-sdk", "--features", "extra"], ["fetch"], ["run", "--quiet", "--locked"]):
        got = rehearsed.do("cargo", *command, cwd=consumer)
        assert got.returncode == 0, got.stderr
    assert got.stdout == "42\n"
    assert release.sha256 in (consumer / "Cargo.lock").read_text()


def test_a_version_is_published_once(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    made = crate(tmp_path / "demo-sdk")
    assert rehearsed.cargo_publish(rehearsed.crate_token(), made)[0]
    done, said = rehearsed.cargo_publish(rehearsed.crate_token(), made)
    assert not done
    assert "already" in said
    assert len(rehearsed.crates.versions("demo-sdk")) == 1
    # Cargo looks into the index first, so that only who goes around it hears what the registry says.
    told = b'{"name": "demo_SDK", "vers": "1.0.0+other"}'
    body = struct.pack("<I", len(told)) + told + struct.pack("<I", 1) + b"x"
    status, said = ask("PUT", f"{rehearsed.crates.url}/api/v1/crates/new", body, Authorization=rehearsed.crate_token())
    assert (status, said["errors"]) == (400, [{"detail": "crate version `1.0.0+other` is already uploaded"}])


def test_a_revoked_token_and_an_expired_one_are_refused(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    made, token = crate(tmp_path / "demo-sdk"), rehearsed.crate_token()
    crates_token.revoke(rehearsed.registries, token)
    with pytest.raises(crates_token.TokenExchangeError, match="Invalid authentication token"):
        crates_token.revoke(rehearsed.registries, token)
    done, said = rehearsed.cargo_publish(token, made)
    assert not done
    assert "Invalid authentication token" in said
    token = rehearsed.crate_token()
    rehearsed.crates.faults.clock_skew = 1801
    done, said = rehearsed.cargo_publish(token, made)
    assert not done
    assert "Invalid authentication token" in said
    assert rehearsed.crates.versions("demo-sdk") == {}


def test_the_first_version_is_published_by_a_person_and_then_no_other_way_than_the_workflow(rehearsed, tmp_path):
    rehearsed.crates.add_crate("unrelated", CRATES_IO)
    made = crate(tmp_path / "demo-sdk")
    done, said = rehearsed.cargo_publish(rehearsed.crate_token(), made)
    assert not done
    assert "Trusted Publishing tokens do not support creating new crates" in said
    person = rehearsed.crates.add_api_token()
    done, said = rehearsed.cargo_publish(person, made)
    assert done, said

    crate(made, version="1.0.1")
    done, said = rehearsed.cargo_publish(rehearsed.crate_token(), made)
    assert not done
    assert "not valid for crate `demo-sdk`" in said
    entered = rehearsed.crates.crates["demo-sdk"]
    entered.publishers, entered.trustpub_only = [CRATES_IO], True
    done, said = rehearsed.cargo_publish(person, made)
    assert not done
    assert "can only be published using Trusted Publishing" in said
    assert rehearsed.cargo_publish(rehearsed.crate_token(), made)[0]


def test_an_error_after_storing_leaves_the_crate_published(rehearsed, tmp_path):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    rehearsed.crates.faults.errors_after_storing = 1
    made = crate(tmp_path / "demo-sdk")
    assert not rehearsed.cargo_publish(rehearsed.crate_token(), made)[0]
    done, said = rehearsed.cargo_publish(rehearsed.crate_token(), made)
    assert not done
    assert "already" in said
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
def test_the_exchange_names_the_first_claim_that_differs(rehearsed, difference, refusal):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    run = dataclasses.replace(CRATE_RUN, **difference)
    status, told = rehearsed.exchange(rehearsed.identity.issue(run, "crates.io"))
    assert status == 400
    assert refusal in told["errors"][0]["detail"]


def test_the_exchange_takes_the_caller_and_a_token_once(rehearsed):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    token = rehearsed.identity.issue(dataclasses.replace(CRATE_RUN, called="called.yml"), "crates.io")
    assert rehearsed.exchange(token)[0] == 200
    assert rehearsed.exchange(token) == (400, {"errors": [{"detail": "JWT has already been used"}]})
    for other in ("nothing", rehearsed.identity.issue(CRATE_RUN, "pypi")):
        assert rehearsed.exchange(other) == (400, {"errors": [{"detail": "Failed to decode JWT"}]})


# What they stand on


def test_the_clients_believe_the_rehearsal_beside_whom_they_believed_before(tmp_path):
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    names = Authority().client_environment(tmp_path)
    told = ssl.create_default_context(cafile=names["SSL_CERT_FILE"]).get_ca_certs(binary_form=True)
    assert set(told) > set(known)
    assert len(set(told)) == len(set(known)) + 1


def test_the_log_and_the_servers_show_no_token(rehearsed):
    rehearsed.crates.add_crate("demo-sdk", CRATES_IO)
    variables, token = rehearsed.identity.admit(CRATE_RUN), rehearsed.crate_token()
    secret = variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    status, told = ask(
        "GET", f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=pypi", Authorization=f"bearer {secret}"
    )
    assert status == 200
    shown = "\n".join(map(str, [*rehearsed.identity.log, *rehearsed.crates.log]))
    shown += "".join(repr(vars(each)) for each in (rehearsed.identity, rehearsed.index, rehearsed.crates))
    assert "path='/token', status=200" in shown
    assert not any(each in shown for each in (secret, token, told["value"]))


def test_a_request_without_a_length_or_with_too_much_is_refused(rehearsed, monkeypatch):
    monkeypatch.setattr("binoc_runbook.rehearsal.servers.server.LARGEST", 1000)
    # Only announced: a server that refuses a body does not read it, and whoever still sends it may get no answer.
    for announced, expected in (({"Content-Length": "1001"}, 413), ({"Transfer-Encoding": "chunked"}, 411)):
        connection = http.client.HTTPConnection(urlsplit(rehearsed.crates.url).netloc, timeout=20)
        connection.putrequest("PUT", "/api/v1/crates/new")
        for name, value in announced.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == expected
        connection.close()


def test_a_closed_server_is_gone_at_once_and_a_silent_client_does_not_keep_it():
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
