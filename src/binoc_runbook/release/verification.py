"""The verification of a published release, with the clients that users have."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from binoc_runbook.checks import published as checks
from binoc_runbook.checks.dists.checksum_file import CHECKSUMS, parse_checksums
from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.checks.published import PublicationResult
from binoc_runbook.checks.published_release import github_release
from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.dist.smoke_test import CHECK as SMOKE_TEST
from binoc_runbook.dist.smoke_test import run_smoke_test
from binoc_runbook.files import write_atomically
from binoc_runbook.finding import Finding, Findings, InterruptedRunError, RefusedError
from binoc_runbook.policy import Artifact
from binoc_runbook.redaction import each_string
from binoc_runbook.release.parameters import TIMEOUT
from binoc_runbook.release.record import DIGEST, digest_of, times
from binoc_runbook.release.registry_checks import RegistryChecks
from binoc_runbook.stages.target import Target
from binoc_runbook.version import Version
from binoc_runbook.world.git_objects import creation_of
from binoc_runbook.world.processes import process_threads

#: The schema version of the record of a verification.
SCHEMA = 1

#: The time between two checks of artifacts that are not yet visible, in seconds.
PAUSE = 20.0

#: The check of a filed record.
RECORD = "records"

#: The chapters of the runbook `verify.ipynb`, in order. Each is one check.
CHAPTERS = ("published", "provenance", "smoke-test")


class VerificationReporter(Protocol):
    """A listener that shows the progress of a verification."""

    def note(self, text: str) -> None:
        """Show one line by itself."""

    def started(self, activity: str) -> None:
        """Show that a check starts; lines may follow."""

    def line(self, text: str) -> None:
        """Show a line of the check that was started."""

    def result(self, headline: str, findings: Findings) -> None:
        """Show the result of the check."""

    def verified(self, version: Version, names: str) -> None:
        """Show that the version is published, with the names of its artifacts."""


class Verification:
    """The verification of a published release: it runs the checks, and keeps the record.

    `verdicts` are the results by artifact, `provenances` the findings about the sources of each, and `findings` those
    by check. `outcome` is `unfinished` until `finish` sets it to `published` or `refused`.

    All processes run in the world of `target`, whose environment determines the registries. `sums` are the digests of
    the built files by name; with `own_build` they are of a build in this checkout. Artifacts that are not yet visible
    are checked again every `pause` seconds, until `timeout` seconds have passed.

    It has more than eight attributes because they are the state of the run: the target, the options and the results.
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
        self.sums = sums
        self.verdicts: dict[Artifact, PublicationResult] = {}
        self.findings: dict[str, Findings] = {}
        self.provenances: dict[Artifact, Findings] = {}
        self.outcome = "unfinished"
        self._timeout, self._pause = timeout, pause
        self._reporter = reporter
        target.world.show_waits(reporter.line)
        self._record = runs / f"verify-{target.version}.json"
        self._began = datetime.datetime.now(datetime.UTC)
        tag = target.world.git.local_tag(target.tag)
        self.commit = tag.commit if tag else None
        creation = creation_of(target.world.git, tag.object) if tag else None
        tagged_at = creation.at if creation else None
        self._registries = RegistryChecks(target, sums, own_build, self.commit, tagged_at)
        checksums = f"{len(self.sums)} checksums" if self.sums else "no SHA256SUMS"
        reporter.note(f"verification of {target.version}, published from {target.tag}; {checksums} to compare with")

    def published(self) -> None:
        """Check that the registries have each artifact; repeat, until the timeout, for those not yet visible."""
        self._check("published", self._check_registries)

    def provenance(self) -> None:
        """Check the sources of each artifact, its publisher, the GitHub release, and the filed record."""
        self._check("provenance", self._check_provenances)

    def smoke_test(self) -> None:
        """Install the published packages on each Python of this machine, and run them; skipped if one is missing."""
        self._check("smoke-test", self._run_smoke_test)

    def finish(self) -> None:
        """Show the outcome, and write the record.

        Raises:
            RefusedError: An artifact is not published as it was built, or a check failed or was not run.
        """
        missing = [verdict.finding for verdict in self.verdicts.values() if verdict.state != "published"]
        if not self.verdicts:
            missing += self.findings.get("published", ())
        failed = [finding for findings in self.findings.values() for finding in findings.having("failed")]
        reasons = [*missing, *(finding for finding in failed if finding not in missing)]
        reasons += [
            Finding.failed(name, "this check", "was not run", f"just verify {self.target.version}")
            for name in CHAPTERS
            if name not in self.findings
        ]
        self.outcome = "refused" if reasons else "published"
        self._write()
        self.target.world.close()
        if reasons:
            raise RefusedError(f"verification of {self.target.version} failed", reasons)
        names = ", ".join(artifact.name for artifact in self.verdicts)
        self._reporter.verified(self.target.version, names)

    # Checks

    def _check_registries(self) -> Findings:
        deadline, waiting = time.monotonic() + self._timeout, list(self.target.policy.artifacts)
        while waiting:
            with process_threads() as pool:  # in parallel: each mostly waits for its registry
                self.verdicts.update(zip(waiting, pool.map(self._registries.publication, waiting), strict=True))
            waiting = [artifact for artifact in waiting if self.verdicts[artifact].state == "not yet visible"]
            left = deadline - time.monotonic()
            if not waiting or left <= 0:
                break
            names = ", ".join(artifact.name for artifact in waiting)
            self._reporter.line(f"not yet visible: {names}; checking again for up to {left:.0f} s")
            time.sleep(min(self._pause, left))
        if not self.verdicts:
            saw, remedy = "the policy declares no artifacts", "declare the artifacts in the policy"
            return Findings([Finding.unknown(checks.PUBLISHED, self.target.policy.source, saw, remedy)])
        return Findings(verdict.finding for verdict in self.verdicts.values())

    def _check_provenances(self) -> Findings:
        for artifact, verdict in self.verdicts.items():
            self.provenances[artifact] = self._registries.sources(artifact, verdict.lookup)
        findings = [item for sources in self.provenances.values() for item in sources]
        if not findings:
            saw, remedy = "the registries offer no artifacts to check", f"just verify {self.target.version}"
            findings.append(Finding.unknown(checks.COMMIT, "the registries", saw, remedy))
        findings += self._github_release()
        return Findings(findings) + check_record(self.target.world.root, self.target.version)

    def _github_release(self) -> Iterator[Finding]:
        if self.target.policy.repository is None:
            return iter(())
        response = published_release(self.target)
        listed = release_checksums(self.target, response)
        return github_release(response, listed, self.sums, self._registries.context)

    def _run_smoke_test(self) -> Findings:
        missing = [artifact.name for artifact, verdict in self.verdicts.items() if verdict.lookup.kind != "offered"]
        if missing or not self.verdicts:
            saw = f"skipped: the registries do not offer {', '.join(missing) or 'any artifact'}"
            finding = Finding.unknown(SMOKE_TEST, "clean environments", saw, f"just verify {self.target.version}")
            return Findings([finding])
        return run_smoke_test(self.target.world, self.target.policy, self.target.version, on_line=self._reporter.line)

    def _check(self, name: str, check: Callable[[], Findings]) -> None:
        self._reporter.started(f"{name}: checking")
        began = time.monotonic()
        try:
            findings = check()
        except KeyboardInterrupt:
            saw, remedy = "this check was interrupted", f"just verify {self.target.version}"
            finding = Finding.failed(name, "Ctrl-C", saw, remedy)
            raise InterruptedRunError(f"interrupted in `{name}`", [finding]) from None
        finally:
            self._write()
        self.findings[name] = findings
        self._reporter.result(f"{name}: {findings.status} ({time.monotonic() - began:.1f} s)", findings)
        self._write()

    # Record

    def to_json(self) -> dict[str, Any]:
        """Return the verification as a JSON object; the reference documents its schema."""
        document = {
            "schema": SCHEMA,
            "version": self.target.version.semver,
            "tag": self.target.tag,
            "commit": self.commit,
            "repository": self.target.policy.repository,
            "world": self.target.world.kind,
            "outcome": self.outcome,
            **times(self._began),
            "artifacts": [self._verdict_json(verdict) for verdict in self.verdicts.values()],
            "findings": [finding for findings in self.findings.values() for finding in findings.to_json()],
        }
        cleaned: dict[str, Any] = each_string(document, self.target.world.clean)
        return cleaned

    def _verdict_json(self, verdict: PublicationResult) -> dict[str, Any]:
        artifact, digests = verdict.artifact, sorted(verdict.lookup.digests)
        built = checks.select_built_files(artifact, self.target.policy, self.target.version, self.sums).digests
        return {
            "name": artifact.name,
            "registry": artifact.registry,
            "state": verdict.state,
            "digests": digests,
            "files": {name: digest for name, digest in sorted(built.items()) if digest in digests},
            "commit": verdict.lookup.commit,
            "provenance": sources.status if (sources := self.provenances.get(artifact)) else None,
        }

    def _write(self) -> None:
        write_atomically(self._record, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")


def check_record(root: Path, version: Version) -> Findings:
    """Compare the filed record of a release with the digest in it; return no finding if there is no such record."""
    looked_at, restore = f"{RECORDS}{version}.json", f"git checkout HEAD -- {RECORDS}{version}.json"
    try:
        record = json.loads((root / looked_at).read_bytes())
        digest, actual = record.get(DIGEST), digest_of(record)
    except FileNotFoundError:
        return Findings()
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        saw = f"the record cannot be read ({type(error).__name__})"
        return Findings([Finding.failed(RECORD, looked_at, saw, restore)])
    if digest is None:
        saw = f"has no `{DIGEST}`, because an earlier version wrote it; its content cannot be checked"
        return Findings([Finding.warning(RECORD, looked_at, saw)])
    if digest != actual:
        saw = f"was changed after the release: its SHA-256 digest is {actual}, but `{DIGEST}` is {digest}"
        return Findings([Finding.failed(RECORD, looked_at, saw, restore)])
    return Findings([Finding.ok(RECORD, looked_at, f"has the SHA-256 digest {actual}, as in `{DIGEST}`")])


def verify_release(target: Target, reporter: VerificationReporter, runs: Path) -> Verification:
    """Run the checks of a verification with the checksums of the GitHub release; the caller calls `finish`.

    Raises:
        InterruptedRunError: A check was interrupted.
    """
    verification = Verification(target, reporter, runs, sums=download_checksums(target), timeout=TIMEOUT)
    verification.published()
    verification.provenance()
    verification.smoke_test()
    return verification


def download_checksums(target: Target) -> dict[str, str]:
    """Return the digests in `SHA256SUMS` of the GitHub release by file name; none if they cannot be read."""
    return release_checksums(target, published_release(target))


def published_release(target: Target) -> GitHubResponse:
    """Return the published GitHub release of the tag; `absent` if there is none, or a draft."""
    return target.world.github.get(f"/repos/{target.policy.repository}/releases/tags/{quote(target.tag)}")


def release_checksums(target: Target, release: GitHubResponse) -> dict[str, str]:
    """Return the digests in `SHA256SUMS` of a GitHub release by file name; none if they cannot be read."""
    assets = release.value.get("assets", []) if isinstance(release.value, dict) else []
    number = next((asset["id"] for asset in assets if asset.get("name") == CHECKSUMS), None)
    path = f"/repos/{target.policy.repository}/releases/assets/{number}"
    content = target.world.github.download(path).value if number is not None else None
    try:
        return parse_checksums(content.decode("utf-8")) if isinstance(content, bytes) else {}
    except ValueError:
        return {}


def read_checksums(root: Path, given: str | None, target: Target) -> dict[str, str] | None:
    """Return the digests in the file `given`; without it, those of the last build if it is of this version.

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
        raise RefusedError("the checksums cannot be read; nothing was checked", [finding]) from None
    return sums if given or _are_of(sums, target) else None


def _are_of(sums: Iterable[str], target: Target) -> bool:
    names = dict.fromkeys(sums, "")
    policy, version = target.policy, target.version
    return any(checks.select_built_files(artifact, policy, version, names).digests for artifact in policy.artifacts)
