"""Docstrings on pages: class names are links, other code is literal, signatures have no private names."""

from __future__ import annotations

from dataclasses import dataclass, field

from binoc_runbook.site.reference.docstrings import mark_up, public_signature


def marked(text):
    lines = text.splitlines()
    mark_up(None, "function", "name", None, None, lines)
    return lines


def test_names_in_upper_case_are_links_and_other_code_is_literal():
    assert marked("`Workspace.discover` reads `path`, `None` or `.crate`") == [
        ":py:obj:`.Workspace.discover` reads ``path``, ``None`` or ``.crate``"
    ]


def test_code_can_span_lines_and_be_followed_by_letters():
    assert marked("the `cargo\nmetadata` of all `crate`s") == ["the ``cargo", "metadata`` of all ``crate``\\ s"]


def test_raised_exceptions_become_a_list():
    text = "Read it.\n\nRaises:\n    OSError: It is not there,\n        or no `file`.\n    ValueError: Else.\n"
    result = [line.strip() for line in marked(text) if line]
    assert result == [
        "Read it.",
        ":raises OSError: It is not there,",
        "or no ``file``.",
        ":raises ValueError: Else.",
    ]


def test_colon_is_part_of_the_sentence():
    assert marked("One of two: `None` or a name.")[0] == "One of two: ``None`` or a name."


def test_signature_has_no_private_names_and_no_default_factories():
    @dataclass
    class Run:
        name: str = "x"
        stages: list[int] = field(default_factory=list)
        _kept: int = 0

    result = public_signature(None, "class", "Run", Run, None, "(...)", None)
    assert result == ("(name: str = 'x', stages: list[int] = ...)", None)
    assert public_signature(None, "function", "print", print, None, "(x)", None) is None
