"""Checks of one artifact at its registry: publication, and the commit or provenance of its files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from binoc_runbook.checks import published as checks
from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.checks.published import PublicationResult, ReleaseContext
from binoc_runbook.environ import is_rehearsed
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact
from binoc_runbook.stages.target import Target


@dataclass(frozen=True, slots=True)
class RegistryChecks:
    """The registries of a target, and the digests of the built files by name to compare with.

    `commit` is the commit of the tag, `tagged_at` its Unix time; both are `None` without a tag. With `own_build`, the
    digests are of a build in this checkout.
    """

    target: Target
    checksums: Mapping[str, str]
    own_build: bool
    commit: str | None
    tagged_at: float | None

    @property
    def context(self) -> ReleaseContext:
        """Return the policy, version and current age of the release."""
        age = time.time() - self.tagged_at if self.tagged_at is not None else None
        return ReleaseContext(self.target.policy, self.target.version, age, self.own_build)

    def publication(self, artifact: Artifact) -> PublicationResult:
        """Query the registry of an artifact, and compare the published files with the built ones."""
        from binoc_runbook.world import cargo_index, pip_index

        version, processes = self.target.version, self.target.world.processes
        if artifact.registry == "crates.io":
            lookup = cargo_index.look_up_version(processes, artifact.name, version.semver)
        else:
            lookup = pip_index.look_up_version(processes, artifact.name, version.pep440)
        built = checks.select_built_files(artifact, self.target.policy, version, self.checksums)
        return checks.published(artifact, lookup, built, self.context)

    def sources(self, artifact: Artifact, lookup: VersionLookup) -> Findings:
        """Check where the published files of an artifact were built; return no finding if there are no files.

        A crate contains the commit, GitHub has its attestation, and crates.io a record of its publisher. A distribution
        has provenance at PyPI.
        """
        if lookup.kind != "offered":
            return Findings()
        if artifact.registry == "crates.io":
            commit = checks.commit(artifact, lookup.commit, self.context, self.commit)
            return Findings([commit, self._attestation(artifact, lookup), *self._publisher(artifact, lookup)])
        return Findings([self._provenance(artifact)])

    def _attestation(self, artifact: Artifact, lookup: VersionLookup) -> Finding:
        from binoc_runbook.checks.attestation import attestation

        digest, repository = next(iter(lookup.digests), ""), self.target.policy.repository
        if repository is None:
            looked_at = f"the attestation of {artifact.name} {self.target.version}"
            saw, remedy = "the policy has no `repository`", "add `repository` to the policy"
            return Finding.unknown(checks.PROVENANCE, looked_at, saw, remedy)
        response = self.target.world.github.get(f"/repos/{repository}/attestations/sha256:{digest}")
        return attestation(artifact, digest, response, self.context, self.commit)

    def _publisher(self, artifact: Artifact, lookup: VersionLookup) -> Iterator[Finding]:
        from binoc_runbook.checks.crate_publisher import crate_publisher
        from binoc_runbook.world.crate_record import read_crate_record

        processes, version = self.target.world.processes, self.target.version.semver
        record = read_crate_record(processes, artifact.name, version, lookup.source)
        return crate_publisher(artifact, record, self.context, self.commit)

    def _provenance(self, artifact: Artifact) -> Finding:
        from binoc_runbook.world.pip_index import configured_index
        from binoc_runbook.world.provenance import verify_provenance

        release, processes, repository = self.context, self.target.world.processes, self.target.policy.repository
        looked_at = f"the provenance of {artifact.name} {release.version}"
        if is_rehearsed():
            saw = "a rehearsal has no attestations, because they need the services of Sigstore"
            return Finding.warning(checks.PROVENANCE, looked_at, saw)
        if configured_index(processes):
            saw = "another index is configured, but only PyPI has provenance"
            remedy = f"run `just verify {release.version}` without this index"
            return Finding.unknown(checks.PROVENANCE, looked_at, saw, remedy)
        if repository is None:
            saw, remedy = "the policy has no `repository`", "add `repository` to the policy"
            return Finding.unknown(checks.PROVENANCE, looked_at, saw, remedy)
        names = sorted(checks.select_built_files(artifact, release.policy, release.version, self.checksums).digests)
        return checks.provenance(artifact, verify_provenance(processes, repository, names), release)
