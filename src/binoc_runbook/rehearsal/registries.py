"""The local servers of one rehearsal, and the environment variables that direct clients to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.crate_registry import CrateRegistry
from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.rehearsal.servers.identity import IdentityProvider
from binoc_runbook.rehearsal.servers.package_index import PackageIndex

#: The name of the registry in cargo. A crate whose `publish` lists registries must list this one too.
NAME = "rehearsal"


@dataclass(frozen=True, slots=True)
class Registries:
    """The running servers, and the environment of the processes of a rehearsal, which contains no secrets.

    With `environment` a command publishes to the local servers and downloads its tools as before. With
    `user_environment` it installs from the rehearsed index only, as a user does after the release.
    """

    identity: IdentityProvider
    index: PackageIndex
    crates: CrateRegistry
    github: GitHubServer
    environment: dict[str, str]

    @property
    def user_environment(self) -> dict[str, str]:
        """Return the environment of a user who installs the published packages."""
        indexes = {"PIP_INDEX_URL": self.index.simple, "UV_DEFAULT_INDEX": self.index.simple}
        return {**self.environment, **indexes, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "UV_FIND_LINKS": ""}

    @property
    def mistakes(self) -> list[str]:
        """Return the internal errors of the servers; a successful rehearsal has none."""
        return [*self.identity.mistakes, *self.index.mistakes, *self.crates.mistakes, *self.github.mistakes]


@contextmanager
def open_registries(directory: Path, bare: Path | None = None, repository: str | None = None) -> Iterator[Registries]:
    """Run the servers on 127.0.0.1 inside `with`; the caches, homes and certificate of the clients are in `directory`.

    `bare` is the git repository that the GitHub server reads tags from, `repository` its name, `owner/name`.
    The commands of a workflow run unchanged, so clients are configured by environment variables only; see the
    documentation of uv, pip and cargo. The user's configuration, caches and logins are neither read nor written.
    """
    authority = Authority()
    with (
        IdentityProvider() as identity,
        PackageIndex(identity.keys, authority) as index,
        CrateRegistry(identity.keys) as crates,
        GitHubServer(bare, repository, authority) as github,
    ):
        for name in ("home", "cargo", "uv", "pip"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        environment = {
            **authority.client_environment(directory),
            "HOME": str(directory / "home"),
            # rustup would look for its toolchains and its default in the new home.
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup"),
            "XDG_CONFIG_HOME": str(directory / "home/.config"),
            # Otherwise the user's proxy would get the requests to 127.0.0.1.
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CACHE_DIR": str(directory / "pip"),
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(directory / "uv"),
            "UV_PUBLISH_URL": index.upload,
            "CARGO_HOME": str(directory / "cargo"),
            "CARGO_REGISTRY_DEFAULT": NAME,
            f"CARGO_REGISTRIES_{NAME.upper()}_INDEX": crates.index,
            # Otherwise cargo would use the user's keyring, or prompt for a token.
            "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS": "cargo:token",
            "GITHUB_API_URL": github.url,
        }
        yield Registries(identity, index, crates, github, environment)
