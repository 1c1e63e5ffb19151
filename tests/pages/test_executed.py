"""No command of a page is shown and executed nowhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml

from binoc_runbook.workspace.policy_table import read_policy

from . import test_programs, test_stories, test_symptoms  # noqa: F401 - the stories, which are told to the table
from .executed import ELSEWHERE, TOLD, asks_a_stranger, elsewhere, is_typed_here
from .reading import ROOT, TYPED, differs


def test_a_command_is_executed_by_a_story_or_where_the_table_says_or_asks_somebody_who_knows_its_user():
    assert {each.page for each in TYPED if is_typed_here(each)} == TOLD
    assert {each.line.split()[0] for each in TYPED if asks_a_stranger(each)} == {"gh", "cargo"}


@pytest.mark.rehearsal
def test_what_a_sentence_of_the_readme_or_a_how_to_names_is_the_beginning_of_what_is_executed(maintainer):
    blocks = [each for each in TYPED if not each.spoken]
    for each in TYPED:
        if each.spoken and re.match("README|docs/(how-to|tutorial)", each.page) and "RECIPE" not in each.line:
            line = re.sub(r"^just\b", "./just", each.line.replace("VERSION", "0.5.0"))
            if line.endswith("--help"):
                maintainer.types(line)
            else:
                here = any(other.line.startswith(line) for other in blocks)
                assert here or elsewhere(replace(each, line=line)), str(each)


@pytest.mark.parametrize("known", ELSEWHERE)
def test_where_the_table_says_that_a_command_is_executed_it_is(known):
    place = ELSEWHERE[known]
    assert [words for words in place.words if words not in place.source()] == []
    assert any(elsewhere(each) is place for each in TYPED), "no page has it any more"


def test_the_jobs_and_files_of_a_rehearsal_that_is_shown_are_those_of_this_repository():
    policy = read_policy(ROOT)
    jobs = yaml.safe_load((ROOT / f".github/workflows/{policy.workflow}").read_text("utf-8"))["jobs"].values()
    names = [
        re.sub(r"\$\{\{.+\}\}", entry.get("platform", ""), job["name"])
        for job in jobs
        for entry in job.get("strategy", {}).get("matrix", {}).get("include", [{}])
    ]
    told = [each.shown for each in TYPED if " rehearse" in each.line and "Wheels" in each.shown]
    assert told
    for shown in told:
        ran = re.findall(r"(?m)^[✓-] (.+): (?:passed|not run on this host) \(", shown)
        assert ran == sorted(ran, key=names.index)
        held = re.findall(r"(?m)^  ([\w-]+) +✓ \d", shown)
        assert held == [each.name for each in policy.artifacts]


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        ("one\ntwo 1234567890ab (0.1 s)\nthree", None),
        ("...\nthree", None),
        ("one\n...", None),
        ("one\ntwo … (9.9 s)\nthr…", None),
        ("two …\nthree", "two …"),
        ("one\n...\nfour", "four"),
        ("three\n...\none", "three"),
        ("one", "(nothing after it, and not 'two COMMIT (TIME)')"),
    ],
)
def test_the_first_line_that_was_not_printed_in_its_place_is_named(shown, line):
    assert differs(shown, f"one\ntwo {'ab12' * 10} (1.5 s)\nthree\n") == line
