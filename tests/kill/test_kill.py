"""Tests of commands that are killed before, during and after their actions; `just test-kill` runs more cases."""

from __future__ import annotations

import sys

import pytest

from .cases import KINDS, choose
from .checks import run_case

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.usefixtures("fast_uv"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]


#: The first of consecutive seeds, one of each kind. They contain an interruption after the tag has arrived, and before
#: the release gets the answer.
FIRST = 8789


@pytest.mark.parametrize("seed", range(FIRST, FIRST + len(KINDS)))
def test_same_command_finishes_a_killed_one(seed, tmp_path):
    run_case(choose(seed), tmp_path)
