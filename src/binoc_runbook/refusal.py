"""The one exception of this library: a run that must not go on, with all that was found."""

from __future__ import annotations

from pathlib import Path

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy, PolicyError


class Refused(Exception):  # noqa: N818 - it names an outcome, and is not a mistake of the program
    """A run that was refused; `findings` are the reasons, `headline` says what was refused and what that means."""

    def __init__(self, headline: str, findings: Findings | list[Finding], after: str = "") -> None:
        super().__init__(headline)
        self.headline = headline
        self.findings = Findings(findings)
        self.after = after

    def __str__(self) -> str:
        return "\n".join(part for part in (self.headline, str(self.findings), self.after) if part)

    def _render_traceback_(self) -> list[str]:
        # IPython shows this instead of a traceback: where in the library a refusal was raised helps nobody.
        return str(self).splitlines()


def read_policy(root: Path) -> Policy:
    """The policy of a checkout.

    Raises:
        Refused: It cannot be read as one.
    """
    try:
        return Policy.load(root)
    except PolicyError as error:
        raise Refused("the policy of this checkout was refused, and nothing was done", error.findings) from None
