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
from binoc_runbook.workspace.manifest import Manifest


def read_policy(root: Path) -> Policy:
    """Read the policy of the checkout at `root`; without a table, or without the file, `Policy()`.

    Raises:
        RefusedError: With all that is wrong: what does not parse, unknown keys, wrong types, impossible values.
    """
    if not (root / MANIFEST).exists():
        return Policy()
    manifest = Manifest(root, MANIFEST)
    reader = _PolicyReader(root, manifest)
    policy = reader.policy()
    findings = [manifest.problem] if manifest.problem else reader.findings
    if findings:
        raise RefusedError("the policy of this checkout was refused, and nothing was done", findings)
    return policy


_At = tuple[str | int, ...]


class _PolicyReader:
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
                return Policy()
            if not isinstance(inner, dict):
                saw = f"`{'.'.join(TABLE[:depth])}` is {type_name(inner)}, not a table"
                self.refuse(TABLE[:depth], saw, f"write it as a table, `[{'.'.join(TABLE)}]`")
                return Policy()
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
            self.refuse(at, f"`artifacts` is {type_name(tables)}, not a list of tables", heading)
            return
        for index, table in enumerate(tables):
            here: _At = (*at, index)
            if not isinstance(table, dict):
                self.refuse(here, f"an artifact is {type_name(table)}, not a table", heading)
                continue
            values = self.values(Artifact, here, table)
            if values.keys() >= {key for key, item in policy_keys(Artifact).items() if item.default is MISSING}:
                artifact = Artifact(source=self.manifest.place(*here), **values)
                self.check(here, artifact, table.keys())
                yield here, artifact

    def values(self, kind: type[Policy] | type[Artifact], at: _At, table: Mapping[str, object]) -> dict[str, Any]:
        """Read what can be read of one table, by key."""
        known = policy_keys(kind)
        for key in table:
            if key not in known:
                self.refuse((*at, key), f"`{key}` is not a key of {_described(at)}", _nearest_key(key, list(known)))
        values = {}
        for key, item in known.items():
            if key in table and "read" in item.metadata:
                try:
                    values[item.name] = item.metadata["read"](table[key])
                except PolicyValueError as wrong:
                    saw = f"`{key} = {_shown(table[key])}` {wrong}"
                    instead = f"{key} = {json.dumps(wrong.instead)}" if wrong.instead else item.metadata["allowed"]
                    self.refuse((*at, key), saw, f"write {instead}")
            elif key not in table and item.default is MISSING:
                self.refuse(at, f"{_described(at)} has no `{key}`", f"add `{key}`: {item.metadata['allowed']}")
        return values

    def check(self, at: _At, artifact: Artifact, given: Collection[str]) -> None:
        """Ask what the keys that are given for one artifact say together, and about the checkout."""
        name, registry = artifact.name, artifact.registry
        pattern, described = _NAME[registry]
        if not re.fullmatch(pattern, name):
            self.refuse((*at, "name"), f"`{name}` is no name that {NAMES[registry]} takes", f"write {described}")
        self.check_directory((*at, "path"), artifact.path, MANIFEST_OF[registry], _where(artifact))
        if registry == "crates.io":
            for key in ("wheels", "platforms"):
                if getattr(artifact, key):
                    saw = f"`{key}` is given for the crate `{name}`, which has none"
                    self.refuse((*at, key), saw, f"delete `{key}`")
        elif "platforms" in given and "wheels" not in given:
            saw = f"`platforms` is given without `wheels`, so nobody knows which wheels `{name}` has on them"
            self.refuse((*at, "platforms"), saw, 'add `wheels`, such as "cp310-abi3"')
        if artifact.example is None:
            return
        if registry != "crates.io":
            saw = f"`example` is given for the distribution `{name}`; it is compiled with a crate"
            remedy = "delete `example`; `smoke-test` is the command for distributions"
            self.refuse((*at, "example"), saw, remedy)
        else:
            remedy = "write the directory of a crate, from the root"
            self.check_directory((*at, "example"), artifact.example, MANIFEST_OF[registry], remedy)

    def check_directory(self, at: _At, directory: str, manifest: str, remedy: str) -> None:
        """Ask whether a directory lies in the checkout and holds a manifest."""
        if not (self.root / directory).resolve().is_relative_to(self.root.resolve()):
            self.refuse(at, f"`{directory}` leads out of the checkout", remedy)
        elif not (self.root / directory / manifest).is_file():
            self.refuse(at, f"there is no {manifest} in `{directory}`", remedy)

    def compare(self, artifacts: Mapping[_At, Artifact]) -> None:
        """Ask for what two artifacts may not share."""
        owners: dict[tuple[str, ...], Artifact] = {}
        for at, artifact in artifacts.items():
            name, registry = normalised(artifact.registry, artifact.name), artifact.registry
            own = f"{'pypi' if registry == 'pypi' else 'crates'}-{name}"
            shared: list[tuple[tuple[str, ...], str]] = [
                (("name", registry, name), "rename one of the two artifacts, or delete it"),
                (("path", registry, artifact.path), _where(artifact)),
            ]
            if artifact.environment is not None:
                # PyPI finds the publisher of a project that does not exist yet by repository, workflow and environment,
                # and refuses a second one; names of environments differ by more than case at GitHub and at PyPI.
                remedy = f'write a name of its own, such as "{own}", because a registry trusts one for each'
                shared.append((("environment", artifact.environment.casefold()), remedy))
            for identity, remedy in shared:
                key, first = identity[0], owners.setdefault(identity, artifact)
                if first is not artifact:
                    saw = f"`{getattr(artifact, key)}` is the {key} of `{first.name}` in {first.source} too"
                    self.refuse((*at, key), saw, remedy)
                    break


_NAME: dict[Registry, tuple[str, str]] = {
    "pypi": (
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        "letters and digits with `-`, `_` and `.` between them",
    ),
    "crates.io": (r"[A-Za-z][A-Za-z0-9_-]{0,63}", "up to 64 letters, digits, `-` and `_`, a letter first"),
}


def _where(artifact: Artifact) -> str:
    return f"write the directory of `{artifact.name}`'s {MANIFEST_OF[artifact.registry]}, from the root"


def _described(at: _At) -> str:
    return "the policy" if at == TABLE else "an artifact"


def _nearest_key(key: str, known: list[str]) -> str:
    import difflib  # only who misspells a key pays for it

    near = [RENAMED_KEYS[key]] if RENAMED_KEYS.get(key) in known else difflib.get_close_matches(key, known, 1)
    listed = ", ".join(f"`{name}`" for name in known)
    return f"write `{near[0]}`; the keys are {listed}" if near else f"delete it; the keys are {listed}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:80]}…"
