"""The promises of a repository about its releases: `[tool.binoc-runbook]` in the root's `pyproject.toml`.

The table says which artifacts exist, where each is published from and under which name, branch, tag and environment.
The checks compare the world with it. Each key is described, validated and given its default in one place, the field
of `Policy` or `Artifact` that holds it (`policy_keys`), from which reference pages and schemas are made.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal

from binoc_runbook.finding import Place
from binoc_runbook.version import Version, VersionError

CHECK = "policy"
MANIFEST = "pyproject.toml"
TABLE = ("tool", "binoc-runbook")

Registry = Literal["pypi", "crates.io"]

#: The registries by their names for people.
NAMES: dict[str, str] = {"pypi": "PyPI", "crates.io": "crates.io"}

#: The manifest that a directory must hold to be published at a registry.
MANIFEST_OF: dict[Registry, str] = {"pypi": "pyproject.toml", "crates.io": "Cargo.toml"}


class PolicyValueError(ValueError):
    """A value that a key cannot have; the message says why, `instead` is the value to write where that is known."""

    def __init__(self, why: str, instead: str | list[str] = "") -> None:
        super().__init__(why)
        self.instead = instead


# How each kind of value is read: the value as TOML gives it, to the value that the policy holds.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PolicyValueError(f"is {type_name(value)}, not a string")
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise PolicyValueError("is empty, has white space around it or holds what cannot be shown")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise PolicyValueError(f"is {type_name(value)}, not a list of strings")
    return tuple(_text(item) for item in value)


def _tag(value: object) -> str:
    tag = _text(value)
    if (count := tag.count("{version}")) != 1:
        raise PolicyValueError(f"holds `{{version}}` {count} times")
    _be_a_ref(tag.replace("{version}", "0.4.0"), "refs/tags/")
    return tag


def _branch(value: object) -> tuple[str, ...]:
    patterns = (_text(value),) if isinstance(value, str) else _texts(value)
    if not patterns:
        raise PolicyValueError("is empty, so that nothing could be released")
    for pattern in patterns:
        _be_a_ref(re.sub(r"\[[^]]+\]|[*?]", "x", pattern), "refs/heads/")
    return patterns


def _remote(value: object) -> str:
    remote = _text(value)
    _be_a_ref(remote, "refs/remotes/")
    return remote


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise PolicyValueError("is one string, and no shell takes it apart", value.split())
    command = _texts(value)
    if not command:
        raise PolicyValueError("is empty, so that it would test nothing")
    return command


def _repository(value: object) -> str:
    repository = _text(value)
    if re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/[A-Za-z0-9._-]+", repository) and not repository.endswith(".git"):
        return repository
    parts = re.findall(r"[A-Za-z0-9._-]+", repository.removesuffix(".git"))
    raise PolicyValueError("is not of the form owner/name", "/".join(parts[-2:]) if parts[1:] else "")


def _workflow(value: object) -> str:
    workflow = _text(value)
    if re.search(r"[/\\]", workflow):
        why = "is a path; both registries match the bare name of the file"
        raise PolicyValueError(why, PureWindowsPath(workflow).name)
    if not re.fullmatch(r"[^.].*\.ya?ml", workflow):
        raise PolicyValueError("is not the name of a workflow file")
    return workflow


def _registry(value: object) -> Registry:
    if not isinstance(value, str) or value not in MANIFEST_OF:
        raise PolicyValueError("is no registry that is known here")
    return value


def _path(value: object) -> str:
    path = _text(value)
    if "\\" in path or re.match("[A-Za-z]:", path) or path.startswith("/") or ".." in path.split("/"):
        raise PolicyValueError("is not a path below the root")
    return PurePosixPath(path).as_posix()


def _wheels(value: object) -> str:
    wheels = _text(value)
    if not re.fullmatch(r"cp(3[0-9]{1,2})-(?:abi3|cp\1)", wheels):
        raise PolicyValueError("is no pair of Python tag and ABI tag")
    return wheels


#: PEP 600 gives the older names as aliases; one platform has one spelling here.
_OLD_MANYLINUX = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def _platforms(value: object) -> tuple[str, ...]:
    platforms = _texts(value)
    for platform in platforms:
        if platforms.count(platform) > 1:
            raise PolicyValueError(f"names `{platform}` twice")
        old, _, machine = platform.partition("_")
        if new := _OLD_MANYLINUX.get(old):
            instead = [f"{new}_{machine}" if other == platform else other for other in platforms]
            raise PolicyValueError(f"holds `{platform}`, the old name of `{new}_{machine}`", instead)
        if not re.fullmatch(
            r"(?:many|musl)linux_[0-9]+_[0-9]+_[a-z0-9_]+"
            r"|macosx_[0-9]+_[0-9]+_(?:x86_64|arm64|universal2)"
            r"|win32|win_amd64|win_arm64",
            platform,
        ):
            raise PolicyValueError(f"holds `{platform}`, which is no platform tag that PyPI takes")
    return platforms


def _key(about: str, allowed: str, read: Callable[[object], object], default: object = MISSING) -> Any:
    """A field that is a key of a table."""
    return field(default=default, metadata={"help": about, "allowed": allowed, "read": read})


@dataclass(frozen=True)
class Artifact:
    """One thing that a release publishes: what it is called, where, and from which directory.

    `source` is the place of its table in the policy; it takes no part in comparisons.
    """

    name: str = _key("The name at the registry.", 'a name, such as "binoc"', _text)
    registry: Registry = _key(  # noqa: RUF009 - it makes a field
        "The registry that it is published at.", '"pypi" or "crates.io"', _registry
    )
    path: str = _key("The directory of its manifest.", "a directory below the root, with forward slashes", _path)
    environment: str | None = _key(
        "The GitHub environment of its publish job, which no other artifact shares.",
        'the name of an environment, such as "pypi-binoc"',
        _text,
        default=None,
    )
    wheels: str | None = _key(
        "The Python tag and the ABI tag of its wheels (PEP 425).",
        '"cp310-abi3" or "cp310-cp310"',
        _wheels,
        default=None,
    )
    platforms: tuple[str, ...] = _key(
        "The platform tags of its wheels, one wheel for each (PEP 425, PEP 600, PEP 656).",
        'tags such as "manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"',
        _platforms,
        default=(),
    )
    example: str | None = _key(
        "The directory of a crate that uses this one as a stranger would; it is compiled with what was published.",
        'a directory below the root, such as "crates/binoc-row-reorder"',
        _path,
        default=None,
    )
    source: Place = field(default=Place(MANIFEST), compare=False)


@dataclass(frozen=True)
class Policy:
    """What a repository promises about its releases; one field for each key, which is why there are more than eight.

    `declared` says whether there is a table at all; without one the other fields are what is customary, no artifact
    is promised, and the checks say so. `source` is the place of the table; it takes no part in comparisons.
    """

    declared: bool = False
    source: Place = field(default=Place(MANIFEST), compare=False)
    tag: str = _key(
        "The name of a release's git tag.",
        'a name that git takes with exactly one `{version}`, such as "v{version}"',
        _tag,
        default="v{version}",
    )
    branch: tuple[str, ...] = _key(
        "The branches that are released from, by name or pattern.",
        'a branch such as "main", or a list such as ["main", "release/*"]',
        _branch,
        default=("main",),
    )
    remote: str = _key(
        "The git remote that is pushed to.", 'the name of a git remote, such as "origin"', _remote, default="origin"
    )
    test: tuple[str, ...] = _key(
        "The command that must pass before anything public is done.",
        'a list of arguments, such as ["just", "test-code"]',
        _command,
        default=(),
    )
    smoke_test: tuple[str, ...] = _key(
        "The smoke test of the installed distributions: it is run in a clean environment on each Python, with"
        " the version as an argument, and `--plugin` with the library of each compiled `example`.",
        'a list of arguments, such as ["python", "python/smoke_test.py"]',
        _command,
        default=(),
    )
    repository: str | None = _key(
        "The GitHub repository that the registries trust.",
        'owner/name, such as "harvard-lil/binoc"',
        _repository,
        default=None,
    )
    workflow: str = _key(
        "The workflow file in `.github/workflows` that the registries trust.",
        'a bare file name ending in .yml or .yaml, such as "publish.yml"',
        _workflow,
        default="publish.yml",
    )
    artifacts: tuple[Artifact, ...] = field(
        default=(),
        metadata={
            "help": "What a release publishes: these artifacts and no others.",
            "allowed": "a table for each, under the heading [[tool.binoc-runbook.artifacts]]",
        },
    )

    def tag_of(self, version: Version | str) -> str:
        """Spell the tag of a release: `v0.4.0` for the version 0.4.0."""
        return self.tag.replace("{version}", str(version))

    def version_of(self, tag: str) -> str | None:
        """Read the version, in SemVer's spelling, from a tag; None for a tag that no release of this policy has."""
        match = re.fullmatch(re.escape(self.tag).replace(re.escape("{version}"), "(.+)"), tag)
        try:
            return Version.parse(match[1]).semver if match else None
        except VersionError:
            return None

    def allows_branch(self, name: str) -> bool:
        """Whether a branch may be released from; `*` in a pattern also matches `/`."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.branch)


def policy_keys(kind: type[Policy] | type[Artifact]) -> dict[str, Field[Any]]:
    """Return the fields that are keys of a table, by key; their metadata has `help`, and `allowed` values in words."""
    return {item.name.replace("_", "-"): item for item in fields(kind) if "help" in item.metadata}


#: Former names of keys.
RENAMED_KEYS = {"trial": "smoke-test"}


def normalised(registry: Registry, name: str) -> str:
    """Spell a name as its registry compares it: PEP 503 for PyPI; crates.io takes `-` and `_` for the same."""
    return re.sub(r"[-_.]+", "-", name).lower() if registry == "pypi" else name.replace("_", "-").lower()


_NOT_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$|^@$|(?:^|/)(?:[./]|$)|\.lock(?:/|$)")


def _be_a_ref(name: str, prefix: str) -> None:
    """Refuse what git refuses (git-check-ref-format), and what would name another thing than it says."""
    if name.startswith(("refs/", "-")) or name == "HEAD":
        raise PolicyValueError(f"would not name what it seems to; git puts it after `{prefix}` as it is")
    if _NOT_A_REF.search(name):
        raise PolicyValueError("is no name that git takes (git-check-ref-format)")


def type_name(value: object) -> str:
    """Return what TOML calls the type of a value, with its article."""
    names = {dict: "a table", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "a date or time")
