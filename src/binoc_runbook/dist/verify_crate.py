"""Whether the crates can be published: each is packaged anew, compiled, and compared with what is to be uploaded.

`cargo publish --no-verify` has a registry's token beside it, and may then leave out the compiling: what it uploads was
compiled here, where there is none.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.dists.crates_io import crates_io
from binoc_runbook.checks.dists.sdist import Tar
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import LoggedResult

CHECK = "verify-crate"

#: How long the registry may take to answer, in seconds.
PATIENCE = 60.0

#: The tool that compares public APIs. It reads what rustdoc writes, so it is renewed together with the Rust of the
#: workflow.
SEMVER_CHECKS = "cargo-semver-checks@0.51.0"

#: The exit code by which it tells a broken promise from everything that kept it from looking.
_BROKEN = 100


def verify_crates(
    target: Target, folder: Path, on_line: Callable[[str], None], called: str = "dist", *, install: bool = False
) -> Findings:
    """Ask of each crate of the policy whether it can be published as it lies in `folder`.

    Where there is a release to compare with and no tool to do it, `install` has the pinned one compiled, into cargo's
    target folder. `on_line` is told what cargo says. Findings call the folder `called`.
    """
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if not crates:
        return Findings([Finding.ok(CHECK, str(target.policy.source), "the policy promises no crate")])
    found: list[Finding] = []
    for artifact in crates:
        found += _Crate(target, artifact, folder, on_line, called, install).answers()
    return Findings(found)


class _Crate:
    def __init__(
        self,
        target: Target,
        artifact: Artifact,
        folder: Path,
        on_line: Callable[[str], None],
        called: str,
        install: bool,
    ) -> None:
        self.name = artifact.name
        self.manifest = f"{artifact.path}/Cargo.toml"
        self.file = f"{artifact.name}-{target.version.semver}.crate"
        self.given = folder / self.file
        self.shown = f"{called}/{self.file}"
        self.on_line = on_line
        self.install = install
        given = target.world.processes
        built = (target.world.root / (given.inherits("CARGO_TARGET_DIR") or "target")).resolve()
        # A folder of its own: cargo takes what it has compiled in another for what it would compile here.
        self.work = built / "verify-crate"
        self.tools = built / "tools"
        self.processes = replace(given, first=(self.tools / "bin", *given.first))

    def answers(self) -> Iterator[Finding]:
        if not self.given.is_file():
            yield Finding.failed(CHECK, self.shown, "is missing", "just sources")
        else:
            yield from self.rules()
        yield from self.packaged()
        yield self.promises()

    def rules(self) -> Iterator[Finding]:
        """What crates.io would refuse at the upload."""
        data = Tar(self.given, self.file.removesuffix(".crate")).get("Cargo.toml") or b""
        try:
            package = tomllib.loads(data.decode("utf-8"))["package"]
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
            yield Finding.failed(CHECK, self.shown, "has no Cargo.toml that can be read", "just sources")
            return
        problems = list(crates_io(package, f"edit `{self.manifest}`, then `just dist`"))
        for problem in problems:
            yield Finding.failed(CHECK, self.shown, problem.saw, problem.remedy)
        if not problems:
            yield Finding.ok(CHECK, self.shown, "has the description, licence and addresses that crates.io asks for")

    def packaged(self) -> Iterator[Finding]:
        """Whether cargo packages and compiles it, and into the bytes that lie in the folder."""
        made = self.work / "package" / self.file
        made.unlink(missing_ok=True)
        command = ["cargo", "package", "--locked", "--package", self.name]
        done = self.watch(command)
        if isinstance(done, str):
            yield Finding.unknown(CHECK, " ".join(command), done, "install Rust with rustup")
        elif done.returncode != 0:
            yield Finding.failed(CHECK, " ".join(command), _last(done), "mend what cargo names, and commit it")
        elif not made.is_file():
            saw = f"made no `{self.file}`"
            yield Finding.failed(CHECK, " ".join(command), saw, f"just set-version {self.version()}")
        elif self.given.is_file():
            ours, theirs = sha256_of(self.given), sha256_of(made)
            if ours == theirs:
                yield Finding.ok(CHECK, self.shown, f"compiles, and is what cargo packages here: sha256 {ours}")
            else:
                saw = f"has sha256 {ours}, and cargo packages {theirs} here"
                yield Finding.failed(CHECK, self.shown, saw, "just sources, in a checkout of the commit it is made of")

    def version(self) -> str:
        return self.file.removeprefix(f"{self.name}-").removesuffix(".crate")

    def promises(self) -> Finding:
        """Whether the public API keeps what the last release at the registry promised for this version."""
        question = ["cargo", "info", self.name]
        # Inside a workspace cargo would describe its own package.
        with tempfile.TemporaryDirectory(prefix="binoc-nowhere-") as nowhere:
            answer = replace(self.processes, root=Path(nowhere)).run(question, patience=PATIENCE)
        if answer.returncode != 0 and "could not find" in answer.stderr:
            return Finding.ok(CHECK, " ".join(question), "there is no release to compare with")
        last = re.search(r"^version: (\S+)", answer.stdout, flags=re.MULTILINE)
        if answer.returncode != 0 or last is None:
            return Finding.unknown(
                CHECK, " ".join(question), answer.reason[-500:], "just verify-crate, once it answers"
            )
        if last[1] == self.version():
            # As when the other artifacts of a half-published release are finished: it was compared before it went out.
            return Finding.ok(CHECK, " ".join(question), f"{last[1]} is out already, and its API can change no more")
        if _compatible(self.version()) > _compatible(last[1]):
            # The tool would be compiled for minutes, and then ask nothing.
            saw = f"{last[1]} is released, and {self.version()} is a version that may break what it promised"
            return Finding.ok(CHECK, " ".join(question), saw)
        return self.compared(last[1])

    def compared(self, last: str) -> Finding:
        """What the tool says of the public API beside that of the release `last`."""
        command = ["cargo", "semver-checks", "--package", self.name]
        if (missing := self.tool()) is not None:
            saw = f"{missing}, and {last} is released: nobody compared the two"
            return Finding.unknown(CHECK, " ".join(command), saw, "just verify-crate --install")
        lines: list[str] = []
        done = self.watch(command, lines.append)
        if isinstance(done, str) or done.returncode not in (0, _BROKEN):
            saw = done if isinstance(done, str) else _last(done)
            return Finding.unknown(CHECK, " ".join(command), saw, "just verify-crate --install, once that is mended")
        saw = _compared(lines) or f"compared with {last}"
        if done.returncode == _BROKEN:
            return Finding.failed(CHECK, " ".join(command), saw, "restore what it names, or release a higher version")
        return Finding.ok(CHECK, " ".join(command), saw)

    def tool(self) -> str | None:
        """Why the tool that compares is not there, after it was installed if that was wanted; None where it is."""
        name = SEMVER_CHECKS.partition("@")[0]
        if self.processes.find(name) is not None:
            return None
        if not self.install:
            return f"`{name}` is not installed"
        done = self.watch(["cargo", "install", "--locked", "--root", str(self.tools), SEMVER_CHECKS])
        if not isinstance(done, str) and done.returncode == 0:
            return None
        return f"`{SEMVER_CHECKS}` could not be installed ({done if isinstance(done, str) else _last(done)})"

    def watch(self, command: list[str], also: Callable[[str], None] = lambda line: None) -> LoggedResult | str:
        def tell(line: str) -> None:
            self.on_line(line)
            also(line)

        self.on_line(f"$ {' '.join(command)}")
        log = self.work / "logs" / f"{self.name}-{command[1]}.log"
        # A backtrace would be the last words of a tool that has said before it what is wrong.
        environment = {"CARGO_TARGET_DIR": str(self.work), "RUST_BACKTRACE": "0"}
        try:
            return self.processes.watch(command, log, tell, environment=environment)
        except FileNotFoundError:
            return f"`{command[0]}` was not found on PATH"


def _compatible(version: str) -> list[int]:
    """The part of a version that all that are compatible with it begin with (Cargo book, *Default requirements*)."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split("[-+]", version)[0])]
    significant = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return numbers[: significant + 1]


def _compared(lines: list[str]) -> str:
    """What cargo-semver-checks has compared, and which rules are broken by what; it says that on several lines."""
    told = [line.strip().partition(" ") for line in lines]
    said = [
        re.sub(r"^\[[^]]*\] *", "", rest.strip())
        for word, _, rest in told
        if word in ("Checking", "Checked", "Summary")
    ]
    text = "".join(f"{line}\n" for line in lines)
    failures = re.findall(
        r"^--- failure (\S+): .*?^Failed in:\n((?: +[^\n]+\n)+)", text, flags=re.MULTILINE | re.DOTALL
    )
    for rule, places in failures:
        items = [line.strip().partition(", previously in ")[0] for line in places.splitlines()]
        said.append(f"{rule}: {', '.join(items)}")
    return "; ".join(said)


def _last(done: LoggedResult) -> str:
    return " / ".join(line.strip() for line in done.tail[-6:] if line.strip()) or f"exit code {done.returncode}"
