"""Events of a run: a stage in a few words, and each problem once."""

from __future__ import annotations

import pytest

from binoc_runbook.display import events, text
from binoc_runbook.environ import VERBOSITY
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.release.record import StageRun
from binoc_runbook.stages import STAGES, Command, Observation

OK = Finding.ok("tree", "HEAD", "on the release branch `main`")
FAILED = Finding.failed("tree", "git status", "1 file changed", "git stash")
LATER = Finding.unknown("tree", "git status", "git did not answer", "git status")
PUSH = Command(("git", "push"), "`main` moves forward")


def run_of(name, *findings, state="done", **facts):
    stage = next(stage for stage in STAGES if stage.name == name)
    return StageRun(stage, Observation(state, Findings(findings)), **facts)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (run_of("tree", OK, OK), OK.saw),
        (run_of("tree", OK, FAILED, state="blocked"), "1 failed of 2 checks"),
        (run_of("tree", LATER, state="unknown"), "1 unknown of 1 check"),
        (run_of("push-branch", OK, commands=(PUSH,), acted=True), PUSH.effect),
        (run_of("push-branch", OK, state="ready", commands=(PUSH,)), f"skipped; effect: {PUSH.effect}"),
    ],
)
def test_stage_is_described_in_a_few_words(run, words):
    event = events.stage_ended(run, Findings())
    assert (event["name"], event["state"], event["result"]) == (run.stage.name, run.state, words)


def test_interrupted_action_is_not_ready():
    run = run_of("tests", OK, state="ready", problems=Findings([FAILED]))
    assert events.stage_ended(run, Findings())["state"] == "blocked"


def test_findings_that_are_ok_are_shown_on_request(monkeypatch):
    findings = Findings([OK, FAILED])
    assert events.attention(findings) == (FAILED,)
    monkeypatch.setenv(VERBOSITY, "1")
    assert events.attention(findings) == findings


def test_point_of_no_return_has_only_new_problems():
    run = run_of("tree", FAILED, state="blocked")
    run.after = Observation("blocked", Findings([FAILED, LATER]))
    event = events.boundary([run])
    assert event["stopped"] == ["tree"]
    assert event["findings"] == [LATER.to_json()]
    assert text.new_problems([run]) == (LATER,)
