"""Building what a release publishes, the same way each time: the same commit gives the same bytes in every folder.

For each distribution of the policy: its sdist, and wheels built from that sdist, as an installer would build them; for
each crate: the `.crate`. The times in them are the commit's (`SOURCE_DATE_EPOCH`), and the folders they were built in
are mapped to fixed names, so that nothing of this machine is left inside.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

from binoc_runbook.checks.dists import SUMS, Host, platforms_of, sdist_name, this_host
from binoc_runbook.dist.checksums import write_sums
from binoc_runbook.dist.source_paths import place_free
from binoc_runbook.dist.wheel_platform import Platform
from binoc_runbook.files import mark_cache
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import Processes

CHECK = "dist"

Part = Literal["sources", "wheels"]

_BUILT = (".whl", ".tar.gz", ".crate")


def build(
    target: Target,
    out: Path,
    on_line: Callable[[str], None],
    *,
    part: Part | None = None,
    platform: str | None = None,
    host: Host | None = None,
) -> list[Path]:
    """Build the artifacts of the policy into `out`; returns all files that are there then, the sums last.

    Sources take the place of everything that an earlier build has left there. Wheels are built from the sdists that lie
    there, and leave all other files; of each distribution the wheel for `platform`, or for the first platform of the
    policy that `host` can install. `on_line` is told what is built and what the tools say.

    Raises:
        RefusedError: A tool failed, `out` holds what no build has made, there is no sdist to build from, this host does
            not build the platform, or a wheel would be built from crates that the lock file does not name.
    """
    return _Build(target, out.resolve(), on_line, host or this_host()).run(part, platform)


class _Build:
    def __init__(self, target: Target, out: Path, on_line: Callable[[str], None], host: Host) -> None:
        self.root = target.world.root
        self.processes = target.world.processes
        self.policy, self.version = target.policy, target.version
        self.out = out
        self.on_line = on_line
        self.host = host
        given = self.processes.inherits("CARGO_TARGET_DIR")
        self.work = (self.root / (given or "target")).resolve() / "dist-build"
        committed = target.world.git.ask("log", "-1", "--format=%ct", "HEAD")
        if committed.returncode != 0:
            self.refuse("git log -1", committed.reason, "git commit, so that what is built has a time")
        self.environment = {
            "SOURCE_DATE_EPOCH": committed.stdout.strip(),
            "CARGO_TARGET_DIR": str(self.work / "target"),
            # Zig, and what maturin writes to call it, would else lie below the home folder.
            "ZIG_LOCAL_CACHE_DIR": str(self.work / "zig"),
            "ZIG_GLOBAL_CACHE_DIR": str(self.work / "zig"),
            "CARGO_ZIGBUILD_CACHE_DIR": str(self.work / "zigbuild"),
        }

    def flags(self) -> list[str]:
        """Return the flags of rustc: fixed names for the directories that it compiles from.

        In `CARGO_ENCODED_RUSTFLAGS`, which takes precedence over `RUSTFLAGS` and holds paths with spaces. With this
        flag among them cargo leaves all of them out of the hashes that become symbol names; any other flag that names a
        folder, alone, would give other bytes in another folder.

        Cargo compiles everything again when a flag changes. So directories without sources are not among them: the
        checkout, as all is compiled from what was unpacked of it, and in a rehearsal cargo's home. Call this once cargo
        has unpacked its sources.
        """
        home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        folders = [(self.work, "/build")]
        if any((home / sources).is_dir() for sources in ("registry/src", "git/checkouts")):
            folders.insert(0, (home, "/cargo"))  # the last that matches wins
        return [f"--remap-path-prefix={folder}={name}" for folder, name in folders]

    def run(self, part: Part | None, platform: str | None) -> list[Path]:
        wheels = [] if part == "sources" else self.wanted(platform)
        if part == "wheels":
            for artifact, _ in wheels:
                self.sdist(artifact)
        else:
            self.empty()
        for folder in (self.work / "made", self.work / "sources", self.work / "zigbuild"):
            shutil.rmtree(folder, ignore_errors=True)
        mark_cache(self.work)
        # The one step that may use the network: all after it take what the lock file names, and nothing else.
        self.do("fetch", ["cargo", "fetch", "--locked"])
        if part != "wheels":
            for artifact in self.policy.artifacts:
                (self.make_crate if artifact.registry == "crates.io" else self.make_sdist)(artifact)
        for artifact, wanted in wheels:
            self.make_wheel(artifact, wanted)
        write_sums(self.out)
        return [*sorted(path for path in self.out.iterdir() if path.name != SUMS), self.out / SUMS]

    # What is to be built, asked before anything is.

    def wanted(self, tag: str | None) -> list[tuple[Artifact, Platform]]:
        """Each distribution with the platform that its wheel is built for."""
        having = [artifact for artifact in self.policy.artifacts if artifact.platforms]
        found = []
        for artifact in having:
            promised = [tag] if tag else [each for each in artifact.platforms if self.host.installs(each)]
            if not promised:
                saw = f"the policy lists no platform of `{artifact.name}` whose wheels {self.host} can install"
                self.refuse(str(artifact.source), saw, "just sources")
            if promised[0] in artifact.platforms:
                found.append((artifact, self.platform(promised[0])))
        if tag and not found:
            listed = ", ".join(f"`{each}`" for each in dict.fromkeys(tag for one in having for tag in one.platforms))
            saw = "the policy lists no wheel of this platform"
            self.refuse(f"--platform {tag}", saw, f"--platform TAG, one of {listed}" if listed else "just sources")
        return found

    def platform(self, tag: str) -> Platform:
        """How a platform's wheels are built here."""
        platform = Platform.of(tag)
        if platform is None:
            self.refuse(f"--platform {tag}", "nothing here knows how to build it", "build its wheels in another way")
        if not self.host.builds(tag):
            saw = f"is not of this host, {self.host}, and wheels are built on the machines that they are for"
            self.refuse(f"--platform {tag}", saw, f"just wheels {tag}, on such a machine")
        question = ["rustc", "--print", "target-libdir", "--target", platform.target]
        answer = self.processes.run(question)
        if answer.returncode != 0:
            self.refuse(" ".join(question), answer.reason, "install Rust with rustup")
        if not Path(answer.stdout.strip()).is_dir():
            saw = f"the standard library for `{platform.target}` is not installed"
            self.refuse(f"--platform {tag}", saw, f"rustup target add {platform.target}")
        return platform

    def sdist(self, artifact: Artifact) -> Path:
        """The sdist that wheels are built from."""
        path = self.out / sdist_name(artifact, self.version)
        if not path.is_file():
            shown = f"{self.out.name}/{path.name}"
            self.refuse(shown, "is missing, and wheels are built from it", "just sources")
        return path

    def empty(self) -> None:
        """Remove what an earlier build left in the folder; one that holds anything else is not ours to empty."""
        self.out.mkdir(parents=True, exist_ok=True)
        there = list(self.out.iterdir())
        if others := sorted(path.name for path in there if path.name != SUMS and not path.name.endswith(_BUILT)):
            saw = f"holds {', '.join(f'`{name}`' for name in others[:5])}, which no build has put there"
            self.refuse(f"--out {self.out.name}", saw, "--out DIR, a new folder or one of an earlier build")
        for path in there:
            path.unlink()

    # Building.

    def make_crate(self, artifact: Artifact) -> None:
        self.do(artifact.name, ["cargo", "package", "--locked", "--offline", "--package", artifact.name])
        for path in (self.work / "target/package").glob(f"{artifact.name}-[0-9]*.crate"):
            path.replace(self.out / path.name)

    def make_sdist(self, artifact: Artifact) -> None:
        made = self.work / "made" / f"{artifact.name}-sdist"
        manifest = str(self.root / artifact.path / "Cargo.toml")
        self.do(f"{artifact.name}-sdist", ["maturin", "sdist", "--manifest-path", manifest, "--out", str(made)])
        (sdist,) = made.iterdir()
        shutil.copyfile(sdist, self.out / sdist.name)

    def make_wheel(self, artifact: Artifact, platform: Platform) -> None:
        source = self.unpack(self.sdist(artifact))
        self.prune(artifact, source)
        made = self.work / "made" / f"{artifact.name}-wheel"
        command = ["maturin", "build", "--release", "--locked", "--offline", "--target", platform.target]
        command += [*platform.arguments, "--out", str(made)]
        flags = "\x1f".join([*self.flags(), *platform.flags])
        added = {**platform.environment, "CARGO_ENCODED_RUSTFLAGS": flags}
        self.do(f"{artifact.name}-wheel", command, replace(self.processes, root=source), added)
        (wheel,) = made.iterdir()
        if platforms_of(wheel.name) != {platform.tag}:
            saw = f"is not the wheel of `{platform.tag}` that it was to be"
            self.refuse(wheel.name, saw, f"read `{self.shown(self.log(f'{artifact.name}-wheel'))}`")
        start = wheel.name.split("-")[:2]
        for earlier in self.out.glob("*.whl"):
            if earlier.name.split("-")[:2] == start and platforms_of(earlier.name) == {platform.tag}:
                earlier.unlink()
        place_free(wheel, self.out / wheel.name, source)

    def unpack(self, sdist: Path) -> Path:
        folder = self.work / "sources"
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter=_written_now)  # noqa: S202 - checked by `data_filter`
        return folder / sdist.name.removesuffix(".tar.gz")

    def prune(self, artifact: Artifact, source: Path) -> None:
        """Let cargo drop from the lock file what the sdist does not carry, and nothing else.

        maturin leaves members of the workspace out of an sdist, and keeps the lock file of all of them; `--locked`
        refuses that.
        """
        lock = source / "Cargo.lock"
        before = _locked(lock)
        quiet = ["cargo", "metadata", "--offline", "--format-version", "1"]
        environment = {**self.processes.environment, **self.environment}
        done = replace(self.processes, root=source, environment=environment).run(quiet)
        if done.returncode != 0:
            self.refuse(" ".join(quiet), done.reason, "cargo fetch --locked")
        if added := _locked(lock) - before:
            names = ", ".join(f"`{name}` {version}" for name, version, *_ in sorted(added, key=str))
            saw = f"building it would use {names}, which the lock file does not name"
            self.refuse(f"the sdist of {artifact.name}", saw, "cargo update --workspace")

    def do(
        self,
        name: str,
        command: list[str],
        processes: Processes | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.on_line(f"$ {' '.join(command)}")
        log = self.log(name)
        flags = {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self.flags())}
        added = {**self.environment, **flags, **(environment or {})}
        try:
            done = (processes or self.processes).watch(command, log, self.on_line, environment=added)
        except FileNotFoundError:
            self.refuse(command[0], "was not found on PATH", f"./just with {' '.join(command)}")
        if done.returncode != 0:
            saw = " / ".join(line.strip() for line in done.tail[-6:] if line.strip()) or f"exit code {done.returncode}"
            self.refuse(" ".join(command[:2]), saw, f"read `{self.shown(log)}`")

    def log(self, name: str) -> Path:
        return self.work / "logs" / f"{name}.log"

    def shown(self, path: Path) -> str:
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def refuse(self, looked_at: str, saw: str, remedy: str) -> NoReturn:
        raise RefusedError("not everything could be built", [Finding.failed(CHECK, looked_at, saw, remedy)])


def _written_now(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Give each file the present time: those in an sdist lie years back, and cargo would take what it built before."""
    return tarfile.data_filter(member, folder).replace(mtime=time.time(), deep=False)


def _locked(path: Path) -> set[tuple[str, str, str | None, str | None]]:
    packages = tomllib.loads(path.read_text("utf-8")).get("package", [])
    return {(each["name"], each["version"], each.get("source"), each.get("checksum")) for each in packages}
