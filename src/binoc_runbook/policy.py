"""The release policy of a repository: the table `[tool.binoc-runbook]` of the `pyproject.toml` at its root.

It declares the artifacts of a release, with their registries, names, directories and environments, and the branch and
tag. The checks compare the repository with it. The field of `Policy` or `Artifact` that holds a key also has its
description, validator and default (`policy_keys`). The reference page and the schema are generated from these fields.
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

#: The display names of the registries.
NAMES: dict[str, str] = {"pypi": "PyPI", "crates.io": "crates.io"}

#: The manifest that each registry requires in the directory of an artifact.
MANIFEST_OF: dict[Registry, str] = {"pypi": "pyproject.toml", "crates.io": "Cargo.toml"}


class PolicyValueError(ValueError):
    """An invalid value of a key, with the reason; `suggestion` is a valid value with the same meaning, if known."""

    def __init__(self, reason: str, suggestion: str | list[str] = "") -> None:
        super().__init__(reason)
        self.suggestion = suggestion


# Validators: each takes a value of `tomllib` and returns the value of the policy.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PolicyValueError(f"is {type_name(value)}, not a string")
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise PolicyValueError("is empty, or has white space around it or unprintable characters in it")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PolicyValueError("is not a list of strings")
    return tuple(_text(item) for item in value)


def _tag(value: object) -> str:
    tag = _text(value)
    if (count := tag.count("{version}")) != 1:
        raise PolicyValueError(f"contains `{{version}}` {count} times")
    _validate_ref(tag.replace("{version}", "0.4.0"), "refs/tags/")
    return tag


def _branch(value: object) -> tuple[str, ...]:
    patterns = (_text(value),) if isinstance(value, str) else _texts(value)
    if not patterns:
        raise PolicyValueError("is empty, so no branch can be released")
    for pattern in patterns:
        _validate_ref(re.sub(r"\[[^]]+\]|[*?]", "x", pattern), "refs/heads/")
    return patterns


def _remote(value: object) -> str:
    remote = _text(value)
    _validate_ref(remote, "refs/remotes/")
    return remote


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise PolicyValueError("is a string, not a list; commands run without a shell", value.split())
    command = _texts(value)
    if not command:
        raise PolicyValueError("is an empty command")
    return command


def _variables(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        if not re.fullmatch(r"[A-Za-z_*?][A-Za-z0-9_*?]*", pattern):
            raise PolicyValueError(f"lists `{pattern}`, which is not the name of an environment variable or a pattern")
        if fnmatch.fnmatchcase("PATH", pattern.upper()):
            raise PolicyValueError(f"lists `{pattern}`, which also hides `PATH`")
    return patterns


def _repository(value: object) -> str:
    repository = _text(value)
    if re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/[A-Za-z0-9._-]+", repository) and not repository.endswith(".git"):
        return repository
    parts = re.findall(r"[A-Za-z0-9._-]+", repository.removesuffix(".git"))
    raise PolicyValueError("is not of the form owner/name", "/".join(parts[-2:]) if parts[1:] else "")


def _workflow(value: object) -> str:
    workflow = _text(value)
    if re.search(r"[/\\]", workflow):
        raise PolicyValueError("is a path; the registries expect a file name", PureWindowsPath(workflow).name)
    if not re.fullmatch(r"[^.].*\.ya?ml", workflow):
        raise PolicyValueError("is not the name of a workflow file")
    return workflow


def _registry(value: object) -> Registry:
    if not isinstance(value, str) or value not in MANIFEST_OF:
        raise PolicyValueError("is not a known registry")
    return value


def _path(value: object) -> str:
    path = _text(value)
    if "\\" in path or re.match("[A-Za-z]:", path) or path.startswith("/") or ".." in path.split("/"):
        raise PolicyValueError("is not a relative path inside the repository")
    return PurePosixPath(path).as_posix()


def _wheels(value: object) -> str:
    wheels = _text(value)
    if not re.fullmatch(r"cp(3[0-9]{1,2})-(?:abi3|cp\1)", wheels):
        raise PolicyValueError("must be a Python tag and an ABI tag")
    return wheels


#: The legacy names of PEP 600. A policy uses the current ones, so that each platform has one spelling.
_OLD_MANYLINUX = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def _platforms(value: object) -> tuple[str, ...]:
    platforms = _texts(value)
    for platform in platforms:
        if platforms.count(platform) > 1:
            raise PolicyValueError(f"lists `{platform}` twice")
        old, _, machine = platform.partition("_")
        if new := _OLD_MANYLINUX.get(old):
            suggestion = [f"{new}_{machine}" if other == platform else other for other in platforms]
            raise PolicyValueError(f"lists `{platform}`, the legacy name of `{new}_{machine}`", suggestion)
        if not re.fullmatch(
            r"(?:many|musl)linux_[0-9]+_[0-9]+_[a-z0-9_]+"
            r"|macosx_[0-9]+_[0-9]+_(?:x86_64|arm64|universal2)"
            r"|win32|win_amd64|win_arm64",
            platform,
        ):
            raise PolicyValueError(f"lists `{platform}`, which is not a platform tag that PyPI accepts")
    return platforms


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise PolicyValueError(f"is {type_name(value)}, not a boolean")
    return value


#: The labels of project URLs that have a key in a `Cargo.toml`.
CARGO_URLS = ("documentation", "homepage", "repository")


def normalised_label(label: str) -> str:
    """Normalize the label of a project URL for comparison (PyPA specification, *Well-known Project URLs*)."""
    return re.sub(r"[\s!-/:-@\[-`{-~]", "", label).lower()


def _labels(value: object) -> tuple[str, ...]:
    labels = _texts(value)
    for label in labels:
        if not normalised_label(label) or len(label) > 32:
            raise PolicyValueError(f"lists `{label}`, which is not a label of 1 to 32 characters")
    return labels


def _address(value: object) -> str:
    address = _text(value)
    if not re.fullmatch(r"https://[^/?#\s]+(?:/[^?#\s]*)?", address):
        raise PolicyValueError("is not an https address without a query")
    if not address.endswith("/"):
        raise PolicyValueError("does not end with a slash", f"{address}/")
    return address


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PolicyValueError(f"is {type_name(value)}, not a number of seconds")
    if not 0 < value <= 24 * 3600:
        raise PolicyValueError("is not more than 0 and at most 86400 seconds")
    return float(value)


def _key(about: str, allowed: str, read: Callable[[object], object], default: object = MISSING) -> Any:
    """Return a field that is a key of a table."""
    return field(default=default, metadata={"help": about, "allowed": allowed, "read": read})


@dataclass(frozen=True)
class Artifact:
    """A Python distribution or a crate that a release publishes.

    `source` is the place of its table in the policy. Comparisons ignore it.
    """

    name: str = _key("The name at the registry.", 'a name, such as "binoc"', _text)
    registry: Registry = _key(  # noqa: RUF009 - it returns a field
        "The registry to publish to.", '"pypi" or "crates.io"', _registry
    )
    path: str = _key(
        "The directory of its manifest.", "a directory relative to the repository root, with forward slashes", _path
    )
    environment: str | None = _key(
        "The GitHub environment of its publish job. Each artifact has a different one.",
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
        "The platform tags of its wheels, one for each wheel (PEP 425, PEP 600, PEP 656).",
        'tags such as "manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"',
        _platforms,
        default=(),
    )
    third_party_notices: bool = _key(
        "Whether the sdist and the wheels contain the licences of all linked crates, in `LICENSE-THIRD-PARTY.txt`, and"
        " an SBOM of the SQLite that they bundle.",
        "true or false",
        _flag,
        default=False,
    )
    example: str | None = _key(
        "The directory of an example crate that depends on this one. It is compiled with the published version.",
        'a directory relative to the repository root, such as "crates/binoc-row-reorder"',
        _path,
        default=None,
    )
    source: Place = field(default=Place(MANIFEST), compare=False)


@dataclass(frozen=True)
class Policy:
    """The release policy of a repository, with one field for each key.

    `declared` is false if there is no policy table. The other fields then have their defaults, without
    artifacts, and the checks report this. `source` is the place of the table. Comparisons ignore it.
    """

    declared: bool = False
    source: Place = field(default=Place(MANIFEST), compare=False)
    tag: str = _key(
        "The name of the git tag of a release.",
        'a valid git tag name with exactly one `{version}`, such as "v{version}"',
        _tag,
        default="v{version}",
    )
    branch: tuple[str, ...] = _key(
        "The release branches, by name or pattern.",
        'a branch such as "main", or a list such as ["main", "release/*"]',
        _branch,
        default=("main",),
    )
    remote: str = _key(
        "The git remote to push to.", 'the name of a git remote, such as "origin"', _remote, default="origin"
    )
    test: tuple[str, ...] = _key(
        "The test command. It must pass before the first public step.",
        'a list of arguments, such as ["just", "test-code"]',
        _command,
        default=(),
    )
    hidden_variables: tuple[str, ...] = _key(
        "Environment variables that the test command does not get, by name or pattern, in addition to the variables for"
        " credentials, publishing and deployment.",
        'a list such as ["DATABASE_URL", "MY_*"]',
        _variables,
        default=(),
    )
    smoke_test: tuple[str, ...] = _key(
        "The smoke test of the installed distributions. It runs in a clean environment for each Python, with the"
        " version as an argument, and with `--plugin` and the library of each compiled `example`.",
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
        'a file name ending in .yml or .yaml, such as "publish.yml"',
        _workflow,
        default="publish.yml",
    )
    project_urls: tuple[str, ...] = _key(
        "The labels of the URLs that each artifact must have. A crate needs only `Documentation`, `Homepage` and"
        " `Repository` of them.",
        'a list such as ["Changelog", "Documentation", "Repository"]',
        _labels,
        default=(),
    )
    site: str | None = _key(
        "The address of the documentation site, for canonical URLs, the sitemap and previews. The variable"
        " `READTHEDOCS_CANONICAL_URL` of a host replaces it.",
        'an https address with a slash at the end, such as "https://harvard-lil.github.io/binoc/"',
        _address,
        default=None,
    )
    push_timeout: float = _key(
        "The timeout of a push, and of the creation of a tag with its signature. Afterwards the remote is observed.",
        "a number of seconds, such as 600",
        _seconds,
        default=600.0,
    )
    query_timeout: float = _key(
        "The timeout of a query of the remote. Afterwards the result is *unknown*.",
        "a number of seconds, such as 60",
        _seconds,
        default=60.0,
    )
    start_timeout: float = _key(
        "The time in which GitHub must start the workflow after the tag is pushed. Afterwards the release fails.",
        "a number of seconds, such as 90",
        _seconds,
        default=90.0,
    )
    artifacts: tuple[Artifact, ...] = field(
        default=(),
        metadata={
            "help": "The artifacts of a release. Nothing else can be published.",
            "allowed": "one table [[tool.binoc-runbook.artifacts]] for each artifact",
        },
    )

    def tag_of(self, version: Version | str) -> str:
        """Return the tag name of a release: `v0.4.0` for the version 0.4.0."""
        return self.tag.replace("{version}", str(version))

    def version_of(self, tag: str) -> str | None:
        """Return the version of a tag name in the SemVer spelling, or None if it is not a release tag."""
        match = re.fullmatch(re.escape(self.tag).replace(re.escape("{version}"), "(.+)"), tag)
        try:
            return Version.parse(match[1]).semver if match else None
        except VersionError:
            return None

    def allows_branch(self, name: str) -> bool:
        """Return whether a branch is a release branch; `*` in a pattern also matches `/`."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.branch)


