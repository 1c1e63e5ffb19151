"""GitHub's API, as a client asks it: on loopback, with the certificate of an authority that nobody else believes."""

from __future__ import annotations

import pytest

from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.github_api import GitHubRelease, GitHubServer
from binoc_runbook.rehearsal.servers.server import Response
from binoc_runbook.world.github import GITHUB, GitHubClient

RELEASES = "/repos/example/demo/releases"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def github():
    with GitHubServer(repository="example/demo") as server:
        yield server
    assert server.mistakes == []


def client(server, permissions=None, **environment):
    token = server.token({"contents": "write"} if permissions is None else permissions)
    return GitHubClient({"GITHUB_API_URL": server.url, "GH_TOKEN": token, **environment}, timeout=20)


def test_what_is_there_is_a_value_and_what_is_not_is_absent(github):
    forge = client(github)
    assert forge.get("/repos/Example/Demo").value["full_name"] == "example/demo"
    answer = forge.get("/repos/example/other")
    assert (answer.outcome, answer.reason) == ("absent", "404 Not Found")
    assert answer.question == "GET /repos/example/other"


def test_without_a_token_nobody_is_asked(github):
    for token in ("", " "):
        answer = GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": token}).get("/repos/example/demo")
        assert answer.outcome == "no token"
        assert "`GH_TOKEN`" in answer.reason
    assert github.log == []


def test_the_second_variable_is_read_where_the_first_is_empty(github):
    token = github.token({})
    assert (
        GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": "", "GITHUB_TOKEN": token})
        .get("/repos/example/demo")
        .value
    )


def test_a_token_that_nobody_gave_out_is_forbidden(github):
    answer = GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": "ghs_nobody"}).get("/repos/example/demo")
    assert (answer.outcome, answer.reason) == ("forbidden", "401 Bad credentials")


def test_a_token_may_do_what_its_permissions_say_and_nothing_else(github):
    reader = client(github, {"contents": "read"})
    assert reader.get(RELEASES).value == []
    answer = reader.post(RELEASES, {"tag_name": "v1", "draft": True})
    assert (answer.outcome, answer.reason) == ("forbidden", "403 Resource not accessible by integration")
    assert client(github, {}).get(RELEASES).outcome == "forbidden"
    assert github.releases == []


@pytest.mark.parametrize("token", ["ghs_a\nb", "ghs_ä"])
def test_what_cannot_be_a_token_is_not_sent_and_not_repeated(github, token):
    forge = GitHubClient({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token})
    answer = forge.get("/repos/example/demo")
    assert answer.outcome == "no token"
    assert "ghs_" not in f"{answer}{forge!r}"
    assert github.log == []


def test_no_answer_shows_the_token(github):
    forge = client(github)
    github.faults.down = True
    told = f"{forge!r} {forge.get(RELEASES)} {forge.get('/nowhere')}"
    assert "ghs_" not in told


def test_all_pages_of_a_list_are_one_answer(github):
    github.page = 2
    github.releases = [GitHubRelease(number, f"v{number}", "", "", False, False) for number in range(1, 6)]
    told = client(github).get(f"{RELEASES}?per_page=100").value
    assert [each["tag_name"] for each in told] == ["v5", "v4", "v3", "v2", "v1"]
    assert len(github.log) == 3


def test_a_next_page_at_another_place_is_not_followed(github, monkeypatch):
    elsewhere = {"Link": '<http://127.0.0.1:9/next>; rel="next"'}
    monkeypatch.setattr(github, "respond", lambda request: Response(200, b"[]", "application/json", elsewhere))
    answer = client(github).get(RELEASES)
    assert answer.outcome == "no answer"
    assert "another place" in answer.reason


def test_a_redirect_is_not_followed_and_said(github, monkeypatch):
    moved = {"Location": f"{github.url}/repos/example/moved"}
    monkeypatch.setattr(github, "respond", lambda request: Response(301, b"", "application/json", moved))
    answer = client(github).get(RELEASES)
    assert answer.outcome == "no answer"
    assert "has moved" in answer.reason
    assert len(github.log) == 1


def test_a_forge_that_is_down_or_gone_gives_no_answer(github):
    forge = client(github)
    github.faults.down = True
    answer = forge.get(RELEASES)
    assert (answer.outcome, answer.reason[:3]) == ("no answer", "503")
    github.close()
    assert forge.get(RELEASES).outcome == "no answer"


def test_a_limit_of_requests_is_no_answer_and_not_a_refusal(github, monkeypatch):
    limited = {"X-RateLimit-Remaining": "0"}
    told = b'{"message": "API rate limit exceeded"}'
    monkeypatch.setattr(github, "respond", lambda request: Response(403, told, "application/json", limited))
    answer = client(github).get(RELEASES)
    assert (answer.outcome, answer.reason) == ("no answer", "403 API rate limit exceeded")


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[1"])
def test_what_is_no_json_is_no_answer(github, monkeypatch, body):
    monkeypatch.setattr(github, "respond", lambda request: Response(200, body))
    assert client(github).get(RELEASES).outcome == "no answer"


def test_an_asset_goes_to_the_address_that_the_release_names_and_only_once(github):
    forge = client(github)
    release = forge.post(RELEASES, {"tag_name": "v1", "draft": True}).value
    asset = forge.upload(release["upload_url"], "SHA256SUMS", b"sums").value
    assert (asset["name"], asset["size"]) == ("SHA256SUMS", 4)
    again = forge.upload(release["upload_url"], "SHA256SUMS", b"sums")
    assert (again.outcome, again.reason) == ("refused", "422 Validation Failed; ReleaseAsset name already_exists")


def test_a_token_is_not_sent_where_the_api_is_safer_than_the_upload(github):
    forge = GitHubClient({"GITHUB_API_URL": "https://127.0.0.1:9", "GH_TOKEN": github.token({})})
    assert forge.upload(f"{github.url}/uploads", "name", b"x").outcome == "no answer"
    assert github.log == []


def test_the_certificates_are_those_of_the_environment(tmp_path):
    authority = Authority()
    with GitHubServer(authority=authority) as server:
        believed = authority.client_environment(tmp_path)
        assert client(server, **believed).get("/repos/example/demo").outcome == "value"
        answer = client(server).get("/repos/example/demo")
        assert answer.outcome == "no answer"
        assert "certificate" in answer.reason.lower()


def test_the_address_is_github_where_none_is_named():
    assert GitHubClient({}).url == GITHUB
    assert GitHubClient({"GITHUB_API_URL": ""}).url == GITHUB
