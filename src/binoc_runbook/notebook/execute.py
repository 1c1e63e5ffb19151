"""Execution of a runbook by a command, with papermill and our engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.release.attempts import NOTHING_PUSHED, unwritable

RELEASE = Path("runbooks") / "release.ipynb"
VERIFY = Path("runbooks") / "verify.ipynb"


def run_notebook(root: Path, parameters: dict[str, Any], record: Path, runbook: Path = RELEASE) -> int:
    """Run a runbook in the checkout at `root`, and write its record to `record`; both paths are relative to `root`.

    Returns the exit code: 0 if all cells succeeded, 1 if the run was refused or failed, 130 on Ctrl-C.

    Raises:
        RefusedError: The runbook does not exist, the record cannot be written, or another release is running.
    """
    import papermill  # type: ignore[import-untyped]
    from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]

    from binoc_runbook.notebook.engine import exit_code

    notebook = next((path for path in (root / runbook, Path(__file__).parents[3] / runbook) if path.is_file()), None)
    if notebook is None:
        finding = Finding.failed("runbook", str(runbook), "does not exist", "copy it from a checkout of binoc-runbook")
        raise RefusedError("the runbook does not exist", [finding])
    try:
        (root / record).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(
            "the runbook was not started", [unwritable(root / record, root, error)], NOTHING_PUSHED
        ) from None
    os.chdir(root)  # so that the paths in the record are relative to the root
    try:
        papermill.execute_notebook(
            str(notebook.relative_to(root) if notebook.is_relative_to(root) else notebook),
            str(record),
            parameters={name: value for name, value in parameters.items() if value is not None},
            engine_name="binoc-runbook",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        return exit_code(error)
    return 0
