"""Package layout: top level, import order, unique names, and restricted imports."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from pathlib import Path

import pytest

import binoc_runbook

SOURCE = Path(binoc_runbook.__file__).parent
FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))

#: The import order: a package imports only its own modules and packages before it.
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

#: The names of stages with a check of the same name.
STAGES_WITH_A_CHECK = {"remote", "surface", "sync", "tree", "workflow"}

#: Modules that can open sockets and start processes.
OUTSIDE = (
    "world",
    "notebook/engine.py",
    "rehearsal/servers/server.py",
    "rehearsal/servers/certificates.py",
    "rehearsal/gh/forge.py",
)

#: Modules that may start git: its client, and the rehearsal, whose jobs and persons run git in its own repositories.
STARTS_GIT = (
    "world/git.py",
    "world/git_objects.py",
    "rehearsal/runner/",
    "rehearsal/sandbox.py",
    "rehearsal/rehearsal_world.py",
)

#: Modules that are slow to import; they are imported in the functions that need them.
SLOW = {
    "IPython",
    "cryptography",
    "git",
    "jwt",
    "nbclient",
    "nbformat",
    "papermill",
    "rich",
    "shtab",
    "tomlkit",
    "trustme",
    "yaml",
}


@functools.cache
def imports(path: Path, *, everywhere: bool = True) -> set[str]:
    """Return the modules that a file imports; without `everywhere`, only those imported at the top level."""
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


def test_top_level_names_are_those_of_the_import_order():
    names = {path.stem for path in SOURCE.iterdir() if path.name not in {"__pycache__", "py.typed"}}
    assert names == {"__init__", *ORDER}
    assert len(names) <= 18


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "__init__.py" or path.parent.parts], ids=str)
def test_imports_follow_the_order(path):
    own = top_level(path)
    allowed = set(ORDER[: ORDER.index(own) + 1])
    used = {module.split(".")[1] for module in imports(path) if module.startswith("binoc_runbook.")}
    assert used <= allowed, f"{own} imports {', '.join(sorted(used - allowed))}"


def test_imports_have_no_cycles():
    names = {".".join(("binoc_runbook", *path.with_suffix("").parts)).removesuffix(".__init__"): path for path in FILES}
    graph = {name: imports(path) & names.keys() - {name} for name, path in names.items()}
    # The root loads its names lazily.
    del graph["binoc_runbook"]
    while leaves := [name for name, modules in graph.items() if not modules & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert not graph


def test_only_stages_and_their_checks_share_module_names():
    places = defaultdict(set)
    for path in FILES:
        module = path.parent if path.name == "__init__.py" else path.with_suffix("")
        places[module.name].add(module.parent.as_posix())
    places = {name: parents for name, parents in places.items() if len(parents) > 1}
    assert places == {name: {"checks", "stages"} for name in STAGES_WITH_A_CHECK}


def test_public_classes_have_unique_names():
    places = defaultdict(list)
    for path in FILES:
        for node in ast.parse((SOURCE / path).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.as_posix())
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_other_modules_start_no_processes_and_open_no_sockets(path):
    if path.as_posix().startswith(OUTSIDE):
        return
    outside = {"subprocess", "socket", "urllib.request", "http.client", "git", "requests", "http.server", "ssl"}
    assert not imports(path) & outside


def test_other_modules_start_no_git():
    """Check that all queries of a checkout are `Git.query`, which starts no program of the checkout."""
    for path in (path for path in FILES if not path.as_posix().startswith(STARTS_GIT)):
        assert not {module for module in imports(path) if module.partition(".")[0] == "git"}, path
        calls = [node for node in ast.walk(ast.parse((SOURCE / path).read_text("utf-8"))) if isinstance(node, ast.Call)]
        started = [
            call for call in calls if ast.unparse(call.func).endswith((".run", ".watch", ".Popen")) and call.args
        ]
        assert [call for call in started if ast.unparse(call.args[0]).startswith(("['git'", "('git'"))] == [], path


def test_one_function_starts_all_processes_of_the_client_of_git():
    tree = ast.parse((SOURCE / "world/git.py").read_text("utf-8"))
    starting = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("subprocess.Popen", "subprocess.run")
    ]
    assert starting == ["_start"]
    assert "git" not in imports(Path("world/git.py"))
    assert not {"subprocess"} & imports(Path("world/git_objects.py"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_slow_modules_are_imported_where_they_are_used(path):
    if path.as_posix() != "notebook/engine.py":
        assert not {module.partition(".")[0] for module in imports(path, everywhere=False)} & SLOW
