"""The contract: one promise a row. Each yields, for what breaks it, the place, what is there, and the edit."""

from __future__ import annotations

from binoc_runbook.checks.workflow.rules import (
    artifact_transfer,
    caches,
    credentials,
    order,
    publish_jobs,
    publishing,
    release_trigger,
    runners,
    used_actions,
)
from binoc_runbook.checks.workflow.rules.audit_reports import reported_defects
from binoc_runbook.checks.workflow.rules.rule import Rule

#: The contract, in the order in which a reader of the file meets what it is about.
RULES: tuple[Rule, ...] = (
    Rule("keys", release_trigger.keys_are_unique),
    Rule("trigger", release_trigger.only_tags_trigger),
    Rule("cache mode", caches.caches_are_off),
    Rule("caches", caches.nothing_is_cached),
    Rule("concurrency", order.runs_are_not_cut_off),
    Rule("publish job", publish_jobs.every_artifact_has_its_job),
    Rule("environment", publish_jobs.environments_are_declared),
    Rule("token", publish_jobs.tokens_are_with_publishers),
    Rule("token alone", publish_jobs.tokens_are_alone),
    Rule("inline", publish_jobs.publishers_are_inline),
    Rule("elsewhere", publishing.nothing_is_published_elsewhere),
    Rule("publish only", publishing.publishers_only_publish),
    Rule("no verify", publishing.crates_are_not_compiled),
    Rule("locked", publishing.crates_are_locked),
    Rule("existing files", publishing.nothing_is_skipped),
    Rule("attestations", publishing.files_are_attested),
    Rule("gate", order.publishers_are_gated),
    Rule("needs", order.publishers_wait),
    Rule("checks", order.something_is_checked),
    Rule("rehearsal", order.nothing_passes_for_a_rehearsal),
    Rule("failures", order.failures_count),
    Rule("secrets", credentials.nothing_is_secret),
    Rule("credentials", credentials.no_credential_is_stored),
    Rule("checkouts", credentials.checkouts_keep_nothing),
    Rule("artifact names", artifact_transfer.names_are_unique),
    Rule("artifact patterns", artifact_transfer.patterns_are_disjoint),
    Rule("uploads", artifact_transfer.uploads_are_built),
    Rule("empty uploads", artifact_transfer.uploads_are_not_empty),
    Rule("pins", used_actions.actions_are_pinned),
    Rule("downloads", used_actions.nothing_is_piped_into_shells),
    Rule("pin comments", used_actions.comments_are_true),
    Rule("known pins", used_actions.commits_are_known, "warning"),
    Rule("runners", runners.runners_are_fixed),
    Rule("toolchain", runners.the_toolchain_is_fixed, "warning"),
    Rule("known runners", runners.runners_are_known, "warning"),
    Rule("action inputs", used_actions.inputs_are_spelt_right, "warning"),
    Rule("recipes", publishing.scripts_are_recipes, "warning"),
    Rule("time limit", order.jobs_end),
    Rule("zizmor", reported_defects),
)
