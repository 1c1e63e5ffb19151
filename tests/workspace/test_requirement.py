"""Requirements that quote a version are updated; bounds are kept; requirements that exclude the version are errors."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from binoc_runbook.version import Version
from binoc_runbook.workspace.requirement import RequirementError, in_cargo, in_python, name_in_python

V = Version.parse


@pytest.mark.parametrize(
    ("before", "version", "after"),
    [
        # The operator and the number of numbers stay.
        ("0.4.0", "0.5.0", "0.5.0"),
        ("0.4", "0.5.1", "0.5"),
        ("0", "1.2.3", "1"),
        ("^0.4.0", "0.5.0", "^0.5.0"),
        ("~0.4", "0.5.0", "~0.5"),
        ("= 0.4.0", "0.5.0", "= 0.5.0"),
        ("=0.4", "0.5.7", "=0.5"),
        ("0.4.*", "0.5.0", "0.5.*"),
        (" 0.4.0 ", "0.5.0", " 0.5.0 "),
        # Both ends of a compatible range are updated.
        (">=0.4.0, <0.5.0", "0.5.0", ">=0.5.0, <0.6.0"),
        (">=0.4, <0.5", "1.2.0", ">=1.2, <2.0"),
        (">= 1.2 , < 2", "2.0.1", ">= 2.0 , < 3"),
        (">=0.0.3, <0.0.4", "0.0.4", ">=0.0.4, <0.0.5"),
        ("<0.5, >=0.4", "0.6.0", "<0.7, >=0.6"),
        # Bounds are kept.
        ("*", "0.5.0", "*"),
        (">=0.3", "0.5.0", ">=0.3"),
        (">=0.4.0", "0.5.0", ">=0.4.0"),
        (">=0.3, <1", "0.5.0", ">=0.3, <1"),
        (">0.3, <=0.9", "0.5.0", ">0.3, <=0.9"),
        # Pre-releases.
        ("0.4.0", "0.5.0-rc.1", "0.5.0-rc.1"),
        ("=0.4.0", "0.5.0-beta.2", "=0.5.0-beta.2"),
        (">=0.4.0, <0.5.0", "0.5.0-rc.1", ">=0.5.0-rc.1, <0.6.0"),
        # A lower bound next to a short requirement is kept.
        ("0.5, >=0.5.0-rc.1", "0.5.0-rc.2", "0.5, >=0.5.0-rc.1"),
        ("0.5, >=0.5.0-rc.1", "0.5.0", "0.5, >=0.5.0-rc.1"),
    ],
)
def test_cargo_requirement_is_updated(before: str, version: str, after: str) -> None:
    assert in_cargo(before, V(version)) == after


@pytest.mark.parametrize(
    ("before", "version", "after"),
    [
        ("binoc==0.4.0", "0.5.0", "binoc==0.5.0"),
        ("binoc == 0.4.0", "0.5.0", "binoc == 0.5.0"),
        ("binoc===0.4.0", "0.5.0", "binoc===0.5.0"),
        ("binoc~=0.4.0", "0.5.1", "binoc~=0.5.1"),
        ("binoc~=0.4", "0.5.1", "binoc~=0.5"),
        ("binoc==0.4.*", "0.5.1", "binoc==0.5.*"),
        ("binoc>=0.4.0,<0.5", "0.5.0", "binoc>=0.5.0,<0.6"),
        ("binoc<0.5,>=0.4.0", "1.0.0", "binoc<2.0,>=1.0.0"),
        ("binoc (>=0.4.0, <0.5.0)", "0.5.0", "binoc (>=0.5.0, <0.6.0)"),
        ("binoc[sql, x]==0.4.0 ; python_version > '3.10'", "0.5.0", "binoc[sql, x]==0.5.0 ; python_version > '3.10'"),
        ('binoc==0.4.0; extra == "0.4.0"', "0.5.0", 'binoc==0.5.0; extra == "0.4.0"'),
        ("binoc>=0.3", "0.5.0", "binoc>=0.3"),
        ("binoc>=0.3,<1,!=0.4.1", "0.5.0", "binoc>=0.3,<1,!=0.4.1"),
        # The Python spelling, and short operands stay short (PEP 440 pads them with zeros).
        ("binoc==0.4.0", "0.5.0-rc.1", "binoc==0.5.0rc1"),
        ("binoc>=0.4,<0.5", "0.5.0-rc.1", "binoc>=0.5rc1,<0.6"),
        ("binoc>=0.5rc1,<0.6", "0.5.0", "binoc>=0.5,<0.6"),
        ("binoc~=0.4", "0.5.1-alpha.2", "binoc~=0.5a2"),
        # Versions are normalized.
        ("binoc==v0.4.0", "0.4.0", "binoc==0.4.0"),
        ("binoc==0.4.0-rc.1", "0.4.0-rc.1", "binoc==0.4.0rc1"),
    ],
)
def test_python_requirement_is_updated(before: str, version: str, after: str) -> None:
    assert in_python(before, V(version)) == after


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        (">=0.3, <0.5", "0.5.0"),
        ("<0.5", "0.5.0"),
        (">=0.6", "0.5.0"),
        (">=0.3", "0.5.0-rc.1"),
        ("*", "0.5.0-rc.1"),
        ("=0.4", "0.5.0-rc.1"),
        ("~0.4", "0.5.0-rc.1"),
        (">=1.2, <2", "0.5.0"),
        ("latest", "0.5.0"),
        ("", "0.5.0"),
        ("0.4.0, ", "0.5.0"),
        ("9" * 10_000, "0.5.0"),
    ],
)
def test_cargo_requirement_that_excludes_the_version_is_an_error(requirement: str, version: str) -> None:
    with pytest.raises(RequirementError):
        in_cargo(requirement, V(version))


@pytest.mark.parametrize(
    ("requirement", "version", "suggestion"),
    [
        ("0.4", "0.5.0-rc.1", "0.5.0-rc.1"),
        ("^1", "2.0.0-alpha.1", "^2.0.0-alpha.1"),
        ("=0.4", "0.5.0-rc.1", "=0.5.0-rc.1"),
        ("~ 0.4", "0.5.0-rc.1", "~ 0.5.0-rc.1"),
        ("0.4.*", "0.5.0-rc.1", "0.5.0-rc.1"),
        ("*", "0.5.0-rc.1", "0.5.0-rc.1"),
        ("0.5, >=0.5.0-rc.1", "0.6.0-rc.1", "0.6.0-rc.1, >=0.5.0-rc.1"),
        # Bounds have no suggestion.
        (">=0.3", "0.5.0-rc.1", None),
        ("0.4, <0.5", "0.5.0", None),
    ],
)
def test_error_of_a_cargo_requirement_suggests_one_that_allows_the_version(
    requirement: str, version: str, suggestion: str | None
) -> None:
    with pytest.raises(RequirementError) as refused:
        in_cargo(requirement, V(version))
    assert refused.value.suggestion == suggestion
    assert suggestion is None or in_cargo(suggestion, V(version)) == suggestion


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("binoc<0.5", "0.5.0"),
        ("binoc>=0.6", "0.5.0"),
        ("binoc==0.4", "0.5.1"),
        ("binoc!=0.5.0", "0.5.0"),
        ("binoc==x", "0.5.0"),
        ("binoc==0.4.0; python_version >", "0.5.0"),
        ("binoc>=1.2,<2", "0.5.0"),
        ("binoc==" + "9" * 10_000, "0.5.0"),
    ],
)
def test_python_requirement_that_excludes_the_version_is_an_error(requirement: str, version: str) -> None:
    with pytest.raises(RequirementError):
        in_python(requirement, V(version))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("binoc==0.4.0", "binoc"),
        (" Binoc_SDK [x] >=1", "Binoc_SDK"),
        ("binoc(==1)", "binoc"),
        ("binoc", None),
        ("binoc; python_version > '3'", None),
        ("binoc @ file:///x", None),
        ("", None),
        ("==1", None),
    ],
)
def test_name_of_a_python_requirement_with_a_version(text: str, name: str | None) -> None:
    assert name_in_python(text) == name


# Round trips.

numbers = st.integers(0, 12)
pres = st.sampled_from(["", "", "-alpha.1", "-beta.2", "-rc.10"])
versions = st.builds(lambda *parts: V("{}.{}.{}{}".format(*parts)), numbers, numbers, numbers, pres)
spaces = st.sampled_from(["", " "])


@st.composite
def cargo_quotes(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["", "^", "~", "="]))
    short = draw(st.sampled_from(["0.0.0", "0.0", "0"] + (["0.0.*", "0.*"] if not operator else [])))
    return draw(spaces) + operator + draw(spaces) + short + draw(spaces)


@given(cargo_quotes(), versions, versions)
def test_cargo_requirement_round_trips(form: str, there: Version, back: Version) -> None:
    try:
        quoted = in_cargo(form, back)
        moved = in_cargo(quoted, there)
    except RequirementError:
        return
    assert in_cargo(quoted, back) == quoted
    assert in_cargo(moved, there) == moved
    assert in_cargo(moved, back) == quoted


@st.composite
def python_quotes(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["==", "===", "~="]))
    operand = draw(st.sampled_from(["0.0.0", "0.0", "0.0.0.0"] + (["0.*", "0.0.*"] if operator == "==" else [])))
    return f"binoc{draw(spaces)}{operator}{draw(spaces)}{operand}{draw(spaces)}"


@given(python_quotes(), versions, versions)
def test_python_requirement_round_trips(form: str, there: Version, back: Version) -> None:
    try:
        quoted = in_python(form, back)
        moved = in_python(quoted, there)
    except RequirementError:
        return
    assert in_python(quoted, back) == quoted
    assert in_python(moved, back) == quoted


@given(
    st.sampled_from(["{0}>=0.0.0,{0}<0.0.1", "{0}>=0.1.0,{0}<0.2", "{0}<0.2.0,{0}>=0.1", "{0}>=1,{0}<2"]),
    spaces,
    versions,
    versions,
)
def test_compatible_range_round_trips(form: str, space: str, there: Version, back: Version) -> None:
    for move, before in ((in_cargo, form.format(space)), (in_python, f"binoc{form.format(space)}")):
        try:
            quoted = move(before, back)
            moved = move(quoted, there)
        except RequirementError:
            continue
        assert move(quoted, back) == quoted
        assert move(moved, back) == quoted


@given(python_quotes(), versions)
def test_updated_python_requirement_allows_the_version(form: str, version: Version) -> None:
    try:
        text = in_python(form, version)
    except RequirementError:
        return
    assert Requirement(text).specifier.contains(version.pep440, prereleases=True)


# Compared with Cargo itself.

REQUIREMENTS = [
    *("*", "0", "0.5", "0.5.2", "0.6", "0.5.0-rc.1", "0.0", "1"),
    *("=0.5", "=0.5.2", "=0.5.0-rc.1", "0.5.*", "~0.5", "~0", "~0.5.1", "~0.5.3", "~0.5.0-rc.1"),
    *(">=0.5", ">=0.5.3", ">=0.3, <1", ">0.4, <2", ">0.5", "<0.6.0-0", "<=0.5", "<0.5", "<=0.5.2", "!=0.5"),
    *("0.5, >=0.5.0-rc.1", "~0.5, >=0.5.0-rc.1", ">=0.5.0-rc.1, <0.6", ">=0.5.0-alpha.1", "0.5.0-rc.2", "^0.5.0"),
]


@pytest.mark.parametrize("version", ["0.5.2", "0.5.0-rc.1"])
def test_cargo_allows_the_same_versions(version: str, tmp_path: Path) -> None:
    package = '[package]\nname = "{}"\nversion = "{}"\nedition = "2021"\n'
    for name in ("a", "b"):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src/lib.rs").touch()
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["a", "b"]\n')
    (tmp_path / "a/Cargo.toml").write_text(package.format("a", version))
    from binoc_runbook.workspace.requirement import cargo_allows

    for requirement in REQUIREMENTS:
        dependency = f'[dependencies]\na = {{ path = "../a", version = "{requirement}" }}\n'
        (tmp_path / "b/Cargo.toml").write_text(package.format("b", "1.0.0") + dependency)
        (tmp_path / "Cargo.lock").unlink(missing_ok=True)
        command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=dict(os.environ))
        if "*" in requirement and requirement == "*":
            assert (process.returncode == 0) == (version == "0.5.2")
            continue
        try:
            allowed = cargo_allows(requirement, V(version))
        except RequirementError:
            allowed = False
        assert allowed == (process.returncode == 0), (requirement, process.stderr.decode())
