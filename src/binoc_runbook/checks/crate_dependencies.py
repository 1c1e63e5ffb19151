"""Check that crates.io accepts the dependencies of a published crate.

Cargo removes `path` and `git` when it packages a crate, so each dependency needs a version that crates.io has (Cargo
book, *Multiple locations*). Development dependencies by path or from git without a version are removed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.finding import Place
from binoc_runbook.workspace import Package, Workspace
from binoc_runbook.workspace.cargo_metadata import CargoDependency
from binoc_runbook.workspace.manifest_tree import manifest_in

#: The name under which `package.publish` and `registry` allow crates.io (Cargo book, *The publish field*).
CRATES_IO = "crates-io"

#: Cargo also reads the names with an underscore, before edition 2024.
_TABLES = {
    "normal": ("dependencies",),
    "build": ("build-dependencies", "build_dependencies"),
    "dev": ("dev-dependencies", "dev_dependencies"),
}


def refused_dependencies(workspace: Workspace, package: Package) -> Iterator[tuple[Place, str, str]]:
    """Yield the place of each dependency that prevents publishing a crate, the reason, and the edit that fixes it."""
    for dependency in package.dependencies:
        if refusal := _refusal(workspace, dependency):
            place = _place(workspace, package, dependency)
            reason, edit = refusal
            yield place, f"`{package.name}` cannot be published: {reason}", f"{edit} in `{place}`"


def _refusal(workspace: Workspace, dependency: CargoDependency) -> tuple[str, str] | None:
    """Return why a dependency cannot be published, and the edit."""
    name, unversioned = f"`{dependency.name}`", dependency.requirement == "*"
    if dependency.registry:
        edit = f"remove `registry` or `registry-index` of {name}"
        return f"{name} comes from another registry, which crates.io does not allow", edit
    local = dependency.path is not None or dependency.git
    if local and unversioned and dependency.kind == "dev":
        return None
    target = _target(workspace, dependency)
    if target and (target.publishable is False or CRATES_IO not in (target.registries or (CRATES_IO,))):
        reason = f"it depends on `{target.name}`, which `publish` in `{target.manifest}` keeps off crates.io"
        edit = (
            f"remove `version` of {name}" if dependency.kind == "dev" else f"publish `{target.name}`, or remove {name}"
        )
        return reason, edit
    if not unversioned:
        return None
    edit = f'write the required version, such as `version = "1.2.3"`, for {name}'
    if target and target.version:
        edit = f'write `version = "{target.version}"` for {name}'
    if local:
        source = "path" if dependency.path is not None else "git"
        return f"{name} has `{source}` but no version requirement, and Cargo packages only the requirement", edit
    return f"{name} has the requirement `*`, which crates.io does not allow", edit


def _target(workspace: Workspace, dependency: CargoDependency) -> Package | None:
    """Return the package of this checkout that a dependency by path names, if there is one."""
    manifest = workspace.tree.crate(manifest_in(dependency.path)) if dependency.path else None
    return workspace.crates.get(manifest.path) if manifest else None


def _place(workspace: Workspace, package: Package, dependency: CargoDependency) -> Place:
    """Return the line of a dependency, or the one in `[workspace.dependencies]` that it inherits."""
    document, root = package.document, workspace.tree.cargo.get(package.root or "")
    target = ("target", dependency.target) if dependency.target else ()
    for table in _TABLES[dependency.kind]:
        keys = (*target, table, dependency.name)
        if document.get(*keys, "workspace") is True and root:
            return root.place("workspace", "dependencies", dependency.name)
        if document.get(*keys) is not None:
            return document.place(*keys)
    return document.place("package", "name")
