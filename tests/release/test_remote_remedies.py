"""Remedies of the stage `remote`: each is typed in a shell, and then the same release succeeds."""

from __future__ import annotations

import subprocess
from unittest.mock import Mock

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World


def release(checkout) -> Release:
    """Run a release of the checkout to its end, like the cells of the notebook."""
    target = open_target(World.real(checkout.root, trusted=True), Version.parse("0.4.0"))
    run = Release(target, Mock(), checkout.root / "runs", dry_run=False)
    for stage in STAGES:
        if stage is ACTION_STAGES[0]:
            run.recheck()
        run.run(stage.name)
    run.finish()
    return run


def tag(checkout, *options, commit="HEAD"):
    checkout.git("tag", *options, "v0.4.0", commit, cwd=checkout.root)


def pushed_tag(checkout, *refs):
    """Push the right tag, and delete it in the clone."""
    tag(checkout, "-a", "-m", "theirs")
    checkout.git("push", "--quiet", "origin", "v0.4.0", *refs, cwd=checkout.root)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)


def unpushed_lightweight_tag(checkout):
    tag(checkout)


def unpushed_tag_of_another_commit(checkout):
    tag(checkout, "-a", "-m", "x", commit="HEAD~1")


def lightweight_tag_of_a_pushed_one(checkout):
    pushed_tag(checkout)
    tag(checkout)


def other_commit_than_that_of_the_pushed_tag(checkout):
    pushed_tag(checkout, "main")
    tag(checkout, "-a", "-m", "mine", commit="HEAD~1")


def lightweight_tag_and_two_repositories(checkout):
    """The fetch URL is that of another repository, which has a wrong tag of the same name."""
    wrong = checkout.root.parent / "wrong.git"
    checkout.git("clone", "--quiet", "--bare", str(checkout.remote), str(wrong))
    checkout.git("push", "--quiet", str(wrong), "HEAD~1:refs/tags/v0.4.0", cwd=checkout.root)
    pushed_tag(checkout)
    tag(checkout)
    checkout.git("remote", "set-url", "origin", str(wrong), cwd=checkout.root)
    checkout.git("remote", "set-url", "--push", "origin", str(checkout.remote), cwd=checkout.root)


def branch_with_unknown_commits(checkout):
    checkout.push_from_another_clone()


def diverged_branch(checkout):
    checkout.push_from_another_clone()
    checkout.git("fetch", "--quiet", "origin", cwd=checkout.root)


def release_of_a_later_commit(checkout):
    """Another person has released a commit that this clone does not have."""
    checkout.commit("Theirs")
    pushed_tag(checkout, "main")
    checkout.git("reset", "--quiet", "--hard", "HEAD~1", cwd=checkout.root)


def two_push_urls(checkout):
    for url in (checkout.remote, f"{checkout.remote}-mirror"):
        checkout.git("remote", "set-url", "--push", "--add", "origin", str(url), cwd=checkout.root)


def two_urls(checkout):
    checkout.git("remote", "set-url", "--add", "origin", f"{checkout.remote}-mirror", cwd=checkout.root)


def no_identity(checkout):
    checkout.git("config", "--unset", "user.name", cwd=checkout.root)


def locked_signing_key(checkout):
    """The signing program fails until it was allowed to prompt once, like gpg with an agent."""
    program = checkout.root.parent / "gpg"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$SSH_ASKPASS_REQUIRE" != never ]; then touch "{program}.unlocked"; fi\n'
        f'[ -e "{program}.unlocked" ] || exit 1\n'
        "cat > /dev/null\n"
        "echo '[GNUPG:] SIG_CREATED ' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\n"
    )
    program.chmod(0o755)
    checkout.git("config", "tag.gpgSign", "true", cwd=checkout.root)
    checkout.git("config", "gpg.program", str(program), cwd=checkout.root)


def no_remote(checkout):
    checkout.git("remote", "remove", "origin", cwd=checkout.root)


CAUSES = [
    unpushed_lightweight_tag,
    unpushed_tag_of_another_commit,
    lightweight_tag_of_a_pushed_one,
    other_commit_than_that_of_the_pushed_tag,
    lightweight_tag_and_two_repositories,
    branch_with_unknown_commits,
    diverged_branch,
    release_of_a_later_commit,
    two_push_urls,
    two_urls,
    no_identity,
    locked_signing_key,
    no_remote,
]


@pytest.mark.parametrize("cause", CAUSES)
def test_release_succeeds_after_the_remedy(checkout, cause):
    cause(checkout)
    before = checkout.remote_refs()
    with pytest.raises(RefusedError) as refusal:
        release(checkout)
    assert checkout.remote_refs() == before
    remedies = {finding.remedy.replace("URL", str(checkout.remote)) for finding in refusal.value.findings}
    assert len(remedies) == 1, refusal.value
    type_in_shell(checkout, *remedies)
    release(checkout)
    assert_released(checkout, before)


def test_release_adopts_another_tag_object_of_the_remote_after_the_remedy(checkout):
    pushed_tag(checkout, "main")
    tag(checkout, "-a", "-m", "mine")
    before = checkout.remote_refs()
    (finding,) = {finding for run in release(checkout).record.stages for finding in run.findings.having("warning")}
    type_in_shell(checkout, finding.remedy)
    assert not any(run.findings.having("warning") for run in release(checkout).record.stages)
    assert_released(checkout, before)


def test_tag_is_not_taken_from_another_repository(checkout):
    """If the fetch URL has a different tag, the stage is not done; its remedy fetches from the push URL."""
    lightweight_tag_and_two_repositories(checkout)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    with pytest.raises(RefusedError) as refusal:
        release(checkout)
    (remedy,) = {finding.remedy for finding in refusal.value.findings}
    type_in_shell(checkout, remedy)
    release(checkout)
    assert_released(checkout, {})


def type_in_shell(checkout, line):
    done = subprocess.run(line, shell=True, cwd=checkout.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


def assert_released(checkout, before):
    """Assert that clone and remote have the tag, and that no tag of the remote has moved."""
    refs = checkout.remote_refs()
    tag = checkout.git("rev-parse", "v0.4.0", cwd=checkout.root)
    assert (refs["refs/tags/v0.4.0"], refs["refs/tags/v0.4.0^{}"]) == (tag, refs["refs/heads/main"])
    assert {name: before[name] for name in before if "tags" in name}.items() <= refs.items()
