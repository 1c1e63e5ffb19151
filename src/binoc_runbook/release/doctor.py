"""The doctor: observe one release in all its places, read-only, and report its state and the next command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial

from binoc_runbook.checks.observations import Ancestry, CommitVersions, GitHubResponse, RunLookup, Tag
from binoc_runbook.checks.release_state import Diagnosis, ObservedTag, ReleaseTraces, diagnose
from binoc_runbook.release.registry_checks import RegistryChecks
from binoc_runbook.stages.target import Target
from binoc_runbook.world.git import Git
from binoc_runbook.world.git_objects import creation_of
from binoc_runbook.world.processes import process_threads
from binoc_runbook.world.remote_commits import with_remote_objects
from binoc_runbook.world.workflow_runs import WorkflowRuns


def examine(target: Target, checksums: Mapping[str, str], *, own_build: bool = False) -> Diagnosis:
    """Return the state of a release.

    `checksums` are the digests of the built files by name; with `own_build` they are of a build in this checkout.
    Nothing is changed: neither refs nor files of this clone, nor anything on the remote, at GitHub or at a registry.
    """
    git, policy = target.world.git, target.policy
    head = git.head()
    branch = target.release_branch(head[1] if head else None)
    names = (f"refs/heads/{branch}", f"refs/tags/{target.tag}")
    refs = git.remote_refs(target.remote, *names, f"{names[1]}^{{}}")
    present = [name for name in names if name in (refs.refs or {})]
    with with_remote_objects(git, target.remote, *present) as extended, process_threads() as pool:
        local, published = git.local_tag(target.tag), refs.tag(target.tag)
        tag = published or local
        # A tag that is only in this clone may be of an earlier attempt; a release would tag HEAD.
        commit = published.commit if published else head[0] if head else None
        creation = creation_of(extended, tag.object) if tag else None
        registries = RegistryChecks(
            target,
            checksums,
            own_build,
            tag.commit if tag else None,
            creation.at if creation else None,
        )
        run = pool.submit(_newest_run, target, commit)
        release = pool.submit(_github_release, target)
        publications = dict(zip(policy.artifacts, pool.map(registries.publication, policy.artifacts), strict=True))
        sources = pool.map(lambda item: registries.sources(item, publications[item].lookup), policy.artifacts)
        versions = cache(partial(target.versions_in, git=extended))
        contains, behind = _relation(extended, refs.branch(branch), commit)
        return diagnose(
            ReleaseTraces(
                context=registries.context,
                remote=target.remote,
                branch=branch,
                commit=commit,
                refs=refs,
                on_branch=contains,
                behind=behind,
                manifests=versions(head[0]) if head else CommitVersions(None, "this clone has no commit"),
                local=_observed(local, versions),
                published=_observed(published, versions),
                run=run.result(),
                publications={item.name: publication for item, publication in publications.items()},
                provenance={item.name: findings for item, findings in zip(policy.artifacts, sources, strict=True)},
                github=release.result(),
            )
        )


def _relation(git: Git, tip: str | None, commit: str | None) -> tuple[Ancestry, Ancestry]:
    """Return whether the branch of the remote contains a commit, and whether it is an ancestor of it."""
    if commit is None:
        return "unknown", "unknown"
    return git.containment(tip, commit) if tip else ("no", "yes")


def _observed(tag: Tag | None, versions: Callable[[str], CommitVersions]) -> ObservedTag:
    return ObservedTag(tag, versions(tag.commit) if tag else CommitVersions(None, "there is no tag"))


def _newest_run(target: Target, commit: str | None) -> RunLookup:
    policy = target.policy
    if policy.repository is None or commit is None:
        return RunLookup("no access", "GitHub", reason="the policy has no `repository`, or this clone has no commit")
    return WorkflowRuns(target.world.github, policy.repository, policy.workflow, target.tag, commit).latest()


def _github_release(target: Target) -> GitHubResponse:
    """Return the GitHub release of the tag, including a draft; `absent` if there is none."""
    if target.policy.repository is None:
        return GitHubResponse("GitHub", "no answer", reason="the policy has no `repository`")
    # GitHub cannot look up a draft by its tag.
    response = target.world.github.get(f"/repos/{target.policy.repository}/releases?per_page=100")
    if response.outcome != "value":
        return response
    matching = [release for release in response.value if release["tag_name"] == target.tag]
    return replace(response, value=matching[0]) if matching else replace(response, outcome="absent", value=None)
