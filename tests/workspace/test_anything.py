"""Arbitrary manifests and arbitrary output of cargo never raise exceptions."""

from __future__ import annotations

from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from binoc_runbook.checks.surface import surface
from binoc_runbook.checks.sync import sync
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.cargo_metadata import CargoMetadata, CargoPackage
from binoc_runbook.workspace.edit import plan

DECLARED = Policy(declared=True, artifacts=(Artifact("a", "crates.io", "a"), Artifact("a", "pypi", "a")))

words = st.sampled_from(
    [
        "a",
        "b",
        "",
        "0.4.0",
        "=0.4",
        ">=0.4.0,<0.5",
        "*",
        "..",
        "../a",
        "a/*",
        "[",
        "**",
        "/",
        "a==0.4.0",
        "a[x]>=0; x",
        "\0",
        "x" * 300,
        "é",
    ]
)
scalars = st.one_of(words, st.booleans(), st.integers(-1, 1), st.floats(allow_nan=False), st.dates())
keys = st.sampled_from(["workspace", "version", "path", "package", "name", "publish", "a", "dependencies", "x y", ""])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def tables(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, anything))


dependencies = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), anything | tables("path", "version", "workspace", "package")
)
package = anything | st.fixed_dictionaries(
    {"name": words}, optional=dict.fromkeys(("version", "publish", "workspace", "edition"), anything)
)
cargo = st.fixed_dictionaries(
    {},
    optional={
        "package": package,
        "workspace": anything
        | st.fixed_dictionaries(
            {}, optional={"members": anything, "exclude": anything, "package": anything, "dependencies": dependencies}
        ),
        "dependencies": anything | dependencies,
        "dev-dependencies": anything | dependencies,
        "target": anything | st.dictionaries(words, st.dictionaries(st.just("dependencies"), dependencies)),
    },
)
python = st.fixed_dictionaries(
    {},
    optional={
        "project": anything
        | st.fixed_dictionaries(
            {"name": words},
            optional=dict.fromkeys(
                ("version", "dynamic", "classifiers", "dependencies", "optional-dependencies"), anything
            ),
        ),
        "build-system": anything | tables("build-backend", "requires"),
        "tool": anything | st.fixed_dictionaries({"maturin": anything | tables("manifest-path")}),
        "dependency-groups": anything,
    },
)
paths = st.sampled_from(["Cargo.toml", "a/Cargo.toml", "a/b/Cargo.toml", "../Cargo.toml", "pyproject.toml", "", "\0"])
reports = st.builds(
    CargoMetadata,
    root=st.sampled_from(["", "a", "b", "..", "\0"]),
    packages=st.lists(
        st.builds(
            CargoPackage,
            name=words,
            manifest=paths,
            version=words,
            publish=st.none() | st.lists(words, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    error=st.sampled_from(["", "", "error: no", "error: current package believes it's in a workspace when it's not:"]),
)
lock = st.text(alphabet='[]package="\n 0.4a', max_size=80) | st.just('[[package]]\nname = "a"\nversion = ""\n')


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Cargo.toml": cargo,
            "a/Cargo.toml": cargo,
            "a/b/Cargo.toml": cargo,
            "pyproject.toml": python,
            "a/pyproject.toml": python,
        },
    ),
    lock,
    st.fixed_dictionaries({"Cargo.toml": reports, "a/Cargo.toml": reports, "a/b/Cargo.toml": reports}),
)
def test_arbitrary_manifests_raise_no_exception(
    tmp_path_factory: pytest.TempPathFactory,
    manifests: dict[str, dict[str, Any]],
    locked: str,
    reports: dict[str, CargoMetadata],
) -> None:
    root = tmp_path_factory.mktemp("anything")
    (root / "Cargo.lock").write_text(locked)
    for path, content in manifests.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(tomlkit.dumps(content), encoding="utf-8")
    workspace = Workspace.discover(root, reports.__getitem__)
    workspace.to_json()
    for policy in (Policy(), DECLARED):
        str(surface(workspace, policy))
        str(sync(workspace, policy, Version.parse("0.5.0")))
        plan(workspace, policy, Version.parse("0.5.0-rc.1"))
