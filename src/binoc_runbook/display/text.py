"""Plain text of plans and runs, for terminals, logs and the text/plain output of notebooks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from binoc_runbook.display.summary import Summary
from binoc_runbook.finding import SIGN, Finding, Findings, Status
from binoc_runbook.policy import NAMES
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES, Command, Stage, State, Target
from binoc_runbook.version import Version
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact

STATE_SIGN: dict[State, str] = {"done": "✓", "ready": "→", "blocked": "✗", "unknown": "?"}

JOB_SIGN: dict[str, str] = {"success": "✓", "failure": "✗", "skipped": "-", "elsewhere": "-"}

_JOB_STATE = {"success": "passed", "failure": "failed", "skipped": "skipped", "elsewhere": "not run on this host"}

_VERDICT: dict[State, str] = {
    "ready": "ready",
    "blocked": "blocked",
    "unknown": "unknown: a real release stops here",
}

POINT_OF_NO_RETURN = "─── point of no return: everything above is local, everything below is public ───"


def heading(target: Target, *, dry_run: bool) -> str:
    """Return one line that describes a run: version, tag, remote and mode."""
    mode = "dry run: public stages are skipped" if dry_run else "all stages run"
    where = ", in a rehearsal whose remote is a temporary directory" if target.world.kind == "rehearsal" else ""
    return f"release of {target.version} as {target.tag} to {target.remote}{where} ({mode})"


def title(target: Target, *, dry_run: bool) -> str:
    """Return what a run releases, and where, in a few words."""
    names = [artifact.name for artifact in target.policy.artifacts]
    artifacts = f" of {', '.join(names)}" if names else ""
    if target.world.kind == "rehearsal":
        return f"{'Dry run of a rehearsal' if dry_run else 'Rehearsal'} of {target.version}{artifacts}"
    repository = f" ({target.policy.repository})" if target.policy.repository else ""
    return f"{'Dry run' if dry_run else 'Release'} of {target.version}{artifacts} to {target.remote}{repository}"


def plan(target: Target) -> Iterator[str]:
    """Return the stages in order, with the commands of each."""
    for number, stage in enumerate(STAGES, 1):
        if stage is ACTION_STAGES[0]:
            yield POINT_OF_NO_RETURN
        yield f"{number}. {stage.name} ({stage.reach}): {stage.sentence}"
        for planned in stage.commands(target):
            yield f"     $ {planned}"


def stage(run: StageRun, *, findings: Findings | None = None) -> Iterator[str]:
    """Return the result of a stage: its state, its findings or those in `findings`, and its commands."""
    yield f"{STATE_SIGN[state(run)]} {numbered(run.stage)}: {verdict(run)} ({run.seconds:.1f} s)"
    yield from _indented(run.findings if findings is None else findings)
    for planned in run.commands:
        yield f"    $ {planned}"
        yield f"      {effect(run, planned)}"


def result(run: StageRun) -> str:
    """Return the result of a stage in a few words: what its commands did, or what its findings are."""
    if run.commands and run.stage in ACTION_STAGES and run.state in ("done", "ready"):
        return "; ".join(effect(run, planned) for planned in run.commands)
    return outcome(run.findings) or verdict(run)


def outcome(findings: Findings) -> str:
    """Return the findings in a few words: how many are problems, or else what was found."""
    count = {status: len(findings.having(status)) for status in ("failed", "unknown")}
    if any(count.values()):
        problems = " and ".join(f"{number} {status}" for status, number in count.items() if number)
        return f"{problems} of {len(findings)} {'check' if len(findings) == 1 else 'checks'}"
    return "; ".join(dict.fromkeys(finding.saw.partition("\n")[0] for finding in findings.having("ok")))


def effect(run: StageRun, planned: Command) -> str:
    """Return the effect of a command, and whether this run had it."""
    if run.acted:
        return planned.effect
    return f"{'started, not confirmed' if run.started else 'skipped'}; effect: {planned.effect}"


def chapter(head: str, findings: Findings) -> Iterator[str]:
    """Return the findings of a chapter that is not a stage of a release."""
    yield f"{SIGN[findings.status]} {head}"
    yield from _indented(findings)


def verdict(run: StageRun) -> str:
    """Return the state of a stage in words."""
    if run.state == "done":
        unchanged = "done already" if run.stage in ACTION_STAGES else "done"
        return "done now" if run.acted else unchanged
    return _VERDICT[state(run)]


def state(run: StageRun) -> State:
    """Return the state of a stage; an action that was interrupted or has failed is not ready."""
    problems: dict[Status, State] = {"failed": "blocked", "unknown": "unknown"}
    return problems.get(run.findings.status, run.state) if run.state == "ready" else run.state


def point_of_no_return(release: Release, stopped: list[StageRun]) -> Iterator[str]:
    """Return the result of the checks that run again before the first public stage."""
    yield POINT_OF_NO_RETURN
    if not stopped:
        yield "✓ all checks passed; tree, sync and remote were checked again"
        return
    names = ", ".join(f"`{run.stage.name}`" for run in stopped)
    yield f"{'a real release' if release.dry_run else 'the release'} stops here: {names}"
    yield from str(new_problems(stopped)).splitlines()


def new_problems(stopped: Iterable[StageRun]) -> Findings:
    """Return the problems that the checks before the first public stage have found, but not the stages."""
    return Findings(
        finding
        for run in stopped
        for finding in run.findings.having("failed", "unknown")
        if finding not in (*run.before.findings, *run.problems)
    )


def job(run: JobRun) -> Iterator[str]:
    """Return the result of a job of the workflow."""
    yield f"{JOB_SIGN[run.state]} {run.name}: {_JOB_STATE[run.state]} ({run.seconds:.1f} s)"
    if run.reason:
        yield f"    {run.reason}"
    yield from _indented(filter(None, [run.finding]))


def _indented(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        yield from textwrap.indent(str(finding), "    ").splitlines()


def followed(release: Release, published: Sequence[PublishedArtifact], red: Findings) -> Iterator[str]:
    """Return what the tag starts; in a rehearsal the published files, and jobs that failed although they published."""
    target, policy = release.target, release.target.policy
    if release.dry_run:
        names = ", ".join(artifact.name for artifact in policy.artifacts) or "nothing"
        yield f"the tag would start {policy.workflow}, which publishes {names}"
        return
    if target.world.kind == "real":
        yield f"the run of {policy.workflow} is looked up after `push-tag`"
        return
    if not published:
        yield f"the tag is on the remote; a quick rehearsal does not run {policy.workflow}"
        return
    yield f"files of {target.version} in the rehearsed registries:"
    yield from _columns(published_table(published))
    for item in published:
        for name, digest in item.digests.items():
            yield f"    {name}  sha256:{digest[:12]}…"
    if red:
        jobs, whose = ("1 job", "its") if len(red) == 1 else (f"{len(red)} jobs", "their")
        yield f"{jobs} failed, although {whose} artifacts were published:"
    for finding in red:
        yield from str(finding).splitlines()


def published_table(published: Sequence[PublishedArtifact]) -> list[tuple[str, ...]]:
    """Return the published files as a table of artifacts by registries; the first row is its head."""
    registries = [name for name in NAMES if name in {item.artifact.registry for item in published}]
    rows = [("artifact", *(NAMES[name] for name in registries))]
    for item in published:
        count = len(item.digests)
        files = f"✓ {count} {'file' if count == 1 else 'files'}" if count else "✗ missing"
        rows.append((item.artifact.name, *(files if item.artifact.registry == name else "" for name in registries)))
    return rows


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def ending(release: Release, filed: str | None) -> Summary:
    """Return the result of a run, and the next commands."""
    target, policy = release.target, release.target.policy
    version, real = target.version, target.world.kind == "real"
    actions = [run for run in release.record.stages if run.stage in ACTION_STAGES]
    rows, sentences = [], []
    if all(run.state == "done" and not run.started for run in actions):
        title = f"{version} is already released"
        sentences.append(f"{version} is already released as {target.tag}; this run changed nothing")
    elif release.dry_run:
        title = f"Dry run of {version}"
        sentences.append(f"dry run of {version}: no check failed; this run pushed and tagged nothing")
        unknown = [run.stage.name for run in release.record.stages if run.state == "unknown"]
        if unknown:
            sentences.append(f"{SIGN['unknown']} unknown: {', '.join(unknown)}; a real release stops there")
        if real:
            rows.append(("next", f"./just release {version}"))
    else:
        title = f"{'Released' if real else 'Rehearsed'} {version}"
        acted = ", ".join(run.stage.name for run in actions if run.acted) or "no stage: another run was first"
        released = "is released" if real else "was released in this rehearsal"
        sentences.append(f"{version} {released} as {target.tag}; this run performed {acted}")
    sentences += _refs(target.remote, release.record.refs)
    if not release.dry_run and real:
        run = release.record.workflow_run
        if run and run["status"] != "completed":
            rows.append(("follow", f"gh run watch {run['id']}, or open {run['url']}"))
        if filed and not release.record_is_committed():
            add = "git add docs/releases && git commit"
            rows.append(("next", f"{add} -m 'Record the release of {version}' && git push"))
        if policy.artifacts and release.verification is None:
            rows.append((f"after {policy.workflow}", f"./just verify {version}"))
    return Summary(title, "ok", tuple(sentences), tuple(rows))


def verified(version: Version, names: str) -> Summary:
    """Return the result of a verification that found all artifacts, whose names are `names`."""
    return Summary(f"Verified {version}", "ok", (f"{version} is published: {names}",))


def _refs(remote: str, refs: Mapping[str, str]) -> Iterator[str]:
    """Return the refs of a remote; an annotated tag is on one line with the commit that it points to."""
    for name, sha in refs.items():
        if name == "HEAD" or name.endswith("^{}"):
            continue
        commit = refs.get(f"{name}^{{}}")
        value = f"annotated tag of {commit[:12]}" if commit else f"at {sha[:12]}"
        yield f"{remote} holds {name}, {value}"


def numbered(stage: Stage) -> str:
    """Return the name of a stage with its number in the runbook."""
    return f"{STAGES.index(stage) + 1}. {stage.name}"
