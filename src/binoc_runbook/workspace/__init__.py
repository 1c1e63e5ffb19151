"""The manifests of a checkout, and the packages that they define, with their versions.

    workspace = World.real(Path(".")).workspace()
    for package in workspace.packages: ...

Discovery only reads files. The caller provides the output of cargo, and errors in manifests are findings.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import MANIFEST_OF, Artifact, Policy, Registry, normalised
from binoc_runbook.workspace import python
from binoc_runbook.workspace.cargo import Crates
from binoc_runbook.workspace.cargo_metadata import CargoMetadata, LockResult, ReadMetadata
from binoc_runbook.workspace.dependencies import dependencies
from binoc_runbook.workspace.manifest_tree import ManifestTree
from binoc_runbook.workspace.package import Ecosystem, Orphan, Package, Source

__all__ = ["Ecosystem", "Orphan", "Package", "Source", "Workspace"]

#: The registry of each ecosystem.
REGISTRY: dict[Ecosystem, Registry] = {"cargo": "crates.io", "pypi": "pypi"}


@dataclass(frozen=True)
class Workspace:
    """The manifests of one checkout.

    `packages` and `orphans` are ordered by path. `problems` lists the files that could not be read. `cargo_roots` are
    the root manifests of the Cargo workspaces, and the manifests of crates outside a workspace. `unreported` maps
    manifests to the errors that cargo reported for them, and `lock_results` the root manifests to what cargo reported
    about lock files that it did not accept. All paths are relative to `root`, with forward slashes.
    """

    root: Path
    packages: tuple[Package, ...]
    orphans: tuple[Orphan, ...]
    problems: Findings
    cargo_roots: tuple[str, ...]
    unreported: Mapping[str, CargoMetadata]
    lock_results: Mapping[str, LockResult]
    tree: ManifestTree

    @classmethod
    def discover(cls, root: Path, read_metadata: ReadMetadata) -> Workspace:
        """Read all manifests below a directory; `World.workspace` calls this with the real cargo.

        Hidden directories, `node_modules`, virtual environments and caches are skipped, except for members that cargo
        reports there. A manifest that cannot be read is an orphan and a problem, never an exception. `read_metadata` is
        called at most once for each Cargo root, from several threads.
        """
        with _garbage_collection_disabled():
            tree = ManifestTree(root)
            crates = Crates(tree, _refuse_special(tree) if tree.special else read_metadata)
            packages, orphans = list(crates.packages.values()), crates.orphans
            for manifest in tree.python.values():
                distribution = python.read(manifest, crates.packages)
                if isinstance(distribution, Package):
                    packages.append(distribution)
                else:
                    orphans.append(distribution)
        orphans += (Orphan(path, "it is a broken symbolic link") for path in tree.broken_links)
        manifests = (*tree.cargo.values(), *tree.python.values())
        unread = (manifest.problem for manifest in manifests if manifest.problem)
        return cls(
            root=root,
            packages=tuple(sorted(packages, key=lambda package: package.manifest)),
            orphans=tuple(sorted(orphans, key=lambda orphan: orphan.manifest)),
            problems=Findings([*tree.problems, *unread]),
            cargo_roots=tuple(sorted({package.root for package in packages if package.root})),
            unreported=crates.unreported,
            lock_results=crates.locks,
            tree=tree,
        )

    @cached_property
    def crates(self) -> Mapping[str, Package]:
        """Return the crates by the paths of their manifests."""
        return {package.manifest: package for package in self.packages if package.ecosystem == "cargo"}

    def cargo_errors(self, check: str) -> Iterator[Finding]:
        """Yield one unknown finding for each different error of cargo."""
        reported = set()
        for root, report in self.unreported.items():
            if report.error not in reported:
                reported.add(report.error)
                looked_at = f"cargo metadata --no-deps --manifest-path {root}"
                yield Finding.unknown(check, looked_at, f"`cargo metadata` failed: {report.error}", report.remedy)

    def packages_to_publish(self, policy: Policy) -> tuple[Package, ...]:
        """Return the packages of the artifacts of the policy; without a policy, all publishable packages."""
        if not policy.declared:
            return tuple(package for package in self.packages if package.publishable)
        packages = (self.package_of(artifact) for artifact in policy.artifacts)
        return tuple(package for package in packages if package)

    def package_of(self, artifact: Artifact) -> Package | None:
        """Return the package with the name of an artifact; of several, the one in the directory of the artifact."""
        named = [
            package
            for package in self.packages
            if MANIFEST_OF[artifact.registry] == package.manifest.rpartition("/")[2]
            and normalised(artifact.registry, package.name) == normalised(artifact.registry, artifact.name)
        ]
        return next((package for package in named if package.directory == artifact.path), named[0] if named else None)

    def published_dependencies(self, policy: Policy) -> dict[str, frozenset[str]]:
        """Return, for each crate of the policy, the other crates of the policy whose versions its manifest requires.

        Cargo removes dependencies without a version from the published manifest only if they are for development
        (Cargo book, *Specifying Dependencies*), and `cargo publish` refuses all others.
        """
        crates = [artifact for artifact in policy.artifacts if artifact.registry == "crates.io"]
        names = {package.manifest: artifact.name for artifact in crates if (package := self.package_of(artifact))}
        return {
            names[package.manifest]: frozenset(self._required_crates(package, names))
            for package in self.packages
            if package.manifest in names
        }

    def _required_crates(self, package: Package, names: Mapping[str, str]) -> Iterator[str]:
        root = self.tree.crate(package.root) if package.root else None
        shared = {entry.name: entry for entry in dependencies(root) if entry.shared} if root else {}
        for dependency in dependencies(package.document):
            entry = dependency if dependency.target else shared.get(dependency.name)
            target = self.tree.crate(entry.target) if entry and entry.target and entry.version else None
            if target and not dependency.shared and target.path in names and target.path != package.manifest:
                yield names[target.path]

    def to_json(self) -> dict[str, object]:
        """Return the output of `inspect --json` (schema 1)."""
        return {
            "schema": 1,
            "packages": [package.to_json() for package in self.packages],
            "orphans": [orphan.to_json() for orphan in self.orphans],
        }


def _refuse_special(tree: ManifestTree) -> ReadMetadata:
    """Return a function that reports an error instead of running cargo, which would read a FIFO without end."""
    path = tree.special[0]
    error = CargoMetadata(
        error=f"not run, because `{path}` is not a regular file", remedy=f"git checkout HEAD -- {path}"
    )
    return lambda manifest: error


@contextmanager
def _garbage_collection_disabled() -> Iterator[None]:
    """Disable garbage collection while manifests are read: all objects are kept.

    Collection takes about a sixth of the time to read 1,000 manifests, and a larger part for 10,000.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
