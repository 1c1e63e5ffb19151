"""Tests of the installed command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import binoc


def run(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "binoc", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def snapshots(root: Path) -> Path:
    for side, name in (("a", "Grace"), ("b", "Grace Hopper")):
        (root / side).mkdir()
        (root / side / "people.csv").write_text(f"id,name\n1,Ada\n2,{name}\n", encoding="utf-8")
    return root


def test_version(tmp_path: Path) -> None:
    result = run("--version", cwd=tmp_path)
    assert result.returncode == 0
    assert re.fullmatch(r"binoc \d+\.\d+\.\d+\S*\n", result.stdout)


def test_report_is_printed_to_standard_output(tmp_path: Path) -> None:
    result = run("diff", "a", "b", cwd=snapshots(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("# Changes from `a` to `b`\n")
    assert result.stdout.endswith("key `2`, column `name`: `Grace` → `Grace Hopper`\n")
    document = run("diff", "a", "b", "--format", "json", cwd=tmp_path).stdout
    assert json.loads(document)["schema"] == 1


def test_exit_codes(tmp_path: Path) -> None:
    snapshots(tmp_path)
    assert run("diff", "a", "b", "-q", "--exit-code", cwd=tmp_path).returncode == 1
    assert run("diff", "a", "a", "-q", "--exit-code", cwd=tmp_path).returncode == 0
    assert run("diff", "a", cwd=tmp_path).returncode == 2


def test_missing_plugin_is_reported_and_the_rest_is_compared(tmp_path: Path) -> None:
    snapshots(tmp_path)
    info = tmp_path / "ghost-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ghost\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[binoc.plugins]\nghost = ghost.native\n", encoding="utf-8")
    # `python -m` puts the working directory on the path.
    listed = run("plugins", cwd=tmp_path)
    assert listed.returncode == 2
    assert "ghost: refused\n  refused: `ghost.native`" in listed.stdout
    compared = run("diff", "a", "b", cwd=tmp_path)
    assert compared.returncode == 2
    assert "binoc: plugin `ghost` refused" in compared.stderr
    assert "- changed `people.csv`" in compared.stdout
    assert "- error: plugin `ghost` refused" in compared.stdout


def test_package_version_is_a_pep_440_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", binoc.__version__)
