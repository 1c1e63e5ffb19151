"""What a release publishes, built the same way each time: the same commit gives the same bytes in every folder.

For each distribution of the policy: its sdist, and a wheel for this host built from that sdist, as an installer would
build it; for each crate: the `.crate`. The times in them are the commit's (`SOURCE_DATE_EPOCH`), and the folders they
were built in are mapped to fixed names, so that nothing of this machine is left inside.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tarfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from binoc_runbook.checks.dists import SUMS
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact
from binoc_runbook.refusal import Refused
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import Processes

CHECK = "dist"

_BUILT = (".whl", ".tar.gz", ".crate")
_CACHE = "Signature: 8a477f597d28d172789f06886806bc55\n# made by binoc-runbook\n"


def build(target: Target, out: Path, on_line: Callable[[str], None]) -> list[Path]:
    """Build every artifact of the policy into `out`, in place of an earlier build; returns the files, the sums last.

    `on_line` is told what is built and what the tools say.

    Raises:
        Refused: A tool failed, `out` holds what no build has made, or an sdist would be built from crates that the lock
            file does not name.
    """
    return _Build(target, out.resolve(), on_line).run()


class _Build:
    def __init__(self, target: Target, out: Path, on_line: Callable[[str], None]) -> None:
        self.root = target.world.root
        self.processes = target.world.processes
        self.artifacts = target.policy.artifacts
        self.out = out
        self.on_line = on_line
        given = self.processes.environment.get("CARGO_TARGET_DIR") or os.environ.get("CARGO_TARGET_DIR")
        self.work = (self.root / (given or "target")).resolve() / "dist-build"
        committed = target.world.git.ask("log", "-1", "--format=%ct", "HEAD")
        if committed.returncode != 0:
            self.refuse("git log -1", committed.reason, "git commit, so that what is built has a time")
        self.environment = {
            "SOURCE_DATE_EPOCH": committed.stdout.strip(),
            "CARGO_TARGET_DIR": str(self.work / "target"),
            # Takes precedence over RUSTFLAGS, and holds paths with spaces. Cargo leaves this one flag out of the hashes
            # that become symbol names; any other would give other bytes in another folder.
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(
                f"--remap-path-prefix={folder}={name}"
                for folder, name in (  # the last that matches wins
                    (Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo"), "/cargo"),
                    (self.root, "/checkout"),
                    (self.work, "/build"),
                )
            ),
        }

    def run(self) -> list[Path]:
        self.empty()
        for folder in (self.work / "sdists", self.work / "sources"):
            shutil.rmtree(folder, ignore_errors=True)
        # The sources unpacked there hold manifests, which are none of this checkout's; the mark keeps tools out.
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "CACHEDIR.TAG").write_text(_CACHE, "utf-8")
        # The one step that may use the network: all after it take what the lock file names, and nothing else.
        self.do("fetch", ["cargo", "fetch", "--locked"])
        for artifact in self.artifacts:
            (self.crate if artifact.registry == "crates.io" else self.distribution)(artifact)
        built = sorted(self.out.iterdir())
        lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in built)
        (self.out / SUMS).write_text("".join(lines), "utf-8", newline="\n")
        return [*built, self.out / SUMS]

    def empty(self) -> None:
        """Remove what an earlier build left in the folder; one that holds anything else is not ours to empty."""
        self.out.mkdir(parents=True, exist_ok=True)
        there = list(self.out.iterdir())
        if others := sorted(path.name for path in there if path.name != SUMS and not path.name.endswith(_BUILT)):
            saw = f"holds {', '.join(f'`{name}`' for name in others[:5])}, which no build has put there"
            self.refuse(f"--out {self.out.name}", saw, "--out DIR, a new folder or one of an earlier build")
        for path in there:
            path.unlink()

    def crate(self, artifact: Artifact) -> None:
        self.do(artifact.name, ["cargo", "package", "--locked", "--offline", "--package", artifact.name])
        for path in (self.work / "target/package").glob(f"{artifact.name}-[0-9]*.crate"):
            path.replace(self.out / path.name)

    def distribution(self, artifact: Artifact) -> None:
        made = self.work / "sdists" / artifact.name
        manifest = str(self.root / artifact.path / "Cargo.toml")
        self.do(f"{artifact.name}-sdist", ["maturin", "sdist", "--manifest-path", manifest, "--out", str(made)])
        (sdist,) = made.iterdir()
        source = self.unpack(sdist)
        self.prune(artifact, source)
        wheels = self.work / "sdists" / f"{artifact.name}-wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        command = ["maturin", "build", "--release", "--locked", "--offline", "--compatibility", "pypi"]
        self.do(f"{artifact.name}-wheel", [*command, "--out", str(wheels)], replace(self.processes, root=source))
        (wheel,) = wheels.iterdir()
        place_free(wheel, self.out / wheel.name, source)
        shutil.copyfile(sdist, self.out / sdist.name)

    def unpack(self, sdist: Path) -> Path:
        folder = self.work / "sources"
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter=_written_now)  # noqa: S202 - our own, checked by `data_filter`
        return folder / sdist.name.removesuffix(".tar.gz")

    def prune(self, artifact: Artifact, source: Path) -> None:
        """Let cargo drop from the lock file what the sdist does not carry, and nothing else.

        maturin leaves members of the workspace out of an sdist, and keeps the lock file of all of them; `--locked`
        refuses that.
        """
        lock = source / "Cargo.lock"
        before = _locked(lock)
        quiet = ["cargo", "metadata", "--offline", "--format-version", "1"]
        done = replace(self.processes, root=source, environment=self.merged()).run(quiet)
        if done.returncode != 0:
            self.refuse(" ".join(quiet), done.reason, "cargo fetch --locked")
        if added := _locked(lock) - before:
            names = ", ".join(f"`{name}` {version}" for name, version, *_ in sorted(added, key=str))
            saw = f"building it would use {names}, which the lock file does not name"
            self.refuse(f"the sdist of {artifact.name}", saw, "cargo update --workspace")

    def do(self, name: str, command: list[str], processes: Processes | None = None) -> None:
        self.on_line(f"$ {' '.join(command)}")
        log = self.work / "logs" / f"{name}.log"
        try:
            done = (processes or self.processes).watch(command, log, self.on_line, environment=self.environment)
        except FileNotFoundError:
            self.refuse(command[0], "was not found on PATH", f"./just with {' '.join(command)}")
        if done.returncode != 0:
            saw = " / ".join(line.strip() for line in done.tail[-6:] if line.strip()) or f"exit code {done.returncode}"
            shown = log.relative_to(self.root) if log.is_relative_to(self.root) else log
            self.refuse(" ".join(command[:2]), saw, f"read `{shown.as_posix()}`")

    def merged(self) -> dict[str, str]:
        return {**self.processes.environment, **self.environment}

    def refuse(self, looked_at: str, saw: str, remedy: str) -> NoReturn:
        raise Refused("not everything could be built", [Finding.failed(CHECK, looked_at, saw, remedy)])


def _written_now(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Give each file the present time: those in an sdist lie years back, and cargo would take what it built before."""
    return tarfile.data_filter(member, folder).replace(mtime=time.time(), deep=False)


