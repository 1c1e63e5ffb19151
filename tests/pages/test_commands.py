"""No page shows a command that cannot be typed: each is read by the parser that reads it when somebody types it."""

from __future__ import annotations

import ast
import functools
import json
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path

import pytest

from binoc_runbook.cli.options import parse
from binoc_runbook.version import Version

from .reading import PAGES, ROOT, TYPED, blocks, name_of, text_of

TAGS = {"sh", "text", "toml", "rust", "python", "yaml", "json"}
#: Programs of others, of which only the words are looked at.
OTHERS = {"git", "gh", "cargo", "cd", "pip", "printf"}


def parts_of(line: str) -> list[str]:
    """The commands of a line, without where their output goes."""
    return [re.sub(r" >> ?\S+$", "", part.strip()) for part in line.split("&&")]


def words_of(line: str) -> list[str]:
    """The words of a command, as a shell makes them, without the variables that are set before it."""
    words = shlex.split(re.sub(r"\$\([^)]*\)", "VALUE", line))
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def understand(line: str) -> None:
    """Read a command as the program would that it names.

    Raises:
        ValueError: The program would refuse it.
    """
    program, *arguments = words_of(line)
    readers = {"./just": just, "just": just, "binoc-runbook": runbook, "papermill": papermill, "binoc": binoc}
    if program in readers:
        readers[program](arguments)
    elif program not in OTHERS:
        raise ValueError(f"`{program}` is no program that the tests know")


def just(arguments: list[str]) -> None:
    if arguments[0].startswith("-"):
        if arguments[0] not in just_says("--help"):
            raise ValueError(f"just has no option `{arguments[0]}`")
        return
    name, *given = arguments
    if name == "RECIPE":
        return
    recipe = json.loads(just_says("--dump", "--dump-format", "json"))["recipes"].get(name)
    if recipe is None:
        raise ValueError(f"the justfile has no recipe `{name}`")
    kinds = [parameter["kind"] for parameter in recipe["parameters"]]
    least = sum(kind in ("singular", "plus") for kind in kinds)
    if len(given) < least or (len(given) > len(kinds) and not {"star", "plus"} & set(kinds)):
        raise ValueError(f"`just {name}` takes {least} words, and not {len(given)}")
    body = "".join(str(part) for line in recipe["body"] for part in line)
    if calls := re.fullmatch(r'@binoc-runbook (.+) "\$@"', body):
        runbook([*shlex.split(calls[1]), *given])
    elif name == "with":
        understand(shlex.join(given))


@functools.cache
def just_says(*question: str) -> str:
    command = [str(Path(sysconfig.get_path("scripts")) / "just"), "--justfile", str(ROOT / "justfile"), *question]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def runbook(arguments: list[str]) -> None:
    words = [word.replace("VERSION", "0.4.0") for word in arguments]
    try:
        parsed = parse(words)
    except SystemExit as ended:
        if ended.code:
            raise ValueError(f"binoc-runbook refuses `{' '.join(words)}`") from None
        return
    if getattr(parsed, "version", None):
        Version.parse(parsed.version)


def papermill(arguments: list[str]) -> None:
    given = dict(re.findall(r"-[pr] (\S+) (\S+)", " ".join(arguments)))
    paths = re.sub(r"-[pr] \S+ \S+", "", " ".join(arguments)).split()
    notebook = json.loads((ROOT / paths[0]).read_text("utf-8"))
    (cell,) = [each for each in notebook["cells"] if "parameters" in each["metadata"].get("tags", ())]
    known = {node.target.id for node in ast.parse("".join(cell["source"])).body}
    if len(paths) > 2 or not given.keys() <= known:
        raise ValueError(f"`{paths[0]}` has the parameters {', '.join(sorted(known))}")
    Version.parse(given["version"].replace("VERSION", "0.4.0"))


def binoc(arguments: list[str]) -> None:
    source = (ROOT / "crates/binoc-cli/src/args.rs").read_text("utf-8")
    command, *given = arguments
    if f'Some("{command}")' not in source:
        raise ValueError(f"binoc has no command `{command}`")
    for option in (word for word in given if word.startswith("--")):
        if f'Long("{option[2:]}")' not in source:
            raise ValueError(f"binoc has no option `{option}`")


def needs_an_account(line: str) -> bool:
    words = words_of(line)
    acts = {"gh", "git push", "cargo publish", "cargo login", "./just release", "./just github-release"}
    armed = "dry_run False" in line or (words[0] == "binoc-runbook" and "release" in words)
    return words[0] in acts or " ".join(words[:2]) in acts or "$(gh " in line or armed


@pytest.mark.parametrize("typed", TYPED, ids=str)
def test_a_command_can_be_typed(typed):
    for part in parts_of(typed.line):
        try:
            understand(part)
        except ValueError:
            # A sentence may name a command without what follows it.
            if not typed.spoken or re.search(" -(?!-root)", part):
                raise
            understand(f"{part} --help")


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
def test_a_command_that_cannot_be_typed_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011 - of whichever reader it is
        understand(line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page):
    found = blocks(text_of(page), page.name)
    # A registry shows the page of a package by itself, where a prompt tells what is typed from what is printed.
    known = TAGS | {"console"} if page.parents[1].name in ("crates", "python") else TAGS
    assert [f"{each.page}:{each.line}: `{each.tag}`" for each in found if each.tag not in known] == []


def test_the_plugin_that_is_shown_is_the_one_that_cargo_compiles():
    shown = text_of(ROOT / "docs/how-to/write-a-plugin.md")
    compiled = text_of(ROOT / "crates/binoc-sdk/README.md")  # the crate's documentation, so a test of `cargo test`
    assert [each.text for each in blocks(shown, "") if each.tag == "rust"] == [
        each.text for each in blocks(compiled, "") if each.tag == "rust"
    ]


def test_what_needs_an_account_is_marked():
    assert [str(typed) for typed in TYPED if needs_an_account(typed.line) and not (typed.marked or typed.spoken)] == []


def test_what_an_account_is_needed_for_is_known():
    assert all(
        map(needs_an_account, ("git push", "gh run watch", "./just release 0.4.0", "A=$(gh auth token) ./just x"))
    )
    assert not needs_an_account("./just rehearse 0.4.0")


def test_the_recipes_are_listed():
    assert any(typed.line == "./just --list" for typed in TYPED)
    assert " rehearse " in just_says("--list")
