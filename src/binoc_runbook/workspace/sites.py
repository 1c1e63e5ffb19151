"""Every place of a checkout that owns or quotes a published version (what the sync check asks and set-version edits).

A version is *owned* by `[package]`, `[workspace.package]` or `[project]`. It is *quoted* by requirements between our
own packages and by the entries of `Cargo.lock` for them; `requirement.py` has the rule for requirements. Packages that
are not published but take their version from the same line as one that is move along with it, and so does what quotes
them: a requirement that was left behind would break the build.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from binoc_runbook.policy import normalised
from binoc_runbook.workspace import requirement
from binoc_runbook.workspace.lock import Lock
from binoc_runbook.workspace.manifest import Manifest, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.finding import Place
    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace
    from binoc_runbook.workspace.cargo import Dependency
    from binoc_runbook.workspace.package import Ecosystem, Package
    from binoc_runbook.workspace.spans import Keys

Kind = Literal["version", "requirement", "lock"]


@dataclass(frozen=True, slots=True)
class Site:
    """One place that owns or quotes a version.

    `package` is the name of what it speaks of, `says` the string that stands there, `spelling` whose way of writing
    versions it follows. `published` says whether something published depends on it; where nothing does, it may be out
    of step without holding a release up.
    """

    kind: Kind
    spelling: Ecosystem
    package: str
    says: str
    document: Manifest | Lock = field(compare=False, repr=False)
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
    locks = tuple(Lock(workspace.root, path) for path in workspace.lock_files)
    found = (*finder.owners(), *finder.cargo_requirements(), *finder.python_requirements())
    return Sites((*found, *(site for lock in locks for site in finder.entries(lock))), locks)


def built(workspace: Workspace, policy: Policy) -> set[str]:
    """The manifests that published artifacts are built from: their own, and the crates inside distributions."""
    published = workspace.published(policy)
    return {package.manifest for package in published} | {package.crate for package in published if package.crate}


class _Finder:
    def __init__(self, workspace: Workspace, policy: Policy) -> None:
        self._workspace = workspace
        self._crates = workspace.crates
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
        for crate in list(self._crates):
            for dependency in crate.dependencies:
                yield from self._cargo_site(crate.manifest, dependency, crate.path in self._built)
            for name, dependency in crate.shared_dependencies.items():
                yield from self._cargo_site(crate.manifest, dependency, (crate.path, name) in self._inherited)

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
        here = crates_of(self._workspace, lock)
        for entry in lock.entries:
            package = here.get(entry.name)
            if package and package.manifest in self._moving_crates:
                published = package.manifest in self._built
                yield Site(
                    "lock", "cargo", entry.name, entry.says, lock, lock.path, entry.keys, published, entry.before
                )

    def _cargo_site(self, manifest: Manifest, dependency: Dependency, published: bool) -> Iterator[Site]:
        if dependency.version is None or dependency.target is None:
            return
        package = self._moving_crates.get(dependency.target)
        if package is None and (crate := self._crates.at(dependency.target)):
            package = self._moving_crates.get(crate.path)
        if package:
            keys = (*dependency.keys, "version")
            said = dependency.version
            yield Site("requirement", "cargo", package.name, said, manifest, manifest.path, keys, published)

    @cached_property
    def _inherited(self) -> set[tuple[str, str]]:
        """What published artifacts take from `[workspace.dependencies]`: the workspace's manifest and the name."""
        return {
            (self._crates.root_of.get(crate.path, ""), dependency.name)
            for crate in self._crates
            if crate.path in self._built
            for dependency in crate.dependencies
            if dependency.target is None
        }


def crates_of(workspace: Workspace, lock: Lock) -> dict[str, Package]:
    """The crates that the entries of a lock file mean, by name: those of its own workspace before any other."""
    root = f"{lock.path.removesuffix('Cargo.lock')}Cargo.toml"
    crates = [package for package in workspace.packages if package.ecosystem == "cargo"]
    found = {package.name: package for package in crates}
    return found | {package.name: package for package in crates if package.root == root}


def _python_requirements(manifest: Manifest) -> Iterator[tuple[Keys, str]]:
    """The requirements of a `pyproject.toml`: PEP 621, PEP 735 and PEP 518."""
    arrays: list[Keys] = [("project", "dependencies"), ("build-system", "requires")]
    for table in (("project", "optional-dependencies"), ("dependency-groups",)):
        arrays += [(*table, name) for name in manifest.table(*table)]
    for keys in arrays:
        for index, text in strings(manifest.get(*map(str, keys))):
            yield (*keys, index), text
