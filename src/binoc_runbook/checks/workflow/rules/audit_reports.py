"""Rule about the reports of zizmor."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def reported_defects(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Attackers exploit such problems, as at ultralytics in 2024."""
    for report in workflow.audit.reports if workflow.audit else ():
        if report.counts:
            yield Place(workflow.file, report.line), f"{report.audit}: {report.saw}", f"fix it as in {report.page}"
