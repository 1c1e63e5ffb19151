"""The GitHub release: created as a draft, completed after errors, and never changed after publication."""

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

pytestmark = pytest.mark.usefixtures("without_gitpython")

NOTES = "### Added\n\n- Everything."
SUMS = b"0000  demo-0.4.0.tar.gz\n"


class ReleaseSetup:
    """A checkout, a GitHub server with its repository, and the assets of its release."""

    def __init__(self, checkout, github, monkeypatch):
        self.checkout, self.github, self.monkeypatch = checkout, github, monkeypatch
        self.files = checkout.root.parent / "assets"
        self.files.mkdir()
        self.add("SHA256SUMS", SUMS)
        self.lines = []
        self.on_line = self.lines.append
        self.set_permissions({"contents": "write"})

    def set_permissions(self, permissions):
        self.monkeypatch.setenv("GITHUB_TOKEN", self.github.token(permissions))

    def add(self, name, content):
        (self.files / name).write_bytes(content)

    def tag(self, version="0.4.0"):
        git, root = self.checkout.git, self.checkout.root
        git("tag", "--annotate", "-m", f"v{version}", f"v{version}", cwd=root)
        git("push", "--quiet", "origin", f"refs/tags/v{version}", cwd=root)

    def move_to(self, version):
        """Set another version in all files, commit and tag it."""
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
        (finding,) = refused.value.findings
        return finding

    @property
    def changes(self):
        return [request.method for request in self.github.log if request.method != "GET"]


@pytest.fixture
def releasing(checkout, monkeypatch):
    with GitHubServer(checkout.remote, "example/demo") as github:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("GITHUB_API_URL", github.url)
        monkeypatch.delenv("GH_TOKEN", raising=False)
        github.settings = RepositorySettings.promised()
        yield ReleaseSetup(checkout, github, monkeypatch)
    assert github.mistakes == []


@pytest.fixture
def tagged(releasing):
    releasing.tag()
    return releasing


def draft(**change):
    return GitHubRelease(
        **{"number": 70, "tag": "v0.4.0", "name": "v0.4.0", "body": NOTES, "draft": True, "prerelease": False} | change
    )


def test_assets_are_uploaded_before_the_release_is_published(tagged):
    tagged.add("verified.json", b"{}")
    findings = tagged.run()
    assert findings.status == "ok"
    assert "immutable" in str(findings)
    assert "SHA256SUMS, verified.json" in str(findings)
    assert tagged.changes == ["POST", "POST", "POST", "PATCH"]
    (release,) = tagged.github.releases
    assert (release.tag, release.draft, release.prerelease, release.immutable) == ("v0.4.0", False, False, True)
    assert release.body == NOTES
    assert {asset.name: asset.content for asset in release.assets} == {"SHA256SUMS": SUMS, "verified.json": b"{}"}
    assert [line.partition(" ")[0] for line in tagged.lines] == ["create", "upload", "upload", "publish"]
    assert tagged.github.latest == "v0.4.0"


def test_published_release_is_not_changed(tagged):
    tagged.run()
    before = len(tagged.changes)
    assert tagged.run().status == "ok"
    assert len(tagged.changes) == before


def test_release_can_have_no_assets(tagged):
    empty = tagged.checkout.root.parent / "empty"
    empty.mkdir()
    assert tagged.run(empty).status == "ok"
    (release,) = tagged.github.releases
    assert (release.draft, release.assets) == (False, [])


def test_prerelease_is_marked_and_is_not_the_latest(releasing):
    releasing.move_to("0.4.0-rc.1")
    assert releasing.run().status == "ok"
    (release,) = releasing.github.releases
    assert (release.tag, release.prerelease, releasing.github.latest) == ("v0.4.0-rc.1", True, None)


@pytest.mark.parametrize(
    ("others", "latest"),
    [(["v0.3.9"], True), (["v0.5.0"], False), (["v0.5.0-rc.1"], True), (["x", "v0.10.0", "v0.1.0"], False), ([], True)],
)
def test_highest_final_version_becomes_the_latest(tagged, others, latest):
    tagged.github.releases = [draft(number=n, tag=tag, draft=False) for n, tag in enumerate(others, 80)]
    tagged.run()
    assert (tagged.github.latest == "v0.4.0") is latest


