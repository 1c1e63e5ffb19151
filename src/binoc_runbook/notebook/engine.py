"""papermill engine for runbooks: live output, interruption, and a clean record.

Imported only when papermill runs a runbook. It differs from papermill's own engine in five points:

- what the library sends while a long command runs (`LIVE`) is shown on standard error when it arrives, and the end of
  a run is a summary;
- cells and their child processes cannot print to papermill's standard output, which may be the record;
- Ctrl-C interrupts the cell and its child processes, and cells that did not run are not marked as completed (papermill
  marks all of them);
- the record of the last attempt is kept, and a run whose record cannot be written does not start;
- the record contains no secrets and no paths of this machine, also during the run, and the record of a release is filed
  at the path in `RECORD`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from queue import Empty
from types import FrameType
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode

# papermill has no type annotations: its classes and their subclasses are `Any` here.
from papermill.clientwrap import PapermillNotebookClient  # type: ignore[import-untyped]
from papermill.engines import NotebookExecutionManager  # type: ignore[import-untyped]
from papermill.iorw import write_ipynb  # type: ignore[import-untyped]
from papermill.log import logger  # type: ignore[import-untyped]

from binoc_runbook import environ
from binoc_runbook.display.progress import Progress, TerminalProgress, open_progress
from binoc_runbook.display.summary import Summary
from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, InterruptedRunError, RefusedError
from binoc_runbook.notebook import kernel_extension
from binoc_runbook.notebook.command_line import RUNS, Invocation
from binoc_runbook.notebook.messages import LIVE, MARK, RECORD
from binoc_runbook.notebook.record_title import set_title
from binoc_runbook.redaction import each_string, machine_free, plain

_CONTINUE = "run the same command again: it checks what is done, and continues"

_NOTHING_STARTED = "this run started no stage"

#: For how long the kernel may exit, in seconds; then jupyter_client ends it.
EXIT_LIMIT = 5.0

#: Start the kernel without the debugger for editors, whose import takes a fifth of the start.
WITHOUT_DEBUGGER = (
    'import runpy, sys; sys.modules["debugpy"] = None; runpy.run_module("ipykernel_launcher", None, "__main__")'
)

#: The signals of Ctrl-C, `kill` and a closed terminal.
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
    """Run a notebook and return it executed, with a clean record.

    `invocation` is the command line of this process, `None` if papermill is called from Python. papermill passes the
    other parameters to every engine.

    A failed cell does not raise an exception here: papermill writes the notebook first, and then raises. The progress
    bar is off, because the live lines would break it.

    Raises:
        RefusedError: A parameter has an invalid name, another release of this clone is running, the kernel did not
            start, or the record cannot be written.
    """
    # With a call from Python, the working directory determines the checkout; the runbook may be in another one.
    directory = invocation.directory if invocation else Path.cwd()
    notebook = invocation.notebook if invocation else (directory / input_path).resolve()
    root = invocation.root if invocation else root_of(directory) or directory

    paths = nb.metadata.papermill
    _check_parameters(nb)
    set_title(nb, machine_free(root))
    is_file = paths["output_path"] and paths["output_path"] != "-"
    if is_file:
        record = (directory / paths["output_path"]).resolve()
        _keep_last_record(record, root, version=paths.get("parameters", {}).get("version"))
        paths["output_path"] = _from_root(record, root)
    paths["input_path"] = _from_root(notebook, root)

    saving = {"output_path": output_path, "autosave_cell_every": autosave_cell_every}
    manager = RunbookManager(nb, log_output=log_output, progress_bar=False, **saving)
    manager.root = root
    manager.notebook_start()
    if manager.unwritten:
        raise _not_started(manager.unwritten)
    log = Path(RUNS) / f"{Path(paths['output_path']).stem if is_file else notebook.stem}.log"
    with open_progress(sys.stderr, root / log, str(log), redraws=not log_output) as progress:
        manager.progress = progress
        try:
            client = RunbookClient(
                manager,
                kernel_name=kernel_name,
                log=logger,
                log_output=log_output,
                startup_timeout=start_timeout,
                timeout=execution_timeout,
                resources={"metadata": {"path": str(root)}} if invocation and not invocation.cwd_given else {},
                # The log of the kernel does not help: a warning about TCP at the start (ipython/ipykernel#1515), and
                # sometimes an error at the end, because jupyter_client interrupts a kernel before its shutdown.
                extra_arguments=["--log-level=50", f"--ext={kernel_extension.__name__}"],
                **options,
            )
            with _kernel_stderr(progress, log_output=log_output) as stderr:
                client.execute(
                    env={**os.environ, environ.OUTPUT: paths["output_path"] or "-"},
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                )
        finally:
            manager.notebook_complete()
        if manager.unwritten:
            # papermill would write the notebook again, and raise this error instead of that of the cell.
            raise RefusedError(_cell_error(nb) or "the runbook has run", [manager.unwritten])
        refusal = _refusal(nb, progress, with_traceback=invocation is not None)
        report = manager.filed or (paths["output_path"] if is_file else "")
        progress.finish(refusal, [("report", report)] if report else [])
    return nb


@contextlib.contextmanager
def _kernel_stderr(progress: Progress, *, log_output: bool) -> Iterator[int | None]:
    """Return the standard error of the kernel, to which ipykernel also copies the output of child processes.

    It is shown immediately, unless papermill logs the same output. On a terminal, it must not disturb the progress.
    """
    if log_output or not isinstance(progress, TerminalProgress):
        yield subprocess.DEVNULL if log_output else None
        return
    reader, writer = os.pipe()

    def forward() -> None:
        with open(reader, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123 - a descriptor
            for line in lines:
                words = line.rstrip()
                progress.show([words], [{"kind": "line", "text": words}])

    threading.Thread(target=forward, daemon=True).start()
    try:
        yield writer
    finally:
        os.close(writer)


class RunbookManager(NotebookExecutionManager):  # type: ignore[misc]
    """papermill's manager of a run: it keeps the state of each cell, and saves the notebook."""

    #: The root of the checkout.
    root: Path
    #: The progress on the terminal.
    progress: Progress
    #: The path of the filed record, if one was filed.
    filed: str | None = None
    #: Why the last state of the notebook is not saved.
    unwritten: Finding | None = None

    def save(self, **_: Any) -> None:
        """Save the notebook with a clean copy of the injected parameters; the kernel needs their original values.

        If this is not possible, keep the reason and let the run continue. An exception here would end the kernel in the
        middle of an action. The release itself stops when it cannot write its own record.
        """
        injected = [cell for cell in self.nb.cells if "injected-parameters" in cell.metadata.get("tags", [])]
        sources = [cell.source for cell in injected]
        clean_parameters(self.nb, self.root)
        self.unwritten = None
        try:
            super().save()
        except OSError as error:
            self.unwritten = _unwritable(Path(self.output_path).absolute(), self.root, error)
        finally:
            for cell, source in zip(injected, sources, strict=True):
                cell.source = source

    def fail(self, cell: NotebookNode, name: str, message: str) -> None:
        """Mark a cell as failed with an error that the kernel did not report."""
        error = {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}
        cell.outputs.append(NotebookNode(error))  # type: ignore[no-untyped-call]  # nbformat's, partly typed
        self.cell_exception(cell)

    def notebook_complete(self, **_: Any) -> None:
        """End the run: clean and file the record; unlike papermill, leave cells that did not run `pending`."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        request = take_record(self.nb)
        clean(self.nb, self.root)
        if request:
            try:
                self.progress.show([file_record(self.nb, self.root, request)])
                self.filed = str(request["file_under"])
            except (OSError, ValueError) as error:
                last = next(cell for cell in reversed(self.nb.cells) if cell.cell_type == "code")
                reason = machine_free(self.root)(str(error))
                self.fail(last, "RecordNotFiled", f"the record could not be filed: {reason}")
        self.save()


class KernelClient(AsyncKernelClient):
    """A client that is ready at the first output of the kernel."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel replies and its output arrives.

        jupyter_client then waits 0.2 seconds for the rest of this output, which belongs to no cell.

        Raises:
            RuntimeError: The kernel ended, or did not reply for `timeout` seconds.
        """
        end = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < end:
            self.kernel_info()
            with contextlib.suppress(Empty):
                reply = await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
        raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")


class RunbookClient(PapermillNotebookClient):  # type: ignore[misc]
    """The client of the kernel: it runs the cells in order, shows their progress, and stops on signals."""

    #: How many stop signals have arrived.
    stops = 0
    #: Whether the kernel can be interrupted; during its start, a signal would end it with a traceback.
    ready = False
    #: Whether the kernel is dead or does not respond.
    lost = False
    #: Whether the current message had live lines, which were printed already.
    shown = False

    def execute(self, **kernel: Any) -> None:
        """Run all cells until one fails; `kernel` are the arguments for the process of the kernel."""
        self.reset_execution_trackers()
        with self._sockets(), self._stopping_on_signals(), self._started_kernel(**kernel):
            self.log.debug(f"Executing notebook with kernel: {self.kernel_name}")
            self.ready = True
            self.papermill_execute_cells()
            if not self.lost:
                reply = self.wait_for_reply(self.kc.kernel_info())
                self.nb.metadata["language_info"] = reply["content"]["language_info"]

    @contextlib.contextmanager
    def _started_kernel(self, **kernel: Any) -> Iterator[None]:
        """Start the kernel, and end it.

        Raises:
            RefusedError: The kernel ended before it was ready.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.setup_kernel(**kernel))
            except RuntimeError as error:  # jupyter_client: "Kernel died before replying to kernel_info"
                if self.stops:
                    raise InterruptedRunError("interrupted before the first cell", [], _NOTHING_STARTED) from None
                saw = f"the process that runs the cells did not start: {error}"
                remedy = (
                    "python -m ipykernel --version; if it fails, delete .venv, and run the same command with ./just"
                )
                finding = Finding.failed("runbook", f"kernel {self.kernel_name}", saw, remedy)
                raise _not_started(finding) from None
            yield
            if not self.lost:
                # jupyter_client would check only every 0.1 s whether the kernel has ended.
                run_sync(self.km.request_shutdown)()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.km.provisioner.process.wait(EXIT_LIMIT)

    def papermill_execute_cells(self) -> None:
        """Run the cells in order; unlike papermill, stop between cells, and do not mark failed cells as completed."""
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
                # papermill does not catch these, and would then write nothing to standard output.
                self.lost = True
                self.shutdown_kernel = "immediate"
                is_kill = self.stops > 1
                name, message = ("KeyboardInterrupt", "killed at") if is_kill else (type(error).__name__, _loss(error))
                self.nb_man.fail(cell, name, message)
                break
            except BaseException:
                self.nb_man.cell_exception(cell)
                raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Remove the live lines from a message, print them, and clean the rest, which papermill processes."""
        data = msg["content"].get("data")
        live = data.pop(LIVE, None) if isinstance(data, dict) else None
        self.shown = live is not None
        if live is not None:
            self.nb_man.progress.show(live.get("lines", []), live.get("events"))
            if not data:
                return None
        clean_output(msg["content"], self.nb_man.root)  # before it is saved or logged
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output

    def log_output_message(self, output: NotebookNode) -> None:
        """Log an output for `--log-output`, unless its lines were already printed."""
        if not self.shown:
            super().log_output_message(output)

    @contextlib.contextmanager
    def _sockets(self) -> Iterator[None]:
        """Connect to the kernel through Unix sockets in a temporary directory.

        jupyter_client chooses free TCP ports, which the kernel opens half a second later. Two runs that start at the
        same time sometimes choose the same ports, and one of them fails after 1 minute (treebeardtech/nbmake#129).
        """
        self.km = self.create_kernel_manager()
        self.km.client_factory = KernelClient
        argv = self.km.kernel_spec.argv
        if argv[0] in ("python", sys.executable) and argv[1:3] == ["-m", "ipykernel_launcher"]:  # this Python
            argv[1:3] = ["-P", "-c", WITHOUT_DEBUGGER]
        with tempfile.TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True) as directory:
            # The limit of the system for the path of a socket is 103 bytes or a few more.
            if os.name == "posix" and len(directory) < 90:
                self.km.transport, self.km.ip = "ipc", f"{directory}/kernel"
            yield

    @contextlib.contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        """Forward stop signals to the kernel, which has its own session and does not get them.

        By default papermill would exit and kill the kernel. Here the first signal interrupts the cell, so that it can
        report its error. The second signal kills the kernel. The third one ends papermill as usual.
        """

        def stop(number: int, _: FrameType | None) -> None:
            self.stops += 1
            group = getattr(self.km and self.km.provisioner, "pgid", None)
            if self.stops > 2:
                raise SystemExit(130)
            if group and (self.ready or self.stops > 1):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGINT if self.stops == 1 else signal.SIGKILL)

        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can set handlers and gets Ctrl-C
            return
        before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # ignored under nohup, or in the background of a script
                signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _refusal(nb: NotebookNode, progress: Progress, *, with_traceback: bool) -> Summary | None:
    """Return the summary of the error of the failed cell, if one failed.

    The traceback of an unexpected error is shown before it. Findings that were already shown are left out.
    """
    outputs = ((cell, output) for cell in nb.cells for output in cell.get("outputs", []))
    failed = next(((cell, output) for cell, output in outputs if output.output_type == "error"), None)
    if failed is None:
        return None
    cell, error = failed
    source = cell.source.strip().partition("\n")[0]
    if error.ename == "KeyboardInterrupt":  # the user does not need the traceback of an interruption
        return Summary("Interrupted", "failed", (f"{error.evalue or 'interrupted at'} `{source}`; {_CONTINUE}",))
    if error.ename in (RefusedError.__name__, InterruptedRunError.__name__):
        text = plain("\n".join(error.traceback)) or str(error.evalue)
        title = "Refused" if error.ename == RefusedError.__name__ else "Interrupted"
        summary = Summary.of_refusal(text, progress.shown, title=title)
        return (
            summary if "again" in text else summary.with_rows(("next", "fix the problems, then run this command again"))
        )
    if error.ename in (DeadKernelError.__name__, CellTimeoutError.__name__):
        return Summary("Failed", "failed", (f"the run ended at `{source}`: {error.evalue}",))
    if not with_traceback:
        return Summary("Failed", "failed", (f"failed at `{source}`: {error.ename}: {error.evalue}",))
    progress.show(plain("\n".join(error.traceback)).strip().splitlines())
    return Summary("Failed", "failed", (f"failed at `{source}`",))


def exit_code(error: Any) -> int:
    """Return the exit code for papermill's `PapermillExecutionError`: 130 for an interruption, otherwise 1."""
    return 130 if error.ename in ("KeyboardInterrupt", InterruptedRunError.__name__) else 1


def _loss(error: Exception) -> str:
    """Return what happened if a cell has no result, what this means, and what to type."""
    if isinstance(error, CellTimeoutError):
        return f"{error}; {_CONTINUE}"
    return (
        "the process that runs the cells (the kernel) has ended without a result; it was killed, possibly because the "
        f"memory was full; an action of this cell may have had its effect; {_CONTINUE}"
    )


def _cell_error(nb: NotebookNode) -> str | None:
    """Return the error of the cell that failed, if one did."""
    outputs = (output for cell in nb.cells for output in cell.get("outputs", []))
    return next((str(output.evalue or output.ename) for output in outputs if output.output_type == "error"), None)


def _check_parameters(nb: NotebookNode) -> None:
    names = [str(name) for name in nb.metadata.papermill.get("parameters", ())]
    if any(not name.isidentifier() or iskeyword(name) for name in names):
        from binoc_runbook.release.parameters import RELEASE_PARAMETERS, VERIFICATION_PARAMETERS, check_parameter_names

        is_release = nb.metadata.get(MARK, {}).get("runbook", "release") == "release"
        check_parameter_names(names, RELEASE_PARAMETERS if is_release else VERIFICATION_PARAMETERS)


def _keep_last_record(record: Path, root: Path, *, version: object) -> None:
    """Move the record of the last attempt, if the record of this run is at the same path in `runs/`.

    Raises:
        RefusedError: The last attempt is still running, or its record cannot be moved.
    """
    if record.parent != root / RUNS or not record.exists():
        return
    from binoc_runbook.release.attempts import REPEATED, lock, set_aside

    if record.stem.startswith(REPEATED):
        return
    lock(root, str(version), dry_run=True)
    try:
        set_aside(root / RUNS, record.stem, with_notebook=True)
    except OSError as error:
        raise _not_started(_unwritable(record, root, error)) from None


def _unwritable(record: Path, root: Path, error: OSError) -> Finding:
    from binoc_runbook.release.attempts import unwritable

    return unwritable(record, root, error)


def _not_started(finding: Finding) -> RefusedError:
    return RefusedError("the runbook was not started", [finding], _NOTHING_STARTED)


def take_record(nb: NotebookNode) -> dict[str, Any] | None:
    """Remove the request to file the record (`RECORD`) from the outputs, and return it."""
    request = None
    for cell in nb.cells:
        for output in list(cell.get("outputs", [])):
            if RECORD in output.get("data", {}):
                request = output.data.pop(RECORD)
                output.get("metadata", {}).pop(RECORD, None)
                if not output.data:
                    cell.outputs.remove(output)
    return request if request and request.get("file_under") else None


def file_record(nb: NotebookNode, root: Path, request: dict[str, Any]) -> str:
    """Write the record atomically to the requested path below the root; return a line that reports the result.

    An existing record is kept, unless the request has `overwrite`.

    Raises:
        OSError: The record cannot be written.
        ValueError: The path is outside the checkout.
    """
    path = root / request["file_under"]
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"`{request['file_under']}` is not a path in the checkout")
    if path.exists() and request.get("overwrite") is not True:
        return f"the record {request['file_under']} already exists and was not changed"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.ipynb")
    try:
        write_ipynb(nb, str(temporary))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return f"record filed: {request['file_under']}"


