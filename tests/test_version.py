"""One version in three spellings, and what is refused because it cannot be spelt, or sorted, in all of them."""

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
# Texts that look like versions, so that the refusals are reached more often than by chance.
LOOKALIKES = st.from_regex(
    r"v?[0-9]{1,2}(\.[0-9]{1,3}){0,4}([-_.]?(alpha|beta|rc|RC|a|b|c|pre|dev|post|nightly|x)?[-.]?[0-9]{0,2}(\.[0-9])?)"
    r"(\+[a-z0-9]{1,4})?",
    fullmatch=True,
)


def refusal_of(read: Callable[[object], Version], text: str) -> VersionError | None:
    try:
        read(text)
    except VersionError as refused:
        return refused
    return None


# What is accepted


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
def test_a_version_is_spelt_by_cargo_by_python_and_as_a_tag(semver_text: str, pep440_text: str) -> None:
    version = Version.parse(semver_text)

    assert version == Version.from_pep440(pep440_text)
    assert (version.semver, version.pep440, version.tag) == (semver_text, pep440_text, f"v{semver_text}")
    assert str(version) == semver_text


def test_only_what_comes_before_a_release_is_a_prerelease() -> None:
    assert Version.parse("0.4.0-rc.1").is_prerelease
    assert not Version.parse("0.4.0").is_prerelease


@given(VERSIONS)
def test_every_spelling_leads_back_to_the_version(version: Version) -> None:
    assert Version.parse(version.semver) == version
    assert Version.from_pep440(version.pep440) == version
    assert pickle.loads(pickle.dumps(version)) == version
    assert hash(Version.parse(version.semver)) == hash(version)


@given(VERSIONS)
def test_python_and_cargo_keep_each_spelling_as_it_is(version: Version) -> None:
    assert str(packaging.version.Version(version.pep440)) == version.pep440
    assert packaging.version.Version(version.semver) == packaging.version.Version(version.pep440)
    assert str(semver.Version.parse(version.semver)) == version.semver


@given(VERSIONS, VERSIONS)
def test_it_sorts_as_python_and_as_cargo_sort_it(one: Version, other: Version) -> None:
    python = packaging.version.Version(one.pep440), packaging.version.Version(other.pep440)
    cargo = semver.Version.parse(one.semver).compare(other.semver)

    assert (one < other) == (python[0] < python[1]) == (cargo < 0)
    assert (one <= other) == (python[0] <= python[1]) == (cargo <= 0)
    assert (one == other) == (python[0] == python[1]) == (cargo == 0)
    assert (one > other) == (cargo > 0)


def test_releases_and_their_prereleases_sort_by_precedence() -> None:
    spelt = ["0.3.9", "0.4.0-alpha.1", "0.4.0-alpha.10", "0.4.0-beta.2", "0.4.0-rc.9", "0.4.0-rc.10", "0.4.0", "0.4.1"]

    assert sorted(map(Version.parse, reversed(spelt))) == [Version.parse(text) for text in spelt]


def test_it_is_not_compared_with_text() -> None:
    assert Version.parse("0.4.0") != "0.4.0"
    with pytest.raises(TypeError):
        _ = Version.parse("0.4.0") < "0.4.0"


# What is refused, why, and what to type instead


