"""The GitHub release of a pushed tag: create a draft, upload its assets, and publish it.

An immutable release takes no assets after it is published (GitHub's documentation, "Immutable releases"), so the draft
is completed first. The state is read from GitHub each time: the same command finishes what an earlier one has begun,
and deletes and replaces nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.checks.sync import CHANGELOG
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.changelog import section

CHECK = "github-release"

_RETRY = "just github-release, with the same assets; it finishes what is begun"
# GitHub renames an asset with any other character ("Upload a release asset").
_NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")


def publish_release(target: Target, assets: Sequence[Path], on_line: Callable[[str], None]) -> Findings:
    """Create, or finish, the GitHub release of the target's tag with these files and those of these directories.

    `on_line` gets a line for each change. The findings say what GitHub shows afterwards.

    Raises:
        RefusedError: Something is missing or conflicts; each finding says what, and nothing that was there is changed.
    """
    return _ReleasePublication(target, on_line).run(_files(target.world.root, assets))


class _ReleasePublication:
    def __init__(self, target: Target, on_line: Callable[[str], None]) -> None:
        self.target = target
        self.is_prerelease = target.version.is_prerelease
        self.tag = target.tag
        self.github = target.world.github
        self.on_line = on_line
        repository = target.policy.repository
        if repository is None:
            _refuse("the policy", "names no repository", 'add `repository = "owner/name"` to [tool.binoc-runbook]')
        self.at = f"/repos/{repository}"
        self.page = f"github.com/{repository}/releases"

    def run(self, assets: Mapping[str, Path]) -> Findings:
        notes = self.read_notes()
        self.check_tag()
        digests = {name: sha256_of(path) for name, path in assets.items()}
        releases = self.releases()
        release = self.find_release(releases) or self.create_draft(notes)
        if not release["draft"]:
            return self.check_release(release, digests)
        release = self.upload_assets(release, digests, assets)
        return self.check_notes(release, notes) + self.check_release(self.publish(release, releases), digests)

    # Preconditions

    def read_notes(self) -> str:
        try:
            text = (self.target.world.root / CHANGELOG).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            _refuse(CHANGELOG, f"cannot be read: {type(error).__name__}", f"save `{CHANGELOG}` as UTF-8")
        notes = section(text, self.target.version)
        if not notes:
            saw = f"says nothing about {self.target.version}, and its section becomes the notes of the release"
            _refuse(CHANGELOG, saw, f"write what changed under `## [{self.target.version}]`")
        return notes

    def check_tag(self) -> None:
        """Check that GitHub has the tag; otherwise it would create one on its default branch."""
        head = self.target.world.git.head()
        answer = self.github.get(f"{self.at}/git/ref/tags/{self.tag}")
        if answer.outcome == "absent":
            push = f"just release {self.target.version}, which pushes the tag"
            _refuse(answer.question, f"GitHub has no tag `{self.tag}`, or hides it from this token", push)
        tagged = self.value(answer)["object"]
        for _ in range(5):  # a tag may be of a tag
            if tagged["type"] != "tag":
                break
            tagged = self.value(self.github.get(f"{self.at}/git/tags/{tagged['sha']}"))["object"]
        if head is None or tagged["sha"] != head[0]:
            here = head[0][:12] if head else "without a commit"
            saw = f"`{self.tag}` is {tagged['sha'][:12]} on GitHub, and this checkout is {here}"
            _refuse(answer.question, saw, f"git fetch --tags && git switch --detach {self.tag}")

    def releases(self) -> list[dict[str, Any]]:
        # GitHub finds no draft by its tag.
        return list(self.value(self.github.get(f"{self.at}/releases?per_page=100")))

    def find_release(self, releases: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        matching = [release for release in releases if release["tag_name"] == self.tag]
        if len(matching) > 1:
            saw = f"there are {len(matching)} releases of `{self.tag}`, drafts among them"
            _refuse(f"GET {self.at}/releases", saw, f"{self.page}: delete all drafts of `{self.tag}` but one")
        return matching[0] if matching else None

    # Changes, each observed afterwards, because a response may be lost after the change is done.

    def create_draft(self, notes: str) -> dict[str, Any]:
        self.on_line(f"make a draft of the release of {self.tag}")
        body = {"tag_name": self.tag, "name": self.tag, "body": notes, "draft": True, "prerelease": self.is_prerelease}
        answer = self.github.post(f"{self.at}/releases", body)
        release = self.find_release(self.releases()) if answer.outcome == "no answer" else None
        return release or self.value(answer)

    def upload_assets(self, release: Mapping[str, Any], digests: Mapping[str, str], assets: Mapping[str, Path]) -> Any:
        """Upload the missing assets of the draft, and return it; refuse a draft with a wrong asset."""
        self.refuse_if(self.check_assets(release, digests))
        missing = [name for name in digests if name not in {asset["name"] for asset in release["assets"]}]
        answers: dict[str, GitHubResponse] = {}
        for name in missing:
            self.on_line(f"upload {name}")
            answers[name] = self.github.upload(release["upload_url"], name, assets[name].read_bytes())
        draft = self.value(self.github.get(f"{self.at}/releases/{release['id']}"))
        self.refuse_if(self.check_assets(draft, digests))
        uploaded = {asset["name"] for asset in draft["assets"]}
        self.refuse_if(_failed_request(answers[name]) for name in missing if name not in uploaded)
        return draft

    def publish(self, release: Mapping[str, Any], releases: Iterable[Mapping[str, Any]]) -> Any:
        self.on_line(f"publish the release of {self.tag}")
        at = f"{self.at}/releases/{release['id']}"
        latest = "true" if self.is_latest(releases) else "false"
        body = {"tag_name": self.tag, "draft": False, "prerelease": self.is_prerelease, "make_latest": latest}
        answer = self.github.patch(at, body)
        release = self.value(self.github.get(at))
        if release["draft"]:
            self.refuse_if([_failed_request(answer)])
        return release

    # Observations

    def is_latest(self, releases: Iterable[Mapping[str, Any]]) -> bool:
        """Return whether no higher final version is published: a patch of an older line is not the latest release."""
        policy = self.target.policy
        published = (policy.version_of(release["tag_name"]) for release in releases if not release["draft"])
        versions = [Version.parse(text) for text in published if text]
        final = (version for version in versions if not version.is_prerelease)
        return not self.is_prerelease and all(version < self.target.version for version in final)

    def check_assets(self, release: Mapping[str, Any], digests: Mapping[str, str]) -> list[Finding]:
        """Compare the assets of a release with the given files."""
        findings = []
        for asset in release["assets"]:
            name, looked_at = asset["name"], f"{self.tag}: {asset['name']}"
            delete = f"{self.page}: delete `{name}` from the draft, then {_RETRY}"
            if name not in digests:
                if release["draft"]:
                    saw = "is in the draft, and was not given"
                    findings.append(Finding.failed(CHECK, looked_at, saw, f"add it to --assets, or {delete}"))
                else:
                    findings.append(Finding.warning(CHECK, looked_at, "is published too, and was not given"))
            elif asset.get("state") != "uploaded":
                findings.append(Finding.failed(CHECK, looked_at, "its upload was begun and never ended", delete))
            elif not asset.get("digest"):
                saw = "GitHub tells no digest of it, so nobody knows whether it is the same"
                findings.append(Finding.unknown(CHECK, looked_at, saw, _RETRY if release["draft"] else self.page))
            elif asset["digest"] != f"sha256:{digests[name]}":
                saw = f"is {asset['digest'].removeprefix('sha256:')[:12]} on GitHub, and {digests[name][:12]} here"
                remedy = delete if release["draft"] else self.too_late("replaced")
                findings.append(Finding.failed(CHECK, looked_at, saw, remedy))
        return findings

    def check_release(self, release: Mapping[str, Any], digests: Mapping[str, str]) -> Findings:
        """Check a published release: its assets, and whether it is marked as a pre-release."""
        findings = self.check_assets(release, digests)
        names = {asset["name"] for asset in release["assets"]}
        for name in digests:
            if name not in names:
                looked_at, saw = f"{self.tag}: {name}", "is not in the release, which is published already"
                findings.append(Finding.failed(CHECK, looked_at, saw, self.too_late("added")))
        if bool(release["prerelease"]) != self.is_prerelease:
            article, remedy = ("a", "uncheck") if release["prerelease"] else ("no", "check")
            saw = f"GitHub calls it {article} pre-release"
            findings.append(Finding.failed(CHECK, self.tag, saw, f"{self.page}: {remedy} `Set as a pre-release`"))
        if Findings(findings).status in ("ok", "warning"):
            state = "immutable" if release.get("immutable") else "and can still be changed"
            saw = f"is published, {state}, with {', '.join(digests) or 'no asset'}"
            findings.insert(0, Finding.ok(CHECK, self.tag, saw))
        return Findings(findings)

    def check_notes(self, release: Mapping[str, Any], notes: str) -> Findings:
        if str(release["body"]).split() == notes.split():
            return Findings()
        saw = f"its notes are not the section of `{CHANGELOG}`; they were left as somebody wrote them"
        return Findings([Finding.warning(CHECK, self.tag, saw, f"{self.page}: edit the notes")])

    def too_late(self, what: str) -> str:
        return f"nothing can be {what} to what is published; if it is needed, `just prepare` the next version"

    # Refusals

    def value(self, answer: GitHubResponse) -> Any:
        if answer.outcome != "value":
            raise RefusedError(f"the release of {self.tag} on GitHub is not finished", [_failed_request(answer)])
        return answer.value

    def refuse_if(self, conflicts: Iterable[Finding]) -> None:
        findings = Findings(conflicts)
        if findings:
            raise RefusedError(f"the release of {self.tag} on GitHub is not finished; nothing was deleted", findings)


def _files(root: Path, given: Sequence[Path]) -> dict[str, Path]:
    """Return the files by name, those of a directory in the order of their names."""
    files: dict[str, Path] = {}
    for path in (root / path for path in given):
        if not path.exists():
            _refuse(f"--assets {path.name}", "is not there", "--assets FILE, or a directory of files")
        for file in sorted(filter(Path.is_file, path.iterdir())) if path.is_dir() else [path]:
            if file.name in files:
                _refuse(f"--assets {file.name}", "was given twice", "give each name once")
            if not _NAME.fullmatch(file.name):
                _refuse(f"--assets {file.name}", "GitHub would give it another name", "rename it: letters, digits, ._-")
            if not file.stat().st_size:
                _refuse(f"--assets {file.name}", "is empty, and GitHub takes no empty file", "leave it out")
            files[file.name] = file
    return files


def _failed_request(answer: GitHubResponse) -> Finding:
    """Return the finding of a request without a usable response."""
    match answer.outcome:
        case "no token":
            give = (
                "GH_TOKEN=$(gh auth token) just github-release; in a job, `GITHUB_TOKEN: ${{ github.token }}` in the"
                " step's `env`, and `permissions: contents: write`"
            )
            return Finding.failed(CHECK, answer.question, answer.reason, give)
        case "forbidden":
            saw = f"this token may not do that: {answer.reason}"
            return Finding.failed(CHECK, answer.question, saw, "give the job `permissions: contents: write`")
        case "refused" | "absent":
            return Finding.failed(CHECK, answer.question, f"GitHub refused: {answer.reason}", _RETRY)
    return Finding.unknown(CHECK, answer.question, f"GitHub gave no answer: {answer.reason}", _RETRY)


def _refuse(looked_at: str, saw: str, remedy: str) -> NoReturn:
    raise RefusedError("nothing was done on GitHub", [Finding.failed(CHECK, looked_at, saw, remedy)])
