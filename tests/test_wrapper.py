"""Tests of the wrapper `./just`: missing programs, the first and later calls, and recovery after failures.

The tests start real processes with a PATH that contains only selected programs. Nothing is downloaded: wheels are
built from the packages that are installed in the environment of the tests.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import importlib.metadata
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SHELLS = [name for name in ("sh", "dash", "bash") if shutil.which(name)]
# Programs that a call with an existing environment needs: those of the wrapper, and `sh`, which starts recipes.
LATER_CALLS = ["sh", "cat", "cmp", "dirname", "readlink"]
FIRST_CALL = [*LATER_CALLS, "rm", "mv", "bash", "git", "cargo", "cc"]
# Prefix of a command that closes its standard input.
CLOSED = (shutil.which("sh"), "-c", 'exec "$@" <&-', "sh")
JUSTFILE = """\
set positional-arguments

print *arguments:
    @printf '[%s]' "$@"

exit code:
    @exit "$1"

directory:
    @pwd

# Use the environment in three ways: a console script, a module, and the project itself.
use:
    @pebble && python -c 'import sys, pebble; print(sys.prefix)' && binoc-runbook
"""


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def python_script(path, *, before=""):
    """Write a script that runs the base Python of the tests; with `before`, it runs only `-c`, after that code."""
    base = shlex.quote(getattr(sys, "_base_executable", sys.executable))
    if before:
        code = shlex.quote(f"{before}; exec(sys.argv.pop(1))")
        script(path, f'[ "$1" = -c ] || exit 1; shift; exec {base} -c {code} "$@"')
    else:
        script(path, f'exec {base} "$@"')


def python_with_pip(path, pip):
    """Write the same script, but create environments with a copy of `pip`, because `ensurepip` takes seconds."""
    base, copy = map(shlex.quote, (getattr(sys, "_base_executable", sys.executable), shutil.which("cp")))
    script(
        path,
        f'[ "$1 $2 $3" = "-m venv --clear" ] || exec {base} "$@"\n'
        f'{base} -m venv --clear --without-pip "$4" || exit\n'
        f'exec {copy} -R {shlex.quote(str(pip))}/. "$4"/lib/python*/site-packages',
    )


OLD = "import sys; sys.version_info = (3, 10, 14)"
WITHOUT_VENV = "import sys; sys.modules['ensurepip'] = None"


@pytest.fixture
def machine(tmp_path):
    """A directory for PATH with all programs that the first call needs; tests remove some of them."""
    return write_path(tmp_path / "machine")


def write_path(directory, programs=FIRST_CALL, *, python=True):
    directory.mkdir()
    for name in programs:
        program = shutil.which(name)
        assert program, f"the tests need {name}"
        (directory / name).symlink_to(program)
    if python:
        python_script(directory / "python3")
    return directory


def result(process):
    """Wait at most two minutes for a process and return its exit code and output."""
    with process:
        try:
            out, err = process.communicate(timeout=120)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@dataclass
class Clone:
    """A checkout with the wrapper and the files that it reads, and the environment variables of its calls."""

    root: Path
    environment: dict[str, str]

    def start(self, *arguments, command=("./just",), cwd=None, stdin=subprocess.DEVNULL, before=None, **changes):
        return subprocess.Popen(
            [*command, *arguments],
            cwd=cwd or self.root,
            env={name: value for name, value in (self.environment | changes).items() if value is not None},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=before,
        )

    def run(self, *arguments, **options):
        return result(self.start(*arguments, **options))

    def listing(self):
        return sorted(path.name for path in self.root.iterdir())

    def require(self, uv, *others):
        (self.root / "requirements").mkdir(exist_ok=True)
        (self.root / "requirements/uv.txt").write_text(uv, "utf-8")
        (self.root / "requirements/dev.txt").write_text(uv + "".join(others), "utf-8")


def clone(root, path, **environment):
    """Return a new checkout in `root`, without an environment."""
    (root / "src/binoc_runbook").mkdir(parents=True)
    for name in ("just", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    (root / "src/binoc_runbook/__init__.py").touch()
    (root / "src/binoc_runbook/cli.py").write_text("def main(): print('the runbook')\n", "utf-8")
    (root / "justfile").write_text(JUSTFILE, "utf-8")
    new = Clone(root, {"PATH": str(path), "HOME": str(root.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment})
    new.require("")
    return new


def test_git_does_not_change_line_endings_of_the_wrapper(git, tmp_path):
    committed = tmp_path / "committed"
    git("init", "--quiet", str(committed))
    for name in (".gitattributes", "just", "justfile"):
        shutil.copy(ROOT / name, committed)
    git("add", "--all", cwd=committed)
    git("commit", "--quiet", "-m", "The wrapper", cwd=committed)
    git("clone", "--quiet", "--config", "core.autocrlf=true", str(committed), str(tmp_path / "windows"))
    for name in ("just", "justfile"):
        assert (tmp_path / "windows" / name).read_bytes() == (ROOT / name).read_bytes()


# --- missing programs -------------------------------------------------------------------------------------------------

#: Programs, their names in the message, and the command that installs them.
MISSING = {
    "git": ("`git`", "apt-get install git"),
    "cargo": ("`cargo`", "rustup"),
    "cc": ("`cc`", "apt-get install build-essential"),
    "bash": ("`bash`", "apt-get install bash"),
    "cmp": ("`cmp`", "apt-get install diffutils"),
    "python3": ("Python 3.11", "apt-get install python3-venv"),
}


def errors(process):
    """Return the errors of a refused call, without the last line, which says what to do."""
    assert (process.returncode, process.stdout) == (1, "")
    lines = process.stderr.splitlines()
    assert all(line.startswith("just: ") for line in lines)
    return lines[:-1]


@pytest.mark.parametrize("name", MISSING)
def test_missing_program_is_refused_with_the_command_that_installs_it(machine, tmp_path, name):
    (machine / name).unlink()
    checkout = clone(tmp_path / "clone", machine)
    before = checkout.listing()
    (line,) = errors(checkout.run("print", "hello"))
    assert all(text in line for text in MISSING[name])
    assert checkout.listing() == before


@pytest.mark.parametrize("shell", SHELLS)
def test_all_missing_programs_are_listed(machine, tmp_path, shell):
    for name in MISSING:
        (machine / name).unlink()
    checkout = clone(tmp_path / "clone", machine)
    before = checkout.listing()
    lines = errors(checkout.run("print", command=(shutil.which(shell), "./just")))
    assert len(lines) == len(MISSING)
    for texts in MISSING.values():
        assert any(all(text in line for text in texts) for line in lines)
    assert checkout.listing() == before


def test_old_python_is_refused(machine, tmp_path):
    python_script(machine / "python3", before=OLD)
    (line,) = errors(clone(tmp_path / "clone", machine).run("print"))
    assert "Python 3.11" in line


def test_newer_python_is_preferred_to_old_python3(machine, tmp_path):
    python_script(machine / "python3", before=OLD)
    python_script(machine / "python3.13")
    (machine / "git").unlink()
    (line,) = errors(clone(tmp_path / "clone", machine).run("print"))
    assert "`git`" in line


def test_python_without_venv_is_refused_with_the_package_of_its_version(machine, tmp_path):
    python_script(machine / "python3", before=WITHOUT_VENV)
    (line,) = errors(clone(tmp_path / "clone", machine).run("print"))
    assert "`python3`" in line
    assert "`venv`" in line
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in line


def test_binoc_python_selects_the_python(machine, tmp_path):
    python = tmp_path / "my own python"
    python_script(python, before=WITHOUT_VENV)
    (line,) = errors(clone(tmp_path / "clone", machine).run("print", BINOC_PYTHON=str(python)))
    assert f"`{python}`" in line


def test_unsuitable_binoc_python_is_refused(machine, tmp_path):
    python = tmp_path / "my own python"
    python_script(python, before=OLD)
    (line,) = errors(clone(tmp_path / "clone", machine).run("print", BINOC_PYTHON=str(python)))
    assert str(python) in line
    assert "BINOC_PYTHON" in line


# --- with an environment ----------------------------------------------------------------------------------------------


def write_wheel(directory, name, version, tag, files):
    """Write an uncompressed wheel of `files`, a mapping of paths to bytes, and return its pin."""
    stem = f"{name.replace('-', '_')}-{version}"
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{path},," for path in [*files, record]]
    wheel = directory / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path)
            # pip keeps the executable bit of the wheel.
            entry.external_attr = (0o100755 if ".data/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, content)
        archive.writestr(record, "\n".join(lines) + "\n")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def wheel_of_installed(directory, name):
    """Write a wheel of an installed package and return its pin."""
    distribution = importlib.metadata.distribution(name)
    stem = f"{name.replace('-', '_')}-{distribution.version}"
    generated = {entry.name for entry in distribution.entry_points.select(group="console_scripts")}
    files = {}
    for path in distribution.files or ():
        inside = path.parts[0] != ".."
        if path.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json") or path.suffix == ".pyc":
            continue
        if inside or path.name not in generated:
            name_in_wheel = path.as_posix() if inside else f"{stem}.data/scripts/{path.name}"
            files[name_in_wheel] = Path(str(path.locate())).read_bytes()
    tags = [line.split()[1] for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")]
    return write_wheel(directory, name, distribution.version, tags[0], files)


def wheel_of_pebble(directory, version):
    """Write a wheel with one module and one command, which prints where it is installed, and return its pin."""
    info = f"pebble-{version}.dist-info"
    files = {
        "pebble.py": f"import sys\n\n\ndef main():\n    print('pebble {version} in', sys.prefix)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: pebble\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\npebble = pebble:main\n",
    }
    return write_wheel(
        directory, "pebble", version, "py3-none-any", {path: text.encode() for path, text in files.items()}
    )


def with_requirements(names):
    """Return the names of installed packages and of all that they require."""
    packages = set()
    while names:
        name = names.pop()
        if name not in packages:
            packages.add(name)
            for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    names.append(requirement.name)
    return sorted(packages)


@dataclass
class Wheelhouse:
    """A directory of wheels and their pins: `uv`, the base packages of environments, and two versions of `pebble`."""

    directory: Path
    uv: str
    base: str
    pebble: dict[int, str]

    def environment(self):
        """Return environment variables that make pip and uv use only this directory."""
        return {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.directory),
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_COMPILE": "1",
            "UV_CACHE_DIR": str(self.directory.parent / "cache"),
            "UV_FIND_LINKS": str(self.directory),
            "UV_NO_CONFIG": "1",
            "UV_NO_INDEX": "1",
            "UV_OFFLINE": "1",
        }


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory):
    directory = tmp_path_factory.mktemp("packages") / "wheels"
    directory.mkdir()
    uv = wheel_of_installed(directory, "uv")
    names = [name for name in with_requirements(["rust-just", "hatchling", "editables"]) if name != "uv"]
    base = "".join(wheel_of_installed(directory, name) for name in names)
    return Wheelhouse(directory, uv, base, {version: wheel_of_pebble(directory, version) for version in (1, 2)})


def new_clone(root, machine, wheelhouse):
    new = clone(root, machine, **wheelhouse.environment())
    new.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[1])
    return new


@pytest.fixture
def fresh_clone(tmp_path, machine, wheelhouse, home):
    """A clone without an environment."""
    python_with_pip(machine / "python3", home.pip)
    return new_clone(tmp_path / "clone", machine, wheelhouse)


@dataclass
class Home:
    """The clone of all tests that need no fresh one; its path contains characters that need quoting.

    Its environment was created with `ensurepip`; `pip` is a copy of the installed pip, for all other environments.
    """

    clone: Clone
    pip: Path
    before: list[str]
    first_calls: list[subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory, wheelhouse):
    directory = tmp_path_factory.mktemp("home")
    new = new_clone(directory / "it's a [clone] of $HOME", write_path(directory / "machine"), wheelhouse)
    before = new.listing()
    # Two calls at the same time; the one that waited is the second of the list.
    processes = [new.start("use") for _ in range(2)]
    first_calls = sorted(map(result, processes), key=lambda process: "waiting" in process.stderr)
    for part in new.root.glob(".venv/lib/python*/site-packages/pip*"):
        shutil.copytree(part, directory / "pip" / part.name)
    python_with_pip(directory / "machine/python3", directory / "pip")
    return Home(new, directory / "pip", before, first_calls)


@pytest.fixture
def ready(home, wheelhouse):
    """The clone of `home` with a complete environment, restored after the previous test."""
    home.clone.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[1])
    shutil.copy(ROOT / "pyproject.toml", home.clone.root)
    process = home.clone.run("print", "ready")
    assert (process.returncode, process.stdout) == (0, "[ready]"), process.stderr
    return home.clone


def used_environment(process, root, pebble=1):
    """Return whether the recipe `use` ran in the environment of the clone in `root`."""
    __tracebackhide__ = True
    venv = root / ".venv"
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == [f"pebble {pebble} in {venv}", str(venv), "the runbook"]
    return True


def creations(*processes):
    """Return how often the calls created or updated the environment."""
    return sum(process.stderr.count("just: creating .venv") for process in processes)


@pytest.mark.rehearsal
def test_first_call_creates_the_environment_and_runs_the_recipe(home):
    process, _ = home.first_calls
    assert used_environment(process, home.clone.root)
    assert creations(process) == 1
    assert home.clone.listing() == sorted([*home.before, ".venv", ".venv.lock"])


@pytest.mark.rehearsal
def test_concurrent_first_call_waits(home):
    _, process = home.first_calls
    assert used_environment(process, home.clone.root)
    assert "waiting" in process.stderr
    assert creations(process) == 0


@pytest.mark.rehearsal
def test_later_call_installs_nothing_and_needs_fewer_programs(ready, tmp_path):
    def state():
        paths = sorted((ready.root / ".venv").rglob("*"))
        return [(path, path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths]

    programs = write_path(tmp_path / "programs", LATER_CALLS, python=False)
    with failing_programs(ready.root / ".venv/bin", "python", "uv", backup=tmp_path):
        before = state()
        process = ready.run("print", "hello", PATH=str(programs))
        assert (process.returncode, process.stdout, process.stderr) == (0, "[hello]", "")
        assert state() == before


@contextlib.contextmanager
def failing_programs(directory, *names, backup):
    """Replace programs by scripts that fail."""
    for name in names:
        (directory / name).rename(backup / name)
        script(directory / name, f"echo {name} was started >&2; exit 1")
    try:
        yield
    finally:
        for name in names:
            (backup / name).replace(directory / name)


@pytest.mark.rehearsal
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("stdin", ["null", "closed"])
def test_wrapper_runs_in_each_shell_and_without_standard_input(ready, shell, stdin):
    command = (shutil.which(shell), "./just")
    process = ready.run("print", "hello", command=(*CLOSED, *command) if stdin == "closed" else command)
    assert (process.returncode, process.stdout, process.stderr) == (0, "[hello]", "")


@pytest.mark.rehearsal
def test_recipe_reads_standard_input(ready):
    (ready.root / "input").write_text("from a person\n", "utf-8")
    with (ready.root / "input").open("rb") as stdin:
        process = ready.run("--command", "cat", stdin=stdin)
    assert (process.returncode, process.stdout) == (0, "from a person\n")


@pytest.mark.rehearsal
def test_arguments_are_passed_unchanged(ready):
    arguments = ["two words", "", "*", "$HOME", "'quoted\"", "-x", "--flag=a b", "\\", "line\nbreak"]
    process = ready.run("print", *arguments)
    assert process.stdout == "".join(f"[{argument}]" for argument in arguments)


@pytest.mark.rehearsal
@pytest.mark.parametrize("code", [0, 1, 3, 77])
def test_exit_code_of_the_recipe_is_returned(ready, code):
    assert ready.run("exit", str(code)).returncode == code


@pytest.mark.rehearsal
@pytest.mark.parametrize("call", ["whole path", "relative path", "link", "link to a link", "on PATH", "with CDPATH"])
def test_recipe_runs_at_the_root_from_any_directory(ready, tmp_path, call):
    elsewhere = tmp_path / "else where"
    (elsewhere / "bin").mkdir(parents=True)
    (elsewhere / "bin/just").symlink_to(ready.root / "just")
    (elsewhere / "short").symlink_to("bin/just")
    path = f"{elsewhere / 'bin'}:{ready.environment['PATH']}"
    command, changes = {
        "whole path": (ready.root / "just", {}),
        "relative path": (os.path.relpath(ready.root / "just", elsewhere), {}),
        "link": (elsewhere / "bin/just", {}),
        "link to a link": ("./short", {}),
        "on PATH": ("just", {"PATH": path}),
        "with CDPATH": ("../else where/bin/just", {"CDPATH": f"{elsewhere}:{ready.root.parent}"}),
    }[call]
    # `env` looks up the command in the PATH of the call, as a shell does.
    process = ready.run("directory", command=(shutil.which("env"), command), cwd=elsewhere, **changes)
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{ready.root}\n", "")


@pytest.mark.rehearsal
def test_invalid_pyproject_does_not_stop_the_wrapper(ready):
    (ready.root / "pyproject.toml").write_text("[project\n", "utf-8")
    process = ready.run("print", "hello")
    assert (process.returncode, process.stdout, process.stderr) == (0, "[hello]", "")


@pytest.mark.rehearsal
def test_changed_requirements_update_the_environment(ready, wheelhouse):
    ready.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    changed = ready.run("use")
    assert creations(changed) == 1
    assert used_environment(changed, ready.root, pebble=2)

    ready.require(wheelhouse.uv, wheelhouse.base)
    removed = ready.run("--command", "python", "-c", "import pebble", command=(*CLOSED, "./just"))
    assert creations(removed) == 1
    assert removed.returncode != 0
    assert "No module named 'pebble'" in removed.stderr
    assert not (ready.root / ".venv/bin/pebble").exists()
    assert creations(ready.run("print", "hello")) == 0


@pytest.mark.rehearsal
def test_clone_with_the_same_pins_uses_the_shared_environment(ready, machine, wheelhouse, tmp_path):
    other = new_clone(tmp_path / "other", machine, wheelhouse)
    process = other.run(
        "--command", "python", "-c", "import sys; print(sys.prefix)", BINOC_ENVIRONMENT=f"{ready.root}/.venv"
    )
    assert process.stdout.strip() == str(ready.root / ".venv"), process.stderr
    assert not (other.root / ".venv").exists()


@pytest.mark.rehearsal
def test_shared_environment_with_other_pins_is_not_used(ready, fresh_clone, wheelhouse):
    fresh_clone.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    process = fresh_clone.run("use", BINOC_ENVIRONMENT=f"{ready.root}/.venv")
    assert used_environment(process, fresh_clone.root, pebble=2)


@pytest.mark.rehearsal
def test_binoc_pins_selects_the_requirements(fresh_clone, wheelhouse):
    (fresh_clone.root / "requirements/build.txt").write_text(wheelhouse.uv + wheelhouse.base, "utf-8")
    process = fresh_clone.run("print", "hello", BINOC_PINS="build")
    assert process.stdout == "[hello]", process.stderr
    assert not (fresh_clone.root / ".venv/bin/pebble").exists()


def test_missing_requirements_file_is_refused(machine, tmp_path):
    process = clone(tmp_path / "clone", machine).run("print", BINOC_PINS="nothing")
    assert (process.returncode, process.stdout) == (2, "")
    assert "`requirements/nothing.txt`" in process.stderr


@pytest.mark.rehearsal
def test_package_index_of_pip_is_used_by_uv_too(ready, wheelhouse, tmp_path):
    project = tmp_path / "pebble"
    project.mkdir()
    for wheel in wheelhouse.directory.glob("pebble-2-*"):
        shutil.copy(wheel, project)
    ready.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    requests = []

    class Index(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Index, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        names = ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_NO_INDEX", "UV_FIND_LINKS", "UV_OFFLINE")
        url = f"http://127.0.0.1:{server.server_port}/"
        process = ready.run("use", PIP_INDEX_URL=url, UV_CACHE_DIR=str(tmp_path / "cache"), **dict.fromkeys(names))
        server.shutdown()
    assert used_environment(process, ready.root, pebble=2)
    assert any(path.startswith("/pebble/pebble-2-") for path in requests)


@pytest.mark.rehearsal
def test_environment_without_its_python_is_created_again(ready):
    (ready.root / ".venv/bin/python").unlink()
    (ready.root / ".venv/bin/python").symlink_to("a/python/that/was/uninstalled")
    (ready.root / ".venv/leftover").touch()
    process = ready.run("use")
    assert creations(process) == 1
    assert used_environment(process, ready.root)
    assert not (ready.root / ".venv/leftover").exists()


@pytest.mark.rehearsal
def test_moved_checkout_gets_a_new_environment(ready, tmp_path):
    moved = Clone(tmp_path / "moved", ready.environment)
    shutil.copytree(ready.root, moved.root, symlinks=True)
    process = moved.run("use")
    assert creations(process) == 1
    assert used_environment(process, moved.root)
    assert creations(moved.run("print", "hello"), ready.run("print", "hello")) == 0


@pytest.mark.rehearsal
def test_wrong_digest_is_refused_and_the_next_call_starts_again(ready, wheelhouse):
    wrong = wheelhouse.pebble[2].partition("sha256:")[0] + f"sha256:{'0' * 64}\n"
    ready.require(wheelhouse.uv, wheelhouse.base, wrong)
    process = ready.run("print", "never")
    assert (process.returncode, process.stdout) == (1, "")
    assert "pebble==2" in process.stderr
    assert "hash mismatch" in process.stderr.lower()
    assert process.stderr.splitlines()[-1].startswith("just: ")

    # With that environment activated, it is created again with a Python outside of it.
    ready.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    activated = f"{ready.root / '.venv/bin'}:{ready.environment['PATH']}"
    process = ready.run("use", PATH=activated, VIRTUAL_ENV=str(ready.root / ".venv"))
    assert creations(process) == 1
    assert used_environment(process, ready.root, pebble=2)


def wait_for(path, process):
    """Wait until `path` exists; fail if the process ends before."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


