"""The release on GitHub: made from a draft, finished after any trouble, and never changed once it is there."""

from __future__ import annotations

import hashlib

import pytest

from binoc_runbook.cli import main
from binoc_runbook.dist.github_release import publish_release
from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.servers.github_api import GitHubRelease, GitHubServer, ReleaseAsset
from binoc_runbook.rehearsal.servers.repository_api import RepositorySettings
from binoc_runbook.release.parameters import open_target
from binoc_runbook.world import World

NOTES = "### Added\n\n- Everything."
SUMS = b"0000  demo-0.4.0.tar.gz\n"


class Releasing:
    """A checkout whose tag is pushed, the forge that has it, and the files that belong to its release."""

    def __init__(self, checkout, github, monkeypatch):
        self.checkout, self.github, self.monkeypatch = checkout, github, monkeypatch
        self.files = checkout.root.parent / "assets"
        self.files.mkdir()
        self.add("SHA256SUMS", SUMS)
        self.said = []
        self.on_line = self.said.append
        self.may({"contents": "write"})

    def may(self, permissions):
        self.monkeypatch.setenv("GITHUB_TOKEN", self.github.token(permissions))

    def add(self, name, content):
        (self.files / name).write_bytes(content)

    def tag(self, version="0.4.0"):
        git, root = self.checkout.git, self.checkout.root
        git("tag", "--annotate", "-m", f"v{version}", f"v{version}", cwd=root)
        git("push", "--quiet", "origin", f"refs/tags/v{version}", cwd=root)

    def move_to(self, version):
        """Another version everywhere, committed and tagged."""
        self.checkout.edit("Cargo.toml", 'version = "0.4.0"', f'version = "{version}"')
        lock = (self.checkout.root / "Cargo.lock").read_text()
        self.checkout.write("Cargo.lock", lock.replace('version = "0.4.0"', f'version = "{version}"'))
        self.checkout.edit("CHANGELOG.md", "[0.4.0]", f"[{version}]")
        self.checkout.commit()
        self.tag(version)

    def run(self, *assets):
        target = open_target(World.real(self.checkout.root), None)
        return publish_release(target, assets or [self.files], self.on_line)

    def refused(self, *assets):
        with pytest.raises(RefusedError) as refused:
            self.run(*assets)
        return str(refused.value)

    @property
    def acts(self):
        return [each.method for each in self.github.log if each.method != "GET"]


@pytest.fixture
def releasing(checkout, monkeypatch):
    with GitHubServer(checkout.remote, "example/demo") as github:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("GITHUB_API_URL", github.url)
        monkeypatch.delenv("GH_TOKEN", raising=False)
        github.settings = RepositorySettings.promised()
        yield Releasing(checkout, github, monkeypatch)
    assert github.mistakes == []


@pytest.fixture
def tagged(releasing):
    releasing.tag()
    return releasing


def draft(**change):
    return GitHubRelease(
        **{"number": 70, "tag": "v0.4.0", "name": "v0.4.0", "body": NOTES, "draft": True, "prerelease": False} | change
    )


def test_a_release_is_drafted_filled_and_only_then_published(tagged):
    tagged.add("verified.json", b"{}")
    findings = tagged.run()
    assert findings.status == "ok"
    assert "immutable, with SHA256SUMS, verified.json" in str(findings)
    assert tagged.acts == ["POST", "POST", "POST", "PATCH"]
    (release,) = tagged.github.releases
    assert (release.tag, release.draft, release.prerelease, release.immutable) == ("v0.4.0", False, False, True)
    assert release.body == NOTES
    assert {asset.name: asset.content for asset in release.assets} == {"SHA256SUMS": SUMS, "verified.json": b"{}"}
    assert tagged.said == [
        "make a draft of the release of v0.4.0",
        "upload SHA256SUMS",
        "upload verified.json",
        "publish the release of v0.4.0",
    ]
    assert tagged.github.latest == "v0.4.0"


def test_a_release_that_is_there_is_done_and_nothing_is_sent(tagged):
    tagged.run()
    before = len(tagged.acts)
    assert tagged.run().status == "ok"
    assert len(tagged.acts) == before


def test_a_release_may_have_no_assets(tagged):
    empty = tagged.checkout.root.parent / "empty"
    empty.mkdir()
    assert "with no asset" in str(tagged.run(empty))


