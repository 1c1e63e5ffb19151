"""Package layout: names, import order, and what only some packages may import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import binoc_runbook

SOURCE = Path(binoc_runbook.__file__).parent
FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))

#: The import order: a name at the top level imports only names before it, and its own modules.
ORDER = (
    "version",
    "finding",
    "files",
    "redaction",
    "environ",
    "policy",
    "workspace",
    "checks",
    "world",
    "stages",
    "dist",
    "rehearsal",
    "release",
    "display",
    "notebook",
    "site",
    "cli",
)

#: Modules that open sockets, start processes or serve: the world, the servers of a rehearsal, and the kernel's driver.
OUTSIDE = ("world", "notebook/engine.py", "rehearsal/servers/server.py", "rehearsal/servers/certificates.py")

#: Modules that take long to import; they are imported in the functions that need them.
SLOW = {
    "IPython",
    "cryptography",
    "git",
    "jwt",
    "nbclient",
    "nbformat",
    "papermill",
    "rich",
    "tomlkit",
    "trustme",
    "yaml",
}


def imports(path: Path, *, everywhere: bool = True) -> set[str]:
    """The modules that a file imports; with `everywhere` unset, only those that are imported with the file itself."""
    tree = ast.parse((SOURCE / path).read_text("utf-8"))
    modules = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    return modules


def top_level(path: Path) -> str:
    return path.with_suffix("").parts[0]


def test_the_top_level_has_the_names_of_the_import_order_only():
    names = {path.stem for path in SOURCE.iterdir() if path.name not in {"__pycache__", "py.typed"}}
    assert names == {"__init__", *ORDER}
    assert len(names) <= 18


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_a_few_modules_start_processes_and_open_sockets(path):
    if path.as_posix().startswith(OUTSIDE):
        return
    outside = {"subprocess", "socket", "urllib.request", "http.client", "git", "requests", "http.server", "ssl"}
    assert not imports(path) & outside


@pytest.mark.parametrize("path", FILES, ids=str)
def test_slow_modules_are_imported_where_they_are_used(path):
    if path.as_posix() != "notebook/engine.py":
        assert not {module.partition(".")[0] for module in imports(path, everywhere=False)} & SLOW
