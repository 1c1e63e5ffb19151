"""Every place of a checkout that owns or quotes a published version (what `sync` checks and `set-version` edits).

A version is *owned* by `[package]`, `[workspace.package]` or `[project]`. It is *quoted* by requirements between our
own packages and by the entries of `Cargo.lock` for them; `requirement.py` has the rule for requirements. Packages that
are not published but take their version from the same line as one that is move along with it, and so does what quotes
them: a requirement that was left behind would break the build.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from binoc_runbook.finding import Finding, Place
from binoc_runbook.policy import Policy, normalised
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace, requirement
from binoc_runbook.workspace.dependencies import dependencies
from binoc_runbook.workspace.lock import Entry, Lock
from binoc_runbook.workspace.manifest import Manifest, strings
from binoc_runbook.workspace.manifest_tree import CARGO, LOCK
from binoc_runbook.workspace.package import Ecosystem, Package
from binoc_runbook.workspace.spans import Keys

Kind = Literal["version", "requirement", "lock"]


class VersionLocation(NamedTuple):
    """One place that owns or quotes a version.

    `package` is the name of the package whose version it is, `says` the string at this place, `spelling` the ecosystem
    in whose spelling it is written. `published` is whether something published depends on it; where nothing does, it
    may be out of step without holding a release up. `before` is what precedes the version in an entry of a lock file.
    """

    kind: Kind
    spelling: Ecosystem
    package: str
    says: str
    document: Manifest | Lock
    keys: Keys
    published: bool
    before: str = ""

    @property
    def place(self) -> Place:
        """The line."""
        return self.document.place(*self.keys)

    def text_for(self, version: Version) -> str:
        """Return the text for a version, in the spelling of this place; it is in sync when it `says` that.

        Raises `requirement.RequirementError` where a requirement has to be changed by hand.
        """
        if self.kind == "requirement":
            spell = requirement.in_cargo if self.spelling == "cargo" else requirement.in_python
            return spell(self.says, version)
        return self.before + (version.semver if self.spelling == "cargo" else version.pep440)

    def finding(self, check: str, version: Version, error: requirement.RequirementError) -> Finding:
        """Return the failed finding about a requirement that has to be changed by hand, with the edit."""
        saw = f"`{self.package}` is required as `{self.says}`: {error}"
        edit = f"edit the requirement in `{self.place}` so that it admits the version"
        if error.suggestion:
            edit = f"write `{error.suggestion}` instead of `{self.says}` in `{self.place}`"
        return Finding.failed(check, self.place, saw, f"{edit}, then run `just set-version {version.semver}`")


class VersionLocations(NamedTuple):
    """All version locations of a checkout, and the lock files that were searched."""

    all: tuple[VersionLocation, ...]
    locks: tuple[Lock, ...]


def find_version_locations(workspace: Workspace, policy: Policy) -> VersionLocations:
    """Find the places that own or quote a version that a release under this policy publishes."""
    finder = _Finder(workspace, policy)
    # Cargo reads the lock file beside a workspace's manifest, and none that lies beside a member's.
    used = {lock_path(root) for root in workspace.cargo_roots}
    locks = tuple(Lock(workspace.root, path) for path in workspace.tree.locks if path in used)
    manifests = (*finder.owners(), *finder.cargo_requirements(), *finder.python_requirements())
    return VersionLocations((*manifests, *(location for lock in locks for location in finder.entries(lock))), locks)


def lock_path(root: str) -> str:
    """Return the path of the lock file of a Cargo workspace, by that of its manifest."""
    return f"{root.removesuffix(CARGO)}{LOCK}"


def built_manifests(workspace: Workspace, policy: Policy) -> set[str]:
    """Return the manifests that published artifacts are built from: their own, and the crates inside distributions."""
    published = workspace.packages_to_publish(policy)
    return {package.manifest for package in published} | {package.crate for package in published if package.crate}


def cargo_errors(workspace: Workspace, policy: Policy, check: str) -> Iterator[Finding]:
    """Report the errors of cargo where they leave unknown which lines own a published version."""
    needed = built_manifests(workspace, policy)
    if any(package.cargo_error for package in workspace.packages if package.manifest in needed):
        yield from workspace.cargo_errors(check)


class _Finder:
    def __init__(self, workspace: Workspace, policy: Policy) -> None:
        self._workspace = workspace
        published = workspace.packages_to_publish(policy)
        self._built = built_manifests(workspace, policy)
        self._sources = {package.source: package for package in reversed(published) if package.source}
        moving = [package for package in workspace.packages if package.source in self._sources]
        self._moving_crates = {package.manifest: package for package in moving if package.ecosystem == "cargo"}
        self._moving_names = {
            normalised("pypi", package.name): package for package in moving if package.ecosystem == "pypi"
        }

    def owners(self) -> Iterator[VersionLocation]:
        for source, package in sorted(self._sources.items(), key=lambda item: (item[0].manifest.path, item[0].keys)):
            text = package.version or ""
            yield VersionLocation("version", source.spelling, package.name, text, source.manifest, source.keys, True)

    def cargo_requirements(self) -> Iterator[VersionLocation]:
        for path, manifest in sorted(self._workspace.tree.cargo.items()):
            for dependency in dependencies(manifest):
                if dependency.version is None or dependency.target is None:
                    continue
                target = self._workspace.tree.crate(dependency.target)
                package = self._moving_crates.get(target.path) if target else None
                if package:
                    inherited = dependency.shared and (path, dependency.name) in self._inherited
                    published = inherited or (not dependency.shared and path in self._built)
                    keys, text = (*dependency.keys, "version"), dependency.version
                    yield VersionLocation("requirement", "cargo", package.name, text, manifest, keys, published)

    def python_requirements(self) -> Iterator[VersionLocation]:
        if not self._moving_names:
            return
        for manifest in self._workspace.tree.python.values():
            for keys, text in _python_requirements(manifest):
                name = requirement.name_in_python(text)
                package = self._moving_names.get(normalised("pypi", name)) if name else None
                if package:
                    published = manifest.path in self._built
                    yield VersionLocation("requirement", "pypi", package.name, text, manifest, keys, published)

    def entries(self, lock: Lock) -> Iterator[VersionLocation]:
        for entry, package in match_entries(self._workspace, lock):
            if package.manifest in self._moving_crates:
                published = package.manifest in self._built
                text = entry.before + entry.version
                yield VersionLocation("lock", "cargo", entry.name, text, lock, entry.keys, published, entry.before)

    @cached_property
    def _inherited(self) -> set[tuple[str | None, str]]:
        """What published artifacts take from `[workspace.dependencies]`: the workspace's manifest and the name."""
        return {
            (package.root, dependency.name)
            for package in self._workspace.packages
            if package.ecosystem == "cargo" and package.manifest in self._built
            for dependency in dependencies(package.document)
            if dependency.target is None
        }


