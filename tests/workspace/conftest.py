"""Checkouts written down as what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Lay = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Writes files into a new checkout, `lay({"Cargo.toml": "[workspace]"})`, and returns its root.

    Each crate gets an empty library: without a target cargo rejects it.
    """

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "checkout"
        for path, text in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
            if file.name == "Cargo.toml" and re.search(r"(?m)^\ufeff?(\[package\]|package)", text):
                (file.parent / "src").mkdir(exist_ok=True)
                (file.parent / "src/lib.rs").touch()
        return root

    return write
