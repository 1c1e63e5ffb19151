"""Queries of the web API of a crate registry: its record of a version, with the publisher.

The index names the address of the web API in `config.json` (Cargo book, *Index Format*). No command of cargo prints
these records.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from binoc_runbook.checks.observations import CrateRecord
from binoc_runbook.world.cargo_index import cargo_home
from binoc_runbook.world.github import opener_for
from binoc_runbook.world.processes import Processes

#: The timeout of a request, in seconds.
TIMEOUT = 20.0

_LARGEST = 16 * 1024 * 1024


class _RequestError(Exception):
    """A request without a usable response, for the reason in the message."""


def read_crate_record(processes: Processes, name: str, version: str, source: str) -> CrateRecord:
    """Return the record of a version; `source` is the registry as in `Cargo.lock`, which cargo has queried before."""
    question = f"the web API of the crate registry: {name}@{version}"
    environment = {**os.environ, **processes.environment}
    try:
        api = _config(processes, environment, source).get("api")
        if not isinstance(api, str):
            return CrateRecord(question, reason="the configuration of the registry has no web API")
        at = f"{api.rstrip('/')}/api/v1/crates/{name}"
        published, crate = _get(f"{at}/{version}", environment)["version"], _get(at, environment)["crate"]
    except _RequestError as error:
        return CrateRecord(question, reason=str(error))
    except (KeyError, TypeError):
        return CrateRecord(question, reason="the response has no `version` and `crate`")
    if not isinstance(published, dict) or not isinstance(crate, dict):
        return CrateRecord(question, reason="the response has no `version` and `crate`")
    return CrateRecord(question, published, crate)


def _config(processes: Processes, environment: dict[str, str], source: str) -> dict[str, Any]:
    """Return the configuration of a registry: from its index, or for crates.io the copy in the cache of cargo."""
    kind, _, url = source.partition("+")
    if kind == "sparse":
        return _get(f"{url}config.json", environment)
    if not url.endswith("/crates.io-index"):
        raise _RequestError("only registries with a sparse index are supported")
    # `Cargo.lock` has the name of the registry, not the address of its sparse index.
    for path in (cargo_home(processes) / "registry" / "index").glob("*crates.io-*/config.json"):
        return _parsed(path.read_bytes(), Path(path).name)
    raise _RequestError("cargo has no cached configuration of crates.io")


def _get(url: str, environment: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"User-Agent": "binoc-runbook", "Accept": "application/json"})  # noqa: S310 - of the registry that cargo uses
    try:
        with opener_for(url, environment).open(request, timeout=TIMEOUT) as response:
            return _parsed(response.read(_LARGEST), "the response")
    except urllib.error.HTTPError as error:
        with error:
            raise _RequestError(f"{error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _RequestError(str(error.reason)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _RequestError(f"no usable response: {type(error).__name__}") from None


def _parsed(content: bytes, origin: str) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):
        raise _RequestError(f"{origin} is not a JSON object") from None
