"""Every documented command is accepted by the parser of its program."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from binoc_runbook.cli.options import parse
from binoc_runbook.version import Version

from .reading import COMMANDS, PAGES, ROOT, blocks, name_of, text_of

TAGS = {"sh", "text", "toml", "rust", "python", "yaml", "json"}
#: The directory with the installed wheels, which `just build` fills.
SITE = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "site"
#: Other programs, whose arguments are not checked.
OTHERS = {"pypi-attestations", "git", "gh", "cargo", "cd", "pip", "printf", "python3", ".", "jupyter"}


def parts_of(line: str) -> list[str]:
    """Return the commands of a line, without redirections."""
    return [re.sub(r" >> ?\S+$", "", part.strip()) for part in line.split("&&")]


def words_of(line: str) -> list[str]:
    """Return the words of a command as a shell splits them, without the variables before it."""
    words = shlex.split(re.sub(r"\$\([^)]*\)", "VALUE", line))
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def parse_command(line: str) -> None:
    """Parse a command as its program does.

    Raises:
        ValueError: The program rejects it.
    """
    program, *arguments = words_of(line)
    parsers = {"./just": just, "just": just, "binoc-runbook": runbook, "papermill": papermill, "binoc": binoc}
    if program in parsers:
        parsers[program](arguments)
    elif program not in OTHERS:
        raise ValueError(f"unknown program `{program}`")


def just(arguments: list[str]) -> None:
    if arguments[0].startswith("-"):
        if arguments[0] not in just_output("--help"):
            raise ValueError(f"just has no option `{arguments[0]}`")
        return
    name, *values = arguments
    if name == "RECIPE":
        return
    recipe = json.loads(just_output("--dump", "--dump-format", "json"))["recipes"].get(name)
    if recipe is None:
        raise ValueError(f"the justfile has no recipe `{name}`")
    kinds = [parameter["kind"] for parameter in recipe["parameters"]]
    least = sum(kind in ("singular", "plus") for kind in kinds)
    if len(values) < least or (len(values) > len(kinds) and not {"star", "plus"} & set(kinds)):
        raise ValueError(f"`just {name}` takes {least} arguments, not {len(values)}")
    body = "".join(str(part) for line in recipe["body"] for part in line)
    if calls := re.fullmatch(r'@binoc-runbook (.+) "\$@"', body):
        runbook([*shlex.split(calls[1]), *values])
    elif name == "with":
        parse_command(shlex.join(values))


@functools.cache
def just_output(*arguments: str) -> str:
    command = [str(Path(sysconfig.get_path("scripts")) / "just"), "--justfile", str(ROOT / "justfile"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def runbook(arguments: list[str]) -> None:
    words = [word.replace("VERSION", "0.4.0") for word in arguments]
    try:
        parsed = parse(words)
    except SystemExit as error:
        if error.code:
            raise ValueError(f"binoc-runbook rejects `{' '.join(words)}`") from None
        return
    if getattr(parsed, "version", None):
        Version.parse(parsed.version)


def papermill(arguments: list[str]) -> None:
    values = dict(re.findall(r"-[pr] (\S+) (\S+)", " ".join(arguments)))
    paths = re.sub(r"-[pr] \S+ \S+", "", " ".join(arguments)).split()
    notebook = json.loads((ROOT / paths[0]).read_text("utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())]
    known = {node.target.id for node in ast.parse("".join(cell["source"])).body}
    if len(paths) > 2 or not values.keys() <= known:
        raise ValueError(f"`{paths[0]}` has the parameters {', '.join(sorted(known))}")
    Version.parse(values["version"].replace("VERSION", "0.4.0"))


def binoc(arguments: list[str]) -> None:
    # In an empty directory, a valid command fails later, because its files do not exist.
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "binoc", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(SITE)}
        result = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    if result.returncode not in (0, 2) or "see `binoc --help`" in result.stderr:
        raise ValueError(f"binoc rejects `{' '.join(arguments)}`: {result.stderr}")


def needs_an_account(line: str) -> bool:
    words = words_of(line)
    public = {"gh", "git push", "cargo publish", "cargo login", "cargo yank", "./just release", "./just release-notes"}
    is_release = "dry_run False" in line or (words[0] == "binoc-runbook" and "release" in words)
    is_public = words[0] in public or " ".join(words[:2]) in public or "$(gh " in line or is_release
    return is_public and "--dry-run" not in words


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_is_valid(command):
    for part in parts_of(command.line):
        try:
            parse_command(part)
        except ValueError:
            # A sentence can mention a command without its arguments.
            if not command.is_mention or re.search(" -(?!-root)", part):
                raise
            parse_command(f"{part} --help")


@pytest.mark.parametrize(
    "line",
    [
        "./just rehears 0.4.0",
        "./just release",
        "./just check --jsn",
        "./just rehearse --fault rain",
        "./just --lists",
        "binoc-runbook --root DIR inspekt",
        "binoc-runbook release v0.4.0",
        "papermill runbooks/release.ipynb -p versoin 0.4.0",
        "papermill runbooks/verify.ipynb -p version 1.10",
        "binoc dif A B",
        "binoc diff A B --colour",
        "frobnicate",
    ],
)
def test_invalid_command_is_rejected(line):
    with pytest.raises(ValueError):  # noqa: PT011 - each parser has its own message
        parse_command(line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_has_a_known_tag(page):
    # A registry shows only the page of a package, where prompts separate commands from output.
    known = TAGS | {"console"} if page.parents[1].name in ("crates", "python") else TAGS
    parsed = blocks(text_of(page), page.name)
    assert [f"{block.page}:{block.line}: `{block.tag}`" for block in parsed if block.tag not in known] == []


def test_documented_plugin_is_compiled_by_cargo_test():
    guide = text_of(ROOT / "docs/how-to/write-a-plugin.md")
    crate = text_of(ROOT / "crates/binoc-sdk/README.md")  # the documentation of the crate, which `cargo test` compiles
    assert [block.text for block in blocks(guide, "") if block.tag == "rust"] == [
        block.text for block in blocks(crate, "") if block.tag == "rust"
    ]


def test_command_that_needs_an_account_is_marked():
    in_blocks = [command for command in COMMANDS if not command.is_mention]
    assert [str(command) for command in in_blocks if needs_an_account(command.line) > command.needs_account] == []


def test_commands_that_need_an_account():
    assert all(
        map(needs_an_account, ("git push", "gh run watch", "./just release 0.4.0", "A=$(gh auth token) ./just x"))
    )
    assert not needs_an_account("./just rehearse 0.4.0")
    assert not needs_an_account("./just release 0.4.0 --dry-run")


def test_recipes_are_listed():
    assert any(command.line == "./just --list" for command in COMMANDS)
    assert " rehearse " in just_output("--list")
