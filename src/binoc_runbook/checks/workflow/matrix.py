"""The entries of a job's matrix, and the texts of the job for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice, product

from binoc_runbook.checks.workflow.model import Job, Node

_Entry = dict[str, "Node"]

#: More than GitHub starts for one job.
_MOST = 256


def entries(job: Job) -> list[_Entry]:
    """Return the entries of a job's matrix, as GitHub combines them; one empty entry for a job without a matrix."""
    matrix = job.node.items("strategy", "matrix")
    lists = {key.text: value.elements() for key, value in matrix if key.text not in ("include", "exclude")}
    combinations = islice(product(*lists.values()), _MOST) if lists else ()
    combined: list[_Entry] = [dict(zip(lists, values, strict=True)) for values in combinations]
    for out in job.node.elements("strategy", "matrix", "exclude"):
        combined = [entry for entry in combined if not _agree(entry, _entry(out))]
    original = list(combined)
    for more in job.node.elements("strategy", "matrix", "include"):
        added = _entry(more)
        shared = {key: value for key, value in added.items() if key in lists}
        fitting = [entry for entry in original if _agree(entry, shared)]
        for entry in fitting:
            entry.update(added)
        if not fitting:
            combined.append(added)
    return combined or [{}]


def expanded(job: Job, text: str) -> Iterator[str]:
    """Return a text for each entry of the matrix; expressions about something else stay as they are."""
    for entry in entries(job):
        yield re.sub(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}", partial(_value, entry), text)


def _value(entry: _Entry, match: re.Match[str]) -> str:
    key, *path = match[1].split(".")
    value = entry[key].get(*path) if key in entry else None
    return value.text if value else match[0]


def _entry(node: Node) -> _Entry:
    return {key.text: value for key, value in node.items()}


def _agree(entry: _Entry, other: _Entry) -> bool:
    return all(key in entry and entry[key].text == value.text for key, value in other.items())