def test_a_prerelease_is_called_one_and_is_not_the_latest(releasing):
    releasing.move_to("0.4.0-rc.1")
    assert releasing.run().status == "ok"
    (release,) = releasing.github.releases
    assert (release.tag, release.prerelease, releasing.github.latest) == ("v0.4.0-rc.1", True, None)


@pytest.mark.parametrize(
    ("others", "latest"),
    [(["v0.3.9"], True), (["v0.5.0"], False), (["v0.5.0-rc.1"], True), (["x", "v0.10.0", "v0.1.0"], False), ([], True)],
)
def test_only_the_highest_final_version_becomes_the_latest(tagged, others, latest):
    tagged.github.releases = [draft(number=n, tag=tag, draft=False) for n, tag in enumerate(others, 80)]
    tagged.run()
    assert (tagged.github.latest == "v0.4.0") is latest


def test_a_higher_version_that_is_only_a_draft_does_not_count(tagged):
    tagged.github.releases = [draft(tag="v0.5.0")]
    tagged.run()
    assert tagged.github.latest == "v0.4.0"


# What must be there before


def test_without_a_token_it_is_refused_with_what_to_do(tagged, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    told = tagged.refused()
    assert "neither `GH_TOKEN` nor `GITHUB_TOKEN` is set" in told
    assert "contents: write" in told
    assert tagged.github.log == []


def test_a_token_that_may_not_write_is_refused_with_the_permission(tagged):
    tagged.may({"contents": "read"})
    told = tagged.refused()
    assert "403 Resource not accessible by integration" in told
    assert "`permissions: contents: write`" in told
    assert tagged.github.releases == []


def test_a_tag_that_github_does_not_have_is_never_made_by_it(releasing):
    told = releasing.refused()
    assert "GitHub has no tag `v0.4.0`" in told
    assert "just release 0.4.0" in told
    assert releasing.acts == []


def test_a_tag_of_another_commit_is_refused(tagged):
    tagged.checkout.commit("More")
    told = tagged.refused()
    assert "and this checkout is" in told
    assert "git switch --detach v0.4.0" in told
    assert tagged.acts == []


def test_a_lightweight_tag_is_a_tag_too(releasing):
    releasing.checkout.git("push", "--quiet", "origin", "HEAD:refs/tags/v0.4.0", cwd=releasing.checkout.root)
    assert releasing.run().status == "ok"


@pytest.mark.parametrize(
    ("changelog", "told"),
    [(None, "cannot be read"), ("# Changelog\n", "says nothing about 0.4.0"), ("## [0.4.0]\n", "says nothing about")],
)
def test_a_release_without_notes_is_refused(tagged, changelog, told):
    path = tagged.checkout.root / "CHANGELOG.md"
    path.unlink() if changelog is None else path.write_text(changelog)
    assert told in tagged.refused()
    assert tagged.github.log == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("a b.txt", b"x", "another name"), (".hidden", b"x", "another name"), ("nothing.json", b"", "is empty")],
)
def test_a_file_that_github_would_not_take_as_it_is_is_refused(tagged, name, content, told):
    tagged.add(name, content)
    assert told in tagged.refused()
    assert tagged.github.log == []


def test_files_that_are_missing_or_named_alike_are_refused(tagged):
    assert "is not there" in tagged.refused(tagged.files / "gone")
    assert "was given twice" in tagged.refused(tagged.files, tagged.files / "SHA256SUMS")


# What is there already


def test_a_draft_that_is_there_is_continued_and_what_it_holds_is_kept(tagged):
    tagged.add("verified.json", b"{}")
    tagged.github.releases = [draft(assets=[ReleaseAsset(71, "SHA256SUMS", SUMS)])]
    assert tagged.run().status == "ok"
    assert tagged.acts == ["POST", "PATCH"]
    (release,) = tagged.github.releases
    assert (release.number, release.draft, len(release.assets)) == (70, False, 2)


def test_a_draft_is_found_on_a_later_page(tagged):
    tagged.github.page = 1
    tagged.github.releases = [draft(), draft(number=80, tag="v0.3.0", draft=False)]
    assert tagged.run().status == "ok"
    assert len(tagged.github.releases) == 2


