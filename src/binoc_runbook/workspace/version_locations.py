"""Every place of a checkout that owns or quotes a published version (what the sync check asks and set-version edits).

A version is *owned* by `[package]`, `[workspace.package]` or `[project]`. It is *quoted* by requirements between our
own packages and by the entries of `Cargo.lock` for them; `requirement.py` has the rule for requirements. Packages that
are not published but take their version from the same line as one that is move along with it, and so does what quotes
them: a requirement that was left behind would break the build.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from binoc_runbook.policy import normalised
from binoc_runbook.workspace import requirement
from binoc_runbook.workspace.dependencies import Dependency, dependencies
from binoc_runbook.workspace.lock import Entry, Lock
from binoc_runbook.workspace.manifest import Manifest, strings
from binoc_runbook.workspace.manifest_tree import CARGO, LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.finding import Place
    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace
    from binoc_runbook.workspace.package import Ecosystem, Package
    from binoc_runbook.workspace.spans import Keys

Kind = Literal["version", "requirement", "lock"]


class Site(NamedTuple):
    """One place that owns or quotes a version.

    `package` is the name of what it speaks of, `says` the string that stands there, `spelling` whose way of writing
    versions it follows. `published` says whether something published depends on it; where nothing does, it may be out
    of step without holding a release up.
    """

    kind: Kind
    spelling: Ecosystem
    package: str
    says: str
    document: Manifest | Lock
    path: str
    keys: Keys
    published: bool
    before: str = ""

    @property
    def place(self) -> Place:
        """The line."""
        return self.document.place(*self.keys)

    def wanted(self, version: Version) -> str:
        """What it says for a version, in its own spelling; it is in sync when that is what it `says`.

        Raises `requirement.Unsayable` where a requirement has to be changed by hand.
        """
        if self.kind == "requirement":
            spell = requirement.in_cargo if self.spelling == "cargo" else requirement.in_python
            return spell(self.says, version)
        return self.before + (version.semver if self.spelling == "cargo" else version.pep440)


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of a checkout, and the lock files they were looked for in."""

    all: tuple[Site, ...]
    locks: tuple[Lock, ...]

    def __iter__(self) -> Iterator[Site]:
        return iter(self.all)


def sites(workspace: Workspace, policy: Policy) -> Sites:
    """Find the places that own or quote a version that a release under this policy publishes."""
    finder = _Finder(workspace, policy)
    # Cargo reads the lock file beside a workspace's manifest, and none that lies beside a member's.
    used = {lock_of(root) for root in workspace.cargo_roots}
    locks = tuple(Lock(workspace.root, path) for path in workspace.lock_files if path in used)
    found = (*finder.owners(), *finder.cargo_requirements(), *finder.python_requirements())
    return Sites((*found, *(site for lock in locks for site in finder.entries(lock))), locks)


def lock_of(root: str) -> str:
    """The path of the lock file of a Cargo workspace, by that of its manifest."""
    return f"{root.removesuffix(CARGO)}{LOCK}"


def built(workspace: Workspace, policy: Policy) -> set[str]:
    """The manifests that published artifacts are built from: their own, and the crates inside distributions."""
    published = workspace.published(policy)
    return {package.manifest for package in published} | {package.crate for package in published if package.crate}


class _Finder:
    def __init__(self, workspace: Workspace, policy: Policy) -> None:
        self._workspace = workspace
        published = workspace.published(policy)
        self._built = built(workspace, policy)
        self._sources = {package.source: package for package in reversed(published) if package.source}
        moving = [package for package in workspace.packages if package.source in self._sources]
        self._moving_crates = {package.manifest: package for package in moving if package.ecosystem == "cargo"}
        self._moving_names = {
            normalised("pypi", package.name): package for package in moving if package.ecosystem == "pypi"
        }

    def owners(self) -> Iterator[Site]:
        for source, package in sorted(self._sources.items(), key=lambda item: (item[0].path, item[0].keys)):
            said = package.version or ""
            yield Site("version", source.spelling, package.name, said, source.manifest, source.path, source.keys, True)

    def cargo_requirements(self) -> Iterator[Site]:
        for path, manifest in sorted(self._workspace.tree.cargo.items()):
            for dependency in dependencies(manifest):
                inherited = dependency.shared and (path, dependency.name) in self._inherited
                published = inherited or (not dependency.shared and path in self._built)
                yield from self._cargo_site(manifest, dependency, published)

    def python_requirements(self) -> Iterator[Site]:
        if not self._moving_names:
            return
        for manifest in self._workspace.tree.python.values():
            for keys, text in _python_requirements(manifest):
                name = requirement.name_in_python(text)
                package = self._moving_names.get(normalised("pypi", name)) if name else None
                if package:
                    published = manifest.path in self._built
                    yield Site("requirement", "pypi", package.name, text, manifest, manifest.path, keys, published)

    def entries(self, lock: Lock) -> Iterator[Site]:
        for entry, package in meant(self._workspace, lock):
            if package.manifest in self._moving_crates:
                published = package.manifest in self._built
                yield Site(
                    "lock", "cargo", entry.name, entry.says, lock, lock.path, entry.keys, published, entry.before
                )

    def _cargo_site(self, manifest: Manifest, dependency: Dependency, published: bool) -> Iterator[Site]:
        if dependency.version is None or dependency.target is None:
            return
        package = self._moving_crates.get(dependency.target)
        if package is None and (target := self._workspace.tree.crate(dependency.target)):
            package = self._moving_crates.get(target.path)
        if package:
            keys = (*dependency.keys, "version")
            said = dependency.version
            yield Site("requirement", "cargo", package.name, said, manifest, manifest.path, keys, published)

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


def meant(workspace: Workspace, lock: Lock) -> Iterator[tuple[Entry, Package]]:
    """Match the entries of a lock file with the crates they stand for; what lies outside the checkout has none.

    Crates of one name, which a lock file tells apart by version, are told apart by that here too, as far as it goes;
    those of the lock file's own workspace come first.
    """
    crates: dict[str, list[Package]] = {}
    for package in sorted(workspace.packages, key=lambda package: lock_of(package.root or "") != lock.path):
        if package.ecosystem == "cargo":
            crates.setdefault(package.name, []).append(package)
    entries: dict[str, list[Entry]] = {}
    for entry in lock.entries:
        if not entry.before:
            entries.setdefault(entry.name, []).append(entry)
    found: dict[int, Package] = {}
    for name, own in entries.items():
        candidates = crates.get(name, [])[: len(own)]
        for entry in sorted(own, key=lambda entry: all(entry.version != each.version for each in candidates)):
            if candidates:
                same = [index for index, each in enumerate(candidates) if each.version == entry.version]
                found[entry.number] = candidates.pop(same[0] if same else 0)
    for entry in lock.entries:
        if entry.number in found:
            yield entry, found[entry.number]


def _python_requirements(manifest: Manifest) -> Iterator[tuple[Keys, str]]:
    """The requirements of a `pyproject.toml`: PEP 621, PEP 735 and PEP 518."""
    arrays: list[Keys] = [("project", "dependencies"), ("build-system", "requires")]
    for table in (("project", "optional-dependencies"), ("dependency-groups",)):
        arrays += [(*table, name) for name in manifest.table(*table)]
    for keys in arrays:
        for index, text in strings(manifest.get(*map(str, keys))):
            yield (*keys, index), text
