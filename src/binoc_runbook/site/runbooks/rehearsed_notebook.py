"""Quick rehearsal of a runbook, without the parts of its output that change with every run.

Notebooks are JSON (nbformat 4), before Sphinx and MyST-NB read them.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from binoc_runbook.notebook.messages import MARK
from binoc_runbook.notebook.reporter import assignments
from binoc_runbook.redaction import plain
from binoc_runbook.rehearsal.faults import QUICK
from binoc_runbook.site.releases.record_files import parse_notebook
from binoc_runbook.world import World

Notebook = dict[str, Any]

#: In seconds; a quick rehearsal takes about 3.
_TIMEOUT = 300.0

#: The duration of a stage at the end of a line.
_TOOK = re.compile(r" \(\d+\.\d s\)")

#: Key of the metadata of the runbook: the lines that the rehearsal printed.
TRANSCRIPT = "transcript"

#: Lines that papermill prints about itself.
_OF_PAPERMILL = ("Input Notebook:", "Output Notebook:", "Executing notebook")

#: The comment that papermill writes above the parameters of a run.
_INJECTED = "# Parameters\n"


@dataclass(frozen=True, slots=True)
class RehearsedNotebook:
    """Runbook after a quick rehearsal, and the reason if it was refused."""

    notebook: Notebook
    refused: str


def read_runbook(path: Path) -> Notebook | None:
    """Read a runbook, which is identified by its metadata; return `None` for any other file."""
    notebook = parse_notebook(path.read_bytes()) if path.is_file() else None
    return notebook if notebook and isinstance(notebook["metadata"].get(MARK), dict) else None


def identity(runbook: Path, commit: str) -> str:
    """Return a digest of the inputs of a quick rehearsal: the commit, the runbook and this library."""
    digest = hashlib.sha256(commit.encode())
    for path in (runbook, *sorted(Path(__file__).parents[2].rglob("*.py"))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def rehearse(runbook: Path, root: Path) -> RehearsedNotebook | str:
    """Run a quick rehearsal of the current commit; return a reason if it cannot run here."""
    world = World.real(root)
    if (root / "Cargo.toml").is_file() and world.processes.find("cargo") is None:
        return "a rehearsal needs `cargo`, which is not on PATH"  # not a problem of the commit
    with tempfile.TemporaryDirectory(prefix="binoc-page-") as directory:
        record = Path(directory) / "record.ipynb"
        parameters = ["-p", "dry_run", "False", "-p", "world", f"rehearsal:{QUICK}"]
        command = [sys.executable, "-m", "papermill", str(runbook), str(record), *parameters]
        done = world.processes.run(command, timeout=_TIMEOUT)
        source = read_runbook(runbook)
        notebook = read_runbook(record) or source
    assert source is not None  # noqa: S101 - the runbook was read before
    assert notebook is not None  # noqa: S101
    notebook["cells"][0] = source["cells"][0]  # the record has the title of its run
    refused = "" if done.returncode == 0 else _last_error(notebook) or world.clean(done.stderr)
    notebook = _lasting(notebook)
    notebook["metadata"][MARK][TRANSCRIPT] = transcript(world.clean(done.stdout + done.stderr), record.parent.name)
    return RehearsedNotebook(notebook, refused)


def transcript(output: str, place: str) -> list[str]:
    """Return the lines of an output without what changes: durations, escape codes, and the place of the record."""
    lines = [re.sub(r"\(?\b\d+\.\d s\b\)?", "", line).rstrip() for line in plain(output).splitlines()]
    return [line for line in lines if line and place not in line and not line.startswith(_OF_PAPERMILL)]


def settle_parameters(notebook: Notebook) -> None:
    """Replace the defaults of parameters by the values of the run.

    papermill keeps the cell with the defaults, and adds a cell with other values below it.
    """
    injected = [cell for cell in notebook["cells"] if "injected-parameters" in _tags(cell)]
    default = next((cell for cell in notebook["cells"] if "parameters" in _tags(cell)), None)
    if not injected or default is None:
        return
    values: dict[str, str] = {}
    try:
        for cell in injected:
            values |= assignments(_source(cell))
    except SyntaxError:
        return  # edited by hand; both cells are shown unchanged
    settled = _source(default)
    for name, value in values.items():
        place = re.search(rf"^{name}\b[^=\n]*= (?P<value>.+?)(?:\s+#.*)?$", settled, re.MULTILINE)
        if place:
            settled = settled[: place.start("value")] + value + settled[place.end("value") :]
        else:
            settled += f"\n{name} = {value}"
    default["source"] = settled
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in injected]


def chapter_of(cell: Notebook) -> str | None:
    """Return the chapter of a code cell; the chapter of a stage has the name of the stage."""
    name = str(cell.get("id", ""))
    return name.removesuffix("-run") if cell.get("cell_type") == "code" and name else None


def _last_error(notebook: Notebook) -> str:
    """Return the refusal or the traceback of the cell that failed."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output.get("output_type") == "error"]
    return plain("\n".join(errors[-1]["traceback"])) if errors else ""


def _lasting(notebook: Notebook) -> Notebook:
    """Return the notebook without times and without random ids of cells that papermill adds."""
    for key in ("papermill", "title"):
        notebook["metadata"].pop(key, None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook["cells"]):
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        if {"injected-parameters", "papermill-error-cell-tag"} & set(_tags(cell)):
            cell["id"] = f"cell-{number}"
        if "injected-parameters" in _tags(cell):
            cell["source"] = _source(cell).replace(_INJECTED, "# Parameters of this rehearsal\n", 1)
        for output in cell.get("outputs", []):
            for mime, lines in output.get("data", {}).items():
                output["data"][mime] = [_TOOK.sub("", line) for line in lines] if isinstance(lines, list) else lines
    return notebook


def _source(cell: Notebook) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: Notebook) -> list[str]:
    tags: list[str] = cell.get("metadata", {}).get("tags", [])
    return tags
