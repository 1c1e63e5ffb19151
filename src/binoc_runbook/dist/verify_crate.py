"""Verification of crates before they are published: package, compile and compare each with the file to be uploaded.

The job that runs `cargo publish` holds a token, and so runs it with `--no-verify` and compiles nothing: what it uploads
is compiled here, where there is no token.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.dists.archives import TarArchive
from binoc_runbook.checks.dists.crates_io import check_crates_io_rules
from binoc_runbook.checks.dists.expected_files import crate_name
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target
from binoc_runbook.world.cargo_index import look_up_name
from binoc_runbook.world.processes import LoggedResult

CHECK = "verify-crate"

#: The tool that compares public APIs. It reads the output of rustdoc, so update it together with the Rust of the
#: workflow.
SEMVER_CHECKS = "cargo-semver-checks@0.51.0"

#: Its exit code for a breaking change; every other one but 0 means that it could not compare.
_BROKEN = 100


def verify_crates(
    target: Target, directory: Path, on_line: Callable[[str], None], shown: str = "dist", *, install: bool = False
) -> Findings:
    """Check that each crate of the policy can be published as it is in `directory`.

    With `install`, the pinned tool that compares public APIs is compiled into cargo's target directory, where it is
    missing and needed. `on_line` gets the output of cargo. Findings show the directory as `shown`.
    """
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if not crates:
        return Findings([Finding.ok(CHECK, str(target.policy.source), "the policy promises no crate")])
    findings: list[Finding] = []
    for artifact in crates:
        findings += _CrateVerification(target, artifact, directory, on_line, shown, install).run()
    return Findings(findings)


class _CrateVerification:
    def __init__(
        self,
        target: Target,
        artifact: Artifact,
        directory: Path,
        on_line: Callable[[str], None],
        shown: str,
        install: bool,
    ) -> None:
        self.artifact, self.version = artifact, target.version.semver
        self.path = directory / crate_name(artifact, target.version)
        self.shown = f"{shown}/{self.path.name}"
        self.on_line = on_line
        self.install = install
        processes = target.world.processes
        # A directory of its own: cargo would else take for this build what it has compiled for another.
        self.work = target.world.target_directory / "verify-crate"
        self.processes = replace(processes, first=(self.tools / "bin", *processes.first))

    @property
    def tools(self) -> Path:
        return self.work.with_name("tools")

    def run(self) -> Iterator[Finding]:
        if not self.path.is_file():
            yield Finding.failed(CHECK, self.shown, "is missing", "just sources")
        else:
            yield from self.check_rules()
        yield from self.check_package()
        yield self.check_api()

    def check_rules(self) -> Iterator[Finding]:
        """Check the rules of crates.io."""
        data = TarArchive(self.path, self.path.name.removesuffix(".crate")).get("Cargo.toml") or b""
        try:
            package = tomllib.loads(data.decode("utf-8"))["package"]
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
            yield Finding.failed(CHECK, self.shown, "has no Cargo.toml that can be read", "just sources")
            return
        defects = list(check_crates_io_rules(package, f"edit `{self.artifact.path}/Cargo.toml`, then `just dist`"))
        for defect in defects:
            yield Finding.failed(CHECK, self.shown, defect.saw, defect.remedy)
        if not defects:
            yield Finding.ok(CHECK, self.shown, "has the description, licence and addresses that crates.io asks for")

    def check_package(self) -> Iterator[Finding]:
        """Check that cargo packages and compiles the crate, with the same content as in the directory."""
        packaged = self.work / "package" / self.path.name
        packaged.unlink(missing_ok=True)
        command = ["cargo", "package", "--locked", "--package", self.artifact.name]
        done = self.watch(command)
        if done.returncode == 127:
            yield Finding.unknown(CHECK, " ".join(command), done.reason, "install Rust with rustup")
        elif done.returncode != 0:
            yield Finding.failed(CHECK, " ".join(command), done.reason, "mend what cargo names, and commit it")
        elif not packaged.is_file():
            saw = f"made no `{packaged.name}`"
            yield Finding.failed(CHECK, " ".join(command), saw, f"just set-version {self.version}")
        elif self.path.is_file():
            expected, actual = sha256_of(packaged), sha256_of(self.path)
            if actual == expected:
                yield Finding.ok(CHECK, self.shown, f"compiles, and is what cargo packages here: sha256 {actual}")
            else:
                saw = f"has sha256 {actual}, and cargo packages {expected} here"
                yield Finding.failed(CHECK, self.shown, saw, "just sources, in a checkout of the commit it is made of")

    def check_api(self) -> Finding:
        """Check the public API against the last release at the registry, as far as the version promises that."""
        lookup = look_up_name(self.processes, self.artifact.name)
        shown, last = lookup.question, lookup.version
        if lookup.answer == "no":
            return Finding.ok(CHECK, shown, "there is no release to compare with")
        if last is None:
            return Finding.unknown(CHECK, shown, lookup.reason[-500:], "just verify-crate, once it answers")
        if last == self.version:
            # As when the other artifacts of a half-published release are finished: it was compared before.
            return Finding.ok(CHECK, shown, f"{last} is out already, and its API can change no more")
        if _compatible_part(self.version) > _compatible_part(last):
            # The tool would be compiled for minutes, and then compare nothing.
            saw = f"{last} is released, and {self.version} is a version that may break what it promised"
            return Finding.ok(CHECK, shown, saw)
        return self.compare_api(last)

    def compare_api(self, last: str) -> Finding:
        """Compare the public API with that of the release `last`."""
        command = ["cargo", "semver-checks", "--package", self.artifact.name]
        if (missing := self.ensure_tool()) is not None:
            saw = f"{missing}, and {last} is released: nobody compared the two"
            return Finding.unknown(CHECK, " ".join(command), saw, "just verify-crate --install")
        lines: list[str] = []
        done = self.watch(command, lines.append)
        if done.returncode not in (0, _BROKEN):
            remedy = "just verify-crate --install, once that is mended"
            return Finding.unknown(CHECK, " ".join(command), done.reason, remedy)
        saw = _summary(lines) or f"compared with {last}"
        if done.returncode == _BROKEN:
            return Finding.failed(CHECK, " ".join(command), saw, "restore what it names, or release a higher version")
        return Finding.ok(CHECK, " ".join(command), saw)

    def ensure_tool(self) -> str | None:
        """Install the tool that compares APIs, with `install`; return why it is missing, None where it is there."""
        name = SEMVER_CHECKS.partition("@")[0]
        if self.processes.find(name) is not None:
            return None
        if not self.install:
            return f"`{name}` is not installed"
        done = self.watch(["cargo", "install", "--locked", "--root", str(self.tools), SEMVER_CHECKS])
        return f"`{SEMVER_CHECKS}` could not be installed ({done.reason})" if done.returncode != 0 else None

    def watch(self, command: list[str], collect: Callable[[str], None] = lambda line: None) -> LoggedResult:
        def on_line(line: str) -> None:
            self.on_line(line)
            collect(line)

        self.on_line(f"$ {' '.join(command)}")
        log = self.work / "logs" / f"{self.artifact.name}-{command[1]}.log"
        # A backtrace would be the last lines of a tool, after those that say what is wrong.
        environment = {"CARGO_TARGET_DIR": str(self.work), "RUST_BACKTRACE": "0"}
        return self.processes.watch(command, log, on_line, environment=environment)


def _compatible_part(version: str) -> list[int]:
    """Return the part that all compatible versions begin with (Cargo book, *Default requirements*)."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split("[-+]", version)[0])]
    significant = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    return numbers[: significant + 1]


def _summary(lines: list[str]) -> str:
    """Return what cargo-semver-checks has compared, and which rules are broken by which items, from its output."""
    parts = [
        re.sub(r"^\[[^]]*\] *", "", rest.strip())
        for word, _, rest in (line.strip().partition(" ") for line in lines)
        if word in ("Checking", "Checked", "Summary")
    ]
    text = "".join(f"{line}\n" for line in lines)
    failures = re.findall(
        r"^--- failure (\S+): .*?^Failed in:\n((?: +[^\n]+\n)+)", text, flags=re.MULTILINE | re.DOTALL
    )
    for rule, places in failures:
        items = [line.strip().partition(", previously in ")[0] for line in places.splitlines()]
        parts.append(f"{rule}: {', '.join(items)}")
    return "; ".join(parts)
