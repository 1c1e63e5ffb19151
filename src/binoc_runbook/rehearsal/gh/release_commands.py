"""Commands of the job that creates the GitHub release: `gh release view`, `create`, `upload`, `edit`, and `gh api`.

From the sources of GitHub CLI (its package `release`): the requests, the lookup of drafts, and the texts of errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from binoc_runbook.rehearsal.gh.command import GhCommand
from binoc_runbook.rehearsal.gh.forge import Forge, GhError

_Groups = Mapping[str, str]
_JSON = "application/json"
_TAG = re.compile(r"(?P<tag>[^-].*)")
_FLAG = "(?:true|false)"


def _releases(forge: Forge) -> str:
    """Return the path of the releases of the repository in `GH_REPO`; there is no checkout that names another one."""
    repository = forge.environment.get("GH_REPO")
    if not repository:
        raise GhError("failed to run git: fatal: not a git repository (or any of the parent directories): .git")
    return f"repos/{repository}/releases"


def _get(forge: Forge, path: str) -> Any:
    """Return the JSON of a response; `None` if GitHub has nothing at this path."""
    try:
        return json.loads(forge.get(path))
    except GhError as error:
        if "(HTTP 404)" in str(error):
            return None
        raise


def _find(forge: Forge, tag: str) -> dict[str, Any]:
    """Return the published release of a tag, or the first draft, which only a token that can write sees."""
    release = _get(forge, f"{_releases(forge)}/tags/{quote(tag)}")
    if release is None:
        releases = [entry for page in forge.pages(f"{_releases(forge)}?per_page=100") for entry in page]
        release = next((entry for entry in releases if entry["draft"] and entry["tag_name"] == tag), None)
    if release is None:
        raise GhError("release not found")
    return dict(release)


def view(forge: Forge, groups: _Groups) -> bytes:
    """Return the state of a release, as lines of names and values."""
    release = _find(forge, groups["tag"])
    names = {"name": "title", "tag_name": "tag", "draft": "draft", "prerelease": "prerelease"}
    rows = [(shown, str(release[key])) for key, shown in names.items()]
    rows += [("asset", asset["name"]) for asset in release["assets"]]
    return "".join(f"{name}:\t{value}\n" for name, value in rows).encode()


def _field(text: Callable[[dict[str, Any]], str]) -> Callable[[Forge, _Groups], bytes]:
    """Return the function of a `gh release view` that prints one field."""
    return lambda forge, groups: text(_find(forge, groups["tag"])).encode()


def create(forge: Forge, groups: _Groups) -> bytes:
    """Create a draft for an existing tag."""
    tag, releases = groups["tag"], _releases(forge)
    repository = forge.environment["GH_REPO"]
    if _get(forge, f"repos/{repository}/git/ref/tags/{quote(tag)}") is None:
        raise GhError(f"tag {tag} doesn't exist in the repo {repository}, aborting due to --verify-tag flag")
    body = {
        "tag_name": tag,
        "name": groups["title"],
        "body": Path(groups["notes"]).read_text("utf-8"),
        "draft": True,
        "prerelease": groups["prerelease"] == "true",
    }
    forge.send("POST", releases, json.dumps(body).encode(), _JSON)
    return f"https://github.com/{repository}/releases/tag/{tag}\n".encode()


def upload(forge: Forge, groups: _Groups) -> bytes:
    """Upload an asset; an existing one is not replaced."""
    release, path = _find(forge, groups["tag"]), Path(groups["file"])
    if any(asset["name"] == path.name for asset in release["assets"]):
        raise GhError(f"asset under the same name already exists: [{path.name}]")
    url = f"{release['upload_url'].partition('{')[0]}?name={quote(path.name, safe='')}"
    forge.send("POST", url, path.read_bytes(), "application/octet-stream")
    return b""


def publish(forge: Forge, groups: _Groups) -> bytes:
    """Publish a draft."""
    release = _find(forge, groups["tag"])
    body = {"tag_name": release["tag_name"], "draft": False, "make_latest": groups["latest"]}
    forge.send("PATCH", f"{_releases(forge)}/{release['id']}", json.dumps(body).encode(), _JSON)
    return f"https://github.com/{forge.environment['GH_REPO']}/releases/tag/{groups['tag']}\n".encode()


def list_digests(forge: Forge, groups: _Groups) -> bytes:
    """Return the digests of the assets of a release, as `sha256sum` prints them; an incomplete upload has none."""
    assets = json.loads(forge.get(groups["path"]))["assets"]
    rows = sorted((asset["name"], (asset["digest"] or "").removeprefix("sha256:")) for asset in assets)
    return "".join(f"{digest}  {name}\n" for name, digest in rows).encode()


def show_immutable(forge: Forge, groups: _Groups) -> bytes:
    """Return whether a published release is immutable."""
    release = json.loads(forge.get(groups["path"]))
    return f"published, immutable: {str(release['immutable']).lower()}\n".encode()


_VIEW = ("release", "view", _TAG)
_RELEASE = r"(?P<path>repos/[\w.-]+/[\w.-]+/releases/"

COMMANDS = (
    GhCommand(_VIEW, view),
    GhCommand(
        (*_VIEW, "--json", "assets", "--jq", ".assets[].name"),
        _field(lambda release: "".join(f"{asset['name']}\n" for asset in release["assets"])),
    ),
    GhCommand((*_VIEW, "--json", "databaseId", "--jq", ".databaseId"), _field(lambda release: f"{release['id']}\n")),
    GhCommand(
        (*_VIEW, "--json", "isDraft", "--jq", ".isDraft"), _field(lambda release: f"{str(release['draft']).lower()}\n")
    ),
    GhCommand(
        (
            *("release", "create", _TAG, "--draft", "--verify-tag", "--title", re.compile("(?P<title>.+)")),
            *("--notes-file", re.compile("(?P<notes>.+)"), re.compile(f"--prerelease=(?P<prerelease>{_FLAG})")),
        ),
        create,
    ),
    GhCommand(("release", "upload", _TAG, re.compile("(?P<file>[^-].*)")), upload),
    GhCommand(("release", "edit", _TAG, "--draft=false", re.compile(f"--latest=(?P<latest>{_FLAG})")), publish),
    GhCommand(
        (
            *("api", re.compile(rf"{_RELEASE}\d+)"), "--jq"),
            '.assets | sort_by(.name)[] | (.digest | ltrimstr("sha256:")) + "  " + .name',
        ),
        list_digests,
    ),
    GhCommand(
        (
            *("api", re.compile(rf"{_RELEASE}tags/.+)"), "--jq"),
            '"published, immutable: " + (.immutable | tostring)',
        ),
        show_immutable,
    ),
)
