"""Reproducible build of the dists of a release: the same commit gives the same bytes in every directory.

For each distribution of the policy it makes an sdist, and wheels from that sdist, as an installer would; for each crate
the `.crate`. The times in them are that of the commit (`SOURCE_DATE_EPOCH`), and the directories of this machine are
mapped to fixed names.
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

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.checks.dists.expectation import HostPlatform, host_platform
from binoc_runbook.checks.dists.expected_files import sdist_name
from binoc_runbook.checks.dists.wheel import wheel_platforms
from binoc_runbook.dist.checksums import write_checksums
from binoc_runbook.dist.source_paths import copy_without_source_path
from binoc_runbook.dist.wheel_platform import WheelPlatform
from binoc_runbook.files import mark_cache
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target

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
    host: HostPlatform | None = None,
) -> list[Path]:
    """Build the artifacts of the policy into `out`; return all files there, the checksums last.

    Sources replace all files of an earlier build. Wheels are built from the sdists in `out`, and leave all other files;
    of each distribution the wheel for `platform`, or for the first platform of the policy that `host` can install.
    `on_line` gets the commands and their output.

    Raises:
        RefusedError: A tool failed, `out` holds files of no build, there is no sdist to build from, this host does not
            build the platform, or a wheel would be built from crates that the lock file does not name.
    """
    return _Build(target, out.resolve(), on_line, host or host_platform()).run(part, platform)


class _Build:
    def __init__(self, target: Target, out: Path, on_line: Callable[[str], None], host: HostPlatform) -> None:
        self.target = target
        self.root = target.world.root
        self.processes = target.world.processes
        self.out = out
        self.on_line = on_line
        self.host = host
        self.work = target.world.target_directory / "dist-build"
        time_of_commit = target.world.git.ask("log", "-1", "--format=%ct", "HEAD")
        if time_of_commit.returncode != 0:
            self.refuse("git log -1", time_of_commit.reason, "git commit, so that what is built has a time")
        self.environment = {
            "SOURCE_DATE_EPOCH": time_of_commit.stdout.strip(),
            "CARGO_TARGET_DIR": str(self.work / "target"),
            # The default of zig, and of the wrappers that maturin writes for it, is the home directory.
            "ZIG_LOCAL_CACHE_DIR": str(self.work / "zig"),
            "ZIG_GLOBAL_CACHE_DIR": str(self.work / "zig"),
            "CARGO_ZIGBUILD_CACHE_DIR": str(self.work / "zigbuild"),
        }

    def flags(self) -> list[str]:
        """Return the flags of rustc that map the directories that it compiles from to fixed names.

        They are for `CARGO_ENCODED_RUSTFLAGS`, which takes precedence over `RUSTFLAGS` and allows paths with spaces.
        With `--remap-path-prefix` among the flags, cargo leaves all of them out of the hashes in symbol names. Any
        other flag with a path, alone, would give other bytes in another directory.

        Cargo compiles everything again when a flag changes. So directories without sources are left out: the checkout,
        as wheels and crates are compiled from what is unpacked of it, and in a rehearsal cargo's home. Call this after
        cargo has unpacked its sources.
        """
        home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        directories = [(self.work, "/build")]
        if any((home / sources).is_dir() for sources in ("registry/src", "git/checkouts")):
            directories.insert(0, (home, "/cargo"))  # the last that matches wins
        return [f"--remap-path-prefix={directory}={name}" for directory, name in directories]

    def run(self, part: Part | None, platform: str | None) -> list[Path]:
        wheels = [] if part == "sources" else self.select_platforms(platform)
        if part == "wheels":
            for artifact, _ in wheels:
                self.find_sdist(artifact)
        else:
            self.empty_directory()
        for directory in (self.work / "made", self.work / "sources", self.work / "zigbuild"):
            shutil.rmtree(directory, ignore_errors=True)
        mark_cache(self.work)
        # Only this step may use the network: all after it use the crates that the lock file names, and no others.
        self.execute("fetch", ["cargo", "fetch", "--locked"])
        if part != "wheels":
            for artifact in self.target.policy.artifacts:
                (self.make_crate if artifact.registry == "crates.io" else self.make_sdist)(artifact)
        for artifact, wheel_platform in wheels:
            self.make_wheel(artifact, wheel_platform)
        write_checksums(self.out)
        return [*sorted(path for path in self.out.iterdir() if path.name != CHECKSUMS), self.out / CHECKSUMS]

    # Preconditions, checked before anything is built.

    def select_platforms(self, tag: str | None) -> list[tuple[Artifact, WheelPlatform]]:
        """Return each distribution with the platform that its wheel is built for."""
        artifacts = [artifact for artifact in self.target.policy.artifacts if artifact.platforms]
        selected = []
        for artifact in artifacts:
            tags = [tag] if tag else [listed for listed in artifact.platforms if self.host.installs(listed)]
            if not tags:
                saw = f"the policy lists no platform of `{artifact.name}` whose wheels {self.host} can install"
                self.refuse(str(artifact.source), saw, "just sources")
            if tags[0] in artifact.platforms:
                selected.append((artifact, self.find_platform(tags[0])))
        if tag and not selected:
            known = dict.fromkeys(tag for artifact in artifacts for tag in artifact.platforms)
            listed = ", ".join(f"`{tag}`" for tag in known)
            saw = "the policy lists no wheel of this platform"
            self.refuse(f"--platform {tag}", saw, f"--platform TAG, one of {listed}" if listed else "just sources")
        return selected

    def find_platform(self, tag: str) -> WheelPlatform:
        """Return how wheels of a platform are built here."""
        platform = WheelPlatform.of(tag)
        if platform is None:
            self.refuse(f"--platform {tag}", "nothing here knows how to build it", "build its wheels in another way")
        if not self.host.builds(tag):
            saw = f"is not of this host, {self.host}, and wheels are built on the machines that they are for"
            self.refuse(f"--platform {tag}", saw, f"just wheels {tag}, on such a machine")
        question = ["rustc", "--print", "target-libdir", "--target", platform.target]
        done = self.processes.run(question)
        if done.returncode != 0:
            self.refuse(" ".join(question), done.reason, "install Rust with rustup")
        if not Path(done.stdout.strip()).is_dir():
            saw = f"the standard library for `{platform.target}` is not installed"
            self.refuse(f"--platform {tag}", saw, f"rustup target add {platform.target}")
        return platform

    def find_sdist(self, artifact: Artifact) -> Path:
        """Return the sdist that wheels are built from."""
        path = self.out / sdist_name(artifact, self.target.version)
        if not path.is_file():
            shown = f"{self.out.name}/{path.name}"
            self.refuse(shown, "is missing, and wheels are built from it", "just sources")
        return path

    def empty_directory(self) -> None:
        """Remove the files of an earlier build; refuse a directory with any other file."""
        self.out.mkdir(parents=True, exist_ok=True)
        files = list(self.out.iterdir())
        if others := sorted(path.name for path in files if path.name != CHECKSUMS and not path.name.endswith(_BUILT)):
            saw = f"holds {', '.join(f'`{name}`' for name in others[:5])}, which no build has put there"
            self.refuse(f"--out {self.out.name}", saw, "--out DIR, a new directory or one of an earlier build")
        for path in files:
            path.unlink()

    # Building.

    def make_crate(self, artifact: Artifact) -> None:
        self.execute(artifact.name, ["cargo", "package", "--locked", "--offline", "--package", artifact.name])
        for path in (self.work / "target/package").glob(f"{artifact.name}-[0-9]*.crate"):
            path.replace(self.out / path.name)

    def make_sdist(self, artifact: Artifact) -> None:
        directory = self.work / "made" / f"{artifact.name}-sdist"
        manifest = str(self.root / artifact.path / "Cargo.toml")
        command = ["maturin", "sdist", "--manifest-path", manifest, "--out", str(directory)]
        self.execute(f"{artifact.name}-sdist", command)
        (sdist,) = directory.iterdir()
        shutil.copyfile(sdist, self.out / sdist.name)

    def make_wheel(self, artifact: Artifact, platform: WheelPlatform) -> None:
        source = self.unpack(self.find_sdist(artifact))
        self.prune_lock_file(artifact, source)
        directory = self.work / "made" / f"{artifact.name}-wheel"
        command = ["maturin", "build", "--release", "--locked", "--offline", "--target", platform.target]
        command += [*platform.arguments, "--out", str(directory)]
        flags = "\x1f".join([*self.flags(), *platform.flags])
        environment = {**platform.environment, "CARGO_ENCODED_RUSTFLAGS": flags}
        self.execute(f"{artifact.name}-wheel", command, source, environment)
        (wheel,) = directory.iterdir()
        if wheel_platforms(wheel.name) != {platform.tag}:
            saw = f"is not the wheel of `{platform.tag}` that it was to be"
            self.refuse(wheel.name, saw, f"read `{self.display(self.log(f'{artifact.name}-wheel'))}`")
        start = wheel.name.split("-")[:2]
        for earlier in self.out.glob("*.whl"):
            if earlier.name.split("-")[:2] == start and wheel_platforms(earlier.name) == {platform.tag}:
                earlier.unlink()
        copy_without_source_path(wheel, self.out / wheel.name, source)

    def unpack(self, sdist: Path) -> Path:
        directory = self.work / "sources"
        with tarfile.open(sdist) as archive:
            archive.extractall(directory, filter=_with_current_time)  # noqa: S202 - checked by `data_filter`
        return directory / sdist.name.removesuffix(".tar.gz")

    def prune_lock_file(self, artifact: Artifact, source: Path) -> None:
        """Let cargo remove from the lock file the packages that the sdist does not have, and change nothing else.

        maturin leaves members of the workspace out of an sdist, and keeps the lock file of all of them; `--locked`
        refuses that.
        """
        lock = source / "Cargo.lock"
        before = _locked_packages(lock)
        command = ["cargo", "metadata", "--offline", "--format-version", "1"]
        environment = {**self.processes.environment, **self.environment}
        done = replace(self.processes, root=source, environment=environment).run(command)
        if done.returncode != 0:
            self.refuse(" ".join(command), done.reason, "cargo fetch --locked")
        if added := _locked_packages(lock) - before:
            names = ", ".join(f"`{name}` {version}" for name, version, *_ in sorted(added, key=str))
            saw = f"building it would use {names}, which the lock file does not name"
            self.refuse(f"the sdist of {artifact.name}", saw, "cargo update --workspace")

    def execute(
        self, name: str, command: list[str], root: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.on_line(f"$ {' '.join(command)}")
        log = self.log(name)
        flags = {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self.flags())}
        variables = {**self.environment, **flags, **(environment or {})}
        processes = replace(self.processes, root=root or self.root)
        done = processes.watch(command, log, self.on_line, environment=variables)
        if done.returncode == 127:
            self.refuse(command[0], done.reason, f"./just with {' '.join(command)}")
        if done.returncode != 0:
            self.refuse(" ".join(command[:2]), done.reason, f"read `{self.display(log)}`")

    def log(self, name: str) -> Path:
        return self.work / "logs" / f"{name}.log"

    def display(self, path: Path) -> str:
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def refuse(self, looked_at: str, saw: str, remedy: str) -> NoReturn:
        raise RefusedError("not everything could be built", [Finding.failed(CHECK, looked_at, saw, remedy)])


def _with_current_time(member: tarfile.TarInfo, directory: str) -> tarfile.TarInfo:
    """Give a file the current time: those in an sdist are years old, and cargo would use what it built before."""
    return tarfile.data_filter(member, directory).replace(mtime=time.time(), deep=False)


def _locked_packages(path: Path) -> set[tuple[str, str, str | None, str | None]]:
    packages = tomllib.loads(path.read_text("utf-8")).get("package", [])
    return {(entry["name"], entry["version"], entry.get("source"), entry.get("checksum")) for entry in packages}
