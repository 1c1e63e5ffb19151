"""The fault catalogue: how releases break, how each fault is created in a sandbox, and how a person fixes it.

A scenario with `create` is rehearsed: `rehearse --fault NAME` creates the state, runs the release, shows the finding,
types the fix, and runs the same command again. A scenario without it says why it cannot be rehearsed, or what proves it
instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from binoc_runbook.rehearsal.faults import FAULTS
from binoc_runbook.workspace.changelog import CHANGELOG

if TYPE_CHECKING:
    from binoc_runbook.rehearsal.sandbox import Sandbox

Fix = Callable[["Sandbox"], tuple[str, ...]]


def _nothing(sandbox: Sandbox) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault of the catalogue.

    `number` is its number in the catalogue, several faults can share it. `symptom` and `advice` are for the page.
    `create` creates the state. The release must then show a finding of `check` with `status`, and `doctor` the state
    `state`. `fix` returns the command lines that a person types. `releases` is the version that is released afterwards:
    `same` or `next`. `final` is the state that `doctor` shows at the end. `workflow` is what a pushed tag starts.
    `reason` says why it is not rehearsed here.

    It has more than eight fields because it is a row of the catalogue.
    """

    number: str
    name: str
    symptom: str
    advice: str
    create: Callable[[Sandbox], None] | None = None
    check: str = ""
    status: str = "failed"
    state: str = "not started"
    fix: Fix = _nothing
    releases: str = "same"
    final: str = "published"
    workflow: Literal["passes", "does not start"] = "passes"
    reason: str = ""


# States


def _nothing_else(sandbox: Sandbox) -> None:
    """Leave the sandbox as it is."""


def _diverge(sandbox: Sandbox) -> None:
    sandbox.colleague_pushes()


def _push_only_the_tag(sandbox: Sandbox) -> None:
    sandbox.git("tag", "--annotate", "--message", sandbox.tag, sandbox.tag)
    sandbox.git("push", "--quiet", sandbox.policy.remote, f"refs/tags/{sandbox.tag}")
    sandbox.colleague_pushes()


def _protect_branch(sandbox: Sandbox) -> None:
    sandbox.git("config", "--add", "rehearsal.refuses", f"refs/heads/{sandbox.branch}", at=sandbox.remote)


def _refuse_tags(sandbox: Sandbox) -> None:
    sandbox.git("config", "--add", "rehearsal.refuses", "refs/tags/*", at=sandbox.remote)


