"""What PyPI and crates.io must be told once: who may publish, from where, and that nobody else may.

No interface shows these settings, so that they are *unknown* always; whether the name exists decides which of the two
ways to enter them is open.
"""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.observations import NameLookup
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact, Policy

CHECK = "setup"


def check_pypi(artifact: Artifact, lookup: NameLookup, policy: Policy, repository: str) -> Iterator[Finding]:
    """A distribution: its trusted publisher, and the tokens that must be gone (PyPI's documentation, "Publishers")."""
    name, values = artifact.name, _values(artifact, policy, repository)
    at_project = f"PyPI, project `{name}`, Manage, Publishing, GitHub: {values}"
    pending = f"PyPI, account, Publishing, pending publisher: project `{name}`, {values}"
    # The three rules of pending publishers on which a first release fails.
    rules = "it expires after 30 days, reserves no name, and is unique by repository, workflow and environment"
    if lookup.answer == "yes":
        yield Finding.ok(CHECK, lookup.question, f"PyPI has a project `{name}`")
        yield _hidden(
            f"the publisher of `{name}` at PyPI", "whether it is registered is shown to its owners", at_project
        )
    elif lookup.answer == "no":
        saw = f"PyPI has no project `{name}` yet, so a pending publisher makes it; {rules}"
        yield _hidden(lookup.question, saw, pending)
    else:
        saw = f"whether PyPI has `{name}` is not known: {lookup.reason}"
        yield _hidden(lookup.question, saw, f"{at_project}; or where there is no project: {pending}")
    saw = "PyPI cannot be told to take trusted publishing only, so a token that is left would still publish"
    remedy = f"PyPI, account of each owner, API tokens: delete those whose scope holds `{name}`"
    yield _hidden(f"API tokens for `{name}` at PyPI", saw, remedy)


def check_crates_io(artifact: Artifact, lookup: NameLookup, policy: Policy, repository: str) -> Iterator[Finding]:
    """A crate: its first version, its trusted publisher, and the switch that leaves only that.

    From crates.io's documentation, "Trusted Publishing": it makes no new crate for a trusted publisher.
    """
    name, values = artifact.name, _values(artifact, policy, repository)
    publisher = f"crates.io, crate `{name}`, Settings, Trusted Publishing, GitHub: {values}"
    if lookup.answer == "no":
        saw = f"crates.io has no crate `{name}`, and trusted publishing makes none"
        steps = (
            "once, by hand: crates.io, Account Settings: verify the e-mail address; API Tokens: new token, scope"
            f" `publish-new`, crates `{name}`, expiring in a day; `cargo login`, which asks for it;"
            f" `cargo publish -p {name} --locked`; `cargo logout`, and revoke the token"
        )
        yield Finding.failed(CHECK, lookup.question, saw, steps)
    elif lookup.answer == "yes":
        yield Finding.ok(CHECK, lookup.question, f"crates.io has a crate `{name}`")
    else:
        saw = f"whether crates.io has `{name}` is not known: {lookup.reason}"
        yield _hidden(lookup.question, saw, f"{lookup.question}; a new crate is first published by hand")
    yield _hidden(f"the publisher of `{name}` at crates.io", "it is shown to the owners of the crate", publisher)
    saw = "no client shows it; with it, a token that is left publishes nothing"
    remedy = f"crates.io, crate `{name}`, Settings: check `Require trusted publishing for all new versions`"
    yield _hidden(f"trusted publishing only, for `{name}`", saw, remedy)
    saw = "crates.io shows to nobody else whether the address is verified, and takes no publish by hand without it"
    yield _hidden(f"the e-mail address of who owns `{name}`", saw, "crates.io, Account Settings: verify the address")


def _values(artifact: Artifact, policy: Policy, repository: str) -> str:
    """The four values that either registry asks for."""
    owner, _, name = repository.partition("/")
    environment = f"environment `{artifact.environment}`" if artifact.environment else "no environment"
    return f"owner `{owner}`, repository `{name}`, workflow `{policy.workflow}`, {environment}"


def _hidden(looked_at: str, saw: str, remedy: str) -> Finding:
    return Finding.unknown(CHECK, looked_at, saw, remedy)
