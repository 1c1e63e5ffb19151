"""Verification of the provenance of published files with `pypi-attestations` (PEP 740).

It uses PyPI itself, even if another index is configured, and the services of Sigstore.
"""

from __future__ import annotations

from collections.abc import Iterable

from binoc_runbook.checks.observations import Provenance
from binoc_runbook.world.processes import Processes, process_threads

#: The timeout for one file, which is downloaded, in seconds.
TIMEOUT = 120.0


def verify_provenance(processes: Processes, repository: str, files: Iterable[str]) -> list[Provenance]:
    """Return for each file on PyPI, in order, whether it was published from a GitHub repository, `owner/name`."""
    with process_threads(4) as pool:  # most of the time is spent waiting for PyPI
        return list(pool.map(lambda file: _verify(processes, repository, file), files))


def _verify(processes: Processes, repository: str, file: str) -> Provenance:
    address = f"https://github.com/{repository}"
    command = ["pypi-attestations", "verify", "pypi", "--repository", address, f"pypi:{file}"]
    result = processes.run(command, timeout=TIMEOUT)
    if result.returncode == 0:
        return Provenance(file, "proven")
    # Only this error means that the provenance is wrong; all other errors are failed requests.
    refuted = "Verification failed" in result.stderr
    return Provenance(file, "refuted" if refuted else "unknown", result.reason.rpartition(" / ")[2])
