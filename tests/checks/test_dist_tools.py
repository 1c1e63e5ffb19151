"""What the field's own tools say of built files, asked for real: of good ones, and of mutants that they can tell."""

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

#: No header of Python is needed to name what a library takes from it.
GOOD = "extern void *PyModuleDef_Init(void *); void *PyInit__native(void) { return PyModuleDef_Init(0); }"
#: Not in the stable ABI of any Python; and one that is in it, but only from 3.11 on.
FOREIGN = "extern void *_PyDict_NewPresized(long); void *PyInit__native(void) { return _PyDict_NewPresized(1); }"
NEWER = "extern int PyObject_GetBuffer(void *); int PyInit__native(void) { return PyObject_GetBuffer(0); }"
#: Threads moved into the C library with version 2.34, and have a symbol of that version there.
THREADS = """
#include <pthread.h>
static void *nothing(void *given) { return given; }
int PyInit__native(void) { pthread_t thread; return pthread_create(&thread, 0, nothing, 0); }
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the compiler here makes no ELF library")


@pytest.fixture
def directory(tmp_path):
    made = tmp_path / "dist"
    made.mkdir()
    return made


@pytest.fixture
def wheel(directory, tmp_path):
    """Makes a wheel of a library that is compiled from C."""

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
def ask(directory):
    def run(*names, processes=None):
        with temporary_home(processes or Processes(directory)) as asked:
            return run_tools(names, asked)

    return run


def minded(findings, status="failed"):
    return [(each.looked_at, each.saw) for each in findings.having("failed", "unknown") if each.status == status]


@linux
def test_each_tool_that_minds_nothing_gives_one_ok(ask, wheel, directory):
    name = wheel()
    about = b"Metadata-Version: 2.4\nName: demo\nVersion: 0.4.0\nDescription-Content-Type: text/markdown\n\nDemo.\n"
    with tarfile.open(directory / "demo-0.4.0.tar.gz", "w:gz") as archive:
        for path in ("PKG-INFO", "README.md"):
            member = tarfile.TarInfo(f"demo-0.4.0/{path}")
            member.size = len(about)
            archive.addfile(member, io.BytesIO(about))
    findings = ask(name, "demo-0.4.0.tar.gz")
    assert [(each.status, each.looked_at, each.saw) for each in findings] == [
        ("ok", "dist", "`twine check --strict` minds nothing in 2 files"),
        ("ok", "dist", "`check-wheel-contents --no-config` minds nothing in 1 file"),
        ("ok", "dist", "`abi3audit --strict --report` minds nothing in 1 file"),
        ("ok", "dist", "`auditwheel show --json --ldpaths .` minds nothing in 1 file"),
    ]


@linux
def test_a_wheel_that_was_renamed_to_an_older_system_is_told_what_it_needs(ask, wheel):
    good, lying = wheel(THREADS, tag=NEW), wheel(THREADS, tag=OLD)
    ((looked_at, saw),) = minded(ask(good, lying))
    assert looked_at == f"dist/{lying}"
    assert saw.startswith("`auditwheel show --json --ldpaths .`: needs `manylinux_2_34_")
    assert f"and its name promises `{OLD}`; it uses `GLIBC_2.34` of `libc.so.6`" in saw


@linux
def test_a_symbol_that_the_stable_abi_does_not_have_is_named(ask, wheel):
    name = wheel(FOREIGN)
    saw = "`_native.abi3.so` uses what the stable ABI does not have: `_PyDict_NewPresized`"
    assert minded(ask(name)) == [(f"dist/{name}", f"`abi3audit --strict --report`: {saw}")]


@linux
def test_a_symbol_of_a_later_stable_abi_is_named_with_that_python(ask, wheel):
    name = wheel(NEWER)
    saw = "`_native.abi3.so` uses the stable ABI of Python 3.11, and is tagged for 3.10: `PyObject_GetBuffer`"
    assert minded(ask(name)) == [(f"dist/{name}", f"`abi3audit --strict --report`: {saw}")]


@linux
def test_a_description_that_pypi_would_not_render_is_told_in_words(ask, wheel):
    name = wheel(readme="Demo\n====\n\n`no end\n")
    ((looked_at, saw),) = minded(ask(name))
    assert looked_at == f"dist/{name}"
    assert saw.startswith("`twine check --strict`: ERROR `long_description` has syntax errors in markup")
    assert "line 4: Warning: Inline interpreted text" in saw


@linux
def test_what_should_not_be_in_a_wheel_is_named(ask, wheel):
    name = wheel(members={"demo/__pycache__/x.pyc": b"x"})
    ((looked_at, saw),) = minded(ask(name))
    assert looked_at == f"dist/{name}"
    assert saw.startswith("`check-wheel-contents --no-config`: W001: Wheel contains .pyc/.pyo files")
    assert saw.endswith("demo/__pycache__/x.pyc")


@linux
def test_a_library_that_no_tool_can_read_is_failed_and_never_ok(ask, wheel):
    name = wheel(members={"demo/_native.abi3.so": b"no library"})
    assert {saw.partition(": ")[0] for _, saw in minded(ask(name))} == {
        "`abi3audit --strict --report`",
        "`auditwheel show --json --ldpaths .`",
    }


class Without:
    """A machine that has none of the tools."""

    def run(self, command, *, timeout=None):
        return ProcessResult(tuple(command), 127, "", f"`{command[0]}` was not found on PATH")


def test_a_tool_that_is_not_installed_is_unknown_with_how_to_get_it():
    findings = run_tools(["demo-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl"], Without())
    assert [(each.status, each.saw.partition(": ")[2]) for each in findings] == [
        ("unknown", f"`{name}` was not found on PATH")
        for name in ("twine", "check-wheel-contents", "abi3audit", "auditwheel")
    ]
    assert findings[0].remedy == "just with twine --version, which brings it"


def test_a_tool_is_asked_only_about_files_of_its_kind():
    names = ["demo-0.4.0.tar.gz", "demo-0.4.0-cp310-cp310-win_amd64.whl", "demo-sdk-0.4.0.crate"]
    asked = run_tools(names, Without())
    assert [each.saw.partition(": ")[0] for each in asked] == [
        "`twine check --strict`",
        "`check-wheel-contents --no-config`",
    ]


@linux
def test_no_tool_uses_the_network_or_writes_to_the_home_directory(ask, wheel, directory):
    nowhere = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}
    nowhere |= {name.upper(): value for name, value in nowhere.items()}
    assert ask(wheel(), processes=Processes(directory, nowhere)).status == "ok"
    assert not list(Path(os.environ["HOME"]).rglob("*"))
