"""papermill's command line: read it, and complete it for a runbook of ours."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from binoc_runbook.files import root_of
from binoc_runbook.notebook.messages import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The name under which papermill knows the engine (`--engine`), as declared in `pyproject.toml`.
ENGINE = "binoc-runbook"

#: Where records go that nobody asked to be elsewhere: a directory at the root of the checkout, ignored by git.
RUNS = "runs"

#: papermill's options and how many values each takes. Those that end papermill before it runs anything (`--help`,
#: `--version`, `--help-notebook`) are left out on purpose: a line with an option that is not listed stays as it is.
OPTIONS: Mapping[str, int] = {
    **dict.fromkeys(("-p", "--parameters", "-r", "--parameters_raw"), 2),
    **dict.fromkeys(("-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64"), 1),
    **dict.fromkeys(("-k", "--kernel", "-l", "--language", "--engine", "--cwd", "--autosave-cell-every"), 1),
    **dict.fromkeys(("--stdout-file", "--stderr-file", "--log-level"), 1),
    **dict.fromkeys(("--start-timeout", "--start_timeout", "--execution-timeout"), 1),
    **dict.fromkeys(("--inject-input-path", "--inject-output-path", "--inject-paths"), 0),
    **dict.fromkeys(("--request-save-on-cell-execute", "--no-request-save-on-cell-execute"), 0),
    **dict.fromkeys(("--prepare-only", "--prepare-execute", "--progress-bar", "--no-progress-bar"), 0),
    **dict.fromkeys(("--log-output", "--no-log-output", "--report-mode", "--no-report-mode"), 0),
}

_RAW = {"-p": "-r", "--parameters": "--parameters_raw"}


class Option(NamedTuple):
    """One option as it was typed: where it stands in the line, its name and its values."""

    at: int
    name: str
    values: tuple[str, ...]


class Invocation(NamedTuple):
    """The run that this process was started for, as far as the command line tells."""

    notebook: Path
    root: Path
    typed_in: Path
    cwd_given: bool


def parse(arguments: Sequence[str]) -> tuple[list[int], list[Option]] | None:
    """Read a papermill command line: the indexes of its paths, and its options; None if it is not understood.

    It follows click: values may be attached (`-pversion 0.4.0`, `--cwd=x`), options and paths may be mixed, `--` ends
    the options, and `-` is a path.
    """
    paths: list[int] = []
    options: list[Option] = []
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if argument == "--":
            paths.extend(range(at + 1, len(arguments)))
            break
        if argument == "-" or not argument.startswith("-"):
            paths.append(at)
            at += 1
            continue
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            attached = [value] if equals else []
        else:
            name, attached = argument[:2], [argument[2:]] if argument[2:] else []
        wanted = OPTIONS.get(name)
        if wanted is None or len(attached) > wanted:
            return None
        end = at + 1 + wanted - len(attached)
        if end > len(arguments):
            return None
        options.append(Option(at, name, (*attached, *arguments[at + 1 : end])))
        at = end
    return paths, options


def amend(arguments: list[str]) -> Invocation | None:
    """Complete a papermill command line in place; None, and nothing changed, if it does not run a runbook of ours.

    Adds the engine unless one is named, the output path unless there is one, and passes the version as it was typed.
    """
    parsed = parse(arguments)
    if parsed is None:
        return None
    paths, options = parsed
    if not 1 <= len(paths) <= 2:
        return None
    notebook = Path(arguments[paths[0]])
    runbook = _runbook(notebook)
    if runbook is None:
        return None
    notebook = notebook.resolve()
    root = root_of(notebook) or notebook.parent

    passed = [option for option in options if option.name in (*_RAW, *_RAW.values()) and option.values[0] == "version"]
    raw = [option for option in passed if option.name not in _RAW]  # which papermill prefers
    for option in [] if raw else passed:
        if option.values[1] != "None":  # which papermill makes the default of the runbook, as it should
            arguments[option.at] = _RAW[option.name] + arguments[option.at].removeprefix(option.name)
    if len(paths) == 2:
        if Path(arguments[paths[1]]).resolve().parent == root / RUNS:
            _make_runs(root)  # a fresh clone has none, and papermill would say no more than that
    else:
        version = (raw or passed)[-1].values[1] if passed else ""
        output = _new_record(notebook, root, runbook, version) if os.isatty(1) else "-"
        arguments[paths[0]] = _escaped(arguments[paths[0]])
        arguments.insert(paths[0] + 1, output)
    names = {option.name for option in options}
    if "--engine" not in names:
        arguments[:0] = ["--engine", ENGINE]
    return Invocation(notebook, root, Path.cwd(), "--cwd" in names)


def _runbook(path: Path) -> str | None:
    """Read which of our runbooks a file is."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    if MARK.encode() not in content:  # most notebooks of the world are not ours and are not parsed
        return None
    try:
        notebook = json.loads(content)
    except ValueError:
        return "release"  # ours and broken, as by a merge: papermill reads it, and says so, rather than write over it
    mark = notebook["metadata"].get(MARK)
    return str(mark.get("runbook", "release")) if isinstance(mark, dict) else None


def _new_record(notebook: Path, root: Path, runbook: str, version: str) -> str:
    """Choose where the record of this version goes, in a spelling that is short and that papermill leaves alone."""
    named = "" if version == "None" else version
    # A release is filed under its version alone.
    told = named or runbook if runbook == "release" else f"{runbook}-{named}"
    stem = re.sub(r"[^\w.+-]+", "-", told).strip(".-")[:80] or "release"
    record = root / RUNS / f"{stem}.ipynb"
    if record == notebook:  # somebody runs a record again: that must not destroy it
        record = record.with_stem(f"{stem}-again")
    _make_runs(root)
    return _escaped(os.path.relpath(record) if Path.cwd().is_relative_to(root) else str(record))


def _make_runs(root: Path) -> None:
    with contextlib.suppress(OSError):  # papermill says what is wrong with the directory, and nothing ran yet
        (root / RUNS).mkdir(exist_ok=True)


def _escaped(path: str) -> str:
    # papermill fills parameters into both paths with str.format.
    return path.replace("{", "{{").replace("}", "}}")
