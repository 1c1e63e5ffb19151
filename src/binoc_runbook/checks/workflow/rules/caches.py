"""What a build could take from an earlier run."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def caches_are_off(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What an earlier run left in a cache would be built into the release, as at TanStack in 2026."""
    edit = "write `cache-mode: none` on top"
    on_top = workflow.root.get("cache-mode")
    if on_top and on_top.text != "none":
        yield on_top.place, f"`cache-mode: {on_top.text}` lets runs share a cache", edit
    inline = [job for job in workflow.jobs if not job.is_reusable]
    modes = [(job, job.node.get("cache-mode")) for job in inline]
    if on_top is None and not (modes and all(modes[1] for modes in modes)):
        yield Place(workflow.file), "no `cache-mode` keeps the jobs from the cache", edit
    for job, mode in modes:
        if mode and mode.text != "none":
            yield mode.place, f"`cache-mode: {mode.text}` lets `{job.id}` use a cache", "write `cache-mode: none`"


_CACHING = (
    *("actions/cache", "actions/cache/restore", "actions/cache/save", "swatinem/rust-cache"),
    "mozilla-actions/sccache-action",
)
_INPUTS = ("cache", "enable-cache", "sccache", "package-manager-cache", "cache-from", "cache-to")
#: Actions that cache unless they are told not to, and the input that tells them.
_UNASKED = {
    "astral-sh/setup-uv": "enable-cache",
    "actions/setup-go": "cache",
    "actions-rust-lang/setup-rust-toolchain": "cache",
}


def nothing_is_cached(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Whoever can write to a cache writes into the release, as at ultralytics in 2024."""
    variables = [variable for job in workflow.all_jobs for variable in job.variables]
    for key, value in [*workflow.root.items("env"), *variables]:
        if key.text == "SCCACHE_GHA_ENABLED" and value.text.lower() not in ("", "false", "off", "0"):
            yield key.place, f"`{key.text}` lets compilers use a cache", f"delete `{key.text}`"
    for job, step in workflow.steps:
        action, used = action_of(step), step.get("uses")
        if used and action in _CACHING:
            yield used.place, f"`{job.id}` uses a cache, by `{action}`", "delete the step"
        for name in _INPUTS:
            given = step.get("with", name)
            if given and given.text.lower() not in ("", "false"):
                edit = f"write `{name}: false`" if given.text.lower() in ("true", "auto") else f"delete `{name}`"
                yield given.place, f"`{job.id}` uses a cache: `{name}: {given.text}`", edit
        unasked = _UNASKED.get(action)
        if used and unasked and step.get("with", unasked) is None:
            yield used.place, f"`{action}` uses a cache unless it is told not to", f"write `{unasked}: false`"
