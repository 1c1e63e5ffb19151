"""`./just` as a newcomer meets it: on a bare machine, the first time, the second time, and after every accident.

Real processes on a PATH that holds only what a test put there. Nothing is downloaded: the wheels are zipped again from
what is installed where the tests run.
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
# The tools that the wrapper itself uses are all that a second call may need; `just` starts recipes with `sh`.
EVERYDAY = ["sh", "cat", "cmp", "dirname", "readlink"]
FIRST_TIME = [*EVERYDAY, "rm", "mv", "bash", "git", "cargo", "cc"]
# A command to type in front of another, which then has no standard input at all.
CLOSED = (shutil.which("sh"), "-c", 'exec "$@" <&-', "sh")
JUSTFILE = """\
set positional-arguments

say *arguments:
    @printf '[%s]' "$@"

end code:
    @exit "$1"

where:
    @pwd

# Three ways to show that the environment is whole and lives here: a console script, a module, the project itself.
prove:
    @pebble && python -c 'import sys, pebble; print(sys.prefix)' && binoc-runbook
"""


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def python_script(path, *, before=""):
    """A Python at `path`: that of the tests, outside of their environment; with `before`, each `-c` follows on that."""
    base = shlex.quote(getattr(sys, "_base_executable", sys.executable))
    if before:
        code = shlex.quote(f"{before}; exec(sys.argv.pop(1))")
        script(path, f'[ "$1" = -c ] || exit 1; shift; exec {base} -c {code} "$@"')
    else:
        script(path, f'exec {base} "$@"')


def python_with_pip(path, pip):
    """The same Python, which copies `pip` into an environment; its `ensurepip` takes seconds to install it there."""
    base, copy = (shlex.quote(each) for each in (getattr(sys, "_base_executable", sys.executable), shutil.which("cp")))
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
    """A directory for PATH in which a newcomer's machine is put together; what it does not hold is missing."""
    return furnish(tmp_path / "machine")


def furnish(directory, tools=FIRST_TIME, *, python=True):
    directory.mkdir()
    for name in tools:
        found = shutil.which(name)
        assert found, f"the tests need {name}"
        (directory / name).symlink_to(found)
    if python:
        python_script(directory / "python3")
    return directory


def result(process):
    """What it printed and how it ended, and that within two minutes or not at all."""
    with process:
        try:
            out, err = process.communicate(timeout=120)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@dataclass
class Clone:
    """A checkout that holds the wrapper and what it reads, and the environment variables of whoever types in it."""

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

    def type(self, *arguments, **options):
        return result(self.start(*arguments, **options))

    def listing(self):
        return sorted(path.name for path in self.root.iterdir())

    def require(self, uv, *others):
        (self.root / "requirements").mkdir(exist_ok=True)
        (self.root / "requirements/uv.txt").write_text(uv, "utf-8")
        (self.root / "requirements/dev.txt").write_text(uv + "".join(others), "utf-8")


