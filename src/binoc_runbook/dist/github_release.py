"""The release on GitHub of a tag that is pushed: a draft, its assets, and then its publication, which may be for good.

Where releases are immutable nothing can be added once they are published (GitHub's documentation, "Immutable
releases"), so the draft is made whole first. What is done is read from GitHub each time: the same command finishes what
an earlier one has begun, and deletes and replaces nothing.
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

_AGAIN = "just github-release, with the same assets; it finishes what is begun"
# GitHub gives an asset another name where its own holds anything else ("Upload a release asset").
_NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")


def publish_release(target: Target, assets: Sequence[Path], on_line: Callable[[str], None]) -> Findings:
    """Make the release of the target's tag on GitHub, with these files and those of these folders; or finish it.

    `on_line` is told each act. The findings say what GitHub shows afterwards.

    Raises:
        RefusedError: Something is missing or in the way; each finding says what, and nothing that was there is changed.
    """
    return _Release(target, on_line).run(_files(target.world.root, assets))


class _Release:
    def __init__(self, target: Target, on_line: Callable[[str], None]) -> None:
        self.target = target
        self.tag = target.tag
        self.github = target.world.github
        self.on_line = on_line
        self.kept = Findings()
        repository = target.policy.repository
        if repository is None:
            _refuse("the policy", "names no repository", 'add `repository = "owner/name"` to [tool.binoc-runbook]')
        self.repository = repository
        self.at = f"/repos/{repository}"
        self.page = f"github.com/{repository}/releases"

    def run(self, assets: Mapping[str, Path]) -> Findings:
        notes = self.notes()
        self.look_at_tag()
        digests = {name: sha256_of(path) for name, path in assets.items()}
        there = self.releases()
        release = self.release_in(there) or self.draft(notes)
        if not release["draft"]:
            return self.judge(release, digests)
        release = self.filled(release, digests, assets)
        self.kept += self.notes_kept(release, notes)
        return self.judge(self.published(release, there), digests)

    # What must be true before anything is done.

    def notes(self) -> str:
        try:
            text = (self.target.world.root / CHANGELOG).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            _refuse(CHANGELOG, f"cannot be read: {type(error).__name__}", f"save `{CHANGELOG}` as UTF-8")
        notes = section(text, self.target.version)
        if not notes:
            saw = f"says nothing about {self.target.version}, and its section becomes the notes of the release"
            _refuse(CHANGELOG, saw, f"write what changed under `## [{self.target.version}]`")
        return notes

    def look_at_tag(self) -> None:
        """Without its tag GitHub would make one, of whatever its default branch holds."""
        head = self.target.world.git.head()
        answer = self.github.get(f"{self.at}/git/ref/tags/{self.tag}")
        if answer.outcome == "absent":
            push = f"just release {self.target.version}, which pushes the tag"
            _refuse(answer.question, f"GitHub has no tag `{self.tag}`, or hides it from this token", push)
        pointed = self.value(answer)["object"]
        for _ in range(5):  # a tag may be of a tag
            if pointed["type"] != "tag":
                break
            pointed = self.value(self.github.get(f"{self.at}/git/tags/{pointed['sha']}"))["object"]
        if head is None or pointed["sha"] != head[0]:
            here = head[0][:12] if head else "without a commit"
            saw = f"`{self.tag}` is {pointed['sha'][:12]} on GitHub, and this checkout is {here}"
            _refuse(answer.question, saw, f"git fetch --tags && git switch --detach {self.tag}")

    def releases(self) -> list[dict[str, Any]]:
        # A draft is not found by its tag, only among all.
        return list(self.value(self.github.get(f"{self.at}/releases?per_page=100")))

    def release_in(self, releases: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        found = [each for each in releases if each["tag_name"] == self.tag]
        if len(found) > 1:
            saw = f"there are {len(found)} releases of `{self.tag}`, drafts among them"
            _refuse(f"GET {self.at}/releases", saw, f"{self.page}: delete all drafts of `{self.tag}` but one")
        return found[0] if found else None

    # The acts, each observed afterwards: an answer may be lost after the act is done.

    def draft(self, notes: str) -> dict[str, Any]:
        self.on_line(f"make a draft of the release of {self.tag}")
        body = {"tag_name": self.tag, "name": self.tag, "body": notes, "draft": True, "prerelease": self.is_prerelease}
        answer = self.github.post(f"{self.at}/releases", body)
        made = self.release_in(self.releases()) if answer.outcome == "no answer" else self.value(answer)
        return made if made is not None else self.value(answer)

    def filled(self, release: Mapping[str, Any], digests: Mapping[str, str], assets: Mapping[str, Path]) -> Any:
        """The draft with every asset in it; nothing is added where one that is there already is not as it should be."""
        self.refuse_if(self.unlike(release, digests))
        lacking = [name for name in digests if name not in {asset["name"] for asset in release["assets"]}]
        answers: dict[str, GitHubResponse] = {}
        for name in lacking:
            self.on_line(f"upload {name}")
            answers[name] = self.github.upload(release["upload_url"], name, assets[name].read_bytes())
        filled = self.value(self.github.get(f"{self.at}/releases/{release['id']}"))
        self.refuse_if(self.unlike(filled, digests))
        there = {asset["name"] for asset in filled["assets"]}
        self.refuse_if(_unanswered(answers[name]) for name in lacking if name not in there)
        return filled

    def published(self, release: Mapping[str, Any], there: Iterable[Mapping[str, Any]]) -> Any:
        self.on_line(f"publish the release of {self.tag}")
        at = f"{self.at}/releases/{release['id']}"
        latest = "true" if self.is_latest(there) else "false"
        body = {"tag_name": self.tag, "draft": False, "prerelease": self.is_prerelease, "make_latest": latest}
        answer = self.github.patch(at, body)
        shown = self.value(self.github.get(at))
        if shown["draft"]:
            self.refuse_if([_unanswered(answer)])
        return shown

    # What is seen.

    @property
    def is_prerelease(self) -> bool:
        return self.target.version.is_prerelease

    def is_latest(self, there: Iterable[Mapping[str, Any]]) -> bool:
        """Whether no higher final version is published: a patch of an older line must not be called the latest."""
        published = (self.target.policy.version_of(each["tag_name"]) for each in there if not each["draft"])
        versions = [Version.parse(text) for text in published if text]
        return not self.is_prerelease and all(
            version < self.target.version for version in versions if not version.is_prerelease
        )

    def unlike(self, release: Mapping[str, Any], digests: Mapping[str, str]) -> list[Finding]:
        """What the assets of a release are, where they are not what was given."""
        found = []
        for asset in release["assets"]:
            name, looked_at = asset["name"], f"{self.tag}: {asset['name']}"
            delete = f"{self.page}: delete `{name}` from the draft, then {_AGAIN}"
            if name not in digests:
                if release["draft"]:
                    saw = "is in the draft, and was not given"
                    found.append(Finding.failed(CHECK, looked_at, saw, f"add it to --assets, or {delete}"))
                else:
                    found.append(Finding.warning(CHECK, looked_at, "is published too, and was not given"))
            elif asset.get("state") != "uploaded":
                found.append(Finding.failed(CHECK, looked_at, "its upload was begun and never ended", delete))
            elif not asset.get("digest"):
                saw = "GitHub tells no digest of it, so nobody knows whether it is the same"
                found.append(Finding.unknown(CHECK, looked_at, saw, _AGAIN if release["draft"] else self.page))
            elif asset["digest"] != f"sha256:{digests[name]}":
                saw = f"is {asset['digest'].removeprefix('sha256:')[:12]} on GitHub, and {digests[name][:12]} here"
                remedy = delete if release["draft"] else self.too_late("replaced")
                found.append(Finding.failed(CHECK, looked_at, saw, remedy))
        return found

    def judge(self, release: Mapping[str, Any], digests: Mapping[str, str]) -> Findings:
        """Whether a published release is what it should be."""
        found = self.unlike(release, digests)
        there = {asset["name"] for asset in release["assets"]}
        for name in digests:
            if name not in there:
                looked_at, saw = f"{self.tag}: {name}", "is not in the release, which is published already"
                found.append(Finding.failed(CHECK, looked_at, saw, self.too_late("added")))
        if bool(release["prerelease"]) != self.is_prerelease:
            said, remedy = ("a", "uncheck") if release["prerelease"] else ("no", "check")
            saw = f"GitHub calls it {said} pre-release"
            found.append(Finding.failed(CHECK, self.tag, saw, f"{self.page}: {remedy} `Set as a pre-release`"))
        if Findings(found).status in ("ok", "warning"):
            held = "immutable" if release.get("immutable") else "and can still be changed"
            told = ", ".join(digests) or "no asset"
            found.insert(0, Finding.ok(CHECK, self.tag, f"is published, {held}, with {told}"))
        return self.kept + found

    def notes_kept(self, release: Mapping[str, Any], notes: str) -> Findings:
        if str(release["body"]).split() == notes.split():
            return Findings()
        saw = f"its notes are not the section of `{CHANGELOG}`; they were left as somebody wrote them"
        return Findings([Finding.warning(CHECK, self.tag, saw, f"{self.page}: edit the notes")])

    def too_late(self, what: str) -> str:
        return f"nothing can be {what} to what is published; if it is needed, `just prepare` the next version"

    # How it ends early.

    def value(self, answer: GitHubResponse) -> Any:
        if answer.outcome != "value":
            raise RefusedError(f"the release of {self.tag} on GitHub is not finished", [_unanswered(answer)])
        return answer.value

    def refuse_if(self, found: Iterable[Finding]) -> None:
        findings = Findings(found)
        if findings:
            raise RefusedError(f"the release of {self.tag} on GitHub is not finished; nothing was deleted", findings)


def _files(root: Path, given: Sequence[Path]) -> dict[str, Path]:
    """The files by the names that they will have, those of a folder in the order of their names."""
    files: dict[str, Path] = {}
    for path in (root / each for each in given):
        if not path.exists():
            _refuse(f"--assets {path.name}", "is not there", "--assets FILE, or a folder of files")
        for file in sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]:
            if file.name in files:
                _refuse(f"--assets {file.name}", "was given twice", "give each name once")
            if not _NAME.fullmatch(file.name):
                _refuse(f"--assets {file.name}", "GitHub would give it another name", "rename it: letters, digits, ._-")
            if not file.stat().st_size:
                _refuse(f"--assets {file.name}", "is empty, and GitHub takes no empty file", "leave it out")
            files[file.name] = file
    return files


def _unanswered(answer: GitHubResponse) -> Finding:
    """Why there is nothing to go on with."""
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
            return Finding.failed(CHECK, answer.question, f"GitHub refused: {answer.reason}", _AGAIN)
    return Finding.unknown(CHECK, answer.question, f"GitHub gave no answer: {answer.reason}", _AGAIN)


def _refuse(looked_at: str, saw: str, remedy: str) -> NoReturn:
    raise RefusedError("nothing was done on GitHub", [Finding.failed(CHECK, looked_at, saw, remedy)])
