"""The audit of a publish workflow by zizmor.

zizmor finds problems of any workflow; the other rules are about publishing. It runs with the persona `pedantic`,
because only that persona reports permissions of the whole workflow and the image of a service. The rule of the contract
takes reports of medium and high severity, and template injection of any severity: zizmor gives low severity to an input
of `workflow_dispatch`, but it can inject a command as well. Other reports of low severity are about style.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from binoc_runbook.finding import Finding

#: The version whose reports this module understands; requirements/dev.txt pins the same one.
ZIZMOR = "1.32.0"
#: Command that audits a file; the path is appended.
COMMAND = (
    *("zizmor", "--quiet", "--offline", "--no-config", "--no-ignores"),
    *("--persona", "pedantic", "--format", "json"),
)

#: Audits that a rule of the contract covers: the rule also checks actions and workflows of the checkout, and reports
#: `persist-credentials: true`, which zizmor accepts.
_OTHER_RULES = {"artipacked": "checkouts", "unpinned-uses": "pins"}


@dataclass(frozen=True, slots=True)
class Report:
    """Report of zizmor: the name of its audit, the line, the problem, and the page that describes it."""

    audit: str
    line: int
    saw: str
    page: str
    severity: str
    persona: str

    @property
    def counts(self) -> bool:
        """Return whether the report breaks the rule of the contract."""
        if self.audit in _OTHER_RULES:
            return False
        return self.severity in ("Medium", "High") or (self.audit, self.persona) == ("template-injection", "Regular")


@dataclass(frozen=True, slots=True)
class Audit:
    """Reports of zizmor about one workflow file.

    `missing` is the reason why the pinned version could not be started, `unknown` the reason why it gave no reports.
    """

    reports: tuple[Report, ...] = ()
    missing: str = ""
    unknown: str = ""

    @classmethod
    def parse(cls, output: str) -> Audit:
        """Parse the JSON that zizmor prints; the audit of any other text is unknown."""
        try:
            reports = json.loads(output)
            if not isinstance(reports, list):
                raise TypeError("not a list")
            return cls(tuple(map(_report, reports)))
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            return cls(unknown=f"its report could not be parsed ({type(error).__name__}: {error})")

    @property
    def complete(self) -> bool:
        """Return whether the file was audited."""
        return not self.missing and not self.unknown

    def problems(self, check: str, file: str, *, strict: bool) -> list[Finding]:
        """Return a finding if the file was not audited.

        It is a warning if the pinned version is missing, and unknown if `strict`.
        """
        command = " ".join((*COMMAND, file))
        if self.unknown:
            return [Finding.unknown(check, command, f"zizmor did not audit the workflow: {self.unknown}", command)]
        if self.missing:
            saw = f"zizmor {ZIZMOR} is not installed ({self.missing}), so the workflow was not audited"
            status = Finding.unknown if strict else Finding.warning
            return [status(check, "zizmor --version", saw, f"python -m pip install zizmor=={ZIZMOR}")]
        return []


def _report(report: Any) -> Report:
    locations, determinations = report["locations"], report["determinations"]
    place = next(location for location in locations if location["symbolic"]["kind"] == "Primary")
    return Report(
        audit=report["ident"],
        line=place["concrete"]["location"]["start_point"]["row"] + 1,
        saw=f"{place['symbolic']['annotation']} ({report['desc']})",
        page=report["url"],
        severity=determinations["severity"],
        persona=determinations["persona"],
    )
