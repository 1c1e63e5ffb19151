"""Checks of the settings at PyPI and crates.io: the trusted publisher, and no other way to publish.

No API returns these settings, so that they are always *unknown*. The remedy depends on whether the name exists.
"""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.observations import NameLookup
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact, Policy

CHECK = "setup"


def check_pypi(artifact: Artifact, lookup: NameLookup, policy: Policy, repository: str) -> Iterator[Finding]:
    """Check a distribution: its trusted publisher, and no API tokens (PyPI's documentation, "Publishers")."""
    name, values = artifact.name, _values(artifact, policy, repository)
    at_project = f"PyPI, project `{name}`, Manage, Publishing, GitHub: {values}"
    pending = f"PyPI, account, Publishing, pending publisher: project `{name}`, {values}"
    # A first release fails because of one of these three rules.
    rules = "it expires after 30 days, reserves no name, and is unique by repository, workflow and environment"
    if lookup.answer == "yes":
        yield Finding.ok(CHECK, lookup.question, f"PyPI has a project `{name}`")
        yield _hidden(f"the publisher of `{name}` at PyPI", "only its owners can see the publishers", at_project)
    elif lookup.answer == "no":
        saw = f"PyPI has no project `{name}` yet, so it needs a pending publisher; {rules}"
        yield _hidden(lookup.question, saw, pending)
    else:
        saw = f"it is unknown whether PyPI has `{name}`: {lookup.reason}"
        yield _hidden(lookup.question, saw, f"{at_project}; for a new project: {pending}")
    saw = "PyPI cannot require trusted publishing, so an existing API token can still publish"
    remedy = f"PyPI, account of each owner, API tokens: delete those whose scope contains `{name}`"
    yield _hidden(f"API tokens for `{name}` at PyPI", saw, remedy)


def check_crates_io(artifact: Artifact, lookup: NameLookup, policy: Policy, repository: str) -> Iterator[Finding]:
    """Check a crate: its first version, its trusted publisher, and that trusted publishing is required.

    A trusted publisher cannot create a crate (crates.io's documentation, "Trusted Publishing").
    """
    name, values = artifact.name, _values(artifact, policy, repository)
    publisher = f"crates.io, crate `{name}`, Settings, Trusted Publishing, GitHub: {values}"
    if lookup.answer == "no":
        saw = f"crates.io has no crate `{name}`, and trusted publishing cannot create it"
        steps = (
            "publish once by hand: crates.io, Account Settings: verify the e-mail address; API Tokens: new token, scope"
            f" `publish-new`, crates `{name}`, expires in a day; `cargo login`, and paste the token;"
            f" `cargo publish -p {name} --locked`; `cargo logout`, and revoke the token"
        )
        yield Finding.failed(CHECK, lookup.question, saw, steps)
    elif lookup.answer == "yes":
        yield Finding.ok(CHECK, lookup.question, f"crates.io has a crate `{name}`")
    else:
        saw = f"it is unknown whether crates.io has `{name}`: {lookup.reason}"
        yield _hidden(lookup.question, saw, f"{lookup.question}; the first version of a crate is published by hand")
    yield _hidden(f"the publisher of `{name}` at crates.io", "only its owners can see the publishers", publisher)
    saw = "no API returns this setting; if it is on, an existing API token cannot publish"
    remedy = f"crates.io, crate `{name}`, Settings: check `Require trusted publishing for all new versions`"
    yield _hidden(f"trusted publishing only, for `{name}`", saw, remedy)
    saw = "only the owner can see whether it is verified; crates.io requires that to publish by hand"
    yield _hidden(f"the e-mail address of the owner of `{name}`", saw, "crates.io, Account Settings: verify it")


def _values(artifact: Artifact, policy: Policy, repository: str) -> str:
    """Return the four values that both registries require."""
    owner, _, name = repository.partition("/")
    environment = f"environment `{artifact.environment}`" if artifact.environment else "no environment"
    return f"owner `{owner}`, repository `{name}`, workflow `{policy.workflow}`, {environment}"


def _hidden(looked_at: str, saw: str, remedy: str) -> Finding:
    return Finding.unknown(CHECK, looked_at, saw, remedy)
