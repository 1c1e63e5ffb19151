"""The stages of a release, one module for each, in the order of the runbook."""

from __future__ import annotations

from binoc_runbook.stages.push_branch import PushBranchStage
from binoc_runbook.stages.push_tag import PushTagStage
from binoc_runbook.stages.remote import RemoteStage
from binoc_runbook.stages.stage import (
    Command,
    Observation,
    Reach,
    RemoteObservingStage,
    Stage,
    State,
    observe_together,
)
from binoc_runbook.stages.surface import SurfaceStage
from binoc_runbook.stages.sync import SyncStage
from binoc_runbook.stages.tag import TagStage
from binoc_runbook.stages.target import Target
from binoc_runbook.stages.tests import TestsStage
from binoc_runbook.stages.tree import TreeStage
from binoc_runbook.stages.workflow import WorkflowStage

#: The stages before the tests: fast, and without side effects.
CHECK_STAGES: tuple[Stage, ...] = (TreeStage(), SurfaceStage(), SyncStage(), WorkflowStage(), RemoteStage())

#: The stages that are checked again at the point of no return, because the tests take time.
RECHECKED = ("tree", "sync", "remote")

#: The stages after the point of no return.
ACTION_STAGES: tuple[RemoteObservingStage, ...] = (PushBranchStage(), TagStage(), PushTagStage())

#: All stages of a release.
STAGES: tuple[Stage, ...] = (*CHECK_STAGES, TestsStage(), *ACTION_STAGES)

__all__ = [
    "ACTION_STAGES",
    "CHECK_STAGES",
    "RECHECKED",
    "STAGES",
    "Command",
    "Observation",
    "Reach",
    "Stage",
    "State",
    "Target",
    "observe_together",
]
