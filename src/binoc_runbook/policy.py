"""The promises of a repository about its releases: `[tool.binoc-runbook]` in the root's `pyproject.toml`.

The table says which artifacts exist, where each is published from and under which name, branch, tag and environment.
The checks compare the world with it. Each key is described, validated and given its default in one place, the field
of `Policy` or `Artifact` that holds it (`promised`), from which reference pages and schemas are made.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.version import Version, VersionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from binoc_runbook.workspace.manifest import Manifest

CHECK = "policy"
MANIFEST = "pyproject.toml"
TABLE = ("tool", "binoc-runbook")

Registry = Literal["pypi", "crates.io"]

#: The registries by their names for people.
NAMES: dict[str, str] = {"pypi": "PyPI", "crates.io": "crates.io"}

#: The manifest that a folder must hold to be published at a registry.
MANIFEST_OF: dict[Registry, str] = {"pypi": "pyproject.toml", "crates.io": "Cargo.toml"}


class PolicyError(ValueError):
    """The policy cannot be followed as it is written; `findings` says everything that is wrong with it, and where."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return str(self.findings)


class _WrongError(Exception):
    """A value that a key cannot have; the message says why, `instead` what to write where that is known."""

    def __init__(self, why: str, instead: str = "") -> None:
        super().__init__(why)
        self.instead = instead


# How each kind of value is read: the value as TOML gives it, to the value that the policy holds.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _WrongError(f"is {_type_of(value)}, not a string")
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise _WrongError("is empty, has white space around it or holds what cannot be shown")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _WrongError(f"is {_type_of(value)}, not a list of strings")
    return tuple(_text(item) for item in value)


def _tag(value: object) -> str:
    tag = _text(value)
    if (count := tag.count("{version}")) != 1:
        raise _WrongError(f"holds `{{version}}` {count} times")
    _be_a_ref(tag.replace("{version}", "0.4.0"), "refs/tags/")
    return tag


def _branch(value: object) -> tuple[str, ...]:
    patterns = (_text(value),) if isinstance(value, str) else _texts(value)
    if not patterns:
        raise _WrongError("is empty, so that nothing could be released")
    for pattern in patterns:
        _be_a_ref(re.sub(r"\[[^]]+\]|[*?]", "x", pattern), "refs/heads/")
    return patterns


def _remote(value: object) -> str:
    remote = _text(value)
    _be_a_ref(remote, "refs/remotes/")
    return remote