def test_draft_of_a_higher_version_is_ignored(tagged):
    tagged.github.releases = [draft(tag="v0.5.0")]
    tagged.run()
    assert tagged.github.latest == "v0.4.0"


# Preconditions


def test_missing_token_is_refused(tagged, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    finding = tagged.refused()
    assert finding.status == "failed"
    assert "GH_TOKEN=$(gh auth token)" in finding.remedy
    assert "contents: write" in finding.remedy
    assert tagged.github.log == []


def test_token_without_write_permission_is_refused(tagged):
    tagged.set_permissions({"contents": "read"})
    finding = tagged.refused()
    assert (finding.status, finding.looked_at) == ("failed", "POST /repos/example/demo/releases")
    assert "403" in finding.saw
    assert "`permissions: contents: write`" in finding.remedy
    assert tagged.github.releases == []


def test_missing_tag_is_refused(releasing):
    finding = releasing.refused()
    assert (finding.status, finding.looked_at) == ("failed", "GET /repos/example/demo/git/ref/tags/v0.4.0")
    assert "just release 0.4.0" in finding.remedy
    assert releasing.changes == []


def test_tag_of_another_commit_is_refused(tagged):
    commit = tagged.checkout.commit("More")
    finding = tagged.refused()
    assert finding.status == "failed"
    assert commit[:12] in finding.saw
    assert "git switch --detach v0.4.0" in finding.remedy
    assert tagged.changes == []


def test_lightweight_tag_is_accepted(releasing):
    releasing.checkout.git("push", "--quiet", "origin", "HEAD:refs/tags/v0.4.0", cwd=releasing.checkout.root)
    assert releasing.run().status == "ok"


@pytest.mark.parametrize("changelog", [None, "# Changelog\n", "## [0.4.0]\n"])
def test_release_without_notes_is_refused(tagged, changelog):
    path = tagged.checkout.root / "CHANGELOG.md"
    path.unlink() if changelog is None else path.write_text(changelog)
    assert tagged.refused().looked_at == "CHANGELOG.md"
    assert tagged.github.log == []


@pytest.mark.parametrize(("name", "content"), [("a b.txt", b"x"), (".hidden", b"x"), ("nothing.json", b"")])
def test_file_that_cannot_be_an_asset_is_refused(tagged, name, content):
    tagged.add(name, content)
    assert tagged.refused().looked_at == f"--assets {name}"
    assert tagged.github.log == []


def test_missing_and_duplicate_files_are_refused(tagged):
    assert tagged.refused(tagged.files / "gone").looked_at == "--assets gone"
    assert tagged.refused(tagged.files, tagged.files / "SHA256SUMS").looked_at == "--assets SHA256SUMS"


# Existing releases


def test_draft_is_completed_and_its_assets_are_kept(tagged):
    tagged.add("verified.json", b"{}")
    tagged.github.releases = [draft(assets=[ReleaseAsset(71, "SHA256SUMS", SUMS)])]
    assert tagged.run().status == "ok"
    assert tagged.changes == ["POST", "PATCH"]
    (release,) = tagged.github.releases
    assert (release.number, release.draft, len(release.assets)) == (70, False, 2)


def test_draft_on_a_later_page_is_used(tagged):
    tagged.github.page = 1
    tagged.github.releases = [draft(), draft(number=80, tag="v0.3.0", draft=False)]
    assert tagged.run().status == "ok"
    assert len(tagged.github.releases) == 2


@pytest.mark.parametrize(
    ("asset", "digest"),
    [
        (ReleaseAsset(71, "SHA256SUMS", b"other"), hashlib.sha256(SUMS).hexdigest()[:12]),
        (ReleaseAsset(71, "SHA256SUMS", SUMS, "starter"), ""),
        (ReleaseAsset(71, "other.txt", b"x"), ""),
    ],
)
def test_draft_with_a_wrong_asset_is_refused_and_not_changed(tagged, asset, digest):
    tagged.add("verified.json", b"{}")
    tagged.github.releases = [draft(assets=[asset])]
    finding = tagged.refused()
    assert (finding.status, finding.looked_at) == ("failed", f"v0.4.0: {asset.name}")
    assert digest in finding.saw
    assert "github.com/example/demo/releases: delete" in finding.remedy
    assert tagged.changes == []
    assert tagged.github.releases == [draft(assets=[asset])]


def test_two_drafts_of_one_tag_are_refused(tagged):
    tagged.github.releases = [draft(), draft(number=71)]
    assert tagged.refused().looked_at == "GET /repos/example/demo/releases"
    assert tagged.changes == []


def test_notes_that_were_edited_are_kept_with_a_warning(tagged):
    tagged.github.releases = [draft(body="Written by hand")]
    findings = tagged.run()
    assert [finding.status for finding in findings] == ["warning", "ok"]
    assert tagged.github.releases[0].body == "Written by hand"


def test_published_release_with_other_assets_is_failed(tagged):
    tagged.run()
    tagged.add("SHA256SUMS", b"other")
    tagged.add("verified.json", b"{}")
    before, changes = list(tagged.github.releases), len(tagged.changes)
    findings = tagged.run()
    assert [(finding.status, finding.looked_at) for finding in findings] == [
        ("failed", "v0.4.0: SHA256SUMS"),
        ("failed", "v0.4.0: verified.json"),
    ]
    assert all("just prepare" in finding.remedy for finding in findings)
    assert (tagged.github.releases, len(tagged.changes)) == (before, changes)


def test_other_published_asset_is_a_warning(tagged):
    tagged.run()
    tagged.add("other", b"x")
    (warning,) = tagged.run(tagged.files / "other").having("warning")
    assert warning.looked_at == "v0.4.0: SHA256SUMS"


def test_published_release_with_the_wrong_flag_is_failed(tagged):
    tagged.github.releases = [draft(draft=False, prerelease=True, assets=[ReleaseAsset(71, "SHA256SUMS", SUMS)])]
    (finding,) = tagged.run()
    assert (finding.status, finding.looked_at) == ("failed", "v0.4.0")
    assert "uncheck `Set as a pre-release`" in finding.remedy


# Faults


def test_server_error_is_unknown_and_changes_nothing(tagged):
    tagged.github.faults.down = True
    finding = tagged.refused()
    assert finding.status == "unknown"
    assert "503" in finding.saw
    tagged.github.faults.down = False
    assert tagged.run().status == "ok"


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_change_whose_response_was_lost_is_not_repeated(tagged, lost):
    """The first responses are lost: to the draft, the upload and the publication."""
    tagged.github.faults.errors_after_storing = lost
    assert tagged.run().status == "ok"
    (release,) = tagged.github.releases
    assert not release.draft
    assert [asset.name for asset in release.assets] == ["SHA256SUMS"]


@pytest.mark.parametrize("step", ["upload", "publish"])
def test_same_command_completes_the_release_after_a_server_error(tagged, step):
    def fail_at_step(line):
        tagged.github.faults.down = line.startswith(step)

    tagged.on_line = fail_at_step
    assert tagged.refused().status == "unknown"
    (release,) = tagged.github.releases
    assert release.draft
    tagged.github.faults.down, tagged.on_line = False, tagged.lines.append
    assert tagged.run().status == "ok"
    (release,) = tagged.github.releases
    assert [asset.name for asset in release.assets] == ["SHA256SUMS"]


# The command


def test_command_prints_the_release_without_the_token(tagged, capsys):
    code = main(["--root", str(tagged.checkout.root), "github-release", "--assets", str(tagged.files)])
    captured = capsys.readouterr()
    assert (code, captured.out) == (0, "")
    assert "v0.4.0" in captured.err
    assert "ghs_" not in captured.err


def test_command_fails_after_a_server_error(tagged, capsys):
    tagged.github.faults.down = True
    assert main(["--root", str(tagged.checkout.root), "github-release"]) == 1
    assert "503" in capsys.readouterr().err
