"""The output of `cargo metadata` for one manifest, or its error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

#: A function that runs cargo for a `Cargo.toml`, given by its path relative to the root of the checkout.
ReadMetadata = Callable[[str], "CargoMetadata"]

# The end of the address of the index of crates.io, which has several addresses.
_CRATES_IO = "/crates.io-index"

DependencyKind = Literal["normal", "dev", "build"]


class CargoDependency(NamedTuple):
    """A dependency that crates.io can refuse: by path, from git, from another registry, or with the requirement `*`.

    `package` is the name of the crate, and `name` its name in the manifest. `target` is the platform of its table.
    `requirement` is `*` also if there is none. `path` is the absolute directory of a path dependency. `registry` is the
    address of a registry other than crates.io, or `None`.
    """

    package: str
    name: str
    kind: DependencyKind
    target: str | None
    requirement: str
    path: str | None
    registry: str | None
    git: bool


class LockResult(NamedTuple):
    """Whether cargo accepts a lock file under `--locked`; `reason` is its error, and `remedy` the fix."""

    state: Literal["outdated", "invalid", "unknown"]
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CargoPackage:
    """A crate in the output of cargo.

    `manifest` is an absolute path. `version` includes inheritance and is `0.0.0` if there is none. `publish` lists the
    allowed registries: `None` for all, an empty tuple for none.
    """

    name: str
    manifest: str
    version: str
    publish: tuple[str, ...] | None
    dependencies: tuple[CargoDependency, ...] = ()


@dataclass(frozen=True, slots=True)
class CargoMetadata:
    """The output of cargo: the absolute path of the workspace directory, and its members.

    If cargo failed, `error` is the first line of its error. `remedy` is the command that shows all of it. `lock` is set
    if cargo does not accept the lock file, or cannot check it.
    """

    root: str = ""
    packages: tuple[CargoPackage, ...] = ()
    error: str = ""
    remedy: str = ""
    lock: LockResult | None = None

    @classmethod
    def parse(cls, output: str | bytes, remedy: str = "", lock: LockResult | None = None) -> CargoMetadata:
        """Parse the JSON of cargo; output in another format is an error."""
        try:
            report = json.loads(output)
            members = set(report["workspace_members"])
            packages = tuple(
                CargoPackage(
                    name=package["name"],
                    manifest=package["manifest_path"],
                    version=package["version"],
                    publish=None if package["publish"] is None else tuple(package["publish"]),
                    dependencies=tuple(_dependency(entry) for entry in package["dependencies"] if _refusable(entry)),
                )
                for package in report["packages"]
                if package["id"] in members
            )
            return cls(report["workspace_root"], packages, remedy=remedy, lock=lock)
        except (ValueError, KeyError, TypeError) as error:
            return cls(error=f"unexpected output ({type(error).__name__}: {error})", remedy=remedy)


def _refusable(entry: dict[str, Any]) -> bool:
    # A dependency by path has no source (Cargo book, *cargo metadata*).
    return entry["source"] is None or entry["req"] == "*" or bool(entry["registry"])


def _dependency(entry: dict[str, Any]) -> CargoDependency:
    return CargoDependency(
        package=entry["name"],
        name=entry["rename"] or entry["name"],
        kind=entry["kind"] or "normal",
        target=entry["target"],
        requirement=entry["req"],
        path=entry.get("path"),
        # Cargo reports the index of crates.io if a dependency names it explicitly.
        registry=None if (entry["registry"] or _CRATES_IO).endswith(_CRATES_IO) else entry["registry"],
        git=str(entry["source"]).startswith("git+"),
    )
