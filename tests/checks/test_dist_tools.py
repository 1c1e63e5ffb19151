"""Standard tools on dists: correct ones, and ones with defects that a tool detects."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from binoc_runbook.checks.dists.tools import run_tools
from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.dist.inspect import temporary_home
from binoc_runbook.world.processes import Processes

MACHINE = platform.machine()
NEW, OLD = f"manylinux_2_39_{MACHINE}", f"manylinux_2_17_{MACHINE}"
INFO = "demo-0.4.0.dist-info"
TWINE, CONTENTS = "`twine check --strict`", "`check-wheel-contents --no-config`"
ABI3AUDIT, AUDITWHEEL = "`abi3audit --strict --report`", "`auditwheel show --json --ldpaths .`"

#: A library that needs no header of Python.
GOOD = "extern void *PyModuleDef_Init(void *); void *PyInit__native(void) { return PyModuleDef_Init(0); }"
#: A symbol that is not in the stable ABI, and one that is in it since Python 3.11.
FOREIGN = "extern void *_PyDict_NewPresized(long); void *PyInit__native(void) { return _PyDict_NewPresized(1); }"
NEWER = "extern int PyObject_GetBuffer(void *); int PyInit__native(void) { return PyObject_GetBuffer(0); }"
#: Threads moved into the C library with version 2.34, and have a symbol of that version there.
THREADS = """
#include <pthread.h>
static void *nothing(void *argument) { return argument; }
int PyInit__native(void) { pthread_t thread; return pthread_create(&thread, 0, nothing, 0); }
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the compiler here makes no ELF library")


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "dist"
    path.mkdir()
    return path


@pytest.fixture
def wheel(directory, tmp_path):
    """Return a function that builds a wheel with a library from C."""

    def make(source=GOOD, tag=NEW, readme="A demonstration.\n", members=None):
        (tmp_path / "native.c").write_text(source)
        library = tmp_path / "native.so"
        command = ["cc", "-shared", "-fPIC", "-Wl,--allow-shlib-undefined", "-o", str(library), "native.c"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        about = "Metadata-Version: 2.4\nName: demo\nVersion: 0.4.0\nDescription-Content-Type: text/x-rst\n\n"
        files = {
            "demo/__init__.py": b'"""A demonstration."""\n',
            "demo/_native.abi3.so": library.read_bytes(),
            f"{INFO}/METADATA": (about + readme).encode(),
            f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310-abi3-{tag}\n".encode(),
            **(members or {}),
        }
        record = ""
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(data)}\n"
        path = directory / f"demo-0.4.0-cp310-abi3-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {**files, f"{INFO}/RECORD": f"{record}{INFO}/RECORD,,\n".encode()}.items():
                archive.writestr(name, data)
        return path.name

    return make


@pytest.fixture
def check(directory):
    def run(*names, processes=None):
        with temporary_home(processes or Processes(directory)) as runner:
            return run_tools(names, runner)

    return run


def failures(findings):
    """Return the place and the tool of each failure, and its text after the tool."""
    assert not findings.having("unknown")
    failed = [(finding.looked_at, finding.saw.partition(": ")) for finding in findings.having("failed")]
    return [(place, tool, text) for place, (tool, _, text) in failed]


@linux
def test_tools_without_a_defect_give_one_ok_each(check, wheel, directory):
    name = wheel()
    about = b"Metadata-Version: 2.4\nName: demo\nVersion: 0.4.0\nDescription-Content-Type: text/markdown\n\nDemo.\n"
    with tarfile.open(directory / "demo-0.4.0.tar.gz", "w:gz") as archive:
        for path in ("PKG-INFO", "README.md"):
            member = tarfile.TarInfo(f"demo-0.4.0/{path}")
            member.size = len(about)
            archive.addfile(member, io.BytesIO(about))
    findings = check(name, "demo-0.4.0.tar.gz")
    assert [(finding.status, finding.looked_at) for finding in findings] == [("ok", "dist")] * 4
    for finding, tool, count in zip(findings, (TWINE, CONTENTS, ABI3AUDIT, AUDITWHEEL), (2, 1, 1, 1), strict=True):
        assert finding.saw.startswith(tool)
        assert f"{count} file" in finding.saw


@linux
def test_wheel_with_too_old_a_platform_tag_is_refused(check, wheel):
    good, renamed = wheel(THREADS, tag=NEW), wheel(THREADS, tag=OLD)
    ((place, tool, text),) = failures(check(good, renamed))
    assert (place, tool) == (f"dist/{renamed}", AUDITWHEEL)
    for part in ("`manylinux_2_34_", f"`{OLD}`", "`GLIBC_2.34` of `libc.so.6`"):
        assert part in text


@linux
def test_symbol_outside_of_the_stable_abi_is_refused(check, wheel):
    name = wheel(FOREIGN)
    ((place, tool, text),) = failures(check(name))
    assert (place, tool) == (f"dist/{name}", ABI3AUDIT)
    for part in ("`_native.abi3.so`", "`_PyDict_NewPresized`"):
        assert part in text


@linux
def test_symbol_of_a_newer_stable_abi_is_refused(check, wheel):
    name = wheel(NEWER)
    ((place, tool, text),) = failures(check(name))
    assert (place, tool) == (f"dist/{name}", ABI3AUDIT)
    for part in ("`_native.abi3.so`", "3.11", "3.10", "`PyObject_GetBuffer`"):
        assert part in text


@linux
def test_invalid_description_is_refused(check, wheel):
    name = wheel(readme="Demo\n====\n\n`no end\n")
    ((place, tool, text),) = failures(check(name))
    assert (place, tool) == (f"dist/{name}", TWINE)
    assert "line 4" in text


@linux
def test_compiled_python_file_in_a_wheel_is_refused(check, wheel):
    name = wheel(members={"demo/__pycache__/x.pyc": b"x"})
    ((place, tool, text),) = failures(check(name))
    assert (place, tool) == (f"dist/{name}", CONTENTS)
    assert text.startswith("W001: ")
    assert text.endswith("demo/__pycache__/x.pyc")


@linux
def test_invalid_library_is_refused(check, wheel):
    name = wheel(members={"demo/_native.abi3.so": b"no library"})
    assert {tool for _, tool, _ in failures(check(name))} == {ABI3AUDIT, AUDITWHEEL}


class Without:
    """Host without the tools."""

    def run(self, command, *, timeout=None):
        return ProcessResult(tuple(command), 127, "", f"`{command[0]}` was not found on PATH")


def test_missing_tool_is_unknown():
    findings = run_tools(["demo-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl"], Without())
    assert [(finding.status, finding.saw.partition(": ")[2]) for finding in findings] == [
        ("unknown", f"`{name}` was not found on PATH")
        for name in ("twine", "check-wheel-contents", "abi3audit", "auditwheel")
    ]
    assert findings[0].remedy.startswith("just with twine --version")


def test_tools_run_only_on_files_of_their_kind():
    names = ["demo-0.4.0.tar.gz", "demo-0.4.0-cp310-cp310-win_amd64.whl", "demo-sdk-0.4.0.crate"]
    findings = run_tools(names, Without())
    assert [finding.saw.partition(": ")[0] for finding in findings] == [TWINE, CONTENTS]


@linux
def test_tools_do_not_use_the_network_or_the_home_directory(check, wheel, directory):
    unreachable = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}
    unreachable |= {name.upper(): value for name, value in unreachable.items()}
    assert check(wheel(), processes=Processes(directory, unreachable)).status == "ok"
    assert not list(Path(os.environ["HOME"]).rglob("*"))
