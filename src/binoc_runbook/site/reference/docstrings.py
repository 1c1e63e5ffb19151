"""Docstrings in Google style, converted by napoleon; code is in single backticks, as in Markdown."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from inspect import Parameter, Signature
from typing import Any

from sphinx.application import Sphinx

_CODE = re.compile(r"(?<!`)`([^`]+)`(\w?)")
#: Names that can be links; a name in lower case is usually an argument.
_NAME = re.compile(r"(?!None$)[A-Z]\w*(?:\.\w+)*(?:\(\))?")


def mark_up(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place as reStructuredText: class names become links, other code becomes literals."""
    from sphinx.ext.napoleon.docstring import GoogleDocstring

    # The napoleon extension is not used: it reads text before a colon in the docstring of a property as its type.
    lines[:] = _CODE.sub(_code, "\n".join(GoogleDocstring(lines).lines())).splitlines()


def _code(match: re.Match[str]) -> str:
    words, follows = match[1], match[2]
    markup = f":py:obj:`.{words}`" if _NAME.fullmatch(words) else f"``{words}``"
    return f"{markup}\\ {follows}" if follows else markup


def public_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Return the signature of a dataclass without private fields and without the repr of default factories."""
    if not (isinstance(thing, type) and is_dataclass(thing) and signature):
        return None
    from sphinx.util.inspect import signature as read
    from sphinx.util.inspect import stringify_signature

    full = read(thing)
    parameters = [_hide_factory(item) for item in full.parameters.values() if not item.name.startswith("_")]
    public = full.replace(parameters=parameters, return_annotation=Signature.empty)
    return stringify_signature(public, unqualified_typehints=True), returns


def _hide_factory(parameter: Parameter) -> Parameter:
    is_factory = parameter.default is not Parameter.empty and repr(parameter.default).startswith("<")
    return parameter.replace(default=_Factory()) if is_factory else parameter


class _Factory:
    """Placeholder for a default that a function creates for each object."""

    def __repr__(self) -> str:
        return "..."


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the events of autodoc."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("autodoc-process-signature", public_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
