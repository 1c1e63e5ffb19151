"""Read the policy table of a checkout: `[tool.binoc-runbook]` in the `pyproject.toml` at its root."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import (
    CHECK,
    MANIFEST,
    MANIFEST_OF,
    NAMES,
    RENAMED_KEYS,
    TABLE,
    Artifact,
    Policy,
    PolicyValueError,
    Registry,
    normalised,
    policy_keys,
    type_name,
)
from binoc_runbook.version import shortened
from binoc_runbook.workspace.manifest import Manifest


def read_policy(root: Path) -> Policy:
    """Read the policy of the checkout at `root`; without a table or a file, return `Policy()`.

    Raises:
        RefusedError: The TOML, a key, a type or a value is invalid; the findings list all errors.
    """
    if not (root / MANIFEST).exists():
        return Policy()
    manifest = Manifest(root, MANIFEST)
    reader = _PolicyReader(root, manifest)
    policy = reader.policy()
    findings = [manifest.problem] if manifest.problem else reader.findings
    if findings:
        raise RefusedError("the policy is invalid; nothing was done", findings)
    return policy


_At = tuple[str | int, ...]


class _PolicyReader:
    """Reader of one policy table; `findings` collects its errors."""

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
                return Policy()
            if not isinstance(inner, dict):
                saw = f"`{'.'.join(TABLE[:depth])}` is {type_name(inner)}, not a table"
                self.refuse(TABLE[:depth], saw, f"write the policy as a table, `[{'.'.join(TABLE)}]`")
                return Policy()
            table = inner
        values = self.values(Policy, TABLE, table)
        artifacts = dict(self.artifacts(table.get("artifacts", [])))
        self.compare(artifacts)
        return Policy(declared=True, source=self.manifest.place(*TABLE), artifacts=tuple(artifacts.values()), **values)

    def artifacts(self, tables: object) -> Iterator[tuple[_At, Artifact]]:
        """Yield the artifacts whose required keys are valid, with their positions."""
        at: _At = (*TABLE, "artifacts")
        remedy = f"write one table `[[{'.'.join(map(str, at))}]]` for each artifact"
        if not isinstance(tables, list):
            self.refuse(at, f"`artifacts` is {type_name(tables)}, not a list of tables", remedy)
            return
        for index, table in enumerate(tables):
            here: _At = (*at, index)
            if not isinstance(table, dict):
                self.refuse(here, f"an artifact is {type_name(table)}, not a table", remedy)
                continue
            values = self.values(Artifact, here, table)
            if values.keys() >= {key for key, item in policy_keys(Artifact).items() if item.default is MISSING}:
                artifact = Artifact(source=self.manifest.place(*here), **values)
                self.check(here, artifact, table.keys())
                yield here, artifact

    def values(self, kind: type[Policy] | type[Artifact], at: _At, table: Mapping[str, object]) -> dict[str, Any]:
        """Return the valid values of one table by field name."""
        known = policy_keys(kind)
        for key in table:
            if key not in known:
                self.refuse((*at, key), f"unknown key `{key}` in {_described(at)}", _nearest_key(key, list(known)))
        values = {}
        for key, item in known.items():
            if key in table and "read" in item.metadata:
                try:
                    values[item.name] = item.metadata["read"](table[key])
                except PolicyValueError as error:
                    remedy = f"set `{key}` to {item.metadata['allowed']}"
                    if error.suggestion:
                        remedy = f"write `{key} = {json.dumps(error.suggestion)}`"
                    self.refuse((*at, key), f"`{key} = {_shown(table[key])}` {error}", remedy)
            elif key not in table and item.default is MISSING:
                self.refuse(at, f"`{key}` is missing in {_described(at)}", f"add `{key}`: {item.metadata['allowed']}")
        return values

    def check(self, at: _At, artifact: Artifact, given: Collection[str]) -> None:
        """Check that the keys of one artifact agree with each other and with the checkout."""
        name, registry = artifact.name, artifact.registry
        pattern, described = _NAME[registry]
        if not re.fullmatch(pattern, name):
            self.refuse((*at, "name"), f"`{name}` is not a valid name on {NAMES[registry]}", f"use {described}")
        self.check_directory((*at, "path"), artifact.path, MANIFEST_OF[registry], _path_remedy(artifact))
        if registry == "crates.io":
            for key in ("wheels", "platforms", "third-party-notices"):
                if getattr(artifact, key.replace("-", "_")):
                    saw = f"`{key}` is set for the crate `{name}`; only Python distributions have wheels"
                    self.refuse((*at, key), saw, f"delete `{key}`")
        elif "platforms" in given and "wheels" not in given:
            saw = f"`platforms` is set without `wheels`, so the wheel names of `{name}` are unknown"
            self.refuse((*at, "platforms"), saw, 'add `wheels`, such as "cp310-abi3"')
        if artifact.example is None:
            return
        if registry != "crates.io":
            saw = f"`example` is set for the distribution `{name}`; only crates have examples"
            self.refuse((*at, "example"), saw, "delete `example`; test distributions with `smoke-test`")
        else:
            remedy = "set `example` to the directory of a crate, relative to the repository root"
            self.check_directory((*at, "example"), artifact.example, MANIFEST_OF[registry], remedy)

    def check_directory(self, at: _At, directory: str, manifest: str, remedy: str) -> None:
        """Check that a directory is inside the checkout and contains a manifest."""
        if not (self.root / directory).resolve().is_relative_to(self.root.resolve()):
            self.refuse(at, f"`{directory}` is outside the checkout", remedy)
        elif not (self.root / directory / manifest).exists():
            self.refuse(at, f"`{directory}` has no {manifest}", remedy)

    def compare(self, artifacts: Mapping[_At, Artifact]) -> None:
        """Check that no two artifacts have the same name, path or environment."""
        owners: dict[tuple[str, ...], Artifact] = {}
        for at, artifact in artifacts.items():
            name, registry = normalised(artifact.registry, artifact.name), artifact.registry
            own = f"{'pypi' if registry == 'pypi' else 'crates'}-{name}"
            shared: list[tuple[tuple[str, ...], str]] = [
                (("name", registry, name), "rename one of the two artifacts, or delete it"),
                (("path", registry, artifact.path), _path_remedy(artifact)),
            ]
            if artifact.environment is not None:
                # PyPI identifies a pending publisher by repository, workflow and environment, and refuses a duplicate.
                # GitHub and PyPI compare names of environments without regard to case.
                remedy = f'set `environment` to a name that no other artifact has, such as "{own}"'
                shared.append((("environment", artifact.environment.casefold()), remedy))
            for identity, remedy in shared:
                key, first = identity[0], owners.setdefault(identity, artifact)
                if first is not artifact:
                    saw = f"`{getattr(artifact, key)}` is also the {key} of `{first.name}` in `{first.source}`"
                    self.refuse((*at, key), saw, remedy)
                    break


_NAME: dict[Registry, tuple[str, str]] = {
    "pypi": (
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        "letters and digits, with `-`, `_` and `.` only between them",
    ),
    "crates.io": (r"[A-Za-z][A-Za-z0-9_-]{0,63}", "up to 64 letters, digits, `-` and `_`, starting with a letter"),
}


def _path_remedy(artifact: Artifact) -> str:
    manifest = MANIFEST_OF[artifact.registry]
    return f"set `path` to the directory of the {manifest} of `{artifact.name}`, relative to the repository root"


def _described(at: _At) -> str:
    return "the policy" if at == TABLE else "an artifact"


def _nearest_key(key: str, known: list[str]) -> str:
    import difflib  # needed only for unknown keys

    near = [RENAMED_KEYS[key]] if RENAMED_KEYS.get(key) in known else difflib.get_close_matches(key, known, 1)
    listed = ", ".join(f"`{name}`" for name in known)
    return f"{f'rename it to `{near[0]}`' if near else 'delete it'}; the keys are {listed}"


def _shown(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str), 80)
