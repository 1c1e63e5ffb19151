"""Schemas as tables: fields, types in words, and links to definitions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from binoc_runbook.site.reference.schema import fields, kind

SCHEMAS = sorted(Path(__file__).parents[2].glob("docs/reference/schemas/*.json"))


def described(schema):
    """Return the schemas of all properties in a file."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties.values()
        for value in schema.values():
            yield from described(value)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_property_is_a_row_of_a_table(path):
    schema = json.loads(path.read_text("utf-8"))
    tables = [schema, *schema.get("$defs", {}).values()]
    rows = [field for table in tables for field in fields(table)]
    assert sorted(str(row.schema) for row in rows) == sorted(map(str, described(schema)))
    assert all(kind(row.schema) for row in rows)


def test_name_of_a_nested_field_is_its_path():
    inner = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    schema = {"properties": {"stages": {"type": "array", "items": inner}, "tools": inner}, "required": ["stages"]}
    assert [(field.name, field.is_optional) for field in fields(schema)] == [
        ("stages", False),
        ("stages[].name", False),
        ("tools", True),
        ("tools.name", False),
    ]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"const": 1}, "`1`"),
        ({"type": ["string", "null"], "enum": ["a b", "c", None]}, "`a b`, `c`, null"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "list of lists of strings"),
        ({"type": "array", "items": {"$ref": "#/$defs/finding"}}, "list of #finding"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of strings"),
        ({"anyOf": [{"$ref": "#/$defs/finding"}, {"type": "null"}]}, "#finding or null"),
    ],
)
def test_type_in_words(schema, words):
    assert kind(schema) == words
