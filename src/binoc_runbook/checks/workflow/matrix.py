"""What a job's texts say for each entry of its matrix."""

from __future__ import annotations

import re
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.checks.workflow.model import Job, Node

_Entry = dict[str, "Node"]

#: More than GitHub starts for one job.
_MOST = 256


def entries(job: Job) -> list[_Entry]:
    """List the entries of a job's matrix, as GitHub combines them; one that is empty for a job without."""
    matrix = job.node.get("strategy", "matrix")
    if matrix is None or not matrix.is_mapping:
        return [{}]
    lists = {key.text: value.elements() for key, value in matrix.items() if key.text not in ("include", "exclude")}
    found: list[_Entry] = []
    for values in product(*lists.values()) if lists else ():
        found.append(dict(zip(lists, values, strict=True)))
        if len(found) == _MOST:
            break
    excluded = matrix.get("exclude")
    for out in excluded.elements() if excluded else ():
        found = [entry for entry in found if not _agree(entry, _entry(out))]
    included, original = matrix.get("include"), list(found)
    for more in included.elements() if included else ():
        added = _entry(more)
        shared = {key: value for key, value in added.items() if key in lists}
        fitting = [entry for entry in original if _agree(entry, shared)]
        for entry in fitting:
            entry.update(added)
        if not fitting:
            found.append(added)
    return found or [{}]


def expanded(job: Job, text: str) -> Iterator[str]:
    """Write a text as each entry of the matrix has it; other expressions stay as they are."""
    for entry in entries(job):
        yield re.sub(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}", partial(_value, entry), text)


def _value(entry: _Entry, found: re.Match[str]) -> str:
    key, *path = found[1].split(".")
    value = entry[key].get(*path) if key in entry else None
    return value.text if value else found[0]


def _entry(node: Node) -> _Entry:
    return {key.text: value for key, value in node.items()}


def _agree(entry: _Entry, other: _Entry) -> bool:
    return all(key in entry and entry[key].text == value.text for key, value in other.items())
