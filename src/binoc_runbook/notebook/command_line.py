"""papermill's command line: parse it, and complete it for our runbooks."""

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

#: The name of the engine in papermill (`--engine`), as declared in `pyproject.toml`.
ENGINE = "binoc-runbook"

#: The default directory of records, at the root of the checkout; ignored by git.
RUNS = "runs"

#: papermill's options, and how many values each takes. Options that make papermill exit without a run (`--help`,
#: `--version`, `--help-notebook`) are not listed: a command line with an unlisted option is not changed.
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
    """An option of the command line: its position, its name and its values."""

    at: int
    name: str
    values: tuple[str, ...]


class Invocation(NamedTuple):
    """The run that the command line of this process requests; `directory` is the one in which it was typed."""

    notebook: Path
    root: Path
    directory: Path
    cwd_given: bool


def parse(arguments: Sequence[str]) -> tuple[list[int], list[Option]] | None:
    """Return the indexes of the paths in a papermill command line, and its options; None if it cannot be parsed.

    Parses like click: values can be attached (`-pversion 0.4.0`, `--cwd=x`), options and paths can be mixed, `--` ends
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
        count = OPTIONS.get(name)
        if count is None or len(attached) > count:
            return None
        end = at + 1 + count - len(attached)
        if end > len(arguments):
            return None
        options.append(Option(at, name, (*attached, *arguments[at + 1 : end])))
        at = end
    return paths, options


def amend(arguments: list[str]) -> Invocation | None:
    """Complete a papermill command line in place; return None, and change nothing, if it does not run our runbook.

    Adds the engine and the output path if they are missing, and passes the version as text.
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
    raw = [option for option in passed if option.name not in _RAW]  # papermill prefers these
    for option in [] if raw else passed:
        if option.values[1] != "None":  # papermill converts this to None, the default of the runbook
            arguments[option.at] = _RAW[option.name] + arguments[option.at].removeprefix(option.name)
    if len(paths) == 2:
        if Path(arguments[paths[1]]).resolve().parent == root / RUNS:
            _make_runs(root)  # a new clone does not have the directory, and papermill would fail
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
    """Return which of our runbooks a file is, or None."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    if MARK.encode() not in content:  # other notebooks are not parsed
        return None
    try:
        notebook = json.loads(content)
    except ValueError:
        return "release"  # our runbook, but invalid JSON (such as a merge conflict): papermill reports the error
    mark = notebook["metadata"].get(MARK)
    return str(mark.get("runbook", "release")) if isinstance(mark, dict) else None


def _new_record(notebook: Path, root: Path, runbook: str, version: str) -> str:
    """Return the path of the record of this version, relative if possible, with braces escaped."""
    label = "" if version == "None" else version
    # The record of a release is named after its version only.
    name = label or runbook if runbook == "release" else f"{runbook}-{label}"
    stem = re.sub(r"[^\w.+-]+", "-", name).strip(".-")[:80] or "release"
    record = root / RUNS / f"{stem}.ipynb"
    if record == notebook:  # a record is run again: do not overwrite it
        record = record.with_stem(f"{stem}-again")
    _make_runs(root)
    return _escaped(os.path.relpath(record) if Path.cwd().is_relative_to(root) else str(record))


def _make_runs(root: Path) -> None:
    with contextlib.suppress(OSError):  # papermill reports the error of the directory before it runs a cell
        (root / RUNS).mkdir(exist_ok=True)


def _escaped(path: str) -> str:
    # papermill formats both paths with str.format and the parameters.
    return path.replace("{", "{{").replace("}", "}}")
