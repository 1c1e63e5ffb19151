"""Commands of the job that downloads the workflow artifacts of the run of a tag."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from binoc_runbook.rehearsal.gh.command import GhCommand
from binoc_runbook.rehearsal.gh.forge import Forge

_REPOSITORY = r"repos/[\w.-]+/[\w.-]+"
#: The filter that selects the checksums and the dists of a run, with the fields that the job compares.
_SELECT = '.artifacts[] | select(.name | test("^sums$|^{prefix}.*[.]")) | [.id, .name, .digest, .expired] | @tsv'
_PREFIX = "(?P<prefix>[a-z0-9-]+)"


def latest_run(forge: Forge, groups: Mapping[str, str]) -> bytes:
    """Return the number of the newest run; an empty line if there is none, as jq prints null."""
    runs = json.loads(forge.get(groups["path"]))["workflow_runs"]
    return f"{runs[0]['id'] if runs else ''}\n".encode()


def list_artifacts(forge: Forge, groups: Mapping[str, str]) -> bytes:
    """Return the selected workflow artifacts as lines of tab-separated values."""
    wanted = re.compile(rf"^sums$|^{groups['prefix']}.*[.]")
    artifacts = [artifact for page in forge.pages(groups["path"]) for artifact in page["artifacts"]]
    rows = [
        [artifact[key] for key in ("id", "name", "digest", "expired")]
        for artifact in artifacts
        if wanted.search(artifact["name"])
    ]
    return "".join("\t".join(map(_field, row)) + "\n" for row in rows).encode()


def download_artifact(forge: Forge, groups: Mapping[str, str]) -> bytes:
    """Return the ZIP file of a workflow artifact."""
    return forge.get(groups["path"])


def _field(value: Any) -> str:
    """Return a value as `@tsv` of jq prints it."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    escaped = str(value).replace("\\", "\\\\")
    return escaped.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


COMMANDS = (
    GhCommand(
        (
            "api",
            re.compile(
                rf"(?P<path>{_REPOSITORY}/actions/workflows/[\w.-]+\.ya?ml/runs"
                r"\?event=push&branch=[^&]+&head_sha=[0-9a-f]{40})"
            ),
            "--jq",
            ".workflow_runs[0].id",
        ),
        latest_run,
    ),
    GhCommand(
        (
            "api",
            "--paginate",
            re.compile(rf"(?P<path>{_REPOSITORY}/actions/runs/\d*/artifacts\?per_page=100)"),
            "--jq",
            re.compile(re.escape(_SELECT).replace(re.escape("{prefix}"), _PREFIX)),
        ),
        list_artifacts,
    ),
    GhCommand(("api", re.compile(rf"(?P<path>{_REPOSITORY}/actions/artifacts/\d+/zip)")), download_artifact),
)
