"""What goes wrong in a rehearsal on request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Faults:
    """The trouble that one server makes; set while it runs, and none of it by itself.

    `down` answers every request with 503. `errors_after_storing` uploads are stored and nevertheless answered with 500.
    `clock_skew` is by how many seconds the server's clock is ahead. `token_life` replaces how long, in seconds, what
    it issues is valid; zero means that everything has expired on arrival.
    """

    down: bool = False
    errors_after_storing: int = 0
    clock_skew: float = 0.0
    token_life: float | None = None
