"""The files of a checkout that the checks of a release and cargo read. They must be equal to those of the commit."""

from __future__ import annotations

from binoc_runbook.policy import Policy
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import CHANGELOG
from binoc_runbook.workspace.manifest_tree import PYTHON
from binoc_runbook.workspace.version_locations import built_manifests, lock_path

#: Files that configure cargo and rustup (Cargo book, *Configuration*; rustup book, *Overrides*), and the lock of uv.
_CONFIGURATION = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain", "uv.lock")


def input_files(workspace: Workspace, policy: Policy) -> dict[str, bytes]:
    """Return the content of the files that are read, by path; of manifests, the content that `workspace` has read."""
    manifests = (*workspace.tree.cargo.values(), *workspace.tree.python.values())
    files = {manifest.path: manifest.text.encode() for manifest in manifests if manifest.text or not manifest.problem}
    locks = {lock_path(root) for root in workspace.cargo_roots}.intersection(workspace.tree.locks)
    for path in (*locks, CHANGELOG, _workflow(policy), *_CONFIGURATION):
        file = workspace.root / path
        try:
            if file.is_file():
                files[path] = file.read_bytes()
        except OSError:  # the check that uses this file reports it
            continue
    return files


def required_files(workspace: Workspace, policy: Policy) -> set[str]:
    """Return the paths of the input files without which a clone of the commit is judged differently.

    They are the manifests of the published packages, those of all members of their workspaces with the lock files, the
    changelog, and with a policy also the policy and the publish workflow.
    """
    built = built_manifests(workspace, policy)
    roots = {package.root for package in workspace.packages if package.root and package.manifest in built}
    members = {package.manifest for package in workspace.packages if package.root in roots}
    declared = {PYTHON, _workflow(policy)} if policy.declared else set()
    return built | roots | members | {lock_path(root) for root in roots} | {CHANGELOG} | declared


def _workflow(policy: Policy) -> str:
    return f".github/workflows/{policy.workflow}"
