"""The inputs of the GitHub release: notes, assets and outputs of the job."""

from __future__ import annotations

import subprocess

import pytest

from binoc_runbook.cli import main
from binoc_runbook.dist.release_notes import is_latest, write_release_inputs
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.version import Version
from binoc_runbook.world import World

SUMS = b"0000  demo-0.4.0.tar.gz\n"


class Release:
    """A checkout at the tag of its version, and the assets of the release."""

    def __init__(self, checkout):
        self.checkout, self.root = checkout, checkout.root
        self.sums = self.add("dist/SHA256SUMS", SUMS)

    def add(self, path, content):
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_bytes(content)
        return self.root / path

    def tag(self, name="v0.4.0", commit="HEAD"):
        self.checkout.git("tag", "--annotate", "-m", name, name, commit, cwd=self.root)
        self.checkout.git("push", "--quiet", "origin", f"refs/tags/{name}", cwd=self.root)

    def write(self, *assets):
        return write_release_inputs(open_target(World.real(self.root), None), assets or [self.sums])

    def refused(self, *assets):
        with pytest.raises(RefusedError) as refused:
            self.write(*assets)
        assert not (self.root / "release").exists()
        (finding,) = refused.value.findings
        return finding


@pytest.fixture
def untagged(checkout):
    return Release(checkout)


@pytest.fixture
def release(untagged):
    untagged.tag()
    return untagged


def test_files_and_outputs_are_written(release, capsys):
    release.add("verify-0.4.0.json", b"{}")
    outputs = release.root / "outputs"
    outputs.write_text("first=1\n")
    assets = [str(release.sums), str(release.root / "verify-0.4.0.json")]
    command = ["--root", str(release.root), "release-notes", "--assets", *assets, "--outputs", str(outputs)]
    assert main(command) == 0
    directory = release.root / "release"
    assert (directory / "notes.md").read_text() == "### Added\n\n- Everything.\n"
    assert (directory / "SHA256SUMS").read_bytes() == SUMS
    listing = "sha256sum -- $(LC_ALL=C ls -A)"  # as in the workflow
    digests = subprocess.run(["sh", "-c", listing], cwd=directory, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in digests.splitlines()] == ["SHA256SUMS", "notes.md", "verify-0.4.0.json"]
    printed = capsys.readouterr().out
    first, rest = printed.split(digests)
    name, delimiter = first.strip().split("<<")
    assert (name, rest.splitlines()[0]) == ("digests", delimiter)
    assert rest.splitlines()[1:] == ["title=v0.4.0", "prerelease=false", "latest=true"]
    assert outputs.read_text() == f"first=1\n{printed}"


def test_second_run_writes_the_same_files(release):
    assert release.write() == release.write()


def test_other_files_in_the_directory_are_refused(release):
    release.write()
    release.add("release/old.json", b"{}")
    with pytest.raises(RefusedError) as refused:
        release.write()
    (finding,) = refused.value.findings
    assert (finding.status, finding.looked_at) == ("failed", "release/")
    subprocess.run(finding.remedy.split(), cwd=release.root, check=True)
    release.write()


@pytest.mark.parametrize(
    ("version", "others", "latest"),
    [
        ("0.4.0", [], True),
        ("0.4.0", ["0.3.9", "0.4.0"], True),
        ("0.4.0", ["0.5.0"], False),
        ("0.4.0", ["0.5.0-rc.1"], True),
        ("0.4.0", ["0.10.0", "0.1.0"], False),
        ("0.4.0-rc.1", [], False),
    ],
)
def test_highest_final_version_is_the_latest(version, others, latest):
    assert is_latest(Version.parse(version), map(Version.parse, others)) is latest


def test_tags_of_the_remote_are_the_released_versions(release):
    release.tag("v0.5.0", "HEAD~1")
    release.checkout.git("tag", "--delete", "v0.5.0", cwd=release.root)
    release.tag("other")
    assert not release.write().latest


def test_unreadable_remote_is_unknown(release):
    release.checkout.git("remote", "set-url", "origin", str(release.root / "gone"), cwd=release.root)
    finding = release.refused()
    assert (finding.status, finding.remedy) == ("unknown", "git ls-remote origin")


@pytest.mark.parametrize("commit", [None, "HEAD~1"])
def test_checkout_that_is_not_at_the_tag_is_refused(untagged, commit):
    if commit:
        untagged.tag(commit=commit)
    finding = untagged.refused()
    assert (finding.status, finding.looked_at) == ("failed", "git rev-parse v0.4.0")
    assert finding.remedy.endswith("git switch --detach v0.4.0")
    if commit:
        subprocess.run(["sh", "-c", finding.remedy], cwd=untagged.root, capture_output=True, check=True)
        assert untagged.write().title == "v0.4.0"


@pytest.mark.parametrize("changelog", [None, "# Changelog\n", "## [0.4.0]\n"])
def test_release_without_notes_is_refused(release, changelog):
    path = release.root / "CHANGELOG.md"
    path.unlink() if changelog is None else path.write_text(changelog)
    assert release.refused().looked_at == "CHANGELOG.md"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a b.txt", b"x"), (".hidden", b"x"), ("-x", b"x"), ("nothing.json", b""), ("notes.md", b"x"), ("gone", None)],
)
def test_file_that_cannot_be_an_asset_is_refused(release, name, content):
    path = release.root / name if content is None else release.add(name, content)
    finding = release.refused(path)
    assert (finding.status, finding.looked_at) == ("failed", f"--assets {name}")


def test_two_assets_of_one_name_are_refused(release):
    assert release.refused(release.sums, release.add("runs/SHA256SUMS", b"x")).looked_at == "--assets SHA256SUMS"
