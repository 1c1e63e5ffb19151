"""Check of crates.io's record of a version: which workflow run published it, and whether others could have."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.observations import CrateRecord
from binoc_runbook.checks.published import ReleaseContext, yank
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact

PUBLISHER = "publisher"


def crate_publisher(
    artifact: Artifact, record: CrateRecord, release: ReleaseContext, tagged: str | None
) -> Iterator[Finding]:
    """Compare the publisher of a version of a crate with the repository and the commit of the tag in this clone.

    From the API of crates.io: `trustpub_data` of a version has the claims of the token that published it, and
    `trustpub_only` of a crate says whether API tokens are refused.
    """
    looked_at, again = f"the publisher of {artifact.name} {release.version}", f"just verify {release.version}"
    if record.version is None or record.crate is None:
        yield Finding.unknown(PUBLISHER, looked_at, f"`{record.question}` failed: `{record.reason}`", again)
        return
    publisher = record.version.get("trustpub_data")
    if tagged is None:
        saw = f"this clone has no tag `{release.tag}` to compare with"
        yield Finding.unknown(PUBLISHER, looked_at, saw, "git fetch --tags")
    elif not isinstance(publisher, dict):
        saw = "published with an API token, not by a workflow"
        if record.crate.get("num_versions") == 1:
            saw += "; crates.io requires this for the first version of a crate"
            yield Finding.warning(PUBLISHER, looked_at, saw)
        else:
            yield Finding.failed(PUBLISHER, looked_at, saw, yank(artifact, release))
    else:
        expected = ("github", str(release.policy.repository).lower(), tagged)
        provider, repository, commit = (str(publisher.get(key)) for key in ("provider", "repository", "sha"))
        by = f"run `{publisher.get('run_id')}` of `{repository}` at `{provider}`, from commit `{commit[:12]}`"
        if (provider, repository.lower(), commit) == expected:
            yield Finding.ok(PUBLISHER, looked_at, f"published by {by}, the commit of `{release.tag}`")
        else:
            saw = f"published by {by}; expected `{release.policy.repository}` at `github`, from `{tagged[:12]}`"
            yield Finding.failed(PUBLISHER, looked_at, saw, yank(artifact, release))
    if record.crate.get("trustpub_only") is not True:
        name, saw = artifact.name, "is off: an API token can publish too"
        remedy = f"crates.io, crate `{name}`, Settings: check `Require trusted publishing for all new versions`"
        yield Finding.warning(PUBLISHER, f"trusted publishing only, for `{name}`", saw, remedy)
