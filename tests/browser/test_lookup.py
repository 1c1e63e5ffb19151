"""Where there is no browser, its tests say so: they are skipped, and fail where continuous integration runs."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.notebook


@pytest.mark.parametrize(("ci", "outcome"), [(None, pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_browser_its_tests_are_skipped_and_fail_in_continuous_integration(look_for, monkeypatch, ci, outcome):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome, match=r"looked for chromium, .*google-chrome.* on PATH.*: apt-get install chromium"):
        look_for(None, ci)


def test_a_browser_can_be_named(look_for):
    assert look_for(sys.executable, None) == sys.executable
    with pytest.raises(pytest.skip.Exception, match="looked for `no-such-browser`, which CHROMIUM names"):
        look_for("no-such-browser", None)
