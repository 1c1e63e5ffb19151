"""Command line of `binoc-runbook`: help, suggestions, global options and exit codes of usage errors."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from binoc_runbook.cli import main
from binoc_runbook.cli.options import COMMANDS, DOCUMENTATION, GROUPS, build_parser, parse

ROOT = Path(__file__).parents[2]


@pytest.fixture
def exits(capsys):
    """Return a function that runs a command line that exits early: exit code, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as error:
            main(arguments)
        captured = capsys.readouterr()
        return error.value.code, captured.out, captured.err

    return run


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("-h",), ("-q",), ("-C", "check")], ids=" ".join)
def test_command_line_without_a_command_prints_the_help(exits, arguments):
    code, out, err = exits(*arguments)
    assert (code, err) == (0, "")
    assert out == build_parser([]).format_help()


def test_help_lists_all_commands_in_groups(exits):
    _, out, _ = exits()
    titles = re.findall(r"(?m)^(\w.*):$", out)
    assert titles[: len(GROUPS)] == list(GROUPS)
    assert titles[len(GROUPS) :] == ["Global options", "Environment variables", "Examples"]
    listed = re.findall(r"(?m)^  ([a-z][\w-]*)  ", out)
    assert listed == list(COMMANDS)
    assert all(len(command.summary) <= 64 for command in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_examples_options_variables_and_an_address(exits, name):
    code, out, _ = exits("help", name)
    assert code == 0
    assert exits(name, "--help")[1] == out
    assert out.startswith(f"Usage: binoc-runbook {name} ")
    assert "NO_COLOR" in out
    assert DOCUMENTATION in out
    for option in ("--root", "--color", "--quiet", "--verbose"):
        assert option in out
    examples = re.findall(r"binoc-runbook [^)|\n]+", out.partition("\nExamples:\n")[2])
    assert examples
    for example in examples:
        assert parse(shlex.split(example)[1:]).name == name


def test_help_shows_defaults():
    for subcommand in build_parser(COMMANDS).subcommands():
        for action in subcommand._actions:
            if action.default not in (None, False, "==SUPPRESS==", []):
                assert "[default: " in action.help, action


def test_documented_address_is_a_page_of_the_site():
    assert (ROOT / "docs" / f"{DOCUMENTATION.partition('/binoc/')[2].removesuffix('.html')}.md").is_file()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(exits, option):
    code, out, _ = exits(option)
    assert code == 0
    assert re.fullmatch(r"binoc-runbook \S.*\n", out)


@pytest.mark.parametrize(
    ("line", "suggested", "usage"),
    [
        ("chekc", "`check`", "[-C DIR] COMMAND [OPTIONS]"),
        ("-C DIR relaese 0.4.0", "`release`", "[-C DIR] COMMAND [OPTIONS]"),
        ("--rooot=DIR check", "`--root`", "[-C DIR] COMMAND [OPTIONS]"),
        ("help chekc", "`check`", "help [OPTIONS] [COMMAND]"),
        ("check --jsno", "`--json`", "check [OPTIONS] [VERSION]"),
        ("check --platfrom=all", "`--platforms`", "check [OPTIONS] [VERSION]"),
        ("check --js", "`--json`", "check [OPTIONS] [VERSION]"),
        ("check --color=alwyas", "`always`", "check [OPTIONS] [VERSION]"),
        ("rehearse --fault lost-anwser", "`lost-answer`", "rehearse [OPTIONS] [VERSION]"),
        ("rehearse --trouble lost-answer", "--fault", "rehearse [OPTIONS] [VERSION]"),
        ("verify --patience 5", "--timeout", "verify [OPTIONS] [VERSION]"),
        ("release", "VERSION", "release [OPTIONS] VERSION"),
        ("check 0.4.0 0.5.0", "`0.5.0`", "check [OPTIONS] [VERSION]"),
        ("completion csh -q", "zsh", "completion [OPTIONS] SHELL"),
        ("adr", "TITLE", "adr [OPTIONS] TITLE"),
    ],
)
def test_usage_error_suggests_a_spelling_and_shows_the_usage_of_the_command(exits, line, suggested, usage):
    code, out, err = exits(*line.split())
    assert (code, out) == (2, "")
    message, _, rest = err.partition("\n\n")
    assert message.startswith("error: ")
    assert suggested in message
    assert rest.startswith(f"Usage: binoc-runbook {usage}\n")


def test_usage_error_shows_no_escape_codes(exits):
    for arguments in (("\x1b[31m",), ("check", "--\x1b[31m"), ("rehearse", "--fault", "\x1b[31m")):
        assert "\x1b" not in exits(*arguments)[2]


def test_global_options_are_accepted_before_and_after_the_command():
    options = ["-C", "x", "--color", "never", "-q"]
    for arguments in ([*options, "check"], ["check", *options]):
        parsed = parse(arguments)
        assert (parsed.root, parsed.color, parsed.verbosity) == (Path("x"), "never", -1)
    assert parse(["-q", "check", "-v"]).verbosity == 1
    assert parse(["--root=x", "--json", "check"][::2]).root == Path("x")


@pytest.mark.parametrize(
    ("when", "variables"),
    [("always", {"FORCE_COLOR": "1"}), ("never", {"NO_COLOR": "1"}), ("auto", {"NO_COLOR": "", "FORCE_COLOR": ""})],
)
def test_color_sets_the_variables_of_child_processes(monkeypatch, checkout, when, variables):
    names = ("NO_COLOR", "FORCE_COLOR")
    for name in names:
        monkeypatch.setenv(name, "")
    main(["--color", when, "-C", str(checkout.root), "trust"])
    assert {name: os.environ[name] for name in names if name in os.environ} == variables


def test_quiet_prints_only_results_and_problems(monkeypatch, checkout, capsys, tmp_path):
    monkeypatch.setenv("BINOC_RUNBOOK_VERBOSITY", "0")
    assert main(["-C", str(checkout.root), "trust"]) == 0
    assert capsys.readouterr().err
    assert main(["-C", str(checkout.root), "trust", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["-C", str(tmp_path / "gone"), "trust", "-q"]) == 1
    assert capsys.readouterr().err
