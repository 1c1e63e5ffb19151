"""The release, one file per stage, in the order of the runbook."""

from __future__ import annotations

from binoc_runbook.stages.push_branch import PushBranch
from binoc_runbook.stages.push_tag import PushTag
from binoc_runbook.stages.remote import Remote
from binoc_runbook.stages.stage import Command, Observation, Reach, Stage, State
from binoc_runbook.stages.surface import Surface
from binoc_runbook.stages.sync import Sync
from binoc_runbook.stages.tag import MakeTag
from binoc_runbook.stages.target import Target
from binoc_runbook.stages.tests import Tests
from binoc_runbook.stages.tree import Tree
from binoc_runbook.stages.workflow import Workflow

#: What is asked before the tests: cheap, and without side effects.
QUESTIONS: tuple[Stage, ...] = (Tree(), Surface(), Sync(), Workflow(), Remote())

#: What is observed once more at the line, because the tests took time and anything may have changed meanwhile.
AT_THE_LINE = ("tree", "sync", "remote")

#: What happens beyond the line.
ACTS: tuple[Stage, ...] = (PushBranch(), MakeTag(), PushTag())

#: The whole release.
STAGES: tuple[Stage, ...] = (*QUESTIONS, Tests(), *ACTS)

__all__ = ["ACTS", "AT_THE_LINE", "QUESTIONS", "STAGES", "Command", "Observation", "Reach", "Stage", "State", "Target"]
