"""requirements/ holds what pyproject.toml asks for, every pin with its hashes, and nothing that leads elsewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from binoc_runbook.checks.workflow.audit import ZIZMOR

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# Where people work on this repository; a pin may be for some of them only.
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
    """The entries of a file in requirements/, a pin and the hashes that follow it for each."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return [entry.split() for entry in text.replace("\\\n", " ").splitlines()]


def pinned(entry):
    return Requirement(" ".join(word for word in entry if not word.startswith("--hash=")))


def group(name):
    """The requirements of a dependency group and of the groups that it includes."""
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


@pytest.mark.parametrize("requirement", WANTED)
def test_what_pyproject_asks_for_is_pinned_once_for_every_place(requirement):
    wanted = Requirement(requirement)
    candidates = [
        pin for pin in map(pinned, pins("dev.txt")) if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
    ]
    for place in PLACES:
        if wanted.marker is None or wanted.marker.evaluate(place):
            (pin,) = [pin for pin in candidates if pin.marker is None or pin.marker.evaluate(place)]
            (version,) = pin.specifier
            assert wanted.specifier.contains(version.version, prereleases=True), f"{pin} does not satisfy {wanted}"


@pytest.mark.parametrize("file", ["uv.txt", "build.txt", "dev.txt"])
def test_every_entry_is_one_version_with_its_hashes_and_nothing_else(file):
    entries = pins(file)
    assert entries
    for entry in entries:
        assert [each.operator for each in pinned(entry).specifier] == ["=="], entry
        hashes = [word for word in entry if word.startswith("--")]
        assert hashes, f"{entry[0]} has no hash"
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", word) for word in hashes), f"{entry[0]} has {hashes}"


@pytest.mark.parametrize("file", ["uv.txt", "build.txt", "dev.txt"])
def test_no_entry_says_where_a_package_comes_from(file):
    for line in (ROOT / "requirements" / file).read_text("utf-8").splitlines():
        assert "://" not in line
        assert "@" not in line
        assert not line.startswith("-")


def test_a_build_job_installs_what_the_builders_need_and_the_same_pins():
    everything = {" ".join(entry) for entry in pins("dev.txt")}
    assert {" ".join(entry) for entry in pins("build.txt")} <= everything
    names = {canonicalize_name(pinned(entry).name) for entry in pins("build.txt")}
    assert {canonicalize_name(Requirement(wanted).name) for wanted in group("build")} <= names
    assert "cryptography" not in names, "it has no wheels for some of the machines that wheels are built on"


def test_the_zizmor_that_the_checks_ask_for_is_the_one_that_is_pinned():
    [pin] = [pin for pin in map(pinned, pins("dev.txt")) if pin.name == "zizmor"]
    assert str(pin.specifier) == f"=={ZIZMOR}"


def test_the_first_installer_is_the_one_that_stays():
    assert pins("uv.txt") == [entry for entry in pins("dev.txt") if pinned(entry).name == "uv"]
