"""Cases of killed commands: a command, a signal, and the point at which it arrives, all chosen by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

BRANCH, TAG = "refs/heads/main", "refs/tags/v0.4.0"

SIGNALS = ("SIGKILL", "SIGINT", "SIGTERM")

#: The hooks at which a signal is sent; `prepared` and `committed` are states of the hook `reference-transaction`.
REMOTE_HOOKS = ("pre-receive", "update", "prepared", "committed", "post-receive")
CLONE_HOOKS = ("pre-push", "prepared", "committed")

#: The number of effects of each command (see `driver`), and its usual duration in seconds; approximate. A command
#: ends before a higher number.
EFFECTS = {"release": 202, "prepare": 34, "set-version": 10}
SECONDS = {"release": 1.6, "prepare": 0.7, "set-version": 0.5, "rehearse": 3.5}

#: The kinds of cases; a seed selects one, so that consecutive seeds cover all of them.
KINDS = (
    "release in one process, at an effect",
    "release in one process, at git",
    "release in one process, at a hook of the remote",
    "release in one process, at a hook of the clone",
    "release in one process, in the tests",
    "release in one process, at a time",
    "release, at git or at a hook of the remote",
    "release, at a time",
    "prepare",
    "set-version",
    "rehearse",
)


@dataclass(frozen=True)
class Case:
    """A command to kill. `point` is the kind of the point, with its arguments.

    `in_process` runs the command in the driver. `victim` is the process that gets the signal: the command, or the
    kernel that runs the cells. With `detached`, the server of the remote does not end together with the client. With
    `at_once`, the command runs again before all processes of the killed one have ended.
    """

    command: tuple[str, ...]
    in_process: bool
    signal: str
    point: tuple[str, ...]
    victim: str = "command"
    detached: bool = False
    at_once: bool = False

    @property
    def name(self) -> str:
        """The name of the command."""
        return self.command[0]


def choose(seed: int) -> Case:
    """Return the case of a seed."""
    chance, kind = random.Random(seed), KINDS[seed % len(KINDS)]
    name = kind.partition(" ")[0].rstrip(",")
    number = chance.choice(SIGNALS)
    if name == "rehearse":
        return Case(("rehearse", "0.4.0", "--quick"), False, number, _time(chance, SECONDS[name]))
    if name != "release":
        point = chance.choice([_effect(chance, name), _time(chance, SECONDS[name])])
        return Case((name, "0.5.0"), True, number, point)
    in_process = "in one process" in kind
    points = [
        ("effect", _effect(chance, name)),
        ("git", ("git", chance.choice(["push-branch", "tag", "push-tag"]), chance.choice(["before", "after"]))),
        ("hook of the remote", ("remote", chance.choice(REMOTE_HOOKS), chance.choice([BRANCH, TAG]))),
        ("hook of the clone", ("clone", chance.choice(CLONE_HOOKS), TAG)),
        ("tests", ("tests",)),
        ("time", _time(chance, SECONDS[name] * (1 if in_process else 2))),
    ]
    return Case(
        ("release", "0.4.0") if in_process else ("release", "0.4.0", "--yes"),
        in_process,
        number,
        chance.choice([point for part, point in points if part in kind]),
        "kernel" if not in_process and number == "SIGKILL" and chance.random() < 0.5 else "command",
        detached=chance.random() < 0.5,
        at_once=in_process and number == "SIGKILL" and chance.random() < 0.5,
    )


def _effect(chance: random.Random, name: str) -> tuple[str, str]:
    return "effect", str(chance.randint(1, EFFECTS[name]))


def _time(chance: random.Random, seconds: float) -> tuple[str, str]:
    return "time", f"{chance.uniform(0.0, seconds):.2f}"
