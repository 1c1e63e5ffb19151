"""The contract: one promise a row. Each yields, for what breaks it, the place, what is there, and the edit."""

from __future__ import annotations

from binoc_runbook.checks.workflow.rules import actions, credentials, order, rights, triggers
from binoc_runbook.checks.workflow.rules.rule import Rule

__all__ = ["RULES"]

#: The contract, in the order in which a reader of the file meets what it is about.
RULES: tuple[Rule, ...] = (
    Rule("keys", "GitHub refuses the file, and the tag starts nothing", triggers.keys_are_unique),
    Rule(
        "untrusted trigger",
        "what strangers send would run with this repository's rights, as it did at ultralytics in 2024",
        triggers.triggers_are_trusted,
    ),
    Rule("trigger", "a release starts by the push of its tag, and by nothing else", triggers.only_tags_trigger),
    Rule("permissions", "a job should have what it says it needs, and no more", rights.nothing_is_permitted_on_top),
    Rule(
        "concurrency",
        "a publication that is cut off, or overtaken by its double, leaves a release half out",
        order.runs_are_not_cut_off,
    ),
    Rule("publish job", "what is promised and what is published must be the same", rights.every_artifact_has_its_job),
    Rule(
        "environment",
        "the registry trusts one environment for each artifact, and reviewers and a tag rule guard it",
        rights.environments_are_declared,
    ),
    Rule(
        "token",
        "whatever runs in a job with a token can publish, and nothing can without; TanStack's was taken from a build",
        rights.tokens_are_with_publishers,
    ),
    Rule("token alone", "publishing needs nothing else, and a thief would have it too", rights.tokens_are_alone),
    Rule(
        "inline",
        "PyPI matches the called file and crates.io the calling one, so only one file can satisfy both",
        rights.publishers_are_inline,
    ),
    Rule("gate", "a run started by hand from a branch would publish what no tag names", order.publishers_are_gated),
    Rule(
        "needs", "what is published cannot be taken back, so every build and check comes first", order.publishers_wait
    ),
    Rule("checks", "what is published cannot be taken back", order.something_is_checked),
    Rule("failures", "what failed would be published as if it had passed", order.failures_count),
    Rule(
        "secrets",
        "a stored credential can be stolen and used elsewhere, as at lottie-player in 2024",
        credentials.nothing_is_secret,
    ),
    Rule("pins", "a tag can be moved to other code, as those of tj-actions were in 2025", actions.actions_are_pinned),
    Rule("time limit", "a hanging job would hold the release and its approval open", order.jobs_end),
)
