"""The settings of a repository on GitHub, as a person enters them and as the API shows them.

The shapes are those of GitHub's documentation of its REST API, pages "Deployment environments", "Deployment branch
policies", "Rules" (rulesets), "GitHub Actions permissions" and "Secrets".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class DeploymentEnvironment:
    """A deployment environment; `refs` are the kinds (`branch` or `tag`) and patterns that may deploy, `None` any."""

    name: str
    reviewers: list[str] = field(default_factory=lambda: ["release-managers"])
    prevent_self_review: bool = True
    can_admins_bypass: bool = False
    refs: list[tuple[str, str]] | None = field(default_factory=lambda: [("tag", "v*")])
    secrets: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the environment as the API shows it, which is without the patterns of `refs`."""
        rules: list[dict[str, Any]] = []
        if self.reviewers:
            teams = [{"type": "Team", "reviewer": {"slug": slug, "name": slug}} for slug in self.reviewers]
            rules.append(
                {"type": "required_reviewers", "prevent_self_review": self.prevent_self_review, "reviewers": teams}
            )
        if self.refs is not None:
            rules.append({"type": "branch_policy"})
        custom = {"protected_branches": False, "custom_branch_policies": True}
        return {
            "name": self.name,
            "can_admins_bypass": self.can_admins_bypass,
            "protection_rules": rules,
            "deployment_branch_policy": None if self.refs is None else custom,
        }

    def policies(self) -> dict[str, Any]:
        """Return the patterns of `refs`."""
        policies = [{"id": id_, "name": name, "type": kind} for id_, (kind, name) in enumerate(self.refs or (), 1)]
        return {"total_count": len(policies), "branch_policies": policies}


@dataclass
class Ruleset:
    """A ruleset for tags; `bypass` are the roles that it does not bind."""

    name: str
    rules: list[str]
    include: list[str] = field(default_factory=lambda: ["refs/tags/v*"])
    exclude: list[str] = field(default_factory=list)
    enforcement: str = "active"
    bypass: list[str] = field(default_factory=list)
    target: str = "tag"

    def summary(self, number: int) -> dict[str, Any]:
        """Return the entry in the list of all rulesets, which is without the rules."""
        return {"id": number, "name": self.name, "target": self.target, "enforcement": self.enforcement}

    def to_json(self, number: int, *, editor: bool) -> dict[str, Any]:
        """Return the whole ruleset; only an editor gets the actors that may bypass it."""
        ruleset = {
            **self.summary(number),
            "conditions": {"ref_name": {"include": self.include, "exclude": self.exclude}},
            "rules": [{"type": rule} for rule in self.rules],
        }
        actors = [{"actor_type": role, "actor_id": 1, "bypass_mode": "always"} for role in self.bypass]
        return ruleset | ({"bypass_actors": actors} if editor else {})


@dataclass
class RepositorySettings:
    """All settings of a repository; the defaults are those of a new one."""

    environments: list[DeploymentEnvironment] = field(default_factory=list)
    rulesets: list[Ruleset] = field(default_factory=list)
    immutable_releases: bool = False
    sha_pinning_required: bool = False
    default_workflow_permissions: str = "read"
    secrets: list[str] = field(default_factory=list)
    organization_secrets: list[str] = field(default_factory=list)

    @classmethod
    def promised(cls, *environments: str) -> RepositorySettings:
        """Return the settings of a repository that is set up for trusted publishing with these environments."""
        return cls(
            environments=[DeploymentEnvironment(name) for name in environments],
            rulesets=[
                Ruleset("release tags stay", ["update", "deletion"]),
                Ruleset("release managers tag", ["creation"], bypass=["RepositoryRole"]),
            ],
            immutable_releases=True,
            sha_pinning_required=True,
        )

    def value(self, path: list[str], *, editor: bool) -> dict[str, Any] | list[Any] | None:
        """Return what the API shows at a path below the repository's; None where there is nothing."""
        match path:
            case ["environments", name, *rest]:
                environments = {environment.name.lower(): environment for environment in self.environments}
                environment = environments.get(name.lower())
                return _of_environment(environment, rest) if environment else None
            case ["rulesets"]:
                return [ruleset.summary(number) for number, ruleset in enumerate(self.rulesets, 1)]
            case ["rulesets", number] if number.isdecimal() and 0 < int(number) <= len(self.rulesets):
                return self.rulesets[int(number) - 1].to_json(int(number), editor=editor)
            case ["immutable-releases"]:
                return {"enabled": True, "enforced_by_owner": False} if self.immutable_releases else None
            case ["actions", "permissions"]:
                return {"enabled": True, "allowed_actions": "all", "sha_pinning_required": self.sha_pinning_required}
            case ["actions", "permissions", "workflow"]:
                default = self.default_workflow_permissions
                return {"default_workflow_permissions": default, "can_approve_pull_request_reviews": False}
            case ["actions", "secrets"]:
                return _secrets(self.secrets)
            case ["actions", "organization-secrets"]:
                return _secrets(self.organization_secrets)
        return None


def _of_environment(environment: DeploymentEnvironment, rest: list[str]) -> dict[str, Any] | None:
    match rest:
        case []:
            return environment.to_json()
        case ["deployment-branch-policies"]:
            return environment.policies()
        case ["secrets"]:
            return _secrets(environment.secrets)
    return None


def _secrets(names: list[str]) -> dict[str, Any]:
    """Return the names of secrets; the API never shows their values."""
    return {"total_count": len(names), "secrets": [{"name": name} for name in names]}
