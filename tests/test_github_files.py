"""Files of GitHub that protect a release: the owners of its files, and the updates of its pins."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"


@pytest.mark.parametrize(
    "path", [".github/", "pyproject.toml", "runbooks/", "requirements/", "rust-toolchain.toml", "just", "justfile"]
)
def test_files_that_decide_a_release_have_an_owner(path):
    lines = (GITHUB / "CODEOWNERS").read_text("utf-8").splitlines()
    owners = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    assert owners[f"/{path}"].startswith("@")
    assert (ROOT / path).exists()


def test_updates_wait_and_are_one_pull_request_for_each_ecosystem():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    ecosystems = {update["package-ecosystem"]: update for update in updates}
    assert set(ecosystems) == {"cargo", "github-actions", "pip", "rust-toolchain"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
    # There is one toolchain. All other updates of an ecosystem are grouped.
    for name in set(ecosystems) - {"rust-toolchain"}:
        groups = list(ecosystems[name]["groups"].values())
        assert [group.get("applies-to") for group in groups] == [None, "security-updates"]
        assert all(group["patterns"] == ["*"] for group in groups)
    assert ecosystems["pip"]["directory"] == "/requirements"
