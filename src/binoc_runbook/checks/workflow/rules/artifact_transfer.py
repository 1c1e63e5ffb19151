"""Which files go from one job to the next."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

#: More than anybody writes with braces.
_MOST_PATTERNS = 256


@dataclass(frozen=True)
class _Upload:
    job: Job
    step: Node
    #: Its name in each run of the job, and where that is written.
    names: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class _Download:
    job: Job
    step: Node
    #: None for all artifacts of the run.
    pattern: Node | None

    def takes(self, name: str) -> bool:
        return self.pattern is None or any(fnmatch.fnmatchcase(name, each) for each in _braces(self.pattern.text))


def _uploads(workflow: WorkflowFile) -> list[_Upload]:
    uploads = []
    for job, step in workflow.steps:
        if action_of(step) == "actions/upload-artifact":
            names = expanded(job, step.text_at("with", "name") or "artifact")
            uploads.append(_Upload(job, step, tuple(names), (step.get("with", "name") or step).place))
    return uploads


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
        for name, count in Counter(upload.names).items():
            if "${{" in name:  # only a run knows it
                continue
            if first.setdefault(name, upload) is not upload:
                saw = f"`{upload.job.id}` and `{first[name].job.id}` upload the same name, `{name}`"
                yield upload.place, saw, "give each a name of its own"
            elif count > 1:
                saw = f"`{upload.job.id}` uploads the same name `{name}` for {count} entries of its matrix"
                yield upload.place, saw, "write what tells them apart into the name: `${{ matrix.… }}`"


def patterns_are_disjoint(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """One project would be published with the files of the other, as `binoc-*` also matches `binoc-sqlite-*`."""
    names = [name for upload in _uploads(workflow) for name in dict.fromkeys(upload.names)]
    takes = [(download, {name for name in names if download.takes(name)}) for download in _downloads(workflow, policy)]
    for (download, taken), (other, also) in combinations(takes, 2):
        if download.job.id == other.job.id or not taken & also:
            continue
        # The one that takes more reaches too far.
        far, near = (download, other) if len(taken) >= len(also) else (other, download)
        name = next(name for name in names if name in taken & also)
        pattern = f"`{far.pattern.text}`" if far.pattern else "the download"
        saw = f"{pattern} of `{far.job.id}` also takes `{name}`, which `{near.job.id}` publishes"
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
        lines = "\n".join(expanded(upload.job, given.text)).split("\n")
        for path in map(str.strip, lines):
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
            place = given.place if given else upload.place
            saw = f"`{upload.job.id}` succeeds with nothing to upload"
            yield place, saw, "write `if-no-files-found: error`"
