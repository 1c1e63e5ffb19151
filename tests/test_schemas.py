"""The JSON Schemas describe what is really printed and filed, all of it and nothing else."""

from __future__ import annotations

import copy
import json
import re
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
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def fits(name, told):
    """Whether a value is of a schema, and would not be with an unknown key in it or a known one missing."""
    validator = Draft202012Validator(schema_of(name))
    validator.validate(told)
    with pytest.raises(ValidationError):
        validator.validate({**told, "unknown": 1})
    for key in told:
        with pytest.raises(ValidationError):
            validator.validate({other: value for other, value in told.items() if other != key})
    return told


class Silent:
    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture
def told(checkout, capsys):
    def run(*arguments):
        main(["--root", str(checkout.root), *arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_describes_every_property(name):
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == SCHEMAS[name].name
    assert schema["title"]
    closed = [each for each in objects(schema) if isinstance(each.get("properties"), dict)]
    assert all(each["additionalProperties"] is False for each in closed)
    assert all("description" in told for each in closed for told in each["properties"].values())


def test_a_finding_is_the_same_everywhere():
    defined = [schema_of(name).get("$defs", {}) for name in SCHEMAS]
    findings = [each["finding"] for each in defined if "finding" in each]
    assert len(findings) > 3
    assert all(each == findings[0] for each in findings)


@pytest.mark.parametrize(
    "command", [("check",), ("check-tag", "refs/tags/v0.4.0"), ("check-tag", "v0"), ("inspect",), ("plan",)]
)
def test_what_a_command_prints(told, checkout, command):
    checkout.write("broken/Cargo.toml", "[")  # an orphan, a failure and a remedy
    fits(command[0], told(*command))


def test_what_setup_check_prints(told, monkeypatch):
    monkeypatch.setattr(
        "binoc_runbook.release.setup_check.check_setup", lambda world, policy: Findings()
    )  # asks registries otherwise
    fits("setup-check", told("setup-check"))


@pytest.mark.parametrize("command", ["check", "plan", "setup-check"])
def test_what_is_printed_by_a_command_that_is_refused(told, checkout, command):
    checkout.write("pyproject.toml", "[tool.binoc-runbook]\ntag = 1\n")
    assert fits("check", told(command))["version"] is None


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_record_of_a_run(checkout, monkeypatch, dry_run):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    release = Release(
        open_target(World.real(checkout.root), Version.parse("0.4.0")),
        Silent(),
        checkout.root / "runs",
        dry_run=dry_run,
    )
    for name in ("tree", "surface", "sync", "workflow", "remote", "tests"):
        release.run(name)
    release.line()
    for name in ("push-branch", "tag", "push-tag"):
        release.run(name)
    release.finish()
    record = fits("record", json.loads((checkout.root / "runs/0.4.0.json").read_text("utf-8")))
    assert record["outcome"] == ("dry run" if dry_run else "released")
    assert bool(record["remote_refs"]) is True


def test_the_record_of_a_verification(checkout):
    target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
    verification = Verification(target, Silent(), checkout.root / "runs", sums={})
    fits("verification", verification.to_json())


STRUCT = re.compile(r"pub struct (\w+) \{\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"((?: {4}#\[serde.*\]\n)?) {4}pub (\w+): ")


def test_the_changeset_has_the_fields_of_the_data_model():
    model = (ROOT / "crates/binoc-sdk/src/model.rs").read_text("utf-8")
    schema = schema_of("changeset")
    shown = {each["title"]: each for each in schema["$defs"].values()} | {"Changeset": schema}
    structs = {name: FIELD.findall(body) for name, body in STRUCT.findall(model)}
    assert structs.keys() == shown.keys()
    for name, fields in structs.items():
        assert [field for _, field in fields] == list(shown[name]["properties"])
        assert [field for skipped, field in fields if not skipped] == shown[name]["required"]


def test_an_unknown_key_is_refused_however_deep_it_is():
    finding = {"check": "tree", "status": "ok", "looked_at": "HEAD", "saw": "a commit", "remedy": ""}
    answer = {"schema": 1, "version": "0.4.0", "findings": [finding]}
    validator = Draft202012Validator(schema_of("check"))
    validator.validate(answer)
    for change in ({"unknown": 1}, {"status": "fine"}, {"saw": None}):
        other = copy.deepcopy(answer)
        other["findings"][0] |= change
        assert not validator.is_valid(other)