def policy_keys(kind: type[Policy] | type[Artifact]) -> dict[str, Field[Any]]:
    """Return the fields that are keys of a table, by key; `help` and `allowed` of their metadata are for readers."""
    return {item.name.replace("_", "-"): item for item in fields(kind) if "help" in item.metadata}


#: Former names of keys.
RENAMED_KEYS = {"trial": "smoke-test"}


def normalised(registry: Registry, name: str) -> str:
    """Normalize a name for comparison: PEP 503 for PyPI; crates.io treats `-` and `_` as equal."""
    return re.sub(r"[-_.]+", "-", name).lower() if registry == "pypi" else name.replace("_", "-").lower()


_NOT_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$|^@$|(?:^|/)(?:[./]|$)|\.lock(?:/|$)")


def _validate_ref(name: str, prefix: str) -> None:
    """Validate a name with the rules of git-check-ref-format; also refuse names with a special meaning."""
    if name.startswith("refs/"):
        raise PolicyValueError(f'must not start with "refs/"; git adds "{prefix}" itself')
    if name.startswith("-") or name == "HEAD":
        raise PolicyValueError('must not start with "-" or be "HEAD"')
    if _NOT_A_REF.search(name):
        raise PolicyValueError("is not a valid git ref name (git-check-ref-format)")


def type_name(value: object) -> str:
    """Return the TOML type of a value, with its article."""
    names = {dict: "a table", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "a date or time")
