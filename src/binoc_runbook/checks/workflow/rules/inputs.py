"""What the actions are told: GitHub only warns of an input that an action does not have, and leaves it out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy

#: Inputs that decide what is built, checked out, handed on or published, from each action's `action.yml`. They are here
#: to recognise a slip of the pen, so the list need not be whole: a name that is like none of them may be a new one.
_INPUTS = {
    "actions/checkout": "repository ref token path persist-credentials fetch-depth fetch-tags submodules clean",
    "actions/download-artifact": "name pattern path merge-multiple artifact-ids run-id repository github-token",
    "actions/setup-python": "python-version python-version-file cache architecture check-latest allow-prereleases",
    "actions/upload-artifact": "name path if-no-files-found retention-days compression-level overwrite "
    "include-hidden-files",
    "astral-sh/attest-action": "paths overwrite",
    "astral-sh/setup-uv": "version version-file python-version checksum enable-cache activate-environment "
    "working-directory",
    "pyo3/maturin-action": "command args maturin-version manylinux container target rust-toolchain "
    "rustup-components working-directory sccache before-script-linux docker-options",
    "pypa/gh-action-pypi-publish": "user password repository-url packages-dir verify-metadata skip-existing "
    "attestations verbose print-hash",
    "rust-lang/crates-io-auth-action": "url",
}
#: Spellings with an underscore that an action still takes.
_OLD = {"pypa/gh-action-pypi-publish": ("repository_url", "packages_dir", "verify_metadata", "skip_existing")}


def inputs_are_spelt_right(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """An action leaves out what it does not know, and does something else than is written here."""
    for job in workflow.all_jobs:
        for step in job.steps:
            action, given = action_of(step), step.get("with")
            known = _INPUTS.get(action, "").split()
            if not known:
                continue
            for key, _ in given.items() if given else ():
                name = key.text.lower()
                if name in known or name in _OLD.get(action, ()):
                    continue
                if meant := difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.8):
                    saw = f"`{action}` has no input `{key.text}`, and leaves it out"
                    yield key.place, saw, f"write `{meant[0]}`"
