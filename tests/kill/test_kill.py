"""Tests of commands that are killed before, during and after their actions; `just test-kill` runs more cases."""

from __future__ import annotations

import sys

import pytest

from .cases import KINDS, choose
from .checks import run_case

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc"),
]


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_same_command_finishes_a_killed_one(seed, tmp_path):
    run_case(choose(seed), tmp_path)
