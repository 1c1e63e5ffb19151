"""Third-party crates of a distribution, from the output of `cargo metadata` (Cargo book, *cargo metadata*)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_Json = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class ThirdPartyCrate:
    """A crate from outside the workspace, with its unpacked sources in `directory`.

    `licence` is its SPDX expression, and `licence_file` the file that its manifest names, or an empty text.
    """

    name: str
    version: str
    licence: str
    repository: str
    directory: Path
    licence_file: str
    features: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class ThirdPartyCrates:
    """The third-party crates of a distribution.

    `linked` are in its wheels: normal dependencies for its platforms, with procedural macros, whose output is compiled.
    `others` are needed only to build, or on other platforms. `resolved` are all in the lock file.
    """

    linked: tuple[ThirdPartyCrate, ...]
    others: tuple[ThirdPartyCrate, ...]
    resolved: tuple[ThirdPartyCrate, ...]

    @classmethod
    def parse(cls, everywhere: str, on_platforms: str) -> ThirdPartyCrates:
        """Parse the output of cargo for a manifest, for all platforms and for those of the wheels.

        Raises:
            ValueError: The output has another format.
        """
        try:
            report = json.loads(everywhere)
            members = set(report["workspace_members"])
            features = {node["id"]: node["features"] for node in report["resolve"]["nodes"]}
            crates = {package["id"]: _crate(package, features[package["id"]]) for package in report["packages"]}
            linked = _reachable(json.loads(on_platforms), {None}) - members
            others = _reachable(report, {None, "build"}) - members - linked
        except (KeyError, TypeError) as error:
            raise ValueError(f"unexpected output of cargo ({type(error).__name__}: {error})") from error
        resolved = crates.keys() - members
        return cls(*(tuple(sorted(crates[name] for name in names)) for names in (linked, others, resolved)))


def _crate(package: _Json, features: Iterable[str]) -> ThirdPartyCrate:
    return ThirdPartyCrate(
        name=package["name"],
        version=package["version"],
        licence=(package["license"] or "see its licence file").replace("/", " OR "),
        repository=(package["repository"] or "").partition("/tree/")[0].rstrip("/").removesuffix(".git"),
        directory=Path(package["manifest_path"]).parent,
        licence_file=package["license_file"] or "",
        features=frozenset(features),
    )


def _reachable(report: _Json, kinds: Collection[str | None]) -> set[str]:
    """Return the ids of all packages that the root depends on with dependencies of these kinds."""
    nodes = {node["id"]: node for node in report["resolve"]["nodes"]}
    packages: set[str] = set()
    queue = [report["resolve"]["root"]]
    while queue:
        package = queue.pop()
        if package not in packages:
            packages.add(package)
            queue += [
                dependency["pkg"]
                for dependency in nodes[package]["deps"]
                if any(kind["kind"] in kinds for kind in dependency["dep_kinds"])
            ]
    return packages
