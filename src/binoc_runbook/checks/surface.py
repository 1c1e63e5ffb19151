"""Whether exactly the declared artifacts can be published.

What the policy promises is compared with what cargo reports about the crates and with the classifiers of the
distributions. A crate without `publish = false`, or a distribution without a `Private ::` classifier, can be published
by one wrong command; it is named with its line and the edit that closes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import MANIFEST_OF, NAMES, Artifact, Policy
from binoc_runbook.workspace import REGISTRY, Package, Workspace
from binoc_runbook.workspace.manifest import strings
from binoc_runbook.workspace.python import is_private

CHECK = "surface"
#: The name under which `package.publish` allows crates.io (Cargo book, *The publish field*).
CRATES_IO = "crates-io"


def surface(workspace: Workspace, policy: Policy) -> Findings:
    """Compare the policy with the manifests; where cargo reports nothing about them, the answer is unknown."""
    findings = [*workspace.problems, *workspace.cargo_errors(CHECK)]
    for artifact in policy.artifacts:
        findings += _artifact(artifact, workspace.package_of(artifact))
    if policy.declared:
        findings += (_undeclared(package) for package in _others(workspace, policy) if package.publishable)
    else:
        findings.append(_no_promise(workspace))
    return Findings(findings)


def withheld(workspace: Workspace, policy: Policy) -> Findings:
    """Ask of each crate that the policy does not declare whether its manifest keeps it from being published."""
    findings: list[Finding] = []
    for package in _others(workspace, policy):
        if package.ecosystem != "cargo":
            continue
        if package.publishable:
            findings.append(_undeclared(package))
        elif package.publishable is None:
            saw = f"`publish` of `{package.name}` is inherited, and cargo reports nothing: {package.cargo_error}"
            remedy = f"cargo metadata --no-deps --manifest-path {package.manifest}"
            findings.append(Finding.unknown(CHECK, _publish_place(package), saw, remedy))
        else:
            findings.append(Finding.ok(CHECK, _publish_place(package), f"`{package.name}` cannot be published"))
    return Findings(findings)


def _others(workspace: Workspace, policy: Policy) -> Iterator[Package]:
    """The packages that the policy does not declare."""
    declared = [workspace.package_of(artifact) for artifact in policy.artifacts]
    return (package for package in workspace.packages if not any(package is other for other in declared))


def _artifact(artifact: Artifact, package: Package | None) -> Iterator[Finding]:
    what = f"`{artifact.name}` for {NAMES[artifact.registry]}"
    if package is None:
        kind = f"`{MANIFEST_OF[artifact.registry]}`"
        saw = f"the policy declares {what}, and no {kind} has that name"
        yield Finding.failed(CHECK, artifact.source, saw, f"name it in a {kind} in `{artifact.path}`")
        return
    if package.directory != artifact.path:
        saw = f"the policy says that `{package.name}` lies in `{artifact.path}`, and it lies in `{package.directory}`"
        yield Finding.failed(CHECK, artifact.source, saw, f'write `path = "{package.directory}"`')
    place = _publish_place(package)
    if package.publishable is False or _other_registries(package):
        why, remedy = _obstacle(package, place)
        yield Finding.failed(CHECK, place, f"the policy declares {what}, and {why}", remedy)
    elif package.directory == artifact.path and package.publishable:
        place = package.document.place("package" if package.ecosystem == "cargo" else "project", "name")
        yield Finding.ok(CHECK, place, f"{what} can be published, as the policy declares")


def _obstacle(package: Package, place: Place) -> tuple[str, str]:
    """What keeps a declared package from being published, and the edit that opens it."""
    if package.ecosystem == "pypi":
        return "a classifier makes PyPI refuse it", f"remove the classifier in `{place}`"
    if others := _other_registries(package):
        return f"`publish` allows only {others}", f'add "{CRATES_IO}" to `publish` in `{place}`'
    if package.source is None:
        remedy = f"write its version under `[package]` in `{package.manifest}`"
        return f"without a version Cargo does not publish it ({package.reason})", remedy
    return "its manifest does not let Cargo publish it", f"write `publish = true` in `{place}`"


def _undeclared(package: Package) -> Finding:
    place = _publish_place(package)
    if others := _other_registries(package):
        saw = f"`{package.name}` can be published to {others}, of which the policy says nothing"
        return Finding.warning(CHECK, place, saw)
    registry = NAMES[REGISTRY[package.ecosystem]]
    saw = f"`{package.name}` can be published to {registry}, and the policy does not declare it"
    remedy = f"write `publish = false` under `[package]` in `{place.path}`"
    if package.ecosystem == "pypi":
        remedy = f'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `{place.path}`'
    return Finding.failed(CHECK, place, saw, remedy)


def _other_registries(package: Package) -> str:
    """The registries that a crate names without naming crates.io; empty where it names crates.io, or none at all."""
    registries = package.registries or ()
    return "" if CRATES_IO in registries else ", ".join(f"`{registry}`" for registry in registries)


def _no_promise(workspace: Workspace) -> Finding:
    names = [
        f"`{package.name}` ({NAMES[REGISTRY[package.ecosystem]]})"
        for package in workspace.packages
        if package.publishable
    ]
    question = "what would be published"
    remedy = "declare the artifacts in `[tool.binoc-runbook]` of `pyproject.toml`"
    if not names:
        return Finding.failed(CHECK, question, "no promise is declared, and nothing can be published", remedy)
    saw = f"no promise is declared; what can be published is {', '.join(names)}"
    return Finding.warning(CHECK, question, saw, remedy)


def _publish_place(package: Package) -> Place:
    """The line that says whether a package may be published; the one with its name where none does."""
    document = package.document
    if package.ecosystem == "cargo":
        keys = ("package", "name") if document.get("package", "publish") is None else ("package", "publish")
        return document.place(*keys)
    for index, text in strings(document.get("project", "classifiers")):
        if is_private(text):
            return document.place("project", "classifiers", index)
    return document.place("project", "classifiers" if document.get("project", "classifiers") else "name")
