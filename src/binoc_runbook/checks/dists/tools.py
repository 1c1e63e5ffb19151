"""Standard tools for dists, run offline; the result is *unknown* if a tool cannot be run.

- `twine check` validates the metadata and renders the long description as PyPI does.
- `check-wheel-contents` checks RECORD, and finds files that should not be in a wheel.
- `abi3audit` compares the symbols of a library with the stable ABI (PEP 384).
- `auditwheel show` compares the required system libraries with the platform tag (PEP 600, PEP 656).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from binoc_runbook.checks.dists.expectation import CHECK, Defect
from binoc_runbook.checks.dists.wheel import parse_wheel_name, wheel_platforms
from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.finding import Finding, Findings

#: Timeout of one tool, in seconds.
TIMEOUT = 300.0

_LINUX = re.compile(r"(many|musl)linux_(\d+)_(\d+)_(\w+)")


class ToolRunner(Protocol):
    """Runner of tools in the directory of the files; exit code 127 means that a tool is missing."""

    def run(self, command: Sequence[str], *, timeout: float = ...) -> ProcessResult: ...


def run_tools(names: Sequence[str], runner: ToolRunner, shown: str = "dist") -> Findings:
    """Run every tool on the files of these names, in the directory of `runner`.

    A tool without defects gives one `ok` for all files, each defect gives one finding. `shown` is the directory in
    findings.
    """
    wheels = sorted(name for name in names if name.endswith(".whl"))
    sdists = sorted(name for name in names if name.endswith(".tar.gz"))
    abi3 = [name for name in wheels if any(tag.abi == "abi3" for tag in (parse_wheel_name(name) or ("", "", ()))[2])]
    linux = [name for name in wheels if any(map(_LINUX.fullmatch, wheel_platforms(name)))]
    tools = _Tools(runner, shown)
    return Findings(
        [
            *tools.check([[*sdists, *wheels]], ["twine", "check", "--strict"], _parse_twine),
            *tools.check([wheels], ["check-wheel-contents", "--no-config"], _parse_check_wheel_contents),
            *tools.check([abi3], ["abi3audit", "--strict", "--report"], _parse_abi3audit),
            # Libraries of this host are ignored: a wheel contains its own, or its platform tag guarantees them.
            *tools.check(
                [[name] for name in linux], ["auditwheel", "show", "--json", "--ldpaths", "."], _parse_auditwheel
            ),
        ]
    )


#: The defects in the output of a tool, with the name of the file, or "" for all of them.
_Defects = Iterator[tuple[str, Defect]]


class _Tools:
    def __init__(self, runner: ToolRunner, shown: str) -> None:
        self.runner = runner
        self.shown = shown

    def check(
        self, batches: list[list[str]], command: list[str], parse: Callable[[ProcessResult], _Defects]
    ) -> Iterator[Finding]:
        """Run a tool once for each batch of files."""
        names = [name for batch in batches for name in batch]
        defects: list[tuple[str, Defect]] = []
        for batch in filter(None, batches):
            defects += self.run(batch, command, parse)
            if defects and defects[-1][1].status == "unknown":
                break
        if names:
            yield from self.findings(names, command, defects)

    def run(self, names: list[str], command: list[str], parse: Callable[[ProcessResult], _Defects]) -> _Defects:
        done = self.runner.run([*command, *names], timeout=TIMEOUT)
        if done.returncode in (124, 127):
            yield "", Defect(done.reason, f"just with {command[0]} --version, which installs it", "unknown")
            return
        defects = list(parse(done))
        yield from defects
        if done.returncode != 0 and not defects:
            yield "", Defect(f"failed with unknown output: {done.reason[-500:]}")

    def findings(self, names: list[str], command: list[str], defects: list[tuple[str, Defect]]) -> Iterator[Finding]:
        shown = f"`{' '.join(command)}`"
        for name, defect in defects:
            looked_at = f"{self.shown}/{name}" if name else self.shown
            yield defect._replace(saw=f"{shown}: {defect.saw}").finding(looked_at)
        if not defects:
            files = f"{len(names)} file{'s'[: len(names) - 1]}"
            yield Finding.ok(CHECK, self.shown, f"{shown} reports no problem in {files}")


def _parse_twine(done: ProcessResult) -> _Defects:
    """Parse lines with a file name and its defects; twine wraps long lines."""
    for block in re.split(r"^Checking\s+", done.stdout, flags=re.MULTILINE)[1:]:
        name, _, verdict = block.partition(": ")
        saw = " ".join(verdict.split())
        if saw != "PASSED":
            remedy = "edit the README that `pyproject.toml` names, then `just dist`"
            yield name.strip(), Defect(saw.removeprefix("FAILED "), remedy)


def _parse_check_wheel_contents(done: ProcessResult) -> _Defects:
    """Parse lines that begin with a file name and continue in indented lines."""
    output = f"{done.stdout}\n{done.stderr}"
    for name, saw in re.findall(r"^(\S+\.whl): (.*(?:\n[ \t]+.*)*)", output, flags=re.MULTILINE):
        if saw != "OK":
            yield name, Defect(" ".join(saw.split()))


def _parse_abi3audit(done: ProcessResult) -> _Defects:
    try:
        specs: dict[str, Any] = json.loads(done.stdout)["specs"]
    except (ValueError, KeyError, TypeError):
        return
    remedy = "use only functions of the stable ABI of that Python, or raise `wheels` in the policy"
    for name, spec in specs.items():
        for library in spec.get("wheel", []):
            path, result = f"`{library['name']}`", library["result"]
            if symbols := result["non_abi3_symbols"]:
                listed = ", ".join(f"`{symbol}`" for symbol in sorted(symbols)[:20])
                yield name, Defect(f"{path} uses symbols that are not in the stable ABI: {listed}", remedy)
            if not result["is_abi3_baseline_compatible"]:
                newer = sorted(result["future_abi3_objects"])[:20]
                listed = ", ".join(f"`{symbol}`" for symbol in newer)
                saw = f"{path} uses the stable ABI of {result['computed']}, but its tag is for {result['baseline']}"
                yield name, Defect(f"{saw}: {listed}" if listed else saw, remedy)


def _parse_auditwheel(done: ProcessResult) -> _Defects:
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return
    name = done.command[-1]
    if error := report.get("error"):
        yield name, Defect(str(error))
        return
    # `libc.so` is the usual name of musl's C library, which its loader provides.
    foreign = set(report.get("external_libs") or ()) - {"libc.so"}
    needs = str(report.get("overall_tag" if foreign or report.get("unsupported_isa") else "sym_tag"))
    remedy = "just wheels TAG, which links against the C library of the tag"
    for tag in sorted(wheel_platforms(name)):
        if not _fulfils(tag, needs):
            symbols = sorted(report["versioned_symbols"].items())
            uses = [f"`{max(versions, key=_version_key)}` of `{library}`" for library, versions in symbols]
            uses += [f"`{library}`, which a system need not have" for library in sorted(foreign)]
            saw = f"needs `{needs}`, but has the tag `{tag}`; it uses {', '.join(uses) or 'no versioned symbol'}"
            yield name, Defect(saw, remedy)


def _fulfils(tag: str, needs: str) -> bool:
    """Return whether every system of a platform tag fulfils the needs of a wheel, a platform tag too."""
    offer, need = _LINUX.fullmatch(tag), _LINUX.fullmatch(needs)
    if offer is None or need is None or offer.group(1, 4) != need.group(1, 4):
        return False
    return tuple(map(int, need.group(2, 3))) <= tuple(map(int, offer.group(2, 3)))


def _version_key(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)]
