"""Overview of a release in words: its state, its durations and its tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from binoc_runbook.display.styled_html import Tone
from binoc_runbook.finding import Finding
from binoc_runbook.policy import NAMES
from binoc_runbook.site.releases.record_files import CHECK, RecordedArtifact, RecordedRelease
from binoc_runbook.stages import ACTION_STAGES, CHECK_STAGES, STAGES
from binoc_runbook.world.git import Git

UNKNOWN = "unknown"

#: Time outside the stages: the plan, the checks at the point of no return, the record.
REST = "the rest"

_SIGN = {"published": "✓", "missing": "✗", "differs": "✗", "not verified yet": "·"}

#: The parts of a run, and the stages of each.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "checks": tuple(stage.name for stage in CHECK_STAGES),
    "tests": tuple(stage.name for stage in STAGES if stage not in (*CHECK_STAGES, *ACTION_STAGES)),
    "push and tag": tuple(stage.name for stage in ACTION_STAGES),
}


@dataclass(frozen=True, slots=True)
class State:
    """State of a release: a badge with its tone, and an explanation."""

    badge: str
    tone: Tone
    explanation: str


@dataclass(frozen=True, slots=True)
class RecordedTag:
    """The annotated tag in this clone: the name of its tagger, and whether it is signed."""

    tagger: str
    signed: bool


def duration(seconds: float) -> str:
    """Return a duration in words: `42 s`, `3 min 7 s`, `1 h 4 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def state(release: RecordedRelease) -> State:
    """Return the state of a release; it is *verified* if the artifacts were installed as users do."""
    verification = release.verification
    if verification is None:
        return State("· not verified yet", "idle", f"Run `just verify {release.version}` and file its record.")
    day = verification.ended.partition("T")[0]
    on = f" on {day}" if day else ""
    if verification.outcome == "refused":
        return State("✗ not published correctly", "bad", f"The verification failed{on}.")
    if verification.outcome != "published":
        return State("? not verified", "doubtful", f"The verification is {verification.outcome}{on}.")
    if not verification.installed:
        return State("? published", "doubtful", f"The files were compared{on}, but not installed as users do.")
    return State("✓ verified", "good", f"Installed and run as users do, from the registries{on}.")


def artifact_state(artifact: RecordedArtifact) -> str:
    """Return where an artifact is published, or its state at its registry."""
    registry = NAMES.get(artifact.registry, artifact.registry)
    sign = _SIGN.get(artifact.state, "?")
    return f"{sign} {registry}" if artifact.state == "published" else f"{sign} {registry}: {artifact.state}"


def published_count(release: RecordedRelease) -> str:
    """Return how many of the artifacts are published, as verified."""
    if release.verification is None:
        return UNKNOWN
    published = [artifact for artifact in release.artifacts if artifact.state == "published"]
    return f"{len(published)} of {len(release.artifacts)}"


def parts(release: RecordedRelease) -> dict[str, float]:
    """Return the seconds of each part of a run; the rest is the time outside these stages."""
    spent = {name: sum(release.stages.get(stage, 0.0) for stage in stages) for name, stages in _PARTS.items()}
    return {**spent, REST: max(0.0, release.seconds - sum(spent.values()))}


def recorded_tag(git: Git | None, release: RecordedRelease) -> tuple[RecordedTag | None, Finding | None]:
    """Return the annotated tag of this clone, `None` if it has none, and a finding if it has another commit."""
    if git is None:
        return None, None
    wanted = "--format=%(*objectname)%00%(taggername)%00%(if)%(contents:signature)%(then)signed%(end)"
    done = git.query("for-each-ref", wanted, f"refs/tags/{release.tag}")
    commit, _, rest = done.stdout.strip("\n").partition("\0")
    name, _, signed = rest.partition("\0")
    if done.returncode != 0 or not name or "\n" in rest:  # no tag, a lightweight tag, or several matches
        return None, None
    if release.commit not in (None, commit):
        saw = f"the tag points to {commit[:12]}, but the record is of {(release.commit or UNKNOWN)[:12]}"
        remedy = f"git ls-remote origin 'refs/tags/{release.tag}*'"
        return None, Finding.warning(CHECK, f"git for-each-ref refs/tags/{release.tag}", saw, remedy)
    return RecordedTag(name, signed == "signed"), None
