"""Tests of `binoc.diff` and of the changeset that it returns."""

from __future__ import annotations

import json
from pathlib import Path

import binoc
import pytest


def write(directory: Path, **files: str) -> Path:
    directory.mkdir()
    for name, content in files.items():
        (directory / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return directory


def test_changeset_is_true_if_anything_changed(tmp_path: Path) -> None:
    a = write(tmp_path / "a", x_txt="1\n", y_txt="2\n")
    b = write(tmp_path / "b", x_txt="1\n", y_txt="3\n")
    changes = binoc.diff(a, b)
    assert changes
    assert changes.complete
    assert len(changes) == 1
    assert (changes.from_snapshot, changes.to_snapshot) == ("a", "b")
    assert not binoc.diff(a, str(a))


def test_markdown_and_json_agree(tmp_path: Path) -> None:
    a = write(tmp_path / "a", t_csv="k,v\na,1\nb,2\n")
    b = write(tmp_path / "b", t_csv="k,v\nb,2\na,3\n")
    changes = binoc.diff(a, b, key="k")
    document = json.loads(changes.to_json())
    assert document["schema"] == 1
    facts = {fact["verb"]: fact for fact in document["changes"][0]["facts"]}
    assert facts["cells.changed"]["count"] == 1
    assert facts["cells.changed"]["examples"] == [{"key": "a", "column": "v", "old": "1", "new": "3"}]
    assert "key `a`, column `v`: `1` → `3`" in changes.to_markdown()
    assert changes.to_markdown() == changes.render("markdown")


def test_key_can_be_a_mapping_from_tables_to_columns(tmp_path: Path) -> None:
    a = write(tmp_path / "a", s_csv="k,v\nx,1\ny,2\n", t_csv="k,v\nx,1\ny,2\n")
    b = write(tmp_path / "b", s_csv="k,v\nx,2\ny,3\n", t_csv="k,v\nx,2\ny,3\n")
    changes = json.loads(binoc.diff(a, b, key={"s.csv": "k", "t.csv": ["v"]}).to_json())["changes"]
    counts = [{fact["verb"]: fact.get("count") for fact in node["facts"]} for node in changes]
    assert counts[0]["cells.changed"] == 2
    assert (counts[1]["rows.added"], counts[1]["rows.removed"]) == (1, 1)


def test_key_of_an_unknown_table_is_a_warning(tmp_path: Path) -> None:
    a = write(tmp_path / "a", s_csv="k\n1\n")
    changes = binoc.diff(a, a, key={"t.csv": "k"})
    assert changes.complete
    assert "`t.csv`" in json.loads(changes.to_json())["diagnostics"][0]["message"]


@pytest.mark.parametrize("memory", [1 << 28, "256MiB"])
def test_memory_is_a_size(tmp_path: Path, memory: int | str) -> None:
    assert not binoc.diff(tmp_path, tmp_path, memory=memory)
    with pytest.raises(binoc.Error, match="`lots`"):
        binoc.diff(tmp_path, tmp_path, memory="lots")


def test_examples_are_limited_and_counts_are_exact(tmp_path: Path) -> None:
    a = write(tmp_path / "a", t_csv="id,v\n" + "".join(f"{n},0\n" for n in range(100)))
    b = write(tmp_path / "b", t_csv="id,v\n" + "".join(f"{n},1\n" for n in range(100)))
    document = json.loads(binoc.diff(a, b, examples=2).to_json())
    fact = document["changes"][0]["facts"][-1]
    assert (fact["count"], len(fact["examples"])) == (100, 2)


def test_missing_snapshot_raises_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(binoc.Error, match="nowhere"):
        binoc.diff(tmp_path, tmp_path / "nowhere")


def test_unknown_format_raises_an_error_with_the_formats(tmp_path: Path) -> None:
    with pytest.raises(binoc.Error, match=r"`pdf`.*`markdown`, `json`"):
        binoc.diff(tmp_path, tmp_path).render("pdf")
