"""Checksums: outputs for later jobs, and the comparison with an independent build."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from binoc_runbook.cli import main
from binoc_runbook.dist.checksums import compare_checksums, write_checksums
from binoc_runbook.environ import REHEARSAL
from binoc_runbook.finding import RefusedError
from binoc_runbook.rehearsal.runner.job_context import assignments

FILES = ("demo-0.4.0.tar.gz", "demo-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl", "demo-sdk-0.4.0.crate")


@pytest.fixture
def dist(checkout):
    """The directory `dist` of a checkout, with a file of each kind."""
    directory = checkout.root / "dist"
    directory.mkdir()
    for name in FILES:
        (directory / name).write_text(name)
    return directory


def lines(directory, *names):
    """Return what `sha256sum` prints for these files."""
    command = ["sha256sum", "--", *names]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def test_outputs_are_what_sha256sum_prints(dist, capsys):
    outputs = dist.parent / "outputs"
    outputs.write_text("earlier=1\n")
    assert main(["--root", str(dist.parent), "sums", "--outputs", str(outputs)]) == 0
    script = "ls -A -I SHA256SUMS"
    listed = subprocess.run(["bash", "-c", f"LC_ALL=C {script}"], cwd=dist, capture_output=True, text=True, check=True)
    wheel, sdist, crate = listed.stdout.split()
    assert assignments(outputs.read_text()) == {
        "earlier": "1",
        "demo": lines(dist, wheel, sdist),
        "demo-sdk": lines(dist, crate),
        "all": lines(dist, wheel, sdist, crate),
        "attested": lines(dist, "SHA256SUMS", crate),
        "sums": lines(dist, "SHA256SUMS"),
    }
    assert capsys.readouterr().out == (dist / "SHA256SUMS").read_text() == lines(dist, wheel, sdist, crate) + "\n"


@pytest.mark.parametrize("name", ["a\nall=x", "a b", "-rf", "*.whl", "a\\b", ".hidden", "\N{SNOWMAN}"])
def test_file_name_with_special_characters_is_refused(dist, name):
    (dist / name).write_text("")
    with pytest.raises(RefusedError) as refusal:
        write_checksums(dist)
    (finding,) = refusal.value.findings
    assert (finding.check, finding.looked_at) == ("sums", "dist")
    assert ascii(name)[1:-1] in finding.saw
    assert not (dist / "SHA256SUMS").exists()
    (dist / name).rename(dist / "renamed")
    assert "renamed" in write_checksums(dist).read_text()


def test_artifact_name_cannot_add_an_output(checkout, dist):
    checkout.edit("pyproject.toml", 'name = "demo"', 'name = "demo\\nall"')
    outputs = checkout.root / "outputs"
    assert main(["--root", str(checkout.root), "sums", "--outputs", str(outputs)]) == 1
    assert not outputs.exists()


def test_files_of_an_independent_build_are_counted(dist, capsys):
    write_checksums(dist)
    expected = lines(dist, *FILES[:2])
    (finding,) = compare_checksums(dist, expected, "dist")
    assert (finding.status, finding.looked_at) == ("ok", "dist")
    assert "2 of 3" in finding.saw
    assert main(["--root", str(dist.parent), "sums", "--expect", expected]) == 0


def test_different_and_missing_files_are_refused(dist):
    write_checksums(dist)
    other = hashlib.sha256(b"other").hexdigest()
    expected = f"{other}  {FILES[0]}\n{other}  other.whl\n{lines(dist, FILES[1])}\n"
    different, missing = compare_checksums(dist, expected, "dist")
    assert (different.status, different.looked_at) == ("failed", f"dist/{FILES[0]}")
    assert hashlib.sha256(FILES[0].encode()).hexdigest() in different.saw
    assert other in different.saw
    assert (missing.status, missing.looked_at) == ("failed", "dist/other.whl")
    assert main(["--root", str(dist.parent), "sums", "--expect", expected]) == 1


@pytest.mark.parametrize("expected", ["", "\n", "not a digest"])
def test_missing_comparison_is_refused(dist, expected):
    assert main(["--root", str(dist.parent), "sums", "--expect", expected]) == 1


def test_rehearsal_on_another_platform_has_nothing_to_compare_with(dist, monkeypatch):
    monkeypatch.setenv(REHEARSAL, "1")
    write_checksums(dist)
    (finding,) = compare_checksums(dist, "", "dist")
    assert finding.status == "warning"
