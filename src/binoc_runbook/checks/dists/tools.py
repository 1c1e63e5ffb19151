"""What the field's own tools say of built files: each is asked offline, and is *unknown* where it cannot be asked.

`twine check` renders the long description as PyPI will; `abi3audit` compares the symbols of a library with the stable
ABI (PEP 384), `auditwheel show` those of the system's libraries with the platform tag (PEP 600, PEP 656), and
`check-wheel-contents` looks for what should not be in a wheel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from binoc_runbook.checks.dists.problem import CHECK, Problem
from binoc_runbook.checks.dists.wheel import name_of, platforms_of
from binoc_runbook.finding import Finding, Findings

if TYPE_CHECKING:
    from binoc_runbook.checks.observations import ProcessResult

#: How long one tool may look, in seconds.
PATIENCE = 300.0

_LINUX = re.compile(r"(many|musl)linux_(\d+)_(\d+)_(\w+)")


class Asks(Protocol):
    """Runs a tool in the folder of the files for its answer; exit code 127 when there is no such tool."""

    def run(self, command: Sequence[str], *, patience: float | None = None) -> ProcessResult: ...


def tools(names: Sequence[str], processes: Asks, called: str = "dist") -> Findings:
    """Ask every tool about the files of these names, which lie in the folder that `processes` starts them in.

    Findings call the folder `called`. Each tool gives one `ok` for all files, or a finding for everything it minds.
    """
    wheels = sorted(name for name in names if name.endswith(".whl"))
    sdists = sorted(name for name in names if name.endswith(".tar.gz"))
    abi3 = [name for name in wheels if any(tag.abi == "abi3" for tag in (name_of(name) or ("", "", ()))[2])]
    linux = [name for name in wheels if any(map(_LINUX.fullmatch, platforms_of(name)))]
    asked = _Asked(processes, called)
    return Findings(
        [
            *asked.about([*sdists, *wheels], ["twine", "check", "--strict"], _twine),
            *asked.about(wheels, ["check-wheel-contents", "--no-config"], _contents),
            *asked.about(abi3, ["abi3audit", "--strict", "--report"], _abi3),
            # No library of this host is looked for: a wheel brings its own, and what it may expect is the policy's say.
            *asked.each(linux, ["auditwheel", "show", "--json", "--ldpaths", "."], _auditwheel),
        ]
    )


class _Asked:
    def __init__(self, processes: Asks, called: str) -> None:
        self.processes = processes
        self.called = called

    def about(self, names: list[str], command: list[str], read: _Read) -> Iterator[Finding]:
        """Ask one question about all files."""
        if names:
            yield from self.told(names, command, list(self.ask(names, command, read)))

    def each(self, names: list[str], command: list[str], read: _Read) -> Iterator[Finding]:
        """Ask about one file after the other, of a tool that takes no more."""
        if names:
            answers: list[tuple[str, Problem]] = []
            for name in names:
                answers += self.ask([name], command, read)
                if answers and answers[-1][1].status == "unknown":
                    break
            yield from self.told(names, command, answers)

    def ask(self, names: list[str], command: list[str], read: _Read) -> Iterator[tuple[str, Problem]]:
        done = self.processes.run([*command, *names], patience=PATIENCE)
        if done.returncode in (124, 127):
            yield "", Problem(done.reason, f"just with {command[0]} --version, which brings it", "unknown")
            return
        found = list(read(done))
        yield from found
        if done.returncode != 0 and not found:
            yield "", Problem(f"said no and nothing that is understood here: {done.reason[-500:]}")

    def told(self, names: list[str], command: list[str], problems: list[tuple[str, Problem]]) -> Iterator[Finding]:
        said = f"`{' '.join(command)}`"
        for name, problem in problems:
            told = Problem(f"{said}: {problem.saw}", problem.remedy, problem.status)
            yield told.finding(f"{self.called}/{name}" if name else self.called)
        if not problems:
            files = f"{len(names)} file{'s'[: len(names) - 1]}"
            yield Finding.ok(CHECK, self.called, f"{said} minds nothing in {files}")


class _Read(Protocol):
    """Reads the answer of a tool: everything that it minds, with the name of the file, or "" for all of them."""

    def __call__(self, done: ProcessResult) -> Iterator[tuple[str, Problem]]: ...


def _twine(done: ProcessResult) -> Iterator[tuple[str, Problem]]:
    """Each file is named on a line, wrapped where it is long, and followed by what is wrong with it."""
    for block in re.split(r"^Checking\s+", done.stdout, flags=re.MULTILINE)[1:]:
        name, _, verdict = block.partition(": ")
        saw = " ".join(verdict.split())
        if saw != "PASSED":
            remedy = "edit the README that `pyproject.toml` names, then `just dist`"
            yield name.strip(), Problem(saw.removeprefix("FAILED "), remedy)


def _contents(done: ProcessResult) -> Iterator[tuple[str, Problem]]:
    """Each thing that it minds is a line that begins with the file, and may go on in lines that are indented."""
    said = f"{done.stdout}\n{done.stderr}"
    for name, saw in re.findall(r"^(\S+\.whl): (.*(?:\n[ \t]+.*)*)", said, flags=re.MULTILINE):
        if saw != "OK":
            yield name, Problem(" ".join(saw.split()))


def _abi3(done: ProcessResult) -> Iterator[tuple[str, Problem]]:
    try:
        specs: dict[str, Any] = json.loads(done.stdout)["specs"]
    except (ValueError, KeyError, TypeError):
        return
    remedy = "use only what the stable ABI of that Python has, or raise `wheels` in the policy"
    for name, spec in specs.items():
        for library in spec.get("wheel", []):
            at, result = f"`{library['name']}`", library["result"]
            if symbols := result["non_abi3_symbols"]:
                listed = ", ".join(f"`{symbol}`" for symbol in sorted(symbols)[:20])
                yield name, Problem(f"{at} uses what the stable ABI does not have: {listed}", remedy)
            if not result["is_abi3_baseline_compatible"]:
                newer = sorted(result["future_abi3_objects"])[:20]
                listed = ", ".join(f"`{symbol}`" for symbol in newer)
                saw = f"{at} uses the stable ABI of Python {result['computed']}, and is tagged for {result['baseline']}"
                yield name, Problem(f"{saw}: {listed}" if listed else saw, remedy)


def _auditwheel(done: ProcessResult) -> Iterator[tuple[str, Problem]]:
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return
    name = done.command[-1]
    if error := told.get("error"):
        yield name, Problem(str(error))
        return
    # The C library of musl is called so wherever nobody renamed it, and its loader takes either name for itself.
    foreign = set(told.get("external_libs") or ()) - {"libc.so"}
    needs = str(told.get("overall_tag" if foreign or told.get("unsupported_isa") else "sym_tag"))
    remedy = "link it against the C library of its tag: `just wheels TAG` does"
    for tag in sorted(platforms_of(name)):
        if not _as_old(needs, tag):
            newest = {library: max(versions, key=_numbers) for library, versions in told["versioned_symbols"].items()}
            why = [f"`{version}` of `{library}`" for library, version in sorted(newest.items())]
            why += [f"`{library}`, which no system need have" for library in sorted(foreign)]
            saw = f"needs `{needs}`, and its name promises `{tag}`; it uses {', '.join(why) or 'no versioned symbol'}"
            yield name, Problem(saw, remedy)


def _as_old(needs: str, promised: str) -> bool:
    """Whether what a wheel needs is there on every system of the tag that it promises."""
    ours, theirs = _LINUX.fullmatch(promised), _LINUX.fullmatch(needs)
    if ours is None or theirs is None or ours.group(1, 4) != theirs.group(1, 4):
        return False
    return tuple(map(int, theirs.group(2, 3))) <= tuple(map(int, ours.group(2, 3)))


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)]
