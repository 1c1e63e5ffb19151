"""A run of a runbook under papermill: what the person sees meanwhile, and what is kept of it.

Imported when papermill runs a runbook, never before. Four things differ from papermill's own engine:

- lines that the library sends while a long command runs (`LIVE`) are printed as they arrive, on standard error;
- nothing that a cell or its children print can reach papermill's standard output, where the record may be going;
- Ctrl-C interrupts the cell and its children, and no cell that did not run is called completed (papermill calls them
  all completed);
- the record names no path of this machine, and a release's record is filed where the library asks for it (`RECORD`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

# papermill carries no types: what comes from it is `Any` here, and so are the classes built on it.
from papermill.clientwrap import PapermillNotebookClient  # type: ignore[import-untyped]
from papermill.engines import NotebookExecutionManager  # type: ignore[import-untyped]
from papermill.iorw import write_ipynb  # type: ignore[import-untyped]
from papermill.log import logger  # type: ignore[import-untyped]

from binoc_runbook import environ
from binoc_runbook.files import root_of
from binoc_runbook.notebook.command_line import Invocation
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import each_string, machine_free, plain

#: What Ctrl-C, `kill` and a closed terminal send.
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def execute(
    nb: NotebookNode,
    kernel_name: str,
    *,
    invocation: Invocation | None = None,
    input_path: str,
    output_path: str | None = None,
    log_output: bool = False,
    autosave_cell_every: int = 30,
    start_timeout: int = 60,
    execution_timeout: int | None = None,
    progress_bar: object = None,
    **options: Any,
) -> NotebookNode:
    """Run a notebook and return it executed and clean.

    `invocation` is the command line that this process was started with, `None` where papermill is called from Python.
    The other parameters are those that papermill gives to an engine, which is why they are so many.

    A cell that failed is not raised here: papermill finds it in the notebook, writes the notebook, and then raises.
    papermill's progress bar stays off, because the library's own lines say more and would tear it apart.
    """
    # Called from Python, the caller's directory counts, and the runbook may be another checkout's.
    typed_in = invocation.typed_in if invocation else Path.cwd()
    notebook = invocation.notebook if invocation else (typed_in / input_path).resolve()
    root = invocation.root if invocation else root_of(typed_in) or typed_in

    paths = nb.metadata.papermill
    paths["input_path"] = _from_root(notebook, root)
    if paths["output_path"] and paths["output_path"] != "-":
        paths["output_path"] = _from_root((typed_in / paths["output_path"]).resolve(), root)

    saving = {"output_path": output_path, "autosave_cell_every": autosave_cell_every}
    manager = RunbookManager(nb, log_output=log_output, progress_bar=False, **saving)
    manager.root = root
    manager.notebook_start()
    try:
        client = RunbookClient(
            manager,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            startup_timeout=start_timeout,
            timeout=execution_timeout,
            resources={"metadata": {"path": str(root)}} if invocation and not invocation.cwd_given else {},
            # Its log is noise to a reader: a warning about TCP at the start (ipython/ipykernel#1515), and now and then
            # an error at the end, because jupyter_client interrupts a kernel before it asks it to go.
            extra_arguments=["--log-level=50"],
            **options,
        )
        client.execute(
            env={**os.environ, environ.OUTPUT: paths["output_path"] or "-"},
            # ipykernel copies what it captures of a cell's children to its own streams. On standard error that shows
            # them live, except where papermill logs the same words again.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if log_output else None,
        )
    finally:
        manager.notebook_complete()
    return nb


class RunbookManager(NotebookExecutionManager):  # type: ignore[misc]
    """papermill's account of a run: the state of each cell, and when the notebook is saved."""

    #: The checkout that the run is about.
    root: Path

    def fail(self, cell: NotebookNode, name: str, message: str) -> None:
        """Let a cell fail for a reason that is not the kernel's; papermill then treats it like any other failure."""
        error = {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}
        cell.outputs.append(NotebookNode(error))  # type: ignore[no-untyped-call]  # nbformat's, partly typed
        self.cell_exception(cell)

    def notebook_complete(self, **_: Any) -> None:
        """Close the account: unlike papermill's, it leaves cells `pending` that never ran, and cleans the record."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        asked = take_record(self.nb)
        clean(self.nb, self.root)
        if asked:
            try:
                say(file_record(self.nb, self.root, asked))
            except (OSError, ValueError) as error:
                last = next(cell for cell in reversed(self.nb.cells) if cell.cell_type == "code")
                reason = machine_free(self.root)(str(error))
                self.fail(last, "RecordNotFiled", f"the record could not be filed: {reason}")
        self.save()


class RunbookClient(PapermillNotebookClient):  # type: ignore[misc]
    """Drives the kernel cell by cell, prints live lines, and stops when asked to."""

    #: How often the person asked to stop.
    stops = 0
    #: Whether the kernel is far enough to be interrupted; before, a signal would make it die with a traceback.
    ready = False
    #: Whether the kernel is dead or deaf, and need not be asked anything.
    lost = False
    #: Whether the message in hand carried live lines, so that it was shown already.
    shown = False

    def execute(self, **kernel: Any) -> None:
        """Run all cells until one fails; the arguments are those of the kernel's process."""
        self.reset_execution_trackers()
        with self._sockets(), self._stopping_on_signals(), self.setup_kernel(**kernel):
            self.log.info(f"Executing notebook with kernel: {self.kernel_name}")
            self.ready = True
            self.papermill_execute_cells()
            if not self.lost:
                reply = self.wait_for_reply(self.kc.kernel_info())
                self.nb.metadata["language_info"] = reply["content"]["language_info"]

    def papermill_execute_cells(self) -> None:
        """Run the cells in order; unlike papermill's, it can stop between cells, and calls no broken cell complete."""
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            try:
                if self.stops and cell.cell_type == "code":
                    self.nb_man.fail(cell, "KeyboardInterrupt", "interrupted before")
                    break
                self.execute_cell(cell, index)
            except CellExecutionError:
                self.nb_man.cell_exception(cell)
                break
            except (DeadKernelError, CellTimeoutError) as error:
                # papermill lets these through, and then nothing at all is written to standard output.
                self.lost = True
                self.shutdown_kernel = "immediate"
                name, message = type(error).__name__, str(error)
                self.nb_man.fail(cell, *(("KeyboardInterrupt", "killed at") if self.stops > 1 else (name, message)))
                break
            except BaseException:
                self.nb_man.cell_exception(cell)
                raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Print the live lines of a message and take them out; the rest of it is papermill's."""
        data = msg["content"].get("data")
        live = data.pop(LIVE, None) if isinstance(data, dict) else None
        self.shown = live is not None
        if live is not None:
            for line in live.get("lines", []):
                say(line)
            if not data:
                return None
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output

    def log_output_message(self, output: NotebookNode) -> None:
        """Log an output as papermill does for `--log-output`, unless its lines were printed already."""
        if not self.shown:
            super().log_output_message(output)

    @contextlib.contextmanager
    def _sockets(self) -> Iterator[None]:
        """Let the kernel talk through sockets in a directory of its own.

        jupyter_client chooses free TCP ports for a kernel that opens them half a second later. Two runs that start
        together choose the same now and then, and one of them waits for a minute and fails (treebeardtech/nbmake#129).
        """
        self.km = self.create_kernel_manager()
        with tempfile.TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True) as directory:
            if (
                os.name == "posix" and len(directory) < 90
            ):  # the system's limit for such a path is 103 bytes or a few more
                self.km.transport, self.km.ip = "ipc", f"{directory}/kernel"
            yield

    @contextlib.contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        """Turn signals to papermill into an interrupt of the kernel, which has a session of its own and gets none.

        By default papermill would drop everything and let the kernel be killed. So the cell fails by itself, with what
        it has to say. Asked a second time, the kernel is killed; a third time, papermill ends as it would without us.
        """

        def stop(number: int, _: FrameType | None) -> None:
            self.stops += 1
            group = getattr(self.km and self.km.provisioner, "pgid", None)
            if self.stops > 2:
                raise KeyboardInterrupt
            if group and (self.ready or self.stops > 1):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGINT if self.stops == 1 else signal.SIGKILL)

        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set handlers, and nobody types Ctrl-C at another
            return
        before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup, or in the background of a script
                signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def say(line: str) -> None:
    """Print a line on standard error, whatever became of it: a run does not break because its terminal was closed."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)


def last_words(error: Any) -> str:
    """Tell the refusal or the traceback of the cell that failed, from papermill's `PapermillExecutionError`."""
    if error.ename == "KeyboardInterrupt":  # the way down to where it was waiting is of no use to whoever typed it
        first = error.source.strip().partition("\n")[0]
        return f"{error.evalue or 'interrupted at'} `{first}`"
    return plain("\n".join(error.traceback)).strip() or f"{error.ename}: {error.evalue}"