@pytest.mark.parametrize(
    ("asset", "told"),
    [
        (ReleaseAsset(71, "SHA256SUMS", b"other"), f"and {hashlib.sha256(SUMS).hexdigest()[:12]} here"),
        (ReleaseAsset(71, "SHA256SUMS", SUMS, "starter"), "its upload was begun and never ended"),
        (ReleaseAsset(71, "other.txt", b"x"), "is in the draft, and was not given"),
    ],
)
def test_a_draft_with_another_file_is_a_finding_and_stays_as_it_is(tagged, asset, told):
    tagged.add("verified.json", b"{}")
    tagged.github.releases = [draft(assets=[asset])]
    said = tagged.refused()
    assert told in said
    assert "github.com/example/demo/releases: delete" in said
    assert tagged.acts == []
    assert tagged.github.releases == [draft(assets=[asset])]


def test_two_drafts_of_one_tag_are_for_a_person_to_tell_apart(tagged):
    tagged.github.releases = [draft(), draft(number=71)]
    assert "there are 2 releases of `v0.4.0`" in tagged.refused()
    assert tagged.acts == []


def test_notes_that_somebody_wrote_are_kept_with_a_warning(tagged):
    tagged.github.releases = [draft(body="Written by hand")]
    findings = tagged.run()
    assert findings.status == "warning"
    assert "left as somebody wrote them" in str(findings)
    assert tagged.github.releases[0].body == "Written by hand"


def test_a_published_release_that_lacks_or_differs_cannot_be_changed(tagged):
    tagged.run()
    tagged.add("SHA256SUMS", b"other")
    tagged.add("verified.json", b"{}")
    before, acts = list(tagged.github.releases), len(tagged.acts)
    findings = tagged.run()
    assert findings.status == "failed"
    assert "is not in the release, which is published already" in str(findings)
    assert "nothing can be replaced" in str(findings)
    assert "just prepare" in str(findings)
    assert (tagged.github.releases, len(tagged.acts)) == (before, acts)


def test_a_published_file_that_was_not_given_is_a_warning(tagged):
    tagged.run()
    tagged.add("other", b"x")
    assert "is published too, and was not given" in str(tagged.run(tagged.files / "other"))


def test_a_published_release_with_the_wrong_flag_is_named(tagged):
    tagged.github.releases = [draft(draft=False, prerelease=True, assets=[ReleaseAsset(71, "SHA256SUMS", SUMS)])]
    findings = tagged.run()
    assert findings.status == "failed"
    assert "uncheck `Set as a pre-release`" in str(findings)


# Trouble on the way


def test_a_forge_that_is_down_leaves_everything_as_it_was(tagged):
    tagged.github.faults.down = True
    told = tagged.refused()
    assert "GitHub gave no answer: 503" in told
    assert "? unknown" in told
    tagged.github.faults.down = False
    assert tagged.run().status == "ok"


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_what_was_stored_though_the_answer_was_lost_is_there_once(tagged, lost):
    """The first answers are lost: that of the draft, of the upload, of the publication."""
    tagged.github.faults.errors_after_storing = lost
    assert tagged.run().status == "ok"
    (release,) = tagged.github.releases
    assert not release.draft
    assert [asset.name for asset in release.assets] == ["SHA256SUMS"]


@pytest.mark.parametrize("act", ["upload", "publish"])
def test_the_same_command_finishes_what_was_left_when_the_forge_went_down(tagged, act):
    def goes_down(line):
        tagged.github.faults.down = line.startswith(act)

    tagged.on_line = goes_down
    assert "GitHub gave no answer: 503" in tagged.refused()
    (release,) = tagged.github.releases
    assert release.draft
    tagged.github.faults.down, tagged.on_line = False, tagged.said.append
    assert tagged.run().status == "ok"
    (release,) = tagged.github.releases
    assert [asset.name for asset in release.assets] == ["SHA256SUMS"]


# The command


def test_the_command_makes_the_release_and_says_so(tagged, capsys):
    code = main(["--root", str(tagged.checkout.root), "github-release", "--assets", str(tagged.files)])
    captured = capsys.readouterr()
    assert (code, captured.out) == (0, "")
    assert "is published, immutable, with SHA256SUMS" in captured.err
    assert "ghs_" not in captured.err


def test_the_command_is_refused_where_a_question_has_no_answer(tagged, capsys):
    tagged.github.faults.down = True
    assert main(["--root", str(tagged.checkout.root), "github-release"]) == 1
    assert "gave no answer" in capsys.readouterr().err
