"""A sandbox: a rehearsed clone with local registries and a local GitHub, in which a person types commands.

Its registries and its GitHub are empty servers, not the results of a build. So a fault of the publication can be
created in seconds: a run that failed, a version that is published already, files from another build.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shlex
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.checks.dists.expected_files import crate_name, dist_stem, sdist_name
from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.files import common_directory
from binoc_runbook.policy import MANIFEST, Artifact, Policy
from binoc_runbook.rehearsal.bare_remote import remote_path
from binoc_runbook.rehearsal.offline_crates import use_vendored_crates
from binoc_runbook.rehearsal.registries import Registries, open_registries
from binoc_runbook.rehearsal.rehearsal_world import open_world
from binoc_runbook.rehearsal.runner.build_provenance import bundle_of
from binoc_runbook.rehearsal.servers.crate_registry import CrateVersion, publisher_of
from binoc_runbook.rehearsal.servers.github_api import GitHubRelease, ReleaseAsset
from binoc_runbook.rehearsal.servers.identity import JobIdentity
from binoc_runbook.rehearsal.servers.package_index import UploadedFile
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.version import Version
from binoc_runbook.workspace.changelog import CHANGELOG
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World
from binoc_runbook.world.release_lock import LOCK_FILE, LockHolder
from binoc_runbook.world.triggered_run import JobRun

#: The timeout of a typed command, in seconds.
TIMEOUT = 300.0


@dataclass
class Sandbox:
    """The world of a rehearsed fault, with its registries, and the version to release.

    `built` are the SHA-256 digests of the files that the workflow of this release builds, by file name.
    `other_release` is the locked file of another release.
    """

    world: World
    policy: Policy
    registries: Registries
    version: Version
    built: dict[str, str] = field(default_factory=dict)
    other_release: TextIO | None = None

    @property
    def root(self) -> Path:
        """Return the clone of the person who releases."""
        return self.world.root

    @property
    def remote(self) -> Path:
        """Return the bare repository of the remote."""
        return remote_path(self.root)

    @property
    def tag(self) -> str:
        """Return the tag of the version."""
        return self.policy.tag_of(self.version)

    @property
    def branch(self) -> str:
        """Return the release branch."""
        return str(self.git("symbolic-ref", "--short", "HEAD", at=self.remote))

    # Git, and the files of the clone

    def git(self, *arguments: str, at: Path | None = None) -> str:
        """Run git in the clone, or in another repository of the sandbox, and return its output.

        Raises:
            SandboxError: The command failed.
        """
        result = replace(self.world.git, root=at or self.root).run(["git", *arguments])
        if result.returncode != 0:
            raise SandboxError(f"{' '.join(result.command)}: {result.reason}")
        return result.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file of the clone."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def commit(self, message: str, at: Path | None = None) -> str:
        """Commit all changes of the clone, and return the commit."""
        self.git("add", "--all", at=at)
        self.git("commit", "--quiet", "--allow-empty", "--message", message, at=at)
        return self.git("rev-parse", "HEAD", at=at)

    def colleague(self) -> Path:
        """Return the clone of a colleague, which has the branch of the remote."""
        path = self.root.parent / "colleague"
        if not path.exists():
            self.git("clone", "--quiet", str(self.remote), str(path), at=self.root.parent)
            for name in ("user.name", "user.email"):
                self.git("config", name, f"colleague-{self.git('config', name)}", at=path)
        return path

    def colleague_pushes(self) -> None:
        """Let a colleague push a commit to the release branch."""
        path = self.colleague()
        (path / "colleague.txt").write_text("A change of a colleague.\n", "utf-8")
        self.commit("A change of a colleague", at=path)
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{self.branch}", at=path)

    def set_policy(self, key: str, value: object) -> None:
        """Change a key of the policy in the clone."""
        import tomlkit

        path = self.root / MANIFEST
        document = tomlkit.parse(path.read_text("utf-8"))
        document["tool"]["binoc-runbook"][key] = value
        path.write_text(tomlkit.dumps(document), "utf-8")

    def write_hook(self, name: str, script: str) -> None:
        """Write a hook of the remote, which runs in addition to its rules."""
        path = self.remote / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}", "utf-8")
        path.chmod(0o755)

    def describe_a_change(self) -> None:
        """Write an entry for the next version into the changelog."""
        path = self.root / CHANGELOG
        text, heading = path.read_text("utf-8"), "## [Unreleased]\n"
        path.write_text(text.replace(heading, f"{heading}\n- A change for the next version.\n", 1), "utf-8")

    def push_release(self, commit: str = "HEAD") -> None:
        """Push the branch and an annotated tag of a commit, as a finished release does."""
        self.git("tag", "--annotate", "--message", self.tag, self.tag, commit)
        self.git("push", "--quiet", self.policy.remote, f"{commit}:refs/heads/{self.branch}", f"refs/tags/{self.tag}")

    def start_another_release(self) -> None:
        """Lock the releases of this clone, as a release in another terminal does."""
        import fcntl

        path = common_directory(self.root) / LOCK_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        self.other_release = path.open("w", encoding="utf-8")
        # A lock belongs to an open file (flock(2)), so it also keeps this process from locking the clone again.
        fcntl.flock(self.other_release, fcntl.LOCK_EX)
        holder = LockHolder(os.getpid(), "localhost", "2026-11-22 10:00 UTC", f"release of {self.version}")
        json.dump(asdict(holder), self.other_release)
        self.other_release.flush()

    def end_other_release(self) -> None:
        """Unlock the releases of this clone."""
        if self.other_release is not None:
            self.other_release.close()
            self.other_release = None

    # GitHub and the registries

    def add_run(self, conclusion: str = "success", job: str = "publish") -> ServedRun:
        """Add a run of the publish workflow for the tag to GitHub; it has ended, with one job."""
        runs = self.registries.github.runs
        path, sha = f".github/workflows/{self.policy.workflow}", self.git("rev-parse", f"{self.tag}^{{commit}}")
        run = runs[len(runs) + 1] = ServedRun(len(runs) + 1, "push", self.tag, sha, path)
        self._end(run, conclusion, job)
        return run

    def start_workflow(self) -> None:
        """Do what GitHub does for a new tag: run the workflow, which publishes; nothing if there is a run already."""
        if all(run.ref_name != self.tag for run in self.registries.github.runs.values()):
            self.add_run()
            self.finish_publication()

    def finish_publication(self) -> None:
        """Do what a successful run of the workflow does: publish all artifacts, and create the GitHub release."""
        self.publish(*(artifact.name for artifact in self.policy.artifacts))
        releases = self.registries.github.releases
        if all(release.tag != self.tag for release in releases):
            sums = "".join(f"{digest}  {name}\n" for name, digest in self.built.items()).encode()
            asset = ReleaseAsset(len(releases) + 1, CHECKSUMS, sums)
            number = len(releases) + 1
            release = GitHubRelease(number, self.tag, self.tag, "", draft=False, prerelease=False, assets=[asset])
            releases.append(release)

    def _end(self, run: ServedRun, conclusion: str, job: str) -> None:
        run.job_ended(JobRun(job, job, 0, "success" if conclusion == "success" else "failure"))
        run.completed = True

    def publish(self, *names: str, commit: str | None = None, label: str = "") -> None:
        """Publish all files of the artifacts with these names, as built from the tag or from another commit.

        A `label` changes the content of the files, so that they are not the built ones.
        """
        commit = commit or self.git("rev-parse", f"{self.tag}^{{commit}}")
        for artifact in self.policy.artifacts:
            files = self._files(artifact, commit, "")
            self.built |= {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            if artifact.name not in names:
                continue
            for name, content in (self._files(artifact, commit, label) if label else files).items():
                self._store(artifact, name, content, commit)

    def _store(self, artifact: Artifact, name: str, content: bytes, commit: str) -> None:
        """Store a file at its registry, with the records that a publication by the workflow leaves."""
        if artifact.registry == "crates.io":
            crates, version = self.registries.crates, self.version.semver
            crate = crates.crate(artifact.name) or crates.add_crate(artifact.name, trustpub_only=True)
            checksum = hashlib.sha256(content).hexdigest()
            line = {"name": artifact.name, "vers": version, "deps": [], "cksum": checksum, "features": {}, "v": 2}
            repository, workflow = self.policy.repository or "", self.policy.workflow
            claims = JobIdentity(repository, 1, workflow, f"refs/tags/{self.tag}", commit).claims()
            crate.versions[version] = CrateVersion(version, {**line, "yanked": False}, content, publisher_of(claims))
            self.registries.github.attestations.append(bundle_of({name: checksum}, claims))
            return
        index = self.registries.index
        project = index.project(artifact.name) or index.add_project(artifact.name)
        kind = "sdist" if name.endswith(".tar.gz") else "bdist_wheel"
        project.files.setdefault(name, UploadedFile(name, self.version.pep440, kind, "", content))

    def _files(self, artifact: Artifact, commit: str, label: str) -> dict[str, bytes]:
        """Return files that the clients of the registries accept, with almost no content, by name."""
        version = self.version
        if artifact.registry == "crates.io":
            stem = f"{artifact.name}-{version.semver}"
            manifest = f'[package]\nname = "{artifact.name}"\nversion = "{version.semver}"\nedition = "2021"\n'
            source = json.dumps({"git": {"sha1": commit}, "path_in_vcs": artifact.path})
            members = {"Cargo.toml": manifest, "src/lib.rs": f"// {label}\n", ".cargo_vcs_info.json": source}
            return {crate_name(artifact, version): _archive(stem, members)}
        stem = dist_stem(artifact, version)
        metadata = f"Metadata-Version: 2.1\nName: {artifact.name}\nVersion: {version.pep440}\n{label}"
        wheels = {
            f"{stem}-{artifact.wheels}-{tag}.whl": _wheel(stem, metadata, f"{artifact.wheels}-{tag}")
            for tag in artifact.platforms
        }
        return {sdist_name(artifact, version): _archive(stem, {"PKG-INFO": metadata}), **wheels}

    # The person who releases

    def type(self, line: str) -> ProcessResult:
        """Run a command line as a person does, and return the result of its last command.

        It consists of commands joined by `&&`. `just` starts the commands of this library, and `gh` changes the local
        GitHub. There is no shell.
        """
        result = ProcessResult((), 0, "", "")
        for command in line.split(" && "):
            words = shlex.split(command)
            if words[0] == "gh":
                result = ProcessResult(tuple(words), 0, self._use_github(words[1:]), "")
            elif words[0] in ("just", "./just"):
                command_line = [sys.executable, "-m", "binoc_runbook.cli", *words[1:]]
                result = self.world.processes.run(command_line, timeout=TIMEOUT)
            else:
                result = self.world.processes.run(words, timeout=TIMEOUT)
            if result.returncode != 0:
                break
        return result

    def type_successfully(self, line: str) -> None:
        """Run a command line that prepares a fault.

        Raises:
            SandboxError: A command failed.
        """
        result = self.type(line)
        if result.returncode != 0:
            raise SandboxError(f"{line}: {result.reason}")

    def _use_github(self, words: list[str]) -> str:
        """Let GitHub run the workflow, or run its failed jobs again, with success."""
        names = [artifact.name for artifact in self.policy.artifacts]
        runs = self.registries.github.runs
        match words:
            case ["workflow", "run", _, "--ref", _, "-f", artifact]:
                self.publish(artifact.partition("=")[2])
                self.add_run()
                if all(self._is_published(name) for name in names):
                    self.finish_publication()
            case ["run", "rerun", number, "--failed"]:
                run = runs[int(number)]
                run.begin(run.attempt + 1)
                self.finish_publication()
                self._end(run, "success", "publish")
            case ["run", "list" | "watch", *_]:
                pass
            case _:
                raise SandboxError(f"the sandbox has no command `gh {' '.join(words)}`")
        return "\n".join(f"{run.number} {run.ref_name}" for run in runs.values())

    def _is_published(self, name: str) -> bool:
        files = self.registries.index.files(name).values()
        versions = {file.version for file in files} | self.registries.crates.versions(name).keys()
        return bool({self.version.pep440, self.version.semver} & versions)


class SandboxError(Exception):
    """A step of a sandbox that failed, which is a defect of the rehearsed fault."""


@contextmanager
def open_sandbox(source: Path, version: Version) -> Iterator[Sandbox]:
    """Open a sandbox with the files of the HEAD of a checkout, which have this version, inside `with`.

    The remote has the commit before the one to release. The test command does nothing.

    Raises:
        RefusedError: As for a rehearsal.
    """
    opened = open_world(source, quick=True)
    try:
        policy = read_policy(opened.root)
        directory = opened.root.parent / "servers"
        with open_registries(directory, remote_path(opened.root), policy.repository) as registries:
            use_vendored_crates(opened, Path(registries.environment["CARGO_HOME"]))
            token = registries.github.token({"contents": "read", "actions": "read"})
            environment = {**opened.processes.environment, **registries.user_environment, "GH_TOKEN": token}
            # This is the code of a real release; its remote, registries and GitHub are local.
            sandbox = Sandbox(World.real(opened.root, environment), policy, registries, version)
            sandbox.git("push", "--quiet", policy.remote, f"HEAD:refs/heads/{sandbox.branch}")
            sandbox.set_policy("test", ["git", "--version"])
            sandbox.set_policy("start-timeout", 0.1)
            sandbox.describe_a_change()
            sandbox.commit("The commit to release")
            sandbox.policy = read_policy(opened.root)
            try:
                yield sandbox
            finally:
                sandbox.end_other_release()
    finally:
        opened.close()


def _archive(stem: str, members: Mapping[str, str]) -> bytes:
    """Return a `.tar.gz` with these files below the directory `stem`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _wheel(stem: str, metadata: str, tag: str) -> bytes:
    """Return a wheel without modules (PEP 427)."""
    buffer = io.BytesIO()
    files = {"METADATA": metadata, "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n", "RECORD": ""}
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            # The time is fixed, so that the same content has the same digest.
            archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{name}", (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()
