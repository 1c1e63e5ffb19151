"""Checks of the settings at PyPI and crates.io: the trusted publisher, and no other way to publish.

Only crates.io shows one of these settings, that trusted publishing is required. The others have no API, so that they
are always *unknown*. The remedy depends on whether the name exists.
"""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.observations import CrateRecord, NameLookup
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


def check_crates_io(
    artifact: Artifact, lookup: NameLookup, policy: Policy, repository: str, record: CrateRecord | None
) -> Iterator[Finding]:
    """Check a crate: its first version, its trusted publisher, and that trusted publishing is required.

    A trusted publisher cannot create a crate (crates.io's documentation, "Trusted Publishing"). `record` is the record
    of its newest version, if there is one.
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
    yield _trusted_publishing_only(name, record)
    saw = "only the owner can see whether it is verified; crates.io requires that to publish by hand"
    yield _hidden(f"the e-mail address of the owner of `{name}`", saw, "crates.io, Account Settings: verify it")


def _trusted_publishing_only(name: str, record: CrateRecord | None) -> Finding:
    """Check that API tokens cannot publish a crate (`trustpub_only` in the web API of crates.io)."""
    looked_at = f"trusted publishing only, for `{name}`"
    remedy = f"crates.io, crate `{name}`, Settings: check `Require trusted publishing for all new versions`"
    if record is None or record.crate is None:
        reason = record.reason if record else "no published version is known"
        return _hidden(looked_at, f"this setting could not be read: {reason}", remedy)
    if record.crate.get("trustpub_only") is not True:
        return Finding.failed(CHECK, looked_at, "is off, so an existing API token can publish", remedy)
    return Finding.ok(CHECK, looked_at, "crates.io refuses API tokens for this crate")


def _values(artifact: Artifact, policy: Policy, repository: str) -> str:
    """Return the four values that both registries require."""
    owner, _, name = repository.partition("/")
    environment = f"environment `{artifact.environment}`" if artifact.environment else "no environment"
    return f"owner `{owner}`, repository `{name}`, workflow `{policy.workflow}`, {environment}"


def _hidden(looked_at: str, saw: str, remedy: str) -> Finding:
    return Finding.unknown(CHECK, looked_at, saw, remedy)
