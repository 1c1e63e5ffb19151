"""The registries, GitHub and the identity provider of one rehearsal, and the environment that leads clients to them."""

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

#: What cargo calls the registry; a crate whose `publish` names registries must name this one as well.
NAME = "rehearsal"


@dataclass(frozen=True, slots=True)
class Registries:
    """The servers that answer, and the variables that every process of the rehearsal gets; none of them is secret.

    With `environment` a command publishes here and still gets its tools from where it got them before; with
    `user_environment` it installs from the rehearsed index and from nowhere else, as a user does after the release.
    """

    identity: IdentityProvider
    index: PackageIndex
    crates: CrateRegistry
    github: GitHubServer
    environment: dict[str, str]

    @property
    def user_environment(self) -> dict[str, str]:
        """The variables for whoever installs what was published."""
        indexes = {"PIP_INDEX_URL": self.index.simple, "UV_DEFAULT_INDEX": self.index.simple}
        return {**self.environment, **indexes, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "UV_FIND_LINKS": ""}

    @property
    def mistakes(self) -> list[str]:
        """What the servers did wrong themselves; after a good rehearsal there is nothing."""
        return [*self.identity.mistakes, *self.index.mistakes, *self.crates.mistakes, *self.github.mistakes]


@contextmanager
def open_registries(directory: Path, bare: Path | None = None, repository: str | None = None) -> Iterator[Registries]:
    """Serve on loopback until the end of `with`; caches, homes and the certificate of the clients are in `directory`.

    `bare` is the git repository whose tags GitHub knows, `repository` its name there, `owner/name`.
    The commands of a workflow run as they are written, so everything is said by variables: the documentation of uv,
    pip and cargo names each of them. The user's configuration, caches and logins are neither read nor written.
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
            # With another home, rustup would find neither its toolchains nor which of them is the default.
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup"),
            "XDG_CONFIG_HOME": str(directory / "home/.config"),
            # A proxy of the user's would be asked for loopback too.
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
            # Otherwise cargo would ask the user's keyring, or for a token at a prompt.
            "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS": "cargo:token",
            "GITHUB_API_URL": github.url,
        }
        yield Registries(identity, index, crates, github, environment)
