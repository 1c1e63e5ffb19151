"""The crates of a checkout, from the output of cargo and the lines of their manifests.

Cargo decides which crates are in a workspace and which values they inherit. If cargo fails for a crate, its manifest is
read without cargo, and inherited values are unknown.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from binoc_runbook.workspace.cargo_metadata import CargoMetadata, CargoPackage, LockResult, ReadMetadata
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import CARGO, ManifestTree, manifest_in
from binoc_runbook.workspace.package import Orphan, Package, Source


class Crates:
    """The packages of a tree by manifest, its orphans, and the manifests for which cargo failed.

    `locks` maps the root manifests of workspaces whose lock file cargo did not accept to the reasons.

    Cargo runs once for each manifest with `[workspace]`, then once for each crate that is not in their output. It does
    not run for crates below a workspace that it cannot read, because it would fail with the same error.
    """

    def __init__(self, tree: ManifestTree, read_metadata: ReadMetadata) -> None:
        self._tree = tree
        self.packages: dict[str, Package] = {}
        self.orphans: list[Orphan] = []
        self.unreported: dict[str, CargoMetadata] = {}
        self.locks: dict[str, LockResult] = {}
        with ThreadPoolExecutor() as pool:
            reports = {
                manifest.path: pool.submit(read_metadata, manifest.path)
                for manifest in tree.read()
                if manifest.path.endswith(CARGO) and isinstance(manifest.get("workspace"), dict)
            }
            self._workspaces = set(reports)
            self._add((path, report.result()) for path, report in reports.items())
            standalone = [
                path
                for path, manifest in tree.cargo.items()
                if path not in self.packages
                and manifest.table("package")
                and _orphan_reason(manifest) is None
                and self._error(path) is None
            ]
            self._add(zip(standalone, pool.map(read_metadata, standalone), strict=True))
        for manifest in tree.cargo.values():
            if manifest.path not in self.packages:
                self._add_unlisted(manifest)

    def _error(self, path: str) -> CargoMetadata | None:
        """Return the error of cargo for a manifest or for a workspace above it, if any."""
        report = self.unreported.get(path)
        directory = path.rpartition("/")[0]
        while report is None and directory:
            directory = directory.rpartition("/")[0]
            root = manifest_in(directory)
            report = self.unreported.get(root) if root in self._workspaces else None
        return report

    def _add(self, reports: Iterable[tuple[str, CargoMetadata]]) -> None:
        for path, report in reports:
            if report.error:
                self.unreported[path] = report
                continue
            if report.lock:
                self.locks[path] = report.lock
            root = self._tree.crate(os.path.join(report.root, CARGO))  # noqa: PTH118 - a path as cargo prints it
            for crate in report.packages:
                manifest = self._tree.crate(crate.manifest)
                if manifest is None or manifest.problem or manifest.path in self.packages:
                    continue
                self.packages[manifest.path] = _package(manifest, crate, root)
            if path not in self.packages and self._tree.cargo[path].table("package"):
                error = "its output does not list this crate"
                self.unreported[path] = CargoMetadata(error=error, remedy=report.remedy)

    def _add_unlisted(self, manifest: Manifest) -> None:
        reason = _orphan_reason(manifest)
        report = self._error(manifest.path)
        if reason is None and report and "believes it's in a workspace" in report.error:
            reason = "its workspace neither lists nor excludes it, so cargo rejects it"
            self.unreported.pop(manifest.path, None)
        if reason is not None:
            self.orphans.append(Orphan(manifest.path, reason))
        elif manifest.table("package") and report:
            self.packages[manifest.path] = _package(manifest, _literal(manifest), None, report.error)


def _orphan_reason(manifest: Manifest) -> str | None:
    """Return why a manifest defines neither a crate nor a workspace, or `None` if it does."""
    package = manifest.table("package")
    if manifest.problem:
        return f"it {manifest.problem.saw}"
    if not package and not isinstance(manifest.get("workspace"), dict):
        return "it has neither `[package]` nor `[workspace]`"
    if package and (not isinstance(package.get("name"), str) or not package["name"]):
        return "its `[package]` has no name"
    return None


def _literal(manifest: Manifest) -> CargoPackage:
    """Read a crate from its manifest alone, for crates for which cargo failed."""
    package = manifest.table("package")
    publish = package.get("publish")
    # Without a version, Cargo uses 0.0.0 and `publish = false` (Cargo book, *The version field*).
    registries: tuple[str, ...] | None = () if publish is False or "version" not in package else None
    if isinstance(publish, list):
        registries = tuple(map(str, publish))
    return CargoPackage(package["name"], manifest.path, str(package.get("version")), registries)


def _package(manifest: Manifest, crate: CargoPackage, root: Manifest | None, error: str = "") -> Package:
    """Combine the output of cargo for a crate with its manifest; after an error, inherited values are unknown."""
    source, reason = _source(manifest, root)
    inherits_publish = isinstance(manifest.get("package", "publish"), dict)
    return Package(
        ecosystem="cargo",
        name=crate.name,
        manifest=manifest.path,
        version=crate.version if source else None,
        source=source,
        publishable=None if error and inherits_publish else crate.publish != (),
        document=manifest,
        reason=reason,
        registries=crate.publish or None,
        root=root.path if root else None,
        cargo_error=error,
        dependencies=crate.dependencies,
    )


def _source(manifest: Manifest, root: Manifest | None) -> tuple[Source | None, str]:
    """Return the source of the version of a crate, or why it is unknown; `root` is the manifest of its workspace."""
    version = manifest.get("package", "version")
    if version is None:
        return None, "`[package]` has no version"
    if isinstance(version, str):
        return Source(manifest, ("package", "version")), ""
    if root is None:
        return None, "its version is not a string, and cargo does not report its workspace"
    return Source(root, ("workspace", "package", "version")), ""
