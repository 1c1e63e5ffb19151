"""Sections of a changelog, and the heading that a release adds."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binoc_runbook.version import Version
from binoc_runbook.workspace.changelog import add_heading, add_link, section

V = Version.parse
DAY = datetime.date(2026, 11, 22)

CHANGELOG = """\
# Changelog

All notable changes.

## [Unreleased]

### Added

- `binoc diff` compares directories.

## [0.3.0] - 2026-01-02

### Fixed

- Nothing
  of note.

```sh
## 0.2.0 is no heading here
```

## 0.2.0

<!--
## [0.1.0]
-->

## [0.1.0-rc.1] - 2025-01-01 [YANKED]

First.

[Unreleased]: https://example.org/compare/v0.3.0...HEAD
[0.3.0]: https://example.org/v0.3.0
"""


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("0.3.0", "### Fixed\n\n- Nothing\n  of note.\n\n```sh\n## 0.2.0 is no heading here\n```"),
        ("0.2.0", ""),
        ("0.1.0", None),
        ("0.1.0-rc.1", "First."),
        ("0.4.0", None),
        ("0.1.0-rc.2", None),
    ],
)
def test_section_of_a_version(version: str, body: str | None) -> None:
    assert section(CHANGELOG, V(version)) == body
    assert section(CHANGELOG.replace("\n", "\r\n"), V(version)) == body
    assert section("\ufeff" + CHANGELOG, V(version)) == body


@pytest.mark.parametrize(
    "heading",
    [
        "## [0.4.0-rc.1] - 2026-11-22",
        "## 0.4.0-rc.1",
        "## v0.4.0-rc.1",
        "## [v0.4.0-rc.1]",
        "## 0.4.0rc1",
        "##   0.4.0-rc.1 (2026-11-22)   ##",
        "## [0.4.0-rc.1](https://example.org) - 2026-11-22",
        "## 0.4.0-rc.1: a name",
        "   ## 0.4.0-rc.1",
        "##\t0.4.0-rc.1",
    ],
)
def test_styles_of_headings(heading: str) -> None:
    assert section(f"# x\n\n{heading}\n\n- y\n", V("0.4.0-rc.1")) == "- y"


@pytest.mark.parametrize(
    "line",
    [
        "### 0.4.0",
        "# 0.4.0",
        "##0.4.0",
        "    ## 0.4.0",
        "## 0.4.0.1",
        "## 10.4.0",
        "## 0.4.0-rc.1",
        "## Unreleased 0.4.0",
        "- ## 0.4.0",
        "~~~\n## 0.4.0\n~~~",
        "````\n```\n## 0.4.0\n````",
        "```\n## 0.4.0",
        "<!-- ## x\n## 0.4.0\n-->",
    ],
)
def test_similar_lines_are_not_headings(line: str) -> None:
    assert section(f"# x\n\n{line}\n\n- y\n", V("0.4.0")) is None


@pytest.mark.parametrize("body", ["", "\n\n", "### Added\n", "<!-- later -->\n", "[0.4.0]: https://example.org\n"])
def test_section_without_text_is_empty(body: str) -> None:
    assert section(f"## 0.4.0\n\n{body}\n## 0.3.0\n\n- y\n", V("0.4.0")) == ""


def test_section_ends_before_the_next_heading_of_its_level_or_above() -> None:
    assert section("## 0.4.0\na\n### b\n#### c\n# Older\nd\n", V("0.4.0")) == "a\n### b\n#### c"


def test_unreleased_changes_get_the_new_heading() -> None:
    expected = CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.4.0] - 2026-11-22\n", 1)
    assert add_heading(CHANGELOG, V("0.4.0"), DAY) == expected
    assert section(expected, V("0.4.0")) == "### Added\n\n- `binoc diff` compares directories."


def test_existing_heading_is_not_added_again() -> None:
    once = add_heading(CHANGELOG, V("0.4.0"), DAY)
    assert add_heading(once, V("0.4.0"), datetime.date(2027, 1, 1)) == once
    assert add_heading(CHANGELOG, V("0.3.0"), DAY) == CHANGELOG


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "# Changelog\n\n## [0.4.0] - 2026-11-22\n"),
        ("# Log", "# Log\n\n## [0.4.0] - 2026-11-22\n"),
        ("# Log\n\n## 0.3.0\n\n- a\n", "# Log\n\n## 0.4.0 - 2026-11-22\n\n## 0.3.0\n\n- a\n"),
        ("# Log\r\n\r\n## [0.3.0]\r\n", "# Log\r\n\r\n## [0.4.0] - 2026-11-22\r\n\r\n## [0.3.0]\r\n"),
        ("## Unreleased\n- a", "## Unreleased\n\n## 0.4.0 - 2026-11-22\n- a"),
        ("## [unreleased]", "## [unreleased]\n\n## [0.4.0] - 2026-11-22\n"),
        ("```\n## Unreleased\n```\n", "```\n## Unreleased\n```\n\n## [0.4.0] - 2026-11-22\n"),
    ],
)
def test_place_and_style_of_the_new_heading(before: str, after: str) -> None:
    assert add_heading(before, V("0.4.0"), DAY) == after


@given(
    st.lists(
        st.sampled_from(
            ["## [Unreleased]", "## 0.3.0", "# x", "- a", "", "```", "~~~", "<!--", "-->", "## [0.4.0]", "[0.3.0]: u"]
        )
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_all_other_bytes_are_kept(lines: list[str], end: str, last: bool) -> None:
    text = end.join(lines) + (end if last else "")
    once = add_heading(text, V("0.4.0"), DAY)
    assert add_heading(once, V("0.4.0"), DAY) == once
    if once != text:
        # Only one piece of text was inserted.
        start = next((i for i, (a, b) in enumerate(zip(text, once, strict=False)) if a != b), len(text))
        tail = len(text) - start
        assert once[:start] + once[len(once) - tail :] == text
        assert (once[start : len(once) - tail]).split() != []


# Links.

HOST = "https://example.org/"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("[other]: x\n", "[other]: x\n"),
        ("[0.4.0]: x\n", "[0.4.0]: x\n"),
        ("```\n[0.3.0]: x/v0.3.0\n```\n", "```\n[0.3.0]: x/v0.3.0\n```\n"),
        (
            "[Unreleased]: compare/v0.3.0...HEAD\n[0.3.0]: tag/v0.3.0\n",
            "[Unreleased]: compare/v0.4.0...HEAD\n[0.4.0]: compare/v0.3.0...v0.4.0\n[0.3.0]: tag/v0.3.0\n",
        ),
        (
            "[unreleased]: compare/v0.3.0..main\r\n[0.3.0]: compare/v0.2.0..v0.3.0\r\n[0.2.0]: tag/v0.2.0",
            "[unreleased]: compare/v0.4.0..main\r\n[0.4.0]: compare/v0.3.0..v0.4.0\r\n"
            "[0.3.0]: compare/v0.2.0..v0.3.0\r\n[0.2.0]: tag/v0.2.0",
        ),
        (
            "[Unreleased]: compare/v0.3.0...HEAD",
            "[Unreleased]: compare/v0.4.0...HEAD\n[0.4.0]: compare/v0.3.0...v0.4.0\n",
        ),
        (
            "[0.3.0]: compare/v0.2.0...v0.3.0\n[0.2.0]: tag/v0.2.0\n",
            "[0.4.0]: compare/v0.3.0...v0.4.0\n[0.3.0]: compare/v0.2.0...v0.3.0\n[0.2.0]: tag/v0.2.0\n",
        ),
        (
            "[Unreleased]: compare/v0.3.0...HEAD\n[0.3.0]: tag/v0.3.0\n[0.2.0]: tag/v0.2.0\n",
            "[Unreleased]: compare/v0.4.0...HEAD\n[0.4.0]: tag/v0.4.0\n[0.3.0]: tag/v0.3.0\n[0.2.0]: tag/v0.2.0\n",
        ),
        ("[Unreleased]: other\n[0.3.0]: tag/v0.3.0\n", None),
        ("[0.3.0]: other\n", None),
        ("[0.5.0]: tag/v0.5.0\n", None),
    ],
)
def test_link_of_the_new_version_has_the_form_of_the_others(before: str, after: str | None) -> None:
    before, expected = (
        None if text is None else text.replace(": compare", f": {HOST}compare").replace(": tag", f": {HOST}tag")
        for text in (before, after)
    )
    assert before is not None
    assert add_link(before, V("0.4.0"), "v0.4.0") == expected
    if expected is not None:
        assert add_link(expected, V("0.4.0"), "v0.4.0") == expected
