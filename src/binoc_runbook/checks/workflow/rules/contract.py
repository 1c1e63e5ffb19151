"""Rules about the jobs of the contract: they exist, are equal to their entries, and build for all platforms."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.grammar import PAGE, Grammar, contract, platforms_of, target_of
from binoc_runbook.checks.workflow.known import LIVE_RUNNERS
from binoc_runbook.checks.workflow.matrix import entries
from binoc_runbook.checks.workflow.model import CONTRACT_JOBS, Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def jobs_match_the_contract(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """All code of such a job can publish, sign or write, as at TanStack in 2026; only reviewed steps are accepted."""
    grammar = Grammar(policy, workflow.jobs)
    for job, key, artifact in workflow.entries(policy):
        if difference := grammar.compare(job, key, artifact):
            yield difference.place, difference.saw, difference.edit


def required_jobs_exist(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Without one of them, files are published that were not rebuilt, checked, signed or verified."""
    parts, ids = Grammar(policy, workflow.jobs).parts, {job.id for job in workflow.jobs}
    jobs = contract().jobs
    wanted = [name for name in CONTRACT_JOBS if parts.get(jobs[name].get("when", ""), True) and name not in ids]
    if "workflow_dispatch" not in workflow.events:
        wanted = [name for name in wanted if name != "fetch-dists"]
    if wanted:
        names = ", ".join(f"`{name}`" for name in wanted)
        edit = f"write {'it' if len(wanted) == 1 else 'them'} as in {PAGE}"
        yield Place(workflow.file), f"the workflow has no job {names}", edit


#: How the labels of runners and the names of platforms begin.
_SYSTEMS = {"manylinux": "ubuntu", "musllinux": "ubuntu", "macosx": "macos", "win": "windows"}


def platforms_are_those_of_the_policy(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Users of a platform without a wheel would compile the package, or could not install it."""
    declared = platforms_of(policy)
    job = next((job for job in workflow.jobs if job.id == "wheels"), None)
    if job is None or not declared:
        return
    matrix = job.node.get("strategy", "matrix")
    place = (matrix or job.key).place
    built = entries(job)
    names = [entry["platform"].text if "platform" in entry else "" for entry in built]
    if missing := [platform for platform in declared if platform not in names]:
        saw = f"`{job.id}` does not build for {', '.join(f'`{platform}`' for platform in missing)}"
        yield place, saw, f"write an entry of the matrix with `platform: {missing[0]}`"
    for key, _ in matrix.items() if matrix else ():
        if key.text != "include":
            yield (
                key.place,
                f"the matrix of `{job.id}` has `{key.text}`",
                "write only `include`, with an entry for each platform",
            )
    for name, entry in zip(names, built, strict=True):
        if name not in declared or names.count(name) > 1:
            reason = "which the policy does not declare" if name not in declared else "more than once"
            yield place, f"`{job.id}` builds for `{name}`, {reason}", f"delete the entry with `{name}`"
        else:
            yield from _entry(name, entry)


#: A runner for each system and processor.
_RUNNERS = ("ubuntu-24.04", "ubuntu-24.04-arm", "macos-15-intel", "macos-15", "windows-2025")


def _builds_for(label: str, platform: str) -> bool:
    """Return whether wheels for a platform can be built on a runner; Windows on Arm is a cross build."""
    system = next((name for start, name in _SYSTEMS.items() if platform.startswith(start)), "")
    if not label.startswith(system):
        return False
    if system == "ubuntu":
        return label.endswith("-arm") is platform.endswith("aarch64")
    return system != "macos" or label.endswith(("-intel", "-large")) is platform.endswith("x86_64")


def _entry(platform: str, entry: dict[str, Node]) -> Iterator[Violation]:
    """Yield a runner that does not build for the platform of its entry, another target, and unknown keys."""
    runner, target = entry.get("runner"), entry.get("target")
    if runner and (runner.text not in LIVE_RUNNERS or not _builds_for(runner.text, platform)):
        saw = f"`{platform}` is built on `{runner.text}`, not on a hosted runner that can run the wheel"
        yield runner.place, saw, f"write `runner: {next(label for label in _RUNNERS if _builds_for(label, platform))}`"
    if target and target.text != target_of(platform):
        saw = f"`{platform}` is built for the target `{target.text}`"
        yield target.place, saw, f"write `target: {target_of(platform)}`"
    for key, node in entry.items():
        if key not in ("platform", "runner", "target"):
            yield node.place, f"the entry of `{platform}` has `{key}`", f"delete `{key}`"
    for key in ("runner", "target"):
        if key not in entry:
            yield entry["platform"].place, f"the entry of `{platform}` has no `{key}`", f"write `{key}: …` in the entry"
