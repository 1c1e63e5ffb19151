"""Check of the publish workflow against the contract of trusted publishing.

PyPI and crates.io trust a repository, a file name and an environment; neither looks at the tag, the trigger or what
else holds a token. So what may start a publication, and what must be true before it, is promised by the workflow file
alone. It is read here as data, together with the policy, and each rule compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.checks.workflow.model import FOLDER, WorkflowError, WorkflowFile
from binoc_runbook.checks.workflow.rules import RULES
from binoc_runbook.checks.workflow.rules.audit_reports import reported_defects
from binoc_runbook.checks.workflow.rules.publish_jobs import in_environment
from binoc_runbook.checks.workflow.rules.rule import Rule
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy

__all__ = ["RULES", "WorkflowFile", "workflow"]

CHECK = "workflow"


def workflow(
    root: Path, policy: Policy, rules: Sequence[Rule] = RULES, audit: Audit | None = None, *, strict: bool = False
) -> Findings:
    """Compare the publish workflow of the checkout at `root` with the policy, rule by rule.

    `audit` is the observation of `world.zizmor`; without one its rule is not checked. One finding for each rule that is
    broken, with the line, the reason and the edit; a single `ok` otherwise. One more if the audit could not be made: a
    warning where the pinned zizmor is missing, and unknown if `strict`.
    """
    if not policy.declared:
        saw = "no promise is declared, so nothing can be asked of the publish workflow"
        return Findings([Finding.warning(CHECK, policy.source, saw, "declare one: [tool.binoc-runbook]")])
    file = f"{FOLDER}/{policy.workflow}"
    try:
        read = replace(WorkflowFile.read(root, file), audit=audit)
    except WorkflowError as error:
        return Findings([Finding.failed(CHECK, error.place, error.saw, error.remedy)])
    broken = [
        Finding(CHECK, rule.status, str(place), f"{rule.name}: {saw}; {rule.why}", edit)
        for rule in rules
        for place, saw, edit in rule.violations(read, policy)
    ]
    problems = audit.problems(CHECK, file, strict=strict) if audit else []
    return Findings([*(broken or [Finding.ok(CHECK, file, _summary(read, policy, rules))]), *problems])


def _summary(workflow: WorkflowFile, policy: Policy, rules: Sequence[Rule]) -> str:
    published = ", ".join(
        f"`{artifact.name}` by `{job.id}`{in_environment(artifact)}" for artifact, job in workflow.publishers(policy)
    )
    events = " and ".join(f"`{event}`" for event in workflow.events)
    audited = workflow.audit is not None and workflow.audit.complete
    sizes = f"{len(workflow.jobs)} jobs, {len(workflow.used_actions)} pinned actions"
    return (
        f"started by {events}; {sizes}; publishes {published or 'nothing'}; "
        f"asked for {', '.join(rule.name for rule in rules if audited or rule.violations is not reported_defects)}"
    )
