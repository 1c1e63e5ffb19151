"""What a page tells one to type is typed here, in its order, and prints what the page says.

The few things that happen meanwhile, such as the merge of a pull request, are done by the test.
"""

from __future__ import annotations

import re

import pytest

from .executed import tells
from .reading import on, pasted

pytestmark = pytest.mark.rehearsal


def changed(maintainer):
    """Something is there to be released."""
    maintainer.edits("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- More.\n")
    maintainer.types("git commit -qam More && git push -q")


@tells("README.md")
def test_the_readme(maintainer):
    changed(maintainer)
    maintainer.follows(
        on("README.md"),
        {"./just check": lambda: maintainer.types("git commit -qam Prepared && git push -q")},
    )


@tells("docs/tutorial/first-rehearsal.md")
def test_the_tutorial(person, remote):
    person.follows(on("docs/tutorial/first-rehearsal.md"))
    assert person.types("git status --porcelain") == ""


@tells("runbooks/release.ipynb")
def test_the_runbook(maintainer):
    maintainer.follows(on("runbooks/release.ipynb"))


@tells("docs/how-to/cut-a-release.md")
def test_cut_a_release(maintainer):
    def merged():
        version = maintainer.now("0.5.0")
        maintainer.types(f"git -C {maintainer.remote} branch --force main prepare-{version}")

    def filed():
        maintainer.writes(maintainer.now("docs/releases/0.5.0.json"), "{}")

    changed(maintainer)
    maintainer.follows(on("docs/how-to/cut-a-release.md"), {"git switch main": merged, "git add docs/releases": filed})
    assert maintainer.types("git status --porcelain") == ""
    assert "docs/releases" in maintainer.types("git show --stat origin/main")


@tells("docs/how-to/set-up-the-registries.md")
def test_set_up_the_registries(maintainer):
    maintainer.follows(on("docs/how-to/set-up-the-registries.md"))
    maintainer.types("cargo package -p binoc-sdk --locked --no-verify --target-dir ../target")


USE = "docs/how-to/use-it-for-your-workspace.md"


@tells(USE)
def test_use_it_for_your_workspace(person):
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
        person.writes(f"DIR/{path}", text)
    person.types(
        "cd DIR && cargo generate-lockfile -q && git init -q && git add -A && git commit -q -m Ours"
        f" && git init -q --bare {person.remote} && git remote add origin {person.remote} && git push -q origin main"
        " && cd .."
    )
    asked = "binoc-runbook --root DIR check"

    def declared():
        assert "no promise is declared" in person.types(asked, ends=1)
        (policy,) = pasted(USE, "toml")
        person.writes("DIR/pyproject.toml", policy)

    person.follows(on(USE), {asked: declared}, ends={asked: 1})  # for it has no workflow yet
    said = person.types(f"cd DIR && git add -A && git commit -qm Ready && cd .. && {asked}", ends=1)
    failed = {check for check, findings in _by_check(said) if "✗ failed" in findings}
    assert failed == {"workflow"}, said


def _by_check(said):
    """The findings below each check, as `check` prints them."""
    parts = re.split(r"(?m)^(\w+)\n", said)
    return list(zip(parts[1::2], parts[2::2], strict=True))
