"""The doctor reads a release in all its places, from any clone, and changes nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from jsonschema import Draft202012Validator

from binoc_runbook.cli import main
from binoc_runbook.rehearsal.sandbox import open_sandbox
from binoc_runbook.release.doctor import examine
from binoc_runbook.release.parameters import open_target
from binoc_runbook.version import Version
from binoc_runbook.world import World

from ..test_schemas import schema_of

VERSION = Version.parse("0.4.0")


@pytest.fixture
def sandbox(checkout, local_registries):
    with open_sandbox(checkout.root, VERSION) as sandbox:
        yield sandbox


def answers(diagnosis, artifact):
    return {place: cell.answer for place, cell in diagnosis.cells[artifact].items()}


def files_of(directory):
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}


def test_doctor_shows_the_state_of_a_release(sandbox):
    sandbox.push_release()
    sandbox.publish("demo-sdk")
    sandbox.add_run("failure")
    diagnosis = examine(open_target(sandbox.world, VERSION), sandbox.built)
    assert diagnosis.state.name == "workflow failed"
    assert diagnosis.command == "gh run rerun 1 --failed"
    assert answers(diagnosis, "demo-sdk") == {
        "manifest": "yes",
        "local tag": "yes",
        "remote tag": "yes",
        "workflow run": "no",
        "registry": "yes",
        "digest": "yes",
        "provenance": "yes",
        "GitHub release": "no",
    }
    assert answers(diagnosis, "demo")["registry"] == "no"


def test_doctor_is_right_in_an_older_clone_and_changes_nothing(sandbox, tmp_path):
    older = tmp_path / "older"
    sandbox.git("clone", "--quiet", str(sandbox.remote), str(older), at=tmp_path)
    sandbox.push_release()
    before = files_of(older / ".git"), files_of(sandbox.remote)
    world = World.real(older, sandbox.world.git.environment)
    diagnosis = examine(open_target(world, VERSION), {})
    assert diagnosis.state.name == "workflow not started"
    assert answers(diagnosis, "demo")["remote tag"] == "yes"
    assert answers(diagnosis, "demo")["local tag"] == "no"
    assert (files_of(older / ".git"), files_of(sandbox.remote)) == before


def test_local_tag_of_an_earlier_commit_is_wrong(sandbox):
    sandbox.git("tag", "--annotate", "--message", "an earlier attempt", "v0.4.0", "HEAD~1")
    diagnosis = examine(open_target(sandbox.world, VERSION), {})
    assert (diagnosis.state.name, diagnosis.command) == ("wrong local tag", "git tag -d v0.4.0")


def test_unreachable_remote_is_unknown(sandbox):
    shutil.move(sandbox.remote, f"{sandbox.remote}.away")
    diagnosis = examine(open_target(sandbox.world, VERSION), {})
    assert diagnosis.state.name == "remote not readable"
    assert answers(diagnosis, "demo")["remote tag"] == "unknown"


def test_output_of_the_command(checkout, capsys, local_registries):
    assert main(["--root", str(checkout.root), "doctor", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    Draft202012Validator(schema_of("doctor")).validate(output)
    assert (output["state"], output["command"]) == ("not started", "./just release 0.4.0")
    assert main(["--root", str(checkout.root), "doctor", "0.4.0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines[:8]] == list(output["artifacts"][0]["places"])
    assert lines[-1] == "next: ./just release 0.4.0"
