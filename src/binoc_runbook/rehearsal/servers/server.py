"""What every server of a rehearsal stands on: loopback, a free port, a bound on everything, and gone afterwards."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from binoc_runbook.rehearsal.servers.certificates import Authority

#: The longest body that is read, in bytes: more than any artifact of a rehearsal, less than would hurt the machine.
LARGEST = 256 * 1024 * 1024
#: How long a client may be silent in the middle of a request, in seconds.
PATIENCE = 30.0


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
    """What a client asks; `path` has neither query nor escapes. The headers may hold a token, so they are not shown."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The header of that name, empty when there is none."""
        return str(self.headers.get(name, ""))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ValueError: The body is something else.
        """
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server replies; the body may hold a token, so it is not shown."""

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, status: int, text: str) -> Answer:
        """A sentence for a person, which the clients repeat."""
        return cls(status, text.encode())

    @classmethod
    def json(cls, status: int, value: object, media_type: str = "application/json") -> Answer:
        """A JSON document."""
        return cls(status, json.dumps(value).encode(), media_type)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and how it was answered, without query, headers and bodies: so without any token."""

    method: str
    path: str
    status: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class Server:
    """Answers on 127.0.0.1 from `with` on until its end; one request at a time, so that its state needs no locks.

    With an authority it speaks TLS and nothing else. `log` is what was asked, `mistakes` what the server itself did
    wrong, which is never the fault of a release.
    """

    def __init__(self, authority: Authority | None = None) -> None:
        self.faults = ServerFaults()
        self.log: list[Exchange] = []
        self.mistakes: list[str] = []
        self._turn = threading.Lock()
        self._listening = _Listening(self, authority)
        # The port is bound from the beginning, so that servers can be told of each other before any of them answers.
        self.url = f"{'https' if authority else 'http'}://127.0.0.1:{self._listening.server_port}"
        self._thread = threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True)

    def answer(self, request: Request) -> Answer:
        """The reply to one request; each server has its own."""
        raise NotImplementedError

    def now(self) -> float:
        """The seconds since the epoch by this server's clock, which may be wrong on request."""
        return time.time() + self.faults.clock_skew

    def close(self) -> None:
        """Stop answering and free the port; doing it twice is fine."""
        if self._thread.is_alive():
            self._listening.shutdown()
            self._thread.join(PATIENCE)
        self._listening.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle(self, request: Request) -> Answer:
        """Answer one request in its turn, with the faults that are asked for, and log it."""
        with self._turn:
            if self.faults.down:
                answer = Answer.text(503, "down, as the rehearsal asked for")
            else:
                try:
                    answer = self.answer(request)
                except Exception as error:
                    # The text of an error may quote what was sent; its type and place do not.
                    self.mistakes.append(f"{request.method} {request.path}: {type(error).__name__}")
                    answer = Answer.text(500, "a mistake of the rehearsal")
            self.log.append(Exchange(request.method, request.path, answer.status))
        return answer


def digest(token: str) -> str:
    """What a server keeps of a token that it gave out: enough to know it again, and worth nothing to anyone else."""
    return hashlib.sha256(token.encode()).hexdigest()


class _Listening(ThreadingHTTPServer):
    # A client that keeps a connection open cannot hold up the end of a rehearsal.
    daemon_threads = True

    def __init__(self, server: Server, authority: Authority | None) -> None:
        self.rehearsed = server
        super().__init__(("127.0.0.1", 0), _Handler)
        if authority:
            # The handshake is left to the thread of each connection; a silent client would hold up all others.
            self.socket = authority.server_context().wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def server_bind(self) -> None:
        # Not that of HTTPServer, which asks the name service who 127.0.0.1 is; on some machines for many seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or does not believe the certificate, tells its user; the terminal is not ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    server: _Listening

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server calls them so

    def _handle(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdecimal():
            self._send(Answer.text(411, "the length of the body must be said"))
        elif int(length) > LARGEST:
            self._send(Answer.text(413, f"more than {LARGEST} bytes"))
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                return
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            request = Request(self.command, unquote(parts.path), query, self.headers, body)
            self._send(self.server.rehearsed.handle(request))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
        """Nothing: a request line may hold what must not be printed."""
