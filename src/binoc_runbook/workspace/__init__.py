"""Every manifest of a checkout: what could be published from it, under which version, and where that is written.

    workspace = Workspace.discover(Path("."))
    for package in workspace.packages: ...

Discovery reads and nothing else: it starts no process, and what is wrong with a manifest is a finding.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from binoc_runbook.finding import Findings
from binoc_runbook.policy import MANIFEST_OF, normalised
from binoc_runbook.version import Version, VersionError
from binoc_runbook.workspace import python
from binoc_runbook.workspace.cargo import Crates
from binoc_runbook.workspace.package import Ecosystem, Orphan, Package, Source
from binoc_runbook.workspace.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from binoc_runbook.policy import Artifact, Policy, Registry

__all__ = ["Ecosystem", "Orphan", "Package", "Source", "Workspace"]

#: Which registry takes the packages of which ecosystem.
REGISTRY: dict[Ecosystem, Registry] = {"cargo": "crates.io", "pypi": "pypi"}


@dataclass(frozen=True)
class Workspace:
    """What lies in one checkout.

    `packages` and `orphans` are in the order of their paths, `problems` says what could not be read, `lock_files` are
    the `Cargo.lock`s and `cargo_roots` the manifests to ask `cargo metadata` about, one for each Cargo workspace and
    each crate that stands alone. All paths are from the root, with forward slashes.
    """

    root: Path
    packages: tuple[Package, ...]
    orphans: tuple[Orphan, ...]
    problems: Findings
    lock_files: tuple[str, ...]
    cargo_roots: tuple[str, ...]
    tree: Tree
    crates: Crates

    @classmethod
    def discover(cls, root: Path) -> Workspace:
        """Read every manifest below a folder.

        Hidden folders, `node_modules`, virtual environments and caches are passed over. Raises nothing for what it
        finds: a manifest that cannot be read is an orphan and a problem.
        """
        with _uncollected():
            tree = Tree(root)
            crates = Crates(tree)
            packages, orphans = crates.read()
            by_manifest = {package.manifest: package for package in packages}
            for manifest in tree.python.values():
                read = python.read(manifest, by_manifest)
                if isinstance(read, Package):
                    packages.append(read)
                else:
                    orphans.append(read)
        orphans += (Orphan(path, "it is a link that leads nowhere") for path in tree.dead_links)
        manifests = (*tree.cargo.values(), *tree.python.values())
        unread = (manifest.problem for manifest in manifests if manifest.problem)
        return cls(
            root=root,
            packages=tuple(sorted(packages, key=lambda package: package.manifest)),
            orphans=tuple(sorted(orphans, key=lambda orphan: orphan.manifest)),
            problems=Findings([*tree.problems, *unread]),
            lock_files=tuple(tree.locks),
            cargo_roots=tuple(sorted({package.root for package in packages if package.root})),
            tree=tree,
            crates=crates,
        )

    def packages_to_publish(self, policy: Policy) -> tuple[Package, ...]:
        """What a release publishes: the artifacts of the policy that exist; without one, whatever can be published."""
        if not policy.declared:
            return tuple(package for package in self.packages if package.publishable)
        found = (self.package_of(artifact) for artifact in policy.artifacts)
        return tuple(package for package in found if package)

    def package_of(self, artifact: Artifact) -> Package | None:
        """The package that an artifact of the policy means: of its name, in its folder if there are several."""
        named = [
            package
            for package in self.packages
            if MANIFEST_OF[artifact.registry] == package.manifest.rpartition("/")[2]
            and normalised(artifact.registry, package.name) == normalised(artifact.registry, artifact.name)
        ]
        return next((package for package in named if package.folder == artifact.path), named[0] if named else None)

    def version(self, policy: Policy) -> Version | None:
        """The version that everything published agrees on; `None` where they differ or one is not known."""
        said = {_version(package) for package in self.packages_to_publish(policy)}
        return said.pop() if len(said) == 1 else None

    def to_json(self) -> dict[str, object]:
        """The workspace as `inspect --json` shows it (schema 1)."""
        return {
            "schema": 1,
            "packages": [package.to_json() for package in self.packages],
            "orphans": [orphan.to_json() for orphan in self.orphans],
        }


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking through what is being read, again and again; none of it is garbage.

    It is a sixth of the time that a thousand manifests take, and more than that of ten thousand.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _version(package: Package) -> Version | None:
    if package.source is None:
        return None
    read = Version.parse if package.source.spelling == "cargo" else Version.from_pep440
    try:
        return read(package.version)
    except VersionError:
        return None
