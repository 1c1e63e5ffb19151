"""Tests without a browser are skipped, and fail in continuous integration."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.notebook


@pytest.mark.parametrize(("ci", "outcome"), [(None, pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_missing_browser_skips_tests_and_fails_in_ci(find_browser, monkeypatch, ci, outcome):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome, match=r"google-chrome.*apt-get install chromium"):
        find_browser(None, ci)


def test_browser_from_the_variable(find_browser):
    assert find_browser(sys.executable, None) == sys.executable
    with pytest.raises(pytest.skip.Exception, match="no-such-browser"):
        find_browser("no-such-browser", None)
