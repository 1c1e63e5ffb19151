"""Checks of decisions: each passes with its place, and fails if the checkout differs."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import binoc_runbook
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.site.decision_checks import CHECKS
from binoc_runbook.stages import STAGES
from binoc_runbook.world import World


def run(checkout, name, **options):
    target = open_target(World.real(checkout.root), None)
    return CHECKS[name].run(target, {option: tuple(value.split(", ")) for option, value in options.items()})


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in ("tests", "manual")])
def test_releasable_checkout_passes(checkout, name):
    checkout.write("requirements/dev.txt", "pytest==9.2.0 \\\n    --hash=sha256:00\n")
    findings = run(checkout, name)
    assert findings
    assert findings.status == "ok", findings


@pytest.mark.parametrize(
    ("name", "path", "old", "new", "place"),
    [
        ("wheels", "pyproject.toml", "cp310-abi3", "cp310-cp310", "pyproject.toml:14"),
        ("maturin", "python/demo/pyproject.toml", 'backend = "maturin"', 'backend = "hatchling"', "pyproject.toml:3"),
        ("tag", "pyproject.toml", '"v{version}"', '"{version}"', "pyproject.toml:2"),
        ("private", "crates/demo-core/Cargo.toml", "publish = false", "publish = true", "demo-core/Cargo.toml:5"),
    ],
)
def test_difference_from_the_decision_fails_with_its_line(checkout, name, path, old, new, place):
    checkout.edit(path, old, new)
    options = {"wheels": {"tags": "cp310-abi3"}, "tag": {"spelling": "v{version}"}}
    (failed,) = run(checkout, name, **options.get(name, {})).having("failed")
    assert failed.looked_at.endswith(place)
    assert failed.remedy


def test_policy_without_a_crate_fails(checkout):
    text = (checkout.root / "pyproject.toml").read_text("utf-8")
    checkout.write("pyproject.toml", text.rpartition("\n[[tool")[0])
    (failed,) = run(checkout, "crate")
    assert (failed.status, failed.looked_at) == ("failed", "pyproject.toml:1")


def test_rejected_package_in_the_pins_fails_with_its_line(checkout):
    checkout.write("requirements/dev.txt", "# pins\njupyter==1.1.1 \\\n    --hash=sha256:00\njupyter-core==5.0.0\n")
    (failed,) = run(checkout, "pins", without="jupyter")
    assert (failed.status, failed.looked_at) == ("failed", "requirements/dev.txt:2")
    assert run(checkout, "pins", without="jupyterlab").status == "ok"


def test_named_test_must_exist(checkout):
    checkout.write("tests/test_demo.py", "import os\n\n\ndef test_it_holds():\n    assert os\n")
    (finding,) = run(checkout, "tests", by="tests/test_demo.py::test_it_holds")
    assert (finding.status, finding.looked_at) == ("ok", "tests/test_demo.py:4")
    for test in ("tests/test_demo.py::test_it", "tests/test_other.py::test_it_holds"):
        (finding,) = run(checkout, "tests", by=test)
        assert finding.status == "failed"
        assert test.partition("::")[2] in finding.saw


def test_tests_named_by_our_decisions_run_before_each_release_if_the_page_states_it():
    root = Path(__file__).parents[2]
    tests = [
        test
        for page in root.glob("docs/adr/*.md")
        if "before each release" in page.read_text("utf-8")
        for line in re.findall(r"(?m)^:by: (.+)$", page.read_text("utf-8"))
        for test in line.split(", ")
    ]
    assert tests
    for path, _, name in (test.partition("::") for test in tests):
        module = import_module(path.removesuffix(".py").replace("/", "."))
        marks = getattr(module, "pytestmark", []), getattr(getattr(module, name), "pytestmark", [])
        names = {mark.name for group in marks for mark in (group if isinstance(group, list) else [group])}
        assert not names & {"rehearsal", "notebook"}, f"{path}::{name}"


def test_missing_requirements_are_unknown(checkout):
    assert run(checkout, "pins").status == "unknown"


@pytest.mark.parametrize(
    ("stages", "status"),
    [
        (", ".join(stage.name for stage in STAGES), "ok"),
        ("tests, sync, push-branch, tag, push-tag", "ok"),  # sync runs again at the point of no return
        ("tests, workflow, push-branch", "failed"),  # workflow does not
        ("tag, push-branch", "failed"),
        ("push-tag, tag", "failed"),
    ],
)
def test_order_of_the_stages(checkout, stages, status):
    assert run(checkout, "order", stages=stages).status == status


def test_surface_without_cargo_is_unknown_but_manifests_can_fail(checkout, monkeypatch):
    monkeypatch.setattr("binoc_runbook.world.processes.Processes.find", lambda self, program: None)
    assert run(checkout, "surface").status == "unknown"
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = true")
    assert run(checkout, "surface").status == "failed"


@pytest.fixture
def inside(checkout, monkeypatch):
    """Make a directory of the checkout the current one, as for the cells of a page."""
    checkout.write("docs/adr/a.md", "# A decision\n")
    monkeypatch.chdir(checkout.root / "docs/adr")
    return checkout


def refused(name, **options):
    """Return status, check and place of the finding that a cell is refused with."""
    with pytest.raises(RefusedError) as error:
        binoc_runbook.check(name, **options)
    (finding,) = error.value.findings
    return finding.status, finding.check, finding.looked_at


def test_cell_gets_the_findings_and_shows_them(inside):
    findings = binoc_runbook.check("surface", artifacts=["demo at PyPI", "demo-sdk at crates.io"])
    assert findings == run(inside, "surface")
    assert "crates/demo-sdk/Cargo.toml:2" in findings._repr_markdown_()


def test_failed_check_is_refused_without_machine_paths(inside):
    inside.edit("pyproject.toml", '"v{version}"', '"{version}"')
    with pytest.raises(RefusedError) as error:
        binoc_runbook.check("tag", spelling="v{version}")
    assert [(finding.check, finding.looked_at) for finding in error.value.findings] == [("tag", "pyproject.toml:2")]
    assert str(inside.root) not in str(error.value)


@pytest.mark.parametrize(
    ("name", "options"), [("surfaec", {}), ("sync", {"rule": "token"}), ("workflow", {"rule": "tokens"})]
)
@pytest.mark.usefixtures("inside")
def test_unknown_names_and_options_are_refused(name, options):
    assert refused(name, **options) == ("failed", "decided", f"`{name}`")


def test_check_without_a_policy_or_a_checkout_is_unknown(inside, tmp_path, monkeypatch):
    inside.write("pyproject.toml", "")
    assert refused("private")[:2] == ("unknown", "policy")
    monkeypatch.chdir(tmp_path)
    assert refused("private")[:2] == ("unknown", "decided")
