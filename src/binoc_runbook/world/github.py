"""GitHub's REST API: questions that are answered by a value or by why there is none, and the few acts of a release.

From GitHub's documentation of its REST API (the pages "Getting started", "Using pagination" and "Releases"). Whoever
asks is known by the token in `GH_TOKEN` or `GITHUB_TOKEN`; without one nothing is asked, because the answers to a
stranger leave out what matters here.
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPException
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from binoc_runbook.checks.observations import GitHubResponse, Outcome

#: How long GitHub may be silent, in seconds; afterwards there is *no answer*.
TIMEOUT = 60.0
#: Where GitHub answers, unless `GITHUB_API_URL` names another place.
GITHUB = "https://api.github.com"
#: The names of the variables that may hold a token, the first that does wins; `gh` reads them in this order too.
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")

_VERSION = "2022-11-28"
_LARGEST = 32 * 1024 * 1024
_PAGES = 100


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect would carry the token to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class GitHubClient:
    """A client of GitHub's REST API, configured by an environment, which is not shown because it may hold a token."""

    environment: Mapping[str, str] = field(repr=False)
    timeout: float = TIMEOUT

    _OUTCOMES: ClassVar[dict[int, Outcome]] = {
        400: "refused",
        401: "forbidden",
        403: "forbidden",
        404: "absent",
        409: "refused",
        422: "refused",
    }

    @property
    def url(self) -> str:
        """Where the API answers, without a slash at the end."""
        return (self.environment.get("GITHUB_API_URL") or GITHUB).rstrip("/")

    def get(self, path: str) -> GitHubResponse:
        """Ask for what is at `path`, a query included; a list that comes in pages is given whole.

        Pages are those that the header `Link` names; where a page is an object that holds one list, the lists are
        joined in it.
        """
        question = f"GET {path.partition('?')[0]}"
        address, whole = f"{self.url}{path}", None
        for _ in range(_PAGES):
            answer, link = self._ask("GET", address, question)
            if answer.outcome != "value":
                return answer
            whole = answer.value if whole is None else _joined(whole, answer.value)
            following = re.search(r'<([^>]+)>;\s*rel="next"', link)
            if following is None:
                return GitHubResponse(question, "value", whole)
            address = following[1]
            if not self._is_of_this_host(address):
                return GitHubResponse(question, "no answer", reason="its next page is at another place than the first")
        return GitHubResponse(question, "no answer", reason=f"it has more than {_PAGES} pages")

    def post(self, path: str, body: Mapping[str, Any]) -> GitHubResponse:
        """Make something at `path`."""
        return self._ask("POST", f"{self.url}{path}", f"POST {path}", json.dumps(body).encode())[0]

    def patch(self, path: str, body: Mapping[str, Any]) -> GitHubResponse:
        """Change what is at `path`."""
        return self._ask("PATCH", f"{self.url}{path}", f"PATCH {path}", json.dumps(body).encode())[0]

    def upload(self, upload_url: str, name: str, content: bytes) -> GitHubResponse:
        """Add a file to a release, at the `upload_url` that the API gave for it, a URI template."""
        address = f"{upload_url.partition('{')[0]}?name={quote(name, safe='')}"
        question = f"POST {urlsplit(address).path}?name={name}"
        if urlsplit(address).scheme != urlsplit(self.url).scheme:
            reason = "the address for uploads has another scheme than the API"
            return GitHubResponse(question, "no answer", reason=reason)
        return self._ask("POST", address, question, content, "application/octet-stream")[0]

    def _is_of_this_host(self, address: str) -> bool:
        return urlsplit(address)[:2] == urlsplit(self.url)[:2]

    def _token(self) -> tuple[str, str]:
        """The token, and why there is none."""
        name = next((name for name in TOKENS if self.environment.get(name, "").strip()), None)
        if name is None:
            return "", f"neither `{TOKENS[0]}` nor `{TOKENS[1]}` is set"
        token = self.environment[name].strip()
        # Sent as it is, it would be refused by http.client in a sentence that repeats it.
        return (token, "") if re.fullmatch(r"[\x21-\x7e]+", token) else ("", f"`{name}` holds what is no token")

    def _ask(
        self, method: str, address: str, question: str, body: bytes | None = None, media_type: str = "application/json"
    ) -> tuple[GitHubResponse, str]:
        """The answer to one request, and its header `Link`."""
        token, why_not = self._token()
        if why_not:
            return GitHubResponse(question, "no token", reason=why_not), ""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "binoc-runbook",
            "X-GitHub-Api-Version": _VERSION,
        }
        if body is not None:
            headers["Content-Type"] = media_type
        try:
            request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310 - of the API, see above
            with self._opener.open(request, timeout=self.timeout) as response:
                content = response.read(_LARGEST + 1)
                if len(content) > _LARGEST:
                    return GitHubResponse(question, "no answer", reason=f"more than {_LARGEST} bytes"), ""
                link = str(response.headers.get("Link", ""))
                return GitHubResponse(question, "value", json.loads(content or b"null")), link
        except urllib.error.HTTPError as error:
            with error:
                return self._refusal(question, error), ""
        except urllib.error.URLError as error:
            return GitHubResponse(question, "no answer", reason=str(error.reason)), ""
        except TimeoutError:
            return GitHubResponse(question, "no answer", reason=f"silent for {self.timeout:.0f} s"), ""
        except (OSError, HTTPException, ValueError) as error:
            return GitHubResponse(question, "no answer", reason=f"not an answer of GitHub: {type(error).__name__}"), ""

    def _refusal(self, question: str, error: urllib.error.HTTPError) -> GitHubResponse:
        reason = f"{error.code} {_message(error)}".strip()
        if error.code in (301, 302, 307, 308):
            reason += "; the repository has moved, or `GITHUB_API_URL` names a place that sends on"
        limited = error.code == 429 or error.headers.get("X-RateLimit-Remaining") == "0"
        outcome: Outcome = "no answer" if limited else self._OUTCOMES.get(error.code, "no answer")
        return GitHubResponse(question, outcome, reason=reason)

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        # The certificates to believe are those of the environment, which need not be that of this process.
        context = ssl.create_default_context(cafile=self.environment.get("SSL_CERT_FILE") or None)
        return urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))


def _joined(first: Any, second: Any) -> Any:
    """Two pages as one: lists after each other, and in objects the lists that they hold."""
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, dict) and isinstance(second, dict):
        return {key: value + second.get(key, []) if isinstance(value, list) else value for key, value in first.items()}
    return second


def _message(error: urllib.error.HTTPError) -> str:
    """Return what GitHub says about a refusal: its message, and each error that a validation found."""
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
