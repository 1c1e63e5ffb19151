"""Every manifest of a checkout: what could be published from it, under which version, and where that is written.

    workspace = World.real(Path(".")).workspace()
    for package in workspace.packages: ...

Discovery reads and nothing else: cargo's reports come from its caller, and what is wrong with a manifest is a finding.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import MANIFEST_OF, Artifact, Policy, Registry, normalised
from binoc_runbook.workspace import python
from binoc_runbook.workspace.cargo import Crates
from binoc_runbook.workspace.cargo_metadata import CargoMetadata, ReadMetadata
from binoc_runbook.workspace.manifest_tree import ManifestTree
from binoc_runbook.workspace.package import Ecosystem, Orphan, Package, Source

__all__ = ["Ecosystem", "Orphan", "Package", "Source", "Workspace"]

#: Which registry takes the packages of which ecosystem.
REGISTRY: dict[Ecosystem, Registry] = {"cargo": "crates.io", "pypi": "pypi"}


@dataclass(frozen=True)
class Workspace:
    """The manifests of one checkout.

    `packages` and `orphans` are in the order of their paths, `problems` says what could not be read. `cargo_roots`
    are the manifests of the Cargo workspaces that cargo reported, and of the crates that are in none; `unreported` are
    those for which cargo had an error instead. All paths are from the root, with forward slashes.
    """

    root: Path
    packages: tuple[Package, ...]
    orphans: tuple[Orphan, ...]
    problems: Findings
    cargo_roots: tuple[str, ...]
    unreported: Mapping[str, CargoMetadata]
    tree: ManifestTree

    @classmethod
    def discover(cls, root: Path, read_metadata: ReadMetadata) -> Workspace:
        """Read every manifest below a directory; `World.workspace` does it with cargo itself.

        Hidden directories, `node_modules`, virtual environments and caches are not searched, except for members that
        cargo reports there. A manifest that cannot be read is an orphan and a problem, never an exception.
        `read_metadata` is called at most once for each Cargo root, from several threads.
        """
        with _uncollected():
            tree = ManifestTree(root)
            crates = Crates(tree, read_metadata)
            packages, orphans = list(crates.packages.values()), crates.orphans
            for manifest in tree.python.values():
                read = python.read(manifest, crates.packages)
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
            cargo_roots=tuple(sorted({package.root for package in packages if package.root})),
            unreported=crates.unreported,
            tree=tree,
        )

    def cargo_errors(self, check: str) -> Iterator[Finding]:
        """Report each error of cargo once, as unknown: nothing is known about the workspace that it read."""
        reported = set()
        for root, report in self.unreported.items():
            if report.error not in reported:
                reported.add(report.error)
                looked_at = f"cargo metadata --no-deps --manifest-path {root}"
                yield Finding.unknown(check, looked_at, f"cargo reports nothing: {report.error}", report.remedy)

    def packages_to_publish(self, policy: Policy) -> tuple[Package, ...]:
        """What a release publishes: the artifacts of the policy that exist; without one, whatever can be published."""
        if not policy.declared:
            return tuple(package for package in self.packages if package.publishable)
        found = (self.package_of(artifact) for artifact in policy.artifacts)
        return tuple(package for package in found if package)

    def package_of(self, artifact: Artifact) -> Package | None:
        """The package that an artifact of the policy means: of its name, in its directory if there are several."""
        named = [
            package
            for package in self.packages
            if MANIFEST_OF[artifact.registry] == package.manifest.rpartition("/")[2]
            and normalised(artifact.registry, package.name) == normalised(artifact.registry, artifact.name)
        ]
        return next((package for package in named if package.directory == artifact.path), named[0] if named else None)

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