def _locked(path: Path) -> set[tuple[str, str, str | None, str | None]]:
    packages = tomllib.loads(path.read_text("utf-8")).get("package", [])
    return {(each["name"], each["version"], each.get("source"), each.get("checksum")) for each in packages}


def place_free(wheel: Path, to: Path, source: Path) -> None:
    """Copy a wheel, with `.` in its SBOMs wherever they name the folder that it was built in.

    maturin can leave an SBOM out or add another (`[tool.maturin.sbom]`), but those it makes identify each crate of the
    workspace by the address of its folder. Such an identifier means nothing outside the document, so one name for
    another loses nothing; RECORD is written anew for these files and for no other (PEP 427, PEP 770).
    """
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to, "w") as new:
        names = [name for name in old.namelist() if ".dist-info/sboms/" in name]
        renamed = {name: _renamed(old.read(name), source.as_uri()) for name in names}
        for member in old.infolist():
            data = renamed.get(member.filename) or old.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                data = "".join(_recorded(line, renamed) for line in data.decode("utf-8").splitlines()).encode("utf-8")
            new.writestr(member, data)


def _renamed(sbom: bytes, prefix: str) -> bytes:
    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        return value.replace(prefix, "file://.") if isinstance(value, str) else value

    told = walk(json.loads(sbom))
    return json.dumps(told, indent=2, ensure_ascii=False).encode("utf-8")


def _recorded(line: str, changed: Mapping[str, bytes]) -> str:
    name = line.rsplit(",", 2)[0]
    if name in changed:
        digest = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest()).rstrip(b"=").decode("ascii")
        line = f"{name},sha256={digest},{len(changed[name])}"
    return f"{line}\n"
