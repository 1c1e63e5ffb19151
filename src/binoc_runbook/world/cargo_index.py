"""Queries of the configured crate registry through cargo: the checksum of a version, and the commit in its `.crate`.

cargo runs in a new crate outside the checkout, with the CARGO_HOME of the user, which has the configured registries and
credentials. Cached data is not used: without a lock file, cargo queries the index each time, and a cached `.crate` is
only used if it has the checksum that the index reports now.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import NameLookup, ProcessResult, VersionLookup
from binoc_runbook.world.processes import Processes

#: The timeout for the download of a version and its dependencies, in seconds.
TIMEOUT = 300.0
#: The timeout for a name, in seconds.
NAME_TIMEOUT = 60.0

_MANIFEST = '[package]\nname = "registry-query"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
#: Cargo book, *cargo package*.
_VCS = ".cargo_vcs_info.json"


def look_up_name(processes: Processes, name: str) -> NameLookup:
    """Return whether the registry has a crate, with its newest version."""
    question = f"cargo info {name}"
    # In a workspace, cargo would report the crate of this name in the workspace.
    with tempfile.TemporaryDirectory(prefix="binoc-crate-") as directory:
        outside = replace(processes, root=Path(directory))
        result = outside.run(["cargo", "info", "--quiet", "--color", "never", name], timeout=NAME_TIMEOUT)
    if result.returncode == 0:
        version = re.search(r"^version: (\S+)", result.stdout, flags=re.MULTILINE)
        return NameLookup(question, "yes", result.reason, version[1] if version else None)
    if re.search(rf"could not find `{re.escape(name)}` in registry", result.stderr):
        return NameLookup(question, "no")
    return NameLookup(question, "unknown", result.reason)


def look_up_version(processes: Processes, name: str, version: str) -> VersionLookup:
    """Return the checksum of a version of a crate in SemVer spelling, and download it as a dependency."""
    return _look_up(processes, name, version, "fetch", TIMEOUT)


def find_crate_version(processes: Processes, name: str, version: str, timeout: float) -> VersionLookup:
    """Return the checksum of a version of a crate in SemVer spelling, and download nothing; `timeout` is in seconds."""
    # One retry instead of three, each of which cargo delays by up to some seconds.
    hasty = replace(processes, environment={**processes.environment, "CARGO_NET_RETRY": "1"})
    return _look_up(hasty, name, version, "generate-lockfile", timeout)


def _look_up(processes: Processes, name: str, version: str, subcommand: str, timeout: float) -> VersionLookup:
    question = f"the crate registry: {name}@={version}"
    with tempfile.TemporaryDirectory(prefix="binoc-crate-") as directory:
        _write_crate(Path(directory), name, version, _default_registry(processes))
        environment = {**processes.environment, "CARGO_NET_OFFLINE": "false"}
        isolated = replace(processes, root=Path(directory), environment=environment)
        result = isolated.run(["cargo", subcommand, "--quiet", "--color", "never"], timeout=timeout)
        if result.returncode != 0:
            return _without_files(result, question, name, version)
        packages = tomllib.loads((isolated.root / "Cargo.lock").read_text("utf-8"))["package"]
    package: dict[str, str] = next((package for package in packages if package["name"] == name), {})
    checksum = package.get("checksum")
    if checksum is None:
        return VersionLookup("no answer", question, reason="its source in the configuration of cargo has no checksums")
    commit = _commit(processes, name, version, checksum)
    return VersionLookup("offered", question, frozenset({checksum}), commit=commit, source=package.get("source", ""))


def _write_crate(directory: Path, name: str, version: str, registry: str | None) -> None:
    (directory / "src").mkdir()
    (directory / "src" / "lib.rs").write_text("", "utf-8")
    source = f', registry = "{registry}"' if registry else ""
    dependency = f'{name} = {{ version = "={version}"{source} }}\n'
    (directory / "Cargo.toml").write_text(f"{_MANIFEST}\n[dependencies]\n{dependency}", "utf-8")


def _default_registry(processes: Processes) -> str | None:
    """Return the configured default registry of cargo, `None` for crates.io.

    The commands of cargo use it, but a dependency has to name it (Cargo book, *Registries*).
    """
    if name := processes.inherits("CARGO_REGISTRY_DEFAULT"):
        return name
    try:
        config = tomllib.loads((cargo_home(processes) / "config.toml").read_text("utf-8"))
        default = config["registry"]["default"]
    except (OSError, ValueError, KeyError, TypeError):  # without a configuration; cargo reports an invalid one
        return None
    return default if isinstance(default, str) else None


def cargo_home(processes: Processes) -> Path:
    """Return the directory of the configuration and caches of cargo (Cargo book, *Cargo Home*)."""
    return Path(processes.inherits("CARGO_HOME") or Path.home() / ".cargo")


def _without_files(result: ProcessResult, question: str, name: str, version: str) -> VersionLookup:
    """Return why cargo did not find the version, from the error of its resolver about this dependency."""
    missing = (
        rf"no matching package (?:named `{re.escape(name)}` found|found\s+searched package name: `{re.escape(name)}`)"
    )
    if re.search(missing, result.stderr):
        return VersionLookup("no name", question, reason=f"the registry has no crate `{name}`")
    if f'failed to select a version for the requirement `{name} = "={version}"`' in result.stderr:
        if f"version {version} is yanked" in result.stderr:
            return VersionLookup("yanked", question, reason=f"version {version} of `{name}` is yanked")
        return VersionLookup("no version", question, reason=f"the registry has `{name}`, but not version {version}")
    remedy = "install the Rust toolchain with rustup, then open a new shell" if result.returncode == 127 else ""
    return VersionLookup("no answer", question, reason=result.reason, remedy=remedy)


def _commit(processes: Processes, name: str, version: str, checksum: str) -> str | None:
    """Return the commit in a downloaded `.crate`, if it is in the cache of cargo and contains a commit."""
    for path in (cargo_home(processes) / "registry" / "cache").glob(f"*/{name}-{version}.crate"):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == checksum:
            return _named_in(path, f"{name}-{version}/{_VCS}")
    return None


def _named_in(path: Path, member: str) -> str | None:
    try:
        with tarfile.open(path) as archive:
            inside = archive.extractfile(member)
            commit = json.loads(inside.read())["git"]["sha1"] if inside else None
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError):
        return None
    return commit if isinstance(commit, str) else None
