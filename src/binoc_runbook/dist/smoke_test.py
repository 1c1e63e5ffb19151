"""What is published, tried as its users get it: installed into a clean environment on each Python, and run.

Asked twice about a release: before it about the files of a folder alone, after it about what the registries offer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from binoc_runbook.checks.dists.wheel import platforms_of
from binoc_runbook.checks.observations import Completed
from binoc_runbook.dist import example_crate
from binoc_runbook.dist.standalone_manifest import alone
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact, Policy, normalised
from binoc_runbook.version import Version
from binoc_runbook.world import World, virtual_environments
from binoc_runbook.world.pythons import Python, pythons

CHECK = "smoke-test"

#: How long the policy's `smoke-test` may take on one Python, in seconds.
PATIENCE = 600.0


def run_smoke_test(
    world: World,
    policy: Policy,
    version: Version,
    *,
    files: Path | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> Findings:
    """Install the distributions of the policy on each Python of this machine, and run the policy's `smoke-test` there.

    From `files`, a folder, alone; else from the index and the registry that the clients are configured with. The
    examples of crates are compiled first. One finding for each Python; for an example only where it fails. `on_line` is
    told what goes on.
    """
    if not policy.smoke_test:
        saw = "no command says how to try what is published"
        return Findings(
            [Finding.unknown(CHECK, policy.source, saw, 'add `smoke-test`, such as ["python", "smoke_test.py"]')]
        )
    with tempfile.TemporaryDirectory(prefix="binoc-smoke-test-") as folder:
        return Findings(_SmokeTest(world, policy, version, files, Path(folder), on_line).run())


class _SmokeTest:
    def __init__(
        self,
        world: World,
        policy: Policy,
        version: Version,
        files: Path | None,
        folder: Path,
        on_line: Callable[[str], None],
    ) -> None:
        self.world = world
        self.policy = policy
        self.version = version
        self.files = files
        self.folder = folder
        self.on_line = on_line
        self.again = f"just verify {version}" if files is None else f"just check-dists, once `{files.name}` is mended"

    def run(self) -> Iterator[Finding]:
        if (strange := self.for_others()) is not None:
            saw = f"no wheel of `{strange}` there is for this host, so it cannot be tried here"
            yield Finding.unknown(CHECK, "the wheels", saw, "just check-dists, on a host that the wheels are for")
            return
        plugins = []
        for artifact in self.policy.artifacts:
            if artifact.example:
                built = self.compile(artifact, artifact.example)
                if isinstance(built, Finding):
                    yield built
                    return
                plugins.append(built)
        found = pythons(self.world.processes)
        if not found:
            yield Finding.unknown(CHECK, "PATH and pyenv", "no CPython from 3.10 up", "install one, then try again")
        for python in found:
            yield self.on(python, plugins)

    def for_others(self) -> str | None:
        """The distribution that has no wheel for this host among the files; none where the index is asked."""
        if self.files is None:
            return None
        from packaging.tags import platform_tags

        mine, names = {"any", *platform_tags()}, sorted(path.name for path in self.files.glob("*.whl"))
        for artifact in self.policy.artifacts:
            stem = f"{normalised('pypi', artifact.name).replace('-', '_')}-{self.version.pep440}-"
            wheels = [name for name in names if name.startswith(stem)]
            if artifact.registry == "pypi" and not any(mine & (platforms_of(name) or set()) for name in wheels):
                return artifact.name
        return None

    def compile(self, artifact: Artifact, example: str) -> Path | Finding:
        looked_at = f"`{example}` with `{artifact.name}` {self.version}"
        self.on_line(f"compiling {looked_at}")
        crate = self.folder / "examples" / Path(example).name
        try:
            stands = alone(self.world.root, example, artifact.name)
            example_crate.write(self.world.root, example, stands, crate)
        except (OSError, ValueError) as error:
            saw = self.world.clean(str(error))
            return Finding.failed(CHECK, looked_at, saw, f"edit `{example}`, or `example` in {artifact.source}")
        depend_on = [f"{artifact.name}@={self.version}"]
        if self.files is not None:
            packed = self.files / f"{artifact.name}-{self.version}.crate"
            if not packed.is_file():
                saw = f"there is no `{packed.name}` to compile it with"
                return Finding.unknown(CHECK, looked_at, saw, "just dist")
            depend_on = ["--path", str(example_crate.unpack(packed, self.folder / "crates"))]
            # Before a release the crates beside it are those that were tested; after it, whatever a user gets.
            example_crate.lock(self.world.root, crate)
        built = example_crate.build(self.world.processes, crate, [*depend_on, *stands.options])
        return self.failed(looked_at, built) if isinstance(built, Completed) else built

    def on(self, python: Python, plugins: list[Path]) -> Finding:
        self.on_line(f"installing on {python}")
        made = virtual_environments.make(self.world.processes, python, self.folder / str(python))
        if isinstance(made, str):
            return Finding.unknown(CHECK, str(python), f"no environment could be made: {made}", self.again)
        names = [each.name for each in self.policy.artifacts if each.registry == "pypi"]
        wanted = [f"{name}=={self.version.pep440}" for name in names]
        if wanted:
            done = virtual_environments.install(self.world.processes, made, wanted, files=self.files)
            if done.returncode != 0:
                return self.failed(str(python), done)
        told = [argument for path in plugins for argument in ("--plugin", str(path))]
        command = [*self.policy.smoke_test, str(self.version), *told]
        self.on_line(f"trying on {python}")
        done = made.inside(self.world.processes).run(command, patience=PATIENCE)
        if done.returncode != 0:
            return self.failed(str(python), done)
        beside = ", with ".join(["", *(f"`{path.name}`" for path in plugins)])
        return Finding.ok(CHECK, str(python), f"installed and run: {', '.join(wanted)}{beside}")

    def failed(self, looked_at: str, done: Completed) -> Finding:
        """What a command said at last, in words fit for a page."""
        words = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        saw = " / ".join(line.strip() for line in words[-8:] if line.strip())
        told = self.world.clean(saw.replace(str(self.folder), "<smoke-test>"))
        return Finding.failed(CHECK, looked_at, f"`{' '.join(done.command[:3])}` failed: {told}", self.again)