def clean(nb: NotebookNode, root: Path) -> None:
    """Remove secrets, machine paths and escape codes from an executed notebook, in place.

    This must be done after the run, because it also cleans the source of the injected parameters.
    """
    nb.metadata.papermill["environment_variables"] = {}
    clean_parameters(nb, root)
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            clean_output(output, root)


def clean_parameters(nb: NotebookNode, root: Path) -> None:
    """Clean the parameters of a run, in the metadata and in the injected cell, in place."""
    translate = machine_free(root)
    metadata = nb.metadata.papermill
    for key in ("parameters", "input_path", "output_path"):
        metadata[key] = each_string(metadata.get(key), translate)
    for cell in nb.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = translate(cell.source)


def clean_output(output: dict[str, Any], root: Path) -> None:
    """Clean an output of a cell, or the content of a message of the kernel with the same keys, in place."""
    translate = machine_free(root)
    for key in ("text", "ename", "evalue", "traceback"):
        if key in output:
            output[key] = each_string(output[key], translate)
    for mime, content in output.get("data", {}).items():
        if mime in {"text/html", "image/svg+xml"}:
            output["data"][mime] = each_string(content, machine_free(root, markup=True))
        elif (mime.startswith("text/") or mime.endswith("json")) and mime != RECORD:
            output["data"][mime] = each_string(content, translate)


def _from_root(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else machine_free(root)(str(path))
