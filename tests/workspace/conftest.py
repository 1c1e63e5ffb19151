"""Checkouts from a mapping of paths to contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Lay = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Return a function that writes files, `lay({"Cargo.toml": "[workspace]"})`, and returns the root of the checkout.

    It adds an empty library to each crate, because cargo rejects a crate without targets.
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
