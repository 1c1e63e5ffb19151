"""What a manifest declares: a package that could be published, or an orphan that could not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from binoc_runbook.finding import Place
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.spans import Keys

Ecosystem = Literal["cargo", "pypi"]


@dataclass(frozen=True, slots=True)
class Source:
    """The one value in one manifest that owns a version; several packages can share it.

    It is spelt in the way of the manifest it stands in: a distribution whose version maturin takes from a
    `Cargo.toml` has a source in Cargo's spelling.
    """

    manifest: Manifest
    keys: Keys

    @property
    def place(self) -> Place:
        """The line that owns the version."""
        return self.manifest.place(*self.keys)

    @property
    def spelling(self) -> Ecosystem:
        """Whose spelling the version is written in."""
        return "cargo" if self.manifest.path.endswith("Cargo.toml") else "pypi"


@dataclass(frozen=True, slots=True)
class Package:
    """A crate or a Python distribution of the checkout, whether it is meant to be published or not.

    `manifest` is a path from the root. `version` is as it is written, after inheritance, and `source` where; both are
    `None` where no manifest says it, and then `reason` tells why. `publishable` says whether its manifest lets a
    registry take it: `package.publish` (Cargo book, *The Manifest Format*), or no classifier that begins with
    `Private ::` (PyPI refuses those); it is `None` where `publish` is inherited and cargo did not report it.
    `registries` are those that `publish` names, `None` where it names none. `root` is the manifest of a crate's Cargo
    workspace, its own where it is in none, and `None` where cargo did not report it; `cargo_error` is then the first
    line of cargo's error. `crate` is the manifest that maturin builds a distribution from.
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

    @property
    def directory(self) -> str:
        """The directory of its manifest, `.` for the root."""
        return self.manifest.rpartition("/")[0] or "."

    @property
    def version_source(self) -> Place | None:
        """The line that owns its version."""
        return None if self.source is None else self.source.place

    def to_json(self) -> dict[str, object]:
        """The package as `inspect --json` shows it."""
        place = self.version_source
        return {
            "ecosystem": self.ecosystem,
            "name": self.name,
            "manifest": self.manifest,
            "version": self.version,
            "version_source": None if place is None else str(place),
            # What is not known to keep it from being published does not.
            "publishable": self.publishable is not False,
        }


@dataclass(frozen=True, slots=True)
class Orphan:
    """A manifest that belongs to nothing that could be released, and why."""

    manifest: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """The orphan as `inspect --json` shows it."""
        return {"manifest": self.manifest, "reason": self.reason}
