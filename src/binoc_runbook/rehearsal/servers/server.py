"""The base class of the servers of a rehearsal: a free port on 127.0.0.1, limits, faults, a log and access tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from binoc_runbook.rehearsal.servers.certificates import Authority

#: The largest request body, in bytes: more than any dist of a rehearsal, less than the memory of a machine.
LARGEST = 256 * 1024 * 1024
#: The timeout of a client in the middle of a request, in seconds.
TIMEOUT = 30.0

_Value = TypeVar("_Value")


@dataclass
class ServerFaults:
    """Injected faults of one server, which can be changed while it runs; none by default.

    With `down`, the server responds to every request with 503. `errors_after_storing` is the number of uploads that it
    stores but responds to with 500. `clock_skew` is how far its clock is ahead, in seconds. `token_life` replaces the
    validity of its tokens, in seconds; tokens with zero have already expired when they arrive.
    """

    down: bool = False
    errors_after_storing: int = 0
    clock_skew: float = 0.0
    token_life: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a client; `path` is without the query, and unquoted.

    `repr` omits the headers and the body, which can contain a token.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return the header of this name, or an empty text."""
        return str(self.headers.get(name, ""))

    def credentials(self) -> tuple[str, str]:
        """Return the scheme, in lower case, and the value of the header `Authorization`."""
        scheme, _, value = self.header("Authorization").partition(" ")
        return scheme.lower(), value

    def json(self) -> dict[str, Any]:
        """Parse the body as a JSON object.

        Raises:
            ResponseError: The body is not a JSON object.
        """
        try:
            return dict(json.loads(self.body))
        except (ValueError, TypeError):
            raise ResponseError(Response.json(400, {"message": "the body is not a JSON object"})) from None


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a server; `repr` omits the body, which can contain a token."""

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, status: int, text: str) -> Response:
        """Return a plain text response, which clients show to their user."""
        return cls(status, text.encode())

    @classmethod
    def json(cls, status: int, value: object, media_type: str = "application/json") -> Response:
        """Return a JSON response."""
        return cls(status, json.dumps(value).encode(), media_type)


class ResponseError(Exception):
    """A request was refused; `response` contains the reason."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A request and the status of its response, without query, headers and bodies, which can contain tokens."""

    method: str
    path: str
    status: int


class TokenStore(Generic[_Value]):
    """Values by access token; its `repr` shows no tokens."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[_Value, float]] = {}

    def add(self, token: str, value: _Value, expires: float = float("inf")) -> None:
        """Store the value of a token; `expires` is in seconds since the epoch."""
        self._values[token] = value, expires

    def get(self, token: str, now: float) -> _Value | None:
        """Return the value of a token; None if it is unknown or expired."""
        value, expires = self._values.get(token, (None, now))
        return value if now < expires else None

    def revoke(self, token: str) -> bool:
        """Remove a token; return whether it was known."""
        return self._values.pop(token, None) is not None

    def revoke_all(self, value: _Value) -> None:
        """Remove every token of a value."""
        self._values = {key: entry for key, entry in self._values.items() if entry[0] != value}


class Server:
    """A server on 127.0.0.1 that runs inside `with`; it handles one request at a time, so its state needs no locks.

    With an authority it uses only TLS. `log` contains all requests, `mistakes` the internal errors of the server,
    which are not errors of the release.
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.faults = ServerFaults()
        self.log: list[LogEntry] = []
        self.mistakes: list[str] = []
        self._turn = threading.Lock()
        self._listener = _Listener(self, authority)
        # The port is bound here, so that the URL of a server is known before the server runs.
        self.url = f"{'https' if authority else 'http'}://127.0.0.1:{self._listener.server_address[1]}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)

    def respond(self, request: Request) -> Response:
        """Return the response to one request; each server implements its own.

        Raises:
            ResponseError: The request is refused.
        """
        raise NotImplementedError

    def now(self) -> float:
        """Return the time of this server in seconds since the epoch; a fault can change its clock."""
        return time.time() + self.faults.clock_skew

    def expiry(self, life: float) -> float:
        """Return the expiry time of a token that is issued now; `life` is in seconds, and a fault can replace it."""
        return self.now() + (life if self.faults.token_life is None else self.faults.token_life)

    def fail_after_storing(self, error: ResponseError) -> None:
        """Raise an error for an upload that was stored, as often as the faults require."""
        if self.faults.errors_after_storing > 0:
            self.faults.errors_after_storing -= 1
            raise error

    def close(self) -> None:
        """Stop the server and free its port; a second call does nothing."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join(TIMEOUT)
        self._listener.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle(self, request: Request) -> Response:
        """Return the response to one request, with injected faults, and log the request."""
        with self._turn:
            if self.faults.down:
                response = Response.text(503, "503 Service Unavailable (injected fault)")
            else:
                try:
                    response = self.respond(request)
                except ResponseError as error:
                    response = error.response
                except Exception as error:
                    # The message of the exception may contain parts of the request, such as a token.
                    self.mistakes.append(f"{request.method} {request.path}: {type(error).__name__}")
                    response = Response.text(500, "internal error of the rehearsal server")
            self.log.append(LogEntry(request.method, request.path, response.status))
        return response


class _Listener(ThreadingTCPServer):
    # A client that keeps a connection open cannot delay the end of a rehearsal.
    daemon_threads = True

    def __init__(self, server: Server, authority: Authority | None) -> None:
        self.responder = server
        super().__init__(("127.0.0.1", 0), _Handler)
        if authority:
            # Each connection does its handshake in its own thread, so that a silent client does not block the others.
            self.socket = authority.server_context().wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the client reports a closed connection or an untrusted certificate to its user."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: _Listener

    def do_GET(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdecimal():
            self._send(Response.text(411, "411 Length Required"))
        elif int(length) > LARGEST:
            self._send(Response.text(413, f"413 Content Too Large: the limit is {LARGEST} bytes"))
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                return
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            request = Request(self.command, unquote(parts.path), query, self.headers, body)
            self._send(self.server.responder.handle(request))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.media_type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
        """Print nothing: a request line can contain a secret."""
