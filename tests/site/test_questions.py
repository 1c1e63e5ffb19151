"""What a sentence can be tied to: each question says yes with its place, and no when it is otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import binoc_runbook
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.site.questions import QUESTIONS
from binoc_runbook.stages import STAGES
from binoc_runbook.world import World


def ask(checkout, question, **options):
    target = open_target(World.real(checkout.root), None)
    return QUESTIONS[question].ask(target, {name: tuple(said.split(", ")) for name, said in options.items()})


@pytest.mark.parametrize("question", [each for each in QUESTIONS if each != "tests"])
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


def test_a_test_that_holds_a_sentence_is_named_with_its_line_and_verifies_nothing_by_that(checkout):
    checkout.write("tests/test_demo.py", "import os\n\n\ndef test_it_holds():\n    assert os\n")
    (found,) = ask(checkout, "tests", by="tests/test_demo.py::test_it_holds")
    assert (found.status, found.looked_at) == ("unknown", "tests/test_demo.py:4")
    for gone in ("tests/test_demo.py::test_it", "tests/test_other.py::test_it_holds"):
        (found,) = ask(checkout, "tests", by=gone)
        assert found.status == "failed"
        assert gone.partition("::")[2] in found.saw


def test_the_tests_that_our_decisions_name_are_run_before_each_release():
    root = Path(__file__).parents[2]
    named = [
        name
        for page in root.glob("docs/adr/*.md")
        for line in re.findall(r"(?m)^:by: (.+)$", page.read_text("utf-8"))
        for name in line.split(", ")
    ]
    assert named
    for path in {name.partition("::")[0] for name in named}:
        assert not re.search(r"mark\.(rehearsal|notebook)", (root / path).read_text("utf-8")), path


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


@pytest.fixture
def inside(checkout, monkeypatch):
    """A directory of the checkout is the current one, as it is for the cells of a page."""
    checkout.write("docs/adr/a.md", "# A decision\n")
    monkeypatch.chdir(checkout.root / "docs/adr")
    return checkout


def test_a_cell_gets_what_was_found_and_shows_it(inside):
    found = binoc_runbook.ask("surface", artifacts=["demo at PyPI", "demo-sdk at crates.io"])
    assert found == ask(inside, "surface")
    assert "crates/demo-sdk/Cargo.toml:2" in found._repr_markdown_()


def test_a_question_that_does_not_hold_is_refused_with_what_failed_and_without_a_path_of_the_machine(inside):
    inside.edit("pyproject.toml", '"v{version}"', '"{version}"')
    with pytest.raises(RefusedError, match="`tag` does not hold") as refused:
        binoc_runbook.ask("tag", spelling="v{version}")
    assert "pyproject.toml:2: a release is tagged `{version}`, not `v{version}`" in str(refused.value)
    assert str(inside.root) not in str(refused.value)


@pytest.mark.parametrize(
    ("question", "options", "told"),
    [
        ("surfaec", {}, "there is no question `surfaec`"),
        ("sync", {"rule": "token"}, "is no option of sync"),
        ("workflow", {"rule": "tokens"}, "there is no rule `tokens`"),
    ],
)
def test_a_question_that_is_put_wrongly_is_refused_with_what_could_be_asked(inside, question, options, told):
    with pytest.raises(RefusedError, match=told):
        binoc_runbook.ask(question, **options)


def test_where_there_is_nothing_to_ask_about_that_is_said(inside, tmp_path, monkeypatch):
    inside.write("pyproject.toml", "")
    with pytest.raises(RefusedError, match="no promise is declared"):
        binoc_runbook.ask("private")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match="lies in no git checkout"):
        binoc_runbook.ask("private")
