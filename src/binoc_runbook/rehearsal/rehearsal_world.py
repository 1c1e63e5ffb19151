"""The world of a rehearsal: a release that is performed in temporary repositories.

A rehearsal starts from a new repository with one commit, which has the tree of the checkout's HEAD, and from a bare
repository as its remote. It copies no tags, remotes, hooks or user configuration from the checkout, except settings of
git that change what a push does. So it also works in the shallow, detached clone of a pull request.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.checks.push_settings import overridden, relevant
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.redaction import machine_free
from binoc_runbook.rehearsal.bare_remote import RULES, remote_path, write_hook
from binoc_runbook.rehearsal.faults import FAULTS
from binoc_runbook.rehearsal.owned_directory import owned_directory
from binoc_runbook.version import Version
from binoc_runbook.workspace.manifest_tree import LOCK
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.git import Git
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobRun, OnAttempt, PushedTag, TriggeredRun, TriggerListener

#: The timeout for downloading the crates of the lock file, in seconds.
FETCH_TIMEOUT = 600.0

#: Build settings that save time, for the tests and the publish workflow. No built file is released, so they need no
#: optimisation.
_FAST_BUILD = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
_IDENTITY = {"user.name": "Rehearsal", "user.email": "rehearsal@localhost"}


@dataclass
class RehearsalWorld(World):
    """A repository and its remote in a temporary directory; `fault` is one of `faults.FAULTS`."""

    fault: str | None = None

    def look_up_versions(self, artifacts: Sequence[Artifact], version: Version) -> dict[Artifact, VersionLookup]:
        """Return that no version is published: the registries of a rehearsal start empty, after the tag is pushed."""
        reason = "the registries of a rehearsal are empty"
        return {artifact: VersionLookup("no name", artifact.registry, reason=reason) for artifact in artifacts}

    def follow_tag(
        self, policy: Policy, tag: PushedTag, listener: TriggerListener, on_attempt: OnAttempt
    ) -> TriggeredRun:
        """Run the publish workflow against local registries, with the fault; then run the failed jobs without it."""
        version = tag.version
        from binoc_runbook.rehearsal.publish import open_publication

        with open_publication(self, policy, version, listener.line, listener) as publication:
            if self.fault is not None:
                listener.note(f"injected fault, in the first attempt: {FAULTS[self.fault]}")
            before: tuple[JobRun, ...] = ()
            for run in publication.start(f"refs/tags/{policy.tag_of(version)}", self.fault):
                # A second attempt contains the jobs that passed in the first one; report only those that ran in it.
                on_attempt(run.attempt, [job for job in run.jobs if job not in before])
                before = run.jobs
                if publication.will_rerun(run, self.fault):
                    listener.note('the fault is removed; the failed jobs run again, as with "Re-run failed jobs"')
            published = tuple(publication.published())
            observed = publication.observed_run()
            return TriggeredRun(published, publication.missing(), publication.failed_jobs(), observed=observed)


def open_world(source: Path, fault: str | None = None, *, quick: bool = False) -> RehearsalWorld:
    """Create the repository and its remote in a temporary directory, which `World.close` or the exit removes.

    `fault` is one of `faults.FAULTS`; then the tests are skipped. The records of a `quick` rehearsal are also written
    to the temporary directory, because they have the same names as those of a complete one.

    Raises:
        RefusedError: The checkout has no commit, or its policy cannot be read.
    """
    stack = contextlib.ExitStack()
    try:
        directory = stack.enter_context(owned_directory())
        return _open(source, directory, stack.close, fault=fault, quick=quick)
    except BaseException:
        stack.close()
        raise


def _open(
    source: Path, directory: Path, close: Callable[[], None], *, fault: str | None, quick: bool
) -> RehearsalWorld:
    environment = {
        # Git reads no configuration of the user or the system, and none from environment variables.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "0",
        # The builds are kept in the checkout, so that the next rehearsal is fast. They have a directory of their own,
        # because cargo identifies packages of a workspace by relative path and time, and would mix up the two trees.
        "CARGO_TARGET_DIR": str(Path(os.environ.get("CARGO_TARGET_DIR") or source / "target") / "rehearsal"),
        **_FAST_BUILD,
    }
    root = directory / source.name
    bare = remote_path(root)
    checkout, git = Git(source), Git(root, environment)
    tree = _run(checkout, "rev-parse", "--verify", "--end-of-options", "HEAD^{tree}")
    objects = _run(checkout, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _run(Git(directory, environment), "init", "--quiet", "--initial-branch=main", str(root))
    # The objects of the checkout are shared, read-only, and not copied.
    (root / ".git/objects/info/alternates").write_text(f"{objects}\n", "utf-8")
    for name, value in _IDENTITY.items():
        _run(git, "config", name, value)
    # With the date of the original commit, each rehearsal of it has the same commit ID.
    date = _run(checkout, "log", "-1", "--format=%cI")
    dated = Git(root, environment | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
    commit = _run(dated, "commit-tree", tree, "-m", "Rehearsed tree")
    _run(git, "reset", "--quiet", "--hard", commit)

    policy = read_policy(root)
    branch = next((name for name in policy.branch if not set("*?[") & set(name)), "main")
    _run(git, "branch", "--move", branch)
    _run(Git(directory, environment), "init", "--quiet", "--bare", f"--initial-branch={branch}", str(bare))
    for name, value in RULES.items():
        _run(Git(bare, environment), "config", "--add", name, value)
    write_hook(bare)
    _run(git, "remote", "add", policy.remote, str(bare))
    for key, value in _push_settings(checkout, policy.remote):
        _run(git, "config", "--add", key, value)
    processes = Processes(root, environment, machine_free(root, source))
    if (root / LOCK).is_file():
        # On a machine that has built nothing, cargo could not check the lock file. An error is a finding of `sync`.
        processes.run(["cargo", "fetch", "--locked", "--quiet"], timeout=FETCH_TIMEOUT)
    return RehearsalWorld(
        kind="rehearsal",
        root=root,
        source=source,
        runs=(directory if quick else source) / "runs",
        git=git,
        processes=processes,
        quick=quick,
        # A fault of a registry or a job is the same with and without the tests, which take minutes.
        skip_tests=quick or fault is not None,
        on_close=close,
        fault=fault,
    )


def _push_settings(checkout: Git, remote: str) -> Iterator[tuple[str, str]]:
    """Return the settings of the user that change what a push does, for the repository of the rehearsal.

    The other settings of the remote name programs of its server, so they cannot be rehearsed.
    """
    for setting in checkout.settings("push", "submodule", "remote"):
        if setting.key == "push.pushoption":
            yield setting.key, "rehearsal"  # the value can be a secret
        elif setting.key.startswith("push.") or any(overridden(known, remote) for known in relevant([setting], remote)):
            yield setting.key, setting.value


def _run(git: Git, *arguments: str) -> str:
    result = git.run(["git", *arguments])
    if result.returncode != 0:
        remedy = "fix the error of git, then run the rehearsal again"
        finding = Finding.failed("rehearsal", " ".join(result.command), result.reason, remedy)
        raise RefusedError("the rehearsal could not start", [finding])
    return result.stdout.strip()
