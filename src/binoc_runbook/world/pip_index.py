"""Queries of the configured package index: digests of a version through uv, and names through pip.

uv reports the digests of all files of a version, including those for other platforms. pip reports only the file that it
would install. No result is from a cache.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import NameLookup, VersionLookup
from binoc_runbook.world.processes import Processes

#: The timeout for a version, in seconds.
TIMEOUT = 120.0
#: The timeout for a name, in seconds.
NAME_TIMEOUT = 60.0
#: The timeout for the configuration of pip, in seconds.
CONFIG_TIMEOUT = 20.0

_HASHES = ("--quiet", "--universal", "--no-deps", "--generate-hashes", "--no-header", "--no-annotate")


def look_up_name(processes: Processes, name: str) -> NameLookup:
    """Return whether the configured index of pip has a project.

    The error of pip is the same for a missing project and for an unreachable index, so the responses in its log are
    used. The log contains URLs, which can contain a password, so findings do not quote it.
    """
    question = f"pip index versions {name}"
    options = ["--pre", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    command = ["python", "-m", "pip", "-vv", "index", "versions", *options, name]
    # An empty directory, because Python imports modules from the current directory.
    with tempfile.TemporaryDirectory(prefix="binoc-index-") as directory:
        result = replace(processes, root=Path(directory)).run(command, timeout=NAME_TIMEOUT)
    log = result.stdout + result.stderr
    pages, absent = log.count("Getting page "), len(re.findall(r"Could not fetch URL .*: 404 Client Error", log))
    if result.returncode == 0 or re.search(r'"GET [^"]*" 200', log):  # a project can have no file for this platform
        return NameLookup(question, "yes")
    if pages and pages == absent:
        return NameLookup(question, "no")
    if result.returncode in (124, 127):
        return NameLookup(question, "unknown", result.reason)
    return NameLookup(question, "unknown", "this environment has no pip" if not pages else "the index gave no answer")


def look_up_version(processes: Processes, name: str, version: str) -> VersionLookup:
    """Return the digests of a version of a project in PEP 440 spelling.

    Without a wheel, uv reads the metadata of the sdist.
    """
    return _look_up(with_configured_index(processes), name, version, (), TIMEOUT)


def find_project_version(processes: Processes, name: str, version: str, timeout: float) -> VersionLookup:
    """Return whether the index of uv has a version of a project in PEP 440 spelling; `timeout` is in seconds.

    No sdist is built to read its metadata, so a version without a wheel has no digests here.
    """
    # One retry instead of three, each of which uv delays by up to some seconds.
    hasty = replace(processes, environment={**processes.environment, "UV_HTTP_RETRIES": "1"})
    return _look_up(hasty, name, version, ("--no-build",), timeout)


def _look_up(processes: Processes, name: str, version: str, options: tuple[str, ...], timeout: float) -> VersionLookup:
    question = f"the package index: {name}=={version}"
    command = ["uv", "pip", "compile", *_HASHES, *options, "--refresh"]
    # Ignore a configured `exclude-newer`, which hides new versions.
    command += ["--exclude-newer-package", f"{name}=false", "-"]
    # An empty directory, because uv reads the configuration of a project around it.
    with tempfile.TemporaryDirectory(prefix="binoc-index-") as directory:
        isolated = replace(processes, root=Path(directory))
        result = isolated.run(command, stdin=f"{name}=={version}\n", timeout=timeout)
    if result.returncode == 0:
        digests = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", result.stdout))
        if digests or "--no-build" in options:
            return VersionLookup("offered", question, digests)
        return VersionLookup("no answer", question, reason="the index reports no SHA-256 digest")
    # Then uv also reports that the project was not found.
    if refusal := re.search(r"401 Unauthorized|403 Forbidden", result.stderr):
        return VersionLookup("no answer", question, reason=f"the index refused the request: {refusal[0]}")
    if "was not found in the package registry" in result.stderr:
        return VersionLookup("no name", question, reason=f"the index has no project `{name}`")
    if "there is no version of" in result.stderr:
        return VersionLookup("no version", question, reason=f"the index has `{name}`, but not version {version}")
    if "--no-build" in options and "has no usable wheels" in result.stderr:
        return VersionLookup("offered", question)
    remedy = "python -m pip install uv" if result.returncode == 127 else ""
    return VersionLookup("no answer", question, reason=result.reason, remedy=remedy)


def with_configured_index(processes: Processes, timeout: float = CONFIG_TIMEOUT) -> Processes:
    """Return processes in which uv uses the configured index of pip, unless uv has its own; `timeout` is in seconds."""
    if processes.inherits("UV_DEFAULT_INDEX") or processes.inherits("UV_INDEX_URL"):
        return processes
    index = configured_index(processes, timeout)
    return replace(processes, environment={**processes.environment, "UV_DEFAULT_INDEX": index}) if index else processes


def configured_index(processes: Processes, timeout: float = CONFIG_TIMEOUT) -> str:
    """Return the configured index of uv or pip, or an empty text for PyPI.

    The URL can contain a password. Use it for environment variables and comparisons only, and never show it.
    """
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if value := processes.inherits(name):
            return value
    # uv does not read the configuration of pip. Use the mirror that is configured there, as the wrapper `just` does.
    if not _may_have_configuration(processes):
        return ""  # starting pip takes as long as all other checks of a release
    # `-P`: Python would import a module `pip` from the current directory.
    result = processes.run(["python", "-P", "-m", "pip", "config", "get", "global.index-url"], timeout=timeout)
    return result.stdout.strip() if result.returncode == 0 else ""


def _may_have_configuration(processes: Processes) -> bool:
    """Return whether a configuration file of pip exists (pip documentation, *Configuration*); true on Windows."""
    if sys.platform == "win32":
        return True
    if file := processes.inherits("PIP_CONFIG_FILE"):
        return file != os.devnull
    home = Path(processes.inherits("HOME") or Path.home())
    directories = [home / "Library/Application Support/pip", home / ".pip", Path(sys.prefix), Path("/etc")]
    directories += [Path(processes.inherits("XDG_CONFIG_HOME") or home / ".config") / "pip"]
    shared = (processes.inherits("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    directories += [Path(directory) / "pip" for directory in (*shared, "/Library/Application Support")]
    return any((directory / "pip.conf").is_file() for directory in directories)
