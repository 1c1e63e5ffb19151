"""Every documented command is run by the story of its page, or is in the table of commands that no story runs."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module

import pytest
import yaml

from binoc_runbook.workspace.policy_table import read_policy

from . import test_programs, test_stories, test_symptoms  # noqa: F401 - register the stories
from .reading import COMMANDS, ROOT, first_difference
from .stories import NOT_EXECUTED, STORIES, is_not_executed, matches, runs_in_story


def test_every_command_is_run_by_a_story_or_is_in_the_table():
    assert [str(command) for command in COMMANDS if runs_in_story(command) and command.page not in STORIES] == []


def test_every_story_runs_a_command():
    assert {command.page for command in COMMANDS if runs_in_story(command)} >= STORIES


@pytest.mark.parametrize("pattern", NOT_EXECUTED)
def test_every_entry_of_the_table_is_documented(pattern):
    assert any(matches(pattern, command) for command in COMMANDS)


@pytest.mark.parametrize("test", sorted({entry.test for entry in NOT_EXECUTED.values()} - {""}))
def test_test_named_in_the_table_exists(test):
    path, _, name = test.partition("::")
    assert callable(getattr(import_module(path.removesuffix(".py").replace("/", ".")), name, None))


@pytest.mark.rehearsal
def test_mentioned_command_is_part_of_a_command_that_is_run(maintainer):
    in_blocks = [command for command in COMMANDS if not command.is_mention]
    for command in COMMANDS:
        is_guide = re.match("README|docs/(how-to|tutorial)", command.page)
        if not command.is_mention or not is_guide or "RECIPE" in command.line:
            continue
        line = re.sub(r"^just\b", "./just", command.line.replace("VERSION", "0.5.0"))
        if line.endswith("--help"):
            maintainer.run(line)
        else:
            is_run = any(other.line.startswith(line) for other in in_blocks)
            assert is_run or is_not_executed(replace(command, line=line)), str(command)


def test_documented_rehearsal_has_the_jobs_and_files_of_this_repository():
    policy = read_policy(ROOT)
    jobs = yaml.safe_load((ROOT / f".github/workflows/{policy.workflow}").read_text("utf-8"))["jobs"].values()
    names = [
        re.sub(r"\$\{\{.+\}\}", entry.get("platform", ""), job["name"])
        for job in jobs
        for entry in job.get("strategy", {}).get("matrix", {}).get("include", [{}])
    ]
    outputs = [command.output for command in COMMANDS if " rehearse" in command.line and "Wheels" in command.output]
    assert outputs
    for output in outputs:
        documented = re.findall(r"(?m)^[✓-] (.+): (?:passed|not run on this host) \(", output)
        assert documented == sorted(documented, key=names.index)
        published = re.findall(r"(?m)^  ([\w-]+) +✓ \d", output)
        assert published == [artifact.name for artifact in policy.artifacts]


@pytest.mark.parametrize(
    ("documented", "line"),
    [
        ("one\ntwo 1234567890ab (0.1 s)\nthree", None),
        ("...\nthree", None),
        ("one\n...", None),
        ("one\ntwo … (9.9 s)\nthr…", None),
        ("two …\nthree", "two …"),
        ("one\n...\nfour", "four"),
        ("three\n...\none", "three"),
        ("one", "(undocumented line 'two COMMIT (TIME)')"),
    ],
)
def test_first_difference(documented, line):
    assert first_difference(documented, f"one\ntwo {'ab12' * 10} (1.5 s)\nthree\n") == line
