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
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binoc_runbook.notebook.command_line import Invocation, amend

if TYPE_CHECKING:
    from types import TracebackType

    from nbformat import NotebookNode


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
        from binoc_runbook.notebook.engine import last_words

        print(last_words(error), file=sys.stderr)
    elif kind is KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    elif issubclass(kind, OSError) or kind.__module__.startswith(("papermill.", "nbformat.", "jupyter_client.")):
        print(f"{kind.__name__}: {error}", file=sys.stderr)  # a missing directory, a broken notebook, an unknown kernel
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
        from binoc_runbook.notebook.engine import execute

        return execute(nb, kernel_name, invocation=invocation, **options)

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
