"""Docstrings as pages: this library writes code in single backticks, and what a function raises in a list."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CODE = re.compile(r"(?<!`)`([^`]+)`(\w?)")
#: What may have an entry of its own; a word in lower case is mostly the name of an argument.
_NAME = re.compile(r"(?!None$)[A-Z]\w*(?:\.\w+)*(?:\(\))?")
_RAISED = re.compile(r"    (\w+): (.*)")


def mark_up(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring, in place, as reStructuredText: names of classes become links, other code stays as it is."""
    text = _CODE.sub(_code, "\n".join(lines))
    text = re.sub(r"^Raises:\n((?:    .*(?:\n|$))+)", lambda found: _raised(found[1]), text, flags=re.MULTILINE)
    lines[:] = text.splitlines()


def _code(found: re.Match[str]) -> str:
    words, follows = found[1], found[2]
    marked = f":py:obj:`.{words}`" if _NAME.fullmatch(words) else f"``{words}``"
    return f"{marked}\\ {follows}" if follows else marked


def _raised(listed: str) -> str:
    return "".join(_RAISED.sub(r":raises \1: \2", line) + "\n" for line in listed.splitlines())


def public_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Leave out of the signature of a dataclass what is private, and name no function that makes a default."""
    if not (isinstance(thing, type) and is_dataclass(thing) and signature):
        return None
    from sphinx.util.inspect import signature as read
    from sphinx.util.inspect import stringify_signature

    whole = read(thing)
    shown = [_shown(each) for each in whole.parameters.values() if not each.name.startswith("_")]
    told = whole.replace(parameters=shown, return_annotation=Signature.empty)
    return stringify_signature(told, unqualified_typehints=True), returns


def _shown(parameter: Parameter) -> Parameter:
    made = parameter.default is not Parameter.empty and repr(parameter.default).startswith("<")
    return parameter.replace(default=_Made()) if made else parameter


class _Made:
    """A default that is made anew for each object."""

    def __repr__(self) -> str:
        return "..."


def setup(app: Sphinx) -> dict[str, Any]:
    """Mark up what autodoc reads."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("autodoc-process-signature", public_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
