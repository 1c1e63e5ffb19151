"""The cells of the decisions as tests, beside the notebooks that nbmake runs: one test for each page that has cells."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the pages that are MyST notebooks; to nbmake only files of Jupyter are notebooks."""
    if file_path.suffix != ".md" or not file_path.read_text("utf-8").startswith("---\n"):
        return None
    return Page.from_parent(parent, path=file_path)


class Page(pytest.File):
    """A page of a decision."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test, where the page is executed when the site is built."""
        from myst_nb.core.config import NbParserConfig
        from myst_nb.core.read import create_nb_reader
        from myst_parser.config.main import MdParserConfig

        text = self.path.read_text("utf-8")
        reader = create_nb_reader(str(self.path), MdParserConfig(), NbParserConfig(), text)
        notebook = reader and reader.read(text)
        if notebook and notebook.metadata.get("mystnb", {}).get("execution_mode") == "force":
            yield Cells.from_parent(self, name="cells", notebook=notebook)


class Cells(pytest.Item):
    """All cells of a page, run in one kernel in the page's directory, as the build of the site does it."""

    def __init__(self, *, notebook: Any, **more: Any) -> None:
        super().__init__(**more)
        self.notebook = notebook

    def runtest(self) -> None:
        """Run them; the first that fails is the failure of the page."""
        from nbclient import NotebookClient

        from binoc_runbook.site.decisions.cell_execution import write_quiet_profile

        timeout = self.config.getoption("nbmake_timeout", 300)
        where = {"metadata": {"path": str(self.path.parent)}}
        client = NotebookClient(self.notebook, timeout=timeout, resources=where)
        with tempfile.TemporaryDirectory(prefix="binoc-kernel-") as home:
            client.execute(env={**os.environ, **write_quiet_profile(Path(home))})

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the page with the line of the cell, the cell and its traceback; not how it was run."""
        from nbclient.exceptions import CellExecutionError

        from binoc_runbook.redaction import plain

        if not isinstance(excinfo.value, CellExecutionError):
            return super().repr_failure(excinfo, style)
        return f"{self.path.name}:{self._failed_line()}: {plain(str(excinfo.value))}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the page."""
        return self.path, None, f"the cells of {self.path.name}"

    def _failed_line(self) -> int:
        lines = zip(self.notebook.metadata["source_map"], self.notebook.cells, strict=True)
        failed = (line for line, cell in lines if any(out.output_type == "error" for out in cell.get("outputs", ())))
        return next(failed, 0) + 1
