"""Check that exactly the declared artifacts can be published.

The policy is compared with cargo's metadata of the crates and with the classifiers of the distributions. One wrong
command can publish a crate without `publish = false`, or a distribution without a `Private ::` classifier. The finding
has the line, and the edit that prevents it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from binoc_runbook.checks.crate_dependencies import CRATES_IO, refused_dependencies
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import MANIFEST_OF, NAMES, Artifact, Policy
from binoc_runbook.workspace import REGISTRY, Package, Workspace
from binoc_runbook.workspace.manifest import strings
from binoc_runbook.workspace.python import is_private

CHECK = "surface"


def surface(workspace: Workspace, policy: Policy) -> Findings:
    """Compare the policy with the manifests; a workspace that cargo cannot read is unknown."""
    findings = [*workspace.problems, *workspace.cargo_errors(CHECK)]
    for artifact in policy.artifacts:
        findings += _artifact(artifact, workspace.package_of(artifact), workspace)
    if policy.declared:
        findings += (_undeclared(package) for package in _others(workspace, policy) if package.publishable)
    else:
        findings.append(_without_policy(workspace))
        for package in workspace.packages:
            findings += (replace(finding, status="warning") for finding in _dependencies(workspace, package))
    return Findings(findings)


def withheld(workspace: Workspace, policy: Policy) -> Findings:
    """Check that each crate that the policy does not declare cannot be published."""
    findings: list[Finding] = []
    for package in _others(workspace, policy):
        if package.ecosystem != "cargo":
            continue
        if package.publishable:
            findings.append(_undeclared(package))
        elif package.publishable is None:
            saw = f"`publish` of `{package.name}` is inherited, and cargo cannot read it: {package.cargo_error}"
            remedy = f"cargo metadata --no-deps --manifest-path {package.manifest}"
            findings.append(Finding.unknown(CHECK, _publish_place(package), saw, remedy))
        else:
            findings.append(Finding.ok(CHECK, _publish_place(package), f"`{package.name}` cannot be published"))
    return Findings(findings)


def _dependencies(workspace: Workspace, package: Package) -> Iterator[Finding]:
    """Check that crates.io accepts the dependencies of a crate that can be published there."""
    if package.publishable and not _other_registries(package):
        for place, saw, remedy in refused_dependencies(workspace, package):
            yield Finding.failed(CHECK, place, saw, remedy)


def _others(workspace: Workspace, policy: Policy) -> Iterator[Package]:
    """Return the packages that the policy does not declare."""
    declared = [workspace.package_of(artifact) for artifact in policy.artifacts]
    return (package for package in workspace.packages if not any(package is other for other in declared))


def _artifact(artifact: Artifact, package: Package | None, workspace: Workspace) -> Iterator[Finding]:
    what = f"`{artifact.name}` for {NAMES[artifact.registry]}"
    if package is None:
        kind = f"`{MANIFEST_OF[artifact.registry]}`"
        saw = f"the policy declares {what}, but no {kind} has that name"
        remedy = f'write `name = "{artifact.name}"` in a {kind} in `{artifact.path}`'
        yield Finding.failed(CHECK, artifact.source, saw, remedy)
        return
    if package.directory != artifact.path:
        saw = f"the policy has the path `{artifact.path}` for `{package.name}`, which is in `{package.directory}`"
        yield Finding.failed(CHECK, artifact.source, saw, f'write `path = "{package.directory}"`')
    place = _publish_place(package)
    if package.publishable is False or _other_registries(package):
        why, remedy = _obstacle(package, place)
        yield Finding.failed(CHECK, place, f"the policy declares {what}, but {why}", remedy)
    elif refused := list(_dependencies(workspace, package)):
        yield from refused
    elif package.directory == artifact.path and package.publishable:
        place = package.document.place("package" if package.ecosystem == "cargo" else "project", "name")
        yield Finding.ok(CHECK, place, f"{what} can be published, as the policy declares")


def _obstacle(package: Package, place: Place) -> tuple[str, str]:
    """Return why a declared package cannot be published, and the edit that allows it."""
    if package.ecosystem == "pypi":
        return "PyPI rejects its classifier", f"remove the classifier in `{place}`"
    if others := _other_registries(package):
        return f"`publish` allows only {others}", f'add "{CRATES_IO}" to `publish` in `{place}`'
    if package.source is None:
        remedy = f"write its version under `[package]` in `{package.manifest}`"
        return f"Cargo does not publish a crate without a version ({package.reason})", remedy
    return "its manifest prevents Cargo from publishing it", f"write `publish = true` in `{place}`"


def _undeclared(package: Package) -> Finding:
    place = _publish_place(package)
    if others := _other_registries(package):
        saw = f"`{package.name}` can be published to {others}, and the policy does not declare it"
        return Finding.warning(CHECK, place, saw)
    registry = NAMES[REGISTRY[package.ecosystem]]
    saw = f"`{package.name}` can be published to {registry}, and the policy does not declare it"
    remedy = f"write `publish = false` under `[package]` in `{place.path}`"
    if package.ecosystem == "pypi":
        remedy = f'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `{place.path}`'
    return Finding.failed(CHECK, place, saw, remedy)


def _other_registries(package: Package) -> str:
    """Return the registries that a crate allows if crates.io is not among them, otherwise an empty text."""
    registries = package.registries or ()
    return "" if CRATES_IO in registries else ", ".join(f"`{registry}`" for registry in registries)


def _without_policy(workspace: Workspace) -> Finding:
    names = [
        f"`{package.name}` ({NAMES[REGISTRY[package.ecosystem]]})"
        for package in workspace.packages
        if package.publishable
    ]
    looked_at = "packages that can be published"
    remedy = "declare the artifacts in `[tool.binoc-runbook]` of `pyproject.toml`"
    if not names:
        return Finding.failed(CHECK, looked_at, "no policy is declared, and no package can be published", remedy)
    saw = f"no policy is declared; these packages can be published: {', '.join(names)}"
    return Finding.warning(CHECK, looked_at, saw, remedy)


def _publish_place(package: Package) -> Place:
    """Return the line that allows or prevents publishing a package, or the line of its name if there is none."""
    document = package.document
    if package.ecosystem == "cargo":
        keys = ("package", "name") if document.get("package", "publish") is None else ("package", "publish")
        return document.place(*keys)
    for index, text in strings(document.get("project", "classifiers")):
        if is_private(text):
            return document.place("project", "classifiers", index)
    return document.place("project", "classifiers" if document.get("project", "classifiers") else "name")
