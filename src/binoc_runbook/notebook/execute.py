"""Running a runbook from a command: through papermill and its engine, with the outcome in one place."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from binoc_runbook.finding import Finding, RefusedError

RELEASE = Path("runbooks") / "release.ipynb"
VERIFY = Path("runbooks") / "verify.ipynb"


def run_notebook(root: Path, parameters: dict[str, Any], record: Path, runbook: Path = RELEASE) -> int:
    """Run a runbook in the checkout at `root`; its record goes to `record`. Both are paths from the root.

    Returns the exit code: 0 when every cell ran to its end, 1 when the run was refused or failed, 130 on Ctrl-C.

    Raises:
        RefusedError: There is no runbook to run.
    """
    import papermill  # type: ignore[import-untyped]
    from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]

    notebook = next((path for path in (root / runbook, Path(__file__).parents[3] / runbook) if path.is_file()), None)
    if notebook is None:
        finding = Finding.failed("runbook", str(runbook), "is missing", "copy it from the checkout of binoc-runbook")
        raise RefusedError("there is no runbook to run", [finding])
    (root / record).parent.mkdir(parents=True, exist_ok=True)
    os.chdir(root)  # so that the record tells paths from the root, whatever directory this was typed in
    try:
        papermill.execute_notebook(
            str(notebook.relative_to(root) if notebook.is_relative_to(root) else notebook),
            str(record),
            parameters={name: value for name, value in parameters.items() if value is not None},
            engine_name="binoc-runbook",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        refused = error.ename == RefusedError.__name__
        print(error.evalue if refused else f"{error.ename}: {error.evalue}", file=sys.stderr)
        print(f"the record of this run is {record}", file=sys.stderr)
        return 130 if error.ename == "KeyboardInterrupt" else 1
    print(f"the record of this run is {record}", file=sys.stderr)
    return 0