@pytest.mark.rehearsal
def test_killed_first_call_is_completed_by_the_next(fresh_clone):
    for path in ("pyvenv.cfg", "bin/uv"):
        with fresh_clone.start("print", "never") as process:
            wait_for(fresh_clone.root / ".venv" / path, process)
            os.killpg(process.pid, signal.SIGKILL)
            assert process.communicate()[0] == ""
    # Simulate a kill during the installation of a package, which then only looks installed.
    (site,) = fresh_clone.root.glob(".venv/lib/python*/site-packages")
    (site / "pebble-1.dist-info").mkdir()
    (site / "pebble-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: pebble\nVersion: 1\n", "utf-8")
    (site / "pebble-1.dist-info/RECORD").write_text("pebble.py,,\npebble-1.dist-info/METADATA,,\n", "utf-8")

    assert used_environment(fresh_clone.run("use"), fresh_clone.root)
    assert creations(fresh_clone.run("print", "hello")) == 0


@pytest.mark.rehearsal
def test_interrupted_first_call_prints_no_traceback(fresh_clone):
    # Background processes of a shell ignore SIGINT, and the tests may be one.
    before = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    call = fresh_clone.start("print", "never", before=before)
    wait_for(fresh_clone.root / ".venv/pyvenv.cfg", call)
    os.killpg(call.pid, signal.SIGINT)
    process = result(call)
    assert (process.returncode, process.stdout) == (130, "")
    assert "just: interrupted" in process.stderr
    assert "Traceback" not in process.stderr
    assert "cannot create" not in process.stderr


@pytest.mark.rehearsal
def test_call_waits_for_children_of_a_killed_call(fresh_clone):
    killed = fresh_clone.start("print", "never")
    wait_for(fresh_clone.root / ".venv/pyvenv.cfg", killed)
    os.kill(killed.pid, signal.SIGKILL)  # only the wrapper, not its child processes
    process = fresh_clone.run("use")
    assert used_environment(process, fresh_clone.root)
    assert "waiting" in process.stderr
    assert creations(process) == 0
    assert result(killed).stdout == ""
