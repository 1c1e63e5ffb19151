"""The verification: what became of a release, asked of the registries through the clients that its users have."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from binoc_runbook.checks import published as questions
from binoc_runbook.checks.dists.checksum_file import CHECKSUMS, parse_checksums
from binoc_runbook.checks.published import PublicationResult, ReleaseContext
from binoc_runbook.dist.smoke_test import CHECK as SMOKE_TEST
from binoc_runbook.dist.smoke_test import run_smoke_test
from binoc_runbook.files import write_atomically
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.redaction import each_string
from binoc_runbook.release.record import times
from binoc_runbook.stages.target import Target

#: The number of the layout of a verification's record.
SCHEMA = 1

#: How long, in seconds, `start` waits for what is not yet visible, and how long between two questions.
TIMEOUT, PAUSE = 600.0, 20.0

CHAPTERS = ("published", "origin", "smoke-test")


class VerificationReporter(Protocol):
    """Whoever shows a verification to people while it goes on."""

    def says(self, words: str) -> None:
        """One line by itself."""

    def asks(self, words: str) -> None:
        """A chapter begins, and is going to print lines."""

    def line(self, text: str) -> None:
        """What goes on in it."""

    def answers(self, head: str, findings: Findings) -> None:
        """What it found."""


class Verification:
    """A release that was published; asks chapter by chapter, and keeps the record.

    `verdicts` are the results for each artifact, `findings` those of each chapter; `outcome` is `unfinished` until
    `finish` makes it `published` or `refused`.

    Every process runs in the world of `target`, so that its environment decides which registries are asked. `sums` are
    the digests of what was built by file name; with `own_build` they are of a build in this checkout. `timeout` is for
    how many seconds, and `pause` how often, what is not yet visible is asked for again.

    It has more than eight attributes because it is the state of a run: what is verified, how, and what was observed.
    """

    def __init__(
        self,
        target: Target,
        reporter: VerificationReporter,
        runs: Path,
        *,
        sums: Mapping[str, str],
        own_build: bool = False,
        timeout: float = 0.0,
        pause: float = PAUSE,
    ) -> None:
        self.target = target
        self.sums, self._own_build = sums, own_build
        self.verdicts: dict[Artifact, PublicationResult] = {}
        self.findings: dict[str, Findings] = {}
        self.outcome = "unfinished"
        self._timeout, self._pause = timeout, pause
        self._reporter = reporter
        self._record = runs / f"verify-{target.version}.json"
        self._began = datetime.datetime.now(datetime.UTC)
        tag = target.world.git.local_tag(target.tag)
        self.commit = tag.commit if tag else None
        told = f"{len(self.sums)} digests to compare with" if self.sums else "no SHA256SUMS to compare with"
        reporter.says(f"verification of {target.version}, published from {target.tag}; {told}")

    def published(self) -> None:
        """Ask the registries for each artifact, and again, until the timeout, for what may be on its way."""
        self._chapter("published", self._ask_registries)

    def origin(self) -> None:
        """Compare the commit in each crate with the tag, and ask each distribution for its provenance."""
        self._chapter("origin", self._ask_origin)

    def smoke_test(self) -> None:
        """Install what is published on each Python of this machine, and run it; nothing where something is missing."""
        self._chapter("smoke-test", self._try)

    def finish(self) -> None:
        """Say how it went, and keep the record.

        Raises:
            RefusedError: Not everything is published as it was built, or something failed.
        """
        lacking = [each.finding for each in self.verdicts.values() if each.state != "published"]
        if not self.verdicts:
            lacking += self.findings.get("published", ())
        failed = [each for findings in self.findings.values() for each in findings.having("failed")]
        reasons = [*lacking, *(each for each in failed if each not in lacking)]
        reasons += [
            Finding.failed(name, "this chapter", "was not run", f"just verify {self.target.version}")
            for name in CHAPTERS
            if name not in self.findings
        ]
        self.outcome = "refused" if reasons else "published"
        self._write()
        self.target.world.close()
        if reasons:
            raise RefusedError(f"{self.target.version} is not published as it should be", reasons)
        names = ", ".join(each.artifact.name for each in self.verdicts.values())
        self._reporter.says(f"✓ {self.target.version} is published: {names}")

    # The chapters.

    def _ask_registries(self) -> Findings:
        from concurrent.futures import ThreadPoolExecutor

        deadline, waiting = time.monotonic() + self._timeout, list(self.target.policy.artifacts)
        while waiting:
            with ThreadPoolExecutor() as asking:  # side by side: each mostly waits for its registry
                self.verdicts.update(zip(waiting, asking.map(self._ask, waiting), strict=True))
            waiting = [each for each in waiting if self.verdicts[each].state == "not yet visible"]
            left = deadline - time.monotonic()
            if not waiting or left <= 0:
                break
            names = ", ".join(each.name for each in waiting)
            self._reporter.line(f"not yet visible: {names}; asked again for another {left:.0f} s")
            time.sleep(min(self._pause, left))
        if not self.verdicts:
            saw, remedy = "no artifact is promised", "declare the artifacts in the policy"
            return Findings([Finding.unknown(questions.PUBLISHED, self.target.policy.source, saw, remedy)])
        return Findings(each.finding for each in self.verdicts.values())

    def _ask(self, artifact: Artifact) -> PublicationResult:
        from binoc_runbook.world import cargo_index, pip_index

        policy, version, processes = self.target.policy, self.target.version, self.target.world.processes
        if artifact.registry == "crates.io":
            lookup = cargo_index.look_up_version(processes, artifact.name, version.semver)
        else:
            lookup = pip_index.look_up_version(processes, artifact.name, version.pep440)
        built = questions.select_built_files(artifact, policy, version, self.sums)
        return questions.published(artifact, lookup, built, self._released())

    def _released(self) -> ReleaseContext:
        tagged = self.target.world.git.tagged_at(self.target.tag)
        age = time.time() - tagged if tagged is not None else None
        return ReleaseContext(self.target.policy, self.target.version, age, self._own_build)

    def _ask_origin(self) -> Findings:
        release = self._released()
        found = []
        for verdict in self.verdicts.values():
            artifact, lookup = verdict.artifact, verdict.lookup
            if lookup.kind == "offered" and artifact.registry == "crates.io":
                found.append(questions.commit(artifact, lookup.commit, release, self.commit))
            elif lookup.kind == "offered":
                found.append(self._ask_provenance(artifact, release))
        if not found:
            saw, remedy = "nothing is there to be asked about", f"just verify {self.target.version}"
            found.append(Finding.unknown(questions.COMMIT, "the registries", saw, remedy))
        return Findings(found)

    def _ask_provenance(self, artifact: Artifact, release: ReleaseContext) -> Finding:
        from binoc_runbook.world.pip_index import configured_index
        from binoc_runbook.world.provenance import verify_provenance

        processes, repository = self.target.world.processes, self.target.policy.repository
        looked_at = f"the provenance of {artifact.name} {release.version}"
        if configured_index(processes):
            saw, remedy = "another index than PyPI is configured, and PyPI alone keeps it", "ask without that index"
            return Finding.unknown(questions.PROVENANCE, looked_at, saw, remedy)
        if repository is None:
            saw, remedy = "no repository is promised", "add `repository` to the policy"
            return Finding.unknown(questions.PROVENANCE, looked_at, saw, remedy)
        names = sorted(questions.select_built_files(artifact, release.policy, release.version, self.sums).digests)
        return questions.provenance(artifact, verify_provenance(processes, repository, names), release)

    def _try(self) -> Findings:
        absent = [each.artifact.name for each in self.verdicts.values() if each.lookup.kind != "offered"]
        if absent or not self.verdicts:
            saw = f"not tried: the registries do not offer {', '.join(absent)}"
            finding = Finding.unknown(SMOKE_TEST, "clean environments", saw, f"just verify {self.target.version}")
            return Findings([finding])
        return run_smoke_test(self.target.world, self.target.policy, self.target.version, on_line=self._reporter.line)

    def _chapter(self, name: str, ask: Callable[[], Findings]) -> None:
        self._reporter.asks(f"{name}: asking")
        began = time.monotonic()
        try:
            found = ask()
        except KeyboardInterrupt:
            saw, remedy = "this chapter was interrupted", f"just verify {self.target.version}"
            raise RefusedError(f"interrupted in `{name}`", [Finding.failed(name, "Ctrl-C", saw, remedy)]) from None
        finally:
            self._write()
        self.findings[name] = found
        self._reporter.answers(f"{name}: {found.status} ({time.monotonic() - began:.1f} s)", found)
        self._write()

    # The record.

    def to_json(self) -> dict[str, Any]:
        """The verification as a JSON object; its schema is documented in the reference."""
        told = {
            "schema": SCHEMA,
            "version": self.target.version.semver,
            "tag": self.target.tag,
            "commit": self.commit,
            "repository": self.target.policy.repository,
            "world": self.target.world.kind,
            "outcome": self.outcome,
            **times(self._began),
            "artifacts": [_told(each) for each in self.verdicts.values()],
            "findings": [each for findings in self.findings.values() for each in findings.to_json()],
        }
        cleaned: dict[str, Any] = each_string(told, self.target.world.clean)
        return cleaned

    def _write(self) -> None:
        write_atomically(self._record, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")


def read_checksums(root: Path, given: str | None, target: Target) -> dict[str, str] | None:
    """Read the digests of a file that was named, else those of the last build if they are of this version.

    Raises:
        RefusedError: The file cannot be read.
    """
    path = root / (given or f"dist/{CHECKSUMS}")
    if given is None and not path.is_file():
        return None
    try:
        sums = parse_checksums(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        saw = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        finding = Finding.failed("sums", given or f"dist/{CHECKSUMS}", saw, "--sums FILE, in the format of `sha256sum`")
        raise RefusedError("the sums cannot be read, and nothing was asked", [finding]) from None
    return sums if given or _are_of(sums, target) else None


def _are_of(sums: Iterable[str], target: Target) -> bool:
    named = dict.fromkeys(sums, "")
    policy, version = target.policy, target.version
    return any(questions.select_built_files(each, policy, version, named).digests for each in policy.artifacts)


def _told(verdict: PublicationResult) -> dict[str, Any]:
    return {
        "name": verdict.artifact.name,
        "registry": verdict.artifact.registry,
        "state": verdict.state,
        "digests": sorted(verdict.lookup.digests),
        "commit": verdict.lookup.commit,
    }
