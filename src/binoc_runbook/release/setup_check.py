"""Check the settings at GitHub and the registries that the workflow file does not show."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.observations import NameLookup
from binoc_runbook.checks.settings import check_settings
from binoc_runbook.finding import Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.world import World
from binoc_runbook.world.processes import Processes

#: How long a client of a registry may take, in seconds.
TIMEOUT = 60.0


def check_setup(world: World, policy: Policy) -> Findings:
    """Read the settings that can be read and check them; nothing is changed."""
    with tempfile.TemporaryDirectory(prefix="binoc-setup-") as folder:
        # In a workspace cargo would answer with the workspace's own crate of that name.
        outside = replace(world.processes, root=Path(folder))
        names = {artifact: _look_up_name(outside, artifact) for artifact in policy.artifacts if policy.repository}
        return check_settings(world.github.get, names, policy)


def _look_up_name(processes: Processes, artifact: Artifact) -> NameLookup:
    return (_look_up_project if artifact.registry == "pypi" else _look_up_crate)(processes, artifact.name)


def _look_up_project(processes: Processes, name: str) -> NameLookup:
    """Whether the index that pip is configured with has a project.

    What pip says in the end is the same where there is none and where no index answered, so its log decides: what it
    got for each page that it asked for stands there. The log holds addresses, which may hold a password; no word of it
    is repeated.
    """
    options = ["--pre", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    done = processes.run(["python", "-m", "pip", "-vv", "index", "versions", *options, name], timeout=TIMEOUT)
    question = f"pip index versions {name}"
    log = done.stdout + done.stderr
    pages, absent = log.count("Getting page "), len(re.findall(r"Could not fetch URL .*: 404 Client Error", log))
    if done.returncode == 0 or re.search(r'"GET [^"]*" 200', log):  # a project may have no file that fits here
        return NameLookup(question, "yes")
    if pages and pages == absent:
        return NameLookup(question, "no")
    if done.returncode in (124, 127):
        return NameLookup(question, "unknown", done.reason)
    return NameLookup(question, "unknown", "this environment has no pip" if not pages else "the index gave no answer")


def _look_up_crate(processes: Processes, name: str) -> NameLookup:
    """Whether the registry that cargo is configured with has a crate."""
    question = f"cargo info {name}"
    done = processes.run(["cargo", "info", "--quiet", "--color", "never", name], timeout=TIMEOUT)
    if done.returncode == 0:
        return NameLookup(question, "yes")
    if re.search(rf"could not find `{re.escape(name)}` in registry", done.stderr):
        return NameLookup(question, "no")
    return NameLookup(question, "unknown", done.reason)
