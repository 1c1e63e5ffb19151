"""JSON Schemas as tables: a directive shows the fields that a schema file describes, and the site offers the file.

    ```{schema} schemas/check.schema.json
    ```

A file is named from the folder of the page, and is published under the same name. What stands in its `$defs` is shown
by its own directive, `schemas/check.schema.json#finding`; the fields that hold such a thing lead there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from binoc_runbook.site.tables import paragraph, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HEADINGS = ("field", "type", "meaning")

_DEFS = "#/$defs/"
#: The files that a page shows, kept with the page until it is read again.
_FILES = "binoc-schemas"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its way from the outside, as in `stages[].name`, whether it may be absent, and what describes it."""

    name: str
    is_optional: bool
    schema: Schema


def fields(schema: Schema, inside: str = "") -> Iterator[Field]:
    """All fields of an object, and those of the objects that stand in them, in the order of the file."""
    for name, told in schema.get("properties", {}).items():
        yield Field(f"{inside}{name}", name not in schema.get("required", ()), told)
        yield from fields(told, f"{inside}{name}.")
        yield from fields(told.get("items", {}), f"{inside}{name}[].")


def kind(schema: Schema, *, many: bool = False) -> Iterator[str]:
    """The type of a value in words: what begins with `#` names a definition, and what is in backticks is a value."""
    if "$ref" in schema:
        yield f"#{schema['$ref'].removeprefix(_DEFS)}"
    elif "const" in schema:
        yield f"`{json.dumps(schema['const'])}`"
    elif "enum" in schema:
        for number, value in enumerate(schema["enum"]):
            yield from (", ",) if number else ()
            yield "null" if value is None else f"`{value}`"
    elif "anyOf" in schema:
        for number, each in enumerate(schema["anyOf"]):
            yield from (" or ",) if number else ()
            yield from kind(each)
    elif schema["type"] == "array":
        yield "lists of " if many else "list of "
        yield from kind(schema["items"], many=True)
    elif schema["type"] == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        yield "object of "
        yield from kind(schema["additionalProperties"], many=True)
    else:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        yield " or ".join(f"{each}s" if many and each != "null" else each for each in types)


class SchemaDirective(SphinxDirective):
    """`{schema}`: the fields of one object of a schema file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make a sentence, a table, and a link to the file."""
        name, _, part = self.arguments[0].partition("#")
        page = Path(self.env.doc2path(self.env.docname))
        self.env.note_dependency(str(page.parent / name))
        self.env.metadata[self.env.docname].setdefault(_FILES, set()).add(name)
        schema = json.loads((page.parent / name).read_text("utf-8"))
        shown = schema["$defs"][part] if part else schema
        rows = [[paragraph(heading) for heading in HEADINGS], *map(self._row, fields(shown))]
        made = table(rows)
        if part:
            made["ids"].append(_id(part))
            return [self._words(shown["description"]), made]
        link = nodes.reference("", "", nodes.literal("", Path(name).name), refuri=name, internal=False)
        offered = nodes.paragraph("", "", nodes.Text("The schema: "), link)
        return [self._words(shown["description"]), made, offered]

    def _row(self, field: Field) -> list[nodes.Node]:
        typed = nodes.paragraph()
        for words in kind(field.schema):
            if words.startswith("#"):
                typed += nodes.reference("", words[1:], refid=_id(words[1:]), internal=True)
            elif words.startswith("`"):
                typed += nodes.literal("", words.strip("`"))
            else:
                typed += nodes.Text(words)
        if field.is_optional:
            typed += nodes.Text("; may be absent")
        return [
            nodes.paragraph("", "", nodes.literal("", field.name)),
            typed,
            self._words(field.schema.get("description", "")),
        ]

    def _words(self, text: str) -> nodes.paragraph:
        inline, _ = self.parse_inline(text)
        return nodes.paragraph("", "", *inline)


def _id(name: str) -> str:
    return f"schema-{name}"


def offer_files(app: Sphinx, exception: Exception | None) -> None:
    """Put the schema files where the pages say that they are."""
    if exception is not None or app.builder.format != "html":
        return
    for page, told in app.env.metadata.items():
        for name in sorted(told.get(_FILES, ())):
            target = Path(app.outdir, page).parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(app.env.doc2path(page)).parent / name, target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and what publishes the files."""
    app.add_directive("schema", SchemaDirective)
    app.connect("build-finished", offer_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
