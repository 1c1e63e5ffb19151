"""All releases at a glance: what each record comes to in words, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from binoc_runbook.finding import Finding
from binoc_runbook.policy import NAMES
from binoc_runbook.site.releases.filed import CHECK, Filed, Published
from binoc_runbook.stages import STAGES

if TYPE_CHECKING:
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


def state(filed: Filed) -> str:
    """What is known of a release, in words."""
    if filed.verified is None:
        return "released; not verified yet"
    outcome = filed.verified.outcome
    words = {"published": "released; published and verified", "refused": "released; not published as it should be"}
    return f"{_SIGN.get(outcome, '?')} {words.get(outcome, f'released; the verification is {outcome}')}"


def artifact(published: Published) -> str:
    """One artifact in a line."""
    count = len(published.digests)
    files = f", {count} {'file' if count == 1 else 'files'}" if count else ""
    registry = NAMES.get(published.registry, published.registry)
    return f"{_SIGN.get(published.state, '?')} {published.name} ({registry}): {published.state}{files}"


def part_names(releases: Sequence[Filed]) -> tuple[str, ...]:
    """Return the stages of these releases in the order of the runbook, then those it no longer has, and the rest."""
    known = [stage.name for stage in STAGES]
    gone = [name for filed in releases for name in filed.stages if name not in known]
    return (*known, *dict.fromkeys(gone), REST)


def parts(filed: Filed, names: Sequence[str]) -> tuple[float, ...]:
    """The seconds of each part of one release; the rest is what no stage accounts for."""
    spent = [filed.stages.get(name, 0.0) for name in names[:-1]]
    return (*spent, max(0.0, filed.seconds - sum(spent)))


def times(releases: Sequence[Filed]) -> list[list[str]]:
    """Where the time went, as rows of a table with its head: parts by releases, the oldest first, in seconds."""
    names = part_names(releases)
    columns = [parts(filed, names) for filed in reversed(releases)]
    rows = [["stage", *(str(filed.version) for filed in reversed(releases))]]
    rows += [
        [f"{number + 1}. {name}", *(f"{each[number]:.1f}" for each in columns)] for number, name in enumerate(names)
    ]
    return [*rows, ["whole", *(f"{filed.seconds:.1f}" for filed in reversed(releases))]]


def tagged_by(git: Git | None, filed: Filed) -> tuple[str, Finding | None]:
    """The name in an annotated tag of this clone, and what is wrong with that tag; *unknown* where there is none."""
    if git is None:
        return UNKNOWN, None
    told = git.ask("for-each-ref", "--format=%(*objectname)%00%(taggername)", f"refs/tags/{filed.tag}")
    commit, _, name = told.stdout.strip("\n").partition("\0")
    if told.returncode != 0 or not name or "\n" in name:  # no such tag, not an annotated one, or a pattern for several
        return UNKNOWN, None
    if filed.commit not in (None, commit):
        saw = f"the tag is of {commit[:12]} here, and the record is of {(filed.commit or UNKNOWN)[:12]}"
        remedy = f"git ls-remote origin 'refs/tags/{filed.tag}*' tells which of both was released"
        return UNKNOWN, Finding.warning(CHECK, f"git for-each-ref refs/tags/{filed.tag}", saw, remedy)
    return name, None