def _tag_on_the_remote_only(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.git("tag", "--delete", sandbox.tag)


def _tag_in_the_clone_only(sandbox: Sandbox) -> None:
    sandbox.git("tag", "--annotate", "--message", sandbox.tag, sandbox.tag)


def _another_tag_object(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.git("tag", "--delete", sandbox.tag)
    sandbox.git("tag", "--annotate", "--message", "another message", sandbox.tag)


def _tag_another_version(sandbox: Sandbox) -> None:
    # The commit before the one to release has another version, as if the tag had been created before the merge. Every
    # workspace accepts the next version; the requirements between its packages can exclude much older ones.
    sandbox.type_successfully(f"just set-version {sandbox.version.next()}")
    sandbox.push_release(sandbox.commit("Another version"))
    sandbox.git("revert", "--no-edit", "HEAD")


def _lightweight_tag_in_the_clone(sandbox: Sandbox) -> None:
    sandbox.git("tag", sandbox.tag)


def _version_drift(sandbox: Sandbox) -> None:
    path = next(sandbox.root.glob("*.lock"))
    text = path.read_text("utf-8")
    path.write_text(text.replace(f'"{sandbox.version.semver}"', '"0.0.1"', 1), "utf-8")
    sandbox.commit("A lock file with another version")


def _modify_a_file(sandbox: Sandbox) -> None:
    path = sandbox.root / CHANGELOG
    path.write_text(path.read_text("utf-8") + "\nA line that is not committed.\n", "utf-8")


def _hide_a_change(sandbox: Sandbox) -> None:
    sandbox.git("update-index", "--assume-unchanged", CHANGELOG)
    _modify_a_file(sandbox)


def _follow_tags(sandbox: Sandbox) -> None:
    sandbox.git("tag", "--annotate", "--message", "Never pushed", "v0.0.1", "HEAD~1")
    sandbox.git("config", "push.followTags", "true")


def _lose_the_answer(sandbox: Sandbox) -> None:
    # The remote stores the branch, and then the connection breaks.
    script = 'if [ "$1" = committed ] && grep -q refs/heads/; then kill -9 "$PPID"; fi\n'
    sandbox.write_hook("reference-transaction", script)


def _stall(sandbox: Sandbox) -> None:
    sandbox.set_policy("push-timeout", 2)
    sandbox.commit("A short timeout")
    sandbox.write_hook("pre-receive", "sleep 60\n")


def _detach(sandbox: Sandbox) -> None:
    sandbox.git("switch", "--quiet", "--detach")


def _make_shallow(sandbox: Sandbox) -> None:
    # As after `git clone --depth 1`: the parents of the commit are missing.
    (sandbox.root / ".git" / "shallow").write_text(f"{sandbox.git('rev-parse', 'HEAD~1')}\n", "utf-8")


def _failing_tests(sandbox: Sandbox) -> None:
    sandbox.set_policy("test", ["git", "no-such-command"])
    sandbox.commit("Tests that fail")


def _commits_after_the_release(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.write("later.txt", "later\n")
    sandbox.commit("A change after the release")


def _version_is_taken(sandbox: Sandbox) -> None:
    artifact = sandbox.policy.artifacts[0].name
    sandbox.publish(artifact, commit=sandbox.git("rev-parse", "HEAD"))


def _other_bytes(sandbox: Sandbox) -> None:
    sandbox.push_release()
    names = [artifact.name for artifact in sandbox.policy.artifacts]
    sandbox.publish(*names[1:])
    sandbox.publish(names[0], label="Summary: not from this build\n")
    sandbox.add_run()


def _partly_published(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.publish(sandbox.policy.artifacts[0].name)
    sandbox.add_run("failure", f"Publish {sandbox.policy.artifacts[-1].name}")


def _failed_run(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.add_run("failure", "Build")


def _run_without_artifacts(sandbox: Sandbox) -> None:
    sandbox.push_release()
    sandbox.add_run()


def _crate_of_another_commit(sandbox: Sandbox) -> None:
    sandbox.push_release()
    names = [item.name for item in sandbox.policy.artifacts if item.registry != "crates.io"]
    crates = [item.name for item in sandbox.policy.artifacts if item.registry == "crates.io"]
    sandbox.publish(*names)
    sandbox.publish(*crates, commit=sandbox.git("rev-parse", "HEAD~1"))
    sandbox.add_run()


def _wait_for_the_files(sandbox: Sandbox) -> tuple[str, ...]:
    sandbox.finish_publication()
    return ()


def _prepare_twice(sandbox: Sandbox) -> None:
    sandbox.version = sandbox.version.next()
    for _ in range(2):
        sandbox.type(f"just prepare {sandbox.version}")
    sandbox.commit(f"Prepare {sandbox.version}")


def _start_another_release(sandbox: Sandbox) -> None:
    sandbox.start_another_release()


def _wait_for_the_other_release(sandbox: Sandbox) -> tuple[str, ...]:
    sandbox.end_other_release()
    return ()


def _publish_the_workspace(sandbox: Sandbox) -> None:
    path = sandbox.root / ".github/workflows" / sandbox.policy.workflow
    crate = next(item.name for item in sandbox.policy.artifacts if item.registry == "crates.io")
    text = path.read_text("utf-8")
    path.write_text(text.replace(f"cargo publish -p {crate}", "cargo publish --workspace"), "utf-8")
    sandbox.commit("Publish all crates of the workspace")


def _stale_lock(sandbox: Sandbox) -> None:
    path = next(sandbox.root.glob("Cargo.lock"))
    name = next(item.name for item in sandbox.policy.artifacts if item.registry == "crates.io")
    text = path.read_text("utf-8")
    start = text.index(f'[[package]]\nname = "{name}"\n')
    end = text.find("\n[[package]]", start)
    path.write_text(text[:start] + (text[end + 1 :] if end > 0 else ""), "utf-8")
    sandbox.commit("A lock file without a crate")


# Fixes


def _commands(*lines: str) -> Fix:
    """Return a fix that types these lines, with the tag, branch, remote and versions of the sandbox filled in."""

    def fix(sandbox: Sandbox) -> tuple[str, ...]:
        version = sandbox.version
        values = {
            "tag": sandbox.tag,
            "branch": sandbox.branch,
            "remote": sandbox.policy.remote,
            "version": version.semver,
            "next": version.next().semver,
            "bare": str(sandbox.remote),
            "root": str(sandbox.root),
            "workflow": sandbox.policy.workflow,
        }
        return tuple(line.format_map(values) for line in lines)

    return fix


def _dispatch_all(sandbox: Sandbox) -> tuple[str, ...]:
    command = f"gh workflow run {sandbox.policy.workflow} --ref {sandbox.tag} -f artifact="
    return tuple(f"{command}{artifact.name}" for artifact in sandbox.policy.artifacts)


_COMPLETE = "it runs the complete publish workflow, which takes about 3 minutes"

_NEXT = _commands("just prepare {next}", "git commit --all --message 'Prepare {next}'")

#: The catalogue, in the order of a release.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "F18",
        "version-spelling",
        "the version is `0.5.0rc1` or `v0.5.0`, which Cargo, Python and git do not all accept",
        "type the spelling that the message shows",
        reason="a version is refused before anything is read; `tests/test_version.py` tests all spellings",
    ),
    Scenario(
        "F20",
        "modified-file",
        "a tracked file differs from the commit, so the tag would not contain what was tested",
        "commit the change, or put it aside with `git stash`",
        _modify_a_file,
        "tree",
        fix=_commands("git stash"),
    ),
    Scenario(
        "F20",
        "hidden-change",
        "a tracked file differs from the commit, and git status does not show it",
        "show the change again, and put it aside or commit it",
        _hide_a_change,
        "tree",
        fix=_commands("git update-index --no-assume-unchanged CHANGELOG.md", "git stash"),
    ),
    Scenario(
        "F21",
        "detached-head",
        "HEAD is detached, so there is no branch to push",
        "switch to the release branch",
        _detach,
        "tree",
        fix=_commands("git switch {branch}"),
    ),
    Scenario(
        "F22",
        "shallow-clone",
        "the clone has no history, so it cannot be compared with the remote",
        "fetch the history",
        _make_shallow,
        "tree",
        fix=_commands("git fetch --unshallow"),
    ),
    Scenario(
        "F17",
        "version-drift",
        "the manifests and the lock file have different versions",
        "set the version everywhere, and commit",
        _version_drift,
        "sync",
        fix=_commands("just set-version {version}", "git commit --all --message 'One version'"),
    ),
    Scenario(
        "F19",
        "stale-lock-file",
        "the lock file lacks a crate of the workspace",
        "let cargo update the lock file, and commit it",
        _stale_lock,
        "sync",
        fix=_commands("cargo update --workspace --offline", "git commit --all --message 'Update the lock file'"),
    ),
    Scenario(
        "F7",
        "publish-workspace",
        "the workflow publishes all crates of the workspace with one command, which is not atomic",
        "publish each crate by name, in its own job",
        _publish_the_workspace,
        "workflow",
        fix=_commands("git revert --no-edit HEAD"),
    ),
    Scenario(
        "F27",
        "repeated-bump",
        "`prepare` is repeated after a failure",
        "nothing: the version is an argument, so a repeated command does not count up",
        _prepare_twice,
        "sync",
        "ok",
        state="published",
    ),
    Scenario(
        "F30",
        "two-releases-at-once",
        "another terminal releases from the same clone",
        "wait until the other release has ended, and type the same command again",
        _start_another_release,
        "release",
        fix=_wait_for_the_other_release,
    ),
    Scenario(
        "F9",
        "diverged-branch",
        "a colleague pushed to the release branch, and this clone has other commits",
        "rebase the commits, and release again; the tests run again for the new tree",
        _diverge,
        "remote",
        fix=_commands("git pull --rebase {remote} {branch}"),
    ),
    Scenario(
        "F10",
        "unrequested-tags",
        "the settings of git would push other tags of the clone, each of which starts a workflow",
        "nothing: a push of the release overrides these settings",
        _follow_tags,
        "remote",
        "ok",
        state="published",
    ),
    Scenario(
        "F4",
        "version-taken",
        "a registry has the version, but the remote has no tag of it",
        "release the next version: a published version is never replaced",
        _version_is_taken,
        "remote",
        state="published without a tag",
        fix=_NEXT,
        releases="next",
    ),
    Scenario(
        "F29",
        "failing-tests",
        "the test command fails",
        "fix the test, commit, and release again",
        _failing_tests,
        "tests",
        fix=_commands("git revert --no-edit HEAD"),
    ),
    Scenario(
        "F11",
        "protected-branch",
        "the branch accepts only pull requests; no dry run can detect this",
        "merge the commit with a pull request, pull, and release again",
        _protect_branch,
        "push-branch",
        fix=_commands(
            "git -C {bare} fetch --quiet {root} {branch}:{branch}",
            "git pull --ff-only {remote} {branch}",
        ),
    ),
    Scenario(
        "F10",
        "stalled-push",
        "the push does not end",
        "look at the remote, and release again; set a larger `push-timeout` if it needs more time",
        _stall,
        "push-branch",
        fix=_commands("rm {bare}/hooks/pre-receive"),
    ),
    Scenario(
        "F6",
        "lost-answer-to-the-push",
        "the remote has stored the branch, but the connection breaks before it answers",
        "nothing: the release looks at the remote again",
        _lose_the_answer,
        "push-branch",
        "warning",
        state="published",
    ),
    Scenario(
        "F11",
        "refused-tag",
        "a rule of the remote refuses new tags",
        "let a person who may create tags release the same commit, or let an administrator change the rule",
        _refuse_tags,
        "push-tag",
        state="tag not pushed",
        fix=_commands("git -C {bare} config --unset-all rehearsal.refuses"),
    ),
    Scenario(
        "F13",
        "tag-in-this-clone-only",
        "an earlier attempt created the tag and did not push it",
        "release again: the tag is pushed if it is the right one",
        _tag_in_the_clone_only,
        "remote",
        "ok",
        state="published",
    ),
    Scenario(
        "F13",
        "lightweight-tag-in-this-clone",
        "the tag in this clone is lightweight, and was never pushed",
        "delete the local tag, and release again",
        _lightweight_tag_in_the_clone,
        "remote",
        state="wrong local tag",
        fix=_commands("git tag -d {tag}"),
    ),
    Scenario(
        "F12",
        "tag-on-the-remote-only",
        "another clone has released this commit",
        "nothing: the release fetches the tag and reports that it is released",
        _tag_on_the_remote_only,
        "remote",
        "ok",
        state="published",
    ),
    Scenario(
        "F14",
        "other-tag-object",
        "the remote has a tag of the same name and commit, but another tag object",
        "replace the local tag by the tag of the remote",
        _another_tag_object,
        "remote",
        "warning",
        state="wrong local tag",
        fix=_commands("git tag -d {tag} && git fetch {remote} tag {tag}"),
    ),
    Scenario(
        "F15",
        "tag-before-the-bump",
        "the tag is on a commit whose manifests have another version",
        "release the next version: a pushed tag is never moved",
        _tag_another_version,
        "remote",
        state="wrong tag",
        fix=_NEXT,
        releases="next",
    ),
    Scenario(
        "F10",
        "orphan-tag",
        "the tag was pushed, but the release branch of the remote does not contain its commit",
        "merge the tag into the branch, and push the branch",
        _push_only_the_tag,
        "remote",
        state="tag not on the branch",
        fix=_commands(
            "git pull --no-rebase --no-edit {remote} {branch}",
            "git push {remote} {branch}",
        ),
    ),
    Scenario(
        "F32",
        "commits-after-the-release",
        "HEAD has commits that are not in the released version",
        "prepare the next version",
        _commits_after_the_release,
        "remote",
        "warning",
        state="published",
        fix=_NEXT,
        releases="next",
    ),
    Scenario(
        "F2",
        "failed-run",
        "the tag is on the remote, and a job of the workflow failed",
        "run the failed jobs again; if the commit is the cause, release the next version",
        _failed_run,
        "publication",
        state="workflow failed",
        fix=_commands("gh run rerun 1 --failed"),
    ),
    Scenario(
        "F1",
        "partly-published",
        "some artifacts are published, and others are not",
        "run the failed jobs again: they skip the files that are published",
        _partly_published,
        "publication",
        state="workflow failed",
        fix=_commands("gh run rerun 1 --failed"),
    ),
    Scenario(
        "F25",
        "run-without-artifacts",
        "the workflow run is green, and nothing is published",
        "verify; after 2 hours, publish each artifact from the same tag",
        _run_without_artifacts,
        "publication",
        "ok",
        state="not yet visible",
        fix=_dispatch_all,
    ),
    Scenario(
        "F3",
        "workflow-not-started",
        "the tag is on the remote, and GitHub started no workflow",
        "start the workflow for the tag by hand, once for each artifact",
        _nothing_else,
        "publication",
        state="workflow not started",
        fix=_dispatch_all,
        workflow="does not start",
    ),
    Scenario(
        "F24",
        "index-delay",
        "the files are uploaded, and the index does not show them yet",
        "wait, and look again",
        _run_without_artifacts,
        "publication",
        "ok",
        state="not yet visible",
        fix=_wait_for_the_files,
    ),
    Scenario(
        "F5",
        "other-bytes",
        "a registry has files that this workflow did not build",
        "find out who published them, yank the version, and release the next one",
        _other_bytes,
        "publication",
        "ok",
        state="disputed",
        fix=_NEXT,
        releases="next",
    ),
    Scenario(
        "F16",
        "crate-of-another-commit",
        "the crate was built from another commit than the tag",
        "yank the version, and release the next one",
        _crate_of_another_commit,
        "publication",
        "ok",
        state="disputed",
        fix=_NEXT,
        releases="next",
    ),
    Scenario(
        "F6",
        "lost-answer",
        "the registry stores an upload, but its response is lost or an error",
        "run the failed jobs again: a file that is stored is accepted again",
        reason=_COMPLETE,
    ),
    Scenario(
        "F8",
        "wrong-publisher",
        "the trusted publisher of the registry has other values than the workflow",
        "register the four values, and run the failed jobs again",
        reason=_COMPLETE,
    ),
    Scenario(
        "F8",
        "expired-token",
        "a publish token has expired when it is used",
        "run the failed jobs again: each attempt gets a new token",
        reason=_COMPLETE,
    ),
    Scenario(
        "F1",
        "registry-down",
        "a registry is not reachable while the workflow publishes",
        "wait, and run the failed jobs again",
        reason=_COMPLETE,
    ),
    Scenario(
        "F5",
        "replaced-artifact",
        "a job of the run adds or replaces a workflow artifact after the dists were checked",
        "find the job that uploaded it, delete the workflow artifact, and run the failed jobs again",
        reason=_COMPLETE,
    ),
    Scenario(
        "F23",
        "missing-wheel",
        "a wheel is missing, or has other tags than the policy declares",
        "fix the build; nothing is published before all files are there",
        reason="it needs complete builds; `tests/checks/test_dists.py` tests the check that stops the workflow",
    ),
    Scenario(
        "F26",
        "rollback",
        "a person deletes or moves the tag, or force-pushes the branch, to undo a release",
        "never do this: fix a mistake with the next version",
        reason="no command of the runbook does this; `tests/rehearsals/test_world.py` tests a remote that refuses it",
    ),
    Scenario(
        "F28",
        "dry-run-differs",
        "the dry run or the rehearsal passes, and the release does something else",
        "report it as a defect",
        reason="all of them run the same stages; `tests/rehearsals/test_release_notebook.py` compares them",
    ),
    Scenario(
        "F31",
        "check-switched-off",
        "the installation check fails for packages that depend on each other, so it is switched off",
        "do not switch it off: the smoke test installs all built files together",
        reason="it needs complete builds; `tests/rehearsals/test_dist.py` installs from the built files",
    ),
)

#: The names that `rehearse --fault` accepts: the faults above, and those of the registries in the complete workflow.
REHEARSED: tuple[str, ...] = tuple(
    scenario.name for scenario in SCENARIOS if scenario.create or scenario.name in FAULTS
)
