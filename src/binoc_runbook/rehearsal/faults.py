"""Rehearsal options: quick mode, and faults of the registries and jobs while the complete workflow runs.

The faults that need no workflow are in `scenarios`.
"""

from __future__ import annotations

#: The rehearsal option that skips the slow parts: the tests, and the workflow that the tag triggers.
QUICK = "quick"

REPLACED_ARTIFACT = "replaced-artifact"

#: A description of each fault. The rehearsal removes the fault after the first attempt, and runs the failed jobs again.
FAULTS: dict[str, str] = {
    "wrong-publisher": "the trusted publishers are registered with a wrong environment",
    "expired-token": "publish tokens have expired when they are used",
    "lost-answer": "each registry stores the first upload, but responds with status 500",
    "registry-down": "the registries respond with status 503",
    REPLACED_ARTIFACT: "a job uploads one more workflow artifact, with an sdist, after the dists were checked",
}
