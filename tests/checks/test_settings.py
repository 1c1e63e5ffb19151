"""Is everything set up that the workflow cannot show? Asked of a forge on loopback, one setting wrong at a time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from binoc_runbook.checks.observations import NameLookup
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


def asked(github, permissions=ADMINISTRATOR, present="yes", policy=POLICY):
    token = {} if permissions is None else {"GH_TOKEN": github.token(permissions)}
    forge = GitHubClient({"GITHUB_API_URL": github.url, **token}, timeout=20)
    presences = {each: NameLookup(f"is `{each.name}` there", present, "nobody") for each in policy.artifacts}
    return check_settings(forge.get, presences, policy)


def told(findings, *statuses):
    return [f"{each.looked_at}: {each.saw} → {each.remedy}" for each in findings.having(*statuses)]


def of_github(findings):
    return Findings(each for each in findings if each.looked_at.startswith("GET "))


def test_a_repository_that_is_set_up_has_nothing_wrong_at_github(github):
    findings = asked(github)
    assert told(findings, "failed", "warning") == []
    assert {each.status for each in of_github(findings)} == {"ok"}
    assert {each.method for each in github.log} == {"GET"}


def wrong(number, **change):
    def apply(settings):
        for name, value in change.items():
            setattr(settings.environments[number], name, value)

    return apply


def only(*rulesets):
    return lambda settings: setattr(settings, "rulesets", list(rulesets))


KEEP = Ruleset("keep", ["update", "deletion"])
MAKE = Ruleset("make", ["creation"], bypass=["RepositoryRole"])


@pytest.mark.parametrize(
    ("change", "status", "saw", "remedy"),
    [
        (lambda settings: settings.environments.pop(), "failed", "there is no environment `crates-io`", "new environ"),
        (wrong(0, reviewers=[]), "failed", "`pypi-demo`: nobody has to approve", "check `Required reviewers`"),
        (wrong(0, prevent_self_review=False), "failed", "may approve it", "check `Prevent self-review`"),
        (wrong(0, can_admins_bypass=True), "failed", "administrators may bypass", "uncheck `Allow administrators"),
        (wrong(0, can_admins_bypass=None), "unknown", "does not tell whether administrators", "uncheck"),
        (wrong(1, refs=None), "failed", "`crates-io`: any branch and any tag may deploy", "the tag rule `v*`"),
        (wrong(1, refs=[]), "failed", "no rule lets tags `v*` deploy", "the tag rule `v*`"),
        (wrong(1, refs=[("tag", "v0.*")]), "failed", "no rule lets tags `v*` deploy", "the tag rule `v*`"),
        (wrong(1, refs=[("tag", "*")]), "failed", "deployed to from tag `*`", "and no other"),
        (wrong(1, refs=[("tag", "v*"), ("branch", "main")]), "failed", "from branch `main`", "and no other"),
        (wrong(1, refs=[("branch", "v*")]), "failed", "from branch `v*`", "and no other"),
        (wrong(0, secrets=["PYPI_TOKEN"]), "failed", "`pypi-demo` has the secrets `PYPI_TOKEN`", "delete"),
        (lambda s: s.secrets.append("TWINE_PASSWORD"), "failed", "has the secrets `TWINE_PASSWORD`", "delete"),
        (lambda s: s.organization_secrets.append("X"), "warning", "the organization has the secrets `X`", "delete"),
        (lambda s: setattr(s, "immutable_releases", False), "failed", "can still be changed", "immutability"),
        (lambda s: setattr(s, "sha_pinning_required", False), "failed", "is `False`, not `True`", "full-length commit"),
        (lambda s: setattr(s, "default_workflow_permissions", "write"), "failed", "`write`, not `read`", "read repos"),
        (only(), "failed", "no active ruleset restricts creations of tags `v*`", "two active tag rulesets"),
        (only(KEEP), "failed", "restricts creations", "two active"),
        (only(MAKE), "failed", "restricts deletions", "two active"),
        (
            only(MAKE, Ruleset("k", ["update", "deletion"], enforcement="evaluate")),
            "failed",
            "restricts updates",
            "two",
        ),
        (only(MAKE, Ruleset("k", ["update", "deletion"], target="branch")), "failed", "restricts updates", "two"),
        (only(MAKE, Ruleset("k", ["update", "deletion"], ["refs/tags/x*"])), "failed", "restricts updates", "two"),
        (only(MAKE, Ruleset("k", ["update", "deletion"], exclude=["refs/tags/*-rc*"])), "failed", "updates", "two"),
        (
            only(Ruleset("one", ["creation", "update", "deletion"], bypass=["Team"])),
            "failed",
            "has a bypass list",
            "two",
        ),
        (only(Ruleset("one", ["creation", "update", "deletion"])), "warning", "nobody can push the tag", "two"),
    ],
)
def test_what_is_set_up_wrongly_is_named_with_where_to_mend_it(github, change, status, saw, remedy):
    change(github.settings)
    found = told(of_github(asked(github)), status)
    assert any(saw in line and remedy in line.partition(" → ")[2] for line in found), found


@pytest.mark.parametrize("include", [["~ALL"], ["refs/tags/*"], ["refs/tags/**/*"], ["refs/tags/x", "refs/tags/v*"]])
def test_a_ruleset_for_more_than_the_tags_of_releases_will_do(github, include):
    only(Ruleset("keep", ["update", "deletion"], include), MAKE)(github.settings)
    assert told(asked(github), "failed", "warning") == []


def test_without_a_token_everything_is_listed_and_nothing_is_ok(github):
    findings = asked(github, permissions=None)
    assert github.log == []
    assert {each.status for each in of_github(findings)} == {"unknown"}
    remedies = "\n".join(each.remedy for each in findings)
    for entered in (
        "`pypi-demo` needs required reviewers, prevent self-review, no bypass by administrators, selected tags `v*`",
        "`crates-io` needs required reviewers",
        "two active tag rulesets for `v*`",
        "check `Enable release immutability`",
        "full-length commit SHA",
        "read repository contents",
        "settings/secrets/actions",
    ):
        assert entered in remedies


def test_the_token_of_a_job_sees_little_and_what_it_does_not_see_is_unknown(github):
    github.settings = RepositorySettings()
    findings = asked(github, permissions={"contents": "read"})
    assert told(findings, "failed") == ["GET /repos/example/demo/rulesets: " + line for line in _no_rulesets()]
    assert any("no administrator's" in line for line in told(findings, "unknown"))
    assert any("403 Resource not accessible" in line for line in told(findings, "unknown"))


def _no_rulesets():
    two = (
        "github.com/example/demo/settings/rules: two active tag rulesets for `v*`: one restricts updates and deletions,"
        " without a bypass; the other restricts creations, with those who release in its bypass list"
    )
    for said in ("creations", "updates", "deletions"):
        yield f"no active ruleset restricts {said} of tags `v*` → {two}"


def test_what_is_hidden_from_whoever_is_no_administrator_is_not_taken_for_missing(github):
    github.settings.environments, github.settings.immutable_releases = [], False
    findings = asked(github, permissions={"actions": "read"})
    assert told(findings, "failed") == []


def test_a_bypass_that_is_not_shown_is_unknown(github):
    findings = asked(github, permissions=ADMINISTRATOR | {"administration": "read"})
    (updates, deletions) = [line for line in told(findings, "unknown") if "/rulesets" in line]
    assert "`release tags stay` restricts updates; who may bypass that is shown" in updates
    assert "restricts deletions" in deletions


def test_a_forge_that_is_down_makes_everything_unknown(github):
    github.faults.down = True
    findings = asked(github)
    assert {each.status for each in of_github(findings)} == {"unknown"}


# The registries


def test_the_four_values_for_each_registry_are_those_of_the_policy(github):
    remedies = [each.remedy for each in asked(github)]
    values = "owner `example`, repository `demo`, workflow `publish.yml`, environment"
    assert any("PyPI, project `demo`" in each and f"{values} `pypi-demo`" in each for each in remedies)
    assert any("crates.io, crate `demo-sdk`" in each and f"{values} `crates-io`" in each for each in remedies)


def test_what_no_interface_shows_is_unknown_and_never_ok(github):
    unseen = told(asked(github), "unknown")
    for what in ("the publisher of `demo`", "API tokens for `demo`", "trusted publishing only", "the e-mail address"):
        assert any(what in line for line in unseen), what


def test_a_project_that_is_not_there_needs_a_pending_publisher_in_time(github):
    (line,) = [each for each in told(asked(github, present="no"), "unknown") if "pending publisher" in each]
    assert "expires after 30 days" in line
    assert "reserves no name" in line
    assert "pending publisher: project `demo`, owner `example`" in line


def test_a_crate_that_is_not_there_is_first_published_by_hand(github):
    (line,) = told(asked(github, present="no"), "failed")
    for step in ("verify the e-mail address", "`publish-new`", "crates `demo-sdk`", "expiring", "revoke"):
        assert step in line


def test_what_a_registry_does_not_answer_is_unknown(github):
    findings = asked(github, present="unknown")
    assert told(findings, "failed") == []
    assert sum("is not known: nobody" in line for line in told(findings, "unknown")) == 2


def test_a_policy_without_a_repository_is_asked_for_one(github):
    (line,) = told(asked(github, policy=replace(POLICY, repository=None)), "unknown")
    assert "names no repository" in line


# The command


@pytest.fixture
def typed(checkout, github, capsys, monkeypatch):
    """The command, in a checkout whose registries are at ports where nobody listens."""
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GH_TOKEN", github.token(ADMINISTRATOR))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("CARGO_REGISTRY_DEFAULT", "nobody")
    monkeypatch.setenv("CARGO_REGISTRIES_NOBODY_INDEX", "sparse+http://127.0.0.1:9/")
    monkeypatch.setenv("CARGO_NET_RETRY", "0")

    def run(*arguments):
        code = main(["--root", str(checkout.root), "setup-check", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_command_fails_where_something_failed_and_not_for_what_is_unknown(typed, github):
    code, out, err = typed()
    assert code == 0, out
    assert "is not known: the index gave no answer" in out
    assert "unknown: what is unknown was not seen" in err
    github.settings.secrets.append("PYPI_TOKEN")
    code, out, _ = typed("--json")
    answer = json.loads(out)
    assert (code, answer["repository"]) == (1, "example/demo")
    assert [each["saw"] for each in answer["findings"] if each["status"] == "failed"] == [
        "the repository has the secrets `PYPI_TOKEN`"
    ]
    assert "ghs_" not in out


def test_github_keeps_environments_by_name_whatever_their_case(github):
    github.settings.environments[0] = DeploymentEnvironment("PyPI-Demo")
    assert told(asked(github), "failed") == []
