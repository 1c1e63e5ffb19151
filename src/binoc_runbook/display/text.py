"""A run in plain text: what a terminal, a log and the plain side of a notebook's output show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from binoc_runbook.finding import SIGN, Finding, Findings
from binoc_runbook.policy import NAMES
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTS, STAGES, Stage, State, Target
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact

STATE_SIGN: dict[State, str] = {"done": "✓", "ready": "→", "blocked": "✗", "unknown": "?"}

JOB_SIGN: dict[str, str] = {"success": "✓", "failure": "✗", "skipped": "-", "elsewhere": "-"}

_JOB_STATE = {"success": "passed", "failure": "failed", "skipped": "skipped", "elsewhere": "not run on this host"}

_VERDICT: dict[State, str] = {
    "ready": "ready",
    "blocked": "stands in the way",
    "unknown": "unknown: a real release stops here",
}

LINE = "─── the line: everything above is local, everything below is seen by others ───"


def heading(target: Target, *, dry_run: bool) -> str:
    """What a run is about, in one line."""
    act = "dry run: the acts are withheld" if dry_run else "the acts are performed"
    where = ", in a rehearsal whose remote is a temporary directory" if target.world.kind == "rehearsal" else ""
    return f"release of {target.version} as {target.tag} to {target.remote}{where} ({act})"


def plan(target: Target) -> Iterator[str]:
    """The stages in order, with the commands of each."""
    for number, stage in enumerate(STAGES, 1):
        if stage is ACTS[0]:
            yield LINE
        yield f"{number}. {stage.name} ({stage.reach}): {stage.sentence}"
        for planned in stage.commands(target):
            yield f"     $ {planned}"


def stage(run: StageRun, *, all_findings: bool = True) -> Iterator[str]:
    """One stage as it went."""
    yield f"{STATE_SIGN[run.state]} {numbered(run.stage)}: {verdict(run)} ({run.seconds:.1f} s)"
    yield from _indented(run.findings if all_findings else run.findings.having("failed", "unknown", "warning"))
    for planned in run.commands:
        yield f"    $ {planned}"
        yield f"      {planned.effect}" if run.acted else f"      withheld; its effect: {planned.effect}"


def chapter(head: str, findings: Findings) -> Iterator[str]:
    """What a chapter found that is no stage of a release."""
    yield f"{SIGN[findings.status]} {head}"
    yield from _indented(findings)


def verdict(run: StageRun) -> str:
    """The state of a stage in words."""
    if run.state == "done":
        before = "done already" if run.stage in ACTS else "done"
        return "done now" if run.acted else before
    return _VERDICT[run.state]


def at_the_line(release: Release, stopped: list[StageRun]) -> Iterator[str]:
    """What the last look before the first public act showed."""
    yield LINE
    if not stopped:
        yield "✓ everything above holds; tree, sync and remote were observed again just now"
        return
    yield "a real release stops here:" if release.dry_run else "the release stops here:"
    for run in stopped:
        yield from str(run.findings.having("failed", "unknown")).splitlines()


def job(run: JobRun) -> Iterator[str]:
    """One job of the workflow as it went."""
    yield f"{JOB_SIGN[run.state]} {run.name}: {_JOB_STATE[run.state]} ({run.seconds:.1f} s)"
    if run.reason:
        yield f"    {run.reason}"
    yield from _indented(filter(None, [run.finding]))


def _indented(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        yield from textwrap.indent(str(finding), "    ").splitlines()


def followed(release: Release, published: Sequence[PublishedArtifact], red: Findings) -> Iterator[str]:
    """What the tag has started, or would start; in a rehearsal what is out, and which jobs are red nevertheless."""
    target, policy = release.target, release.target.policy
    if target.world.kind == "real" or release.dry_run:
        told = "the tag would start" if release.dry_run else "the tag has started"
        names = ", ".join(each.name for each in policy.artifacts) or "nothing"
        yield f"{told} {policy.workflow}, which publishes {names}"
        return
    if not published:
        yield f"the tag is on the remote; {policy.workflow} is left out of a quick rehearsal"
        return
    yield f"what the rehearsed registries hold of {target.version}:"
    yield from _columns(out(published))
    for each in published:
        for name, digest in each.digests.items():
            yield f"    {name}  sha256:{digest[:12]}…"
    if red:
        who, what = ("one job is", "it publishes") if len(red) == 1 else (f"{len(red)} jobs are", "they publish")
        yield f"{who} red, though all that {what} is out:"
    for finding in red:
        yield from str(finding).splitlines()


def out(published: Sequence[PublishedArtifact]) -> list[tuple[str, ...]]:
    """What is out as a table, artifacts by registries, its head first."""
    registries = [name for name in NAMES if name in {each.artifact.registry for each in published}]
    rows = [("artifact", *(NAMES[name] for name in registries))]
    for each in published:
        count = len(each.digests)
        told = f"✓ {count} {'file' if count == 1 else 'files'}" if count else "✗ missing"
        rows.append((each.artifact.name, *(told if each.artifact.registry == name else "" for name in registries)))
    return rows


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def ending(release: Release, filed: str | None) -> Iterator[str]:
    """How the run ended, and what to type next."""
    target, policy = release.target, release.target.policy
    if all(run.state == "done" and not run.acted for run in release.record.stages if run.stage in ACTS):
        yield f"✓ {target.version} is released as {target.tag}: all of it was done before, and nothing was changed"
    elif release.dry_run:
        unknown = [run.stage.name for run in release.record.stages if run.state == "unknown"]
        yield f"✓ dry run of {target.version}: nothing was found that failed, and nothing was pushed or tagged"
        if unknown:
            yield f"? could not be asked: {', '.join(unknown)}; a real release stops there"
        if target.world.kind == "real":
            yield f"next: ./just release {target.version}"
    else:
        acted = ", ".join(run.stage.name for run in release.record.stages if run.acted and run.stage in ACTS)
        told = "is released" if target.world.kind == "real" else "was released in this rehearsal"
        yield f"✓ {target.version} {told} as {target.tag}: {acted} done in this run"
    yield from _held(target.remote, release.record.refs)
    if release.dry_run or target.world.kind == "rehearsal":
        return
    if policy.repository:
        yield f"next: the tag has started {policy.workflow}: github.com/{policy.repository}/actions"
    if filed and not release.record_is_committed():
        yield f"next: git add docs/releases && git commit -m 'Record the release of {target.version}' && git push"
    if policy.artifacts:
        yield f"next, once the workflow has ended: ./just verify {target.version}"


def _held(remote: str, refs: Mapping[str, str]) -> Iterator[str]:
    """What a remote holds, an annotated tag on one line with the commit it peels to."""
    for name, sha in refs.items():
        if name == "HEAD" or name.endswith("^{}"):
            continue
        peeled = refs.get(f"{name}^{{}}")
        what = f"annotated tag of {peeled[:12]}" if peeled else f"at {sha[:12]}"
        yield f"  {remote} holds {name}, {what}"


def numbered(stage: Stage) -> str:
    """A stage with its number in the runbook."""
    return f"{STAGES.index(stage) + 1}. {stage.name}"
