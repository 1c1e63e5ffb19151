"""Tests of the papermill plug-in with real processes, terminals, pipes and kernels."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat
import pytest
from nbformat import NotebookNode, v4

from binoc_runbook import environ
from binoc_runbook.notebook import command_line
from binoc_runbook.notebook.engine import clean, file_record
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import machine_free
from binoc_runbook.world.release_lock import lock_releases, unlock_releases

if TYPE_CHECKING:
    from collections.abc import Iterator

PAPERMILL = str(Path(sys.executable).with_name("papermill"))
TIMEOUT = 60.0
CONTINUE = "run the same command again: it checks what is done, and continues"


# -- A checkout with a runbook ----------------------------------------------------------------------------------------


def notebook(*cells: str, mark: bool = True) -> NotebookNode:
    nb = v4.new_notebook()
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if mark:
        nb.metadata.binoc_runbook = {"runbook": "release"}
    parameters = v4.new_code_cell("version = None\ndry_run = True", metadata={"tags": ["parameters"]})
    nb.cells = [v4.new_markdown_cell("# The release"), parameters, *map(v4.new_code_cell, cells)]
    return nb


class Checkout:
    """A git checkout with a runbook."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runbook = root / "runbooks" / "release.ipynb"
        self.runbook.parent.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", root], check=True)
        self.write_runbook("print(repr(version), dry_run)")

    def write_runbook(self, *cells: str, mark: bool = True) -> None:
        nbformat.write(notebook(*cells, mark=mark), self.runbook)

    def record(self, name: str) -> dict[str, Any]:
        return read(self.root.joinpath(name).read_text("utf-8"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def read(text: str) -> dict[str, Any]:
    """Return the notebook in a text, after validating it."""
    nbformat.validate(nbformat.reads(text, as_version=4))
    return dict(json.loads(text))


def outputs(nb: dict[str, Any]) -> str:
    return json.dumps([cell.get("outputs", []) for cell in nb["cells"]], ensure_ascii=False)


def states(nb: dict[str, Any]) -> list[str]:
    """Return the state of each code cell in papermill's metadata."""
    return [cell["metadata"]["papermill"]["status"] for cell in nb["cells"] if cell["cell_type"] == "code"]


# -- Starting papermill -----------------------------------------------------------------------------------------------


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Process:
    """A papermill process with standard streams of the given kinds; its output is read while it runs."""

    def __init__(
        self,
        arguments: list[str],
        cwd: Path,
        stdin: str = "null",
        stdout: str = "pipe",
        command: tuple[str, ...] = (PAPERMILL,),
        environment: dict[str, str] | None = None,
    ) -> None:
        # ipykernel changes its behaviour if the variables of pytest are set.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._open = contextlib.ExitStack()
        self._directory = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        line = shlex.join([*command, *arguments])
        closed = {"closed": "<&-"}.get(stdin, "") + {"closed": ">&-"}.get(stdout, "")
        source, target = self._stdin(stdin), self._stdout(stdout)
        err = os.open(self._directory / "err", os.O_WRONLY | os.O_CREAT)
        self._terminal = stdout == "terminal"
        self.process = subprocess.Popen(
            ["sh", "-c", f"exec {line} {closed}"],
            cwd=cwd,
            env=env | (environment or {}),
            stdin=source,
            stdout=target,
            # A terminal shows both streams; otherwise they are read separately.
            stderr=target if self._terminal else err,
            start_new_session=True,
        )
        for number in (source, target, err):
            os.close(number)
        self._chunks: list[tuple[float, bytes]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _stdin(self, kind: str) -> int:
        if kind in {"null", "closed"}:
            return os.open(os.devnull, os.O_RDONLY)
        if kind == "terminal":
            master, slave = pty.openpty()
            self._open.callback(os.close, master)
            return slave
        content = nbformat.writes(notebook("raise SystemExit('the notebook from the pipe was run')", mark=False))
        if kind == "file":
            (self._directory / "input").write_text(content)
            return os.open(self._directory / "input", os.O_RDONLY)
        os.mkfifo(self._directory / "fifo")
        reader = os.open(self._directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(self._directory / "fifo", os.O_WRONLY)
        os.set_blocking(reader, True)
        if kind == "filled fifo":
            os.write(writer, content.encode())
        if kind == "open fifo":
            self._open.callback(os.close, writer)
        else:
            os.close(writer)
        return reader

    def _stdout(self, kind: str) -> int:
        self._source = -1
        self._file: Path | None = None
        if kind == "terminal":
            self._source, number = pty.openpty()
        elif kind == "pipe":
            self._source, number = os.pipe()
        elif kind == "file":
            self._file = self._directory / "out"
            number = os.open(self._file, os.O_WRONLY | os.O_CREAT)
        else:
            number = os.open(os.devnull, os.O_WRONLY)
        return number

    def _read(self) -> None:
        while self._source >= 0:
            try:
                chunk = os.read(self._source, 65536)
            except OSError:  # the other side of the terminal was closed
                break
            if not chunk:
                break
            self._chunks.append((time.monotonic(), chunk))

    @property
    def so_far(self) -> str:
        return b"".join(chunk for _, chunk in self._chunks).decode("utf-8").replace("\r\n", "\n")

    def wait_for(self, event: str | Path) -> None:
        """Wait until a text is printed or a file exists."""
        end = time.monotonic() + TIMEOUT
        while not (event.exists() if isinstance(event, Path) else event in self.so_far):
            assert time.monotonic() < end, f"timeout: {event}; output: {self.so_far}"
            assert self.process.poll() is None, self.end()
            time.sleep(0.02)

    def interrupt(self) -> None:
        """Send Ctrl-C as a terminal does: to the foreground processes, which do not include the kernel."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Result:
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"papermill did not end; output: {self.so_far}")
        self._reader.join(TIMEOUT)
        out = self._file.read_text("utf-8") if self._file else self.so_far
        if self._source >= 0:
            os.close(self._source)
        with self._open:
            return Result(code, out, out if self._terminal else (self._directory / "err").read_text("utf-8"))


def run(arguments: str, cwd: Path, **options: Any) -> Result:
    """Run `papermill` with these arguments in a directory."""
    return Process(shlex.split(arguments), cwd, **options).end()


SHORT = "runbooks/release.ipynb -p version 0.4.0"


# -- The short command line -------------------------------------------------------------------------------------------


@pytest.mark.notebook
@pytest.mark.parametrize("stdin", ["terminal", "empty fifo", "open fifo", "filled fifo", "null", "file", "closed"])
def test_short_command_works_with_all_kinds_of_standard_streams(checkout: Checkout, stdin: str) -> None:
    before = checkout.runbook.read_bytes()
    # The output does not depend on standard input, so one of its kinds is enough for all kinds of output.
    kinds = ["terminal", "pipe", *(["file", "null"] if stdin == "null" else [])]
    processes = [Process(shlex.split(SHORT), checkout.root, stdin, kind) for kind in kinds]
    results = {kind: process.end() for kind, process in zip(kinds, processes, strict=True)}

    assert {kind: result.code for kind, result in results.items()} == dict.fromkeys(kinds, 0), results
    assert checkout.runbook.read_bytes() == before
    printed = [read(results[kind].out) for kind in ("pipe", "file") if kind in results]
    for nb in (checkout.record("runs/0.4.0.ipynb"), *printed):
        assert "'0.4.0' True" in outputs(nb)
    assert not "".join(results[kind].err for kind in kinds[1:])


@pytest.mark.notebook
@pytest.mark.parametrize("closed", [["stdout"], ["stdin", "stdout"]])
def test_short_command_works_with_closed_streams(checkout: Checkout, closed: list[str]) -> None:
    marker = checkout.root / "ran"
    checkout.write_runbook(f"open({str(marker)!r}, 'w').close()")
    before = checkout.runbook.read_bytes()
    end = run(SHORT, checkout.root, **dict.fromkeys(closed, "closed"))
    assert (end.code, end.err, marker.exists()) == (0, "", True)
    assert checkout.runbook.read_bytes() == before


@pytest.mark.notebook
def test_python_m_papermill_in_another_directory(checkout: Checkout) -> None:
    checkout.write_runbook(f"import os; print(os.getcwd() == {str(checkout.root)!r}, os.environ[{environ.OUTPUT!r}])")
    end = run(
        "release.ipynb -p version 0.4.0",
        checkout.runbook.parent,
        stdout="terminal",
        command=(sys.executable, "-m", "papermill"),
    )
    assert end.code == 0
    assert "Output Notebook: ../runs/0.4.0.ipynb" in end.out
    assert "True runs/0.4.0.ipynb" in outputs(checkout.record("runs/0.4.0.ipynb"))


@pytest.mark.notebook
def test_explicit_paths_and_working_directory_are_used(checkout: Checkout, tmp_path: Path) -> None:
    """The clone has no `runs/`, and our engine is used."""
    checkout.write_runbook(f"import os; print(os.getcwd(), os.environ[{environ.OUTPUT!r}], repr(version))")
    end = run(
        f"checkout/runbooks/release.ipynb 'checkout/runs/{{version}}.ipynb' -p version 1.10 --cwd {tmp_path}",
        tmp_path,
        stdin="filled fifo",
        stdout="terminal",
    )
    assert end.code == 0, end
    record = checkout.record("runs/1.10.ipynb")
    assert "<tmp>" in outputs(record)
    assert "checkout" not in outputs(record)
    assert "runs/1.10.ipynb '1.10'" in outputs(record)
    assert record["metadata"]["papermill"]["output_path"] == "runs/1.10.ipynb"


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)


@pytest.mark.usefixtures("on_a_terminal")
@pytest.mark.parametrize(
    ("arguments", "record"),
    [
        ("-p version 0.4", "0.4.ipynb"),
        ("--parameters=version 1.10", "1.10.ipynb"),
        ("-p version ../../{etc}/passwd", "etc-passwd.ipynb"),
        ("-p version None", "release.ipynb"),
        ("-p version ''", "release.ipynb"),
        ("-p dry_run False", "release.ipynb"),
        ("-r version 2.0 -p version 1", "2.0.ipynb"),
    ],
)
def test_record_is_named_after_the_version(checkout: Checkout, arguments: str, record: str) -> None:
    line = [str(checkout.runbook), *shlex.split(arguments)]
    command_line.amend(line)
    assert Path(line[3]) == checkout.root / "runs" / record
    assert (checkout.root / "runs").is_dir()


@pytest.mark.usefixtures("on_a_terminal")
@pytest.mark.parametrize(("version", "record"), [("0.4.0", "verify-0.4.0.ipynb"), ("None", "verify.ipynb")])
def test_record_of_another_runbook_has_another_name(checkout: Checkout, version: str, record: str) -> None:
    nb = notebook()
    nb.metadata.binoc_runbook = {"runbook": "verify"}
    nbformat.write(nb, checkout.runbook)
    line = [str(checkout.runbook), "-p", "version", version]
    command_line.amend(line)
    assert Path(line[3]) == checkout.root / "runs" / record


@pytest.mark.usefixtures("on_a_terminal")
def test_record_that_is_run_again_is_not_overwritten(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout.root / "runs").mkdir()
    checkout.runbook.rename(checkout.root / "runs/0.4.0.ipynb")
    monkeypatch.chdir(checkout.root / "runs")
    line = ["0.4.0.ipynb", "-p", "version", "0.4.0"]
    command_line.amend(line)
    assert line[2:4] == ["0.4.0.ipynb", "0.4.0-again.ipynb"]


@pytest.mark.usefixtures("on_a_terminal")
def test_braces_in_a_path_are_escaped(tmp_path: Path) -> None:
    from papermill.parameterize import parameterize_path

    checkout = Checkout(tmp_path / "{braces}")
    line = [str(checkout.runbook), "-p", "version", "0.4.0"]
    command_line.amend(line)
    paths = [checkout.runbook, checkout.root / "runs/0.4.0.ipynb"]
    assert [parameterize_path(path, {}) for path in line[2:4]] == [str(path) for path in paths]


@pytest.mark.notebook
def test_invalid_runbook_is_reported_and_not_overwritten(checkout: Checkout) -> None:
    broken = checkout.runbook.read_text().replace("{", "<<<<<<< HEAD\n{", 1)
    checkout.runbook.write_text(broken)
    end = run(SHORT, checkout.root, stdin="filled fifo")
    assert end.code == 1
    assert end.err.startswith("NotJSONError: Notebook does not appear to be JSON")
    assert checkout.runbook.read_text() == broken


@pytest.mark.notebook
def test_other_notebooks_are_not_changed(checkout: Checkout) -> None:
    checkout.write_runbook(mark=False)
    end = run(SHORT, checkout.root, stdout="terminal")
    assert (end.code, "Missing argument 'OUTPUT_PATH'" in end.out) == (2, True)


def test_other_processes_are_not_changed(checkout: Checkout) -> None:
    show = "import sys, papermill; print(sys.argv, sys.excepthook is sys.__excepthook__)"
    line = [sys.executable, "-c", show, str(checkout.runbook)]
    out = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert out.strip() == f"{['-c', str(checkout.runbook)]} True"


def test_plugin_imports_neither_papermill_nor_git() -> None:
    show = (
        "import sys, binoc_runbook.notebook.plugin as plug_in;"
        "print('papermill' in sys.modules, 'git' in sys.modules);"
        "from papermill.engines import papermill_engines as known;"
        "print(known.get_engine('binoc-runbook') is plug_in.RunbookEngine)"
    )
    out = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False", "True"]


# -- Amending the arguments -------------------------------------------------------------------------------------------

ENGINE = "--engine binoc-runbook "


@pytest.mark.parametrize(
    ("typed", "amended"),
    [
        ("NB", ENGINE + "NB -"),
        ("NB -p version 0.4.0", ENGINE + "NB - -r version 0.4.0"),
        ("-p version 1.10 NB", ENGINE + "-r version 1.10 NB -"),
        ("-pversion 1.10 --log-output NB", ENGINE + "-rversion 1.10 --log-output NB -"),
        ("NB --parameters version 1 --parameters=version 2", ENGINE + "NB - --parameters_raw version 1 "
         "--parameters_raw=version 2"),
        ("NB -p version 1 -r version 2", ENGINE + "NB - -p version 1 -r version 2"),
        ("NB -p version None -p dry_run no", ENGINE + "NB - -p version None -p dry_run no"),
        ("NB -p dry_run False out.ipynb", ENGINE + "NB -p dry_run False out.ipynb"),
        ("NB -k python3 --engine nbclient", "NB - -k python3 --engine nbclient"),
        ("NB --engine=nbclient", "NB - --engine=nbclient"),
        ("--cwd=x -y 'version: 1' -- NB", ENGINE + "--cwd=x -y 'version: 1' -- NB -"),
    ],
)  # fmt: skip
def test_missing_arguments_are_added(checkout: Checkout, typed: str, amended: str) -> None:
    path = str(checkout.runbook)
    arguments = shlex.split(typed.replace("NB", path))
    assert command_line.amend(arguments)
    assert arguments == shlex.split(amended.replace("NB", path))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "-p version 0.4.0",
        "NB --new-option",
        "NB -p version",
        "NB --log-output=yes",
        "NB --help",
        "NB --help-notebook",
        "--version NB",
        "NB a.ipynb b.ipynb",
        "- NB",
        "missing.ipynb",
        "s3://bucket/release.ipynb",
    ],
)
def test_other_command_lines_are_not_changed(checkout: Checkout, typed: str) -> None:
    arguments = shlex.split(typed.replace("NB", str(checkout.runbook)))
    before = list(arguments)
    assert command_line.amend(arguments) is None
    assert arguments == before


def test_options_match_the_installed_papermill() -> None:
    from papermill.cli import papermill

    counts = {
        name: 0 if option.is_flag else option.nargs
        for option in papermill.params
        if option.param_type_name == "option"
        for name in (*option.opts, *option.secondary_opts)
    }
    assert {name: counts.pop(name) for name in command_line.OPTIONS} == command_line.OPTIONS
    assert sorted(counts) == ["--help-notebook", "--version"]


# -- Output -----------------------------------------------------------------------------------------------------------

LIVE_CELL = f"""
import subprocess, sys, time
from IPython.display import display
first = {{"text/plain": "tests: started", {LIVE!r}: {{"lines": ["tests: started"]}}}}
handle = display(first, raw=True, display_id=True)
for number in range(3):
    time.sleep(0.3)
    handle.update({{"text/plain": f"tests: {{number}}", {LIVE!r}: {{"lines": [f"test {{number}} → ok"]}}}}, raw=True)
display({{{LIVE!r}: {{"lines": ["only live"]}}}}, raw=True)
subprocess.run(["sh", "-c", "echo written by a child"]).check_returncode()
"""
LIVE_LINES = ["tests: started", "test 0 → ok", "test 1 → ok", "test 2 → ok", "only live"]


@pytest.mark.notebook
def test_live_lines_are_printed_immediately_and_not_recorded(checkout: Checkout) -> None:
    checkout.write_runbook(LIVE_CELL)
    process = Process(shlex.split(SHORT), checkout.root, stdout="terminal", environment={"TERM": "dumb"})
    process.wait_for("tests: started")
    assert "test 2" not in process.so_far
    end = process.end()
    assert end.out.splitlines()[2:] == [*LIVE_LINES, "  report: runs/0.4.0.ipynb"]
    record = checkout.record("runs/0.4.0.ipynb")
    assert LIVE not in outputs(record)
    assert "tests: 2" in outputs(record)
    assert len(record["cells"][-1]["outputs"]) == 2, "the last state of the display, and the output of the child"


@pytest.mark.notebook
def test_live_lines_are_printed_on_standard_error(checkout: Checkout) -> None:
    checkout.write_runbook(LIVE_CELL)
    end = run(SHORT, checkout.root, environment={"PYTHONIOENCODING": "ascii"})
    assert end.err.splitlines() == [line.replace("→", "?") for line in LIVE_LINES]
    assert "written by a child" in outputs(read(end.out))


@pytest.mark.notebook
def test_log_output_prints_every_line_once(checkout: Checkout) -> None:
    checkout.write_runbook(LIVE_CELL + "\nsubprocess.run(['sh', '-c', 'echo complaint >&2'])\nprint('printed')")
    end = run(f"--log-output {SHORT}", checkout.root, stdout="terminal")
    for line in [*LIVE_LINES, "written by a child", "complaint", "printed"]:
        assert end.out.count(line) == 1, end.out


REFUSAL = """
class RefusedError(Exception):
    def _render_traceback_(self):
        return ["refused: `pyproject.toml:3` says 0.3.0", "    → just set-version 0.4.0"]
raise RefusedError
"""


@pytest.mark.notebook
def test_refusal_is_printed_once_at_the_end(checkout: Checkout) -> None:
    checkout.write_runbook(REFUSAL, "print('never')")
    end = run(f"{SHORT} -p verison 0.4.0", checkout.root, stdout="terminal")
    assert end.code == 1
    panel = end.out[end.out.index("Refused") :]
    assert "refused: `pyproject.toml:3` says 0.3.0" in panel
    assert "→ just set-version 0.4.0" in panel
    assert "runs/0.4.0.ipynb" in panel
    assert end.out.count("refused") == 1
    assert "Traceback" not in end.out
    record = checkout.record("runs/0.4.0.ipynb")
    assert "verison" in record["metadata"]["papermill"]["parameters"]
    assert [state for state in states(record) if state != "completed"] == ["failed", "pending"]


@pytest.mark.notebook
def test_error_prints_only_the_traceback_of_its_cell(checkout: Checkout) -> None:
    checkout.write_runbook("1 / 0")
    end = run(SHORT, checkout.root)
    assert end.code == 1
    assert end.err.splitlines()[-2:] == ["ZeroDivisionError: division by zero", "✗ failed at `1 / 0`"]
    assert "----> 1 1 / 0" in end.err
    assert not re.search(r"click|\x1b", end.err)
    assert states(read(end.out))[-1] == "failed"


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "runbooks/release.ipynb missing.yaml -f missing.yaml",
            "FileNotFoundError: [Errno 2] No such file or directory: 'missing.yaml'",
        ),
        ("runbooks/release.ipynb -k nosuch", "NoSuchKernel: No such kernel named nosuch"),
    ],
)
def test_error_of_papermill_is_printed_in_one_line(checkout: Checkout, arguments: str, message: str) -> None:
    end = run(arguments, checkout.root)
    assert (end.code, end.err.splitlines()[-1]) == (1, message)


@pytest.mark.notebook
def test_dead_kernel_leaves_a_record(checkout: Checkout) -> None:
    checkout.write_runbook("import os; os.kill(os.getpid(), 9)", "print('never')")
    end = run(SHORT, checkout.root)
    assert end.code == 1
    last = end.err.splitlines()[-1]
    assert last.startswith("✗ the run ended at `import os; os.kill(os.getpid(), 9)`: the process that runs the cells")
    assert last.endswith(CONTINUE)
    assert states(read(end.out))[-2:] == ["failed", "pending"]


@pytest.mark.notebook
def test_kernel_stops_its_output_after_its_control_thread(checkout: Checkout, tmp_path: Path) -> None:
    """In the other order, ipykernel sometimes waits for its output until it is killed."""
    alive = tmp_path / "alive"
    # As default values, because IPython deletes the global names before ipykernel ends.
    cell = f"""
import threading, time
from pathlib import Path
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
def send(*arguments, send=app.session.send, thread=app.control_thread, threading=threading, time=time, **options):
    if threading.current_thread() is thread:
        time.sleep(0.2)
    return send(*arguments, **options)
app.session.send = send
def stop(stop=app.iopub_thread.stop, app=app, alive=Path({str(alive)!r})):
    alive.write_text(str(app.control_thread.is_alive()))
    stop()
app.iopub_thread.stop = stop
"""
    checkout.write_runbook(cell)
    assert run("runbooks/release.ipynb -", checkout.root).code == 0
    assert alive.read_text() == "False"


@pytest.mark.notebook
def test_kernel_loads_the_library_in_the_background(checkout: Checkout) -> None:
    checkout.write_runbook(
        "import sys, threading, time",
        "while not {'git', 'binoc_runbook.notebook.start'} <= sys.modules.keys(): time.sleep(0.01)",
        "print('loaded')",
    )
    end = run("runbooks/release.ipynb - --execution-timeout 30", checkout.root)
    assert "loaded" in outputs(read(end.out))


# -- Interruption -----------------------------------------------------------------------------------------------------


def sleeping(pid_file: Path) -> str:
    """Return a cell with a long child process, which writes its process ID to a file."""
    script = f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 60"
    return f"import subprocess\nsubprocess.run(['sh', '-c', {script!r}], check=True)"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")  # shows zombie processes, on Linux
    return not status.exists() or "\nState:\tZ" not in status.read_text()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Path]:
    """The file with the process ID of the child; the child is killed at the end of the test."""
    path = tmp_path / "child"
    yield path
    if path.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


@pytest.mark.notebook
def test_ctrl_c_ends_the_cell_and_its_child_and_saves_the_record(checkout: Checkout, child: Path) -> None:
    checkout.write_runbook("print('before')", sleeping(child), "print('never')")
    process = Process(shlex.split(SHORT), checkout.root, stdin="terminal", stdout="terminal")
    process.wait_for(child)
    began = time.monotonic()
    process.interrupt()
    end = process.end()
    assert time.monotonic() - began < 30.0, "papermill has waited for the child, which sleeps for 60 s"
    assert end.code == 130
    assert "interrupted at `import subprocess`" in end.out
    assert "Traceback" not in end.out
    assert not is_alive(int(child.read_text()))
    record = checkout.record("runs/0.4.0.ipynb")
    assert states(record)[-3:] == ["completed", "failed", "pending"]
    assert "before" in outputs(record)


@pytest.mark.notebook
def test_sigterm_ends_the_cell_and_the_record_is_printed(checkout: Checkout, child: Path) -> None:
    checkout.write_runbook(sleeping(child), "print('never')")
    process = Process(shlex.split(SHORT), checkout.root)
    process.wait_for(child)
    process.process.terminate()
    end = process.end()
    assert (end.code, end.err) == (130, f"✗ interrupted at `import subprocess`; {CONTINUE}\n")
    assert states(read(end.out))[-2:] == ["failed", "pending"]


@pytest.mark.notebook
def test_ctrl_c_during_the_start_of_the_kernel(checkout: Checkout) -> None:
    checkout.write_runbook("print('never')")
    process = Process(shlex.split(SHORT), checkout.root, stdout="terminal")
    process.wait_for(checkout.root / "runs/0.4.0.ipynb")
    process.interrupt()
    end = process.end()
    assert end.code == 130
    assert "interrupted" in end.out
    assert "Traceback" not in end.out
    assert "completed" not in states(checkout.record("runs/0.4.0.ipynb"))


@pytest.mark.notebook
def test_second_ctrl_c_kills_a_cell_that_ignores_the_first(checkout: Checkout, child: Path) -> None:
    checkout.write_runbook("import signal", "signal.signal(2, signal.SIG_IGN)\n" + sleeping(child), "1")
    process = Process(shlex.split(SHORT), checkout.root)
    process.wait_for(child)
    process.interrupt()
    time.sleep(0.3)
    assert process.process.poll() is None
    process.interrupt()
    end = process.end()
    assert (end.code, end.err.splitlines()[-1]) == (130, f"✗ killed at `signal.signal(2, signal.SIG_IGN)`; {CONTINUE}")
    assert not is_alive(int(child.read_text()))
    assert states(read(end.out))[-2:] == ["failed", "pending"]


@pytest.mark.notebook
def test_kernel_that_does_not_start_is_reported_without_a_traceback(checkout: Checkout, tmp_path: Path) -> None:
    kernel = tmp_path / "data/kernels/broken"
    kernel.mkdir(parents=True)
    spec = {"argv": ["false", "{connection_file}"], "display_name": "broken", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    end = run(f"{SHORT} -k broken", checkout.root, environment={"JUPYTER_PATH": str(tmp_path / "data")})
    assert end.code == 1
    assert "failed: runbook: kernel broken" in end.err
    assert "Traceback" not in end.err


# -- The record -------------------------------------------------------------------------------------------------------


@pytest.mark.notebook
def test_record_of_a_killed_run_is_kept(checkout: Checkout, child: Path) -> None:
    checkout.write_runbook(sleeping(child))
    process = Process(shlex.split(SHORT), checkout.root, stdout="terminal")
    process.wait_for(child)
    process.process.kill()
    process.end()
    killed = (checkout.root / "runs/0.4.0.ipynb").read_bytes()
    checkout.write_runbook("print('second')")
    assert run(SHORT, checkout.root, stdout="terminal").code == 0
    assert "second" in outputs(checkout.record("runs/0.4.0.ipynb"))
    (kept,) = (checkout.root / "runs/0.4.0").glob("*/0.4.0.ipynb")
    assert kept.read_bytes() == killed


@pytest.mark.notebook
def test_record_of_a_running_release_is_not_moved(checkout: Checkout) -> None:
    (checkout.root / "runs").mkdir()
    (checkout.root / "runs/0.4.0.ipynb").write_text("of the running release")
    assert lock_releases(checkout.root, "release of 0.4.0") is None
    try:
        end = run(SHORT, checkout.root, stdout="terminal")
    finally:
        unlock_releases(checkout.root)
    assert end.code == 1
    assert f"process {os.getpid()} on `" in end.out
    assert (checkout.root / "runs/0.4.0.ipynb").read_text() == "of the running release"


@pytest.mark.notebook
@pytest.mark.parametrize("cause", ["runs is a file", "full disk"])
def test_record_that_cannot_be_written_stops_the_run_at_its_start(checkout: Checkout, cause: str) -> None:
    marker = checkout.root / "ran"
    checkout.write_runbook(f"open({str(marker)!r}, 'w').close()")
    if cause == "full disk":
        (checkout.root / "runs").mkdir()
        (checkout.root / "runs/0.4.0.ipynb").symlink_to("/dev/full")
    else:
        (checkout.root / "runs").touch()
    end = run(f"{SHORT} runs/0.4.0.ipynb", checkout.root)
    assert end.code == 1
    assert "failed: release: runs/0.4.0.ipynb" in end.err
    assert "Traceback" not in end.err
    assert not marker.exists()


@pytest.mark.notebook
def test_full_disk_during_a_run_reports_the_error_of_the_cell_too(checkout: Checkout) -> None:
    record = checkout.root / "runs/0.4.0.ipynb"
    fill = f"import os; os.unlink({str(record)!r}); os.symlink('/dev/full', {str(record)!r})"
    checkout.write_runbook(fill, REFUSAL.replace("raise RefusedError", "raise RefusedError('the reason')"))
    end = run(SHORT, checkout.root, stdout="terminal")
    assert end.code == 1
    assert "the reason" in end.out
    assert "✗ runs/0.4.0.ipynb" in end.out


@pytest.mark.notebook
def test_parameter_with_a_hyphen_is_refused(checkout: Checkout) -> None:
    end = run(f"{SHORT} -p dry-run False", checkout.root)
    assert end.code == 1
    assert "failed: parameters: -p dry-run" in end.err
    assert "-p dry_run`" in end.err
    assert "SyntaxError" not in end.err


def last_cell(file_under: str | None, overwrite: bool = False) -> str:
    request = {RECORD: {"file_under": file_under, "overwrite": overwrite}, "text/plain": "released"}
    return f"from IPython.display import display; display({request!r}, raw=True)"


@pytest.mark.notebook
def test_record_is_filed_once_and_contains_no_paths_of_the_machine(checkout: Checkout) -> None:
    leaks = "import os, sys, pathlib; print(os.getcwd(), sys.prefix, pathlib.Path.home() / 'x')"
    checkout.write_runbook(leaks, last_cell("docs/releases/0.4.0.ipynb"))
    end = run(f"{checkout.runbook} -p version 0.4.0 -p remote {checkout.root}/remote.git", checkout.root.parent)
    filed = ["record filed: docs/releases/0.4.0.ipynb", "  report: docs/releases/0.4.0.ipynb"]
    assert (end.code, end.err.splitlines()) == (0, filed)

    filed = checkout.root / "docs/releases/0.4.0.ipynb"
    text = filed.read_text("utf-8")
    assert read(text) == read(end.out)
    assert [path.name for path in filed.parent.iterdir()] == ["0.4.0.ipynb"]
    assert ". <env> ~/x" in outputs(read(text))
    assert RECORD not in outputs(read(text))
    for leak in (tempfile.gettempdir() + "/", sys.prefix, os.environ["HOME"]):
        assert leak not in text
    metadata = read(text)["metadata"]["papermill"]
    assert metadata["input_path"] == "runbooks/release.ipynb"
    assert metadata["output_path"] == "-"
    assert metadata["parameters"] == {"version": "0.4.0", "remote": "./remote.git"}
    assert metadata["environment_variables"] == {}

    again = run(f"{checkout.runbook} -p version 0.4.0", checkout.root.parent)
    assert (again.code, "docs/releases/0.4.0.ipynb" in again.err) == (0, True)
    assert filed.read_text("utf-8") == text


@pytest.mark.notebook
def test_record_that_cannot_be_filed_is_a_failure(checkout: Checkout) -> None:
    (checkout.root / "docs").touch()
    checkout.write_runbook(last_cell("docs/releases/0.4.0.ipynb"))
    end = run(SHORT, checkout.root)
    assert end.code == 1
    assert end.err.startswith("RecordNotFiled: ")
    assert states(read(end.out))[-1] == "failed"


@pytest.mark.notebook
def test_call_from_python_uses_the_checkout_of_the_working_directory(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write_runbook("import os; print(os.getcwd())", last_cell("docs/releases/0.4.0.ipynb"))
    other = Checkout(tmp_path / "other")
    call = "import papermill; papermill.execute_notebook(sys.argv[1], 'out.ipynb', engine_name='binoc-runbook')"
    end = run(f"{checkout.runbook}", other.root, command=(sys.executable, "-c", f"import sys; {call}"))
    assert (end.code, end.out) == (0, ""), end
    assert end.err.splitlines()[0] == "record filed: docs/releases/0.4.0.ipynb"
    assert '".\\n"' in outputs(other.record("docs/releases/0.4.0.ipynb"))


def executed(output: dict[str, Any]) -> NotebookNode:
    nb = notebook("1")
    nb.metadata.papermill = nbformat.from_dict({"environment_variables": {"TOKEN": "x"}, "parameters": {}})
    nb.cells[-1].outputs = [nbformat.from_dict(output)]
    return nb


def test_record_is_overwritten_only_on_request(checkout: Checkout) -> None:
    nb = executed({"output_type": "stream", "name": "stdout", "text": "new"})
    path = checkout.root / "docs/releases/0.4.0.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("old")
    file_record(nb, checkout.root, {"file_under": "docs/releases/0.4.0.ipynb"})
    assert path.read_text() == "old"
    file_record(nb, checkout.root, {"file_under": "docs/releases/0.4.0.ipynb", "overwrite": True})
    assert "new" in outputs(read(path.read_text()))


@pytest.mark.parametrize("path", ["../0.4.0.ipynb", "/elsewhere/0.4.0.ipynb"])
def test_record_is_filed_only_in_the_checkout(checkout: Checkout, path: str) -> None:
    with pytest.raises(ValueError, match="not a path in the checkout"):
        file_record(executed({"output_type": "stream"}), checkout.root, {"file_under": path})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"output_type": "stream", "text": "\x1b[32mok\x1b[0m ROOT/a"}, "ok ./a"),
        ({"output_type": "error", "evalue": "ROOT", "traceback": ["\x1b[0;31mE\x1b[0m", "ROOT/x.py:3"]}, "./x.py:3"),
        ({"output_type": "display_data", "data": {"text/html": "<i>TEMP/x</i>"}}, "<i>&lt;tmp&gt;/x</i>"),
        ({"output_type": "display_data", "data": {"text/html": "<a href='file://ROOT/x y'>"}}, "file://./x y"),
        ({"output_type": "display_data", "data": {"application/x+json": {"a": [{"b": "ROOT/x"}]}}}, '"./x"'),
        ({"output_type": "display_data", "data": {"image/png": "ROOT"}}, "ROOT"),
    ],
)
def test_all_kinds_of_outputs_are_cleaned(tmp_path: Path, output: dict[str, Any], expected: str) -> None:
    root = tmp_path / "a & b"
    if "image/png" in output.get("data", {}):
        expected = str(root)
    nb = executed(json.loads(json.dumps(output).replace("ROOT", str(root)).replace("TEMP", tempfile.gettempdir())))
    clean(nb, root)
    text = outputs(nb)
    assert expected in text
    assert "\\u001b" not in text
    assert nb.metadata.papermill.environment_variables == {}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("/data/demo/x and /data/demo", "./x and ."),
        ("cc -I/data/demo/include", "cc -I./include"),
        ("/data/demo2 /data/demo-old /srv/data/demo", "/data/demo2 /data/demo-old /srv/data/demo"),
        ("https://example.org/data/demo", "https://example.org/data/demo"),
        ("git -C '/data/demo' push", "git -C '.' push"),
    ],
)
def test_only_paths_of_the_checkout_are_replaced(text: str, cleaned: str) -> None:
    assert machine_free(Path("/data/demo"))(text) == cleaned