def _command(key: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            raise _WrongError("is one string, and no shell takes it apart", f"{key} = {json.dumps(value.split())}")
        command = _texts(value)
        if not command:
            raise _WrongError("is empty, so that it would test nothing")
        return command

    return read


def _repository(value: object) -> str:
    repository = _text(value)
    if re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/[A-Za-z0-9._-]+", repository) and not repository.endswith(".git"):
        return repository
    parts = re.findall(r"[A-Za-z0-9._-]+", repository.removesuffix(".git"))
    raise _WrongError("is not of the form owner/name", f'repository = "{"/".join(parts[-2:])}"' if parts[1:] else "")


def _workflow(value: object) -> str:
    workflow = _text(value)
    if re.search(r"[/\\]", workflow):
        raise _WrongError(
            "is a path; both registries match the bare name of the file",
            f'workflow = "{PureWindowsPath(workflow).name}"',
        )
    if not re.fullmatch(r"[^.].*\.ya?ml", workflow):
        raise _WrongError("is not the name of a workflow file")
    return workflow


def _registry(value: object) -> Registry:
    if not isinstance(value, str) or value not in MANIFEST_OF:
        raise _WrongError("is no registry that is known here")
    return value


def _path(value: object) -> str:
    path = _text(value)
    if "\\" in path or re.match("[A-Za-z]:", path) or path.startswith("/") or ".." in path.split("/"):
        raise _WrongError("is not a path below the root")
    return PurePosixPath(path).as_posix()


def _wheels(value: object) -> str:
    wheels = _text(value)
    if not re.fullmatch(r"cp(3[0-9]{1,2})-(?:abi3|cp\1)", wheels):
        raise _WrongError("is no pair of Python tag and ABI tag")
    return wheels


#: PEP 600 gives the older names as aliases; one platform has one spelling here.
_OLD_MANYLINUX = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def _platforms(value: object) -> tuple[str, ...]:
    platforms = _texts(value)
    for platform in platforms:
        if platforms.count(platform) > 1:
            raise _WrongError(f"names `{platform}` twice")
        old, _, machine = platform.partition("_")
        if new := _OLD_MANYLINUX.get(old):
            raise _WrongError(f"holds `{platform}`, the old name of `{new}_{machine}`", f"write `{new}_{machine}`")
        if not re.fullmatch(
            r"(?:many|musl)linux_[0-9]+_[0-9]+_[a-z0-9_]+"
            r"|macosx_[0-9]+_[0-9]+_(?:x86_64|arm64|universal2)"
            r"|win32|win_amd64|win_arm64",
            platform,
        ):
            raise _WrongError(f"holds `{platform}`, which is no platform tag that PyPI takes")
    return platforms


def _promise(about: str, allowed: str, read: Callable[[object], object]) -> dict[str, object]:
    return {"help": about, "allowed": allowed, "read": read}


@dataclass(frozen=True)
class Artifact:
    """One thing that a release publishes: what it is called, where, and from which folder.

    `source` is the place of its table in the policy; it takes no part in comparisons.
    """

    name: str = field(metadata=_promise("The name at the registry.", 'a name, such as "binoc"', _text))
    registry: Registry = field(
        metadata=_promise("The registry that it is published at.", '"pypi" or "crates.io"', _registry)
    )
    path: str = field(
        metadata=_promise("The folder of its manifest.", "a folder below the root, with forward slashes", _path)
    )
    environment: str | None = field(
        default=None,
        metadata=_promise(
            "The GitHub environment of its publish job, which no other artifact shares.",
            'the name of an environment, such as "pypi-binoc"',
            _text,
        ),
    )
    wheels: str | None = field(
        default=None,
        metadata=_promise(
            "The Python tag and the ABI tag of its wheels (PEP 425).", '"cp310-abi3" or "cp310-cp310"', _wheels
        ),
    )
    platforms: tuple[str, ...] = field(
        default=(),
        metadata=_promise(
            "The platform tags of its wheels, one wheel for each (PEP 425, PEP 600, PEP 656).",
            'tags such as "manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"',
            _platforms,
        ),
    )
    example: str | None = field(
        default=None,
        metadata=_promise(
            "The folder of a crate that uses this one as a stranger would; it is compiled with what was published.",
            'a folder below the root, such as "crates/binoc-row-reorder"',
            _path,
        ),
    )
    source: Place = field(default=Place(MANIFEST), compare=False)


@dataclass(frozen=True)
class Policy:
    """What a repository promises about its releases.

    `declared` says whether there is a table at all; without one the other fields are what is customary, no artifact
    is promised, and the checks say so. `source` is the place of the table; it takes no part in comparisons.
    """

    declared: bool = False
    source: Place = field(default=Place(MANIFEST), compare=False)
    tag: str = field(
        default="v{version}",
        metadata=_promise(
            "The name of a release's git tag.",
            'a name that git takes with exactly one `{version}`, such as "v{version}"',
            _tag,
        ),
    )
    branch: tuple[str, ...] = field(
        default=("main",),
        metadata=_promise(
            "The branches that are released from, by name or pattern.",
            'a branch such as "main", or a list such as ["main", "release/*"]',
            _branch,
        ),
    )
    remote: str = field(
        default="origin",
        metadata=_promise("The git remote that is pushed to.", 'the name of a git remote, such as "origin"', _remote),
    )
    test: tuple[str, ...] = field(
        default=(),
        metadata=_promise(
            "The command that must pass before anything public is done.",
            'a list of arguments, such as ["just", "test-code"]',
            _command("test"),
        ),
    )
    trial: tuple[str, ...] = field(
        default=(),
        metadata=_promise(
            "The command that tries the installed distributions: it is run in a clean environment on each Python, with"
            " the version as an argument, and `--plugin` with the library of each compiled `example`.",
            'a list of arguments, such as ["python", "python/trial.py"]',
            _command("trial"),
        ),
    )
    repository: str | None = field(
        default=None,
        metadata=_promise(
            "The GitHub repository that the registries trust.", 'owner/name, such as "harvard-lil/binoc"', _repository
        ),
    )
    workflow: str = field(
        default="publish.yml",
        metadata=_promise(
            "The workflow file in `.github/workflows` that the registries trust.",
            'a bare file name ending in .yml or .yaml, such as "publish.yml"',
            _workflow,
        ),
    )
    artifacts: tuple[Artifact, ...] = field(
        default=(),
        metadata={
            "help": "What a release publishes: these artifacts and no others.",
            "allowed": "a table for each, under the heading [[tool.binoc-runbook.artifacts]]",
        },
    )

    @classmethod
    def load(cls, root: Path) -> Policy:
        """Read the policy of the checkout at `root`; without a table, or without the file, `undeclared()`.

        Raises:
            PolicyError: With all that is wrong: what does not parse, unknown keys, wrong types, impossible values.
        """
        return _load(root)

    @classmethod
    def undeclared(cls) -> Policy:
        """Assume what is customary where nothing is promised."""
        return cls()

    def tag_of(self, version: Version | str) -> str:
        """Spell the tag of a release: `v0.4.0` for the version 0.4.0."""
        return self.tag.replace("{version}", str(version))

    def version_of(self, tag: str) -> str | None:
        """Read the version, in SemVer's spelling, from a tag; None for a tag that no release of this policy has."""
        before, _, after = self.tag.partition("{version}")
        if not (tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)):
            return None
        try:
            return Version.parse(tag[len(before) : len(tag) - len(after)]).semver
        except VersionError:
            return None

    def allows_branch(self, name: str) -> bool:
        """Whether a branch may be released from; `*` in a pattern also matches `/`."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.branch)


def promised(kind: type[Policy] | type[Artifact]) -> Iterator[Field[Any]]:
    """List the keys of a table: the fields whose metadata holds their `help`, and `allowed` values in words."""
    return (each for each in fields(kind) if "help" in each.metadata)


def normalised(registry: Registry, name: str) -> str:
    """Spell a name as its registry compares it: PEP 503 for PyPI; crates.io takes `-` and `_` for the same."""
    return re.sub(r"[-_.]+", "-", name).lower() if registry == "pypi" else name.replace("_", "-").lower()


def _load(root: Path) -> Policy:
    from binoc_runbook.workspace.manifest import Manifest  # here, so that whoever holds a policy need not read files

    if not (root / MANIFEST).exists():
        return Policy.undeclared()
    manifest = Manifest(root, MANIFEST)
    if manifest.problem:
        raise PolicyError(Findings([manifest.problem]))
    reader = _Reader(root, manifest)
    policy = reader.policy()
    if reader.findings:
        raise PolicyError(Findings(reader.findings))
    return policy


_At = tuple[str | int, ...]


class _Reader:
    """Reads one table and keeps everything that is wrong with it."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest
        self.findings: list[Finding] = []

    def refuse(self, at: _At, saw: str, remedy: str) -> None:
        self.findings.append(Finding.failed(CHECK, self.manifest.place(*at), saw, remedy))

    def policy(self) -> Policy:
        table: Mapping[str, object] = self.manifest.data
        for depth, key in enumerate(TABLE, 1):
            inner = table.get(key)
            if inner is None:
                return Policy.undeclared()
            if not isinstance(inner, dict):
                saw = f"`{'.'.join(TABLE[:depth])}` is {_type_of(inner)}, not a table"
                self.refuse(TABLE[:depth], saw, f"write it as a table, `[{'.'.join(TABLE)}]`")
                return Policy.undeclared()
            table = inner
        values = self.values(Policy, TABLE, table)
        artifacts = dict(self.artifacts(table.get("artifacts", [])))
        self.compare(artifacts)
        return Policy(declared=True, source=self.manifest.place(*TABLE), artifacts=tuple(artifacts.values()), **values)

    def artifacts(self, tables: object) -> Iterator[tuple[_At, Artifact]]:
        """Those artifacts of which enough could be read to ask further questions."""
        at: _At = (*TABLE, "artifacts")
        heading = f"write each under a heading of its own, `[[{'.'.join(map(str, at))}]]`"
        if not isinstance(tables, list):
            self.refuse(at, f"`artifacts` is {_type_of(tables)}, not a list of tables", heading)
            return
        for index, table in enumerate(tables):
            here: _At = (*at, index)
            if not isinstance(table, dict):
                self.refuse(here, f"an artifact is {_type_of(table)}, not a table", heading)
                continue
            values = self.values(Artifact, here, table)
            if values.keys() >= {each.name for each in promised(Artifact) if each.default is MISSING}:
                artifact = Artifact(source=self.manifest.place(*here), **values)
                self.check(here, artifact, table.keys())
                yield here, artifact

    def values(self, kind: type[Policy] | type[Artifact], at: _At, table: Mapping[str, object]) -> dict[str, Any]:
        """Read what can be read of one table, by key."""
        known = {each.name: each for each in promised(kind)}
        for key in table:
            if key not in known:
                self.refuse((*at, key), f"`{key}` is not a key of {_described(at)}", _nearest_key(key, list(known)))
        values = {}
        for key, each in known.items():
            if key in table and "read" in each.metadata:
                try:
                    values[key] = each.metadata["read"](table[key])
                except _WrongError as wrong:
                    saw = f"`{key} = {_shown(table[key])}` {wrong}"
                    self.refuse((*at, key), saw, wrong.instead or f"write {each.metadata['allowed']}")
            elif key not in table and each.default is MISSING:
                self.refuse(at, f"{_described(at)} has no `{key}`", f"add `{key}`: {each.metadata['allowed']}")
        return values

    def check(self, at: _At, artifact: Artifact, given: Collection[str]) -> None:
        """Ask what the keys that are given for one artifact say together, and about the checkout."""
        name, registry, path = artifact.name, artifact.registry, artifact.path
        manifest = MANIFEST_OF[registry]
        if not re.fullmatch(_NAME[registry], name):
            self.refuse(
                (*at, "name"), f"`{name}` is no name that {NAMES[registry]} takes", f"write {_NAME_SAID[registry]}"
            )
        folder, name_it = self.root / path, f"write the folder of `{name}`'s {manifest}, from the root"
        if not folder.resolve().is_relative_to(self.root.resolve()):
            self.refuse((*at, "path"), f"`{path}` leads out of the checkout", name_it)
        elif not folder.is_dir():
            self.refuse((*at, "path"), f"there is no folder `{path}`", name_it)
        elif not (folder / manifest).is_file():
            self.refuse((*at, "path"), f"there is no {manifest} in `{path}`", name_it)
        if registry == "crates.io":
            for key in ("wheels", "platforms"):
                if getattr(artifact, key):
                    self.refuse(
                        (*at, key), f"`{key}` is given for the crate `{name}`, which has none", f"delete `{key}`"
                    )
        elif "platforms" in given and "wheels" not in given:
            saw = f"`platforms` is given without `wheels`, so nobody knows which wheels `{name}` has on them"
            self.refuse((*at, "platforms"), saw, 'add `wheels`, such as "cp310-abi3"')
        if artifact.example is not None:
            self.check_example((*at, "example"), artifact, artifact.example)

    def check_example(self, at: _At, artifact: Artifact, example: str) -> None:
        """Ask whether an example is a crate of this checkout, and belongs to one."""
        if artifact.registry != "crates.io":
            saw = f"`example` is given for the distribution `{artifact.name}`; it is compiled with a crate"
            self.refuse(at, saw, "delete `example`; the command `trial` tries distributions")
        elif not (self.root / example).resolve().is_relative_to(self.root.resolve()):
            self.refuse(at, f"`{example}` leads out of the checkout", "write the folder of a crate, from the root")
        elif not (self.root / example / "Cargo.toml").is_file():
            self.refuse(at, f"there is no Cargo.toml in `{example}`", "write the folder of a crate, from the root")

    def compare(self, artifacts: Mapping[_At, Artifact]) -> None:
        """Ask for what two artifacts may not share."""
        names: dict[tuple[Registry, str], Artifact] = {}
        paths: dict[tuple[Registry, str], Artifact] = {}
        environments: dict[str, Artifact] = {}
        for at, artifact in artifacts.items():
            name, registry = artifact.name, artifact.registry
            first = names.setdefault((registry, normalised(registry, name)), artifact)
            if first is not artifact:
                saw = f"`{name}` is to {NAMES[registry]} the same name as `{first.name}` in {first.source}"
                self.refuse((*at, "name"), saw, "rename one of the two artifacts, or delete it")
                continue
            first = paths.setdefault((registry, artifact.path), artifact)
            if first is not artifact:
                saw = f"`{artifact.path}` is the folder of `{first.name}` too"
                self.refuse(
                    (*at, "path"), saw, f"write the folder of `{name}`'s {MANIFEST_OF[registry]}, from the root"
                )
            if artifact.environment is None:
                continue
            # PyPI finds the publisher of a project that does not exist yet by repository, workflow and environment,
            # and refuses a second one; names of environments differ by more than case at GitHub and at PyPI.
            first = environments.setdefault(artifact.environment.casefold(), artifact)
            if first is not artifact:
                saw = (
                    f"`{artifact.environment}` is the environment of `{first.name}` too; a registry trusts one for each"
                )
                own = f"{'pypi' if registry == 'pypi' else 'crates'}-{normalised(registry, name)}"
                self.refuse((*at, "environment"), saw, f'write a name of its own, such as "{own}"')