def clone(root, path, **environment):
    """A new checkout in `root`, without an environment."""
    (root / "src/binoc_runbook").mkdir(parents=True)
    for name in ("just", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    (root / "src/binoc_runbook/__init__.py").touch()
    (root / "src/binoc_runbook/cli.py").write_text("def main(): print('the runbook')\n", "utf-8")
    (root / "justfile").write_text(JUSTFILE, "utf-8")
    made = Clone(root, {"PATH": str(path), "HOME": str(root.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment})
    made.require("")
    return made


def test_git_checks_the_wrapper_out_as_it_is_committed_also_where_it_writes_other_line_ends(git, tmp_path):
    committed = tmp_path / "committed"
    git("init", "--quiet", str(committed))
    for name in (".gitattributes", "just", "justfile"):
        shutil.copy(ROOT / name, committed)
    git("add", "--all", cwd=committed)
    git("commit", "--quiet", "-m", "The wrapper", cwd=committed)
    git("clone", "--quiet", "--config", "core.autocrlf=true", str(committed), str(tmp_path / "windows"))
    for name in ("just", "justfile"):
        assert (tmp_path / "windows" / name).read_bytes() == (ROOT / name).read_bytes()


# --- on a machine on which something is missing -----------------------------------------------------------------------

MISSING = {
    "git": ("`git` is missing", "apt-get install git"),
    "cargo": ("`cargo` is missing", "rustup"),
    "cc": ("`cc` is missing", "apt-get install build-essential"),
    "bash": ("`bash` is missing", "apt-get install bash"),
    "cmp": ("`cmp` is missing", "apt-get install diffutils"),
    "python3": ("no Python 3.11 or newer was found", "apt-get install python3-venv"),
}


def complaints(done):
    """The lines of a refusal; that it was one, and is told as the wrapper tells things, is asserted here."""
    assert done.returncode == 1
    assert done.stdout == ""
    *lines, last = done.stderr.splitlines()
    assert last == "just: nothing was changed; install what is missing and type the same command again"
    assert all(line.startswith("just: ") for line in lines)
    return lines


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_named_with_how_to_get_it_and_nothing_is_made(machine, tmp_path, name):
    (machine / name).unlink()
    newcomer = clone(tmp_path / "clone", machine)
    before = newcomer.listing()
    (line,) = complaints(newcomer.type("say", "hello"))
    assert all(words in line for words in MISSING[name])
    assert newcomer.listing() == before


@pytest.mark.parametrize("shell", SHELLS)
def test_all_that_is_missing_is_named_at_once(machine, tmp_path, shell):
    for name in MISSING:
        (machine / name).unlink()
    newcomer = clone(tmp_path / "clone", machine)
    before = newcomer.listing()
    lines = complaints(newcomer.type("say", command=(shutil.which(shell), "./just")))
    assert len(lines) == len(MISSING)
    for words in MISSING.values():
        assert any(all(word in line for word in words) for line in lines)
    assert newcomer.listing() == before


def test_a_python_that_is_too_old_is_as_good_as_none(machine, tmp_path):
    python_script(machine / "python3", before=OLD)
    (line,) = complaints(clone(tmp_path / "clone", machine).type("say"))
    assert "no Python 3.11 or newer was found" in line


def test_a_python_that_is_too_old_is_passed_over_for_a_newer_one(machine, tmp_path):
    python_script(machine / "python3", before=OLD)
    python_script(machine / "python3.13")
    (machine / "git").unlink()
    (line,) = complaints(clone(tmp_path / "clone", machine).type("say"))
    assert "`git` is missing" in line


def test_a_python_without_the_venv_module_is_named_with_the_package_of_its_version(machine, tmp_path):
    python_script(machine / "python3", before=WITHOUT_VENV)
    (line,) = complaints(clone(tmp_path / "clone", machine).type("say"))
    assert "the `venv` module of `python3` is missing" in line
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in line


def test_the_python_named_in_the_environment_is_the_one_that_is_taken(machine, tmp_path):
    mine = tmp_path / "my own python"
    python_script(mine, before=WITHOUT_VENV)
    (line,) = complaints(clone(tmp_path / "clone", machine).type("say", BINOC_PYTHON=str(mine)))
    assert f"`{mine}`" in line


def test_a_python_named_in_the_environment_that_will_not_do_is_not_exchanged_for_another(machine, tmp_path):
    mine = tmp_path / "my own python"
    python_script(mine, before=OLD)
    (line,) = complaints(clone(tmp_path / "clone", machine).type("say", BINOC_PYTHON=str(mine)))
    assert str(mine) in line
    assert "BINOC_PYTHON" in line


# --- with an environment ----------------------------------------------------------------------------------------------


def write_wheel(directory, name, version, tag, files):
    """A wheel of `files`, a path in the wheel and the bytes for each; uncompressed, for speed. Returns its pin."""
    stem = f"{name.replace('-', '_')}-{version}"
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{path},," for path in [*files, record]]
    wheel = directory / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path)
            # pip makes executable what is so in the wheel.
            entry.external_attr = (0o100755 if ".data/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, content)
        archive.writestr(record, "\n".join(lines) + "\n")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def wheel_of_installed(directory, name):
    """What pip or uv once unpacked here, packed again."""
    distribution = importlib.metadata.distribution(name)
    stem = f"{name.replace('-', '_')}-{distribution.version}"
    generated = {entry.name for entry in distribution.entry_points.select(group="console_scripts")}
    files = {}
    for path in distribution.files or ():
        inside = path.parts[0] != ".."
        if path.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json") or path.suffix == ".pyc":
            continue
        if inside or path.name not in generated:
            kept = path.as_posix() if inside else f"{stem}.data/scripts/{path.name}"
            files[kept] = Path(str(path.locate())).read_bytes()
    tags = [line.split()[1] for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")]
    return write_wheel(directory, name, distribution.version, tags[0], files)


def wheel_of_pebble(directory, version):
    """A distribution to add, to change and to remove: one module, and one command that says where it is installed."""
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


def needed_by(names):
    """The names and all that they require, as installed here."""
    found = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            wanted = map(Requirement, importlib.metadata.requires(name) or ())
            names += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return sorted(found)


@dataclass
class Wheelhouse:
    """A directory of wheels, and the pins of what is in it: the installer, what environments hold, the pebbles."""

    directory: Path
    uv: str
    base: str
    pebble: dict[int, str]

    def environment(self):
        """What has pip and uv look into the directory, and nowhere else."""
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
    names = [name for name in needed_by(["rust-just", "hatchling", "editables"]) if name != "uv"]
    base = "".join(wheel_of_installed(directory, name) for name in names)
    return Wheelhouse(directory, uv, base, {version: wheel_of_pebble(directory, version) for version in (1, 2)})


def new_clone(root, machine, wheelhouse):
    made = clone(root, machine, **wheelhouse.environment())
    made.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[1])
    return made


@pytest.fixture
def newcomer(tmp_path, machine, wheelhouse, home):
    """A clone in which nobody has typed anything yet."""
    python_with_pip(machine / "python3", home.pip)
    return new_clone(tmp_path / "clone", machine, wheelhouse)


@dataclass
class Home:
    """One clone for all tests that need no new one; its path holds what shells and shebangs stumble over.

    Its environment was made by Python alone; those that are made later, here and elsewhere, have the `pip` of this one.
    """

    clone: Clone
    pip: Path
    before: list[str]
    first: list[subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory, wheelhouse):
    directory = tmp_path_factory.mktemp("home")
    made = new_clone(directory / "it's a [clone] of $HOME", furnish(directory / "machine"), wheelhouse)
    before = made.listing()
    # Two at once, since one costs as much.
    calls = [made.start("prove") for _ in range(2)]
    first = sorted(map(result, calls), key=lambda done: "waiting" in done.stderr)
    for part in made.root.glob(".venv/lib/python*/site-packages/pip*"):
        shutil.copytree(part, directory / "pip" / part.name)
    python_with_pip(directory / "machine/python3", directory / "pip")
    return Home(made, directory / "pip", before, first)


@pytest.fixture
def settled(home, wheelhouse):
    """That clone with a whole environment, whatever the test before did to it."""
    home.clone.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[1])
    shutil.copy(ROOT / "pyproject.toml", home.clone.root)
    done = home.clone.type("say", "settled")
    assert (done.returncode, done.stdout) == (0, "[settled]"), done.stderr
    return home.clone


def is_whole(done, root, pebble=1):
    """The recipe `prove` of the clone in `root` ran with everything that the requirements name."""
    __tracebackhide__ = True
    venv = root / ".venv"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"pebble {pebble} in {venv}", str(venv), "the runbook"]
    return True


