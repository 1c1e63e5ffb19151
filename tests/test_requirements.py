"""The pins in requirements/ satisfy pyproject.toml, have hashes, and select no other package index."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from binoc_runbook.checks.workflow.audit import ZIZMOR

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# The supported environments of contributors; some pins are for some of them only.
PLACES = [
    {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
    | {"sys_platform": system, "platform_system": name, "os_name": "posix", "platform_machine": machine}
    for minor in range(11, 15)
    for system, name, machine in [
        ("linux", "Linux", "x86_64"),
        ("linux", "Linux", "aarch64"),
        ("darwin", "Darwin", "arm64"),
    ]
]


def pins(name):
    """Return the entries of a file in requirements/, each a pin followed by its hashes."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return [entry.split() for entry in text.replace("\\\n", " ").splitlines()]


def pinned(entry):
    return Requirement(" ".join(word for word in entry if not word.startswith("--hash=")))


def group(name):
    """Yield the requirements of a dependency group and of its included groups."""
    for entry in PYPROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from group(entry["include-group"])


WANTED = sorted(
    {
        *PYPROJECT["build-system"]["requires"],
        *PYPROJECT["project"]["dependencies"],
        *(requirement for name in PYPROJECT["dependency-groups"] for requirement in group(name)),
    }
)
# The tools of the benchmarks have an environment of their own.
TOOLS = [line for line in (ROOT / "requirements/bench.in").read_text("utf-8").splitlines() if not line.startswith("#")]
IN_FILES = [*(("dev.txt", requirement) for requirement in WANTED), *(("bench.txt", tool) for tool in TOOLS)]


@pytest.mark.parametrize(("file", "requirement"), IN_FILES)
def test_requirement_has_one_pin_for_each_environment(file, requirement):
    wanted = Requirement(requirement)
    candidates = [
        pin for pin in map(pinned, pins(file)) if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
    ]
    for place in PLACES:
        if wanted.marker is None or wanted.marker.evaluate(place):
            (pin,) = [pin for pin in candidates if pin.marker is None or pin.marker.evaluate(place)]
            (version,) = pin.specifier
            assert wanted.specifier.contains(version.version, prereleases=True), f"{pin} does not satisfy {wanted}"


@pytest.mark.parametrize("file", ["uv.txt", "build.txt", "dev.txt", "bench.txt"])
def test_entries_are_one_version_with_hashes(file):
    entries = pins(file)
    assert entries
    for entry in entries:
        assert [specifier.operator for specifier in pinned(entry).specifier] == ["=="], entry
        hashes = [word for word in entry if word.startswith("--")]
        assert hashes, f"{entry[0]} has no hash"
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", word) for word in hashes), f"{entry[0]} has {hashes}"


@pytest.mark.parametrize("file", ["uv.txt", "build.txt", "dev.txt", "bench.txt"])
def test_entries_have_no_urls_and_options(file):
    for line in (ROOT / "requirements" / file).read_text("utf-8").splitlines():
        assert "://" not in line
        assert "@" not in line
        assert not line.startswith("-")


def test_build_requirements_are_a_subset_of_the_same_pins():
    everything = {" ".join(entry) for entry in pins("dev.txt")}
    assert {" ".join(entry) for entry in pins("build.txt")} <= everything
    names = {canonicalize_name(pinned(entry).name) for entry in pins("build.txt")}
    assert {canonicalize_name(Requirement(wanted).name) for wanted in group("build")} <= names
    assert "cryptography" not in names, "it has no wheels for some build machines"
    assert "gitpython" not in names, "only releases use it"


def test_zizmor_of_the_checks_is_the_pinned_version():
    [pin] = [pin for pin in map(pinned, pins("dev.txt")) if pin.name == "zizmor"]
    assert str(pin.specifier) == f"=={ZIZMOR}"


def test_uv_has_the_same_pin_in_both_files():
    assert pins("uv.txt") == [entry for entry in pins("dev.txt") if pinned(entry).name == "uv"]


def test_wheels_are_required_for_the_machines_that_build_and_only_for_them():
    lock = runpy.run_path(str(ROOT / "requirements/lock.py"))
    jobs = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text("utf-8"))["jobs"]
    matrix = jobs["wheels"]["strategy"]["matrix"]["include"]
    runners = {entry["platform"]: entry["runner"] for entry in matrix}
    for platform, other in lock["CROSS_BUILT"].items():
        assert runners[platform] == runners[other]
    built = [entry["target"] for entry in matrix if entry["platform"] not in lock["CROSS_BUILT"]]
    assert sorted(lock["build_machines"]()) == sorted(built)


def test_only_wheels_are_installed():
    lines = (ROOT / "just").read_text("utf-8").replace("\\\n", " ").splitlines()
    installations = [line for line in lines if re.search(r"-m pip install|/uv\" pip (?:sync|install)", line)]
    of_the_project = [line for line in installations if "--editable" in line]
    others = [line for line in installations if line not in of_the_project]
    assert len(of_the_project) == 1
    assert "--no-deps" in of_the_project[0]
    assert len(others) == 2
    assert all("--only-binary :all:" in line or "--no-build" in line for line in others)
