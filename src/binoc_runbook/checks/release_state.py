"""The state of a release, read from all its places: manifests, tags, workflow run, registries and GitHub release.

Each artifact has one cell for each place: whether the place has this version of the artifact, and the evidence. The
state is the first of `STATES` whose condition holds. Each state has one safe next command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from binoc_runbook.checks.github_run import waiting_jobs, workflow_run
from binoc_runbook.checks.named_programs import TRUST
from binoc_runbook.checks.observations import Ancestry, CommitVersions, GitHubResponse, RemoteRefs, RunLookup, Tag
from binoc_runbook.checks.published import PublicationResult, ReleaseContext
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact

#: The places of a release, in the order in which a release reaches them.
PLACES = (
    "manifest",
    "local tag",
    "remote tag",
    "workflow run",
    "registry",
    "digest",
    "provenance",
    "GitHub release",
)

Progress = Literal["none", "waiting", "running", "failed", "passed", "unknown"]

_OF_STATUS: dict[str, Ancestry] = {"ok": "yes", "warning": "yes", "failed": "no", "unknown": "unknown"}
_OF_PROGRESS: dict[Progress, Ancestry] = {"passed": "yes", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether a place has this version of an artifact, and the evidence."""

    answer: Ancestry
    evidence: str


@dataclass(frozen=True, slots=True)
class ObservedTag:
    """A tag in this clone or on the remote, with the versions in its commit; `tag` is `None` if there is no tag."""

    tag: Tag | None
    contents: CommitVersions


