"""What GitHub must be told beside the workflow file: environments, rules for tags, and what Actions may do.

The requests and the shapes of their responses are those of GitHub's documentation of its REST API; each question names
the page.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Policy

CHECK = "setup"

_Get = Callable[[str], GitHubResponse]
_Json = Mapping[str, Any]

#: Versions whose tags a pattern must cover: plain ones, those with more digits, and pre-releases.
_SAMPLES = ("0.4.0", "10.20.30", "1.0.0-rc.1")


def check_github(get: _Get, policy: Policy, repository: str) -> Iterator[Finding]:
    """Every setting of the repository, in the order in which a person would enter them."""
    settings = _Settings(get, policy, repository)
    yield from settings.access()
    for artifact in policy.artifacts:
        if artifact.environment is None:
            where, saw = f"`{artifact.name}`", "the policy names no environment for it"
            yield Finding.unknown(CHECK, where, saw, f"add `environment` to the artifact `{artifact.name}`")
        else:
            yield from settings.environment(artifact.environment)
    yield from settings.tags()
    yield settings.immutable_releases()
    yield settings.pinned_actions()
    yield settings.default_token()
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
        """Whether the repository is seen at all, and as an administrator ("Repositories": Get a repository)."""
        response = self.get(self.at)
        remedy = f"GH_TOKEN=$(gh auth token) just setup-check, as an administrator of `{self.repository}`"
        if response.outcome != "value":
            yield _unknown(response, remedy)
            return
        self.administrator = bool((response.value.get("permissions") or {}).get("admin"))
        if self.administrator:
            yield Finding.ok(CHECK, response.question, "seen as an administrator sees it")
        else:
            saw = "this token is no administrator's, so that some settings are hidden from it"
            yield Finding.unknown(CHECK, response.question, saw, remedy)

    def environment(self, name: str) -> Iterator[Finding]:
        """One environment ("Deployment environments": Get an environment) and who may deploy to it.

        The patterns are of "Deployment branch policies": List deployment branch policies.
        """
        at = f"{self.at}/environments/{quote(name, safe='')}"
        wanted = (
            "required reviewers, prevent self-review, no bypass by administrators,"
            f" selected tags `{self.pattern}` and no secret"
        )
        page = self.page("/environments")
        response = self.get(at)
        if response.outcome == "absent" and self.administrator:
            saw = f"there is no environment `{name}`"
            yield Finding.failed(CHECK, response.question, saw, f"{page}: new environment `{name}`, with {wanted}")
            return
        if response.outcome != "value":
            yield _unknown(response, f"{page}: `{name}` needs {wanted}")
            return
        problems = [*self.reviews(response.value), *self.deploying(at, response.value)]
        for unknown, saw, remedy in problems:
            make = Finding.unknown if unknown else Finding.failed
            yield make(CHECK, response.question, f"`{name}`: {saw}", f"{page}, `{name}`: {remedy}")
        if not problems:
            saw = f"`{name}` is deployed to from tags `{self.pattern}` alone, and after a review by somebody else"
            yield Finding.ok(CHECK, response.question, saw)
        yield from self.no_secrets(f"{at}/secrets", f"the environment `{name}`", f"{page}, `{name}`", failed=True)

    def reviews(self, environment: _Json) -> Iterator[tuple[bool, str, str]]:
        """Whether it takes a second person.

        A problem is whether it is only unknown, what it is, and what to enter.
        """
        rules = [each for each in environment.get("protection_rules") or [] if each.get("type") == "required_reviewers"]
        if not any(each.get("reviewers") for each in rules):
            yield False, "nobody has to approve a deployment", "check `Required reviewers`, and name some"
        elif not all(each.get("prevent_self_review") for each in rules):
            yield False, "whoever starts a run may approve it", "check `Prevent self-review`"
        allow = "uncheck `Allow administrators to bypass configured protection rules`"
        if environment.get("can_admins_bypass") is None:
            yield True, "GitHub does not tell whether administrators may bypass its rules", allow
        elif environment["can_admins_bypass"]:
            yield False, "administrators may bypass its rules", allow

    def deploying(self, at: str, environment: _Json) -> Iterator[tuple[bool, str, str]]:
        """Whether only tags of releases may deploy."""
        choose = f"`Deployment branches and tags`: selected, with the tag rule `{self.pattern}` and no other"
        chosen = environment.get("deployment_branch_policy")
        if not chosen:
            yield False, "any branch and any tag may deploy", choose
            return
        if not chosen.get("custom_branch_policies"):
            yield False, "protected branches may deploy, and tags may not", choose
            return
        response = self.get(f"{at}/deployment-branch-policies?per_page=100")
        if response.outcome != "value":
            yield True, f"{response.question} was not answered: {response.reason}", choose
            return
        rules = [(each.get("type") or "branch", str(each.get("name"))) for each in response.value["branch_policies"]]
        wider = [f"{kind} `{name}`" for kind, name in rules if kind != "tag" or not self.is_of_releases(name)]
        if wider:
            yield False, f"may be deployed to from {', '.join(wider)}", choose
        if not any(kind == "tag" and self.covers(name) for kind, name in rules):
            yield False, f"no rule lets tags `{self.pattern}` deploy", choose

    def tags(self) -> Iterator[Finding]:
        """The rules for tags ("Rules": Get all repository rulesets, and Get a repository ruleset).

        Who may go past a ruleset may go past all its rules, so that creating a tag and keeping it are asked apart.
        """
        page = self.page("/rules")
        two = (
            f"two active tag rulesets for `{self.pattern}`: one restricts updates and deletions, without a bypass;"
            " the other restricts creations, with those who release in its bypass list"
        )
        listed = self.get(f"{self.at}/rulesets?targets=tag&per_page=100")
        known = listed.value or ()
        active = [each for each in known if each.get("target") == "tag" and each.get("enforcement") == "active"]
        # The list tells neither what is ruled nor for which refs.
        responses = [self.get(f"{self.at}/rulesets/{each['id']}") for each in active]
        for response in (listed, *responses):
            if response.outcome != "value":
                yield _unknown(response, f"{page}: {two}")
                return
        rulesets = [response.value for response in responses if self.rules_releases(response.value)]
        for rule, said in (("creation", "creations"), ("update", "updates"), ("deletion", "deletions")):
            holding = [each for each in rulesets if rule in {each_rule["type"] for each_rule in each.get("rules", [])}]
            yield _ruled(rule, said, holding, listed.question, f"{page}: {two}", self.pattern)

    def rules_releases(self, ruleset: _Json) -> bool:
        """Whether a ruleset is for all tags of releases."""
        names = (ruleset.get("conditions") or {}).get("ref_name") or {}
        return any(self.covers(each) for each in names.get("include", [])) and not any(
            _matches(each, self.policy.tag_of(sample)) for each in names.get("exclude", []) for sample in _SAMPLES
        )

    def covers(self, pattern: str) -> bool:
        """Whether a pattern matches the tag of every release."""
        return all(_matches(pattern, self.policy.tag_of(sample)) for sample in _SAMPLES)

    def is_of_releases(self, pattern: str) -> bool:
        """Whether a pattern matches nothing but what begins as the tag of a release does."""
        before = self.policy.tag.partition("{version}")[0]
        return bool(before) and pattern.removeprefix("refs/tags/").startswith(before)

    def immutable_releases(self) -> Finding:
        """Whether what is published stays ("Repositories": Check if immutable releases are enabled)."""
        remedy = f"{self.page('')}: `Releases`, check `Enable release immutability`"
        # 404 is the response of a repository without them, and the one to a token that may not know.
        absent = "a published release, and its tag, can still be changed"
        return self.value("immutable-releases", "enabled", True, "published releases are immutable", remedy, absent)

    def pinned_actions(self) -> Finding:
        """Whether actions must be pinned ("GitHub Actions permissions": of a repository)."""
        remedy = f"{self.page('/actions')}: check `Require actions to be pinned to a full-length commit SHA`"
        saw = "an action must be pinned to a commit"
        return self.value("actions/permissions", "sha_pinning_required", True, saw, remedy)

    def default_token(self) -> Finding:
        """What a job's token may do that says nothing ("GitHub Actions permissions": default workflow permissions)."""
        remedy = f"{self.page('/actions')}: `Workflow permissions`, read repository contents and packages permissions"
        saw = "the token of a job that says nothing may only read"
        return self.value("actions/permissions/workflow", "default_workflow_permissions", "read", saw, remedy)

    def value(self, path: str, key: str, wanted: object, saw: str, remedy: str, absent: str = "") -> Finding:
        """Whether a setting has a value; `absent` is what a 404 tells an administrator."""
        response = self.get(f"{self.at}/{path}")
        if absent and response.outcome == "absent" and self.administrator:
            return Finding.failed(CHECK, response.question, absent, remedy)
        if response.outcome != "value":
            return _unknown(response, remedy)
        if key not in response.value:
            return Finding.unknown(CHECK, response.question, f"GitHub does not tell `{key}`", remedy)
        if response.value[key] != wanted:
            saw = f"`{key}` is `{response.value[key]}`, not `{wanted}`"
            return Finding.failed(CHECK, response.question, saw, remedy)
        return Finding.ok(CHECK, response.question, saw)

    def secrets(self) -> Iterator[Finding]:
        """Whether a long-lived credential may lie about ("Secrets": List repository and organization secrets)."""
        page = self.page("/secrets/actions")
        yield from self.no_secrets(f"{self.at}/actions/secrets", "the repository", page, failed=True)
        yield from self.no_secrets(f"{self.at}/actions/organization-secrets", "the organization", page, failed=False)

    def no_secrets(self, path: str, whose: str, page: str, *, failed: bool) -> Iterator[Finding]:
        response = self.get(f"{path}?per_page=100")
        remedy = f"{page}: delete what a registry gave; trusted publishing needs no secret"
        if response.outcome != "value":
            yield _unknown(response, remedy)
        elif names := [str(each["name"]) for each in response.value["secrets"]]:
            make = Finding.failed if failed else Finding.warning
            yield make(CHECK, response.question, f"{whose} has the secrets {', '.join(map(_quoted, names))}", remedy)
        else:
            yield Finding.ok(CHECK, response.question, f"{whose} has no secret")


