"""Check of the publish workflow against the contract of trusted publishing.

PyPI and crates.io trust a repository, a file name and an environment. They do not check the tag, the trigger or other
jobs with a token. Only the workflow file determines what starts a publication and what is checked before it. This
package reads the file as data; each rule compares it with the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.checks.workflow.model import WORKFLOWS, RepositoryFacts, WorkflowError, WorkflowFile
from binoc_runbook.checks.workflow.rules import RULES
from binoc_runbook.checks.workflow.rules.audit_reports import reported_defects
from binoc_runbook.checks.workflow.rules.publish_jobs import in_environment
from binoc_runbook.checks.workflow.rules.rule import Rule
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import Policy

__all__ = ["RULES", "WorkflowFile", "workflow"]

CHECK = "workflow"


def workflow(
    root: Path,
    policy: Policy,
    rules: Sequence[Rule] = RULES,
    audit: Audit | None = None,
    repository: RepositoryFacts | None = None,
    *,
    strict: bool = False,
    lists_rules: bool = False,
) -> Findings:
    """Compare the publish workflow of the checkout at `root` with the policy, rule by rule.

    `audit` is the observation of `world.zizmor`; without one, its rule is not checked. Without `repository`, all files
    of the checkout count as files of the repository, and the dependencies of crates are unknown. Return one finding for
    each violation, with the line, the reason and the edit, or a single `ok`, which names the rules if only some were
    selected; with `lists_rules`, one more describes the workflow and has the names of all rules. If the audit failed,
    there is one more finding: a warning if the pinned zizmor is missing, and unknown if `strict`.
    """
    if not policy.declared:
        saw = "no policy is declared, so the publish workflow was not checked"
        return Findings([Finding.warning(CHECK, policy.source, saw, "declare a policy: [tool.binoc-runbook]")])
    file = f"{WORKFLOWS}/{policy.workflow}"
    try:
        read = replace(WorkflowFile.read(root, file), audit=audit, repository=repository or RepositoryFacts())
    except WorkflowError as error:
        return Findings([Finding.failed(CHECK, error.place, error.saw, error.remedy)])
    broken = list(findings_of(read, policy, rules))
    problems = audit.problems(CHECK, file, strict=strict) if audit else []
    if broken:
        return Findings([*broken, *problems])
    audited = audit is not None and audit.complete
    passed = [rule for rule in rules if audited or rule.violations is not reported_defects]
    summary = f"{len(passed)} {'rule' if len(passed) == 1 else 'rules'} passed"
    if rules is not RULES:
        summary += f": {', '.join(rule.name for rule in passed)}"
    lines = [summary, *([_description(read, policy, passed)] if lists_rules else [])]
    return Findings([*(Finding.ok(CHECK, file, line) for line in lines), *problems])


def findings_of(read: WorkflowFile, policy: Policy, rules: Iterable[Rule] = RULES) -> Iterator[Finding]:
    """Yield the violations of rules, one rule after the other.

    The rule `contract` reports only places that no rule before it has reported, because the others are more specific.
    """
    reported = set[Place]()
    for rule in rules:
        for place, saw, edit in rule.violations(read, policy):
            if rule.name != "contract" or place not in reported:
                yield Finding(CHECK, rule.status, str(place), f"{rule.name}: {saw}; {rule.why}", edit)
            if rule.status == "failed":
                reported.add(place)


def _description(workflow: WorkflowFile, policy: Policy, rules: Sequence[Rule]) -> str:
    """Return what the workflow does, and the names of the rules that it satisfies."""
    published = ", ".join(
        f"`{artifact.name}` by `{job.id}`{in_environment(artifact)}" for artifact, job in workflow.publishers(policy)
    )
    events = " and ".join(f"`{event}`" for event in workflow.events)
    sizes = f"{len(workflow.jobs)} jobs, {len(workflow.used_actions)} pinned actions"
    return (
        f"started by {events}; {sizes}; publishes {published or 'nothing'}; "
        f"checked rules: {', '.join(rule.name for rule in rules)}"
    )