_NAME: dict[Registry, str] = {
    "pypi": r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    "crates.io": r"[A-Za-z][A-Za-z0-9_-]{0,63}",
}
_NAME_SAID: dict[Registry, str] = {
    "pypi": "letters and digits with `-`, `_` and `.` between them",
    "crates.io": "up to 64 letters, digits, `-` and `_`, a letter first",
}


def _be_a_ref(name: str, prefix: str) -> None:
    """Refuse what git refuses (git-check-ref-format), and what would name another thing than it says."""
    if name.startswith(("refs/", "-")) or name == "HEAD":
        raise _WrongError(f"would not name what it seems to; git puts it after `{prefix}` as it is")
    parts = name.split("/")
    if (
        re.search(r"[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$", name)
        or name == "@"
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    ):
        raise _WrongError("is no name that git takes (git-check-ref-format)")


def _described(at: _At) -> str:
    return "the policy" if at == TABLE else "an artifact"


def _nearest_key(key: str, known: list[str]) -> str:
    import difflib  # only who misspells a key pays for it

    near = difflib.get_close_matches(key, known, 1)
    listed = ", ".join(f"`{each}`" for each in known)
    return f"write `{near[0]}`; the keys are {listed}" if near else f"delete it; the keys are {listed}"


def _type_of(value: object) -> str:
    names = {dict: "a table", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "a date or time")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:80]}…"
