"""Rules about workflow artifacts: the files that jobs upload and publish jobs download."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations

from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy, normalised

#: The maximum number of patterns from one pattern with braces.
_MAX_PATTERNS = 256


@dataclass(frozen=True)
class _Upload:
    job: Job
    step: Node
    #: Its names, one for each entry of the matrix, and their place.
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class _Download:
    job: Job
    step: Node
    #: None for all workflow artifacts of the run.
    pattern: Node | None

    def matches(self, name: str) -> bool:
        return self.pattern is None or any(fnmatchcase(name, part) for part in _expand_braces(self.pattern.text))


def _uploads(workflow: WorkflowFile) -> list[_Upload]:
    uploads = []
    for job, step in workflow.steps:
        if action_of(step) == "actions/upload-artifact":
            names = expanded(job, step.text_at("with", "name") or "artifact")
            uploads.append(_Upload(job, step, tuple(names), (step.get("with", "name") or step).place))
    return uploads


def _downloads(workflow: WorkflowFile, policy: Policy) -> list[_Download]:
    """Return the downloads of workflow artifacts of this run in the publish jobs."""
    return [
        _Download(job, step, step.get("with", "name") or step.get("with", "pattern"))
        for job in workflow.publishing(policy)
        for step in job.steps
        if action_of(step) == "actions/download-artifact"
        and not (step.get("with", "run-id") or step.get("with", "artifact-ids"))
    ]


def _expand_braces(pattern: str) -> list[str]:
    """Expand `{a,b}`, as the action does."""
    waiting, plain = [pattern], list[str]()
    while waiting and len(waiting) + len(plain) < _MAX_PATTERNS:
        text = waiting.pop()
        if match := re.search(r"\{([^{}]*,[^{}]*)\}", text):
            waiting += [f"{text[: match.start()]}{part}{text[match.end() :]}" for part in match[1].split(",")]
        else:
            plain.append(text)
    return [*plain, *waiting]


def names_are_unique(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The second upload would fail, or replace the first."""
    first: dict[str, _Upload] = {}
    for upload in _uploads(workflow):
        for name, count in Counter(upload.names).items():
            if "${{" in name:  # known only in a run
                continue
            if first.setdefault(name, upload) is not upload:
                saw = f"`{upload.job.id}` and `{first[name].job.id}` upload the same name, `{name}`"
                yield upload.place, saw, "write different names"
            elif count > 1:
                saw = f"`{upload.job.id}` uploads the same name `{name}` for {count} entries of its matrix"
                yield upload.place, saw, "add a value of the matrix to the name: `${{ matrix.… }}`"


def patterns_are_disjoint(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The files of one artifact would be published with another, as `binoc-*` also matches `binoc-sqlite-*`."""
    names = [name for upload in _uploads(workflow) for name in dict.fromkeys(upload.names)]
    matches = [(item, {name for name in names if item.matches(name)}) for item in _downloads(workflow, policy)]
    for (first, first_names), (second, second_names) in combinations(matches, 2):
        shared = first_names & second_names
        if first.job.id == second.job.id or not shared:
            continue
        # The download with more names is the wrong one.
        wide, narrow = (first, second) if len(first_names) >= len(second_names) else (second, first)
        name = next(name for name in names if name in shared)
        pattern = f"`{wide.pattern.text}`" if wide.pattern else "the download"
        saw = f"{pattern} of `{wide.job.id}` also matches `{name}`, which `{narrow.job.id}` publishes"
        place = (wide.pattern or wide.step).place
        yield place, saw, "write a pattern that matches no other artifact, such as `demo.*`"


def _is_everything(path: str) -> bool:
    """Return whether a path matches all files of a checkout, such as `.`, `**` and `${{ github.workspace }}/*`."""
    return not re.sub(r"\$\{\{\s*github\.workspace\s*\}\}", "", path).strip("./*~")


def uploads_are_dists(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publish job publishes exactly the uploaded files, and a checkout can contain credentials."""
    wrong = list(_wrong_uploads(workflow, policy))
    yield from wrong or _missing_uploads(workflow, policy)


def _wrong_uploads(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    contract = {"check-dists", "verify-published"}  # their uploads are compared with contract.yml
    for upload in _uploads(workflow):
        paths = upload.step.get("with", "path")
        if paths is None or upload.job.id in contract:
            continue
        names = {name.partition(".")[0] for name in upload.names}
        artifact = next((item for item in policy.artifacts if {item.name} == names), None)
        lines = "\n".join(expanded(upload.job, paths.text)).split("\n")
        for path in map(str.strip, lines):
            if not path or path.startswith("!"):
                continue
            if _is_everything(path):
                saw = f"`{upload.job.id}` uploads the whole checkout: `{path}`"
            elif artifact and (saw := _other_files(upload.job, path, artifact, policy)):
                pass
            else:
                continue
            yield paths.place, saw, "write only dists of the artifact, such as `path: dist/demo-*.whl`"
            break


def _files(artifact: Artifact) -> list[str]:
    """Return the names of the files of an artifact in a release."""
    if artifact.registry == "crates.io":
        return [f"{artifact.name}-0.4.0.crate"]
    name = normalised("pypi", artifact.name).replace("-", "_")
    return [f"{name}-0.4.0.tar.gz", f"{name}-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl"]


def _other_files(job: Job, path: str, artifact: Artifact, policy: Policy) -> str:
    """Return what is wrong with the path of an upload for an artifact: another directory, or files of others."""
    directory, _, pattern = path.removeprefix("./").rpartition("/")
    if directory != "dist" and directory:
        return f"`{job.id}` uploads `{path}` for `{artifact.name}`, which is not in `dist`"
    if not any(fnmatchcase(file, pattern) for file in _files(artifact)):
        return f"`{job.id}` uploads `{path}`, which matches no file of `{artifact.name}`"
    others = (item for item in policy.artifacts if item is not artifact)
    other = next((item for item in others if any(fnmatchcase(file, pattern) for file in _files(item))), None)
    return f"`{path}` for `{artifact.name}` also matches the files of `{other.name}`" if other else ""


def _missing_uploads(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Yield the artifacts of which a kind of file is not uploaded, by the builds or by `fetch-dists`."""
    uploads = _uploads(workflow)
    for artifact in policy.artifacts:
        mine = [upload for upload in uploads if {name.partition(".")[0] for name in upload.names} == {artifact.name}]
        for group in (False, True):
            chosen = [upload for upload in mine if (upload.job.id == "fetch-dists") is group]
            lines = [line for upload in chosen for line in upload.step.text_at("with", "path").split()]
            patterns = [line.removeprefix("./").removeprefix("dist/") for line in lines]
            missing = [file for file in _files(artifact) if not any(fnmatchcase(file, pattern) for pattern in patterns)]
            if missing and (chosen or not group):
                place = chosen[0].place if chosen else Place(workflow.file)
                kind = missing[0].removeprefix(missing[0].partition("-0.4.0")[0]).rpartition(".")[2]
                saw = f"no job uploads the {kind} files of `{artifact.name}`"
                yield place, saw, f"write a step that uploads `dist/{missing[0].partition('0.4.0')[0]}*.{kind}`"
                break


def uploads_are_not_empty(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A release without wheels could be published."""
    for upload in _uploads(workflow):
        setting = upload.step.get("with", "if-no-files-found")
        if setting is None or setting.text != "error":
            place = setting.place if setting else upload.place
            saw = f"`{upload.job.id}` succeeds without a file to upload"
            yield place, saw, "write `if-no-files-found: error`"