def _ruled(rule: str, said: str, holding: Iterable[_Json], question: str, remedy: str, pattern: str) -> Finding:
    """Whether one rule binds: creating a tag those who do not release, changing and deleting one everybody."""
    holding = list(holding)
    if not holding:
        return Finding.failed(CHECK, question, f"no active ruleset restricts {said} of tags `{pattern}`", remedy)
    names = ", ".join(_quoted(each["name"]) for each in holding)
    known = [each["bypass_actors"] for each in holding if each.get("bypass_actors") is not None]
    free = [actors for actors in known if not actors]
    if rule == "creation" and free:
        saw = f"{names} restricts creations without a bypass, so nobody can push the tag of a release"
        return Finding.warning(CHECK, question, saw, remedy)
    if rule != "creation" and not free:
        if len(known) < len(holding):
            saw = f"{names} restricts {said}; who may bypass that is shown to those alone who may edit it"
            return Finding.unknown(CHECK, question, saw, remedy)
        return Finding.failed(CHECK, question, f"{names} restricts {said}, and has a bypass list", remedy)
    return Finding.ok(CHECK, question, f"{names} restricts {said} of tags `{pattern}`")


def _unknown(response: GitHubResponse, remedy: str) -> Finding:
    """Return the finding about a setting that the response does not hold, with the setting to check by hand."""
    said = {
        "absent": "GitHub shows nothing of it to this token",
        "forbidden": "this token may not ask that",
        "refused": "GitHub refused the question",
        "no token": "nobody was asked",
    }.get(response.outcome, "GitHub gave no answer")
    return Finding.unknown(CHECK, response.question, f"{said}: {response.reason}", remedy)


def _matches(pattern: str, tag: str) -> bool:
    """Whether a pattern of GitHub's, of a full name or of a tag, matches a tag; `~ALL` matches every one."""
    pattern = pattern.removeprefix("refs/tags/")
    # To GitHub `*` stops at a slash, and `**` does not.
    reaches = "**" in pattern or pattern.count("/") == tag.count("/")
    return pattern == "~ALL" or (reaches and fnmatch.fnmatchcase(tag, pattern.replace("**/", "*")))


def _quoted(name: object) -> str:
    return f"`{name}`"
