"""What papermill meets when it starts: its command line is completed, and our engine is known to it.

`papermill runbooks/release.ipynb -p version 0.4.0` should be all that a person has to type, wherever it is typed.
Left to itself papermill makes three things of that line:

- on a terminal it refuses, because it wants an output path;
- with standard input a pipe it takes the one path for the *output* and can overwrite the runbook with whatever comes
  through the pipe (nteract/papermill#375 is about the missing words on that; the behaviour itself is intended);
- and a version that looks like a number reaches the notebook as one, `1.10` as 1.1.

papermill has no setting for any of it. It does import every installed plug-in of the group `papermill.engine` before
it reads its arguments, and this module is such a plug-in: on import it amends `sys.argv`, if and only if the process is
a papermill command line that runs a runbook of ours. A runbook is ours when its metadata says so (`binoc_runbook`), not
when its file name does.

The module is imported at every `import papermill` on the machine. So it imports next to nothing, raises nothing, and
leaves what happens during a run to a neighbour that is imported when there is a run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from binoc_runbook.files import root_of
from binoc_runbook.messages import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from nbformat import NotebookNode

#: The name under which papermill knows the engine (`--engine`), as declared in `pyproject.toml`.
ENGINE = "binoc-runbook"

#: Where records go that nobody asked to be elsewhere: a folder at the root of the checkout, ignored by git.
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
    with contextlib.suppress(OSError):  # papermill says what is wrong with the folder, and nothing ran yet
        (root / RUNS).mkdir(exist_ok=True)


def _escaped(path: str) -> str:
    # papermill fills parameters into both paths with str.format.
    return path.replace("{", "{{").replace("}", "}}")


def _is_papermill() -> bool:
    """Whether this process is the command papermill or `python -m papermill`."""
    command = sys.argv[0] if sys.argv else ""
    if command != "-m":
        return Path(command).name.lower() in {"papermill", "papermill.exe", "papermill-script.py"}
    # While a package is imported for -m, argv does not name it yet; the original line does, just before the arguments.
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    return bool(before) and re.fullmatch(r"(-[A-Za-z]*m)?papermill(\.__main__)?", before[-1]) is not None


def _reopen_closed_streams() -> None:
    """Put /dev/null where a standard stream is closed: papermill fails without them, or writes into another file."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say the last words of a failed run, without the way there through click and papermill."""
    if kind.__name__ == "PapermillExecutionError":
        from binoc_runbook._papermill_run import last_words

        print(last_words(error), file=sys.stderr)
    elif kind is KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    elif issubclass(kind, OSError) or kind.__module__.startswith(("papermill.", "nbformat.", "jupyter_client.")):
        print(f"{kind.__name__}: {error}", file=sys.stderr)  # a missing folder, a broken notebook, an unknown kernel
    else:
        sys.__excepthook__(kind, error, trace)


def _start() -> Invocation | None:
    """Amend the command line of this process, if it is one of ours; whatever goes wrong, papermill starts as ever."""
    with contextlib.suppress(Exception):
        arguments = sys.argv[1:]
        if _is_papermill() and (run := amend(arguments)):
            _reopen_closed_streams()
            if isinstance(sys.stderr, io.TextIOWrapper):
                sys.stderr.reconfigure(errors="replace")
            # What papermill has to say about `-` as a path.
            warnings.filterwarnings("ignore", message="the file is not specified with any extension : -$")
            sys.argv[1:] = arguments
            sys.excepthook = _report
            return run
    return None


class RunbookEngine:
    """Runs a runbook for papermill: live lines, a kernel that keeps out of standard output, a record fit to be kept.

    It has the methods that papermill calls on an engine. It is not a subclass of papermill's `Engine`: papermill would
    have to be imported for that, here, while it is itself importing this module.
    """

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, **options: Any) -> NotebookNode:
        """Run the notebook and return it executed, with its outputs made fit for a record."""
        from binoc_runbook._papermill_run import execute

        return execute(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """Take the kernel that the notebook names, unless the command line names one."""
        from papermill.utils import nb_kernel_name  # type: ignore[import-untyped]  # papermill carries no types

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """Take the language that the notebook names, unless the command line names one."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))


#: The run that this process was started for; None in every process that is not papermill with a runbook of ours.
invocation = _start()
