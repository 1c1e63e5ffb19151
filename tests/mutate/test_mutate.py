"""A sample of the mutations of the publish workflow, and the justifications of those that survive."""

from __future__ import annotations

import random
import tomllib

import pytest

from .operators import OPERATORS, Mutation, mutations
from .score import JUSTIFIED, SCORE, Checker, justification

#: The findings about mutations are not examples of messages, so they are not recorded.
pytestmark = pytest.mark.race

SAMPLE = 40


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


@pytest.fixture(scope="module")
def every(checker: Checker) -> list[Mutation]:
    return list(mutations(checker.text))


def test_no_mutation_of_a_sample_survives(checker: Checker, every: list[Mutation]) -> None:
    sample = random.Random(1).sample(every, SAMPLE)

    missed = [mutation for mutation in sample if checker.catches(mutation.text) is False]
    assert [mutation.name for mutation in missed if not justification(mutation)] == []


def test_each_operator_changes_the_workflow(every: list[Mutation]) -> None:
    assert {mutation.operator for mutation in every} == OPERATORS.keys()


def test_each_justification_matches_a_mutation(every: list[Mutation]) -> None:
    reasons = {justification(mutation) for mutation in every}

    entries = tomllib.loads(JUSTIFIED.read_text("utf-8"))["justified"]

    assert [entry["pattern"] for entry in entries if entry["why"] not in reasons] == []


def test_score_has_no_missed_mutation() -> None:
    scores = tomllib.loads(SCORE.read_text("utf-8"))

    assert scores.keys() == OPERATORS.keys()
    assert all(counts["tried"] and not counts["missed"] for counts in scores.values())
