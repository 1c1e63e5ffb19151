"""Docstrings as pages: Google style, by napoleon, with code in single backticks as Markdown has it."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from inspect import Parameter, Signature
from typing import Any

from sphinx.application import Sphinx

_CODE = re.compile(r"(?<!`)`([^`]+)`(\w?)")
#: What may have an entry of its own; a word in lower case is mostly the name of an argument.
_NAME = re.compile(r"(?!None$)[A-Z]\w*(?:\.\w+)*(?:\(\))?")


def mark_up(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring, in place, as reStructuredText: names of classes become links, other code stays as it is."""
    from sphinx.ext.napoleon.docstring import GoogleDocstring

    # Not as an extension: napoleon takes what stands before a colon in the docstring of a property for its type.
    lines[:] = _CODE.sub(_code, "\n".join(GoogleDocstring(lines).lines())).splitlines()


def _code(match: re.Match[str]) -> str:
    words, follows = match[1], match[2]
    marked = f":py:obj:`.{words}`" if _NAME.fullmatch(words) else f"``{words}``"
    return f"{marked}\\ {follows}" if follows else marked


def public_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Leave out of the signature of a dataclass what is private, and name no function that makes a default."""
    if not (isinstance(thing, type) and is_dataclass(thing) and signature):
        return None
    from sphinx.util.inspect import signature as read
    from sphinx.util.inspect import stringify_signature

    whole = read(thing)
    public = [_shown(parameter) for parameter in whole.parameters.values() if not parameter.name.startswith("_")]
    shown = whole.replace(parameters=public, return_annotation=Signature.empty)
    return stringify_signature(shown, unqualified_typehints=True), returns


def _shown(parameter: Parameter) -> Parameter:
    made = parameter.default is not Parameter.empty and repr(parameter.default).startswith("<")
    return parameter.replace(default=_Made()) if made else parameter


class _Made:
    """A default that a function makes for each object."""

    def __repr__(self) -> str:
        return "..."


def setup(app: Sphinx) -> dict[str, Any]:
    """Mark up what autodoc reads."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("autodoc-process-signature", public_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
