"""JSON Schemas as tables: a directive shows the fields of a schema file, and the site publishes the file.

    ```{schema} schemas/check.schema.json
    ```

The path is relative to the page, and the file is published under the same path. A definition in `$defs` has its own
directive, for example `schemas/check.schema.json#finding`; fields of that type link to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.site.markup import MarkdownDirective, code_spans
from binoc_runbook.site.published_files import publish_file

HEADINGS = ("field", "type", "meaning")

_DEFS = "#/$defs/"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field: its path, for example `stages[].name`, whether it is optional, and its schema."""

    name: str
    is_optional: bool
    schema: Schema


def fields(schema: Schema, inside: str = "") -> Iterator[SchemaField]:
    """Return all fields of an object, including nested ones, in the order of the file."""
    for name, value in schema.get("properties", {}).items():
        yield SchemaField(f"{inside}{name}", name not in schema.get("required", ()), value)
        yield from fields(value, f"{inside}{name}.")
        yield from fields(value.get("items", {}), f"{inside}{name}[].")


def kind(schema: Schema, *, many: bool = False) -> str:
    """Return the type of a value in words; `#` precedes the name of a definition, and values are in backticks."""
    if "$ref" in schema:
        return f"#{schema['$ref'].removeprefix(_DEFS)}"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if schema["type"] == "array":
        return f"{'lists' if many else 'list'} of {kind(schema['items'], many=True)}"
    if schema["type"] == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind(schema['additionalProperties'], many=True)}"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join(f"{name}s" if many and name != "null" else name for name in types)


class SchemaDirective(MarkdownDirective):
    """`{schema}`: the fields of one object of a schema file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a sentence, a table, and a link to the file."""
        name, _, part = self.arguments[0].partition("#")
        file, path = self.env.relfn2path(name)
        self.env.note_dependency(path)
        publish_file(self.env, name, file)
        schema = json.loads(Path(path).read_text("utf-8"))
        described = schema["$defs"][part] if part else schema
        fields_table = self.table(HEADINGS, map(self._row, fields(described)))
        if part:
            fields_table["ids"].append(_id(part))
            return [self.paragraph(described["description"]), fields_table]
        link = nodes.reference("", "", nodes.literal("", Path(name).name), refuri=name, internal=False)
        download = nodes.paragraph("", "", nodes.Text("Schema: "), link)
        return [self.paragraph(described["description"]), fields_table, download]

    def _row(self, field: SchemaField) -> tuple[str, nodes.Node, str]:
        type_cell = nodes.paragraph()
        for number, words in enumerate(re.split(r"#([\w-]+)", kind(field.schema))):
            is_name = number % 2
            type_cell += nodes.reference("", words, refid=_id(words), internal=True) if is_name else code_spans(words)
        if field.is_optional:
            type_cell += nodes.Text("; optional")
        return f"`{field.name}`", type_cell, field.schema.get("description", "")


def _id(name: str) -> str:
    return f"schema-{name}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("schema", SchemaDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
