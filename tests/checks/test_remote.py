"""Check of the remote, with real bare repositories in all states that a release can encounter."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.stages.remote import RemoteStage
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

BRANCH, TAG, REMOTE_TAG = "refs/heads/main on origin", "refs/tags/v0.4.0", "refs/tags/v0.4.0 on origin"
NEXT_VERSION, DELETE_TAG = "just prepare VERSION", "git tag -d v0.4.0"


def observe(checkout) -> tuple[Target, RemoteView]:
    world = World.real(checkout.root, trusted=True)
    target = Target(Version.parse("0.4.0"), read_policy(checkout.root), world, "origin")
    view = target.observe_remote()
    assert isinstance(view, RemoteView)
    return target, view


def check(checkout, *statuses):
    target, view = observe(checkout)
    return remote(view, target.try_actions(view)).having(*statuses)


def places(findings):
    return [finding.looked_at for finding in findings]


def test_remote_that_is_behind_is_ok(checkout):
    refs = checkout.remote_refs()
    assert not check(checkout, "failed", "unknown", "warning")
    findings = {finding.looked_at: finding for finding in check(checkout, "ok")}
    push = next(place for place in findings if "push" in place)
    assert list(findings) == [BRANCH, REMOTE_TAG, push, "git var GIT_COMMITTER_IDENT"]
    assert "Rosa Release" in findings["git var GIT_COMMITTER_IDENT"].saw
    assert checkout.remote_refs() == refs, "the check has changed the remote"


def test_empty_remote_is_ok(checkout, git, tmp_path):
    git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    checkout.git("remote", "set-url", "origin", str(tmp_path / "empty.git"), cwd=checkout.root)
    assert not check(checkout, "failed", "unknown")
    assert BRANCH in places(check(checkout, "ok"))


def test_missing_remote_is_unknown(checkout):
    checkout.git("remote", "remove", "origin", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert (finding.status, finding.looked_at) == ("unknown", "git remote get-url origin")
    assert finding.remedy.startswith("git remote add origin")


def test_unreachable_remote_is_unknown(checkout):
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert finding.status == "unknown"
    assert "does not appear to be a git repository" in finding.saw  # the output of git
    assert finding.remedy.startswith("git ls-remote origin")


def test_branch_with_unknown_commits_is_refused(checkout):
    checkout.push_from_another_clone()
    (finding,) = check(checkout, "failed", "unknown")
    assert (finding.looked_at, finding.remedy) == (BRANCH, "git pull --rebase origin main")


def test_diverged_branch_is_refused(checkout):
    checkout.push_from_another_clone()
    checkout.git("fetch", "--quiet", "origin", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert (finding.looked_at, finding.remedy) == (BRANCH, "git pull --rebase origin main")


def test_branch_that_is_ahead_is_ok(checkout):
    checkout.git("push", "--quiet", "origin", "main", cwd=checkout.root)
    checkout.push_from_another_clone()
    checkout.git("fetch", "--quiet", "origin", cwd=checkout.root)
    assert not check(checkout, "failed")
    assert BRANCH in places(check(checkout, "ok"))


@pytest.mark.parametrize("where", ["clone", "remote", "both"])
def test_annotated_tag_of_this_commit_is_ok(checkout, where):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    if where != "clone":
        checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    if where == "remote":
        checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    assert not check(checkout, "failed", "unknown")


def test_unpushed_tag_of_another_commit_can_be_deleted(checkout):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", "HEAD~1", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert (finding.looked_at, finding.remedy) == (TAG, DELETE_TAG)


def test_unpushed_lightweight_tag_is_refused(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert (finding.looked_at, finding.remedy) == (TAG, DELETE_TAG)


def test_pushed_tag_of_another_commit_is_never_moved(checkout):
    checkout.git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=checkout.root)
    checkout.commit("Side")
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    checkout.git("tag", "-d", "v0.4.0", cwd=checkout.root)
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert finding.looked_at == REMOTE_TAG
    assert finding.remedy.startswith(NEXT_VERSION)


def test_pushed_lightweight_tag_is_never_replaced(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "v0.4.0", cwd=checkout.root)
    findings = check(checkout, "failed")
    assert places(findings) == [REMOTE_TAG]
    assert findings[0].remedy.startswith(NEXT_VERSION)


def test_tag_of_an_ancestor_is_the_released_commit(checkout):
    released = checkout.head()
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    checkout.commit("The record of the release")
    assert observe(checkout)[1].commit == released
    assert not check(checkout, "failed")


@pytest.mark.parametrize(
    ("paths", "count"),
    [(["docs/releases/0.4.0.json"], 0), (["new.txt"], 1), (["docs/releases/0.4.0.json", "new.txt", "other.txt"], 2)],
)
def test_commits_after_the_released_tag_are_a_warning(checkout, paths, count):
    checkout.git("tag", "-a", "-m", "x", "v0.4.0", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    for path in paths:
        checkout.write(path, "text\n")
        checkout.commit(f"Add {path}")
    observation = RemoteStage().observe(observe(checkout)[0])
    warnings = observation.findings.having("warning")
    assert observation.state == "done"
    assert [(finding.looked_at, finding.remedy) for finding in warnings] == [
        ("git log v0.4.0..HEAD", "just prepare 0.4.1")
    ][:count]
    assert all(f"Add {path}" in finding.saw for finding in warnings for path in paths if "releases" not in path)


def test_commits_after_an_older_release_are_not_reported(checkout):
    for version in ("0.4.0", "0.5.0-rc.1"):
        checkout.write("new.txt", version)
        checkout.commit()
        checkout.git("tag", "-a", "-m", "x", f"v{version}", cwd=checkout.root)
    checkout.git("push", "--quiet", "origin", "main", "v0.4.0", cwd=checkout.root)
    assert not RemoteStage().observe(observe(checkout)[0]).findings.having("warning")


def test_missing_identity_is_refused(checkout):
    checkout.git("config", "--unset", "user.name", cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert finding.looked_at == "git var GIT_COMMITTER_IDENT"
    assert finding.remedy.startswith("git config user.name")


def test_failed_signing_is_refused(checkout):
    for name, value in (("tag.gpgSign", "true"), ("gpg.format", "ssh"), ("user.signingKey", "/nowhere/key.pub")):
        checkout.git("config", name, value, cwd=checkout.root)
    (finding,) = check(checkout, "failed")
    assert finding.looked_at == "git config tag.gpgSign"


def test_missing_write_access_is_unknown(checkout):
    checkout.git("config", "remote.origin.receivepack", "false", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert finding.status == "unknown"
    assert " push " in finding.looked_at


def test_unreachable_push_url_is_unknown(checkout):
    checkout.git("remote", "set-url", "--push", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert finding.status == "unknown"
    assert finding.looked_at.startswith('git ls-remote "$(git remote get-url --push origin)" refs/heads/main')
    assert "-gone" in finding.saw
    assert str(checkout.remote) not in finding.saw


@pytest.mark.parametrize("url_to_replace", ["remote.origin.pushurl", "pushInsteadOf", "insteadOf"])
def test_push_url_is_checked_instead_of_the_fetch_url(checkout, git, tmp_path, url_to_replace):
    other = tmp_path / "other.git"
    git("clone", "--quiet", "--bare", str(checkout.remote), str(other))
    checkout.git("push", "--quiet", str(other), "HEAD~1:refs/heads/main", f"HEAD~1:{TAG}", cwd=checkout.root)
    if url_to_replace == "remote.origin.pushurl":
        checkout.git("config", url_to_replace, str(other), cwd=checkout.root)
    else:
        checkout.git("config", f"url.{other}.{url_to_replace}", str(checkout.remote), cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", REMOTE_TAG)


def test_push_url_is_not_replaced_a_second_time(checkout, git, tmp_path):
    pushed = tmp_path / "pushed.git"
    git("clone", "--quiet", "--bare", str(checkout.remote), str(pushed))
    checkout.git("push", "--quiet", str(pushed), "HEAD:refs/heads/main", cwd=checkout.root)
    checkout.git("config", f"url.{pushed}.pushInsteadOf", str(checkout.remote), cwd=checkout.root)
    checkout.git("config", f"url.{checkout.remote}.insteadOf", str(pushed), cwd=checkout.root)
    assert observe(checkout)[1].contains == "yes"


@pytest.mark.parametrize("key", ["remote.origin.pushurl", "remote.origin.url"])
def test_several_push_urls_are_refused(checkout, key):
    for url in (checkout.remote, "https://rosa:secret@example.org/demo.git"):
        checkout.git("config", "--add", key, str(url), cwd=checkout.root)
    (finding,) = check(checkout, "failed", "unknown")
    assert (finding.status, finding.looked_at) == ("failed", "git remote get-url --push --all origin")
    assert "secret" not in str(finding)


def test_conflict_after_the_remote_was_read_is_one_finding(checkout):
    target, view = observe(checkout)
    checkout.push_from_another_clone()
    (finding,) = remote(view, target.try_actions(view)).having("failed", "unknown")
    assert finding.status == "failed"
    assert " push " in finding.looked_at


def test_wrong_tag_of_an_unreachable_remote_is_not_deleted(checkout):
    checkout.git("tag", "v0.4.0", cwd=checkout.root)
    checkout.git("remote", "set-url", "origin", str(checkout.remote) + "-gone", cwd=checkout.root)
    local = next(finding for finding in check(checkout, "failed"))
    assert (local.looked_at, local.remedy) == (TAG, "git ls-remote origin refs/tags/v0.4.0")
