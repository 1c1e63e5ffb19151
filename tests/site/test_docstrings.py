"""Docstrings become pages: names are links, other code stays code, and nothing private is in a signature."""

from __future__ import annotations

from dataclasses import dataclass, field

from binoc_runbook.site.reference.docstrings import mark_up, public_signature


def marked(text):
    lines = text.splitlines()
    mark_up(None, "function", "name", None, None, lines)
    return lines


def test_what_begins_in_upper_case_may_be_a_link_and_the_rest_is_code():
    assert marked("`Workspace.discover` reads `path`, `None` or `.crate`") == [
        ":py:obj:`.Workspace.discover` reads ``path``, ``None`` or ``.crate``"
    ]


def test_code_may_go_over_two_lines_and_letters_may_follow_it():
    assert marked("the `cargo\nmetadata` of all `crate`s") == ["the ``cargo", "metadata`` of all ``crate``\\ s"]


def test_what_is_raised_becomes_a_list():
    text = "Read it.\n\nRaises:\n    OSError: It is not there,\n        or no `file`.\n    ValueError: Else.\n"
    shown = [line.strip() for line in marked(text) if line]
    assert shown == [
        "Read it.",
        ":raises OSError: It is not there,",
        "or no ``file``.",
        ":raises ValueError: Else.",
    ]


def test_a_colon_is_part_of_the_sentence():
    assert marked("One of two: `None` or a name.")[0] == "One of two: ``None`` or a name."


def test_a_signature_names_what_is_public_and_no_function_that_makes_a_default():
    @dataclass
    class Run:
        name: str = "x"
        stages: list[int] = field(default_factory=list)
        _kept: int = 0

    shown = public_signature(None, "class", "Run", Run, None, "(...)", None)
    assert shown == ("(name: str = 'x', stages: list[int] = ...)", None)
    assert public_signature(None, "function", "print", print, None, "(x)", None) is None
