"""Where a published file was built, as its attestations prove it (PEP 740), asked through `pypi-attestations`.

It asks PyPI itself, whatever index is configured, and the services of Sigstore.
"""

from __future__ import annotations

from collections.abc import Iterable

from binoc_runbook.checks.observations import Provenance
from binoc_runbook.world.processes import Processes

#: How long one file may take, in seconds: it is downloaded.
TIMEOUT = 120.0


def verify_provenance(processes: Processes, repository: str, files: Iterable[str]) -> list[Provenance]:
    """Ask for each file of PyPI whether it was published from a GitHub repository, `owner/name`; in the order given."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:  # side by side: each mostly waits for PyPI
        return list(pool.map(lambda file: _verify(processes, repository, file), files))


def _verify(processes: Processes, repository: str, file: str) -> Provenance:
    address = f"https://github.com/{repository}"
    command = ["pypi-attestations", "verify", "pypi", "--repository", address, f"pypi:{file}"]
    result = processes.run(command, timeout=TIMEOUT)
    if result.returncode == 0:
        return Provenance(file, "proven")
    # The only words with which it denies; everything else is about what it could not get.
    refuted = "Verification failed" in result.stderr
    return Provenance(file, "refuted" if refuted else "unknown", result.reason.rpartition(" / ")[2])
