"""The remedies of a check are read from the source: those that its findings can have there, and no other."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import binoc_runbook
from binoc_runbook.site.reference.remedies import remedies


@pytest.fixture
def read(tmp_path):
    def write(source):
        (tmp_path / "library").mkdir()
        (tmp_path / "library/checks.py").write_text(textwrap.dedent(source), "utf-8")
        return remedies(tmp_path / "library")

    return write


@pytest.mark.parametrize(
    ("remedy", "read_as"),
    [
        ('"git stash"', ["git stash"]),
        ('f"git switch {policy.branch[0]}"', ["git switch BRANCH"]),
        ("f\"one of {', '.join(known)}\"", ["one of KNOWN"]),
        ('f"just prepare {version.semver}"', ["just prepare VERSION"]),
        ('"commit" if changed else "push"', ["commit", "push"]),
        ("finding.remedy", []),
        ('""', []),
    ],
)
def test_a_remedy_that_stands_where_the_finding_is_made(read, remedy, read_as):
    found = read(f'Finding.failed("tree", "HEAD", "nothing", {remedy})')
    assert found.get("tree", []) == read_as


def test_what_holds_needs_none(read):
    assert read('Finding.ok("tree", "HEAD", "a commit")') == {}


def test_a_remedy_that_is_named_before_is_the_one_that_it_was_named_last(read):
    assert read(
        """
        def ask(state):
            saw, remedy = "one", "do this"
            if state:
                return Finding.failed("first", "HEAD", saw, remedy)
            saw, remedy = "two", "do that"
            if state is None:
                remedy = "do nothing"
            return Finding("second", "unknown", "HEAD", saw, remedy)
        """
    ) == {"first": ["do this"], "second": ["do that", "do nothing"]}


def test_a_stage_names_its_check_once(read):
    assert read(
        """
        class Tag(Stage):
            name = "tag"
            def requires(self):
                return Finding.failed(self.name, "HEAD", "no tag", "make one")
        """
    ) == {"tag": ["make one"]}


def test_names_of_the_module_and_what_it_imports_are_known():
    found = remedies(Path(binoc_runbook.__file__).parent)
    assert "just dist" in found["dists"]  # by Problem, whose check is that of another module
    assert 'add `wheels`, such as "cp310-abi3"' in found["policy"]
    assert any("that has no tag yet" in text for text in found["ref"])  # a constant of the module
