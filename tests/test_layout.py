"""The house: imports go one way, and only the world touches the outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import binoc_runbook

SOURCE = Path(binoc_runbook.__file__).parent
FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))

#: From the innermost room to the outermost; a room may use those that stand before it, and its own files.
ROOMS = (
    ("messages", "files", "redaction", "finding", "environ", "version"),
    ("policy", "workspace"),
    ("checks",),
    ("world",),
    ("rehearsal", "stages"),
    ("dist",),
    ("adr", "display", "questions", "release"),
    ("runbook",),
    ("arguments", "cli"),
)
#: Loaded by papermill, which knows nothing of the rest.
PLUGIN = ("papermill_engine", "_papermill_run")
#: `World.rehearsal` makes its world in the room that stands after it; `policy` and `workspace` read the same files.
KNOWN = {("world", "rehearsal")}

#: A rehearsal is the outside that real clients are sent to: it listens, on loopback, and still asks nobody anything.
LISTENING = {Path("rehearsal/servers/server.py"), Path("rehearsal/servers/certificates.py")}

LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def imported(path: Path, *, everywhere: bool) -> set[str]:
    """The modules that a file imports; only what it needs to be loaded unless `everywhere`."""
    tree = ast.parse((SOURCE / path).read_text("utf-8"))
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def room_of(path: Path) -> str:
    return path.with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_room_uses_only_rooms_further_in(path):
    room = room_of(path)
    if room in ("__init__", *PLUGIN):
        return
    for module in imported(path, everywhere=True):
        package, _, rest = module.partition(".")
        other = rest.partition(".")[0]
        if package == "binoc_runbook" and other != room and (room, other) not in KNOWN:
            assert LEVEL[other] <= LEVEL[room], f"{room} uses {other}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_the_world_starts_processes_and_opens_sockets(path):
    if room_of(path) in ("world", *PLUGIN):
        return
    outside = {"subprocess", "socket", "urllib.request", "http.client", "git", "requests"}
    listening = {"http.server", "socketserver", "ssl"}
    assert not imported(path, everywhere=True) & (outside if path in LISTENING else outside | listening)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_takes_long_to_load_is_loaded_where_it_is_used(path):
    slow = {
        "cryptography",
        "jwt",
        "trustme",
        "git",
        "rich",
        "rich.console",
        "tomlkit",
        "yaml",
        "papermill",
        "IPython",
        "nbclient",
        "nbformat",
    }
    if room_of(path) != "_papermill_run":
        assert not imported(path, everywhere=False) & slow
