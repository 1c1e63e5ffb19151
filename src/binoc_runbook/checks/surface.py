"""Whether exactly the declared artifacts can be published.

What the policy promises is compared with what cargo reports about the crates and with the classifiers of the
distributions. A crate without `publish = false`, or a distribution without a `Private ::` classifier, can be published
by one wrong command; it is named with its line and the edit that closes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import NAMES
from binoc_runbook.workspace import REGISTRY
from binoc_runbook.workspace.python import is_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.policy import Artifact, Policy
    from binoc_runbook.workspace import Package, Workspace

CHECK = "surface"
#: The name under which `package.publish` allows crates.io (Cargo book, *The publish field*).
CRATES_IO = "crates-io"
#: So many names are listed in one finding.
_SHOWN = 20


def surface(workspace: Workspace, policy: Policy) -> Findings:
    """Compare the policy with the manifests; where cargo reports nothing about them, the answer is unknown."""
    declared = {artifact: workspace.package_of(artifact) for artifact in policy.artifacts}
    promised = [package for package in declared.values() if package]
    findings = [*workspace.problems, *workspace.cargo_errors(CHECK)]
    for artifact, package in declared.items():
        findings += _artifact(artifact, package)
    if policy.declared:
        for package in workspace.packages:
            if package.publishable and not any(package is other for other in promised):
                findings += _undeclared(package)
    else:
        findings.append(_no_promise(workspace))
    return Findings(findings)


def withheld(workspace: Workspace, policy: Policy) -> Findings:
    """Ask of each crate that the policy does not declare whether its manifest keeps it from being published."""
    promised = [workspace.package_of(artifact) for artifact in policy.artifacts]
    findings: list[Finding] = []
    for package in workspace.packages:
        if package.ecosystem != "cargo" or any(package is each for each in promised):
            continue
        if package.publishable:
            findings += _undeclared(package)
        elif package.publishable is None:
            saw = f"`publish` of `{package.name}` is inherited, and cargo reports nothing: {package.cargo_error}"
            remedy = f"cargo metadata --no-deps --manifest-path {package.manifest}"
            findings.append(Finding.unknown(CHECK, _publish_place(package), saw, remedy))
        else:
            findings.append(Finding.ok(CHECK, _publish_place(package), f"`{package.name}` cannot be published"))
    return Findings(findings)


def _artifact(artifact: Artifact, package: Package | None) -> Iterator[Finding]:
    what = f"`{artifact.name}` for {NAMES[artifact.registry]}"
    if package is None:
        kind = "`Cargo.toml`" if artifact.registry == "crates.io" else "`pyproject.toml`"
        saw = f"the policy declares {what}, and no {kind} has that name"
        yield Finding.failed(CHECK, artifact.source, saw, f"name it in a {kind} in `{artifact.path}`")
        return
    faults = list(_faults(artifact, package))
    for place, saw, remedy in faults:
        yield Finding.failed(CHECK, place, saw, remedy)
    if not faults and package.publishable:
        place = package.document.place("package" if package.ecosystem == "cargo" else "project", "name")
        yield Finding.ok(CHECK, place, f"{what} can be published, as the policy declares")


def _faults(artifact: Artifact, package: Package) -> Iterator[tuple[Place, str, str]]:
    """Why a declared artifact could not be published as declared, each with its place and remedy."""
    name = f"`{package.name}`"
    if package.folder != artifact.path:
        saw = f"the policy says that {name} lies in `{artifact.path}`, and it lies in `{package.folder}`"
        yield artifact.source, saw, f'write `path = "{package.folder}"`'
    place = _publish_place(package)
    if package.publishable is False:
        why = _why_private(package)
        yield place, f"the policy declares {name}, and {why}", _opening(package)
    elif package.registries is not None and CRATES_IO not in package.registries:
        registries = ", ".join(f"`{registry}`" for registry in package.registries)
        saw = f"the policy declares {name} for crates.io, and `publish` allows only {registries}"
        yield place, saw, f'add "{CRATES_IO}" to `publish` in `{place}`'


def _undeclared(package: Package) -> Iterator[Finding]:
    place = _publish_place(package)
    name = f"`{package.name}`"
    if package.registries is not None and CRATES_IO not in package.registries:
        registries = ", ".join(f"`{registry}`" for registry in package.registries)
        saw = f"{name} can be published to {registries}, of which the policy says nothing"
        yield Finding.warning(CHECK, place, saw)
        return
    saw = f"{name} can be published to {NAMES[REGISTRY[package.ecosystem]]}, and the policy does not declare it"
    yield Finding.failed(CHECK, place, saw, _closing(package))


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
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    saw = f"no promise is declared; what can be published is {', '.join(names[:_SHOWN])}{more}"
    return Finding.warning(CHECK, question, saw, remedy)


# Where a manifest says whether it may be published, and the edits that change it.


def _publish_place(package: Package) -> Place:
    """The line that says whether a package may be published; the one with its name where none does."""
    document = package.document
    if package.ecosystem == "cargo":
        keys = ("package", "name") if document.get("package", "publish") is None else ("package", "publish")
        return document.place(*keys)
    classifiers = document.strings("project", "classifiers")
    private = next((index for index, text in enumerate(classifiers) if is_private(text)), None)
    if private is not None:
        return document.place("project", "classifiers", private)
    return document.place("project", "classifiers" if classifiers else "name")


def _why_private(package: Package) -> str:
    if package.ecosystem == "pypi":
        private = next(filter(is_private, package.document.strings("project", "classifiers")), "")
        return f"its classifier `{private}` makes PyPI refuse it"
    if package.source is None:
        return f"without a version Cargo does not publish it ({package.reason})"
    return "its manifest does not let Cargo publish it"


def _opening(package: Package) -> str:
    """The edit that lets a package be published."""
    place = _publish_place(package)
    if package.ecosystem == "pypi":
        return f"remove the classifier in `{place}`"
    if package.source is None:
        return f"write its version under `[package]` in `{package.manifest}`"
    if package.document.get("package", "publish") is None or isinstance(
        package.document.get("package", "publish"), dict
    ):
        return f"write `publish = true` in `{place}`"
    return f"remove the line `{place}`, or name {CRATES_IO} there"


def _closing(package: Package) -> str:
    """The edit that keeps a package from being published."""
    place = _publish_place(package)
    if package.ecosystem == "pypi":
        return f'add "Private :: Do Not Upload" to the `classifiers` of `[project]` in `{place.path}`'
    if package.document.get("package", "publish") is None:
        return f"write `publish = false` under `[package]` in `{place.path}`"
    return f"write `publish = false` in `{place}`"
