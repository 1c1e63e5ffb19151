"""Whether every place that owns or quotes a published version says the version that is to be released.

Each place is compared with what set-version would write there, so whatever this check finds, one command repairs. What
nothing published depends on may be out of step; it is a warning and never fails a release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from binoc_runbook.changelog import section
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.workspace.requirement import Unsayable
from binoc_runbook.workspace.sites import Kind, Site, Sites, built, crates_of, sites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace

CHECK = "sync"
CHANGELOG = "CHANGELOG.md"

_ALL_OF: dict[Kind, str] = {
    "version": "the manifests of what is published",
    "requirement": "the requirements between our own packages",
    "lock": "the entries of our crates in `Cargo.lock`",
}


def sync(workspace: Workspace, policy: Policy, version: Version) -> Findings:
    """Ask every site, every lock file and the changelog for a version.

    Manifests that cannot be read are not repeated here; they are `workspace.problems`, which `surface` reports.
    """
    found = sites(workspace, policy)
    return Findings(
        [
            *_unknown(workspace, policy),
            *_sites(found, version),
            *_locks(workspace, policy, found),
            _changelog(workspace, version),
        ]
    )


def _unknown(workspace: Workspace, policy: Policy) -> Iterator[Finding]:
    published = workspace.published(policy)
    if not published:
        saw = "nothing that could be released was found"
        yield Finding.failed(CHECK, workspace.root.name or ".", saw, "binoc-runbook inspect")
    for package in published:
        if package.source is None:
            saw = f"the version of `{package.name}` is not known: {package.reason}"
            yield Finding.unknown(CHECK, package.manifest, saw, f"write the version into `{package.manifest}`")


def _sites(found: Sites, version: Version) -> Iterator[Finding]:
    asked: dict[Kind, int] = {}
    differing: set[Kind] = set()
    for site in found:
        asked[site.kind] = asked.get(site.kind, 0) + 1
        if finding := _site(site, version):
            differing.add(site.kind)
            yield finding
    for kind, count in asked.items():
        if kind not in differing:
            saw = f"{count} {'place says' if count == 1 else 'places say'} {_both(version)}"
            yield Finding.ok(CHECK, _ALL_OF[kind], saw)


def _site(site: Site, version: Version) -> Finding | None:
    answer = Finding.failed if site.published else Finding.warning
    try:
        wanted = site.wanted(version)
    except Unsayable as reason:
        saw = f"`{site.package}` is required as `{site.says}`: {reason}"
        return answer(CHECK, site.place, saw, f"edit the requirement in `{site.place}` so that it admits the version")
    if wanted == site.says:
        return None
    verb = "is required as" if site.kind == "requirement" else "is"
    whose = "Cargo's" if site.spelling == "cargo" else "Python's"
    saw = f"`{site.package}` {verb} `{site.says}`, and should be `{wanted}` in {whose} spelling"
    return answer(CHECK, site.place, saw, f"just set-version {version.semver}")


def _both(version: Version) -> str:
    if version.semver == version.pep440:
        return f"`{version.semver}`"
    return f"`{version.semver}` in Cargo's spelling, `{version.pep440}` in Python's"


def _locks(workspace: Workspace, policy: Policy, found: Sites) -> Iterator[Finding]:
    """What makes Cargo write a lock file anew, and therefore refuse it under `--locked`."""
    needed = built(workspace, policy)
    locks = {lock.path: lock for lock in found.locks}
    missing: set[str] = set()
    for lock in locks.values():
        if lock.problem:
            yield lock.problem
        here = crates_of(workspace, lock)
        quoted = {site.keys for site in found if site.path == lock.path}
        for entry in lock.entries:
            package = here.get(entry.name)
            stale = package and package.version and package.version != entry.version and entry.keys not in quoted
            if package and stale:
                saw = f"`{entry.name}` is `{entry.version}`, and its manifest says `{package.version}`"
                yield Finding.warning(CHECK, lock.place(*entry.keys), saw, "cargo update --workspace")
    for package in workspace.packages:
        if package.manifest not in needed or package.root is None:
            continue
        path = package.root.removesuffix("Cargo.toml") + "Cargo.lock"
        here_lock = locks.get(path)
        if here_lock is None and path not in missing:
            missing.add(path)
            saw = f"there is no lock file, and `{package.name}` is published from this workspace"
            # Nothing is known of how an undeclared release is published; a declared one builds with `--locked`.
            answer = Finding.failed if policy.declared else Finding.warning
            remedy = f"cargo generate-lockfile --manifest-path {package.root}"
            yield answer(CHECK, Place(path), saw, remedy)
        elif here_lock and not here_lock.problem and not any(entry.name == package.name for entry in here_lock.entries):
            saw = f"it has no entry for `{package.name}` of `{package.manifest}`"
            yield Finding.failed(CHECK, Place(path), saw, f"cargo update --workspace --manifest-path {package.root}")


def _changelog(workspace: Workspace, version: Version) -> Finding:
    try:
        text = (workspace.root / CHANGELOG).read_bytes().decode()
    except FileNotFoundError:
        return Finding.failed(CHECK, CHANGELOG, "there is no changelog", f"just prepare {version.semver}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return Finding.failed(CHECK, CHANGELOG, f"cannot be read: {reason}", f"save `{CHANGELOG}` as UTF-8")
    said = section(text, version)
    if said is None:
        saw = f"no section is headed `## [{version.semver}]`"
        return Finding.failed(CHECK, CHANGELOG, saw, f"just prepare {version.semver}")
    if not said:
        saw = f"the section `{version.semver}` is empty"
        return Finding.failed(CHECK, CHANGELOG, saw, f"write what changed under the heading of `{version.semver}`")
    lines = said.count("\n") + 1
    return Finding.ok(CHECK, CHANGELOG, f"the section `{version.semver}` has {lines} line{'s'[: lines - 1]}")
