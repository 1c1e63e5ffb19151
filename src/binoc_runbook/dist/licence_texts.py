"""Texts of the licences of crates, from the files that are in each crate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from binoc_runbook.dist.linked_crates import ThirdPartyCrate

#: The directory of a checkout with the texts for crates that contain none, such as `licenses/NAME.txt`.
DIRECTORY = "licenses"

_NAME = re.compile(r"(?:(?:UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE).*", re.IGNORECASE)


def licence_texts(crate: ThirdPartyCrate, resolved: Iterable[ThirdPartyCrate], root: Path) -> dict[str, str]:
    """Return the texts of a crate's licences by file name; nothing if there are none.

    These are the files of the crate, and `licenses/NAME.txt` of the checkout at `root`. If there are none, the crate
    has those of another crate of the same repository with the same licence: cargo packages only the files in the
    directory of a crate, so some crates of a repository contain no copy of its licence.
    """
    texts = _read(crate)
    own = root / DIRECTORY / f"{crate.name}.txt"
    if own.is_file():
        texts[f"{DIRECTORY}/{own.name}"] = _text(own)
    if texts or not crate.repository:
        return texts
    siblings = (
        other for other in sorted(resolved) if (other.repository, other.licence) == (crate.repository, crate.licence)
    )
    return next(filter(None, map(_read, siblings)), {})


def _read(crate: ThirdPartyCrate) -> dict[str, str]:
    return {path.relative_to(crate.directory).as_posix(): _text(path) for path in sorted(set(_files(crate)))}


def _files(crate: ThirdPartyCrate) -> Iterator[Path]:
    for path in crate.directory.iterdir():
        if _NAME.fullmatch(path.name):
            # Some crates have a directory, as in the REUSE specification.
            yield from filter(Path.is_file, path.iterdir() if path.is_dir() else [path])
    named = crate.directory / crate.licence_file
    if crate.licence_file and named.is_file() and named.resolve().is_relative_to(crate.directory.resolve()):
        yield named


def _text(path: Path) -> str:
    """Return the text of a file, without differences that are not visible."""
    lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"
