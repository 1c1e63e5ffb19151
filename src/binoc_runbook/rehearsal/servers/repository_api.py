"""The settings of a repository on GitHub, and their JSON in the API.

The shapes are those of GitHub's documentation of its REST API, pages "Deployment environments", "Deployment branch
policies", "Rules" (rulesets), "Repositories" (CODEOWNERS errors), "GitHub Actions permissions" and "Secrets".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class DeploymentEnvironment:
    """A deployment environment; `refs` are the kinds (`branch` or `tag`) and patterns that can deploy, `None` all."""

    name: str
    reviewers: list[str] = field(default_factory=lambda: ["release-managers"])
    prevent_self_review: bool = True
    can_admins_bypass: bool = False
    refs: list[tuple[str, str]] | None = field(default_factory=lambda: [("tag", "v*")])
    secrets: list[str] = field(default_factory=list)

    def documents(self) -> dict[str, Any]:
        """Return the API documents of the environment, by path below the repository's."""
        at = f"environments/{self.name.lower()}"
        teams = [{"type": "Team", "reviewer": {"slug": slug, "name": slug}} for slug in self.reviewers]
        review = {"type": "required_reviewers", "prevent_self_review": self.prevent_self_review, "reviewers": teams}
        custom = {"protected_branches": False, "custom_branch_policies": True}
        environment = {
            "name": self.name,
            "can_admins_bypass": self.can_admins_bypass,
            "protection_rules": [review] if teams else [],
            "deployment_branch_policy": None if self.refs is None else custom,
        }
        policies = [{"name": name, "type": kind} for kind, name in self.refs or ()]
        return {
            at: environment,
            f"{at}/deployment-branch-policies": {"total_count": len(policies), "branch_policies": policies},
            f"{at}/secrets": _secrets(self.secrets),
        }


@dataclass
class Ruleset:
    """A ruleset for tags or branches; `bypass` are the roles that can bypass it."""

    name: str
    rules: list[str]
    include: list[str] = field(default_factory=lambda: ["refs/tags/v*"])
    exclude: list[str] = field(default_factory=list)
    enforcement: str = "active"
    bypass: list[str] = field(default_factory=list)
    target: str = "tag"

    def summary(self, number: int) -> dict[str, Any]:
        """Return the entry in the list of all rulesets, which does not contain the rules."""
        return {"id": number, "name": self.name, "target": self.target, "enforcement": self.enforcement}

    def to_json(self, number: int, *, editor: bool) -> dict[str, Any]:
        """Return the complete ruleset; only an editor gets the actors that can bypass it."""
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
    #: The rules that are active for each branch.
    branch_rules: dict[str, list[str]] = field(default_factory=dict)
    #: The errors of the CODEOWNERS file as line and kind, `None` without a file.
    code_owners_errors: list[tuple[int, str]] | None = None

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
            branch_rules={"main": ["deletion", "non_fast_forward"]},
            code_owners_errors=[],
        )

    def documents(self, *, editor: bool) -> dict[str, Any]:
        """Return the API documents, by path below the repository's, in lower case."""
        documents = {
            "rulesets": [ruleset.summary(number) for number, ruleset in enumerate(self.rulesets, 1)],
            "actions/permissions": {"enabled": True, "sha_pinning_required": self.sha_pinning_required},
            "actions/permissions/workflow": {"default_workflow_permissions": self.default_workflow_permissions},
            "actions/secrets": _secrets(self.secrets),
            "actions/organization-secrets": _secrets(self.organization_secrets),
        }
        if self.immutable_releases:
            documents["immutable-releases"] = {"enabled": True}
        for branch, rules in self.branch_rules.items():
            documents[f"rules/branches/{branch}"] = [{"type": rule, "ruleset_id": 1} for rule in rules]
        if self.code_owners_errors is not None:
            errors = [
                {"line": line, "kind": kind, "path": ".github/CODEOWNERS"} for line, kind in self.code_owners_errors
            ]
            documents["codeowners/errors"] = {"errors": errors}
        for number, ruleset in enumerate(self.rulesets, 1):
            documents[f"rulesets/{number}"] = ruleset.to_json(number, editor=editor)
        for environment in self.environments:
            documents |= environment.documents()
        return documents


def _secrets(names: list[str]) -> dict[str, Any]:
    """Return the names of secrets; the API never shows their values."""
    return {"total_count": len(names), "secrets": [{"name": name} for name in names]}
