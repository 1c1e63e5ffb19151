"""What `cargo metadata --no-deps` reports about one manifest, or why there is no report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

#: Returns cargo's report about a `Cargo.toml`, given by its path from the root of the checkout.
ReadMetadata = Callable[[str], "CargoMetadata"]


@dataclass(frozen=True, slots=True)
class CargoPackage:
    """A crate as cargo lists it.

    `manifest` is an absolute path. `version` is the value after inheritance, `0.0.0` where there is none. `publish` are
    the registries that take it: `None` for any, an empty tuple for none.
    """

    name: str
    manifest: str
    version: str
    publish: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class CargoMetadata:
    """Cargo's report: the directory of the workspace, an absolute path, and the packages in it.

    Without a report, `error` is the first line of cargo's error. `remedy` is what to type to see all of it.
    """

    root: str = ""
    packages: tuple[CargoPackage, ...] = ()
    error: str = ""
    remedy: str = ""

    @classmethod
    def parse(cls, output: str | bytes, remedy: str = "") -> CargoMetadata:
        """Parse cargo's JSON; output that has another form is an error."""
        try:
            report = json.loads(output)
            packages = tuple(
                CargoPackage(
                    name=package["name"],
                    manifest=package["manifest_path"],
                    version=package["version"],
                    publish=None if package["publish"] is None else tuple(package["publish"]),
                )
                for package in report["packages"]
            )
            return cls(report["workspace_root"], packages, remedy=remedy)
        except (ValueError, KeyError, TypeError) as error:
            return cls(error=f"its output is not understood ({type(error).__name__}: {error})", remedy=remedy)
