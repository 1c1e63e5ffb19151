"""Contract of the publish workflow: its rules, each with the function that finds its violations."""

from __future__ import annotations

from binoc_runbook.checks.workflow.rules import (
    artifact_transfer,
    caches,
    credentials,
    installed_tools,
    order,
    publish_jobs,
    publishing,
    release_trigger,
    runners,
    used_actions,
)
from binoc_runbook.checks.workflow.rules.audit_reports import reported_defects
from binoc_runbook.checks.workflow.rules.rule import Rule

#: The rules of the contract, in the order of the parts of a workflow file.
RULES: tuple[Rule, ...] = (
    Rule("keys", release_trigger.keys_are_unique),
    Rule("trigger", release_trigger.only_tags_trigger),
    Rule("cache mode", caches.cache_mode_is_none),
    Rule("caches", caches.nothing_is_cached),
    Rule("concurrency", order.runs_are_not_cancelled),
    Rule("publish job", publish_jobs.every_artifact_has_a_publish_job),
    Rule("environment", publish_jobs.environments_are_those_of_the_policy),
    Rule("token", publish_jobs.only_publish_jobs_have_tokens),
    Rule("token alone", publish_jobs.publish_jobs_have_only_id_token),
    Rule("inline", publish_jobs.publish_jobs_are_in_this_file),
    Rule("elsewhere", publishing.other_files_do_not_publish),
    Rule("publish only", publishing.publish_jobs_only_publish),
    Rule("no verify", publishing.crates_are_not_compiled),
    Rule("locked", publishing.crates_are_locked),
    Rule("one crate", publishing.crates_are_published_one_by_one),
    Rule("crate order", order.crates_wait_for_their_dependencies),
    Rule("existing files", publishing.existing_files_are_not_skipped),
    Rule("attestations", publishing.files_are_attested),
    Rule("gate", order.publish_jobs_require_a_release_tag),
    Rule("needs", order.publish_jobs_wait_for_all_others),
    Rule("checks", order.one_job_runs_checks),
    Rule("rehearsal", order.rehearsal_variables_are_not_set),
    Rule("failures", order.failures_are_not_ignored),
    Rule("secrets", credentials.no_secret_is_read),
    Rule("credentials", credentials.no_credential_is_stored),
    Rule("checkouts", credentials.checkouts_keep_no_token),
    Rule("artifact names", artifact_transfer.names_are_unique),
    Rule("artifact patterns", artifact_transfer.patterns_are_disjoint),
    Rule("uploads", artifact_transfer.uploads_are_dists),
    Rule("empty uploads", artifact_transfer.uploads_are_not_empty),
    Rule("pins", used_actions.actions_are_pinned),
    Rule("downloads", used_actions.nothing_is_piped_into_shells),
    Rule("pin comments", used_actions.comments_match_commits),
    Rule("known pins", used_actions.commits_are_known, "warning"),
    Rule("runners", runners.runners_are_pinned),
    Rule("toolchain", runners.toolchain_is_pinned, "warning"),
    Rule("known runners", runners.runners_are_known, "warning"),
    Rule("action inputs", used_actions.inputs_are_known, "warning"),
    Rule("tools", installed_tools.tools_are_installed),
    Rule("recipes", publishing.commands_are_recipes, "warning"),
    Rule("time limit", order.jobs_have_timeouts),
    Rule("zizmor", reported_defects),
)