WAITING = "just: waiting for another call, which is making .venv\n"


def made_times(*done):
    return sum(each.stderr.count("just: making .venv") for each in done)


@pytest.mark.rehearsal
def test_the_first_call_makes_the_environment_and_runs_the_recipe(home):
    maker, _ = home.first
    assert is_whole(maker, home.clone.root)
    assert maker.stderr == "just: making .venv from requirements/ (the first time, and whenever they change)\n"
    assert home.clone.listing() == sorted([*home.before, ".venv", ".venv.lock"])


@pytest.mark.rehearsal
def test_another_first_call_at_the_same_time_waits_and_succeeds_too(home):
    _, other = home.first
    assert is_whole(other, home.clone.root)
    assert other.stderr == WAITING


@pytest.mark.rehearsal
def test_the_second_call_installs_nothing_and_needs_no_tool_of_the_first(settled, tmp_path):
    def state():
        paths = sorted((settled.root / ".venv").rglob("*"))
        return [(path, path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths]

    everyday = furnish(tmp_path / "everyday", EVERYDAY, python=False)
    with tripwires(settled.root / ".venv/bin", "python", "uv", aside=tmp_path):
        before = state()
        done = settled.type("say", "hello", PATH=str(everyday))
        assert (done.returncode, done.stdout, done.stderr) == (0, "[hello]", "")
        assert state() == before


@contextlib.contextmanager
def tripwires(directory, *names, aside):
    """In place of the tools, something that complains when it is started."""
    for name in names:
        (directory / name).rename(aside / name)
        script(directory / name, f"echo {name} was started >&2; exit 1")
    try:
        yield
    finally:
        for name in names:
            (aside / name).replace(directory / name)


@pytest.mark.rehearsal
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("stdin", ["null", "closed"])
def test_any_shell_will_do_with_and_without_a_standard_input(settled, shell, stdin):
    command = (shutil.which(shell), "./just")
    done = settled.type("say", "hello", command=(*CLOSED, *command) if stdin == "closed" else command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[hello]", "")


@pytest.mark.rehearsal
def test_the_recipe_reads_what_is_typed_to_it(settled):
    (settled.root / "typed").write_text("from a person\n", "utf-8")
    with (settled.root / "typed").open("rb") as typed:
        done = settled.type("--command", "cat", stdin=typed)
    assert (done.returncode, done.stdout) == (0, "from a person\n")


@pytest.mark.rehearsal
def test_arguments_reach_the_recipe_unharmed(settled):
    arguments = ["two words", "", "*", "$HOME", "'quoted\"", "-x", "--flag=a b", "\\", "line\nbreak"]
    done = settled.type("say", *arguments)
    assert done.stdout == "".join(f"[{argument}]" for argument in arguments)


@pytest.mark.rehearsal
@pytest.mark.parametrize("code", [0, 1, 3, 77])
def test_the_exit_code_of_the_recipe_is_that_of_the_call(settled, code):
    assert settled.type("end", str(code)).returncode == code


@pytest.mark.rehearsal
@pytest.mark.parametrize("way", ["whole path", "relative path", "link", "link to a link", "on PATH", "with CDPATH"])
def test_called_from_anywhere_in_any_way_the_recipe_runs_at_the_root(settled, tmp_path, way):
    elsewhere = tmp_path / "else where"
    (elsewhere / "bin").mkdir(parents=True)
    (elsewhere / "bin/just").symlink_to(settled.root / "just")
    (elsewhere / "short").symlink_to("bin/just")
    path = f"{elsewhere / 'bin'}:{settled.environment['PATH']}"
    command, changes = {
        "whole path": (settled.root / "just", {}),
        "relative path": (os.path.relpath(settled.root / "just", elsewhere), {}),
        "link": (elsewhere / "bin/just", {}),
        "link to a link": ("./short", {}),
        "on PATH": ("just", {"PATH": path}),
        "with CDPATH": ("../else where/bin/just", {"CDPATH": f"{elsewhere}:{settled.root.parent}"}),
    }[way]
    # `env` looks the command up as a shell does, in the PATH of the call.
    done = settled.type("where", command=(shutil.which("env"), command), cwd=elsewhere, **changes)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{settled.root}\n", "")


@pytest.mark.rehearsal
def test_a_pyproject_that_does_not_parse_is_for_the_runbook_to_say(settled):
    (settled.root / "pyproject.toml").write_text("[project\n", "utf-8")
    done = settled.type("say", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[hello]", "")


@pytest.mark.rehearsal
def test_changed_requirements_are_followed_and_what_they_no_longer_name_is_gone(settled, wheelhouse):
    settled.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    changed = settled.type("prove")
    assert made_times(changed) == 1
    assert is_whole(changed, settled.root, pebble=2)

    settled.require(wheelhouse.uv, wheelhouse.base)
    removed = settled.type("--command", "python", "-c", "import pebble", command=(*CLOSED, "./just"))
    assert made_times(removed) == 1
    assert removed.returncode != 0
    assert "No module named 'pebble'" in removed.stderr
    assert not (settled.root / ".venv/bin/pebble").exists()
    assert made_times(settled.type("say", "hello")) == 0


@pytest.mark.rehearsal
def test_another_clone_with_the_same_pins_may_borrow_the_environment_and_makes_none(
    settled, machine, wheelhouse, tmp_path
):
    other = new_clone(tmp_path / "other", machine, wheelhouse)
    done = other.type(
        "--command", "python", "-c", "import sys; print(sys.prefix)", BINOC_ENVIRONMENT=f"{settled.root}/.venv"
    )
    assert done.stdout.strip() == str(settled.root / ".venv"), done.stderr
    assert not (other.root / ".venv").exists()


@pytest.mark.rehearsal
def test_an_environment_with_other_pins_is_not_borrowed(settled, newcomer, wheelhouse):
    newcomer.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    done = newcomer.type("prove", BINOC_ENVIRONMENT=f"{settled.root}/.venv")
    assert is_whole(done, newcomer.root, pebble=2)


@pytest.mark.rehearsal
def test_a_build_job_gets_the_pins_for_building_alone(newcomer, wheelhouse):
    (newcomer.root / "requirements/build.txt").write_text(wheelhouse.uv + wheelhouse.base, "utf-8")
    done = newcomer.type("say", "hello", BINOC_PINS="build")
    assert done.stdout == "[hello]", done.stderr
    assert not (newcomer.root / ".venv/bin/pebble").exists()


def test_pins_that_are_not_there_are_named(machine, tmp_path):
    done = clone(tmp_path / "clone", machine).type("say", BINOC_PINS="nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no `requirements/nothing.txt`" in done.stderr


@pytest.mark.rehearsal
def test_the_mirror_that_pip_was_told_of_serves_everything(settled, wheelhouse, tmp_path):
    project = tmp_path / "pebble"
    project.mkdir()
    for wheel in wheelhouse.directory.glob("pebble-2-*"):
        shutil.copy(wheel, project)
    settled.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    asked = []

    class Index(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Index, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {"PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/", "UV_CACHE_DIR": str(tmp_path / "cache")}
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_NO_INDEX", "UV_FIND_LINKS", "UV_OFFLINE"):
            told[name] = None
        done = settled.type("prove", **told)
        server.shutdown()
    assert is_whole(done, settled.root, pebble=2)
    assert any(path.startswith("/pebble/pebble-2-") for path in asked)


@pytest.mark.rehearsal
def test_an_environment_whose_python_is_gone_is_made_anew(settled):
    (settled.root / ".venv/bin/python").unlink()
    (settled.root / ".venv/bin/python").symlink_to("a/python/that/was/uninstalled")
    (settled.root / ".venv/leftover").touch()
    done = settled.type("prove")
    assert made_times(done) == 1
    assert is_whole(done, settled.root)
    assert not (settled.root / ".venv/leftover").exists()


@pytest.mark.rehearsal
def test_a_checkout_that_moved_gets_an_environment_of_its_own(settled, tmp_path):
    moved = Clone(tmp_path / "moved", settled.environment)
    shutil.copytree(settled.root, moved.root, symlinks=True)
    done = moved.type("prove")
    assert made_times(done) == 1
    assert is_whole(done, moved.root)
    assert made_times(moved.type("say", "hello"), settled.type("say", "hello")) == 0


@pytest.mark.rehearsal
def test_a_package_that_is_not_the_pinned_one_stops_everything_and_the_next_call_begins_again(settled, wheelhouse):
    wrong = wheelhouse.pebble[2].partition("sha256:")[0] + f"sha256:{'0' * 64}\n"
    settled.require(wheelhouse.uv, wheelhouse.base, wrong)
    done = settled.type("say", "never")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pebble==2" in done.stderr
    assert "hash mismatch" in done.stderr.lower()
    assert done.stderr.splitlines()[-1] == (
        "just: the environment could not be made; type the same command again once the cause above is mended"
    )

    # As typed by somebody who has that environment activated: it is made anew with a Python out of itself.
    settled.require(wheelhouse.uv, wheelhouse.base, wheelhouse.pebble[2])
    activated = f"{settled.root / '.venv/bin'}:{settled.environment['PATH']}"
    done = settled.type("prove", PATH=activated, VIRTUAL_ENV=str(settled.root / ".venv"))
    assert made_times(done) == 1
    assert is_whole(done, settled.root, pebble=2)


def wait_for(path, process):
    """Until `path` exists; a process that ends without making it is a failure."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


@pytest.mark.rehearsal
def test_a_first_call_that_was_killed_again_and_again_is_finished_by_the_next(newcomer):
    for moment in ("pyvenv.cfg", "bin/uv"):
        with newcomer.start("say", "never") as process:
            wait_for(newcomer.root / ".venv" / moment, process)
            os.killpg(process.pid, signal.SIGKILL)
            assert process.communicate()[0] == ""
    # The worst moment to be killed, which no test hits by chance: a package that only looks installed.
    (site,) = newcomer.root.glob(".venv/lib/python*/site-packages")
    (site / "pebble-1.dist-info").mkdir()
    (site / "pebble-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: pebble\nVersion: 1\n", "utf-8")
    (site / "pebble-1.dist-info/RECORD").write_text("pebble.py,,\npebble-1.dist-info/METADATA,,\n", "utf-8")

    assert is_whole(newcomer.type("prove"), newcomer.root)
    assert made_times(newcomer.type("say", "hello")) == 0


@pytest.mark.rehearsal
def test_an_interrupted_first_call_says_so_without_a_traceback(newcomer):
    # Whoever starts the tests in the background has them ignore what is to be sent here.
    before = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    call = newcomer.start("say", "never", before=before)
    wait_for(newcomer.root / ".venv/pyvenv.cfg", call)
    os.killpg(call.pid, signal.SIGINT)
    done = result(call)
    assert (done.returncode, done.stdout) == (130, "")
    assert "just: interrupted; type the same command again\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "could not be made" not in done.stderr


@pytest.mark.rehearsal
def test_what_a_killed_call_left_running_is_waited_for_and_not_worked_against(newcomer):
    killed = newcomer.start("say", "never")
    wait_for(newcomer.root / ".venv/pyvenv.cfg", killed)
    os.kill(killed.pid, signal.SIGKILL)  # the wrapper alone, not what it started
    after = newcomer.type("prove")
    assert is_whole(after, newcomer.root)
    assert after.stderr == WAITING
    assert result(killed).stdout == ""
