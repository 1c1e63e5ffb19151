"""Settings of the repository and the registries, with a local GitHub server and one wrong setting at a time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from binoc_runbook.checks.observations import CrateRecord, NameLookup
from binoc_runbook.checks.settings import check_settings
from binoc_runbook.cli import main
from binoc_runbook.finding import Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.rehearsal.servers.repository_api import DeploymentEnvironment, RepositorySettings, Ruleset
from binoc_runbook.world.github import GitHubClient

POLICY = Policy(
    declared=True,
    repository="example/demo",
    artifacts=(
        Artifact("demo", "pypi", "python/demo", "pypi-demo"),
        Artifact("demo-sdk", "crates.io", "crates/demo-sdk", "crates-io"),
    ),
)
ADMINISTRATOR = dict.fromkeys(("actions", "environments", "secrets"), "read") | {"administration": "write"}


@pytest.fixture
def github(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with GitHubServer(repository="example/demo") as server:
        server.settings = RepositorySettings.promised("pypi-demo", "crates-io")
        yield server
    assert server.mistakes == []


def check(github, permissions=ADMINISTRATOR, answer="yes", policy=POLICY, records=()):
    token = {} if permissions is None else {"GH_TOKEN": github.token(permissions)}
    client = GitHubClient({"GITHUB_API_URL": github.url, **token}, timeout=20)
    lookups = {artifact: NameLookup(f"GET /{artifact.name}/", answer, "503") for artifact in policy.artifacts}
    return check_settings(client.get, lookups, policy, dict(records))


def at_github(findings):
    return Findings(finding for finding in findings if finding.looked_at.startswith("GET /repos/"))


def statuses(findings):
    return {finding.status for finding in findings}


def test_correct_settings_are_ok(github):
    findings = check(github)
    assert not findings.having("failed", "warning")
    assert statuses(at_github(findings)) == {"ok"}
    assert {request.method for request in github.log} == {"GET"}


def environment(number, **values):
    def apply(settings):
        for name, value in values.items():
            setattr(settings.environments[number], name, value)

    return apply


def rulesets(*items):
    return lambda settings: setattr(settings, "rulesets", list(items))


def setting(name, value):
    return lambda settings: setattr(settings, name, value)


CHANGES = ["update", "deletion"]
KEEP = Ruleset("keep", CHANGES)
MAKE = Ruleset("make", ["creation"], bypass=["RepositoryRole"])


@pytest.mark.parametrize(
    ("change", "status", "path", "data"),
    [
        (lambda settings: settings.environments.pop(), "failed", "environments/crates-io", "`crates-io`"),
        (environment(0, reviewers=[]), "failed", "environments/pypi-demo", "`Required reviewers`"),
        (environment(0, prevent_self_review=False), "failed", "environments/pypi-demo", "`Prevent self-review`"),
        (environment(0, can_admins_bypass=True), "failed", "environments/pypi-demo", "`Allow administrators to bypass"),
        (
            environment(0, can_admins_bypass=None),
            "unknown",
            "environments/pypi-demo",
            "`Allow administrators to bypass",
        ),
        (environment(1, refs=None), "failed", "environments/crates-io", "the tag rule `v*`"),
        (environment(1, refs=[]), "failed", "environments/crates-io", "the tag rule `v*`"),
        (environment(1, refs=[("tag", "v0.*")]), "failed", "environments/crates-io", "the tag rule `v*`"),
        (environment(1, refs=[("tag", "*")]), "failed", "environments/crates-io", "tag `*`"),
        (environment(1, refs=[("tag", "v*"), ("branch", "main")]), "failed", "environments/crates-io", "branch `main`"),
        (environment(1, refs=[("branch", "v*")]), "failed", "environments/crates-io", "branch `v*`"),
        (environment(0, secrets=["PYPI_TOKEN"]), "failed", "environments/pypi-demo/secrets", "`PYPI_TOKEN`"),
        (lambda settings: settings.secrets.append("X"), "failed", "actions/secrets", "`X`"),
        (lambda settings: settings.organization_secrets.append("X"), "warning", "actions/organization-secrets", "`X`"),
        (setting("immutable_releases", False), "failed", "immutable-releases", "`Enable release immutability`"),
        (setting("sha_pinning_required", False), "failed", "actions/permissions", "`sha_pinning_required` is `False`"),
        (setting("default_workflow_permissions", "write"), "failed", "actions/permissions/workflow", "`write`"),
        (rulesets(), "failed", "rulesets", "creations"),
        (rulesets(KEEP), "failed", "rulesets", "creations"),
        (rulesets(MAKE), "failed", "rulesets", "deletions"),
        (rulesets(MAKE, Ruleset("k", CHANGES, enforcement="evaluate")), "failed", "rulesets", "updates"),
        (rulesets(MAKE, Ruleset("k", CHANGES, target="branch")), "failed", "rulesets", "updates"),
        (rulesets(MAKE, Ruleset("k", CHANGES, ["refs/tags/x*"])), "failed", "rulesets", "updates"),
        (rulesets(MAKE, Ruleset("k", CHANGES, exclude=["refs/tags/*-rc*"])), "failed", "rulesets", "updates"),
        (rulesets(Ruleset("one", ["creation", *CHANGES], bypass=["Team"])), "failed", "rulesets", "`one`"),
        (rulesets(Ruleset("one", ["creation", *CHANGES])), "warning", "rulesets", "`one`"),
        (setting("branch_rules", {"main": ["deletion"]}), "failed", "rules/branches/main", "`main`"),
        (setting("branch_rules", {"main": []}), "failed", "rules/branches/main", "`main`"),
        (setting("code_owners_errors", None), "failed", "codeowners/errors", "`.github/CODEOWNERS`"),
        (setting("code_owners_errors", [(3, "Unknown owner")]), "failed", "codeowners/errors", "line 3: Unknown owner"),
    ],
)
def test_wrong_setting_is_reported(github, change, status, path, data):
    change(github.settings)
    findings = at_github(check(github)).having("failed", "warning", "unknown")
    assert statuses(findings) == {status}
    assert {finding.looked_at.partition("?")[0] for finding in findings} == {f"GET /repos/example/demo/{path}"}
    assert any(data in finding.saw or data in finding.remedy for finding in findings), findings


def test_rules_of_a_branch_pattern_are_unknown(github):
    findings = check(github, policy=replace(POLICY, branch=("main", "release/*"))).having("unknown")
    assert [finding.looked_at for finding in findings if "release/*" in finding.remedy] != []


@pytest.mark.parametrize("include", [["~ALL"], ["refs/tags/*"], ["refs/tags/**/*"], ["refs/tags/x", "refs/tags/v*"]])
def test_ruleset_for_more_than_release_tags_is_ok(github, include):
    rulesets(Ruleset("keep", CHANGES, include), MAKE)(github.settings)
    assert not check(github).having("failed", "warning")


def test_without_a_token_all_settings_are_unknown(github):
    findings = check(github, permissions=None)
    assert github.log == []
    assert statuses(at_github(findings)) == {"unknown"}
    remedies = "\n".join(finding.remedy for finding in findings)
    for data in (
        "`pypi-demo`",
        "`crates-io`",
        "rulesets for `v*`",
        "`Enable release immutability`",
        "full-length commit SHA",
        "settings/secrets/actions",
    ):
        assert data in remedies


def test_settings_that_the_token_of_a_job_cannot_read_are_unknown(github):
    github.settings = RepositorySettings()
    findings = check(github, permissions={"contents": "read"})
    assert [finding.looked_at for finding in findings.having("failed")] == ["GET /repos/example/demo/rulesets"] * 3
    unknown = {finding.looked_at: finding.saw for finding in findings.having("unknown")}
    assert "GET /repos/example/demo" in unknown
    assert any("403 Resource not accessible" in saw for saw in unknown.values())


def test_settings_hidden_from_other_users_than_administrators_are_not_missing(github):
    github.settings.environments, github.settings.immutable_releases = [], False
    assert not check(github, permissions={"actions": "read"}).having("failed")


def test_hidden_bypass_list_is_unknown(github):
    findings = check(github, permissions=ADMINISTRATOR | {"administration": "read"}).having("unknown")
    updates, deletions = [finding.saw for finding in findings if "/rulesets" in finding.looked_at]
    assert updates.startswith("`release tags stay` restricts updates")
    assert deletions.startswith("`release tags stay` restricts deletions")


def test_all_settings_are_unknown_if_github_is_down(github):
    github.faults.down = True
    assert statuses(at_github(check(github))) == {"unknown"}


# The registries


def test_publishers_have_the_values_of_the_policy(github):
    remedies = [finding.remedy for finding in check(github)]
    values = "owner `example`, repository `demo`, workflow `publish.yml`, environment"
    assert any("PyPI, project `demo`" in text and f"{values} `pypi-demo`" in text for text in remedies)
    assert any("crates.io, crate `demo-sdk`" in text and f"{values} `crates-io`" in text for text in remedies)


def test_settings_without_an_api_are_unknown(github):
    assert [finding.looked_at for finding in check(github).having("unknown")] == [
        "workflow execution protections",
        "the publisher of `demo` at PyPI",
        "API tokens for `demo` at PyPI",
        "the publisher of `demo-sdk` at crates.io",
        "trusted publishing only, for `demo-sdk`",
        "the e-mail address of the owner of `demo-sdk`",
    ]


@pytest.mark.parametrize(("crate", "status"), [({"trustpub_only": True}, "ok"), ({"trustpub_only": False}, "failed")])
def test_crate_must_require_trusted_publishing(github, crate, status):
    record = CrateRecord("GET", {}, crate)
    findings = check(github, records={POLICY.artifacts[1]: record})
    looked_at = "trusted publishing only, for `demo-sdk`"
    assert [finding.status for finding in findings if finding.looked_at == looked_at] == [status]


def test_missing_project_needs_a_pending_publisher(github):
    (finding,) = [
        finding for finding in check(github, answer="no").having("unknown") if finding.looked_at == "GET /demo/"
    ]
    assert "30 days" in finding.saw
    assert "pending publisher: project `demo`, owner `example`" in finding.remedy


def test_missing_crate_is_published_by_hand(github):
    (finding,) = check(github, answer="no").having("failed")
    assert finding.looked_at == "GET /demo-sdk/"
    for step in ("`publish-new`", "crates `demo-sdk`", "`cargo publish -p demo-sdk --locked`", "`cargo logout`"):
        assert step in finding.remedy


def test_failed_request_to_a_registry_is_unknown(github):
    findings = check(github, answer="unknown")
    assert not findings.having("failed")
    assert [finding.looked_at for finding in findings if finding.saw.endswith(": 503")] == [
        "GET /demo/",
        "GET /demo-sdk/",
    ]


def test_policy_without_a_repository_is_unknown(github):
    (finding,) = check(github, policy=replace(POLICY, repository=None))
    assert finding.status == "unknown"
    assert "`repository`" in finding.remedy


# The command


@pytest.fixture
def command(checkout, github, capsys, monkeypatch):
    """Return the command, in a checkout with registries that cannot be reached."""
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GH_TOKEN", github.token(ADMINISTRATOR))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("CARGO_REGISTRY_DEFAULT", "unreachable")
    monkeypatch.setenv("CARGO_REGISTRIES_UNREACHABLE_INDEX", "sparse+http://127.0.0.1:9/")
    monkeypatch.setenv("CARGO_NET_RETRY", "0")

    def run(*arguments):
        code = main(["--root", str(checkout.root), "setup-check", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_command_fails_for_failed_settings_but_not_for_unknown_ones(command, github):
    code, out, err = command()
    assert code == 0, out
    assert "PyPI has `demo`" in out
    assert "unknown: " in err
    github.settings.secrets.append("PYPI_TOKEN")
    code, out, _ = command("--json")
    result = json.loads(out)
    assert (code, result["repository"]) == (1, "example/demo")
    (failed,) = [finding for finding in result["findings"] if finding["status"] == "failed"]
    assert failed["looked_at"].startswith("GET /repos/example/demo/actions/secrets")
    assert "`PYPI_TOKEN`" in failed["saw"]
    assert "ghs_" not in out


def test_names_of_environments_are_case_insensitive(github):
    github.settings.environments[0] = DeploymentEnvironment("PyPI-Demo")
    assert not check(github).having("failed")