@pytest.mark.parametrize(
    ("text", "reason", "nearest"),
    [
        # shapes that mean something else to Python
        ("0.4.0-1", "the post-release `0.4.0.post1`", "0.4.0-rc.1"),
        ("0.4.0-pre.1", "Python reads `pre` as `rc`", "0.4.0-rc.1"),
        ("0.4.0-preview.2", "Python reads `preview` as `rc`", "0.4.0-rc.2"),
        ("0.4.0-c.1", "Python reads `c` as `rc`", "0.4.0-rc.1"),
        ("0.4.0-dev.3", "below every alpha", "0.4.0-alpha.3"),
        ("0.4.0-nightly.5", "no `nightly`", "0.4.0-alpha.5"),
        ("0.4.0-rc", "spells and sorts `-rc.1`", "0.4.0-rc.1"),
        ("0.4.0-rc.1.2", "one number", "0.4.0-rc.1"),
        ("0.4.0-alpha.beta", "one number", "0.4.0-alpha.1"),
        ("0.4.0-x86", "no pre-release of either", None),
        ("0.4.0-", "no pre-release of either", None),
        # shapes that mean something else to Cargo
        ("0.4.0-rc1", "spells and sorts `-rc.1`", "0.4.0-rc.1"),
        ("0.4.0-rc10", "spells and sorts `-rc.10`", "0.4.0-rc.10"),
        ("0.4.0-RC.1", "`-rc.1`", "0.4.0-rc.1"),
        ("0.4.0-a.1", "`-alpha.1`", "0.4.0-alpha.1"),
        ("0.4.0-rc.01", "`-rc.1`", "0.4.0-rc.1"),
        ("0.4.0rc1", "`-rc.1`", "0.4.0-rc.1"),
        ("0.4.0a2", "`-alpha.2`", "0.4.0-alpha.2"),
        ("0.4.0.dev1", "below every alpha", "0.4.0-alpha.1"),
        ("0.4.0.post1", "post-release", "0.4.1"),
        ("1!0.4.0", "no epochs", "0.4.0"),
        ("0.4", "2 numbers", "0.4.0"),
        ("4", "1 number where", "4.0.0"),
        ("1.2.3.4", "4 numbers", "1.2.3"),
        ("00.4.0", "leading zeros", "0.4.0"),
        ("0.04.0", "leading zeros", "0.4.0"),
        # shapes that no registry takes
        ("0.4.0+build.5", "local versions", "0.4.0"),
        ("v0.4.0", "belongs to the tag", "0.4.0"),
        ("V0.4.0", "belongs to the tag", "0.4.0"),
        ("18446744073709551616.0.0", "larger than 18446744073709551615", None),
        ("0.4.0-rc.18446744073709551616", "larger than 18446744073709551615", None),
        ("9" * 5000, "5000 characters", None),
        ("-1.0.0", "does not begin", None),
        ("latest", "does not begin", None),
        ("0.4.x", "no pre-release of either", None),
        ("", "does not begin", None),
        (" ", "does not begin", None),
        # what is pasted
        (" 0.4.0", "white space", "0.4.0"),
        ("0.4.0\n", "white space", "0.4.0"),
        ("0.4. 0", "white space", "0.4.0"),
        ("٠.٤.٠", "not ASCII", "0.4.0"),
        ("0.4.0–rc.1", "not ASCII", "0.4.0-rc.1"),
        ("0.4.0\x00", "signs that no version has", None),
        ("0.4.0&", "no pre-release of either", None),
    ],
)
def test_what_does_not_fit_both_worlds_is_refused_with_the_nearest_that_does(
    text: str, reason: str, nearest: str | None
) -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse(text)

    assert reason in refused.value.reason
    assert refused.value.nearest == nearest
    assert (f"type `{nearest}`" if nearest else "such as `0.4.0`") in str(refused.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
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
def test_python_has_other_spellings_that_do_not_come_back_alike(text: str, nearest: str) -> None:
    with pytest.raises(VersionError) as refused:
        Version.from_pep440(text)

    assert refused.value.nearest == nearest


@example("0\x1b")
@given(LOOKALIKES | st.text(max_size=20))
def test_the_nearest_spelling_is_always_a_good_one(text: str) -> None:
    for read in (Version.parse, Version.from_pep440):
        refused = refusal_of(read, text)
        if refused:
            assert refused.reason
            assert str(refused).isprintable()
            assert refused.nearest is None or refusal_of(read, refused.nearest) is None


# What papermill makes of `-p version …`


def test_a_number_is_refused_with_the_parameter_that_passes_text() -> None:
    with pytest.raises(VersionError, match=r"`-r version 0\.4\.0`") as refused:
        Version.parse(0.4)

    assert refused.value.nearest == "0.4.0"


def test_a_number_may_have_lost_digits() -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse(1.10)

    assert "`-p version 1.10` arrives as the number 1.1" in str(refused.value)
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
def test_what_is_no_text_is_no_version(value: object, shown: str) -> None:
    with pytest.raises(VersionError, match="-r version ") as refused:
        Version.parse(value)

    assert refused.value.given == shown


def test_a_refusal_survives_being_sent_elsewhere() -> None:
    with pytest.raises(VersionError) as refused:
        Version.parse("v0.4.0")

    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
