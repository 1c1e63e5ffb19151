"""pytest plug-in that runs the cells of decision pages: one test for each page with cells."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect MyST notebooks, which nbmake does not collect."""
    if file_path.suffix != ".md" or not file_path.read_text("utf-8").startswith("---\n"):
        return None
    return Page.from_parent(parent, path=file_path)


class Page(pytest.File):
    """Decision page."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one test if the build of the site executes the page."""
        from myst_nb.core.config import NbParserConfig
        from myst_nb.core.read import create_nb_reader
        from myst_parser.config.main import MdParserConfig

        text = self.path.read_text("utf-8")
        reader = create_nb_reader(str(self.path), MdParserConfig(), NbParserConfig(), text)
        notebook = reader and reader.read(text)
        if notebook and notebook.metadata.get("mystnb", {}).get("execution_mode") == "force":
            yield Cells.from_parent(self, name="cells", notebook=notebook)


class Cells(pytest.Item):
    """Cells of a page, run in one kernel in the directory of the page, as in the build of the site."""

    def __init__(self, *, notebook: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.notebook = notebook

    def runtest(self) -> None:
        """Run the cells; the first failed cell fails the page."""
        from nbclient import NotebookClient

        from binoc_runbook.site.decisions.cell_execution import write_quiet_profile

        timeout = self.config.getoption("nbmake_timeout", 300)
        resources = {"metadata": {"path": str(self.path.parent)}}
        client = NotebookClient(self.notebook, timeout=timeout, resources=resources)
        with tempfile.TemporaryDirectory(prefix="binoc-kernel-") as home:
            client.execute(env={**os.environ, **write_quiet_profile(Path(home))})

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the page, the line of the cell, the cell and its traceback, without the frames of nbclient."""
        from nbclient.exceptions import CellExecutionError

        from binoc_runbook.redaction import plain

        if not isinstance(excinfo.value, CellExecutionError):
            return super().repr_failure(excinfo, style)
        return f"{self.path.name}:{self._failed_line()}: {plain(str(excinfo.value))}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the page as the place of the test."""
        return self.path, None, f"the cells of {self.path.name}"

    def _failed_line(self) -> int:
        lines = zip(self.notebook.metadata["source_map"], self.notebook.cells, strict=True)
        failed = (line for line, cell in lines if any(out.output_type == "error" for out in cell.get("outputs", ())))
        return next(failed, 0) + 1
