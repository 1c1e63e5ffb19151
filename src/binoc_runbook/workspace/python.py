"""Python distributions, defined by `pyproject.toml` (PEP 621)."""

from __future__ import annotations

from collections.abc import Mapping

from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import join, manifest_in
from binoc_runbook.workspace.package import Orphan, Package, Source


def read(manifest: Manifest, crates: Mapping[str, Package]) -> Package | Orphan:
    """Return the package that a `pyproject.toml` defines, or an orphan.

    `crates` are the crates of the checkout by manifest; maturin takes versions from them.
    """
    if manifest.problem:
        return Orphan(manifest.path, f"it {manifest.problem.saw}")
    crate = _crate(manifest)
    built = crates.get(crate) if crate else None
    name = manifest.get("project", "name")
    if manifest.get("project") is None and built and manifest.get("build-system", "build-backend") == "maturin":
        name = built.name  # maturin then takes all metadata from the crate (maturin, *Metadata*)
    if not isinstance(name, str) or not name:
        if manifest.get("project") is not None:
            return Orphan(manifest.path, "its `[project]` has no name")
        reason = "it has no `[project]`; `[tool.poetry]`, `setup.py` and `setup.cfg` are not supported"
        return Orphan(manifest.path, reason)
    version, source, reason = _version(manifest, crate, built)
    return Package(
        ecosystem="pypi",
        name=name,
        manifest=manifest.path,
        version=version,
        source=source,
        publishable=not any(map(is_private, manifest.strings("project", "classifiers"))),
        document=manifest,
        reason=reason,
        crate=crate if built else None,
    )


def is_private(classifier: str) -> bool:
    """Return whether a classifier begins with `Private ::`; PyPI refuses distributions with such a classifier."""
    return classifier.strip().lower().startswith("private ::")


def _version(manifest: Manifest, crate: str | None, built: Package | None) -> tuple[str | None, Source | None, str]:
    version = manifest.get("project", "version")
    dynamic = manifest.get("project") is None or "version" in manifest.strings("project", "dynamic")
    if isinstance(version, str):
        return version, Source(manifest, ("project", "version")), ""
    if version is not None or not dynamic:
        return None, None, "`[project]` has no `version` string, and does not list `version` in `dynamic`"
    if crate is None:
        backend = manifest.get("build-system", "build-backend")
        backend = backend if isinstance(backend, str) else "setuptools"
        return None, None, f"it is dynamic: `{backend}` computes it during the build"
    if built is None or built.source is None:
        problem = f"where {built.reason}" if built else "which is not a crate of this checkout"
        return None, None, f"it is dynamic: maturin takes it from `{crate}`, {problem}"
    return built.version, built.source, ""


def _crate(manifest: Manifest) -> str | None:
    """Return the `Cargo.toml` of maturin: `manifest-path`, or the one next to it (maturin, *Configuration*)."""
    # A project with its own backend that wraps maturin still has `[tool.maturin]`.
    if manifest.get("build-system", "build-backend") != "maturin" and manifest.get("tool", "maturin") is None:
        return None
    path = manifest.get("tool", "maturin", "manifest-path")
    if isinstance(path, str):
        return join(manifest.directory, path)
    return manifest_in(manifest.directory)
