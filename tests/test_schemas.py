"""The JSON Schemas describe exactly the printed and stored JSON."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from binoc_runbook.cli import main
from binoc_runbook.finding import Findings
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import Verification
from binoc_runbook.version import Version
from binoc_runbook.world import World

ROOT = Path(__file__).parents[1]
SCHEMAS = {path.name.removesuffix(".schema.json"): path for path in ROOT.glob("docs/reference/schemas/*.json")}


def schema_of(name):
    return json.loads(SCHEMAS[name].read_text("utf-8"))


def objects(value):
    """Yield all objects in a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)


def validate(name, output):
    """Check that a value is valid, and that it is invalid with an unknown key or without one of its keys."""
    validator = Draft202012Validator(schema_of(name))
    validator.validate(output)
    with pytest.raises(ValidationError):
        validator.validate({**output, "unknown": 1})
    for key in output:
        with pytest.raises(ValidationError):
            validator.validate({other: value for other, value in output.items() if other != key})
    return output


class Silent:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def run_command(checkout, capsys):
    def run(*arguments):
        main(["--root", str(checkout.root), *arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_valid_and_describes_its_properties(name):
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == SCHEMAS[name].name
    assert schema["title"]
    closed = [item for item in objects(schema) if isinstance(item.get("properties"), dict)]
    assert all(item["additionalProperties"] is False for item in closed)
    assert all("description" in value for item in closed for value in item["properties"].values())


def test_schemas_have_the_same_definition_of_a_finding():
    definitions = [schema_of(name).get("$defs", {}) for name in SCHEMAS]
    findings = [definition["finding"] for definition in definitions if "finding" in definition]
    assert len(findings) > 3
    assert all(finding == findings[0] for finding in findings)


@pytest.mark.parametrize(
    "command", [("check",), ("check-tag", "refs/tags/v0.4.0"), ("check-tag", "v0"), ("inspect",), ("plan",)]
)
def test_output_of_a_command(run_command, checkout, command):
    checkout.write("broken/Cargo.toml", "[")  # an orphan, a failure and a remedy
    validate(command[0], run_command(*command))


def test_output_of_the_list_of_faults(run_command):
    validate("faults", run_command("rehearse", "--list-faults"))


def test_output_of_a_command_that_edits(run_command):
    assert validate("check", run_command("set-version", "0.5.0"))["version"] == "0.5.0"


def test_output_of_setup_check(run_command, monkeypatch):
    # Without this, the command would query the registries.
    monkeypatch.setattr("binoc_runbook.release.setup_check.check_setup", lambda world, policy: Findings())
    validate("setup-check", run_command("setup-check"))


@pytest.mark.parametrize("command", ["check", "plan", "setup-check"])
def test_output_of_a_refused_command(run_command, checkout, command):
    checkout.write("pyproject.toml", "[tool.binoc-runbook]\ntag = 1\n")
    assert validate("check", run_command(command))["version"] is None


@pytest.mark.parametrize("dry_run", [True, False])
def test_record_of_a_run(checkout, monkeypatch, dry_run):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    release = Release(
        open_target(World.real(checkout.root), Version.parse("0.4.0")),
        Silent(),
        checkout.root / "runs",
        dry_run=dry_run,
    )
    for name in ("tree", "surface", "sync", "workflow", "remote", "tests"):
        release.run(name)
    release.recheck()
    for name in ("push-branch", "tag", "push-tag"):
        release.run(name)
    release.finish()
    record = validate("record", json.loads((checkout.root / "runs/0.4.0.json").read_text("utf-8")))
    assert record["outcome"] == ("dry run" if dry_run else "released")
    assert bool(record["remote_refs"]) is True


def test_record_of_a_verification(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    verification = Verification(target, Silent(), checkout.root / "runs", sums={})
    validate("verification", verification.to_json())


def test_changeset_has_the_fields_of_the_data_model():
    # A test of the crate compares this file with the JSON of a value that has all fields.
    document = json.loads((ROOT / "crates/binoc-sdk/tests/changeset.json").read_text("utf-8"))
    schema = schema_of("changeset")
    Draft202012Validator(schema).validate(document)
    nodes = [document["changes"][0], *document["changes"][0]["children"]]
    facts = nodes[0]["facts"]
    instances = {
        "node": nodes,
        "shape": [nodes[0]["shape"], {}],
        "columncount": facts[0]["by_column"],
        "fact": facts,
        "example": facts[0]["examples"],
        "diagnostic": document["diagnostics"],
    }
    assert instances.keys() == schema["$defs"].keys()
    assert list(document) == list(schema["properties"])
    for name, items in instances.items():
        definition = schema["$defs"][name]
        assert list(items[0]) == list(definition["properties"])
        assert [key for key in items[0] if all(key in item for item in items)] == definition.get("required", [])


def test_invalid_nested_values_are_refused():
    finding = {"check": "tree", "status": "ok", "looked_at": "HEAD", "saw": "a commit", "remedy": ""}
    output = {"schema": 1, "version": "0.4.0", "findings": [finding]}
    validator = Draft202012Validator(schema_of("check"))
    validator.validate(output)
    for change in ({"unknown": 1}, {"status": "fine"}, {"saw": None}):
        other = copy.deepcopy(output)
        other["findings"][0] |= change
        assert not validator.is_valid(other)
