"""All releases at a glance: the words for each record, and the duration of each stage."""

from __future__ import annotations

from collections.abc import Sequence

from binoc_runbook.finding import Finding
from binoc_runbook.policy import NAMES
from binoc_runbook.site.releases.record_files import CHECK, RecordedArtifact, RecordedRelease
from binoc_runbook.stages import STAGES
from binoc_runbook.world.git import Git

UNKNOWN = "unknown"

#: What a run spent between its stages: on the plan, on the second look at the line, on its record.
REST = "the rest"

_SIGN = {"published": "✓", "missing": "✗", "differs": "✗", "refused": "✗"}


def duration(seconds: float) -> str:
    """Spell seconds for people: `42 s`, `3 min 7 s`, `1 h 4 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def state(release: RecordedRelease) -> str:
    """Describe what is known of a release."""
    if release.verification is None:
        return "released; not verified yet"
    outcome = release.verification.outcome
    words = {"published": "released; published and verified", "refused": "released; not published as it should be"}
    return f"{_SIGN.get(outcome, '?')} {words.get(outcome, f'released; the verification is {outcome}')}"


def artifact_line(artifact: RecordedArtifact) -> str:
    """Describe one artifact in a line."""
    count = len(artifact.digests)
    files = f", {count} {'file' if count == 1 else 'files'}" if count else ""
    registry = NAMES.get(artifact.registry, artifact.registry)
    return f"{_SIGN.get(artifact.state, '?')} {artifact.name} ({registry}): {artifact.state}{files}"


def part_names(releases: Sequence[RecordedRelease]) -> tuple[str, ...]:
    """Return the stages of these releases in the order of the runbook, then those it no longer has, and the rest."""
    known = [stage.name for stage in STAGES]
    gone = [name for release in releases for name in release.stages if name not in known]
    return (*known, *dict.fromkeys(gone), REST)


def parts(release: RecordedRelease, names: Sequence[str]) -> tuple[float, ...]:
    """Return the seconds of each part of one release; the rest is what no stage accounts for."""
    spent = [release.stages.get(name, 0.0) for name in names[:-1]]
    return (*spent, max(0.0, release.seconds - sum(spent)))


def times(releases: Sequence[RecordedRelease]) -> list[list[str]]:
    """Return a table with its head: parts by releases, the oldest first, in seconds."""
    names = part_names(releases)
    columns = [parts(release, names) for release in reversed(releases)]
    rows = [["stage", *(str(release.version) for release in reversed(releases))]]
    rows += [
        [f"{number + 1}. {name}", *(f"{column[number]:.1f}" for column in columns)] for number, name in enumerate(names)
    ]
    return [*rows, ["whole", *(f"{release.seconds:.1f}" for release in reversed(releases))]]


def tagged_by(git: Git | None, release: RecordedRelease) -> tuple[str, Finding | None]:
    """Return the name in the annotated tag of this clone, *unknown* where there is none, and what is wrong with it."""
    if git is None:
        return UNKNOWN, None
    done = git.query("for-each-ref", "--format=%(*objectname)%00%(taggername)", f"refs/tags/{release.tag}")
    commit, _, name = done.stdout.strip("\n").partition("\0")
    if done.returncode != 0 or not name or "\n" in name:  # no such tag, not an annotated one, or a pattern for several
        return UNKNOWN, None
    if release.commit not in (None, commit):
        saw = f"the tag is of {commit[:12]} here, and the record is of {(release.commit or UNKNOWN)[:12]}"
        remedy = f"git ls-remote origin 'refs/tags/{release.tag}*' tells which of both was released"
        return UNKNOWN, Finding.warning(CHECK, f"git for-each-ref refs/tags/{release.tag}", saw, remedy)
    return name, None