def match_entries(workspace: Workspace, lock: Lock) -> Iterator[tuple[Entry, Package]]:
    """Match the entries of a lock file with the crates they stand for; what lies outside the checkout has none.

    Crates of one name, which a lock file tells apart by version, are told apart by that here too, as far as it goes;
    those of the lock file's own workspace come first.
    """
    crates: dict[str, list[Package]] = {}
    for package in sorted(workspace.packages, key=lambda package: lock_path(package.root or "") != lock.path):
        if package.ecosystem == "cargo":
            crates.setdefault(package.name, []).append(package)
    entries: dict[str, list[Entry]] = {}
    for entry in lock.entries:
        if not entry.before:
            entries.setdefault(entry.name, []).append(entry)
    matches: dict[int, Package] = {}
    for name, own in entries.items():
        candidates = crates.get(name, [])[: len(own)]
        for entry in sorted(own, key=lambda entry: all(entry.version != crate.version for crate in candidates)):
            if candidates:
                same = [index for index, crate in enumerate(candidates) if crate.version == entry.version]
                matches[entry.number] = candidates.pop(same[0] if same else 0)
    for entry in lock.entries:
        if entry.number in matches:
            yield entry, matches[entry.number]


def _python_requirements(manifest: Manifest) -> Iterator[tuple[Keys, str]]:
    """Yield the requirements of a `pyproject.toml`: PEP 621, PEP 735 and PEP 518."""
    arrays: list[Keys] = [("project", "dependencies"), ("build-system", "requires")]
    for table in (("project", "optional-dependencies"), ("dependency-groups",)):
        arrays += [(*table, name) for name in manifest.table(*table)]
    for keys in arrays:
        for index, text in strings(manifest.get(*map(str, keys))):
            yield (*keys, index), text
