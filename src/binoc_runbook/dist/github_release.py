"""The GitHub release of a pushed tag: create a draft, upload its assets, and publish it.

Assets cannot be added to an immutable release after it is published (GitHub's documentation, "Immutable releases"), so
the draft is completed first. The state is read from GitHub each time. The same command can therefore complete an
interrupted one. It deletes and replaces nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.files import read_file, sha256_of
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.workspace.changelog import CHANGELOG, section

CHECK = "github-release"

_RETRY = "just github-release, with the same assets"
# GitHub renames an asset with any other character ("Upload a release asset").
_NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")


def publish_release(target: Target, assets: Sequence[Path], on_line: Callable[[str], None]) -> Findings:
    """Create or complete the GitHub release of the tag with these files and the files in these directories.

    `on_line` receives a line for each change. The findings describe the release afterwards.

    Raises:
        RefusedError: A file, the tag or the token is missing, or an asset conflicts. Existing assets are not changed.
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
            _refuse("the policy", "has no `repository`", 'add `repository = "owner/name"` to [tool.binoc-runbook]')
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
            text = read_file(self.target.world.root / CHANGELOG).decode()
        except (OSError, UnicodeDecodeError) as error:
            _refuse(CHANGELOG, f"cannot be read: {type(error).__name__}", f"save `{CHANGELOG}` as UTF-8")
        notes = section(text, self.target.version)
        if not notes:
            saw = f"has no section for {self.target.version}; it becomes the notes of the release"
            _refuse(CHANGELOG, saw, f"describe the changes under `## [{self.target.version}]`")
        return notes

    def check_tag(self) -> None:
        """Check that GitHub has the tag; otherwise GitHub would create it on the default branch."""
        head = self.target.world.git.head()
        answer = self.github.get(f"{self.at}/git/ref/tags/{self.tag}")
        if answer.outcome == "absent":
            push = f"just release {self.target.version}, which pushes the tag"
            saw = f"GitHub has no tag `{self.tag}`, or the token cannot read it"
            _refuse(answer.question, saw, push)
        tagged = self.value(answer)["object"]
        for _ in range(5):  # a tag can point to another tag
            if tagged["type"] != "tag":
                break
            tagged = self.value(self.github.get(f"{self.at}/git/tags/{tagged['sha']}"))["object"]
        if head is None or tagged["sha"] != head[0]:
            here = head[0][:12] if head else "without a commit"
            saw = f"`{self.tag}` points to {tagged['sha'][:12]} on GitHub, but this checkout is {here}"
            _refuse(answer.question, saw, f"git fetch --tags && git switch --detach {self.tag}")

    def releases(self) -> list[dict[str, Any]]:
        # GitHub cannot look up a draft by its tag.
        return list(self.value(self.github.get(f"{self.at}/releases?per_page=100")))

    def find_release(self, releases: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        matching = [release for release in releases if release["tag_name"] == self.tag]
        if len(matching) > 1:
            saw = f"there are {len(matching)} releases of `{self.tag}`, including drafts"
            _refuse(f"GET {self.at}/releases", saw, f"{self.page}: delete all drafts of `{self.tag}` but one")
        return matching[0] if matching else None

    # Changes. Each is observed afterwards, because a response can be lost after the change.

    def create_draft(self, notes: str) -> dict[str, Any]:
        self.on_line(f"create a draft of the release of {self.tag}")
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
        """Return whether this is the highest final version: a patch of an older version is not the latest release."""
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
                    saw = "is in the draft, but not in --assets"
                    findings.append(Finding.failed(CHECK, looked_at, saw, f"add it to --assets, or {delete}"))
                else:
                    findings.append(Finding.warning(CHECK, looked_at, "is published, but not in --assets"))
            elif asset.get("state") != "uploaded":
                findings.append(Finding.failed(CHECK, looked_at, "its upload is incomplete", delete))
            elif not asset.get("digest"):
                saw = "GitHub reports no digest, so the content cannot be compared"
                findings.append(Finding.unknown(CHECK, looked_at, saw, _RETRY if release["draft"] else self.page))
            elif asset["digest"] != f"sha256:{digests[name]}":
                digest = asset["digest"].removeprefix("sha256:")[:12]
                saw = f"the digest is {digest} on GitHub, and {digests[name][:12]} here"
                remedy = delete if release["draft"] else self.next_version
                findings.append(Finding.failed(CHECK, looked_at, saw, remedy))
        return findings

    def check_release(self, release: Mapping[str, Any], digests: Mapping[str, str]) -> Findings:
        """Check the assets and the pre-release flag of a published release."""
        findings = self.check_assets(release, digests)
        names = {asset["name"] for asset in release["assets"]}
        for name in digests:
            if name not in names:
                looked_at, saw = f"{self.tag}: {name}", "is not in the published release"
                findings.append(Finding.failed(CHECK, looked_at, saw, self.next_version))
        if bool(release["prerelease"]) != self.is_prerelease:
            state, remedy = ("marked", "uncheck") if release["prerelease"] else ("not marked", "check")
            saw = f"is {state} as a pre-release on GitHub"
            findings.append(Finding.failed(CHECK, self.tag, saw, f"{self.page}: {remedy} `Set as a pre-release`"))
        if Findings(findings).status in ("ok", "warning"):
            state = "immutable" if release.get("immutable") else "not immutable"
            saw = f"is published, {state}, with {', '.join(digests) or 'no assets'}"
            findings.insert(0, Finding.ok(CHECK, self.tag, saw))
        return Findings(findings)

    def check_notes(self, release: Mapping[str, Any], notes: str) -> Findings:
        if str(release["body"]).split() == notes.split():
            return Findings()
        saw = f"the notes differ from the section of `{CHANGELOG}`; they were not changed"
        return Findings([Finding.warning(CHECK, self.tag, saw, f"{self.page}: edit the notes")])

    @property
    def next_version(self) -> str:
        return "published assets cannot be changed; if necessary, `just prepare` the next version"

    # Refusals

    def value(self, answer: GitHubResponse) -> Any:
        if answer.outcome != "value":
            raise RefusedError(f"the GitHub release of {self.tag} is not complete", [_failed_request(answer)])
        return answer.value

    def refuse_if(self, conflicts: Iterable[Finding]) -> None:
        findings = Findings(conflicts)
        if findings:
            raise RefusedError(f"the GitHub release of {self.tag} is not complete; nothing was deleted", findings)


def _files(root: Path, given: Sequence[Path]) -> dict[str, Path]:
    """Return the files by name; files in a directory are sorted by name."""
    files: dict[str, Path] = {}
    for path in (root / path for path in given):
        if not path.exists():
            _refuse(f"--assets {path.name}", "does not exist", "--assets with a file or a directory")
        for file in sorted(filter(Path.is_file, path.iterdir())) if path.is_dir() else [path]:
            if file.name in files:
                _refuse(f"--assets {file.name}", "two assets have this name", "remove or rename one of them")
            if not _NAME.fullmatch(file.name):
                saw, remedy = "GitHub would rename this asset", "use only letters, digits and `._-` in its name"
                _refuse(f"--assets {file.name}", saw, remedy)
            if not file.stat().st_size:
                _refuse(f"--assets {file.name}", "is empty; GitHub refuses empty assets", "remove it from --assets")
            files[file.name] = file
    return files


def _failed_request(answer: GitHubResponse) -> Finding:
    """Return the finding of a failed request."""
    match answer.outcome:
        case "no token":
            remedy = (
                "GH_TOKEN=$(gh auth token) just github-release; in a workflow, add `GITHUB_TOKEN: ${{ github.token }}`"
                " to the `env` of the step, and `permissions: contents: write` to the job"
            )
            return Finding.failed(CHECK, answer.question, answer.reason, remedy)
        case "forbidden":
            saw = f"the token has no permission for this: {answer.reason}"
            return Finding.failed(CHECK, answer.question, saw, "add `permissions: contents: write` to the job")
        case "refused" | "absent":
            return Finding.failed(CHECK, answer.question, f"GitHub refused the request: {answer.reason}", _RETRY)
    return Finding.unknown(CHECK, answer.question, f"no response from GitHub: {answer.reason}", _RETRY)


def _refuse(looked_at: str, saw: str, remedy: str) -> NoReturn:
    raise RefusedError("nothing was changed on GitHub", [Finding.failed(CHECK, looked_at, saw, remedy)])
