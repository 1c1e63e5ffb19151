"""The client of GitHub's API, with a local server that has its own certificate authority."""

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


def test_outcome_is_value_or_absent(github):
    api = client(github)
    assert api.get("/repos/Example/Demo").value["full_name"] == "example/demo"
    response = api.get("/repos/example/other")
    assert (response.outcome, response.reason) == ("absent", "404 Not Found")
    assert response.question == "GET /repos/example/other"


def test_no_request_is_sent_without_a_token(github):
    for token in ("", " "):
        response = GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": token}).get("/repos/example/demo")
        assert response.outcome == "no token"
        assert "`GH_TOKEN`" in response.reason
    assert github.log == []


def test_second_variable_is_used_if_the_first_is_empty(github):
    token = github.token({})
    assert (
        GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": "", "GITHUB_TOKEN": token})
        .get("/repos/example/demo")
        .value
    )


def test_unknown_token_is_forbidden(github):
    response = GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": "ghs_unknown"}).get("/repos/example/demo")
    assert (response.outcome, response.reason) == ("forbidden", "401 Bad credentials")


def test_request_without_permission_is_forbidden(github):
    reader = client(github, {"contents": "read"})
    assert reader.get(RELEASES).value == []
    response = client(github, {}).get(RELEASES)
    assert (response.outcome, response.reason) == ("forbidden", "403 Resource not accessible by integration")


@pytest.mark.parametrize("token", ["ghs_a\nb", "ghs_ä"])
def test_invalid_token_is_not_sent_and_not_shown(github, token):
    api = GitHubClient({"GITHUB_API_URL": github.url, "GITHUB_TOKEN": token})
    response = api.get("/repos/example/demo")
    assert response.outcome == "no token"
    assert "ghs_" not in f"{response}{api!r}"
    assert github.log == []


def test_responses_do_not_contain_the_token(github):
    api = client(github)
    github.faults.down = True
    assert "ghs_" not in f"{api!r} {api.get(RELEASES)} {api.get('/nowhere')}"


def test_pages_of_a_list_are_joined(github):
    github.page = 2
    github.releases = [GitHubRelease(number, f"v{number}", "", "", False, False) for number in range(1, 6)]
    releases = client(github).get(f"{RELEASES}?per_page=100").value
    assert [release["tag_name"] for release in releases] == ["v5", "v4", "v3", "v2", "v1"]
    assert len(github.log) == 3


def test_next_page_on_another_host_is_not_requested(github, monkeypatch):
    elsewhere = {"Link": '<http://127.0.0.1:9/next>; rel="next"'}
    monkeypatch.setattr(github, "respond", lambda request: Response(200, b"[]", "application/json", elsewhere))
    response = client(github).get(RELEASES)
    assert response.outcome == "no answer"
    assert len(github.log) == 1


def test_redirect_is_not_followed(github, monkeypatch):
    moved = {"Location": f"{github.url}/repos/example/moved"}
    monkeypatch.setattr(github, "respond", lambda request: Response(301, b"", "application/json", moved))
    response = client(github).get(RELEASES)
    assert (response.outcome, response.reason[:3]) == ("no answer", "301")
    assert len(github.log) == 1


def test_unavailable_server_gives_no_answer(github):
    api = client(github)
    github.faults.down = True
    response = api.get(RELEASES)
    assert (response.outcome, response.reason[:3]) == ("no answer", "503")
    github.close()
    assert api.get(RELEASES).outcome == "no answer"


def test_rate_limit_gives_no_answer(github, monkeypatch):
    limited = {"X-RateLimit-Remaining": "0"}
    body = b'{"message": "API rate limit exceeded"}'
    monkeypatch.setattr(github, "respond", lambda request: Response(403, body, "application/json", limited))
    response = client(github).get(RELEASES)
    assert (response.outcome, response.reason) == ("no answer", "403 API rate limit exceeded")


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[1"])
def test_invalid_json_gives_no_answer(github, monkeypatch, body):
    monkeypatch.setattr(github, "respond", lambda request: Response(200, body))
    assert client(github).get(RELEASES).outcome == "no answer"


def test_certificates_are_those_of_the_environment(tmp_path):
    authority = Authority()
    with GitHubServer(authority=authority) as server:
        certificates = authority.client_environment(tmp_path)
        assert client(server, **certificates).get("/repos/example/demo").outcome == "value"
        response = client(server).get("/repos/example/demo")
        assert response.outcome == "no answer"
        assert "certificate" in response.reason.lower()


def test_default_url_is_that_of_github():
    assert GitHubClient({}).url == GITHUB
    assert GitHubClient({"GITHUB_API_URL": ""}).url == GITHUB
