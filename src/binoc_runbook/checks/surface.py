"""Whether exactly the declared artifacts can be published.

Three views are compared: what the policy promises, what the manifests allow, and what cargo itself makes of them. A
crate without `publish = false`, or a distribution without a `Private ::` classifier, can be published by one wrong
command; it is named with its line and the edit that closes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import NAMES
from binoc_runbook.workspace import REGISTRY, Package, Workspace
from binoc_runbook.workspace.python import is_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from binoc_runbook.policy import Artifact, Policy

CHECK = "surface"
#: The name under which `package.publish` allows crates.io (Cargo book, *The publish field*).
CRATES_IO = "crates-io"
#: So many names are listed in one finding.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CargoPackage:
    """A crate as `cargo metadata` lists it; `publish` is `None` where it may go to any registry."""

    name: str
    manifest: str
    publish: tuple[str, ...] | None

    @property
    def publishable(self) -> bool:
        """Whether cargo would publish it at all."""
        return self.publish != ()


@dataclass(frozen=True, slots=True)
class CargoView:
    """What cargo makes of one workspace: the packages it lists, or why it could not be asked.

    `root` is the workspace's manifest, one of `Workspace.cargo_roots`; the question is
    `cargo metadata --no-deps --format-version 1 --manifest-path ROOT`.
    """

    root: str
    packages: tuple[CargoPackage, ...] = ()
    unknown: str = ""

    @classmethod
    def parse(cls, output: str | bytes, root: str, checkout: Path) -> CargoView:
        """Read cargo's JSON; what is not of that form is a view that is unknown."""
        try:
            listed = json.loads(output)["packages"]
            real = os.path.realpath(checkout)
            packages = tuple(
                CargoPackage(
                    name=package["name"],
                    manifest=_inside(package["manifest_path"], real),
                    publish=None if package["publish"] is None else tuple(package["publish"]),
                )
                for package in listed
            )
        except (ValueError, KeyError, TypeError) as error:
            return cls(root, unknown=f"its answer is not understood ({type(error).__name__}: {error})")
        return cls(root, packages)

    @property
    def question(self) -> str:
        """What was asked."""
        return f"cargo metadata --no-deps --manifest-path {self.root}"


def surface(workspace: Workspace, policy: Policy, views: Sequence[CargoView] = ()) -> Findings:
    """Compare the policy, the manifests and cargo's views, which the caller asked for; none is simply not compared."""
    views = [_through_links(view, workspace) for view in views]
    seen = {package.manifest: package for view in views for package in view.packages}
    declared = {artifact: workspace.package_of(artifact) for artifact in policy.artifacts}
    promised = [package for package in declared.values() if package]
    findings = [*workspace.problems]
    for artifact, package in declared.items():
        findings += _artifact(artifact, package, seen)
    if policy.declared:
        for package in workspace.packages:
            if package.publishable and not any(package is each for each in promised):
                findings += _undeclared(package)
    else:
        findings.append(_no_promise(workspace))
    for view in views:
        findings += _view(view, workspace)
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
        else:
            findings.append(Finding.ok(CHECK, _publish_place(package), f"`{package.name}` cannot be published"))
    return Findings(findings)


def _artifact(artifact: Artifact, package: Package | None, seen: dict[str, CargoPackage]) -> Iterator[Finding]:
    what = f"`{artifact.name}` for {NAMES[artifact.registry]}"
    if package is None:
        kind = "`Cargo.toml`" if artifact.registry == "crates.io" else "`pyproject.toml`"
        saw = f"the policy declares {what}, and no {kind} has that name"
        yield Finding.failed(CHECK, artifact.source, saw, f"name it in a {kind} in `{artifact.path}`")
        return
    faults = list(_faults(artifact, package, seen.get(package.manifest)))
    for place, saw, remedy in faults:
        yield Finding.failed(CHECK, place, saw, remedy)
    if not faults:
        place = package.document.place("package" if package.ecosystem == "cargo" else "project", "name")
        yield Finding.ok(CHECK, place, f"{what} can be published, as the policy declares")


def _faults(artifact: Artifact, package: Package, view: CargoPackage | None) -> Iterator[tuple[Place, str, str]]:
    """Why a declared artifact could not be published as declared, each with its place and remedy."""
    name = f"`{package.name}`"
    if package.folder != artifact.path:
        saw = f"the policy says that {name} lies in `{artifact.path}`, and it lies in `{package.folder}`"
        yield artifact.source, saw, f'write `path = "{package.folder}"`'
    place = _publish_place(package)
    if not package.publishable:
        why = _why_private(package)
        yield place, f"the policy declares {name}, and {why}", _opening(package)
    elif package.registries is not None and CRATES_IO not in package.registries:
        registries = ", ".join(f"`{registry}`" for registry in package.registries)
        saw = f"the policy declares {name} for crates.io, and `publish` allows only {registries}"
        yield place, saw, f'add "{CRATES_IO}" to `publish` in `{place}`'
    elif view and view.publish is not None and CRATES_IO not in view.publish:
        yield place, f"the policy declares {name}, and cargo would not publish it", "cargo metadata --no-deps"


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


def _view(view: CargoView, workspace: Workspace) -> Iterator[Finding]:
    """Where cargo sees something else than the manifests say: one of the two readings is wrong."""
    if view.unknown:
        yield Finding.unknown(CHECK, view.question, f"cargo could not be asked: {view.unknown}", view.question)
        return
    ours = {package.manifest: package for package in workspace.packages if package.ecosystem == "cargo"}
    listed = {package.manifest for package in view.packages}
    for package in view.packages:
        here = ours.get(package.manifest)
        if here is None:
            saw = f"cargo lists `{package.name}`, which was not found among the manifests"
            yield Finding.failed(CHECK, Place(package.manifest), saw, view.question)
        elif here.publishable != package.publishable:
            says = "can" if package.publishable else "cannot"
            saw = f"cargo says that `{package.name}` {says} be published, and its manifest reads otherwise"
            yield Finding.failed(CHECK, _publish_place(here), saw, view.question)
    for known in ours.values():
        if known.root == view.root and known.manifest not in listed:
            saw = f"cargo does not list `{known.name}` among the members of `{view.root}`"
            yield Finding.failed(CHECK, Place(known.manifest), saw, view.question)


def _through_links(view: CargoView, workspace: Workspace) -> CargoView:
    """Cargo names a member by the path that it is listed under; the manifests are known by their real ones."""
    known = {package.manifest for package in workspace.packages}
    root = os.path.realpath(workspace.root)
    packages = (
        package if package.manifest in known else replace(package, manifest=_real(package.manifest, root))
        for package in view.packages
    )
    return replace(view, packages=tuple(packages))


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


def _inside(path: str, real_root: str) -> str:
    """A path as cargo gives it, absolute, from the root of the checkout and with forward slashes."""
    if path.startswith(real_root + os.sep):
        return path[len(real_root) + 1 :].replace(os.sep, "/")
    return _real(path, real_root)


def _real(path: str, real_root: str) -> str:
    """A path, absolute or from the root, as the one from the root that no link leads through."""
    real = os.path.realpath(os.path.join(real_root, path))  # noqa: PTH118 - thousands of them are asked for
    return os.path.relpath(real, real_root).replace(os.sep, "/")
