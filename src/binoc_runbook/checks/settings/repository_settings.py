"""Checks of the settings at GitHub: environments, rules for tags and branches, permissions of Actions, secrets.

Requests and responses follow GitHub's REST API documentation; the docstring of each check names the page.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.checks.workflow.model import WORKFLOWS
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Policy

CHECK = "setup"

_Get = Callable[[str], GitHubResponse]
_Json = Mapping[str, Any]

#: Versions whose tags a pattern must match: plain ones, those with more digits, and pre-releases.
_SAMPLES = ("0.4.0", "10.20.30", "1.0.0-rc.1")


def check_github(get: _Get, policy: Policy, repository: str) -> Iterator[Finding]:
    """Check every setting of the repository, in the order in which a user enters them."""
    settings = _Settings(get, policy, repository)
    yield from settings.access()
    for artifact in policy.artifacts:
        if artifact.environment is None:
            where, saw = f"`{artifact.name}`", "the policy has no environment for this artifact"
            yield Finding.unknown(CHECK, where, saw, f"add `environment` to the artifact `{artifact.name}`")
        else:
            yield from settings.environment(artifact.environment)
    yield from settings.tags()
    yield from settings.branches()
    yield settings.code_owners()
    yield settings.immutable_releases()
    yield settings.pinned_actions()
    yield settings.default_token()
    yield settings.execution_protections()
    yield from settings.secrets()


class _Settings:
    def __init__(self, get: _Get, policy: Policy, repository: str) -> None:
        self.get = get
        self.policy = policy
        self.repository = repository
        self.at = f"/repos/{repository}"
        self.pattern = policy.tag_of("*")
        self.administrator = False

    def page(self, name: str) -> str:
        return f"github.com/{self.repository}/settings{name}"

    def access(self) -> Iterator[Finding]:
        """Check that the token belongs to an administrator ("Repositories": Get a repository)."""
        response = self.get(self.at)
        remedy = f"GH_TOKEN=$(gh auth token) just setup-check, as an administrator of `{self.repository}`"
        if response.outcome != "value":
            yield _unknown(response, remedy)
            return
        self.administrator = bool((response.value.get("permissions") or {}).get("admin"))
        if self.administrator:
            yield Finding.ok(CHECK, response.question, "the token belongs to an administrator")
        else:
            saw = "the token does not belong to an administrator, so some settings are hidden from it"
            yield Finding.unknown(CHECK, response.question, saw, remedy)

    def environment(self, name: str) -> Iterator[Finding]:
        """Check one environment ("Deployment environments": Get an environment) and the refs that can deploy to it.

        The patterns are in "Deployment branch policies": List deployment branch policies.
        """
        at = f"{self.at}/environments/{quote(name, safe='')}"
        wanted = (
            "required reviewers, prevent self-review, no bypass by administrators,"
            f" selected tags `{self.pattern}` and no secret"
        )
        page = self.page("/environments")
        response = self.get(at)
        if response.outcome == "absent" and self.administrator:
            saw = f"the environment `{name}` does not exist"
            yield Finding.failed(CHECK, response.question, saw, f"{page}: new environment `{name}`, with {wanted}")
            return
        if response.outcome != "value":
            yield _unknown(response, f"{page}: `{name}` needs {wanted}")
            return
        problems = [*self.reviews(response.value), *self.deploying(at, response.value)]
        for unknown, saw, remedy in problems:
            finding = Finding.unknown if unknown else Finding.failed
            yield finding(CHECK, response.question, f"`{name}`: {saw}", f"{page}, `{name}`: {remedy}")
        if not problems:
            saw = f"only tags `{self.pattern}` can deploy to `{name}`, and another person has to approve"
            yield Finding.ok(CHECK, response.question, saw)
        yield from self.no_secrets(f"{at}/secrets", f"the environment `{name}`", f"{page}, `{name}`", failed=True)

    def reviews(self, environment: _Json) -> Iterator[tuple[bool, str, str]]:
        """Check that a second person has to approve a deployment.

        Yield problems: whether it is only unknown, the problem, and the setting to enter.
        """
        protection = environment.get("protection_rules") or []
        rules = [rule for rule in protection if rule.get("type") == "required_reviewers"]
        if not any(rule.get("reviewers") for rule in rules):
            yield False, "a deployment needs no approval", "check `Required reviewers`, and add reviewers"
        elif not all(rule.get("prevent_self_review") for rule in rules):
            yield False, "the user who starts a run can approve it", "check `Prevent self-review`"
        remedy = "uncheck `Allow administrators to bypass configured protection rules`"
        if environment.get("can_admins_bypass") is None:
            yield True, "GitHub does not show whether administrators can bypass its rules", remedy
        elif environment["can_admins_bypass"]:
            yield False, "administrators can bypass its rules", remedy

    def deploying(self, at: str, environment: _Json) -> Iterator[tuple[bool, str, str]]:
        """Check that only release tags can deploy."""
        remedy = f"`Deployment branches and tags`: selected, with the tag rule `{self.pattern}` and no other"
        chosen = environment.get("deployment_branch_policy")
        if not chosen:
            yield False, "any branch and any tag can deploy", remedy
            return
        if not chosen.get("custom_branch_policies"):
            yield False, "only protected branches can deploy, no tags", remedy
            return
        response = self.get(f"{at}/deployment-branch-policies?per_page=100")
        if response.outcome != "value":
            yield True, f"{response.question} failed: {response.reason}", remedy
            return
        rules = [(rule.get("type") or "branch", str(rule.get("name"))) for rule in response.value["branch_policies"]]
        wider = [f"{kind} `{name}`" for kind, name in rules if kind != "tag" or not self.is_of_releases(name)]
        if wider:
            yield False, f"these refs can also deploy: {', '.join(wider)}", remedy
        if not any(kind == "tag" and self.covers(name) for kind, name in rules):
            yield False, f"no rule allows tags `{self.pattern}` to deploy", remedy

    def tags(self) -> Iterator[Finding]:
        """Check the rules for tags ("Rules": Get all repository rulesets, and Get a repository ruleset).

        A user who can bypass a ruleset can bypass all its rules. Therefore the rule about creating a tag is not in the
        ruleset that protects tags.
        """
        remedy = (
            f"{self.page('/rules')}: two active tag rulesets for `{self.pattern}`: one restricts updates and"
            " deletions, without a bypass; the other restricts creations, with the release managers in its bypass list"
        )
        listing = self.get(f"{self.at}/rulesets?targets=tag&per_page=100")
        entries = listing.value or ()
        active = [entry for entry in entries if entry.get("target") == "tag" and entry.get("enforcement") == "active"]
        # The list has neither the rules nor the refs of a ruleset.
        responses = [self.get(f"{self.at}/rulesets/{entry['id']}") for entry in active]
        for response in (listing, *responses):
            if response.outcome != "value":
                yield _unknown(response, remedy)
                return
        rulesets = [response.value for response in responses if self.rules_releases(response.value)]
        for kind in ("creation", "update", "deletion"):
            with_rule = [ruleset for ruleset in rulesets if kind in {rule["type"] for rule in ruleset.get("rules", [])}]
            yield _check_rule(kind, with_rule, listing.question, remedy, self.pattern)

    def rules_releases(self, ruleset: _Json) -> bool:
        """Return whether a ruleset is for all release tags."""
        names = (ruleset.get("conditions") or {}).get("ref_name") or {}
        return any(self.covers(pattern) for pattern in names.get("include", [])) and not any(
            _matches(pattern, self.policy.tag_of(sample)) for pattern in names.get("exclude", []) for sample in _SAMPLES
        )

    def covers(self, pattern: str) -> bool:
        """Return whether a pattern matches the tag of every release."""
        return all(_matches(pattern, self.policy.tag_of(sample)) for sample in _SAMPLES)

    def is_of_releases(self, pattern: str) -> bool:
        """Return whether a pattern matches only names with the prefix of release tags."""
        prefix = self.policy.tag.partition("{version}")[0]
        return bool(prefix) and pattern.removeprefix("refs/tags/").startswith(prefix)

    def branches(self) -> Iterator[Finding]:
        """Check that release branches cannot be rewritten ("Rules": Get rules for a branch).

        The response has the rules of all active rulesets for the branch, without their bypass lists. A pattern of the
        policy has no response, so that only its remedy is shown.
        """
        for branch in self.policy.branch:
            remedy = (
                f"{self.page('/rules')}: an active branch ruleset for `{branch}` that restricts deletions and blocks"
                " force pushes, without a bypass"
            )
            if set("*?[") & set(branch):
                saw = "the rules of a pattern cannot be queried"
                yield Finding.unknown(CHECK, f"rules of branches `{branch}`", saw, remedy)
                continue
            response = self.get(f"{self.at}/rules/branches/{quote(branch, safe='')}?per_page=100")
            if response.outcome != "value":
                yield _unknown(response, remedy)
                continue
            kinds = {rule.get("type") for rule in response.value}
            allowed = {"deletion": "deletions", "non_fast_forward": "force pushes"}
            missing = [words for kind, words in allowed.items() if kind not in kinds]
            if missing:
                saw = f"no active ruleset for `{branch}` prevents {' and '.join(missing)}"
                yield Finding.failed(CHECK, response.question, saw, remedy)
            else:
                saw = f"`{branch}` cannot be deleted or force-pushed"
                yield Finding.ok(CHECK, response.question, saw)

    def code_owners(self) -> Finding:
        """Check that GitHub accepts CODEOWNERS ("Repositories": List CODEOWNERS errors)."""
        response = self.get(f"{self.at}/codeowners/errors")
        remedy = "write `.github/CODEOWNERS` with an owner for `/.github/`, and push it to the default branch"
        if response.outcome == "absent" and self.administrator:
            saw = "the default branch has no CODEOWNERS file"
            return Finding.failed(CHECK, response.question, saw, remedy)
        if response.outcome != "value":
            return _unknown(response, remedy)
        errors = response.value.get("errors") or []
        if errors:
            lines = ", ".join(f"line {error.get('line')}: {error.get('kind')}" for error in errors)
            saw, remedy = f"GitHub ignores lines of CODEOWNERS: {lines}", "correct these lines of `.github/CODEOWNERS`"
            return Finding.failed(CHECK, response.question, saw, remedy)
        return Finding.ok(CHECK, response.question, "GitHub accepts the CODEOWNERS file")

    def execution_protections(self) -> Finding:
        """Show the values for workflow execution protections, which no API returns ("About Actions policies")."""
        saw = "no API returns the policies that restrict who can start a workflow, and by which events"
        remedy = (
            f"{self.page('/actions')}: `Policies`, a policy for `{WORKFLOWS}/{self.policy.workflow}`: events `push` and"
            " `workflow_dispatch` only, actors only the release managers"
        )
        return Finding.unknown(CHECK, "workflow execution protections", saw, remedy)

    def immutable_releases(self) -> Finding:
        """Check that releases are immutable ("Repositories": Check if immutable releases are enabled)."""
        remedy = f"{self.page('')}: `Releases`, check `Enable release immutability`"
        # GitHub returns 404 if the setting is off, and also to a token without permission.
        absent = "published releases and their tags can be changed"
        return self.value("immutable-releases", "enabled", True, "published releases are immutable", remedy, absent)

    def pinned_actions(self) -> Finding:
        """Check that actions must be pinned ("GitHub Actions permissions": of a repository)."""
        remedy = f"{self.page('/actions')}: check `Require actions to be pinned to a full-length commit SHA`"
        saw = "actions must be pinned to a commit"
        return self.value("actions/permissions", "sha_pinning_required", True, saw, remedy)

    def default_token(self) -> Finding:
        """Check the default permissions of a job ("GitHub Actions permissions": default workflow permissions)."""
        remedy = f"{self.page('/actions')}: `Workflow permissions`, read repository contents and packages permissions"
        saw = "a job without `permissions` can only read"
        return self.value("actions/permissions/workflow", "default_workflow_permissions", "read", saw, remedy)

    def value(self, path: str, key: str, wanted: object, saw: str, remedy: str, absent: str = "") -> Finding:
        """Check that a setting has a value; `absent` is the problem if an administrator gets 404."""
        response = self.get(f"{self.at}/{path}")
        if absent and response.outcome == "absent" and self.administrator:
            return Finding.failed(CHECK, response.question, absent, remedy)
        if response.outcome != "value":
            return _unknown(response, remedy)
        if key not in response.value:
            return Finding.unknown(CHECK, response.question, f"GitHub does not show `{key}`", remedy)
        if response.value[key] != wanted:
            saw = f"`{key}` is `{response.value[key]}`, not `{wanted}`"
            return Finding.failed(CHECK, response.question, saw, remedy)
        return Finding.ok(CHECK, response.question, saw)

    def secrets(self) -> Iterator[Finding]:
        """Check for long-lived credentials ("Secrets": List repository and organization secrets)."""
        page = self.page("/secrets/actions")
        yield from self.no_secrets(f"{self.at}/actions/secrets", "the repository", page, failed=True)
        yield from self.no_secrets(f"{self.at}/actions/organization-secrets", "the organization", page, failed=False)

    def no_secrets(self, path: str, whose: str, page: str, *, failed: bool) -> Iterator[Finding]:
        response = self.get(f"{path}?per_page=100")
        remedy = f"{page}: delete the tokens of registries; trusted publishing needs no secret"
        if response.outcome != "value":
            yield _unknown(response, remedy)
        elif names := [str(secret["name"]) for secret in response.value["secrets"]]:
            finding = Finding.failed if failed else Finding.warning
            yield finding(CHECK, response.question, f"{whose} has secrets: {', '.join(map(_quoted, names))}", remedy)
        else:
            yield Finding.ok(CHECK, response.question, f"{whose} has no secret")


def _check_rule(kind: str, rulesets: Sequence[_Json], question: str, remedy: str, pattern: str) -> Finding:
    """Check one kind of rule: creations with a bypass for release managers, updates and deletions without one."""
    if not rulesets:
        return Finding.failed(CHECK, question, f"no active ruleset restricts {kind}s of tags `{pattern}`", remedy)
    names = ", ".join(_quoted(ruleset["name"]) for ruleset in rulesets)
    bypasses = [ruleset["bypass_actors"] for ruleset in rulesets if ruleset.get("bypass_actors") is not None]
    has_strict = any(not actors for actors in bypasses)
    if kind == "creation" and has_strict:
        saw = f"{names} restricts creations without a bypass, so no user can push a release tag"
        return Finding.warning(CHECK, question, saw, remedy)
    if kind != "creation" and not has_strict:
        if len(bypasses) < len(rulesets):
            saw = f"{names} restricts {kind}s; GitHub shows the bypass list only to users who can edit it"
            return Finding.unknown(CHECK, question, saw, remedy)
        return Finding.failed(CHECK, question, f"{names} restricts {kind}s, but has a bypass list", remedy)
    return Finding.ok(CHECK, question, f"{names} restricts {kind}s of tags `{pattern}`")


def _unknown(response: GitHubResponse, remedy: str) -> Finding:
    """Return the finding about a setting that is not in the response, with the setting to check by hand."""
    problem = {
        "absent": "not found, or hidden from this token",
        "forbidden": "this token has no permission",
        "refused": "GitHub refused the request",
        "no token": "no request was sent",
    }.get(response.outcome, "GitHub did not respond")
    return Finding.unknown(CHECK, response.question, f"{problem}: {response.reason}", remedy)


def _matches(pattern: str, tag: str) -> bool:
    """Return whether a pattern of GitHub, for a full ref name or a tag, matches a tag; `~ALL` matches all."""
    pattern = pattern.removeprefix("refs/tags/")
    # GitHub's `*` does not match a slash, `**` does.
    reaches = "**" in pattern or pattern.count("/") == tag.count("/")
    return pattern == "~ALL" or (reaches and fnmatch.fnmatchcase(tag, pattern.replace("**/", "*")))


def _quoted(name: object) -> str:
    return f"`{name}`"
