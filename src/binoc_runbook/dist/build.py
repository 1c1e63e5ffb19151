"""Reproducible build of the dists of a release: the same commit gives the same bytes in all directories.

The build creates an sdist for each distribution of the policy, wheels from that sdist, and a `.crate` for each crate.
All files in them have the time of the commit (`SOURCE_DATE_EPOCH`). Build directories are mapped to fixed names.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.checks.dists.expectation import HostPlatform, host_platform
from binoc_runbook.checks.dists.expected_files import sdist_name
from binoc_runbook.checks.dists.wheel import wheel_platforms
from binoc_runbook.dist.checksums import write_checksums
from binoc_runbook.dist.source_paths import copy_without_source_path
from binoc_runbook.dist.third_party import add_third_party_files, third_party_files
from binoc_runbook.dist.wheel_platform import WheelPlatform
from binoc_runbook.files import mark_cache
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import PYTHON

CHECK = "dist"

Part = Literal["sources", "wheels"]

#: Cargo finds the other packaged crates only at its default registry, and the dependencies of crates are on crates.io.
PACKAGING = {"CARGO_REGISTRY_DEFAULT": "crates-io"}

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
    """Build the artifacts of the policy into `out`; return all files there, with the checksums last.

    Building sources replaces all files of an earlier build. Wheels are built from the sdists in `out`, one for each
    distribution: for `platform`, or for the first platform of the policy that `host` can install. All other files are
    kept. `on_line` receives the commands and their output.

    Raises:
        RefusedError: A tool failed, `out` contains other files than dists, an sdist is missing, this host cannot build
            for the platform, or a wheel would contain crates that are not in the lock file.
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
        time_of_commit = target.world.git.query("log", "-1", "--format=%ct", "HEAD")
        if time_of_commit.returncode != 0:
            self.refuse("git log -1", time_of_commit.reason, "git commit; dists get the time of the commit")
        self.environment = {
            "SOURCE_DATE_EPOCH": time_of_commit.stdout.strip(),
            "CARGO_TARGET_DIR": str(self.work / "target"),
            # By default zig, and the wrappers that maturin writes for it, use the home directory.
            "ZIG_LOCAL_CACHE_DIR": str(self.work / "zig"),
            "ZIG_GLOBAL_CACHE_DIR": str(self.work / "zig"),
            "CARGO_ZIGBUILD_CACHE_DIR": str(self.work / "zigbuild"),
            **self.toolchain(),
        }

    def toolchain(self) -> dict[str, str]:
        """Return the variable that selects the toolchain of the checkout, if rustup manages it.

        Wheels are built from unpacked sdists. If these are outside the checkout, rustup does not find its
        `rust-toolchain.toml` there.
        """
        result = self.processes.run(["rustup", "show", "active-toolchain"])
        return {"RUSTUP_TOOLCHAIN": result.stdout.split()[0]} if result.returncode == 0 else {}

    def flags(self) -> list[str]:
        """Return the rustc flags that map source directories to fixed names.

        They are for `CARGO_ENCODED_RUSTFLAGS`, which takes precedence over `RUSTFLAGS` and allows paths with spaces.
        If the flags include `--remap-path-prefix`, cargo excludes all flags from the hashes in symbol names. Other
        flags that contain a path would change the output in another directory.

        Cargo compiles all crates again when a flag changes, so directories without sources are omitted. These are the
        checkout, because wheels and crates are compiled from unpacked archives, and the home of cargo in a rehearsal.
        Call this after cargo has unpacked its sources.
        """
        home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        directories = [(self.work, "/build")]
        if any((home / sources).is_dir() for sources in ("registry/src", "git/checkouts")):
            directories.insert(0, (home, "/cargo"))  # the last match is used
        return [f"--remap-path-prefix={directory}={name}" for directory, name in directories]

    def run(self, part: Part | None, platform: str | None) -> list[Path]:
        self.check_backends()
        wheels = [] if part == "sources" else self.select_platforms(platform)
        if part == "wheels":
            for artifact, _ in wheels:
                self.find_sdist(artifact)
        else:
            self.empty_directory()
        for directory in (self.work / "made", self.work / "sources", self.work / "zigbuild"):
            shutil.rmtree(directory, ignore_errors=True)
        mark_cache(self.work)
        # Only this step can use the network. All later steps use only the crates in the lock file.
        self.execute("fetch", ["cargo", "fetch", "--locked"])
        if part != "wheels":
            artifacts = self.target.policy.artifacts
            self.make_crates([artifact for artifact in artifacts if artifact.registry == "crates.io"])
            for artifact in artifacts:
                if artifact.registry == "pypi":
                    self.make_sdist(artifact)
        for artifact, wheel_platform in wheels:
            self.make_wheel(artifact, wheel_platform)
        write_checksums(self.out)
        return [*sorted(path for path in self.out.iterdir() if path.name != CHECKSUMS), self.out / CHECKSUMS]

    # Preconditions

    def check_backends(self) -> None:
        """Refuse a distribution that maturin does not build."""
        for artifact in self.target.policy.artifacts:
            if artifact.registry == "crates.io":
                continue
            manifest = Manifest(self.root, f"{artifact.path}/{PYTHON}")
            backend = manifest.get("build-system", "build-backend")
            # A backend that wraps maturin has its own name.
            if backend != "maturin" and manifest.get("tool", "maturin") is None:
                saw = f"the build backend is `{backend}`, but this command only knows `maturin`"
                remedy = f"build `{artifact.name}` with `python -m build {artifact.path}` in the workflow"
                self.refuse(str(manifest.place("build-system", "build-backend")), saw, remedy)

    def select_platforms(self, tag: str | None) -> list[tuple[Artifact, WheelPlatform]]:
        """Return the distributions with the platforms of their wheels."""
        artifacts = [artifact for artifact in self.target.policy.artifacts if artifact.platforms]
        selected = []
        for artifact in artifacts:
            tags = [tag] if tag else [listed for listed in artifact.platforms if self.host.installs(listed)]
            if not tags:
                saw = f"the policy lists no platform of `{artifact.name}` for this host, {self.host}"
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
        """Return the build settings of a platform; refuse one that this host cannot build for."""
        platform = WheelPlatform.of(tag)
        if platform is None:
            self.refuse(f"--platform {tag}", "unsupported platform", "build its wheels with another tool")
        if not self.host.builds(tag):
            saw = f"this host, {self.host}, cannot build wheels for this platform"
            self.refuse(f"--platform {tag}", saw, f"just wheels {tag}, on a machine of this platform")
        command = ["rustc", "--print", "target-libdir", "--target", platform.target]
        result = self.processes.run(command)
        if result.returncode != 0:
            self.refuse(" ".join(command), result.reason, "install Rust with rustup")
        if not Path(result.stdout.strip()).is_dir():
            saw = f"the standard library for `{platform.target}` is not installed"
            self.refuse(f"--platform {tag}", saw, f"rustup target add {platform.target}")
        return platform

    def find_sdist(self, artifact: Artifact) -> Path:
        """Return the sdist of a distribution; refuse a missing one."""
        path = self.out / sdist_name(artifact, self.target.version)
        if not path.is_file():
            shown = f"{self.out.name}/{path.name}"
            self.refuse(shown, "is missing, and wheels are built from it", "just sources")
        return path

    def empty_directory(self) -> None:
        """Remove the files of an earlier build; refuse a directory with other files."""
        self.out.mkdir(parents=True, exist_ok=True)
        files = list(self.out.iterdir())
        if others := sorted(path.name for path in files if path.name != CHECKSUMS and not path.name.endswith(_BUILT)):
            saw = f"contains files that are not dists: {', '.join(f'`{name}`' for name in others[:5])}"
            self.refuse(f"--out {self.out.name}", saw, "--out DIR, a new directory or one of an earlier build")
        for path in files:
            path.unlink()

    # Build steps

    def make_crates(self, artifacts: Sequence[Artifact]) -> None:
        """Package all crates with one command: only then can one depend on another that is not published yet."""
        if not artifacts:
            return
        packages = [word for artifact in artifacts for word in ("--package", artifact.name)]
        self.execute("crates", ["cargo", "package", "--locked", "--offline", *packages], environment=PACKAGING)
        for artifact in artifacts:
            for path in (self.work / "target/package").glob(f"{artifact.name}-[0-9]*.crate"):
                shutil.move(path, self.out / path.name)  # the directories can be on different file systems

    def make_sdist(self, artifact: Artifact) -> None:
        directory = self.work / "made" / f"{artifact.name}-sdist"
        root = self.copy_with_third_party_files(artifact) if artifact.third_party_notices else self.root
        manifest = str(root / artifact.path / "Cargo.toml")
        command = ["maturin", "sdist", "--manifest-path", manifest, "--out", str(directory)]
        self.execute(f"{artifact.name}-sdist", command)
        (sdist,) = directory.iterdir()
        shutil.copyfile(sdist, self.out / sdist.name)

    def copy_with_third_party_files(self, artifact: Artifact) -> Path:
        """Copy the files of the checkout, and generate the third-party files of a distribution into the copy."""
        listed = self.target.world.git.query("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if listed.returncode != 0:
            self.refuse("git ls-files", listed.reason, "run this in a clone")
        copy = self.work / "checkout"
        shutil.rmtree(copy, ignore_errors=True)
        for name in filter(None, listed.stdout.split("\0")):
            path = self.root / name
            if path.is_symlink() or path.is_file():  # not a deleted file, and not the directory of a submodule
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy / name, follow_symlinks=False)
        processes = replace(self.processes, environment={**self.processes.environment, **self.environment})
        add_third_party_files(copy / artifact.path, third_party_files(artifact, self.target.version, processes))
        return copy

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
            saw = f"does not have the platform tag `{platform.tag}`"
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
        """Remove the packages that are not in the sdist from its lock file, and change nothing else.

        maturin omits members of the workspace from an sdist, but keeps the complete lock file. cargo refuses this with
        `--locked`.
        """
        lock = source / "Cargo.lock"
        before = _locked_packages(lock)
        command = ["cargo", "metadata", "--offline", "--format-version", "1"]
        environment = {**self.processes.environment, **self.environment}
        result = replace(self.processes, root=source, environment=environment).run(command)
        if result.returncode != 0:
            self.refuse(" ".join(command), result.reason, "cargo fetch --locked")
        if added := _locked_packages(lock) - before:
            names = ", ".join(f"`{name}` {version}" for name, version, *_ in sorted(added, key=str))
            saw = f"the build would use {names}, which the lock file does not name"
            self.refuse(f"the sdist of {artifact.name}", saw, "cargo update --workspace")

    def execute(
        self, name: str, command: list[str], root: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.on_line(f"$ {' '.join(command)}")
        log = self.log(name)
        flags = {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self.flags())}
        variables = {**self.environment, **flags, **(environment or {})}
        processes = replace(self.processes, root=root or self.root)
        result = processes.watch(command, log, self.on_line, environment=variables)
        if result.returncode == 127:
            self.refuse(command[0], result.reason, f"./just with {' '.join(command)}")
        if result.returncode != 0:
            self.refuse(" ".join(command[:2]), result.reason, f"read `{self.display(log)}`")

    def log(self, name: str) -> Path:
        return self.work / "logs" / f"{name}.log"

    def display(self, path: Path) -> str:
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def refuse(self, looked_at: str, saw: str, remedy: str) -> NoReturn:
        raise RefusedError("the build failed", [Finding.failed(CHECK, looked_at, saw, remedy)])


def _with_current_time(member: tarfile.TarInfo, directory: str) -> tarfile.TarInfo:
    """Set the time of a file to now: cargo would not compile it again with the old times of an sdist."""
    return tarfile.data_filter(member, directory).replace(mtime=time.time(), deep=False)


def _locked_packages(path: Path) -> set[tuple[str, str, str | None, str | None]]:
    packages = tomllib.loads(path.read_text("utf-8")).get("package", [])
    return {(entry["name"], entry["version"], entry.get("source"), entry.get("checksum")) for entry in packages}
