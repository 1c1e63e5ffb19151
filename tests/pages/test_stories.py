"""Stories of pages: their commands run in order and print the documented output.

The test does what happens between the commands, such as the merge of a pull request.
"""

from __future__ import annotations

import re

import pytest

from .reading import on, pasted
from .stories import story_of

pytestmark = pytest.mark.rehearsal


def push_change(maintainer):
    """Push a change with an entry in the changelog."""
    maintainer.edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- More.\n")
    maintainer.run("git commit -qam More && git push -q")


@story_of("README.md")
def test_readme(maintainer):
    push_change(maintainer)
    maintainer.follow(
        on("README.md"),
        {"./just check": lambda: maintainer.run("git commit -qam Prepared && git push -q")},
    )


@story_of("docs/tutorial/first-rehearsal.md")
def test_tutorial(shell, remote):
    shell.follow(on("docs/tutorial/first-rehearsal.md"))
    assert shell.run("git status --porcelain") == ""


@story_of("runbooks/release.ipynb")
def test_release_runbook(maintainer):
    maintainer.follow(on("runbooks/release.ipynb"))


@story_of("docs/how-to/cut-a-release.md")
def test_cut_a_release(maintainer):
    def merge():
        version = maintainer.current("0.5.0")
        maintainer.run(f"git -C {maintainer.remote} branch --force main prepare-{version}")

    def write_record():
        maintainer.write(maintainer.current("docs/releases/0.5.0.json"), "{}")

    push_change(maintainer)
    maintainer.follow(
        on("docs/how-to/cut-a-release.md"), {"git switch main": merge, "git add docs/releases": write_record}
    )
    assert maintainer.run("git status --porcelain") == ""
    assert "docs/releases" in maintainer.run("git show --stat origin/main")


UNDO = "docs/how-to/undo-a-release.md"


@story_of(UNDO)
def test_undo_a_release(maintainer):
    maintainer.follow(
        on(UNDO),
        {
            "git tag -d v0.5.0": lambda: maintainer.run(maintainer.current("git tag -a -m x v0.5.0")),
            "./just prepare 0.5.1": lambda: push_change(maintainer),
            "./just prepare 0.5.0-rc.1": lambda: maintainer.run("git reset --hard -q"),
        },
    )
    assert maintainer.run("git tag") == ""


@story_of("docs/how-to/set-up-the-registries.md")
def test_set_up_the_registries(maintainer):
    maintainer.follow(on("docs/how-to/set-up-the-registries.md"))
    maintainer.run("cargo package -p binoc-sdk --locked --no-verify --target-dir ../target")


USE = "docs/how-to/use-it-for-your-workspace.md"


@story_of(USE)
def test_use_it_for_your_workspace(shell):
    package = 'name = "{}"\nversion.workspace = true\nedition.workspace = true\n'
    for path, text in {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*", "python/*"]\nresolver = "3"\n\n'
        '[workspace.package]\nversion = "1.1.0"\nedition = "2024"\n',
        "crates/your-crate/Cargo.toml": f"[package]\n{package.format('your-crate')}",
        "crates/your-crate/src/lib.rs": "",
        "python/your-package/Cargo.toml": f"[package]\n{package.format('your-package')}publish = false\n",
        "python/your-package/src/lib.rs": "",
        "python/your-package/pyproject.toml": '[build-system]\nrequires = ["maturin>=1.9"]\n'
        'build-backend = "maturin"\n\n[project]\nname = "your-package"\ndynamic = ["version"]\n',
        "CHANGELOG.md": "# Changelog\n\n## [1.2.0]\n\n- Everything.\n",
        ".gitignore": "/target/\n",
    }.items():
        shell.write(f"DIR/{path}", text)
    shell.run(
        "cd DIR && cargo generate-lockfile -q && git init -q && git add -A && git commit -q -m Ours"
        f" && git init -q --bare {shell.remote} && git remote add origin {shell.remote} && git push -q origin main"
        " && cd .."
    )
    check = "binoc-runbook --root DIR check"

    def write_policy():
        assert failed_checks(shell.run(check, code=1))
        (policy,) = pasted(USE, "toml")
        shell.write("DIR/pyproject.toml", policy)

    shell.follow(on(USE), {check: write_policy}, codes={check: 1})  # the workspace has no workflow yet
    output = shell.run(f"cd DIR && git add -A && git commit -qm Ready && cd .. && {check}", code=1)
    assert failed_checks(output) == {"workflow"}, output


def failed_checks(output):
    """Return the names of the checks that failed, from the output of `check`."""
    parts = re.split(r"(?m)^(\w+)\n", output)
    return {name for name, findings in zip(parts[1::2], parts[2::2], strict=True) if "✗ failed" in findings}
