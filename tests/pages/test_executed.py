"""No command of a page is shown and executed nowhere."""

from __future__ import annotations

import pytest

from . import test_programs, test_stories, test_symptoms  # noqa: F401 - the stories, which are told to the table
from .executed import ELSEWHERE, TOLD, asks_a_stranger, elsewhere, is_typed_here
from .reading import TYPED


def test_a_command_is_executed_by_a_story_or_where_the_table_says_or_asks_somebody_who_knows_its_user():
    assert {each.page for each in TYPED if is_typed_here(each)} == TOLD
    assert {each.line.split()[0] for each in TYPED if asks_a_stranger(each)} == {"gh", "cargo"}


@pytest.mark.parametrize("known", ELSEWHERE)
def test_where_the_table_says_that_a_command_is_executed_it_is(known):
    place = ELSEWHERE[known]
    assert [words for words in place.words if words not in place.source()] == []
    assert any(elsewhere(each) is place for each in TYPED), "no page has it any more"
