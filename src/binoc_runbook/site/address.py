"""Address of the site, for `html_baseurl` in a `conf.py`:

html_baseurl = site_address(Path(__file__).parents[1])
"""

from __future__ import annotations

import os
from pathlib import Path

from binoc_runbook.environ import CANONICAL_URL
from binoc_runbook.finding import RefusedError
from binoc_runbook.workspace.policy_table import read_policy


def site_address(root: Path) -> str:
    """Return the address from the host's variable or from the policy of a checkout; empty if neither is known."""
    if address := os.environ.get(CANONICAL_URL):
        return address if address.endswith("/") else f"{address}/"
    try:
        return read_policy(root).site or ""
    except RefusedError:
        return ""  # the decisions report the invalid policy