def take_record(nb: NotebookNode) -> dict[str, Any] | None:
    """Remove what the library says about the record as a whole from the outputs, and return it."""
    asked = None
    for cell in nb.cells:
        for output in list(cell.get("outputs", [])):
            if RECORD in output.get("data", {}):
                asked = output.data.pop(RECORD)
                output.get("metadata", {}).pop(RECORD, None)
                if not output.data:
                    cell.outputs.remove(output)
    return asked if asked and asked.get("file_under") else None


def file_record(nb: NotebookNode, root: Path, asked: dict[str, Any]) -> str:
    """Write a record to the path under the root that the library asks for; returns a line that says so.

    A record that lies there stays unless the library says `overwrite`. The file appears whole or not at all. Raises
    OSError where it cannot be written, and ValueError for a path outside the checkout.
    """
    path = root / asked["file_under"]
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"`{asked['file_under']}` is not a path in the checkout")
    if path.exists() and asked.get("overwrite") is not True:
        return f"the record {asked['file_under']} exists and was left as it is"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.ipynb")
    try:
        write_ipynb(nb, str(beside))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return f"record filed: {asked['file_under']}"


def clean(nb: NotebookNode, root: Path) -> None:
    """Make an executed notebook fit to be published, in place: no path of this machine, no escape codes.

    Only after the run: the source of the injected parameters is cleaned too.
    """
    translate = machine_free(root)
    about = nb.metadata.papermill
    about["environment_variables"] = {}
    for key in ("parameters", "input_path", "output_path"):
        about[key] = each_string(about.get(key), translate)
    for cell in nb.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = translate(cell.source)
        for output in cell.get("outputs", []):
            for key in ("text", "ename", "evalue", "traceback"):
                if key in output:
                    output[key] = each_string(output[key], translate)
            for mime, content in output.get("data", {}).items():
                if mime in {"text/html", "image/svg+xml"}:
                    output.data[mime] = each_string(content, machine_free(root, markup=True))
                elif mime.startswith("text/") or mime.endswith("json"):
                    output.data[mime] = each_string(content, translate)


def _from_root(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else machine_free(root)(str(path))
