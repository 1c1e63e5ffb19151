"""A client of GitHub's REST API, which only reads. Responses have a value, or the reason why there is none.

Source: GitHub's documentation of the REST API (the pages "Getting started", "Using pagination" and "Releases"). The
token is in `GH_TOKEN` or `GITHUB_TOKEN`. Without a token no request is sent, because responses without authentication
lack the required data.
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.client import HTTPException
from typing import Any, ClassVar
from urllib.parse import urlsplit

from binoc_runbook.checks.observations import GitHubResponse, Outcome

#: The timeout of a request, in seconds; afterwards the outcome is *no answer*.
TIMEOUT = 60.0
#: The URL of the API, unless `GITHUB_API_URL` is set.
GITHUB = "https://api.github.com"
#: The variables for a token; the first one that is set is used, as by `gh`.
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")

_JSON, _BYTES = "application/vnd.github+json", "application/octet-stream"
_VERSION = "2022-11-28"
_LARGEST = 32 * 1024 * 1024
_PAGES = 100


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that follows no redirects, which would send the token to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class GitHubClient:
    """A client of GitHub's REST API. `environment` is not in its `repr`, because it can contain a token."""

    environment: Mapping[str, str] = field(repr=False)
    timeout: float = TIMEOUT

    _OUTCOMES: ClassVar[dict[int, Outcome]] = {
        400: "refused",
        401: "forbidden",
        403: "forbidden",
        404: "absent",
        422: "refused",
    }

    @property
    def url(self) -> str:
        """Return the URL of the API, without a slash at the end."""
        return (self.environment.get("GITHUB_API_URL") or GITHUB).rstrip("/")

    def get(self, path: str) -> GitHubResponse:
        """Send a GET request to `path`, which can have a query; return all pages of a list.

        The header `Link` has the URL of the next page. If a page is an object that contains one list, the lists are
        joined.
        """
        request = f"GET {path.partition('?')[0]}"
        url, value = f"{self.url}{path}", None
        for _ in range(_PAGES):
            response, headers = self._send(url, request)
            if response.outcome != "value":
                return response
            value = response.value if value is None else _joined(value, response.value)
            following = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("link", ""))
            if following is None:
                return GitHubResponse(request, "value", value)
            url = following[1]
            if not self._is_of_this_host(url):
                return GitHubResponse(request, "no answer", reason="the next page is on another host")
        return GitHubResponse(request, "no answer", reason=f"it has more than {_PAGES} pages")

    def download(self, path: str) -> GitHubResponse:
        """Send a GET request for the content of a release asset; the value is bytes.

        GitHub sends the content, or redirects to another server, which does not get the token ("Get a release asset").
        """
        request = f"GET {path}"
        response, headers = self._send(f"{self.url}{path}", request, accept=_BYTES)
        location = headers.get("location")
        if location is None or urlsplit(location).scheme != urlsplit(self.url).scheme:
            return response
        return self._send(location, request, accept=_BYTES, authorized=False)[0]

    def _is_of_this_host(self, address: str) -> bool:
        return urlsplit(address)[:2] == urlsplit(self.url)[:2]

    def _token(self) -> tuple[str, str]:
        """Return the token and an empty text, or an empty token and the reason."""
        name = next((name for name in TOKENS if self.environment.get(name, "").strip()), None)
        if name is None:
            return "", f"neither `{TOKENS[0]}` nor `{TOKENS[1]}` is set"
        token = self.environment[name].strip()
        # The error of http.client for an invalid token would contain the token.
        return (token, "") if re.fullmatch(r"[\x21-\x7e]+", token) else ("", f"`{name}` is not a valid token")

    def _send(
        self, url: str, name: str, *, accept: str = _JSON, authorized: bool = True
    ) -> tuple[GitHubResponse, Mapping[str, str]]:
        """Send one GET request; return the response and its headers, with names in lower case.

        Responses show the request as `name`.
        """
        token, reason = self._token()
        if reason:
            return GitHubResponse(name, "no token", reason=reason), {}
        headers = {"Accept": accept, "User-Agent": "binoc-runbook"}
        if authorized:
            headers |= {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": _VERSION}
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - of the API, see above
            with self._opener.open(request, timeout=self.timeout) as response:
                content = response.read(_LARGEST + 1)
                if len(content) > _LARGEST:
                    return GitHubResponse(name, "no answer", reason=f"more than {_LARGEST} bytes"), {}
                value = content if accept == _BYTES else json.loads(content or b"null")
                return GitHubResponse(name, "value", value), _lowercase(response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return self._refusal(name, error), _lowercase(error.headers)
        except urllib.error.URLError as error:
            return GitHubResponse(name, "no answer", reason=str(error.reason)), {}
        except TimeoutError:
            return GitHubResponse(name, "no answer", reason=f"no response within {self.timeout:.0f} s"), {}
        except (OSError, HTTPException, ValueError) as error:
            return GitHubResponse(name, "no answer", reason=f"invalid response: {type(error).__name__}"), {}

    def _refusal(self, name: str, error: urllib.error.HTTPError) -> GitHubResponse:
        reason = f"{error.code} {_message(error)}".strip()
        if error.code in (301, 302, 307, 308):
            reason += "; the repository has moved, or the server in `GITHUB_API_URL` redirects"
        limited = error.code == 429 or error.headers.get("X-RateLimit-Remaining") == "0"
        outcome: Outcome = "no answer" if limited else self._OUTCOMES.get(error.code, "no answer")
        return GitHubResponse(name, outcome, reason=reason)

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        return opener_for(self.url, self.environment)


def opener_for(url: str, environment: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """Return an opener for the host of a URL that follows no redirects.

    It trusts the certificates of `environment`, which can differ from the environment of this process.
    """
    context = ssl.create_default_context(cafile=environment.get("SSL_CERT_FILE") or None)
    handlers = [_NoRedirect(), urllib.request.HTTPSHandler(context=context)]
    if urlsplit(url).hostname == "127.0.0.1":
        handlers.append(urllib.request.ProxyHandler({}))  # the proxy of the user cannot reach a local server
    return urllib.request.build_opener(*handlers)


def _lowercase(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _joined(first: Any, second: Any) -> Any:
    """Join two pages: lists, or the lists in objects."""
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, dict) and isinstance(second, dict):
        return {key: value + second.get(key, []) if isinstance(value, list) else value for key, value in first.items()}
    return second


def _message(error: urllib.error.HTTPError) -> str:
    """Return the message of an error response, with its validation errors."""
    try:
        body = json.loads(error.read(_LARGEST))
        errors = [item for item in body.get("errors") or [] if isinstance(item, dict)]
        details = [
            item.get("message") or " ".join(str(item[key]) for key in ("resource", "field", "code") if key in item)
            for item in errors
        ]
        return "; ".join(str(part) for part in (body.get("message"), *details) if part)
    except (OSError, HTTPException, ValueError, AttributeError):
        return ""
