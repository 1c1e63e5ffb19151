"""What the runbook adds to a release: the questions, the notebook, the import and the wrapper; and the site."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Row, added, alternately, command, ratio, together

from binoc_runbook.checks.workflow.audit import COMMAND as ZIZMOR_COMMAND
from binoc_runbook.release.parameters import open_target
from binoc_runbook.world import World

ROOT = Path(__file__).parents[1]
VERSION = str(open_target(World.real(ROOT), None).version)
BIN = Path(sys.executable).parent


def measure() -> list[Row]:
    """All rows, on a clone of this checkout with a bare repository on disk as its remote."""
    with tempfile.TemporaryDirectory(prefix="binoc-bench-") as directory:
        clone = _clone(Path(directory))
        return [*_start(), _check(clone), _site(clone), _notebook(clone)]


def _clone(directory: Path) -> Path:
    clone, remote = directory / "binoc", directory / "remote.git"
    _git("clone", "--quiet", "--bare", ROOT, remote, cwd=directory)
    _git("clone", "--quiet", remote, clone, cwd=directory)
    for name, value in (("user.name", "Bench"), ("user.email", "bench@localhost")):
        _git("config", name, value, cwd=clone)
    _git("switch", "--quiet", "-C", "main", cwd=clone)
    _git("commit", "--quiet", "--allow-empty", "-m", "Something to push", cwd=clone)
    return clone


def _git(*arguments: str | Path, cwd: Path) -> None:
    subprocess.run(["git", *map(str, arguments)], cwd=cwd, check=True, stdin=subprocess.DEVNULL)


def _start() -> list[Row]:
    nothing = command(sys.executable, "-c", "pass", cwd=ROOT)
    imported = command(sys.executable, "-c", "import binoc_runbook", cwd=ROOT)
    release = command(sys.executable, "-c", "from binoc_runbook import Release", cwd=ROOT)
    just = command(BIN / "just", "--version", cwd=ROOT)
    wrapper = command(ROOT / "just", "--version", cwd=ROOT)
    reference, ours, all_of_it, plain, wrapped = alternately(15, nothing, imported, release, just, wrapper)
    with_release = f"{all_of_it * 1000:.0f} ms"
    return [
        added("importing `binoc_runbook`", 60, ours, reference, f"`python -c pass`; with its `Release` {with_release}"),
        added("the wrapper, once the environment exists", 100, wrapped, plain, "`just --version`"),
    ]


def _check(clone: Path) -> Row:
    refs = ("HEAD:refs/heads/main", f"HEAD:refs/tags/v{VERSION}")
    reference = together(
        [
            command("cargo", "metadata", "--no-deps", "--format-version", "1", cwd=clone),
            command("git", "status", "--porcelain=v2", "--branch", cwd=clone),
            command("git", "ls-remote", "origin", cwd=clone),
            command("git", "push", "--dry-run", "--porcelain", "--atomic", "origin", *refs, cwd=clone),
            command(BIN / "zizmor", *ZIZMOR_COMMAND[1:], ".github/workflows/publish.yml", cwd=clone),
            command(sys.executable, "-c", "import git, tomlkit", cwd=clone),
        ]
    )
    ours = command(BIN / "binoc-runbook", "check", VERSION, cwd=clone)
    ours_took, reference_took = alternately(15, ours, reference)
    named = "`cargo metadata`, `git status`, `ls-remote`, `push --dry-run`, `zizmor` and `import git, tomlkit`"
    return ratio("`check` on this workspace", 1.5, ours_took, reference_took, named)


def _site(clone: Path) -> Row:
    """The site once more, with nothing to do but to ask again whether the decisions hold."""
    build = command(sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", "docs/_build/html", cwd=clone)
    (took,) = alternately(5, build)
    pages = len(list((clone / "docs").rglob("*.md")))
    what, bound = "a no-change site build", 3.0
    return Row(what, f"under {bound:g} s", f"{took:.1f} s", took < bound, f"{pages} pages, the decisions asked anew")


def _notebook(clone: Path) -> Row:
    """The whole release in the real world, as a dry run with a test command that does nothing."""
    policy = clone / "pyproject.toml"
    text = policy.read_text("utf-8")
    noop = json.dumps([sys.executable, "-c", "pass"])
    policy.write_text(text.replace('test = ["just", "test-code"]', f"test = {noop}"), "utf-8")
    _git("commit", "--quiet", "--all", "-m", "A test command that does nothing", cwd=clone)
    empty = clone.parent / "empty.ipynb"
    release = json.loads((clone / "runbooks/release.ipynb").read_text("utf-8"))
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": "pass", "outputs": [], "execution_count": None}
        for n in range(10)
    ]
    kernel = {"kernelspec": release["metadata"]["kernelspec"]}
    empty.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    papermill = BIN / "papermill"
    ours = command(papermill, "runbooks/release.ipynb", "-", "-p", "version", VERSION, cwd=clone)
    reference = command(papermill, empty, "-", cwd=clone)
    ours_took, reference_took = alternately(7, ours, reference)
    return ratio("the release notebook, tests that do nothing", 1.5, ours_took, reference_took, "ten empty cells")


if __name__ == "__main__":
    for row in measure():
        print(row)
