"""Verification of crates before they are published: package and compile them, and compare them with the dists.

The job that runs `cargo publish` has a token, so it uses `--no-verify` and compiles nothing. The same crates are
compiled here, without a token.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.dists.archives import TarArchive
from binoc_runbook.checks.dists.crates_io import check_crates_io_rules
from binoc_runbook.checks.dists.expected_files import crate_name
from binoc_runbook.dist.build import PACKAGING
from binoc_runbook.files import sha256_of
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target
from binoc_runbook.world.cargo_index import look_up_name
from binoc_runbook.world.processes import LoggedResult

CHECK = "verify-crate"

#: The tool that compares public APIs. It reads the output of rustdoc, so update it together with the Rust toolchain of
#: the workflow.
SEMVER_CHECKS = "cargo-semver-checks@0.51.0"

#: Its exit code for a breaking change. Other codes than this and 0 are errors.
_BROKEN = 100


def verify_crates(
    target: Target, directory: Path, on_line: Callable[[str], None], shown: str = "dist", *, install: bool = False
) -> Findings:
    """Check that the crates of the policy in `directory` can be published.

    With `install`, the pinned tool that compares public APIs is compiled into the target directory of cargo if it is
    needed and missing. `on_line` receives the output of cargo. Findings show the directory as `shown`.
    """
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if not crates:
        return Findings([Finding.ok(CHECK, str(target.policy.source), "the policy lists no crate")])
    verifications = [_CrateVerification(target, artifact, directory, on_line, shown, install) for artifact in crates]
    # With one command, because only then can one crate depend on another that is not published yet.
    command = ["cargo", "package", "--locked"]
    command += [word for artifact in crates for word in ("--package", artifact.name)]
    for verification in verifications:
        verification.packaged.unlink(missing_ok=True)
    result = verifications[0].watch(command, environment=PACKAGING)
    if result.returncode == 127:
        problem = [Finding.unknown(CHECK, " ".join(command), result.reason, "install Rust with rustup")]
    elif result.returncode != 0:
        remedy = "fix the errors of cargo, and commit the fix"
        problem = [Finding.failed(CHECK, " ".join(command), result.reason, remedy)]
    else:
        problem = []
    findings = [finding for verification in verifications for finding in verification.run(compare=not problem)]
    return Findings([*problem, *findings])


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
        # A separate directory, so that cargo does not reuse the output of other builds.
        self.work = target.world.target_directory / "verify-crate"
        self.processes = replace(processes, first=(self.tools / "bin", *processes.first))

    @property
    def tools(self) -> Path:
        return self.work.with_name("tools")

    @property
    def packaged(self) -> Path:
        """Return the path of the `.crate` that cargo creates here."""
        return self.work / "package" / self.path.name

    def run(self, *, compare: bool) -> Iterator[Finding]:
        """Check the file in the directory; with `compare`, also against the one that cargo has created."""
        if not self.path.is_file():
            yield Finding.failed(CHECK, self.shown, "is missing", "just sources")
        else:
            yield from self.check_rules()
        if compare:
            yield from self.compare_content()
        yield self.check_api()

    def check_rules(self) -> Iterator[Finding]:
        """Check the rules of crates.io."""
        data = TarArchive(self.path, self.path.name.removesuffix(".crate")).get("Cargo.toml") or b""
        try:
            package = tomllib.loads(data.decode("utf-8"))["package"]
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
            yield Finding.failed(CHECK, self.shown, "its Cargo.toml cannot be read", "just sources")
            return
        defects = list(check_crates_io_rules(package, f"edit `{self.artifact.path}/Cargo.toml`, then `just dist`"))
        for defect in defects:
            yield Finding.failed(CHECK, self.shown, defect.saw, defect.remedy)
        if not defects:
            yield Finding.ok(CHECK, self.shown, "has the metadata that crates.io requires")

    def compare_content(self) -> Iterator[Finding]:
        """Check that cargo has packaged the same content as in the directory."""
        if not self.packaged.is_file():
            saw = f"did not create `{self.packaged.name}`"
            command = f"cargo package --locked --package {self.artifact.name}"
            yield Finding.failed(CHECK, command, saw, f"just set-version {self.version}")
        elif self.path.is_file():
            expected, actual = sha256_of(self.packaged), sha256_of(self.path)
            if actual == expected:
                yield Finding.ok(CHECK, self.shown, f"compiles, and is equal to the output of cargo: sha256 {actual}")
            else:
                saw = f"has sha256 {actual}, but the output of cargo has {expected}"
                yield Finding.failed(CHECK, self.shown, saw, "just sources, in a checkout of the released commit")

    def check_api(self) -> Finding:
        """Compare the public API with the last release at the registry, unless the version allows breaking changes."""
        lookup = look_up_name(self.processes, self.artifact.name)
        shown, last = lookup.question, lookup.version
        if lookup.answer == "no":
            return Finding.ok(CHECK, shown, "no release to compare with")
        if last is None:
            return Finding.unknown(CHECK, shown, lookup.reason[-500:], "just verify-crate, when the registry responds")
        if last == self.version:
            # This happens when a partly published release is completed. The API was compared before.
            return Finding.ok(CHECK, shown, f"{last} is already published")
        if _compatible_part(self.version) > _compatible_part(last):
            # Compiling the tool takes minutes, and it would compare nothing.
            return Finding.ok(CHECK, shown, f"{self.version} can have breaking changes since {last}")
        return self.compare_api(last)

    def compare_api(self, last: str) -> Finding:
        """Compare the public API with that of the release `last`."""
        command = ["cargo", "semver-checks", "--package", self.artifact.name]
        if (missing := self.ensure_tool()) is not None:
            saw = f"{missing}, so the API was not compared with {last}"
            return Finding.unknown(CHECK, " ".join(command), saw, "just verify-crate --install")
        lines: list[str] = []
        result = self.watch(command, lines.append)
        if result.returncode not in (0, _BROKEN):
            remedy = "fix this error, then run `just verify-crate --install`"
            return Finding.unknown(CHECK, " ".join(command), result.reason, remedy)
        saw = _summary(lines) or f"compared with {last}"
        if result.returncode == _BROKEN:
            return Finding.failed(CHECK, " ".join(command), saw, "restore these items, or release a higher version")
        return Finding.ok(CHECK, " ".join(command), saw)

    def ensure_tool(self) -> str | None:
        """Return why the tool that compares APIs is missing, or None; with `install`, install it first."""
        name = SEMVER_CHECKS.partition("@")[0]
        if self.processes.find(name) is not None:
            return None
        if not self.install:
            return f"`{name}` is not installed"
        result = self.watch(["cargo", "install", "--locked", "--root", str(self.tools), SEMVER_CHECKS])
        return f"`{SEMVER_CHECKS}` could not be installed ({result.reason})" if result.returncode != 0 else None

    def watch(
        self,
        command: list[str],
        collect: Callable[[str], None] = lambda line: None,
        environment: Mapping[str, str] | None = None,
    ) -> LoggedResult:
        def on_line(line: str) -> None:
            self.on_line(line)
            collect(line)

        self.on_line(f"$ {' '.join(command)}")
        log = self.work / "logs" / f"{self.artifact.name}-{command[1]}.log"
        # A backtrace would follow the error, and findings contain only the last lines.
        variables = {"CARGO_TARGET_DIR": str(self.work), "RUST_BACKTRACE": "0", **(environment or {})}
        return self.processes.watch(command, log, on_line, environment=variables)


def _compatible_part(version: str) -> list[int]:
    """Return the first numbers, which all compatible versions share (Cargo book, *Default requirements*)."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split("[-+]", version)[0])]
    significant = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    return numbers[: significant + 1]


def _summary(lines: list[str]) -> str:
    """Return a summary of the output of cargo-semver-checks, with the failed rules and their items."""
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
