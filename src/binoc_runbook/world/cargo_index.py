"""Queries of the configured crate registry through cargo: the checksum of a version, and the commit in its `.crate`.

cargo runs in a new crate outside the checkout, with the CARGO_HOME of the user, which has the configured registries and
credentials. Cached data is not used: cargo queries the index for each `add`, and a cached `.crate` is only used if it
has the checksum that the index reports now.
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

from binoc_runbook.checks.observations import NameLookup, VersionLookup
from binoc_runbook.world.processes import Processes

#: The timeout for a version, in seconds; its dependencies are downloaded too.
TIMEOUT = 300.0
#: The timeout for a name, in seconds.
NAME_TIMEOUT = 60.0

_MANIFEST = '[package]\nname = "registry-query"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
#: Cargo book, *cargo package*.
_VCS = ".cargo_vcs_info.json"


def look_up_name(processes: Processes, name: str, timeout: float = NAME_TIMEOUT) -> NameLookup:
    """Return whether the registry has a crate, with its newest version."""
    question = f"cargo info {name}"
    # In a workspace, cargo would report the crate of this name in the workspace.
    with tempfile.TemporaryDirectory(prefix="binoc-crate-") as directory:
        outside = replace(processes, root=Path(directory))
        result = outside.run(["cargo", "info", "--quiet", "--color", "never", name], timeout=timeout)
    if result.returncode == 0:
        version = re.search(r"^version: (\S+)", result.stdout, flags=re.MULTILINE)
        return NameLookup(question, "yes", result.reason, version[1] if version else None)
    if re.search(rf"could not find `{re.escape(name)}` in registry", result.stderr):
        return NameLookup(question, "no")
    return NameLookup(question, "unknown", result.reason)


def look_up_version(processes: Processes, name: str, version: str, timeout: float = TIMEOUT) -> VersionLookup:
    """Return the checksum of a version of a crate in SemVer spelling, and download it as a dependency."""
    question = f"the crate registry: {name}@={version}"
    with tempfile.TemporaryDirectory(prefix="binoc-crate-") as directory:
        _write_crate(Path(directory) / "crate")
        environment = {**processes.environment, "CARGO_NET_OFFLINE": "false"}
        isolated = replace(processes, root=Path(directory) / "crate", environment=environment)
        result = isolated.run(["cargo", "add", "--quiet", f"{name}@={version}"], timeout=timeout)
        if result.returncode != 0 and "could not be found in registry index" in result.stderr:
            return _absent(isolated, question, name, version, min(timeout, NAME_TIMEOUT))
        if result.returncode == 0:
            result = isolated.run(["cargo", "fetch", "--quiet"], timeout=timeout)
        if result.returncode != 0:
            return VersionLookup("no answer", question, reason=result.reason)
        packages = tomllib.loads((isolated.root / "Cargo.lock").read_text("utf-8"))["package"]
    checksum = next((package.get("checksum") for package in packages if package["name"] == name), None)
    if checksum is None:
        return VersionLookup("no answer", question, reason="its source in the configuration of cargo has no checksums")
    return VersionLookup("offered", question, frozenset({checksum}), commit=_commit(processes, name, version, checksum))


def _write_crate(directory: Path) -> None:
    (directory / "src").mkdir(parents=True)
    (directory / "src" / "lib.rs").write_text("", "utf-8")
    (directory / "Cargo.toml").write_text(_MANIFEST, "utf-8")


def _absent(processes: Processes, question: str, name: str, version: str, timeout: float) -> VersionLookup:
    """Return whether the crate or the version is missing, for which `cargo add` prints the same error."""
    lookup = look_up_name(processes, name, timeout)
    if lookup.answer == "yes":
        return VersionLookup("no version", question, reason=f"the registry has `{name}`, but not version {version}")
    if lookup.answer == "no":
        return VersionLookup("no name", question, reason=f"the registry has no crate `{name}`")
    return VersionLookup("no answer", question, reason=lookup.reason)


def _commit(processes: Processes, name: str, version: str, checksum: str) -> str | None:
    """Return the commit in a downloaded `.crate`, if it is in the cache of cargo and contains a commit."""
    home = Path(processes.inherits("CARGO_HOME") or Path.home() / ".cargo")
    for path in (home / "registry" / "cache").glob(f"*/{name}-{version}.crate"):
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
