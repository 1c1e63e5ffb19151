"""papermill plug-in: complete papermill's command line, and register our engine.

`papermill runbooks/release.ipynb -p version 0.4.0` should work everywhere. Without this plug-in, papermill handles this
command line in one of three ways:

- on a terminal it reports an error, because the output path is missing;
- if standard input is a pipe, it uses the only path as the *output*, and can overwrite the runbook with the content of
  the pipe (this is intended; nteract/papermill#375 is about its missing documentation);
- a version that looks like a number arrives in the notebook as a number, `1.10` as 1.1.

papermill has no settings for this. But it imports all installed plug-ins of the group `papermill.engine` before it
parses its arguments. On import, this plug-in changes `sys.argv` if and only if the process is papermill's command line
with one of our runbooks. A notebook is our runbook if its metadata has the key `binoc_runbook`; its file name does not
matter.

Every `import papermill` on the machine imports this module. So it imports as little as possible and raises no errors;
the code for runs is in `engine`, which is imported only for a run.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from binoc_runbook.notebook.command_line import Invocation, amend

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from nbformat import NotebookNode

    from binoc_runbook.finding import RefusedError


#: The message for an interruption outside of the cells.
INTERRUPTED = "interrupted; run the same command again to continue"


def _is_papermill() -> bool:
    """Return whether this process is the command papermill or `python -m papermill`."""
    command = sys.argv[0] if sys.argv else ""
    if command != "-m":
        return Path(command).name.lower() in {"papermill", "papermill.exe", "papermill-script.py"}
    # During the import of a package for -m, argv has no name yet; the original line has it before the arguments.
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    return bool(before) and re.fullmatch(r"(-[A-Za-z]*m)?papermill(\.__main__)?", before[-1]) is not None


def _reopen_closed_streams() -> None:
    """Open /dev/null for closed standard streams; otherwise papermill fails, or writes to another file."""
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
    """Print the error of a run without the traceback through click and papermill; the engine prints that of a cell.

    Raises:
        SystemExit: The run was interrupted, so the exit code is not 1 but 130.
    """
    if kind.__name__ == "PapermillExecutionError":
        from binoc_runbook.notebook.engine import exit_code

        raise SystemExit(exit_code(error))
    if kind is KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        raise SystemExit(130)
    if kind.__name__ == "RefusedError":
        from binoc_runbook.display.terminal import show_refusal

        show_refusal(sys.stderr, cast("RefusedError", error))
    elif issubclass(kind, OSError) or kind.__module__.startswith(("papermill.", "nbformat.", "jupyter_client.")):
        from binoc_runbook.redaction import mask

        # A missing directory, a broken notebook, an unknown kernel.
        print(mask(f"{kind.__name__}: {error}"), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _stop(number: int, frame: FrameType | None) -> None:
    """Exit on Ctrl-C before the engine starts and after it ends; click would exit with 1."""
    print(INTERRUPTED, file=sys.stderr)
    raise SystemExit(130)


def _start() -> Invocation | None:
    """Amend the command line of this process if it runs our runbook; ignore errors, so that papermill always starts."""
    with contextlib.suppress(Exception):
        arguments = sys.argv[1:]
        if _is_papermill() and (run := amend(arguments)):
            _reopen_closed_streams()
            if isinstance(sys.stderr, io.TextIOWrapper):
                sys.stderr.reconfigure(errors="replace")
            # papermill warns about `-` as a path.
            warnings.filterwarnings("ignore", message="the file is not specified with any extension : -$")
            sys.argv[1:] = arguments
            sys.excepthook = _report
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, _stop)
            return run
    return None


class RunbookEngine:
    """The papermill engine for runbooks; the module `engine` does the work.

    It has the methods that papermill calls on an engine. It is not a subclass of papermill's `Engine`: papermill cannot
    be imported here, because it is importing this module.
    """

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, **options: Any) -> NotebookNode:
        """Run the notebook and return it executed, with clean outputs."""
        from binoc_runbook.notebook.engine import execute

        return execute(nb, kernel_name, invocation=invocation, **options)

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """Return the kernel of the command line, else that of the notebook."""
        from papermill.utils import nb_kernel_name  # type: ignore[import-untyped]  # papermill has no annotations

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """Return the language of the command line, else that of the notebook."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))


#: The run that this process was started for; None if the process is not papermill with one of our runbooks.
invocation = _start()
