"""Rules about caches: no build uses files of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def cache_mode_is_none(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Cached files of an earlier run could become part of the release, as at TanStack in 2026."""
    edit = "write `cache-mode: none` at the top level"
    top_level = workflow.root.get("cache-mode")
    if top_level and top_level.text != "none":
        yield top_level.place, f"`cache-mode: {top_level.text}` allows runs to share a cache", edit
    inline = [job for job in workflow.jobs if not job.is_reusable]
    modes = [(job, job.node.get("cache-mode")) for job in inline]
    if top_level is None and not (modes and all(mode for _, mode in modes)):
        yield Place(workflow.file), "`cache-mode` is not set, so jobs can use a cache", edit
    for job, mode in modes:
        if mode and mode.text != "none":
            yield mode.place, f"`cache-mode: {mode.text}` allows `{job.id}` to use a cache", "write `cache-mode: none`"


_CACHING = (
    *("actions/cache", "actions/cache/restore", "actions/cache/save", "swatinem/rust-cache"),
    "mozilla-actions/sccache-action",
)
_INPUTS = ("cache", "enable-cache", "sccache", "package-manager-cache", "cache-from", "cache-to")
#: Actions that use a cache by default, and the input that turns it off.
_DEFAULT_CACHING = {
    "astral-sh/setup-uv": "enable-cache",
    "actions/setup-go": "cache",
    "actions-rust-lang/setup-rust-toolchain": "cache",
}


def nothing_is_cached(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A user who can write to a cache can change the release, as at ultralytics in 2024."""
    variables = [variable for job in workflow.all_jobs for variable in job.variables]
    for key, value in [*workflow.root.items("env"), *variables]:
        if key.text == "SCCACHE_GHA_ENABLED" and value.text.lower() not in ("", "false", "off", "0"):
            yield key.place, f"`{key.text}` turns on a cache of compilers", f"delete `{key.text}`"
    for job, step in workflow.steps:
        action, used = action_of(step), step.get("uses")
        if used and action in _CACHING:
            yield used.place, f"`{job.id}` uses a cache with `{action}`", "delete the step"
        for name in _INPUTS:
            setting = step.get("with", name)
            if setting and setting.text.lower() not in ("", "false"):
                edit = f"write `{name}: false`" if setting.text.lower() in ("true", "auto") else f"delete `{name}`"
                yield setting.place, f"`{job.id}` uses a cache with `{name}: {setting.text}`", edit
        switch = _DEFAULT_CACHING.get(action)
        if used and switch and step.get("with", switch) is None:
            yield used.place, f"`{action}` uses a cache by default", f"write `{switch}: false`"
