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
    assert (changes.from_snapshot, changes.to_snapshot) == (str(a), str(b))
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
