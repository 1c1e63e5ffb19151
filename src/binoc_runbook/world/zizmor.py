"""The client of zizmor, a linter for workflows: the pinned version, without configuration and network access."""

from __future__ import annotations

from dataclasses import replace

from binoc_runbook.checks.workflow.audit import COMMAND, ZIZMOR, Audit
from binoc_runbook.world.processes import Processes

#: The exit codes of a completed audit: without reports, and with reports of increasing severity.
_ENDED = (0, 10, 11, 12, 13, 14)
#: The timeout of one call, in seconds.
_TIMEOUT = 60.0


def audit_workflow(processes: Processes, file: str) -> Audit:
    """Audit one workflow file, given by its path relative to the root of the checkout."""
    path = processes.root / file
    if path.exists() and not path.is_file():  # zizmor would read a FIFO or a device until its timeout
        return Audit(unknown="it is not a regular file")
    # Its variables would change the audit, and it needs no tokens.
    own = replace(
        processes, withheld=lambda name: processes.withheld(name) or name.startswith(("ZIZMOR_", "GH_", "GITHUB_"))
    )
    version = own.run(["zizmor", "--version"], timeout=_TIMEOUT)
    if version.returncode != 0:
        return Audit(missing=version.reason)
    installed = version.stdout.strip().rpartition(" ")[2]
    if installed != ZIZMOR:
        return Audit(missing=f"the installed version is {installed}")
    result = own.run([*COMMAND, file], timeout=_TIMEOUT)
    if result.returncode not in _ENDED:
        return Audit(unknown=replace(result, stderr=result.stderr.partition("Stack backtrace")[0]).reason)
    return Audit.parse(result.stdout)
