"""Third-party files of an sdist: the licences of the crates in its wheels, and an SBOM of bundled libraries.

Wheels statically link crates, whose licences require their texts in each copy. The files are generated from the lock
file and the sources of the crates, so the same commit gives the same bytes, and a new dependency needs no edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from binoc_runbook.checks.dists.generated_files import BUNDLED, NOTICES
from binoc_runbook.dist.bundled_sqlite import CRATE, HEADER, BundledSqlite, sqlite_sbom
from binoc_runbook.dist.licence_texts import DIRECTORY, licence_texts
from binoc_runbook.dist.linked_crates import ThirdPartyCrate, ThirdPartyCrates
from binoc_runbook.dist.wheel_platform import WheelPlatform
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.version import Version
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import PYTHON
from binoc_runbook.world.cargo_isolation import outside
from binoc_runbook.world.processes import Processes

CHECK = "dist"

#: The timeout of `cargo metadata`, in seconds; before the first build, it downloads crates.
TIMEOUT = 300.0

_TOP, _RULE = "=" * 80, "-" * 80


def third_party_files(artifact: Artifact, version: Version, processes: Processes) -> dict[str, bytes]:
    """Return the third-party files of a distribution by name: the notices, and the SBOM if a library is bundled.

    Raises:
        RefusedError: cargo failed, or a crate has no licence text.
    """
    crates = _read_crates(artifact, processes)
    texts = {crate: licence_texts(crate, crates.resolved, processes.root) for crate in crates.linked}
    if missing := [_no_text(crate) for crate, files in texts.items() if not files]:
        raise RefusedError("the build failed", missing)
    try:
        sqlite = BundledSqlite.find(crates.linked)
    except ValueError as error:
        remedy = f"pin a version of `{CRATE}` that contains `{HEADER}`"
        raise RefusedError("the build failed", [Finding.failed(CHECK, "Cargo.lock", str(error), remedy)]) from error
    files = {NOTICES: _notices(artifact.name, texts, crates.others, sqlite).encode("utf-8")}
    if sqlite:
        files[BUNDLED] = sqlite_sbom(sqlite, artifact.name, version.pep440)
    return files


def add_third_party_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write the files next to the `pyproject.toml` in `directory`, and add the SBOM to the settings of maturin.

    maturin fails if an SBOM in its settings does not exist, so a checkout cannot name a generated one.
    """
    for name, data in files.items():
        (directory / name).write_bytes(data)
    if BUNDLED not in files:
        return
    import tomlkit

    path = directory / PYTHON
    document = tomlkit.parse(path.read_text("utf-8"))
    maturin = document.setdefault("tool", {}).setdefault("maturin", {})
    maturin["include"] = [*maturin.get("include", []), {"path": BUNDLED, "format": "sdist"}]
    sbom = maturin.setdefault("sbom", {})
    sbom["include"] = [*sbom.get("include", []), BUNDLED]
    path.write_text(tomlkit.dumps(document), "utf-8")


def _read_crates(artifact: Artifact, processes: Processes) -> ThirdPartyCrates:
    manifest = Manifest(processes.root, f"{artifact.path}/{PYTHON}")
    command = ["cargo", "metadata", "--locked", "--quiet", "--format-version", "1"]
    command += [
        "--manifest-path",
        str((processes.root / artifact.path / "Cargo.toml").absolute()),
        *_features(manifest),
    ]
    platforms = [WheelPlatform.of(tag) for tag in artifact.platforms]
    # Without a filter, the crates of all platforms are linked.
    targets = [platform.target for platform in platforms if platform] if all(platforms) else []
    outputs = []
    # A check of dists runs this too, and starts no program that the checkout names.
    with outside(processes) as isolated:
        for filters in ([], [word for target in targets for word in ("--filter-platform", target)]):
            result = isolated.run([*command, *filters], timeout=TIMEOUT)
            if result.returncode != 0:
                finding = Finding.failed(CHECK, " ".join(command[:3]), result.reason, "cargo update --workspace")
                raise RefusedError("the build failed", [finding])
            outputs.append(result.stdout)
    return ThirdPartyCrates.parse(*outputs)


def _features(manifest: Manifest) -> list[str]:
    """Return the options for the features with which maturin compiles the crate."""
    settings = manifest.table("tool", "maturin")
    options = [f"--{name}" for name in ("all-features", "no-default-features") if settings.get(name) is True]
    features = manifest.strings("tool", "maturin", "features")
    return [*options, "--features", ",".join(features)] if features else options


def _no_text(crate: ThirdPartyCrate) -> Finding:
    saw = f"`{crate.name}` {crate.version} ({crate.licence}) contains no licence text"
    remedy = f"write the licence text of `{crate.name}` to `{DIRECTORY}/{crate.name}.txt`, then commit the file"
    return Finding.failed(CHECK, "Cargo.lock", saw, remedy)


def _notices(
    distribution: str,
    texts: Mapping[ThirdPartyCrate, Mapping[str, str]],
    others: Iterable[ThirdPartyCrate],
    sqlite: BundledSqlite | None,
) -> str:
    """Return the notices: the components, then each licence text once, with the files that contain it."""
    lines = [f"Third-party licences of {distribution}", "", f"The wheels of {distribution} contain code of:", ""]
    lines += [f"- {crate}: {crate.licence}" for crate in texts]
    if sqlite:
        lines.append(f"- SQLite {sqlite.version}, bundled by {sqlite.crate}: in the public domain (blessing)")
    lines += [
        "- the Rust standard library: MIT OR Apache-2.0; Copyright (c) The Rust Project Contributors. Each Rust",
        "  toolchain contains all notices of the library in share/doc/rust/COPYRIGHT-library.html.",
    ]
    if unused := [f"- {crate}: {crate.licence}" for crate in others]:
        lines += ["", "The wheels do not contain these crates, which only the build or other platforms need:", ""]
        lines += unused
    files: dict[str, list[str]] = {}
    for crate, own in texts.items():
        for name, text in own.items():
            files.setdefault(text, []).append(f"{crate}, {name}")
    parts = [f"{_TOP}\n{chr(10).join(names)}\n{_RULE}\n\n{text}" for text, names in files.items()]
    return "\n\n".join(["\n".join(lines), *parts])
