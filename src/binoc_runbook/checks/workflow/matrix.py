"""Entries of a job's matrix, and texts of the job for each entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice, product

from binoc_runbook.checks.workflow.model import Job, Node

_Entry = dict[str, "Node"]

#: The maximum that GitHub starts for one job.
_MAX_ENTRIES = 256


def entries(job: Job) -> list[_Entry]:
    """Return the entries of a job's matrix, combined as by GitHub; one empty entry for a job without a matrix."""
    matrix = job.node.items("strategy", "matrix")
    lists = {key.text: value.elements() for key, value in matrix if key.text not in ("include", "exclude")}
    combinations = islice(product(*lists.values()), _MAX_ENTRIES) if lists else ()
    combined: list[_Entry] = [dict(zip(lists, values, strict=True)) for values in combinations]
    for excluded in job.node.elements("strategy", "matrix", "exclude"):
        combined = [entry for entry in combined if not _agree(entry, _entry(excluded))]
    original = list(combined)
    for included in job.node.elements("strategy", "matrix", "include"):
        added = _entry(included)
        shared = {key: value for key, value in added.items() if key in lists}
        fitting = [entry for entry in original if _agree(entry, shared)]
        for entry in fitting:
            entry.update(added)
        if not fitting:
            combined.append(added)
    return combined or [{}]


def expanded(job: Job, text: str) -> Iterator[str]:
    """Yield a text for each entry of the matrix; other expressions stay as they are."""
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
