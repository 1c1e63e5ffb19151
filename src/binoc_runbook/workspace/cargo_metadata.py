"""The output of `cargo metadata --no-deps` for one manifest, or its error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

#: A function that runs cargo for a `Cargo.toml`, given by its path relative to the root of the checkout.
ReadMetadata = Callable[[str], "CargoMetadata"]


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


@dataclass(frozen=True, slots=True)
class CargoMetadata:
    """The output of cargo: the absolute path of the workspace directory, and its packages.

    If cargo failed, `error` is the first line of its error. `remedy` is the command that shows all of it.
    """

    root: str = ""
    packages: tuple[CargoPackage, ...] = ()
    error: str = ""
    remedy: str = ""

    @classmethod
    def parse(cls, output: str | bytes, remedy: str = "") -> CargoMetadata:
        """Parse the JSON of cargo; output in another format is an error."""
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
            return cls(error=f"unexpected output ({type(error).__name__}: {error})", remedy=remedy)
