"""Removal of the build directory from a wheel."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile

import pytest

from binoc_runbook.dist.source_paths import copy_without_source_path

INFO = "demo-0.4.0.dist-info"
SBOM = f"{INFO}/sboms/demo.cyclonedx.json"


def line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "with a space" / "demo-0.4.0"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def wheel(tmp_path, source):
    """Create a wheel with RECORD first, which PEP 427 allows although build tools put it last."""
    sbom = json.dumps({"ref": f"path+{source.as_uri()}/crates/a#0.4.0", "list": ["registry+x#b@1.0.0", 1]}).encode()
    members = {"demo/__init__.py": b"\n", SBOM: sbom}
    record = "".join(line(name, data) for name, data in members.items()) + f"{INFO}/RECORD,,\n"
    path = tmp_path / "demo-0.4.0-cp310-abi3-win_amd64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {f"{INFO}/RECORD": record.encode(), **members}.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 0, 0, 0)), data)
    return path


def test_sbom_does_not_contain_the_directory(wheel, source, tmp_path):
    copy_without_source_path(wheel, tmp_path / "new.whl", source)
    with zipfile.ZipFile(tmp_path / "new.whl") as archive:
        sbom = json.loads(archive.read(SBOM))
    assert sbom == {"ref": "path+file://./crates/a#0.4.0", "list": ["registry+x#b@1.0.0", 1]}


def test_record_is_updated_for_the_sbom_only(wheel, source, tmp_path):
    copy_without_source_path(wheel, tmp_path / "new.whl", source)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(tmp_path / "new.whl") as new:
        before, after = (file.read(f"{INFO}/RECORD").decode().splitlines(keepends=True) for file in (old, new))
        assert after == [before[0], line(SBOM, new.read(SBOM)), before[2]]
        assert before[1] != after[1]
        assert [member.date_time for member in new.infolist()] == [member.date_time for member in old.infolist()]
        assert new.namelist() == old.namelist()
