"""Requests of the rehearsed `gh` to the rehearsed GitHub, with the token in `GH_TOKEN`, as by GitHub CLI."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

#: The timeout of a request, in seconds.
TIMEOUT = 60.0


class GhError(Exception):
    """A command failed: the message for standard error, the exit code, and the response for standard output."""

    def __init__(self, message: str, code: int = 1, output: bytes = b"") -> None:
        super().__init__(message)
        self.code, self.output = code, output


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Forge:
    """The rehearsed GitHub. Its URL is in `GITHUB_API_URL`, which the rehearsal sets; a real `gh` ignores it."""

    environment: Mapping[str, str] = field(repr=False)

    def get(self, path: str) -> bytes:
        """Send a GET request and return the content, also after a redirect to the storage of files.

        Raises:
            GhError: The response has an error status.
        """
        return self.send("GET", path)[0]

    def pages(self, path: str) -> Iterator[Any]:
        """Yield each page of a list as JSON, as `gh api --paginate` gets them.

        Raises:
            GhError: A response has an error status.
        """
        following: str | None = path
        while following:
            content, headers = self.send("GET", following)
            yield json.loads(content)
            link = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("link", ""))
            following = link[1].removeprefix(self._url) if link else None

    def send(
        self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json"
    ) -> tuple[bytes, dict[str, str]]:
        """Send a request to a path or URL of the API; return the content, and the headers in lower case.

        Raises:
            GhError: There is no token, or the response has an error status.
        """
        token = self.environment.get("GH_TOKEN") or self.environment.get("GITHUB_TOKEN")
        if not token:
            message = "To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable."
            raise GhError(f"gh: {message}", 4)
        url = path if path.startswith(self._url) else f"{self._url}/{path.lstrip('/')}"
        headers = {"Authorization": f"token {token}", "Accept": "*/*"}
        if body is not None:
            headers["Content-Type"] = media_type
        try:
            return self._open(urllib.request.Request(url, body, headers, method=method))  # noqa: S310 - the local forge
        except urllib.error.HTTPError as error:
            location = error.headers.get("Location")
            if location is None:
                raise _refusal(error) from None
        # The storage is another server, which does not get the token.
        try:
            return self._open(urllib.request.Request(location))  # noqa: S310 - the local forge
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None

    @property
    def _url(self) -> str:
        return self.environment["GITHUB_API_URL"].rstrip("/")

    def _open(self, request: urllib.request.Request) -> tuple[bytes, dict[str, str]]:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return response.read(), {name.lower(): value for name, value in response.headers.items()}
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            raise GhError(f"error connecting to {request.host}: {error}") from None

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=self.environment.get("SSL_CERT_FILE") or None)
        handlers = (_NoRedirect(), urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


def _refusal(error: urllib.error.HTTPError) -> GhError:
    with error:
        content = error.read()
    try:
        message = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        message = error.reason
    return GhError(f"gh: {message} (HTTP {error.code})", output=content)