@dataclass(frozen=True, slots=True)
class ReleaseTraces:
    """All observations of one release, one field for each place (therefore more than eight).

    `commit` is the commit of the tag on the remote, or HEAD without one. `on_branch` says whether the release branch of
    the remote contains it, `behind` whether the branch is an ancestor of it. `publications` and `provenance` are by
    artifact name.
    """

    context: ReleaseContext
    remote: str
    branch: str
    commit: str | None
    refs: RemoteRefs
    on_branch: Ancestry
    behind: Ancestry
    manifests: CommitVersions
    local: ObservedTag
    published: ObservedTag
    run: RunLookup
    publications: Mapping[str, PublicationResult]
    provenance: Mapping[str, Findings]
    github: GitHubResponse

    @property
    def run_finding(self) -> Finding:
        """Return the finding about the newest workflow run of the tag."""
        context = self.context
        return workflow_run(self.run, context.policy, context.version, self.commit or "", context.age)

    @property
    def progress(self) -> Progress:
        """Return the progress of the newest workflow run of the tag."""
        run = self.run.run
        if run is None:
            return "none" if self.run_finding.status == "failed" else "unknown"
        if run.completed:
            return "passed" if run.succeeded else "failed"
        return "running" if run.status == "in_progress" and not waiting_jobs(run) else "waiting"

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Return the artifacts of the policy."""
        return self.context.policy.artifacts

    def with_publication(self, *states: str) -> list[Artifact]:
        """Return the artifacts whose publication has one of these states."""
        return [item for item in self.artifacts if self.publications[item.name].state in states]

    @property
    def offered(self) -> list[Artifact]:
        """Return the artifacts that their registry has in this version, with any files."""
        kinds = ("offered", "yanked")
        return [item for item in self.artifacts if self.publications[item.name].lookup.kind in kinds]

    @property
    def absent(self) -> list[Artifact]:
        """Return the artifacts that their registry does not have in this version."""
        kinds = ("no version", "no name")
        return [item for item in self.artifacts if self.publications[item.name].lookup.kind in kinds]


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """A state: its name, its meaning in one sentence, its condition, and the one safe next command."""

    name: str
    meaning: str
    holds: Callable[[ReleaseTraces], bool]
    command: Callable[[ReleaseTraces], str]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The state of a release with its next command, and the cells by artifact name and place."""

    state: ReleaseState
    command: str
    cells: Mapping[str, Mapping[str, Cell]]

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as a JSON object; the reference documents its schema."""
        rows = [
            {"artifact": name, "places": {place: _cell_json(cell) for place, cell in cells.items()}}
            for name, cells in self.cells.items()
        ]
        return {
            "state": self.state.name,
            "meaning": self.state.meaning,
            "command": self.command,
            "artifacts": rows,
        }


def diagnose(traces: ReleaseTraces) -> Diagnosis:
    """Return the state of a release, and the cells of all artifacts."""
    state = next(state for state in STATES if state.holds(traces))
    cells = {artifact.name: dict(zip(PLACES, _cells(artifact, traces), strict=True)) for artifact in traces.artifacts}
    return Diagnosis(state, state.command(traces), cells)


def _cell_json(cell: Cell) -> dict[str, str]:
    return {"answer": cell.answer, "evidence": cell.evidence}


# Cells


def _cells(artifact: Artifact, traces: ReleaseTraces) -> tuple[Cell, ...]:
    return (
        _manifest_cell(artifact, traces.manifests, traces.context, "HEAD"),
        _tag_cell(artifact, traces.local, traces.context, "this clone"),
        _remote_tag_cell(artifact, traces),
        _run_cell(traces),
        _registry_cell(traces.publications[artifact.name]),
        _digest_cell(traces.publications[artifact.name]),
        _provenance_cell(artifact, traces),
        _github_cell(traces.github, traces.context.tag),
    )


def _manifest_cell(artifact: Artifact, contents: CommitVersions, context: ReleaseContext, commit: str) -> Cell:
    if contents.versions is None:
        return Cell("unknown", contents.reason)
    version = contents.versions.get(artifact.name)
    if version is None:
        return Cell("no", f"{commit} has no manifest of `{artifact.name}`")
    expected = context.version.pep440 if artifact.registry == "pypi" else context.version.semver
    # A distribution can have the version of its crate, in Cargo's spelling.
    is_same = version in (expected, context.version.semver)
    return Cell("yes" if is_same else "no", f"{commit} has version {version}")


def _tag_cell(artifact: Artifact, observed: ObservedTag, context: ReleaseContext, where: str) -> Cell:
    tag = observed.tag
    if tag is None:
        return Cell("no", f"{where} has no tag `{context.tag}`")
    if not tag.annotated:
        return Cell("no", f"`{context.tag}` is a lightweight tag of {tag.commit[:12]}")
    cell = _manifest_cell(artifact, observed.contents, context, tag.commit[:12])
    return Cell(cell.answer, f"annotated tag of {tag.commit[:12]}; {cell.evidence}")


def _remote_tag_cell(artifact: Artifact, traces: ReleaseTraces) -> Cell:
    if traces.refs.refs is None:
        return Cell("unknown", f"`{traces.remote}` could not be read: {traces.refs.reason}")
    return _tag_cell(artifact, traces.published, traces.context, f"`{traces.remote}`")


def _run_cell(traces: ReleaseTraces) -> Cell:
    if traces.refs.refs is not None and traces.published.tag is None and traces.run.run is None:
        return Cell("no", "only a tag on the remote starts the workflow")
    return Cell(_OF_PROGRESS.get(traces.progress, "no"), traces.run_finding.saw)


def _registry_cell(publication: PublicationResult) -> Cell:
    lookup = publication.lookup
    if lookup.kind == "offered":
        count = len(lookup.digests)
        return Cell("yes", f"{count} file{'s' if count != 1 else ''} published")
    answers: dict[str, Ancestry] = {"no answer": "unknown", "yanked": "yes"}
    return Cell(answers.get(lookup.kind, "no"), lookup.reason)


def _digest_cell(publication: PublicationResult) -> Cell:
    if publication.lookup.kind != "offered":
        return Cell("unknown", "no published file to compare")
    answers: dict[str, Ancestry] = {"published": "yes", "differs": "no"}
    return Cell(answers.get(publication.state, "unknown"), publication.finding.saw)


def _provenance_cell(artifact: Artifact, traces: ReleaseTraces) -> Cell:
    findings = traces.provenance.get(artifact.name)
    if not findings:
        return Cell("unknown", "no published file to verify")
    return Cell(_OF_STATUS[findings.status], "; ".join(finding.saw for finding in findings))


def _github_cell(response: GitHubResponse, tag: str) -> Cell:
    if response.outcome == "absent":
        return Cell("no", f"GitHub has no release of `{tag}`")
    if response.outcome != "value":
        return Cell("unknown", response.reason)
    if response.value["draft"]:
        return Cell("no", f"the release of `{tag}` is a draft")
    count = len(response.value["assets"])
    return Cell("yes", f"is published, with {count} asset{'s' if count != 1 else ''}")


# Conditions. Each is evaluated only if no earlier state holds.


def _is_untagged(traces: ReleaseTraces) -> bool:
    return traces.published.tag is None


def _tag_is_wrong(traces: ReleaseTraces) -> bool:
    """Return whether the tag on the remote is lightweight, or its commit has another version."""
    tag, versions = traces.published.tag, traces.published.contents.versions
    if tag is None:
        return False
    cells = [_tag_cell(item, traces.published, traces.context, "") for item in traces.artifacts]
    return not tag.annotated or (versions is not None and any(cell.answer == "no" for cell in cells))


def _local_tag_is_wrong(traces: ReleaseTraces) -> bool:
    local, published = traces.local.tag, traces.published.tag
    if local is None:
        return False
    if published is not None:
        return local.object != published.object
    return not local.annotated or local.commit != traces.commit


def _is_disputed(traces: ReleaseTraces) -> bool:
    differs = any(item for item in traces.with_publication("differs") if not _is_incomplete(traces, item))
    return differs or any(findings.status == "failed" for findings in traces.provenance.values())


def _is_incomplete(traces: ReleaseTraces, artifact: Artifact) -> bool:
    """Return whether files of a published version are missing, and all others are the built ones."""
    return bool(traces.publications[artifact.name].lacking)


def _unfinished(traces: ReleaseTraces) -> list[Artifact]:
    """Return the artifacts that are absent or lack files."""
    return [item for item in traces.artifacts if item in traces.absent or _is_incomplete(traces, item)]


def _is_closed(traces: ReleaseTraces) -> bool:
    """Return whether a distribution lacks files that PyPI no longer accepts; see `published.CLOSED`."""
    lacking = [item for item in traces.offered if _is_incomplete(traces, item)]
    return traces.context.closed and any(item.registry == "pypi" for item in lacking)


def _all_offered(traces: ReleaseTraces) -> bool:
    return bool(traces.artifacts) and not _unfinished(traces) and len(traces.offered) == len(traces.artifacts)


def _manifests_differ(traces: ReleaseTraces) -> bool:
    cells = [_manifest_cell(item, traces.manifests, traces.context, "") for item in traces.artifacts]
    return any(cell.answer == "no" for cell in cells)


# Commands


def _release(traces: ReleaseTraces) -> str:
    return f"./just release {traces.context.version}"


def _prepare(traces: ReleaseTraces) -> str:
    return f"./just prepare {traces.context.version}"


def _next_version(traces: ReleaseTraces) -> str:
    return f"./just prepare {traces.context.version.next()}"


def _list_runs(traces: ReleaseTraces) -> str:
    return f"gh run list --workflow {traces.context.policy.workflow} --branch {traces.context.tag}"


def _run_id(traces: ReleaseTraces) -> str:
    return str(traces.run.run.id) if traces.run.run else "RUN"


def _watch(traces: ReleaseTraces) -> str:
    return f"gh run watch {_run_id(traces)}"


def _rerun(traces: ReleaseTraces) -> str:
    return f"gh run rerun {_run_id(traces)} --failed"


def _dispatch(traces: ReleaseTraces) -> str:
    """Return the command that publishes the first missing artifact; a person runs it again for each other one."""
    context, missing = traces.context, (_unfinished(traces) or list(traces.artifacts))[0]
    return f"gh workflow run {context.policy.workflow} --ref {context.tag} -f artifact={missing.name}"


def _publish_missing(traces: ReleaseTraces) -> str:
    """Return the command that completes the publication; it skips the files that are published."""
    commands = {"unknown": _list_runs, "failed": _rerun}
    return commands.get(traces.progress, _dispatch)(traces)


def _replace_local_tag(traces: ReleaseTraces) -> str:
    tag = traces.context.tag
    if traces.published.tag is None:
        return f"git tag -d {tag}"
    return f"git tag -d {tag} && git fetch {traces.remote} tag {tag}"


def _verify(traces: ReleaseTraces) -> str:
    return f"./just verify {traces.context.version}"


def _merge(traces: ReleaseTraces) -> str:
    remote, branch, tag = traces.remote, traces.branch, traces.context.tag
    pull = f"git switch {branch} && git pull --no-rebase --no-edit {remote} {branch}"
    return f"{pull} && git merge --no-edit {tag} && git push {remote} {branch}"


def _dispute(traces: ReleaseTraces) -> str:
    findings = [traces.publications[item.name].finding for item in traces.with_publication("differs")]
    failed = (finding for sources in traces.provenance.values() for finding in sources.having("failed"))
    return next(iter([*findings, *failed])).remedy


#: All states in the order of evaluation.
STATES: tuple[ReleaseState, ...] = (
    ReleaseState(
        "remote not readable",
        "the remote could not be read, so nothing is known about the tag",
        lambda traces: traces.refs.refs is None,
        lambda traces: TRUST if traces.refs.untrusted else f"git ls-remote {traces.remote}",
    ),
    ReleaseState(
        "disputed",
        "a registry has files that were not built by the workflow from this tag",
        _is_disputed,
        _dispute,
    ),
    ReleaseState(
        "published without a tag",
        "a registry has this version, but the remote has no tag for it; the version cannot be released",
        lambda traces: _is_untagged(traces) and bool(traces.offered),
        _next_version,
    ),
    ReleaseState(
        "wrong tag",
        "the tag on the remote is lightweight, or its commit has another version; a pushed tag is never moved",
        _tag_is_wrong,
        _next_version,
    ),
    ReleaseState(
        "wrong local tag",
        "the tag in this clone is not the one to release; the remote is not affected",
        _local_tag_is_wrong,
        _replace_local_tag,
    ),
    ReleaseState(
        "not prepared",
        "nothing is tagged or published, and the manifests have another version",
        lambda traces: _is_untagged(traces) and _manifests_differ(traces),
        _prepare,
    ),
    ReleaseState(
        "tag not pushed",
        "the tag is only in this clone; nothing is published",
        lambda traces: _is_untagged(traces) and traces.local.tag is not None,
        _release,
    ),
    ReleaseState(
        "branch pushed",
        "the release branch of the remote contains the commit; nothing is tagged or published",
        lambda traces: _is_untagged(traces) and traces.on_branch == "yes",
        _release,
    ),
    ReleaseState(
        "not started",
        "the manifests have this version; nothing is pushed, tagged or published",
        _is_untagged,
        _release,
    ),
    ReleaseState(
        "tag not on the branch",
        "the release branch of the remote does not contain the commit of the tag",
        lambda traces: traces.on_branch == "no",
        _merge,
    ),
    ReleaseState(
        "workflow waits",
        "the workflow waits for an approval or a runner",
        lambda traces: traces.progress == "waiting",
        _watch,
    ),
    ReleaseState(
        "workflow runs",
        "the workflow is running",
        lambda traces: traces.progress == "running",
        _watch,
    ),
    ReleaseState(
        "closed",
        "a distribution lacks files, and PyPI accepts no files for a release that is older than 14 days",
        _is_closed,
        _next_version,
    ),
    ReleaseState(
        "workflow failed",
        "the workflow failed, and not all artifacts are published; the files that are published stay",
        lambda traces: traces.progress == "failed" and not _all_offered(traces),
        _rerun,
    ),
    ReleaseState(
        "registry not readable",
        "the tag is on the remote, but a registry could not be read",
        lambda traces: any(item.lookup.kind == "no answer" for item in traces.publications.values()),
        _verify,
    ),
    ReleaseState(
        "workflow not started",
        "the tag is on the remote, but GitHub started no workflow, and not all artifacts are published",
        lambda traces: traces.progress == "none" and bool(_unfinished(traces)),
        _dispatch,
    ),
    ReleaseState(
        "not yet visible",
        "an artifact is not yet visible, and its tag is less than 2 hours old",
        lambda traces: bool(_unfinished(traces)) and traces.context.young,
        lambda traces: _list_runs(traces) if traces.progress == "unknown" else _verify(traces),
    ),
    ReleaseState(
        "partly published",
        "some artifacts are published and others are not",
        lambda traces: bool(_unfinished(traces)) and bool(traces.offered),
        _publish_missing,
    ),
    ReleaseState(
        "not published",
        "the tag is on the remote, and no artifact is published",
        lambda traces: bool(_unfinished(traces)),
        _publish_missing,
    ),
    ReleaseState(
        "GitHub release missing",
        "all artifacts are published; the GitHub release is missing or a draft",
        lambda traces: _github_cell(traces.github, traces.context.tag).answer == "no",
        _publish_missing,
    ),
    ReleaseState(
        "published",
        "all artifacts are published, but not every place confirms it",
        lambda traces: any(cell.answer != "yes" for item in traces.artifacts for cell in _cells(item, traces)[3:]),
        _verify,
    ),
    ReleaseState(
        "released",
        "every place has this version of every artifact",
        lambda traces: True,
        lambda traces: "",
    ),
)
