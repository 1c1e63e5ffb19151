"""What the configured package index offers, asked through uv; whether it has a project, asked through pip.

uv tells the digest of every file of a version, also of those that this machine could not install; pip tells only of
the one that it would take. No answer comes from a cache.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import NameLookup, VersionLookup
from binoc_runbook.world.processes import Processes

#: How long the index may take to answer, in seconds.
TIMEOUT = 120.0
#: How long it may take to tell whether it has a project, in seconds.
NAME_TIMEOUT = 60.0

_HASHES = ("--quiet", "--universal", "--no-deps", "--generate-hashes", "--no-header", "--no-annotate")


def look_up_name(processes: Processes, name: str) -> NameLookup:
    """Return whether the index that pip is configured with has a project.

    What pip says in the end is the same where there is none and where no index answered, so its log decides: what it
    got for each page that it asked for stands there. The log holds addresses, which may hold a password; no word of it
    is repeated.
    """
    question = f"pip index versions {name}"
    options = ["--pre", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    command = ["python", "-m", "pip", "-vv", "index", "versions", *options, name]
    # An empty directory, because Python would take modules from the one it starts in.
    with tempfile.TemporaryDirectory(prefix="binoc-index-") as directory:
        result = replace(processes, root=Path(directory)).run(command, timeout=NAME_TIMEOUT)
    log = result.stdout + result.stderr
    pages, absent = log.count("Getting page "), len(re.findall(r"Could not fetch URL .*: 404 Client Error", log))
    if result.returncode == 0 or re.search(r'"GET [^"]*" 200', log):  # a project may have no file that fits here
        return NameLookup(question, "yes")
    if pages and pages == absent:
        return NameLookup(question, "no")
    if result.returncode in (124, 127):
        return NameLookup(question, "unknown", result.reason)
    return NameLookup(question, "unknown", "this environment has no pip" if not pages else "the index gave no answer")


def look_up_version(processes: Processes, name: str, version: str) -> VersionLookup:
    """Ask for the digests of a version, in the spelling of PEP 440, of a project.

    uv may have to read an sdist for that, when no wheel is there yet.
    """
    question = f"the package index: {name}=={version}"
    command = ["uv", "pip", "compile", *_HASHES, "--refresh"]
    # Whoever lets new packages cool down still wants to know whether this one is out.
    command += ["--exclude-newer-package", f"{name}=false", "-"]
    # An empty directory, because uv would take the configuration of a project around it.
    with tempfile.TemporaryDirectory(prefix="binoc-index-") as directory:
        environment = {**processes.environment, **_as_uv_knows(processes)}
        isolated = replace(processes, root=Path(directory), environment=environment)
        result = isolated.run(command, stdin=f"{name}=={version}\n", timeout=TIMEOUT)
    if result.returncode == 0:
        digests = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", result.stdout))
        if digests:
            return VersionLookup("offered", question, digests)
        return VersionLookup("no answer", question, reason="the index tells no SHA-256 digest of what it offers")
    if "was not found in the package registry" in result.stderr:
        return VersionLookup("no name", question, reason=f"the index has no project `{name}`")
    if "there is no version of" in result.stderr:
        return VersionLookup("no version", question, reason=f"the index has `{name}`, and not version {version}")
    return VersionLookup("no answer", question, reason=result.reason)


def configured_index(processes: Processes) -> str:
    """The address of the index that uv or pip is configured with; empty where that is nothing but PyPI.

    It may hold a password: for variables of processes, and for comparing, never to be shown.
    """
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if value := processes.inherits(name):
            return value
    # uv does not read pip's configuration; whoever has told pip of a mirror has told us, as in the wrapper `just`.
    result = processes.run(["python", "-m", "pip", "config", "get", "global.index-url"], timeout=20.0)
    return result.stdout.strip() if result.returncode == 0 else ""


def _as_uv_knows(processes: Processes) -> dict[str, str]:
    if processes.inherits("UV_DEFAULT_INDEX") or processes.inherits("UV_INDEX_URL"):
        return {}
    index = configured_index(processes)
    return {"UV_DEFAULT_INDEX": index} if index else {}
