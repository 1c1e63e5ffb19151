"""Benchmarks of the overhead of the runbook: checks, notebook, import, wrapper, and the site build.

python bench/runbook.py [start|check|site|notebook]...
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Row, alternately, command, overhead, ratio, sequence

from binoc_runbook.checks.workflow.audit import COMMAND as ZIZMOR_COMMAND
from binoc_runbook.rehearsal.registries import open_registries
from binoc_runbook.release.parameters import open_target
from binoc_runbook.world import World

ROOT = Path(__file__).parents[1]
VERSION = str(open_target(World.real(ROOT), None).version)
BIN = Path(sys.executable).parent

#: The variables that direct queries for published versions to local registries.
_REGISTRIES = ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", "CARGO_REGISTRY_DEFAULT", "CARGO_REGISTRIES_REHEARSAL_INDEX")


def measure(*names: str) -> list[Row]:
    """Return the rows of the benchmarks with these names, or all rows.

    They are measured in a clone of this checkout, with a bare repository on disk and local registries.
    """
    with (
        tempfile.TemporaryDirectory(prefix="binoc-bench-") as directory,
        open_registries(Path(directory) / "registries") as registries,
    ):
        # The other variables would hide the configuration and the caches of the user.
        os.environ |= {name: registries.user_environment[name] for name in _REGISTRIES}
        clone = _clone(Path(directory))
        return [row for name in names or BENCHMARKS for row in BENCHMARKS[name](clone)]


def _clone(directory: Path) -> Path:
    clone, remote = directory / "binoc", directory / "remote.git"
    _git("clone", "--quiet", "--bare", "--single-branch", ROOT, remote, cwd=directory)
    _git("clone", "--quiet", remote, clone, cwd=directory)
    for name, value in (("user.name", "Bench"), ("user.email", "bench@localhost")):
        _git("config", name, value, cwd=clone)
    _git("switch", "--quiet", "-C", "main", cwd=clone)
    _git("commit", "--quiet", "--allow-empty", "-m", "Something to push", cwd=clone)
    return clone


def _git(*arguments: str | Path, cwd: Path) -> None:
    subprocess.run(["git", *map(str, arguments)], cwd=cwd, check=True, stdin=subprocess.DEVNULL)


def _start(clone: Path) -> list[Row]:
    nothing = command(sys.executable, "-c", "pass", cwd=ROOT)
    imported = command(sys.executable, "-c", "import binoc_runbook", cwd=ROOT)
    release = command(sys.executable, "-c", "from binoc_runbook import Release", cwd=ROOT)
    helped = command(BIN / "binoc-runbook", "--help", cwd=ROOT)
    just = command(BIN / "just", "--version", cwd=ROOT)
    wrapper = command(ROOT / "just", "--version", cwd=ROOT)
    times = alternately(15, nothing, imported, release, helped, just, wrapper)
    nothing_time, import_time, release_time, help_time, just_time, wrapper_time = times
    reference = f"`python -c pass`; with its `Release` {release_time * 1000:.0f} ms"
    return [
        overhead("importing `binoc_runbook`", 60, import_time, nothing_time, reference),
        overhead("`binoc-runbook --help`", 60, help_time, nothing_time, "`python -c pass`"),
        overhead("the wrapper, if the environment exists", 100, wrapper_time, just_time, "`just --version`"),
    ]


def _check(clone: Path) -> list[Row]:
    refs = ("HEAD:refs/heads/main", f"HEAD:refs/tags/v{VERSION}")
    reference = sequence(
        [
            command("cargo", "metadata", "--locked", "--offline", "--format-version", "1", cwd=clone),
            command("git", "status", "--porcelain=v2", "--branch", cwd=clone),
            command("git", "ls-remote", "origin", cwd=clone),
            command("git", "push", "--dry-run", "--porcelain", "--atomic", "origin", *refs, cwd=clone),
            command(BIN / "zizmor", *ZIZMOR_COMMAND[1:], ".github/workflows/publish.yml", cwd=clone),
            # Without a requirement, because uv fails for a version that is not published.
            command(BIN / "uv", "pip", "compile", "--quiet", "--refresh", "-", cwd=clone),
            command(BIN / "uv", "pip", "compile", "--quiet", "--refresh", "-", cwd=clone),
            command(sys.executable, "-c", "import git, tomlkit", cwd=clone),
        ]
    )
    check = command(BIN / "binoc-runbook", "check", VERSION, cwd=clone)
    check_time, reference_time = alternately(15, check, reference)
    name = (
        "`cargo metadata`, `git status`, `ls-remote`, `push --dry-run`, `zizmor`, 2 x `uv pip compile --refresh` "
        "and `import git, tomlkit`"
    )
    return [ratio("`check` on this workspace", 1.5, check_time, reference_time, name)]


def _site(clone: Path) -> list[Row]:
    """Measure a site build without changes, which only checks the decisions again."""
    build = command(sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", "docs/_build/html", cwd=clone)
    (seconds,) = alternately(5, build)
    detail = f"{len(list((clone / 'docs').rglob('*.md')))} pages, all decisions checked again"
    return [Row("site build without changes", "under 3 s", f"{seconds:.1f} s", seconds < 3, detail)]


def _notebook(clone: Path) -> list[Row]:
    """Measure a dry run of the release notebook with a test command that does nothing."""
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
    runbook = command(papermill, "runbooks/release.ipynb", "-", "-p", "version", VERSION, cwd=clone)
    reference = command(papermill, empty, "-", cwd=clone)
    runbook_time, reference_time = alternately(7, runbook, reference)
    operation = "the release notebook with an empty test command"
    return [ratio(operation, 1.5, runbook_time, reference_time, "10 empty cells")]


#: The benchmarks by name; the last one changes the clone.
BENCHMARKS = {"start": _start, "check": _check, "site": _site, "notebook": _notebook}


if __name__ == "__main__":
    for row in measure(*sys.argv[1:]):
        print(row)
