"""Checks of killed commands: what the command has printed and left, and that the same command then finishes."""

from __future__ import annotations

import re
import signal
from functools import partial
from pathlib import Path

from ..local_registries import LocalRegistries
from .cases import BRANCH, TAG, Case
from .sandbox import Sandbox


def run_case(case: Case, directory: Path) -> None:
    """Run a case in an empty directory.

    Raises:
        AssertionError: The state after the kill, or after the second run, is not correct.
    """
    sandbox = Sandbox(case, directory)
    check = {"release": check_release, "rehearse": check_rehearsal}.get(case.name, check_edit)
    with LocalRegistries() as registries, sandbox.ending_processes():
        sandbox.environment |= registries.environment
        check(sandbox)


def check_release(sandbox: Sandbox) -> None:
    """Kill a release and finish it: one commit and one tag are pushed, and the record of the first attempt is kept."""
    case, checkout = sandbox.case, sandbox.checkout
    git = partial(checkout.git, cwd=checkout.root)
    before = checkout.remote_refs()
    code, output = sandbox.run_killed()
    if not case.at_once:
        sandbox.wait_for_processes()
    check_exit_code(sandbox, code, output)
    if code == 130:
        check_claims(output, before, checkout.remote_refs())
    records = {path.name: path.read_bytes() for path in checkout.root.glob("runs/0.4.0.*")}
    code, output = sandbox.run()
    sandbox.wait_for_processes()
    if code == 1 and case.at_once:  # a push of the killed run has arrived during that of the second run
        code, output = sandbox.run()
    assert code == 0, output

    commit, tag = checkout.head(), git("rev-parse", TAG)
    assert checkout.remote_refs() == {BRANCH: commit, TAG: tag, f"{TAG}^{{}}": commit}
    assert git("cat-file", "-t", tag) == "tag"
    # The log of the remote also has updates that were undone.
    assert sandbox.updates(BRANCH)[-1:] == [(before[BRANCH], commit)]
    assert sandbox.updates(TAG) == [("0" * 40, tag)]
    logs = (checkout.remote / "logs/refs").rglob("*")
    assert {path.name for path in logs if path.is_file()} == {"main", "v0.4.0"}
    for name, content in records.items():
        kept = [path.read_bytes() for path in checkout.root.glob(f"runs/0.4.0/*/{name}")]
        assert content in kept, f"{name} is not kept"
    filed = {f"?? docs/releases/0.4.0.{suffix}" for suffix in ("json", "ipynb")}
    assert set(git("status", "--porcelain", "--untracked-files=all").splitlines()) <= filed
    assert [path.name for path in (checkout.root / ".git").rglob("*.lock")] == ["release.lock"]


def check_claims(output: str, before: dict[str, str], refs: dict[str, str]) -> None:
    """Check that the last message of an interrupted release agrees with the refs of the remote."""
    assert "Traceback" not in output, output
    if "pushed nothing" in output:
        assert refs == before, output
    done = re.search("done so far: ([^;]*)", output)
    for ref, stage in ((BRANCH, "push-branch"), (TAG, "push-tag")):
        has_changed = refs.get(ref) != before.get(ref)
        assert not has_changed or stage in output or f"`{ref}`" in output, f"{ref} has changed: {output}"
        is_done = done is not None and stage in done[1].split(", ")
        assert has_changed or not is_done, f"{ref} has not changed: {output}"


def check_exit_code(sandbox: Sandbox, code: int, output: str) -> None:
    """Check the exit code of a killed command."""
    case = sandbox.case
    number = signal.Signals[case.signal]
    # In the command, papermill handles both signals. In one process, SIGTERM is not handled.
    is_handled = number is signal.SIGINT or (number is signal.SIGTERM and not case.in_process)
    expected = {1} if case.victim == "kernel" else {130} if is_handled else {-number}
    if case.point[0] == "time":
        expected |= {0, -number}  # before Python handles the signal, or after the last action
    assert code in (expected if sandbox.is_killed else {0}), f"exit code {code}: {output}"


def check_edit(sandbox: Sandbox) -> None:
    """Kill `prepare` or `set-version` and finish it: the files are those of a run that was not killed."""
    git = partial(sandbox.checkout.git, cwd=sandbox.checkout.root)
    code, output = sandbox.run_killed()
    sandbox.wait_for_processes()
    check_exit_code(sandbox, code, output)
    interrupted = git("diff") if code == 130 else ""
    completed = _edit(sandbox)
    assert interrupted in ("", completed)  # all edits, or none
    assert "!! " not in git("status", "--porcelain", "--ignored")
    git("checkout", "--quiet", ".")
    assert _edit(sandbox) == completed
    assert "?? " not in git("status", "--porcelain")


def _edit(sandbox: Sandbox) -> str:
    code, output = sandbox.run()
    assert code == 0, output
    return sandbox.checkout.git("diff", cwd=sandbox.checkout.root)


def check_rehearsal(sandbox: Sandbox) -> None:
    """Kill a rehearsal and repeat it: checkout and remote do not change, and the temporary files are removed."""
    checkout = sandbox.checkout
    git = partial(checkout.git, cwd=checkout.root)
    before = (git("for-each-ref"), git("status", "--porcelain"), checkout.remote_refs())
    code, output = sandbox.run_killed()
    sandbox.wait_for_processes()
    check_exit_code(sandbox, code, output)
    code, output = sandbox.run()
    assert code == 0, output
    sandbox.wait_for_processes()
    assert (git("for-each-ref"), git("status", "--porcelain"), checkout.remote_refs()) == before
    assert list(sandbox.temporary.glob("binoc-rehearsal-*")) == []
