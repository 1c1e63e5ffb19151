"""What a sentence can be tied to: each question says yes with its place, and no when it is otherwise."""

from __future__ import annotations

import pytest

from binoc_runbook.display.sphinx.questions import QUESTIONS
from binoc_runbook.opening import open_target
from binoc_runbook.stages import STAGES
from binoc_runbook.world import World


def ask(checkout, question, **options):
    target = open_target(World.real(checkout.root), None)
    return QUESTIONS[question].ask(target, {name: tuple(said.split(", ")) for name, said in options.items()})


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_checkout_that_can_be_released_answers_yes(checkout, question):
    checkout.write("requirements/dev.txt", "pytest==9.2.0 \\\n    --hash=sha256:00\n")
    findings = ask(checkout, question)
    assert findings
    assert findings.status == "ok", findings


@pytest.mark.parametrize(
    ("question", "path", "old", "new", "place"),
    [
        ("wheels", "pyproject.toml", "cp310-abi3", "cp310-cp310", "pyproject.toml:14"),
        ("maturin", "python/demo/pyproject.toml", 'backend = "maturin"', 'backend = "hatchling"', "pyproject.toml:3"),
        ("tag", "pyproject.toml", '"v{version}"', '"{version}"', "pyproject.toml:2"),
        ("private", "crates/demo-core/Cargo.toml", "publish = false", "publish = true", "demo-core/Cargo.toml:5"),
    ],
)
def test_what_was_decided_otherwise_is_failed_with_its_line(checkout, question, path, old, new, place):
    checkout.edit(path, old, new)
    said = {"wheels": {"tags": "cp310-abi3"}, "tag": {"spelling": "v{version}"}}
    (failed,) = ask(checkout, question, **said.get(question, {})).having("failed")
    assert failed.looked_at.endswith(place)
    assert failed.remedy


def test_a_policy_without_a_crate_publishes_none(checkout):
    text = (checkout.root / "pyproject.toml").read_text("utf-8")
    checkout.write("pyproject.toml", text.rpartition("\n[[tool")[0])
    (failed,) = ask(checkout, "crate")
    assert (failed.status, failed.looked_at) == ("failed", "pyproject.toml:1")


def test_pins_name_the_package_that_was_decided_against_and_its_line(checkout):
    checkout.write("requirements/dev.txt", "# pins\njupyter==1.1.1 \\\n    --hash=sha256:00\njupyter-core==5.0.0\n")
    (failed,) = ask(checkout, "pins", without="jupyter")
    assert (failed.status, failed.looked_at) == ("failed", "requirements/dev.txt:2")
    assert ask(checkout, "pins", without="jupyterlab").status == "ok"


def test_pins_that_are_nowhere_are_unknown(checkout):
    assert ask(checkout, "pins").status == "unknown"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (", ".join(stage.name for stage in STAGES), "ok"),
        ("tests, sync, push-branch, tag, push-tag", "ok"),  # sync is asked again at the line
        ("tests, workflow, push-branch", "failed"),  # workflow is not
        ("tag, push-branch", "failed"),
        ("push-tag, tag", "failed"),
    ],
)
def test_the_order_is_that_in_which_a_release_passes_its_stages(checkout, said, status):
    assert ask(checkout, "order", stages=said).status == status


def test_where_there_is_no_cargo_the_surface_is_unknown_and_what_the_manifests_say_counts(checkout, monkeypatch):
    monkeypatch.setattr("binoc_runbook.world.processes.Processes.find", lambda self, program: None)
    assert ask(checkout, "surface").status == "unknown"
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = true")
    assert ask(checkout, "surface").status == "failed"
