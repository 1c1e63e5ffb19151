"""The commands about releases: `gh release view`, `create`, `upload` and `edit`, and `gh api` for a release.

From the sources of `gh` (its package `release`): the requests, the lookup of drafts, and the texts of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from binoc_runbook.rehearsal.runner.gh.command import GhCommand, GhError, GhRepository, value_of

_Values = Mapping[str, str]
_DIGESTS = '.assets | sort_by(.name)[] | (.digest | ltrimstr("sha256:")) + "  " + .name'
_IMMUTABLE = '"published, immutable: " + (.immutable | tostring)'


def _find(tag: str, repository: GhRepository) -> dict[str, Any]:
    """Return the published release of a tag, or the first draft, which only a token that can write sees."""
    response = repository.get(f"releases/tags/{tag}")
    if response.outcome != "absent":
        return dict(value_of(response))
    releases = value_of(repository.get("releases?per_page=100"))
    draft = next((release for release in releases if release["draft"] and release["tag_name"] == tag), None)
    if draft is None:
        raise GhError("release not found")
    return dict(draft)


def _view(values: _Values, repository: GhRepository) -> str:
    release = _find(values["tag"], repository)
    rows = {"title": release["name"], "tag": release["tag_name"]}
    rows |= {name: str(release[name]).lower() for name in ("draft", "prerelease")}
    lines = [f"{name}:\t{value}\n" for name, value in rows.items()]
    return "".join([*lines, *(f"asset:\t{asset['name']}\n" for asset in release["assets"])])


def _field(text: Callable[[dict[str, Any]], str]) -> Callable[[_Values, GhRepository], str]:
    """Return the function of a `gh release view` that prints one field."""
    return lambda values, repository: text(_find(values["tag"], repository))


def _create(values: _Values, repository: GhRepository) -> str:
    tag = values["tag"]
    if repository.get(f"git/ref/tags/{tag}").outcome == "absent":
        raise GhError(f"tag {tag} doesn't exist in the repo {repository.name}, aborting due to --verify-tag flag")
    body = {
        "tag_name": tag,
        "name": values["title"],
        "body": Path(values["notes"]).read_text("utf-8"),
        "draft": True,
        "prerelease": _boolean(values["prerelease"]),
    }
    value_of(repository.client.post(f"/repos/{repository.name}/releases", body))
    return f"created a draft of {tag}\n"


def _upload(values: _Values, repository: GhRepository) -> str:
    release, path = _find(values["tag"], repository), Path(values["file"])
    if any(asset["name"] == path.name for asset in release["assets"]):
        raise GhError(f"asset under the same name already exists: [{path.name}]")
    value_of(repository.client.upload(release["upload_url"], path.name, path.read_bytes()))
    return ""


def _publish(values: _Values, repository: GhRepository) -> str:
    release, latest = _find(values["tag"], repository), _boolean(values["latest"])
    body = {"tag_name": release["tag_name"], "draft": False, "make_latest": str(latest).lower()}
    value_of(repository.client.patch(f"/repos/{repository.name}/releases/{release['id']}", body))
    return f"published {release['tag_name']}\n"


def _digests(values: _Values, repository: GhRepository) -> str:
    release = value_of(repository.get(f"releases/{values['id']}"))
    rows = sorted((asset["name"], asset["digest"] or "") for asset in release["assets"])
    return "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in rows)


def _immutable(values: _Values, repository: GhRepository) -> str:
    release = value_of(repository.get(f"releases/tags/{values['tag']}"))
    return f"published, immutable: {str(release['immutable']).lower()}\n"


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise GhError(f'invalid argument "{text}": strconv.ParseBool: parsing "{text}": invalid syntax')
    return text == "true"


_VIEW = ("release", "view", "{tag}")

#: The supported commands about releases.
RELEASE_COMMANDS = (
    GhCommand(_VIEW, _view),
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
            *("release", "create", "{tag}", "--draft", "--verify-tag", "--title", "{title}"),
            *("--notes-file", "{notes}", "--prerelease={prerelease}"),
        ),
        _create,
    ),
    GhCommand(("release", "upload", "{tag}", "{file}"), _upload),
    GhCommand(("release", "edit", "{tag}", "--draft=false", "--latest={latest}"), _publish),
    GhCommand(("api", "repos/{repository}/releases/{id}", "--jq", _DIGESTS), _digests),
    GhCommand(("api", "repos/{repository}/releases/tags/{tag}", "--jq", _IMMUTABLE), _immutable),
)
