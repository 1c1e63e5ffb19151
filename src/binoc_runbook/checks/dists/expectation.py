"""What the dists of a release are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from binoc_runbook.checks.dists.commit_files import CommitFiles
from binoc_runbook.checks.dists.host_platform import HostPlatform, host_platform
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version


@dataclass(frozen=True, slots=True)
class PlatformSelection:
    """The wheels to expect: those that `host` can install, those of `all` platforms of the policy, or of one tag.

    `selected` is `host`, `all` or a platform tag. With `rehearsed`, only the wheels of the host could be built, and it
    is *unknown* whether the others of `all` can be.
    """

    selected: str = "host"
    host: HostPlatform = field(default_factory=host_platform)
    rehearsed: bool = False

    def of(self, artifact: Artifact) -> list[str]:
        """Return the platforms of an artifact's wheels."""
        if self.selected == "host":
            return [tag for tag in artifact.platforms if self.host.installs(tag)]
        return [tag for tag in artifact.platforms if self.selected in ("all", tag)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """The policy, the version and the commit of a release, with the files that they promise.

    `commit` is what a `.crate` must name, `commit_files` the files of that commit, and `packaged` for each crate the
    files that `cargo package --list` names there; in place of either there can be the reason why it is unknown.
    """

    policy: Policy
    version: Version
    commit: str | None = None
    commit_files: CommitFiles | str = "no commit was read"
    packaged: Mapping[str, frozenset[str] | str] = field(default_factory=dict)
    platforms: PlatformSelection = field(default_factory=PlatformSelection)
