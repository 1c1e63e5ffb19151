"""A checkout that names programs in all places that git, cargo, rustup and Python read: no check starts one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.cli import main

_HOOKS = (
    "reference-transaction",
    "post-index-change",
    "pre-push",
    "post-checkout",
    "fsmonitor-watchman",
    "pre-auto-gc",
)

#: Settings of git; PROGRAM is a program that leaves a marker with the name of the key.
_SETTINGS = """\
core.fsmonitor=PROGRAM
core.sshCommand=PROGRAM
core.gitProxy=PROGRAM
core.askPass=PROGRAM
core.pager=PROGRAM
core.editor=PROGRAM
core.alternateRefsCommand=PROGRAM
credential.helper=!PROGRAM
credential.https://host.invalid.helper=!PROGRAM
filter.one.clean=PROGRAM
filter.one.smudge=PROGRAM
filter.two.process=PROGRAM
diff.external=PROGRAM
diff.one.command=PROGRAM
diff.one.textconv=PROGRAM
merge.one.driver=PROGRAM
gpg.program=PROGRAM
gpg.ssh.program=PROGRAM
remote.origin.uploadpack=PROGRAM
remote.origin.receivepack=PROGRAM
uploadpack.packObjectsHook=PROGRAM
hook.one.command=PROGRAM
hook.one.event=post-index-change
alias.status=!PROGRAM
url.ext::PROGRAM.pushInsteadOf=host.invalid:demo.git
protocol.ext.allow=always
tag.gpgSign=true
log.showSignature=true
extensions.partialClone=origin
remote.origin.promisor=true
"""

_MODULE = "import pathlib\npathlib.Path({!r}).touch()\n"
_SIGNATURE = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n =aaaa\n -----END PGP SIGNATURE-----\n"


@pytest.fixture
def markers(checkout, tmp_path, git) -> Path:
    """Make the checkout hostile; return the directory in which each of its programs leaves a marker."""
    directory = tmp_path / "markers"
    directory.mkdir()

    def program(name: str) -> str:
        path = tmp_path / "programs" / name.replace("/", "-").replace(":", "-")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{directory}/{path.name}'\nexit 1\n", "utf-8")
        path.chmod(0o755)
        return str(path)

    root = checkout.root
    submodule(checkout, tmp_path, git)
    checkout.write(".gitattributes", "*.toml filter=one diff=one merge=one\n*.md filter=two\n")
    checkout.write("rust-toolchain.toml", f'[toolchain]\npath = "{tmp_path / "toolchain"}"\n')
    for name in ("cargo", "rustc"):
        (tmp_path / "toolchain/bin").mkdir(parents=True, exist_ok=True)
        Path(program(name)).rename(tmp_path / "toolchain/bin" / name)
    wrapper = program("rust-wrapper")
    tools = "\n".join(f'{key} = "{wrapper}"' for key in ("rustc", "rustc-wrapper", "rustc-workspace-wrapper"))
    target = f'[target.x86_64-unknown-linux-gnu]\nlinker = "{wrapper}"\nrunner = "{wrapper}"\n'
    provider = f'[registry]\nglobal-credential-providers = ["{wrapper}"]\n'
    preload = f'[env]\nLD_PRELOAD = {{ value = "{library(tmp_path, directory)}", force = true }}\n'
    checkout.write(".cargo/config.toml", f'[build]\n{tools}\n{target}{provider}{preload}[alias]\nmetadata = "run"\n')
    for module in ("pip", "git", "yaml", "tomlkit", "sitecustomize", "binoc_runbook"):
        checkout.write(f"{module}.py", _MODULE.format(str(directory / f"module-{module}")))
    checkout.commit("Programs")
    signed = git("cat-file", "commit", "HEAD", cwd=root).replace("\n\n", f"\n{_SIGNATURE}\n", 1)
    (tmp_path / "commit").write_text(f"{signed}\n", "utf-8")
    commit = git("hash-object", "-t", "commit", "-w", str(tmp_path / "commit"), cwd=root)
    git("update-ref", "refs/heads/main", commit, cwd=root)
    for hook in _HOOKS:
        (root / ".git/hooks").mkdir(exist_ok=True)
        shutil.copy(program(hook), root / ".git/hooks" / hook)
    (tmp_path / "included").write_text(f"[core]\nhooksPath = {root}/.git/hooks\n", "utf-8")
    with (root / ".git/config").open("a", encoding="utf-8") as file:
        file.write(f"[include]\npath = {tmp_path}/included\n[core]\nrepositoryFormatVersion = 1\n")
        for line in _SETTINGS.splitlines():
            key, _, value = line.rpartition("=")
            section, _, rest = key.partition(".")
            middle, _, name = rest.replace("PROGRAM", program("ext")).rpartition(".")
            file.write(f'[{section} "{middle}"]\n' if middle else f"[{section}]\n")
            file.write(f'{name} = "{value.replace("PROGRAM", program(key))}"\n')
    git("remote", "set-url", "origin", "host.invalid:demo.git", cwd=root)
    part = f'[core]\nfsmonitor = {program("core.fsmonitor")}\n[filter "part"]\nclean = {program("filter.part")}\n'
    with (root / ".git/modules/part/config").open("a", encoding="utf-8") as file:
        file.write(part)
    for path in root.glob("**/*.*"):  # git compares the content of files whose time has changed
        if path.is_file() and ".git" not in path.relative_to(root).parts:
            os.utime(path)
    blob = git("rev-parse", "HEAD:CHANGELOG.md", cwd=root)
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()  # git would download it
    for marker in directory.iterdir():
        marker.unlink()
    return directory


def submodule(checkout, tmp_path, git) -> None:
    """Add a submodule whose files have a filter."""
    part = tmp_path / "part"
    git("init", "--quiet", "--initial-branch=main", str(part))
    (part / ".gitattributes").write_text("*.txt filter=part\n", "utf-8")
    (part / "part.txt").write_text("text\n", "utf-8")
    git("add", "--all", cwd=part)
    git("commit", "--quiet", "-m", "Part", cwd=part)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "part", cwd=checkout.root)


def library(tmp_path: Path, directory: Path) -> Path:
    """Compile a library that leaves a marker when it is loaded."""
    source, library = tmp_path / "preload.c", tmp_path / "preload.so"
    call = f'open("{directory}/preload", O_CREAT, 0600)'
    source.write_text(f"#include <fcntl.h>\n__attribute__((constructor)) void load(void) {{ {call}; }}\n", "utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def left(markers: Path) -> list[str]:
    return sorted(marker.name for marker in markers.iterdir())


def test_no_check_starts_a_program_of_the_checkout(checkout, markers, local_registries, monkeypatch, capsys):
    monkeypatch.delenv("RUSTUP_TOOLCHAIN", raising=False)
    monkeypatch.chdir(checkout.root)
    for command in (
        ["check", "--dists", "dist"],
        ["inspect"],
        ["plan"],
        ["doctor"],
        ["check-tag", "refs/tags/v0.4.0"],
    ):
        main(command)
        assert (command, left(markers)) == (command, [])
    capsys.readouterr()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    program = [Path(sys.executable).parent / "binoc-runbook", "check"]
    done = subprocess.run(program, cwd=checkout.root, env=environment, capture_output=True, text=True, check=False)
    assert "unknown  .git/config:" in done.stdout
    assert left(markers) == []
    # The programs start if nothing prevents it.
    for command in (
        ["git", "status"],
        ["git", "-c", "core.fsmonitor=false", "status"],
        ["git", "-C", "part", "-c", "core.fsmonitor=false", "status"],
        ["git", "log", "-1"],
        ["git", "ls-remote", "host.invalid:demo.git"],
        ["cargo", "metadata"],
        [sys.executable, "-m", "pip", "--version"],
    ):
        subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, check=False)
    started = {"core.fsmonitor", "filter.one.clean", "filter.part", "gpg.program", "core.sshCommand", "cargo"}
    assert started | {"module-pip"} <= set(left(markers))
