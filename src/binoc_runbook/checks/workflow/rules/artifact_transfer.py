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
from binoc_runbook.policy import Policy

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
    """Only checked dists may be published, and a checkout can contain credentials."""
    downloads = _downloads(workflow, policy)
    for upload in _uploads(workflow):
        paths = upload.step.get("with", "path")
        if paths is None:
            continue
        published = any(download.matches(name) for download in downloads for name in upload.names)
        lines = "\n".join(expanded(upload.job, paths.text)).split("\n")
        for path in map(str.strip, lines):
            if not path or path.startswith("!"):
                continue
            if _is_everything(path):
                saw = f"`{upload.job.id}` uploads the whole checkout: `{path}`"
            elif published and path.removeprefix("./").split("/")[0] != "dist":
                saw = f"`{upload.job.id}` uploads `{path}` for a publish job, which is not in `dist`"
            else:
                continue
            yield paths.place, saw, "write only dists, such as `path: dist/*.whl`"
            break


def uploads_are_not_empty(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A release without wheels could be published."""
    for upload in _uploads(workflow):
        setting = upload.step.get("with", "if-no-files-found")
        if setting is None or setting.text != "error":
            place = setting.place if setting else upload.place
            saw = f"`{upload.job.id}` succeeds without a file to upload"
            yield place, saw, "write `if-no-files-found: error`"
