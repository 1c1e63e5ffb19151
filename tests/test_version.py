"""Versions in three spellings, and texts that are refused."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import packaging.version
import pytest
import semver
from hypothesis import example, given
from hypothesis import strategies as st

from binoc_runbook.version import Version, VersionError

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = st.one_of(st.integers(0, 12), st.integers(0, 2**64 - 1))
VERSIONS = st.builds(
    Version,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.none() | st.tuples(st.sampled_from(["alpha", "beta", "rc"]), NUMBERS),
)
# Texts that are similar to versions, because random texts rarely are.
LOOKALIKES = st.from_regex(
    r"v?[0-9]{1,2}(\.[0-9]{1,3}){0,4}([-_.]?(alpha|beta|rc|RC|a|b|c|pre|dev|post|nightly|x)?[-.]?[0-9]{0,2}(\.[0-9])?)"
    r"(\+[a-z0-9]{1,4})?",
    fullmatch=True,
)


def refusal_of(read: Callable[[object], Version], text: str) -> VersionError | None:
    try:
        read(text)
    except VersionError as error:
        return error
    return None


# Valid versions


@pytest.mark.parametrize(
    ("semver_text", "pep440_text"),
    [
        ("0.4.0", "0.4.0"),
        ("0.0.0", "0.0.0"),
        ("10.20.30", "10.20.30"),
        ("0.4.0-alpha.1", "0.4.0a1"),
        ("0.4.0-beta.2", "0.4.0b2"),
        ("0.4.0-rc.0", "0.4.0rc0"),
        ("0.4.0-rc.10", "0.4.0rc10"),
        ("18446744073709551615.0.0", "18446744073709551615.0.0"),
    ],
)
def test_spellings_of_a_version(semver_text: str, pep440_text: str) -> None:
    version = Version.parse(semver_text)

    assert version == Version.from_pep440(pep440_text)
    assert (version.semver, version.pep440, version.tag) == (semver_text, pep440_text, f"v{semver_text}")
    assert str(version) == semver_text


def test_prerelease_is_detected() -> None:
    assert Version.parse("0.4.0-rc.1").is_prerelease
    assert not Version.parse("0.4.0").is_prerelease


@given(VERSIONS)
def test_spellings_round_trip(version: Version) -> None:
    assert Version.parse(version.semver) == version
    assert Version.from_pep440(version.pep440) == version
    assert pickle.loads(pickle.dumps(version)) == version
    assert hash(Version.parse(version.semver)) == hash(version)


@given(VERSIONS)
def test_spellings_are_normalized(version: Version) -> None:
    assert str(packaging.version.Version(version.pep440)) == version.pep440
    assert packaging.version.Version(version.semver) == packaging.version.Version(version.pep440)
    assert str(semver.Version.parse(version.semver)) == version.semver


@given(VERSIONS, VERSIONS)
def test_order_is_that_of_python_and_cargo(one: Version, other: Version) -> None:
    python = packaging.version.Version(one.pep440), packaging.version.Version(other.pep440)
    cargo = semver.Version.parse(one.semver).compare(other.semver)

    assert (one < other) == (python[0] < python[1]) == (cargo < 0)
    assert (one <= other) == (python[0] <= python[1]) == (cargo <= 0)
    assert (one == other) == (python[0] == python[1]) == (cargo == 0)
    assert (one > other) == (cargo > 0)


def test_versions_sort_by_precedence() -> None:
    texts = ["0.3.9", "0.4.0-alpha.1", "0.4.0-alpha.10", "0.4.0-beta.2", "0.4.0-rc.9", "0.4.0-rc.10", "0.4.0", "0.4.1"]

    assert sorted(map(Version.parse, reversed(texts))) == [Version.parse(text) for text in texts]


def test_version_is_not_comparable_with_text() -> None:
    assert Version.parse("0.4.0") != "0.4.0"
    with pytest.raises(TypeError):
        _ = Version.parse("0.4.0") < "0.4.0"


# Refused texts, and suggestions


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        # forms with another meaning in Python
        ("0.4.0-1", "0.4.0-rc.1"),
        ("0.4.0-pre.1", "0.4.0-rc.1"),
        ("0.4.0-preview.2", "0.4.0-rc.2"),
        ("0.4.0-c.1", "0.4.0-rc.1"),
        ("0.4.0-dev.3", "0.4.0-alpha.3"),
        ("0.4.0-nightly.5", "0.4.0-alpha.5"),
        ("0.4.0-rc", "0.4.0-rc.1"),
        ("0.4.0-rc.1.2", "0.4.0-rc.1"),
        ("0.4.0-alpha.beta", "0.4.0-alpha.1"),
        ("0.4.0-x86", None),
        ("0.4.0-", None),
        # forms with another meaning in Cargo
        ("0.4.0-rc1", "0.4.0-rc.1"),
        ("0.4.0-rc10", "0.4.0-rc.10"),
        ("0.4.0-RC.1", "0.4.0-rc.1"),
        ("0.4.0-a.1", "0.4.0-alpha.1"),
        ("0.4.0-rc.01", "0.4.0-rc.1"),
        ("0.4.0rc1", "0.4.0-rc.1"),
        ("0.4.0a2", "0.4.0-alpha.2"),
        ("0.4.0.dev1", "0.4.0-alpha.1"),
        ("0.4.0.post1", "0.4.1"),
        ("1!0.4.0", "0.4.0"),
        ("0.4", "0.4.0"),
        ("4", "4.0.0"),
        ("1.2.3.4", "1.2.3"),
        ("00.4.0", "0.4.0"),
        ("0.04.0", "0.4.0"),
        # forms that no registry accepts
        ("0.4.0+build.5", "0.4.0"),
        ("v0.4.0", "0.4.0"),
        ("V0.4.0", "0.4.0"),
        ("18446744073709551616.0.0", None),
        ("0.4.0-rc.18446744073709551616", None),
        ("9" * 5000, None),
        ("-1.0.0", None),
        ("latest", None),
        ("0.4.x", None),
        ("", None),
        (" ", None),
        # pasted text
        (" 0.4.0", "0.4.0"),
        ("0.4.0\n", "0.4.0"),
        ("0.4. 0", "0.4.0"),
        ("٠.٤.٠", "0.4.0"),
        ("0.4.0–rc.1", "0.4.0-rc.1"),
        ("0.4.0\x00", None),
        ("0.4.0&", None),
    ],
)
def test_invalid_version_is_refused_with_the_nearest_valid_one(text: str, nearest: str | None) -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse(text)

    assert refused.value.reason
    assert refused.value.nearest == nearest
    assert f"`{nearest or '0.4.0'}`" in refused.value.remedy


def test_all_errors_are_reported_together() -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse("v0.4-rc1+dev")

    assert refused.value.reason.count(";") == 3
    assert refused.value.nearest == "0.4.0-rc.1"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("0.4.0-rc.1", "0.4.0rc1"),
        ("0.4.0.rc1", "0.4.0rc1"),
        ("0.4.0alpha1", "0.4.0a1"),
        ("0.4.0rc01", "0.4.0rc1"),
        ("0.4.0c1", "0.4.0rc1"),
        ("0.4", "0.4.0"),
        ("0.4.0.dev1", "0.4.0a1"),
        ("0.4.0.post1", "0.4.1"),
        ("0.4.0+local", "0.4.0"),
        ("v0.4.0", "0.4.0"),
    ],
)
def test_other_forms_of_pep440_are_refused(text: str, nearest: str) -> None:
    with pytest.raises(VersionError) as refused:
        Version.from_pep440(text)

    assert refused.value.nearest == nearest


@example("0\x1b")
@given(LOOKALIKES | st.text(max_size=20))
def test_nearest_version_is_valid(text: str) -> None:
    for read in (Version.parse, Version.from_pep440):
        error = refusal_of(read, text)
        if error:
            assert error.reason
            assert str(error).isprintable()
            assert error.nearest is None or refusal_of(read, error.nearest) is None


# Numbers, which papermill passes for `-p version …`


def test_number_is_refused_with_the_option_for_text() -> None:
    with pytest.raises(VersionError, match=r"`-r version 0\.4\.0`") as refused:
        Version.parse(0.4)

    assert refused.value.nearest == "0.4.0"


def test_number_without_its_last_zero_has_two_suggestions() -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse(1.10)

    assert "`-r version 1.1.0`" in refused.value.remedy
    assert "`-r version 1.10.0`" in refused.value.remedy


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (4, "4"),
        (-4, "-4"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1e300, "1e+300"),
        pytest.param(10**5000, "…", id="more digits than Python prints"),
        ([0, 4, 0], "[0, 4, 0]"),
        (b"0.4.0", "b'0.4.0'"),
    ],
)
def test_other_types_than_text_are_refused(value: object, shown: str) -> None:
    with pytest.raises(VersionError, match="-r version ") as refused:
        Version.parse(value)

    assert refused.value.given == shown


def test_error_can_be_pickled() -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse("v0.4.0")

    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    ("version", "after"),
    [("0.4.0", "0.4.1"), ("1.2.9", "1.2.10"), ("0.4.0-rc.1", "0.4.0-rc.2"), ("0.4.0-alpha.9", "0.4.0-alpha.10")],
)
def test_next_version(version, after):
    assert Version.parse(version).next() == Version.parse(after) > Version.parse(version)
