"""The world of a rehearsal: a release that is really performed, where it can do no harm.

A rehearsal starts from a new repository with one commit, of the tree that the checkout's HEAD has, and from a bare
repository as its remote. It takes nothing else from the checkout: no tags, no remotes, no hooks, and nothing of the
user's git configuration. So it works as well in the shallow, detached clone of a pull request.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Policy
from binoc_runbook.redaction import machine_free
from binoc_runbook.rehearsal.bare_remote import bare_beside, rules, write_hook
from binoc_runbook.rehearsal.faults import FAULTS, is_registry_fault, refused_refs
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.git import Git
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobRun, OnAttempt, TriggeredRun, TriggerListener

_IDENTITY = {"user.name": "Rehearsal", "user.email": "rehearsal@localhost"}


@dataclass
class RehearsalWorld(World):
    """A repository and its remote in a temporary directory; `fault` is the fault to inject, one of `faults.FAULTS`."""

    fault: str | None = None

    def follow_tag(
        self, policy: Policy, version: Version, listener: TriggerListener, on_attempt: OnAttempt
    ) -> TriggeredRun | None:
        """Run the publish workflow against local registries, with the fault; then the failed jobs without it."""
        from binoc_runbook.rehearsal.publish import open_publication

        with open_publication(self, policy, version, listener.line, listener) as publication:
            if is_registry_fault(self.fault):
                listener.says(f"asked for, until all jobs have run: {FAULTS[self.fault]}")
            before: tuple[JobRun, ...] = ()
            for run in publication.start(f"refs/tags/{policy.tag_of(version)}", self.fault):
                # Of a second attempt only the jobs that ran in it: those that passed before are kept.
                on_attempt(run.attempt, [job for job in run.jobs if job not in before])
                before = run.jobs
                if publication.goes_on(run, self.fault):
                    listener.says('the fault is removed; as "Re-run failed jobs" does, the failed jobs run again')
            published = tuple(publication.published())
            return TriggeredRun(published, publication.missing(), publication.unfinished())


def open_world(source: Path, fault: str | None = None, *, quick: bool = False) -> RehearsalWorld:
    """Create the repository and its remote in a temporary directory, which `World.close` removes, and so does the exit.

    `fault` is one of `faults.FAULTS`; the remote injects those that are its own. The records of a `quick` rehearsal are
    removed with it, because their names would not differ from those of a whole one.

    Raises:
        RefusedError: The checkout has no commit to start from, or its policy cannot be read.
    """
    directory = tempfile.TemporaryDirectory(prefix="binoc-rehearsal-", ignore_cleanup_errors=True)
    try:
        return _open(source, Path(directory.name).resolve(), directory.cleanup, fault=fault, quick=quick)
    except BaseException:
        directory.cleanup()
        raise


def _open(
    source: Path, directory: Path, close: Callable[[], None], *, fault: str | None, quick: bool
) -> RehearsalWorld:
    environment = {
        # The user's and the system's configuration stay out of it, and so does whatever the variables would add.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "0",
        # Kept in the build cache of the checkout, so that a warm rehearsal is quick. But not in the same one: cargo
        # tells the packages of a workspace apart by their place inside it and by age, and would take what was built
        # from one of the two trees for the other.
        "CARGO_TARGET_DIR": str(Path(os.environ.get("CARGO_TARGET_DIR") or source / "target") / "rehearsal"),
    }
    root = directory / source.name
    bare = bare_beside(root)
    checkout, git = Git(source), Git(root, environment)
    tree = _do(checkout, "rev-parse", "--verify", "--end-of-options", "HEAD^{tree}")
    objects = _do(checkout, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _do(Git(directory, environment), "init", "--quiet", "--initial-branch=main", str(root))
    # The checkout's objects are read where they are; nothing is copied, and nothing there is written.
    (root / ".git/objects/info/alternates").write_text(f"{objects}\n", "utf-8")
    for name, value in _IDENTITY.items():
        _do(git, "config", name, value)
    # Of the same day as what it stands for, so that a commit is rehearsed under the same name each time.
    day = _do(checkout, "log", "-1", "--format=%cI")
    dated = Git(root, environment | {"GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day})
    commit = _do(dated, "commit-tree", tree, "-m", "The tree that is rehearsed")
    _do(git, "reset", "--quiet", "--hard", commit)

    policy = read_policy(root)
    branch = next((name for name in policy.branch if not set("*?[") & set(name)), "main")
    _do(git, "branch", "--move", branch)
    _do(Git(directory, environment), "init", "--quiet", "--bare", f"--initial-branch={branch}", str(bare))
    for name, value in rules(refused_refs(fault, branch)):
        _do(Git(bare, environment), "config", "--add", name, value)
    write_hook(bare)
    _do(git, "remote", "add", policy.remote, str(bare))
    return RehearsalWorld(
        kind="rehearsal",
        root=root,
        source=source,
        runs=(directory if quick else source) / "runs",
        git=git,
        processes=Processes(root, environment, machine_free(root, source)),
        quick=quick,
        on_close=close,
        fault=fault,
    )


def _do(git: Git, *arguments: str) -> str:
    done = git.run(["git", *arguments])
    if done.returncode != 0:
        finding = Finding.failed("rehearsal", " ".join(done.command), done.reason, "mend that, then rehearse again")
        raise RefusedError("the rehearsal could not begin", [finding])
    return done.stdout.strip()
