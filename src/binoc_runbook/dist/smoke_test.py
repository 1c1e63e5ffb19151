"""Smoke test of a release: install it into a clean environment for each Python, and run it.

It runs before a release with the files in a directory, and after it with the files of the registries.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from binoc_runbook.checks.dists.expectation import host_platform
from binoc_runbook.checks.dists.expected_files import crate_name, dist_stem
from binoc_runbook.checks.dists.wheel import wheel_platforms
from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.dist import example_crate
from binoc_runbook.dist.standalone_manifest import standalone_manifest
from binoc_runbook.environ import is_inherited, without_user_info
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version
from binoc_runbook.world import World, virtual_environments
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.pythons import Python, find_pythons

CHECK = "smoke-test"

#: The timeout of the command `smoke-test` on one Python, in seconds.
TIMEOUT = 600.0


def run_smoke_test(
    world: World,
    policy: Policy,
    version: Version,
    *,
    files: Path | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> Findings:
    """Install the distributions of the policy on each Python of this machine, and run the command `smoke-test`.

    The distributions are from the directory `files`, or from the configured index and registry. The examples of crates
    are compiled first. There is one finding for each Python, and one for each example that fails. `on_line` receives a
    line for each step.
    """
    if not policy.smoke_test:
        saw = "the policy has no `smoke-test`"
        remedy = 'add `smoke-test`, such as ["python", "smoke_test.py"]'
        return Findings([Finding.unknown(CHECK, policy.source, saw, remedy)])
    with tempfile.TemporaryDirectory(prefix="binoc-smoke-test-") as directory:
        restricted = replace(world, processes=_restricted(world.processes))
        return Findings(_SmokeTest(restricted, policy, version, files, Path(directory), on_line).run())


def _restricted(processes: Processes) -> Processes:
    """Return processes that inherit no credentials; the variables of a rehearsal are kept."""
    inherited = is_inherited()
    environment = {**without_user_info(os.environ), **processes.environment}
    return replace(processes, environment=environment, withheld=lambda name: not inherited(name))


@dataclass
class _SmokeTest:
    world: World
    policy: Policy
    version: Version
    files: Path | None
    directory: Path
    on_line: Callable[[str], None]

    @property
    def retry(self) -> str:
        if self.files is None:
            return f"just verify {self.version}"
        return f"fix the dists in `{self.files.name}`, then run `just check-dists`"

    def run(self) -> Iterator[Finding]:
        if (unusable := self.without_usable_wheel()) is not None:
            saw = f"no wheel of `{unusable}` can be installed on this host"
            yield Finding.unknown(CHECK, "the wheels", saw, "just check-dists, on a machine of their platform")
            return
        plugins = []
        for artifact in self.policy.artifacts:
            if artifact.example:
                library = self.compile_example(artifact, artifact.example)
                if isinstance(library, Finding):
                    yield library
                    return
                plugins.append(library)
        installed = find_pythons(self.world.processes)
        if not installed:
            remedy = "install one, then run this again"
            yield Finding.unknown(CHECK, "PATH and pyenv", "no CPython 3.10 or newer", remedy)
        for python in installed:
            yield self.run_on(python, plugins)

    def without_usable_wheel(self) -> str | None:
        """Return a distribution whose wheels in `files` cannot be installed on this host, or None."""
        if self.files is None:
            return None
        tags = {"any", *host_platform().tags}
        for artifact in self.policy.artifacts:
            wheels = self.files.glob(f"{dist_stem(artifact, self.version)}-*.whl")
            if artifact.registry == "pypi" and not any(tags & wheel_platforms(wheel.name) for wheel in wheels):
                return artifact.name
        return None

    def compile_example(self, artifact: Artifact, example: str) -> Path | Finding:
        looked_at = f"`{example}` with `{artifact.name}` {self.version}"
        self.on_line(f"compiling {looked_at}")
        crate = self.directory / "examples" / Path(example).name
        try:
            manifest = standalone_manifest(self.world.root, example, artifact.name)
            example_crate.write(self.world.root, example, manifest, crate)
        except (OSError, ValueError) as error:
            saw = self.world.clean(str(error))
            return Finding.failed(CHECK, looked_at, saw, f"edit `{example}`, or `example` in {artifact.source}")
        depend_on = [f"{artifact.name}@={self.version}"]
        if self.files is not None:
            crate_file = self.files / crate_name(artifact, self.version)
            if not crate_file.is_file():
                saw = f"`{crate_file.name}` is missing, and the example needs it"
                return Finding.unknown(CHECK, looked_at, saw, "just dist")
            depend_on = ["--path", str(example_crate.unpack(crate_file, self.directory / "crates"))]
            # Before a release, use the tested versions of dependencies; after it, those that a user gets.
            example_crate.copy_lock_file(self.world.root, crate)
        target = self.world.target_directory / "smoke-test"
        published = {artifact.name for artifact in self.policy.artifacts if artifact.registry == "crates.io"}
        depend_on += manifest.options
        library = example_crate.build(self.world.processes, crate, depend_on, target, published)
        return self.failed(looked_at, library) if isinstance(library, ProcessResult) else library

    def run_on(self, python: Python, plugins: list[Path]) -> Finding:
        self.on_line(f"installing on {python}")
        environment = virtual_environments.create(self.world.processes, python, self.directory / str(python))
        if isinstance(environment, str):
            saw = f"cannot create a virtual environment: {environment}"
            return Finding.unknown(CHECK, str(python), saw, self.retry)
        names = [artifact.name for artifact in self.policy.artifacts if artifact.registry == "pypi"]
        requirements = [f"{name}=={self.version.pep440}" for name in names]
        if requirements:
            done = virtual_environments.install(self.world.processes, environment, requirements, files=self.files)
            if done.returncode != 0:
                return self.failed(str(python), done)
        options = [argument for path in plugins for argument in ("--plugin", str(path))]
        command = [*self.policy.smoke_test, str(self.version), *options]
        self.on_line(f"running the smoke test on {python}")
        done = environment.inside(self.world.processes).run(command, timeout=TIMEOUT)
        if done.returncode != 0:
            return self.failed(str(python), done)
        plugin_names = "".join(f", with `{path.name}`" for path in plugins)
        return Finding.ok(CHECK, str(python), f"installed and run: {', '.join(requirements)}{plugin_names}")

    def failed(self, looked_at: str, done: ProcessResult) -> Finding:
        """Return a finding with the last lines of a command, without paths of this machine."""
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        output = " / ".join(line.strip() for line in lines[-8:] if line.strip())
        output = self.world.clean(output.replace(str(self.directory), "<smoke-test>"))
        return Finding.failed(CHECK, looked_at, f"`{' '.join(done.command[:3])}` failed: {output}", self.retry)
