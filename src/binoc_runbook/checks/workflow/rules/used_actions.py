"""Rules about actions, their inputs, and downloaded programs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import pairwise

from binoc_runbook.checks.workflow.known import KNOWN_ACTIONS
from binoc_runbook.checks.workflow.model import Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy


def actions_are_pinned(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A tag can be moved to other code, as at tj-actions in 2025."""
    for job in workflow.all_jobs:
        container = job.node.get("container", "image") or job.node.get("container")
        if container and not re.search("@sha256:[0-9a-f]{64}$", container.text):
            saw = f"the container of `{job.id}` is not pinned to a digest"
            yield container.place, saw, f"write `{container.text.partition('@')[0]}@sha256:` and its digest"
    for used in workflow.used_actions:
        name, _, ref = used.text.partition("@")
        if name.startswith(("./", "$/")):  # of the same commit
            continue
        if name.startswith("docker://"):
            if not re.fullmatch("sha256:[0-9a-f]{64}", ref):
                yield used.place, f"`{used.text}` is not pinned to a digest", f"write `{name}@sha256:` and its digest"
        elif not re.fullmatch("[0-9a-f]{40}", ref):
            saw = f"`{used.text}` is not pinned to a commit"
            yield used.place, saw, f"write `{name}@` and the commit of {ref or 'a release'}, with its tag as a comment"
        elif not _tag(used):
            yield used.place, f"`{used.text}` has no comment with its tag", "write the tag after it: `# v1.2.3`"


_FETCHERS = ("curl", "wget")
_SHELLS = ("sh", "bash", "zsh", "python", "python3")


def nothing_is_piped_into_shells(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A file on a server can change, as the uploader of codecov did in 2021."""
    for job in workflow.all_jobs:
        for (script, fetch), (other, shell) in pairwise(job.commands):
            reads_input = all(word.startswith("-") for word in shell[1:])  # otherwise it runs a given file
            if script is other and fetch[0] in _FETCHERS and shell[0] in _SHELLS and reads_input:
                saw = f"`{job.id}` runs the download of `{' '.join(fetch)}` without a check"
                yield script.place, saw, "install it with a pinned action, or from a package with a hash"


def comments_match_commits(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Reviewers read the comment, but GitHub runs the commit."""
    for used, name, commit, (known, tag) in _pins(workflow):
        comment = _tag(used)
        if commit == known and comment and comment != tag:
            yield used.place, f"`{commit}` of `{name}` is {tag}, but the comment says {comment}", f"write `# {tag}`"
        elif commit != known and comment == tag:
            yield used.place, f"the comment says {tag}, but `{commit}` of `{name}` is not", f"write `{name}@{known}`"


def commits_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """It could be a commit of a fork, which GitHub runs as if it were of the action."""
    for used, name, commit, (known, tag) in _pins(workflow):
        if commit != known and _tag(used) not in ("", tag):
            edit = f"git ls-remote https://github.com/{name} {_tag(used)}, or write `{name}@{known} # {tag}`"
            yield used.place, f"the commit `{commit}` of `{name}` is unknown", edit


def _pins(workflow: WorkflowFile) -> Iterator[tuple[Node, str, str, tuple[str, str]]]:
    """Yield the pins of known actions: the node, name, commit, and the known commit and tag."""
    for used in workflow.used_actions:
        name, _, ref = used.text.partition("@")
        if name.lower() in KNOWN_ACTIONS and re.fullmatch("[0-9a-f]{40}", ref):
            yield used, name.lower(), ref, KNOWN_ACTIONS[name.lower()]


def _tag(used: Node) -> str:
    """Return the tag in the comment after a pin, with `v`; the comment can be without it."""
    match = re.match(r"v?([0-9]+\.[0-9]+\.[0-9]+(?:[.-]?\w+)*)", used.comment)
    return f"v{match[1]}" if match else ""


#: Actions with a complete list of the inputs that a job may use. Others check out another ref or repository, download
#: from another run, or replace the workflow artifact of another job.
_COMPLETE = ("actions/checkout", "actions/download-artifact", "actions/setup-python", "actions/upload-artifact")
#: Inputs that determine what is built, checked out, uploaded or published, from the `action.yml` of each action. They
#: are used to detect misspelled inputs. Other lists can be incomplete: a name that is unlike all of them may be new.
_INPUTS = {
    "actions/checkout": "persist-credentials fetch-depth fetch-tags clean",
    "actions/download-artifact": "name pattern path merge-multiple",
    "actions/setup-python": "python-version python-version-file cache architecture check-latest allow-prereleases",
    "actions/upload-artifact": "name path if-no-files-found retention-days compression-level",
    "astral-sh/attest-action": "paths overwrite",
    "astral-sh/setup-uv": "version version-file python-version checksum enable-cache activate-environment "
    "working-directory",
    "pyo3/maturin-action": "command args maturin-version manylinux container target rust-toolchain "
    "rustup-components working-directory sccache before-script-linux docker-options",
    "pypa/gh-action-pypi-publish": "user password repository-url packages-dir verify-metadata skip-existing "
    "attestations verbose print-hash",
    "rust-lang/crates-io-auth-action": "url",
}
#: Old names with an underscore that an action still accepts.
_OLD = {"pypa/gh-action-pypi-publish": ("repository_url", "packages_dir", "verify_metadata", "skip_existing")}


def inputs_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """An action ignores unknown inputs, and others take files from another ref, repository or run."""
    for job, step in workflow.steps:
        action = action_of(step)
        known = _INPUTS.get(action, "").split()
        for key, _ in step.items("with"):
            name = key.text.lower()
            if name in known or name in _OLD.get(action, ()):
                continue
            matches = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.8)
            if matches or action in _COMPLETE:
                edit = f"write `{matches[0]}`" if matches else f"delete `{key.text}`"
                yield key.place, f"`{job.id}` uses the input `{key.text}` of `{action}`", edit


def actions_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The checker did not look inside: a composite action can run other actions, with their own inputs."""
    for used in workflow.used_actions:
        name = used.text.partition("@")[0].lower()
        if not name.startswith(("./", "$/", "docker://")) and name not in KNOWN_ACTIONS:
            yield used.place, f"`{name}` is not known here", f"write a step with the commands that `{name}` runs"
