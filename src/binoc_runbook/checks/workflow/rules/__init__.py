"""The contract: one promise a row. Each yields, for what breaks it, the place, what is there, and the edit."""

from __future__ import annotations

from binoc_runbook.checks.workflow.rules import (
    artifact_transfer,
    caches,
    credentials,
    inputs,
    order,
    pinning,
    publish_jobs,
    publishing,
    recipes,
    release_trigger,
    runners,
)
from binoc_runbook.checks.workflow.rules.audit_reports import reported_defects
from binoc_runbook.checks.workflow.rules.rule import Rule

__all__ = ["RULES"]

#: The contract, in the order in which a reader of the file meets what it is about.
RULES: tuple[Rule, ...] = (
    Rule("keys", "GitHub refuses the file, and the tag starts nothing", release_trigger.keys_are_unique),
    Rule("trigger", "a release starts by the push of its tag, and by nothing else", release_trigger.only_tags_trigger),
    Rule(
        "cache mode",
        "what an earlier run left in a cache would be built into the release, as at TanStack in 2026",
        caches.caches_are_off,
    ),
    Rule(
        "caches",
        "whoever can write to a cache writes into the release, as at ultralytics in 2024",
        caches.nothing_is_cached,
    ),
    Rule(
        "concurrency",
        "a publication that is cut off, or overtaken by its double, leaves a release half out",
        order.runs_are_not_cut_off,
    ),
    Rule(
        "publish job",
        "what is promised and what is published must be the same",
        publish_jobs.every_artifact_has_its_job,
    ),
    Rule(
        "environment",
        "the registry trusts one environment for each artifact, and reviewers and a tag rule guard it",
        publish_jobs.environments_are_declared,
    ),
    Rule(
        "token",
        "whatever runs in a job with a token can publish, and nothing can without; TanStack's was taken from a build",
        publish_jobs.tokens_are_with_publishers,
    ),
    Rule("token alone", "publishing needs nothing else, and a thief would have it too", publish_jobs.tokens_are_alone),
    Rule(
        "inline",
        "PyPI matches the called file and crates.io the calling one, so only one file can satisfy both",
        publish_jobs.publishers_are_inline,
    ),
    Rule(
        "elsewhere",
        "what is published by another file is seen by nobody who reads this one",
        publishing.nothing_is_published_elsewhere,
    ),
    Rule(
        "publish only",
        "code that runs beside the token can take it, as at TanStack in 2026",
        publishing.publishers_only_publish,
    ),
    Rule(
        "no verify",
        "code that is compiled beside the token can take it, as at TanStack in 2026",
        publishing.crates_are_not_compiled,
    ),
    Rule(
        "locked",
        "what nobody has tested would be published, with a dependency that was taken over an hour ago",
        publishing.crates_are_locked,
    ),
    Rule(
        "existing files",
        "other bytes that are there already would pass for this release",
        publishing.nothing_is_skipped,
    ),
    Rule(
        "attestations",
        "without them nobody can tell a release from what a thief uploads, as at lottie-player in 2024",
        publishing.files_are_attested,
    ),
    Rule("gate", "a run started by hand from a branch would publish what no tag names", order.publishers_are_gated),
    Rule(
        "needs", "what is published cannot be taken back, so every build and check comes first", order.publishers_wait
    ),
    Rule("checks", "what is published cannot be taken back", order.something_is_checked),
    Rule("rehearsal", "what a rehearsal cannot build is not missed there", order.nothing_passes_for_a_rehearsal),
    Rule("failures", "what failed would be published as if it had passed", order.failures_count),
    Rule(
        "secrets",
        "a stored credential can be stolen and used elsewhere, as at lottie-player in 2024",
        credentials.nothing_is_secret,
    ),
    Rule(
        "credentials",
        "whatever its name, a stored credential can be stolen, as by GhostAction in 2025",
        credentials.no_credential_is_stored,
    ),
    Rule(
        "checkouts",
        "every later step, and whatever is uploaded, would have the token",
        credentials.checkouts_keep_nothing,
    ),
    Rule("artifact names", "one would be refused, or take the place of the other", artifact_transfer.names_are_unique),
    Rule(
        "artifact patterns",
        "one project would be published with the files of the other, as `binoc-*` also matches `binoc-sqlite-*`",
        artifact_transfer.patterns_are_disjoint,
    ),
    Rule(
        "uploads",
        "only what was built and inspected may be published; a checkout can hold credentials",
        artifact_transfer.uploads_are_built,
    ),
    Rule("empty uploads", "a release without its wheels would be published", artifact_transfer.uploads_are_not_empty),
    Rule("pins", "a tag can be moved to other code, as those of tj-actions were in 2025", pinning.actions_are_pinned),
    Rule(
        "downloads",
        "what a server hands out can change overnight, as codecov's uploader did in 2021",
        pinning.nothing_is_piped_into_shells,
    ),
    Rule(
        "pin comments",
        "reviewers read the comment, and the commit is what runs",
        pinning.comments_are_true,
    ),
    Rule(
        "known pins",
        "a commit of a fork looks the same, and runs as if it were the action's",
        pinning.commits_are_known,
        "warning",
    ),
    Rule(
        "runners",
        "a label that nothing answers to holds the release up, and one that moves changes what is built",
        runners.runners_are_fixed,
    ),
    Rule(
        "toolchain",
        "the compiler would be whichever the image has that day, and nobody could build the same bytes again",
        runners.the_toolchain_is_fixed,
        "warning",
    ),
    Rule(
        "known runners", "a job that nothing takes holds the release up for a day", runners.runners_are_known, "warning"
    ),
    Rule(
        "action inputs",
        "an action leaves out what it does not know, and does something else than is written here",
        inputs.inputs_are_spelt_right,
        "warning",
    ),
    Rule(
        "recipes",
        "what only the workflow can run cannot be tried before the tag is pushed",
        recipes.scripts_are_recipes,
        "warning",
    ),
    Rule("time limit", "a hanging job would hold the release and its approval open", order.jobs_end),
    Rule("zizmor", "attackers use what linters know, as they did at ultralytics in 2024", reported_defects),
)
