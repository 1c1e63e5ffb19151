"""The spans of values in all forms of TOML contain the values that `tomllib` returns."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binoc_runbook.workspace.spans import Keys, spans


def leaves(value: object, path: Keys = ()) -> Iterator[tuple[Keys, object]]:
    """Yield the values that are neither tables nor arrays, with their key paths."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def assert_spans_match_values(text: str) -> None:
    positions = spans(text)
    data: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    for path, value in leaves(data):
        start, end = positions[path]
        assert tomllib.loads(f"v = {text[start:end]}")["v"] == value, path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# nothing\n",
        "a = 1",
        "a=1#c",
        "a = \"x\" # [b]\nb = 'y#'\n",
        "a.b.c = 1\na.b.\"d.e\" = 2\na.'f'=3",
        '[a]\nb = 1\n[a.c]\nd = 2\n[ x . "y.z" ]\nq = 3\n',
        "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4\n[[a.e]]\nf = 5\n[[a]]\n[[a.e]]\nf = 6\n",
        'a = """\nx = 1\n[b]\n""" # "\nb = \'\'\'\n"""\ny = 2\'\'\'\nc = 3',
        'a = """x\\"""" \nb = """"quoted""""\nc = \'\'\'\'it\'\'\'\'\nd = ""\ne = \'\'\n',
        'a = "\\"" \nb = "\\\\"\nc = "#"\n',
        "a = [1, [2, 3], # x ]\n [\n4,\n],\n 'y', ]\nb = 5",
        "a = [{b = 1, c.d = 2}, {e = [3, {f = 4}]}, {}]\nb = {}\nc=[]\n",
        "a = 1979-05-27 07:32:00\nb = 1979-05-27T07:32:00Z\nc = 07:32:00\nd = -1.5e+3\ne = +inf\nf = 0x_".replace(
            "0x_", "0xA_B"
        ),
        "[a]\r\nb = 1\r\nc = [\r\n 2, # x\r\n 3]\r\n[d]\r\ne = '4'",
        "\ufeff[a]\nb = 1\n",
        '"\\u0061" = 1\n"" = 2\n"x\\ty" = 3\n',
        '[package]\nversion.workspace = true\nname="x"\n'
        '[target.\'cfg(unix)\'.dependencies]\na = { path = "..", version = "1" }\n',
        "[a.b]\nx=1\n[c]\ny=1\n[a.d]\nz=1\n[a]\nw=1\n",
    ],
)
def test_spans_of_all_forms_of_toml(text: str) -> None:
    assert_spans_match_values(text)


keys = st.sampled_from(["a", "b-c", "_", "1", '"d e"', "'f.g'", '"h\\"i"', "workspace", "version"])
scalars = st.sampled_from(
    [
        '"0.4.0"',
        "'0.4.0'",
        '"""0.4.0"""',
        "'''\n0.4.0'''",
        "true",
        "1",
        "-0.5",
        "1979-05-27 07:32:00",
        '"a # b = [c]"',
        '"\\""',
    ]
)
gaps = st.sampled_from(["", " ", "\t", "  "])
breaks = st.sampled_from(["", "\n", " # c ]}\n", "\n\n  "])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["scalar", "scalar", "array", "table"] if depth else ["scalar"]))
    if kind == "array":
        items = draw(st.lists(values(depth - 1), max_size=3))
        between = [draw(breaks) + item + draw(breaks) for item in items]
        return "[" + ",".join(between) + (draw(st.sampled_from(["", ","])) if items else "") + draw(breaks) + "]"
    if kind == "table":
        names = draw(st.lists(keys, max_size=3, unique=True))
        return (
            "{"
            + ",".join(f"{draw(gaps)}{name}{draw(gaps)}={draw(gaps)}{draw(values(depth - 1))}" for name in names)
            + "}"
        )
    return draw(scalars)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for header in [None, *draw(st.lists(keys, max_size=3, unique=True))]:
        if header is not None:
            opening, closing = draw(st.sampled_from([("[", "]"), ("[[", "]]")]))
            repeat = draw(st.integers(1, 2)) if opening == "[[" else 1
        else:
            opening, closing, repeat = "", "", 1
        for _ in range(repeat):
            if header is not None:
                lines.append(f"{opening}{draw(gaps)}top.{header}{draw(gaps)}{closing}{draw(gaps)}")
            for name in draw(st.lists(keys, max_size=3, unique=True)):
                comment = draw(st.sampled_from(["", " # [x]", "\t#'"]))
                lines.append(f"{draw(gaps)}{name}{draw(gaps)}={draw(gaps)}{draw(values())}{comment}")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(lines).replace("\n", end)
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", end]))


@given(documents())
def test_spans_of_generated_documents(text: str) -> None:
    assert_spans_match_values(text)


@given(st.text(alphabet="[]{}=.,\"'\\#ab1 \n\r\t", max_size=60))
def test_arbitrary_text_raises_no_exception(text: str) -> None:
    for start, end in spans(text).values():
        assert 0 <= start <= end <= len(text)


def test_line_breaks_inside_inline_tables_are_accepted() -> None:
    text = 'a = {\n  path = "..", # c\n  version = "1",\n}\n'
    assert text[slice(*spans(text)["a", "version"])] == '"1"'


def test_deep_nesting_raises_no_exception() -> None:
    assert spans("a = " + "[" * 100_000) == {}
