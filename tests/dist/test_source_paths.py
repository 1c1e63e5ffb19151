"""How the place that a wheel was built in is taken out of it."""

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
    """Its RECORD comes first, which PEP 427 allows although builders put it last."""
    sbom = json.dumps({"ref": f"path+{source.as_uri()}/crates/a#0.4.0", "list": ["registry+x#b@1.0.0", 1]}).encode()
    members = {"demo/__init__.py": b"\n", SBOM: sbom}
    record = "".join(line(name, data) for name, data in members.items()) + f"{INFO}/RECORD,,\n"
    path = tmp_path / "demo-0.4.0-cp310-abi3-win_amd64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {f"{INFO}/RECORD": record.encode(), **members}.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 0, 0, 0)), data)
    return path


def test_the_sbom_says_nothing_of_the_directory_and_keeps_all_else(wheel, source, tmp_path):
    copy_without_source_path(wheel, tmp_path / "free.whl", source)
    with zipfile.ZipFile(tmp_path / "free.whl") as archive:
        told = json.loads(archive.read(SBOM))
    assert told == {"ref": "path+file://./crates/a#0.4.0", "list": ["registry+x#b@1.0.0", 1]}


def test_the_record_is_right_for_the_new_sbom_and_unchanged_for_the_rest(wheel, source, tmp_path):
    copy_without_source_path(wheel, tmp_path / "free.whl", source)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(tmp_path / "free.whl") as new:
        before, after = (each.read(f"{INFO}/RECORD").decode().splitlines(keepends=True) for each in (old, new))
        assert after == [before[0], line(SBOM, new.read(SBOM)), before[2]]
        assert before[1] != after[1]
        assert [each.date_time for each in new.infolist()] == [each.date_time for each in old.infolist()]
        assert new.namelist() == old.namelist()
