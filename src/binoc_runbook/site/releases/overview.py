"""Overview of all releases: the state of each, and the duration of its stages."""

from __future__ import annotations

from collections.abc import Sequence

from binoc_runbook.finding import Finding
from binoc_runbook.policy import NAMES
from binoc_runbook.site.releases.record_files import CHECK, RecordedArtifact, RecordedRelease
from binoc_runbook.stages import STAGES
from binoc_runbook.world.git import Git

UNKNOWN = "unknown"

#: Time between the stages: the plan, the checks at the point of no return, the record.
REST = "the rest"

_SIGN = {"published": "✓", "missing": "✗", "differs": "✗", "refused": "✗"}


def duration(seconds: float) -> str:
    """Return a duration in words: `42 s`, `3 min 7 s`, `1 h 4 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def state(release: RecordedRelease) -> str:
    """Return the state of a release in words."""
    if release.verification is None:
        return "released; not verified yet"
    outcome = release.verification.outcome
    words = {"published": "released; published and verified", "refused": "released; not published correctly"}
    return f"{_SIGN.get(outcome, '?')} {words.get(outcome, f'released; the verification is {outcome}')}"


def artifact_line(artifact: RecordedArtifact) -> str:
    """Return the state of an artifact in one line."""
    count = len(artifact.digests)
    files = f", {count} {'file' if count == 1 else 'files'}" if count else ""
    registry = NAMES.get(artifact.registry, artifact.registry)
    return f"{_SIGN.get(artifact.state, '?')} {artifact.name} ({registry}): {artifact.state}{files}"


def part_names(releases: Sequence[RecordedRelease]) -> tuple[str, ...]:
    """Return the stages in runbook order, then former stages of these releases, then the rest."""
    known = [stage.name for stage in STAGES]
    former = [name for release in releases for name in release.stages if name not in known]
    return (*known, *dict.fromkeys(former), REST)


def parts(release: RecordedRelease, names: Sequence[str]) -> tuple[float, ...]:
    """Return the seconds of each part of a release; the rest is the time outside the stages."""
    spent = [release.stages.get(name, 0.0) for name in names[:-1]]
    return (*spent, max(0.0, release.seconds - sum(spent)))


def times(releases: Sequence[RecordedRelease]) -> list[list[str]]:
    """Return a table of parts by releases, in seconds, with a header; the oldest release is first."""
    names = part_names(releases)
    columns = [parts(release, names) for release in reversed(releases)]
    rows = [["stage", *(str(release.version) for release in reversed(releases))]]
    rows += [
        [f"{number + 1}. {name}", *(f"{column[number]:.1f}" for column in columns)] for number, name in enumerate(names)
    ]
    return [*rows, ["total", *(f"{release.seconds:.1f}" for release in reversed(releases))]]


def tagged_by(git: Git | None, release: RecordedRelease) -> tuple[str, Finding | None]:
    """Return the tagger's name from the annotated tag of this clone, or *unknown*, and a finding if the tag differs."""
    if git is None:
        return UNKNOWN, None
    done = git.ask("for-each-ref", "--format=%(*objectname)%00%(taggername)", f"refs/tags/{release.tag}")
    commit, _, name = done.stdout.strip("\n").partition("\0")
    if done.returncode != 0 or not name or "\n" in name:  # no tag, a lightweight tag, or several matches
        return UNKNOWN, None
    if release.commit not in (None, commit):
        saw = f"the tag points to {commit[:12]}, but the record is of {(release.commit or UNKNOWN)[:12]}"
        remedy = f"git ls-remote origin 'refs/tags/{release.tag}*'"
        return UNKNOWN, Finding.warning(CHECK, f"git for-each-ref refs/tags/{release.tag}", saw, remedy)
    return name, None
