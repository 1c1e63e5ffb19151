"""Which files go from one job to the next."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy

#: More than anybody writes with braces.
_MOST_PATTERNS = 256


@dataclass(frozen=True)
class _Upload:
    job: Job
    step: Node
    #: Its name in each run of the job.
    names: tuple[str, ...]

    @property
    def place_of_name(self) -> Node:
        return self.step.get("with", "name") or self.step


@dataclass(frozen=True)
class _Download:
    job: Job
    step: Node
    #: None for all artifacts of the run.
    pattern: Node | None

    def takes(self, name: str) -> bool:
        if self.pattern is None:
            return True
        return any(fnmatch.fnmatchcase(name, each) for each in _braces(self.pattern.text))


def _uploads(workflow: WorkflowFile) -> list[_Upload]:
    return [
        _Upload(job, step, tuple(expanded(job, step.text_at("with", "name") or "artifact")))
        for job in workflow.all_jobs
        for step in job.steps
        if action_of(step) == "actions/upload-artifact"
    ]


def _downloads(workflow: WorkflowFile, policy: Policy) -> list[_Download]:
    """What the publish jobs take from this run."""
    return [
        _Download(job, step, step.get("with", "name") or step.get("with", "pattern"))
        for job in workflow.publishing(policy)
        for step in job.steps
        if action_of(step) == "actions/download-artifact"
        and not (step.get("with", "run-id") or step.get("with", "artifact-ids"))
    ]


def _braces(pattern: str) -> list[str]:
    """Write out `{a,b}`, as the action does."""
    waiting, plain = [pattern], list[str]()
    while waiting and len(waiting) + len(plain) < _MOST_PATTERNS:
        each = waiting.pop()
        if found := re.search(r"\{([^{}]*,[^{}]*)\}", each):
            waiting += [f"{each[: found.start()]}{part}{each[found.end() :]}" for part in found[1].split(",")]
        else:
            plain.append(each)
    return [*plain, *waiting]


def names_are_unique(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """One would be refused, or take the place of the other."""
    first: dict[str, _Upload] = {}
    for upload in _uploads(workflow):
        place = upload.place_of_name.place
        for name, count in Counter(upload.names).items():
            if "${{" in name:  # only a run knows it
                continue
            if first.setdefault(name, upload) is not upload:
                saw = f"`{upload.job.id}` and `{first[name].job.id}` upload the same name, `{name}`"
                yield place, saw, "give each a name of its own"
            elif count > 1:
                saw = f"`{upload.job.id}` uploads the same name `{name}` for {count} entries of its matrix"
                yield place, saw, "write what tells them apart into the name: `${{ matrix.… }}`"


def patterns_are_disjoint(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """One project would be published with the files of the other, as `binoc-*` also matches `binoc-sqlite-*`."""
    names = [name for upload in _uploads(workflow) for name in dict.fromkeys(upload.names)]
    takes = [(download, {name for name in names if download.takes(name)}) for download in _downloads(workflow, policy)]
    for at, (download, taken) in enumerate(takes):
        for other, also in takes[at + 1 :]:
            if download.job.id == other.job.id or not taken & also:
                continue
            # The one that takes more reaches too far.
            far, near = (download, other) if len(taken) >= len(also) else (other, download)
            name = next(name for name in names if name in taken & also)
            said = f"`{far.pattern.text}`" if far.pattern else "the download"
            saw = f"{said} of `{far.job.id}` also takes `{name}`, which `{near.job.id}` publishes"
            place = (far.pattern or far.step).place
            yield place, saw, "write names that no pattern of another artifact matches, such as `demo.*`"


def _is_everything(path: str) -> bool:
    """Whether a path stands for all files of a checkout, as `.`, `**` and `${{ github.workspace }}/*` do."""
    return not re.sub(r"\$\{\{\s*github\.workspace\s*\}\}", "", path).strip("./*~")


def uploads_are_built(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Only what was built and inspected may be published; a checkout can hold credentials."""
    downloads = _downloads(workflow, policy)
    for upload in _uploads(workflow):
        given = upload.step.get("with", "path")
        if given is None:
            continue
        published = any(download.takes(name) for download in downloads for name in upload.names)
        for path in dict.fromkeys(
            line.strip() for text in expanded(upload.job, given.text) for line in text.split("\n")
        ):
            if not path or path.startswith("!"):
                continue
            if _is_everything(path):
                saw = f"`{upload.job.id}` uploads the whole checkout: `{path}`"
            elif published and path.removeprefix("./").split("/")[0] != "dist":
                saw = f"`{upload.job.id}` uploads `{path}` to be published, which is not in `dist`"
            else:
                continue
            yield given.place, saw, "write the files that were built, such as `path: dist/*.whl`"
            break


def uploads_are_not_empty(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A release without its wheels would be published."""
    for upload in _uploads(workflow):
        given = upload.step.get("with", "if-no-files-found")
        if given is None or given.text != "error":
            place = (given or upload.place_of_name).place
            saw = f"`{upload.job.id}` succeeds with nothing to upload"
            yield place, saw, "write `if-no-files-found: error`"
