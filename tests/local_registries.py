"""Registries on localhost that the clients query in tests: a package index and a crate registry."""

from __future__ import annotations

import json

from binoc_runbook.rehearsal.servers.server import Request, Response, Server


class LocalRegistries(Server):
    """A package index and a crate registry with the same `versions`, by name; a version that starts with `-` is yanked.

    If `response` is not `None`, it is the response to all requests. `environment` directs uv and cargo to this server.
    """

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, list[str]] = {}
        self.response: Response | None = None
        self.environment = {
            "UV_DEFAULT_INDEX": f"{self.url}/simple",
            "CARGO_REGISTRY_DEFAULT": "tests",
            "CARGO_REGISTRIES_TESTS_INDEX": f"sparse+{self.url}/index/",
        }

    def respond(self, request: Request) -> Response:
        path = request.path.strip("/").split("/")
        name, versions = path[-1], self.versions.get(path[-1], [])
        if self.response is not None:
            return self.response
        if name == "config.json":
            return Response.json(200, {"dl": self.url})
        if not versions:
            return Response.text(404, "not found")
        if path[0] == "index":
            entry = {"name": name, "deps": [], "cksum": "0" * 64, "features": {}}
            entries = [entry | {"vers": text.removeprefix("-"), "yanked": text[0] == "-"} for text in versions]
            return Response.text(200, "\n".join(map(json.dumps, entries)))
        links = [f'<a href="/{name}-{text}.tar.gz#sha256={"0" * 64}">{name}-{text}.tar.gz</a>' for text in versions]
        return Response(200, "\n".join(links).encode(), "text/html")
