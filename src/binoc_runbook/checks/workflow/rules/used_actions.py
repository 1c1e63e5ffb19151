"""Rules about actions, their inputs, and downloaded programs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import pairwise

from binoc_runbook.checks.workflow.model import Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy

#: Known releases of actions: the commit (not the tag object) and its tag.
_KNOWN = {
    "actions/attest": ("1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2"),
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/configure-pages": ("45bfe0192ca1faeb007ade9deae92b16b8254a0d", "v6.0.0"),
    "actions/deploy-pages": ("cd2ce8fcbc39b97be8ca5fce6e763baed58fa128", "v5.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/upload-pages-artifact": ("fc324d3547104276b827a68afc52ff2a11cc49c9", "v5.0.0"),
    "astral-sh/attest-action": ("f589a42a7efb6fe400b4f400de60b4bc90390027", "v0.0.6"),
    "astral-sh/setup-uv": ("20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
    "pyo3/maturin-action": ("e83996d129638aa358a18fbd1dfb82f0b0fb5d3b", "v1.51.0"),
    "pypa/gh-action-pypi-publish": ("dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"),
    "rust-lang/crates-io-auth-action": ("c6f97d42243bad5fab37ca0427f495c86d5b1a18", "v1.0.5"),
    "swatinem/rust-cache": ("6323deb102c322ba6fcbdcafc7e3dddab59af2b6", "v2.9.2"),
    "zizmorcore/zizmor-action": ("3dc1ecc9bcb9e94e9b2c709687979e1298497054", "v0.6.2"),
}


def known_pin(action: str) -> str:
    """Return a known action as a workflow uses it: pinned to a commit, with its tag as a comment."""
    commit, tag = _KNOWN[action]
    return f"{action}@{commit} # {tag}"


def actions_are_pinned(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A tag can be moved to other code, as at tj-actions in 2025."""
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
        if name.lower() in _KNOWN and re.fullmatch("[0-9a-f]{40}", ref):
            yield used, name.lower(), ref, _KNOWN[name.lower()]


def _tag(used: Node) -> str:
    """Return the tag in the comment after a pin, with `v`; the comment can be without it."""
    match = re.match(r"v?([0-9]+\.[0-9]+\.[0-9]+(?:[.-]?\w+)*)", used.comment)
    return f"v{match[1]}" if match else ""


#: Inputs that determine what is built, checked out, uploaded or published, from the `action.yml` of each action. They
#: are used to detect misspelled inputs. The list can be incomplete: a name that is unlike all of them may be new.
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
#: Old names with an underscore that an action still accepts.
_OLD = {"pypa/gh-action-pypi-publish": ("repository_url", "packages_dir", "verify_metadata", "skip_existing")}


def inputs_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """An action ignores unknown inputs, so it would use the default."""
    for _, step in workflow.steps:
        action = action_of(step)
        known = _INPUTS.get(action, "").split()
        for key, _ in step.items("with"):
            name = key.text.lower()
            if name in known or name in _OLD.get(action, ()):
                continue
            if matches := difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.8):
                yield key.place, f"`{action}` has no input `{key.text}`", f"write `{matches[0]}`"
