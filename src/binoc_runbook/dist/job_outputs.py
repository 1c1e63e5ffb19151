"""Outputs of a workflow job, in the format of the file `GITHUB_OUTPUT`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_END = "END_OF_OUTPUT"


def job_outputs(values: Mapping[str, str]) -> str:
    """Return outputs as lines `name=value`, or with delimiters if the value has several lines.

    From GitHub's page "Workflow commands", section "Multiline strings". The values must not contain the delimiter.
    """
    return "".join(
        f"{name}<<{_END}\n{value.rstrip()}\n{_END}\n" if "\n" in value else f"{name}={value}\n"
        for name, value in values.items()
    )


def append_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Append outputs to a file, which can already have outputs of this step."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(job_outputs(values))
