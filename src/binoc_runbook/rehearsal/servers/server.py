"""The base of all servers of a rehearsal: a free port on 127.0.0.1, limits, faults, a log and access tokens."""

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

#: The largest body that is read, in bytes: more than any dist of a rehearsal, less than the memory of a machine.
LARGEST = 256 * 1024 * 1024
#: How long a client may be silent in the middle of a request, in seconds.
TIMEOUT = 30.0

_Value = TypeVar("_Value")


@dataclass
class ServerFaults:
    """Faults of one server; set while it runs, and none by default.

    `down` answers every request with 503. `errors_after_storing` uploads are stored and nevertheless answered with 500.
    `clock_skew` is by how many seconds the server's clock is ahead. `token_life` replaces how long, in seconds, what
    it issues is valid; zero means that everything has expired on arrival.
    """

    down: bool = False
    errors_after_storing: int = 0
    clock_skew: float = 0.0
    token_life: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a client; `path` has neither query nor escapes.

    `repr` leaves out the headers and the body, which may hold a token.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return the header of this name; empty when there is none."""
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
    """A response of a server; `repr` leaves out the body, which may hold a token."""

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, status: int, text: str) -> Response:
        """Return a response of plain text, which the clients show to their user."""
        return cls(status, text.encode())

    @classmethod
    def json(cls, status: int, value: object, media_type: str = "application/json") -> Response:
        """Return a response of a JSON document."""
        return cls(status, json.dumps(value).encode(), media_type)


class ResponseError(Exception):
    """A refused request, with the response that says why."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A request and the status of its response, without query, headers and bodies, and so without tokens."""

    method: str
    path: str
    status: int


class TokenStore(Generic[_Value]):
    """Values by access token; its `repr`, and so that of an object that has the store, shows no token."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[_Value, float]] = {}

    def add(self, token: str, value: _Value, expires: float = float("inf")) -> None:
        """Keep the value of a token; `expires` is in seconds since the epoch."""
        self._values[token] = value, expires

    def get(self, token: str, now: float) -> _Value | None:
        """Return the value of a token; None for an unknown or expired one."""
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

    With an authority it uses TLS only. `log` has all requests, `mistakes` the errors of the server itself, which
    are never faults of a release.
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.faults = ServerFaults()
        self.log: list[LogEntry] = []
        self.mistakes: list[str] = []
        self._turn = threading.Lock()
        self._listener = _Listener(self, authority)
        # The port is bound from the beginning, so that servers can be told of each other before any of them answers.
        self.url = f"{'https' if authority else 'http'}://127.0.0.1:{self._listener.server_address[1]}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)

    def respond(self, request: Request) -> Response:
        """Return the response to one request; each server implements its own.

        Raises:
            ResponseError: The request is refused.
        """
        raise NotImplementedError

    def now(self) -> float:
        """Return the seconds since the epoch by this server's clock, which a fault can set wrong."""
        return time.time() + self.faults.clock_skew

    def expiry(self, life: float) -> float:
        """Return when a token expires that is issued now; `life` is in seconds, and a fault can replace it."""
        return self.now() + (life if self.faults.token_life is None else self.faults.token_life)

    def fail_after_storing(self, error: ResponseError) -> None:
        """Raise the error of an upload that was stored, as often as the faults say."""
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
        """Return the response to one request, with the faults of the server, and log it."""
        with self._turn:
            if self.faults.down:
                response = Response.text(503, "503 Service Unavailable, as the rehearsal asked for")
            else:
                try:
                    response = self.respond(request)
                except ResponseError as error:
                    response = error.response
                except Exception as error:
                    # The text of an error may quote what was sent; its type and place do not.
                    self.mistakes.append(f"{request.method} {request.path}: {type(error).__name__}")
                    response = Response.text(500, "a mistake of the rehearsal")
            self.log.append(LogEntry(request.method, request.path, response.status))
        return response


class _Listener(ThreadingTCPServer):
    # A client that keeps a connection open cannot hold up the end of a rehearsal.
    daemon_threads = True

    def __init__(self, server: Server, authority: Authority | None) -> None:
        self.responder = server
        super().__init__(("127.0.0.1", 0), _Handler)
        if authority:
            # The handshake is left to the thread of each connection; a silent client would hold up all others.
            self.socket = authority.server_context().wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client that hangs up, or does not trust the certificate, reports that to its user."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: _Listener

    def do_GET(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdecimal():
            self._send(Response.text(411, "the length of the body must be said"))
        elif int(length) > LARGEST:
            self._send(Response.text(413, f"more than {LARGEST} bytes"))
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                return
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            request = Request(self.command, unquote(parts.path), query, self.headers, body)
            self._send(self.server.responder.handle(request))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server calls them so

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
        """Print nothing: a request line may hold a secret."""
