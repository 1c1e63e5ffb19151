"""The release, one file per stage, in the order of the runbook."""

from __future__ import annotations

from binoc_runbook.stages.push_branch import PushBranchStage
from binoc_runbook.stages.push_tag import PushTagStage
from binoc_runbook.stages.remote import RemoteStage
from binoc_runbook.stages.stage import Command, Observation, Reach, Stage, State
from binoc_runbook.stages.surface import SurfaceStage
from binoc_runbook.stages.sync import SyncStage
from binoc_runbook.stages.tag import TagStage
from binoc_runbook.stages.target import Target
from binoc_runbook.stages.tests import TestsStage
from binoc_runbook.stages.tree import TreeStage
from binoc_runbook.stages.workflow import WorkflowStage

#: What is asked before the tests: cheap, and without side effects.
QUESTIONS: tuple[Stage, ...] = (TreeStage(), SurfaceStage(), SyncStage(), WorkflowStage(), RemoteStage())

#: What is observed once more at the line, because the tests took time and anything may have changed meanwhile.
AT_THE_LINE = ("tree", "sync", "remote")

#: What happens beyond the line.
ACTS: tuple[Stage, ...] = (PushBranchStage(), TagStage(), PushTagStage())

#: The whole release.
STAGES: tuple[Stage, ...] = (*QUESTIONS, TestsStage(), *ACTS)

__all__ = ["ACTS", "AT_THE_LINE", "QUESTIONS", "STAGES", "Command", "Observation", "Reach", "Stage", "State", "Target"]
