"""Stills of a rehearsal: their steps, and SVG without other files."""

from __future__ import annotations

import pytest

from binoc_runbook.site.landing.stills import COLUMNS, ROWS, still_svg, stills, transcript_svg
from binoc_runbook.site.runbooks.rehearsed_notebook import transcript

STAGES = ("tree", "surface", "sync", "workflow", "remote", "tests", "push-branch", "tag", "push-tag")

#: The output of two renderers: with a plan and details, and one line for each stage.
LONG = [
    *(
        f"{number}. {name} ({'permanent' if name == 'push-tag' else 'local'}): what"
        for number, name in enumerate(STAGES, 1)
    ),
    *(f"✓ {number}. {name}: done" for number, name in enumerate(STAGES[:6], 1)),
    "─── point of no return: everything below is public ───",
    "✓ all checks passed; tree, sync and remote were checked again",
    *(line for name in STAGES[6:] for line in (f"✓ {name}: done now", f"    $ git {name}")),
    "released",
]
SHORT = [
    "Release 0.4.0",
    *(f"  ✓ {name:12} what" for name in STAGES[:6]),
    "──────────── point of no return ────────────",
    *(f"  ✓ {name:12} what" for name in STAGES[6:]),
    "released",
]


@pytest.mark.parametrize("lines", [LONG, SHORT])
def test_stills_cover_the_stages_in_order(lines):
    steps = stills(lines)
    assert [step.name for step in steps][-7:] == [
        "Checks", "Tests", "Point of no return", "Push the branch", "Tag", "Push the tag", "Result",
    ]  # fmt: skip
    assert all(0 <= step.first < step.end <= len(lines) and step.end - step.first <= ROWS for step in steps)
    assert [step.end for step in steps] == sorted(step.end for step in steps)
    assert steps[-1].end == len(lines)
    assert "push-tag" in steps[-2].text
    assert "remote" in steps[-7].text


def test_no_output_has_no_stills():
    assert stills([]) == []


def test_drawing_contains_each_line_once_and_no_other_file():
    drawing = transcript_svg([*LONG, "wide" * COLUMNS, "<b> & more"])
    assert drawing.count("point&#160;of&#160;no&#160;return") == 1
    assert "&lt;b&gt;" in drawing
    assert "wide" * COLUMNS not in drawing
    assert not any(text in drawing for text in ("font-face", "url(", "http", "clip"))
    assert transcript_svg(LONG) == transcript_svg(LONG)
    step = stills(LONG)[0]
    assert 'role="img"' in still_svg(step)
    assert "\n" not in still_svg(step)


def test_transcript_is_the_same_in_every_run():
    output = "Input Notebook:  a.ipynb\n\x1b[32m✓\x1b[0m tree: done (0.1 s)\n\n  ✓ tests   12.5 s\nExecuting notebook\n"
    output += "report: /tmp/page-1/record.ipynb\n"
    assert transcript(output, "page-1") == ["✓ tree: done", "  ✓ tests"]
