"""The places of a checkout that own or quote a published version. `sync` checks them, and `set-version` edits them.

`[package]`, `[workspace.package]` and `[project]` *own* a version. Requirements between packages of the workspace and
their entries in `Cargo.lock` and `uv.lock` *quote* it; `requirement.py` defines the rule for requirements. An
unpublished package can inherit its version from the same line as a published one. Its version then changes too, and so
do the quotes of it: a requirement with the old version would break the build.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from binoc_runbook.finding import Finding, Place
from binoc_runbook.policy import Policy, normalised
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace, requirement
from binoc_runbook.workspace.dependencies import dependencies, patches
from binoc_runbook.workspace.lock import Entry, Lock
from binoc_runbook.workspace.manifest import Manifest, strings
from binoc_runbook.workspace.manifest_tree import CARGO, LOCK, PYTHON, UV_LOCK, join
from binoc_runbook.workspace.package import Ecosystem, Package
from binoc_runbook.workspace.spans import Keys

Kind = Literal["version", "requirement", "lock"]


class VersionLocation(NamedTuple):
    """One place that owns or quotes a version.

    `package` is the name of the package with this version, `current` the text at this place, `spelling` the ecosystem
    whose spelling it has. `published` is whether a published package depends on it; otherwise an outdated version does
    not stop a release. `prefix` is the text before the version in an entry of a lock file.
    """

    kind: Kind
    spelling: Ecosystem
    package: str
    current: str
    document: Manifest | Lock
    keys: Keys
    published: bool
    prefix: str = ""

    @property
    def place(self) -> Place:
        """Return the line."""
        return self.document.place(*self.keys)

    def text_for(self, version: Version) -> str:
        """Return the text for a version in the spelling of this place; it is in sync if `current` is equal.

        Raises `requirement.RequirementError` if a requirement must be edited by hand.
        """
        if self.kind == "requirement":
            spell = requirement.in_cargo if self.spelling == "cargo" else requirement.in_python
            return spell(self.current, version)
        return self.prefix + (version.semver if self.spelling == "cargo" else version.pep440)

    def finding(self, check: str, version: Version, error: requirement.RequirementError) -> Finding:
        """Return a failed finding about a requirement that must be edited by hand, with the edit."""
        saw = f"requirement `{self.current}` on `{self.package}`: {error}"
        edit = f"edit the requirement in `{self.place}` so that it allows {version.semver}"
        if error.suggestion:
            edit = f"replace `{self.current}` with `{error.suggestion}` in `{self.place}`"
        return Finding.failed(check, self.place, saw, f"{edit}, then run `just set-version {version.semver}`")


class VersionLocations(NamedTuple):
    """All version locations of a checkout, and the lock files that were searched."""

    all: tuple[VersionLocation, ...]
    locks: tuple[Lock, ...]


def find_version_locations(workspace: Workspace, policy: Policy) -> VersionLocations:
    """Return the places that own or quote a version that a release with this policy publishes."""
    finder = _Finder(workspace, policy)
    # Cargo reads the lock file next to the root manifest of a workspace, and ignores those of members.
    used = {lock_path(root) for root in workspace.cargo_roots}
    paths = (path for path in workspace.tree.locks if path in used or path.endswith(UV_LOCK))
    locks = tuple(Lock(workspace.root, path) for path in paths)
    manifests = (*finder.owners(), *finder.cargo_requirements(), *finder.python_requirements())
    return VersionLocations((*manifests, *(location for lock in locks for location in finder.entries(lock))), locks)


def lock_path(root: str) -> str:
    """Return the path of the lock file of a Cargo workspace, given the path of its manifest."""
    return f"{root.removesuffix(CARGO)}{LOCK}"


def built_manifests(workspace: Workspace, policy: Policy) -> set[str]:
    """Return the manifests of published artifacts, and of the crates that distributions are built from."""
    published = workspace.packages_to_publish(policy)
    return {package.manifest for package in published} | {package.crate for package in published if package.crate}


def cargo_errors(workspace: Workspace, policy: Policy, check: str) -> Iterator[Finding]:
    """Yield the errors of cargo if they concern manifests of published artifacts."""
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
        self._moving_distributions = {package.manifest: package for package in moving if package.ecosystem == "pypi"}
        self._moving_names = {
            normalised("pypi", package.name): package for package in self._moving_distributions.values()
        }

    def owners(self) -> Iterator[VersionLocation]:
        for source, package in sorted(self._sources.items(), key=lambda item: (item[0].manifest.path, item[0].keys)):
            text = package.version or ""
            yield VersionLocation("version", source.spelling, package.name, text, source.manifest, source.keys, True)

    def cargo_requirements(self) -> Iterator[VersionLocation]:
        cargo = self._workspace.tree.cargo
        roots = {package.manifest: package.root for package in self._workspace.packages if package.root}
        patched = {root: patches(cargo[root]) for root in self._workspace.cargo_roots}
        for path, manifest in sorted(cargo.items()):
            for dependency in dependencies(manifest, patched.get(roots.get(path, path), {})):
                if dependency.version is None or dependency.target is None:
                    continue
                target = self._workspace.tree.crate(dependency.target)
                package = self._moving_crates.get(target.path) if target else None
                if package:
                    inherited = dependency.shared and (path, dependency.name) in self._inherited
                    published = inherited or (not dependency.shared and path in self._built)
                    text, keys = dependency.version, dependency.value
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
        if lock.path.endswith(UV_LOCK):
            yield from self._distributions(lock)
            return
        for entry, package in match_entries(self._workspace, lock):
            if package.manifest in self._moving_crates:
                published = package.manifest in self._built
                text = entry.prefix + entry.version
                yield VersionLocation("lock", "cargo", entry.name, text, lock, entry.keys, published, entry.prefix)

    def _distributions(self, lock: Lock) -> Iterator[VersionLocation]:
        at = lock.path.rpartition("/")[0]
        for entry in lock.entries:
            package = self._moving_distributions.get(join(join(at, entry.directory), PYTHON))
            if package:
                published = package.manifest in self._built
                yield VersionLocation("lock", "pypi", entry.name, entry.version, lock, entry.keys, published)

    @cached_property
    def _inherited(self) -> set[tuple[str | None, str]]:
        """Return the root manifests and names of the workspace dependencies that published artifacts inherit."""
        return {
            (package.root, dependency.name)
            for package in self._workspace.packages
            if package.ecosystem == "cargo" and package.manifest in self._built
            for dependency in dependencies(package.document)
            if dependency.target is None
        }


def match_entries(workspace: Workspace, lock: Lock) -> Iterator[tuple[Entry, Package]]:
    """Yield the entries of a lock file with their crates; entries for crates outside the checkout are skipped.

    If several crates have the same name, entries are matched by version, then in order; crates of the workspace of the
    lock file come first.
    """
    crates: dict[str, list[Package]] = {}
    for package in sorted(workspace.packages, key=lambda package: lock_path(package.root or "") != lock.path):
        if package.ecosystem == "cargo":
            crates.setdefault(package.name, []).append(package)
    entries: dict[str, list[Entry]] = {}
    for entry in lock.entries:
        if not (entry.prefix or entry.directory):
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
    """Yield the requirements of a `pyproject.toml` (PEP 621, PEP 735 and PEP 518)."""
    arrays: list[Keys] = [("project", "dependencies"), ("build-system", "requires")]
    for table in (("project", "optional-dependencies"), ("dependency-groups",)):
        arrays += [(*table, name) for name in manifest.table(*table)]
    for keys in arrays:
        for index, text in strings(manifest.get(*map(str, keys))):
            yield (*keys, index), text
