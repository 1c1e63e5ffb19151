"""Check of the GitHub release of a tag: it is published, immutable, and has the checksums of the built files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.checks.published import ReleaseContext
from binoc_runbook.finding import Finding

RELEASE = "github-release"


def github_release(
    response: GitHubResponse, listed: Mapping[str, str], built: Mapping[str, str], release: ReleaseContext
) -> Iterator[Finding]:
    """Check the response of GitHub for the published release of a tag.

    `listed` are the digests in its asset `SHA256SUMS` by file name, `built` those of the built files. In the publish
    workflow, this check runs before the release is created.
    """
    looked_at, again = f"the GitHub release of {release.tag}", f"just verify {release.version}"
    if response.outcome == "absent":
        saw = "is not published; the publish workflow creates it after this check"
        remedy = f"after the workflow has ended: ./just doctor {release.version}, which shows the next command"
        yield Finding.warning(RELEASE, looked_at, saw, remedy)
        return
    if response.outcome != "value":
        remedy = f"GH_TOKEN=$(gh auth token) {again}" if response.outcome == "no token" else again
        yield Finding.unknown(RELEASE, looked_at, f"`{response.question}` failed: `{response.reason}`", remedy)
        return
    next_version = f"published assets cannot be changed: ./just prepare {release.version.next()}, and describe this"
    differing = sorted(name for name in listed if built.get(name, listed[name]) != listed[name])
    lacking = sorted(set(built) - set(listed)) if not release.own_build else []
    if CHECKSUMS not in {asset["name"] for asset in response.value["assets"]}:
        yield Finding.failed(RELEASE, looked_at, f"has no asset {CHECKSUMS}", next_version)
    elif not listed:
        yield Finding.unknown(RELEASE, looked_at, f"its asset {CHECKSUMS} cannot be read", again)
    elif differing and release.own_build:
        saw = f"{CHECKSUMS} differs from the build in this checkout: `{', '.join(differing)}`"
        yield Finding.warning(RELEASE, looked_at, saw)
    elif differing or lacking:
        saw = f"{CHECKSUMS} differs from that of the built files: `{', '.join([*differing, *lacking])}`"
        yield Finding.failed(RELEASE, looked_at, saw, next_version)
    else:
        compared = f"identical to {len(built)} built files" if built else "not compared with built files"
        yield Finding.ok(RELEASE, looked_at, f"is published; {CHECKSUMS} lists {len(listed)} files, {compared}")
    if response.value.get("immutable") is not True:
        repository = release.policy.repository
        remedy = f"github.com/{repository}/settings: `Releases`, check `Enable release immutability`"
        yield Finding.warning(RELEASE, looked_at, "is not immutable: its assets and its tag can be changed", remedy)
