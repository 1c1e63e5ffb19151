"""How a verification is opened: what it takes for its parameters, and what it compares with."""

from __future__ import annotations

import pytest

from binoc_runbook import start_verification
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import parse_verification_parameters


@pytest.mark.parametrize(
    ("given", "saw"),
    [
        ({"version": 0.4}, "0.4"),
        ({"version": "v0.4.0"}, "v0.4.0"),
        ({"sums": ""}, "must be the path of a file"),
        ({"sums": 3}, "must be the path of a file"),
        ({"timeout": "long"}, "must be a number of seconds"),
        ({"timeout": True}, "must be a number of seconds"),
        ({"timeout": -1}, "must be a number of seconds"),
        ({"timeout": float("nan")}, "must be a number of seconds"),
        ({"world": "real"}, "while tests run, no world but the rehearsal is allowed"),
        ({"world": "moon"}, "there are two worlds"),
        ({"injected": ["verison"]}, "this runbook has no such parameter"),
        ({"injected": ["patience"]}, "`patience` is now `timeout`"),
    ],
)
def test_a_parameter_that_is_not_exactly_right_is_refused(given, saw):
    right = {"version": "0.4.0", "sums": None, "timeout": 0, "world": "rehearsal"}
    parse_verification_parameters(**right)
    with pytest.raises(RefusedError, match=saw):
        parse_verification_parameters(**right | given)


@pytest.mark.rehearsal
def test_nothing_can_be_verified_in_a_rehearsal_that_publishes_nothing(checkout, monkeypatch):
    monkeypatch.chdir(checkout.root)
    with pytest.raises(RefusedError, match=r"the rehearsal could not publish 0\.4\.0"):
        start_verification("0.4.0", world="rehearsal")


@pytest.mark.parametrize(
    ("text", "given", "compared"),
    [
        (f"{'a' * 64}  demo-0.4.0.tar.gz\n", None, 1),
        (f"{'a' * 64}  demo-0.3.0.tar.gz\n", None, 0),
        (f"{'a' * 64}  demo-0.3.0.tar.gz\n", "dist/SHA256SUMS", 1),
        (None, None, 0),
    ],
)
def test_the_last_build_is_compared_with_if_it_is_of_this_version(checkout, monkeypatch, text, given, compared):
    opened(checkout, monkeypatch)
    if text is not None:
        checkout.write("dist/SHA256SUMS", text)
    assert len(start_verification("0.4.0", sums=given, world="real").sums) == compared


@pytest.mark.parametrize(("given", "saw"), [("elsewhere", "No such file"), ("CHANGELOG.md", "line 1 is not a digest")])
def test_sums_that_cannot_be_read_are_refused(checkout, monkeypatch, given, saw):
    opened(checkout, monkeypatch)
    with pytest.raises(RefusedError, match=saw):
        start_verification("0.4.0", sums=given, world="real")


def opened(checkout, monkeypatch) -> None:
    """Open the checkout itself, which tests may not; nobody is asked before the first chapter."""
    monkeypatch.chdir(checkout.root)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
