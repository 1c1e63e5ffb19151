"""A schema as a table: exactly its fields, their types in words, and links to what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from binoc_runbook.site.reference.schema import fields, kind

SCHEMAS = sorted(Path(__file__).parents[2].glob("docs/reference/schemas/*.json"))


def told(schema):
    return kind(schema)


def described(schema):
    """Every schema of a property in a file, wherever it stands."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties.values()
        for each in schema.values():
            yield from described(each)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_property_of_a_file_is_a_row_of_one_of_its_tables(path):
    schema = json.loads(path.read_text("utf-8"))
    tables = [schema, *schema.get("$defs", {}).values()]
    rows = [field for table in tables for field in fields(table)]
    assert sorted(str(row.schema) for row in rows) == sorted(map(str, described(schema)))
    assert all(told(row.schema) for row in rows)


def test_a_field_of_an_object_in_a_list_is_named_by_its_way():
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
def test_a_type_is_told_in_words(schema, words):
    assert told(schema) == words
