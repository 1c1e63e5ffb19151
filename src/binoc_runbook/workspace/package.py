"""Packages, and orphans: manifests that define no package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from binoc_runbook.finding import Place
from binoc_runbook.workspace.cargo_metadata import CargoDependency
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.spans import Keys

Ecosystem = Literal["cargo", "pypi"]


@dataclass(frozen=True, slots=True)
class Source:
    """The value in a manifest that owns a version; several packages can share it.

    Its spelling depends on the manifest: if maturin takes the version of a distribution from a `Cargo.toml`, it has
    the Cargo spelling.
    """

    manifest: Manifest
    keys: Keys

    @property
    def place(self) -> Place:
        """Return the line that owns the version."""
        return self.manifest.place(*self.keys)

    @property
    def spelling(self) -> Ecosystem:
        """Return the ecosystem whose spelling the version has."""
        return "cargo" if self.manifest.path.endswith("Cargo.toml") else "pypi"


@dataclass(frozen=True, slots=True)
class Package:
    """A crate or a Python distribution of the checkout, published or not.

    - `manifest`: its path relative to the root.
    - `version`: the text of the version after inheritance, and `source` its place. Both are `None` if no manifest has
      the version; `reason` is then the explanation.
    - `publishable`: whether the manifest allows publishing, by `package.publish` (Cargo book, *The Manifest Format*)
      or by the absence of `Private ::` classifiers, which PyPI refuses. `None` if `publish` is inherited and cargo
      failed.
    - `registries`: the list in `publish`, or `None`.
    - `root`: the manifest of the Cargo workspace of a crate, or its own manifest. `None` if cargo failed; `cargo_error`
      is then the first line of its error.
    - `crate`: the manifest that maturin builds a distribution from.
    - `dependencies`: the dependencies of a crate that crates.io can refuse; none if cargo failed.
    """

    ecosystem: Ecosystem
    name: str
    manifest: str
    version: str | None
    source: Source | None
    publishable: bool | None
    document: Manifest = field(compare=False, repr=False)
    reason: str = ""
    registries: tuple[str, ...] | None = None
    root: str | None = None
    crate: str | None = None
    cargo_error: str = ""
    dependencies: tuple[CargoDependency, ...] = field(default=(), compare=False, repr=False)

    @property
    def directory(self) -> str:
        """Return the directory of its manifest, `.` for the root."""
        return self.manifest.rpartition("/")[0] or "."

    @property
    def version_source(self) -> Place | None:
        """Return the line that owns its version."""
        return None if self.source is None else self.source.place

    def to_json(self) -> dict[str, object]:
        """Return the package as in the output of `inspect --json`."""
        place = self.version_source
        return {
            "ecosystem": self.ecosystem,
            "name": self.name,
            "manifest": self.manifest,
            "version": self.version,
            "version_source": None if place is None else str(place),
            # Unknown counts as publishable.
            "publishable": self.publishable is not False,
        }


@dataclass(frozen=True, slots=True)
class Orphan:
    """A manifest that defines no package, and the reason."""

    manifest: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return the orphan as in the output of `inspect --json`."""
        return {"manifest": self.manifest, "reason": self.reason}
