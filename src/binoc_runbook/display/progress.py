"""Progress of a runbook: redrawn in place on a terminal, lines elsewhere; at the end, the summary.

A terminal shows one line for each finished stage or job, and below them what runs, for how long, and its last line of
output. All lines go to the log, whose path is shown.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TextIO, cast

from binoc_runbook.display import terminal
from binoc_runbook.display.summary import Summary
from binoc_runbook.environ import verbosity
from binoc_runbook.finding import SIGN, Finding, Findings
from binoc_runbook.redaction import each_string, for_lines, mask

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

Event = dict[str, Any]

#: The longest time without a line where nothing is redrawn, in seconds.
SILENCE = 9.0

_SIGNS = {
    **dict.fromkeys(("done", "success", "ok"), SIGN["ok"]),
    **dict.fromkeys(("blocked", "failure", "failed"), SIGN["failed"]),
    "warning": SIGN["warning"],
    "unknown": SIGN["unknown"],
    "ready": "→",
}

#: The progress at the end of a line of pytest.
_PERCENT = re.compile(r"\[ *(\d{1,3})%\]$")

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

#: How many parallel jobs are shown, and the width of the bar.
_JOBS, _BAR = 6, 30


@dataclass(frozen=True, slots=True)
class _Activity:
    """A running stage, check or job: its description, when it began, and whether it is a job of the workflow."""

    words: str
    began: float
    is_job: bool


class _TolerantStream:
    """A stream whose errors are ignored: a release continues if its terminal was closed, or the reader of a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Progress:
    """The progress of a run as lines on `stream`; `log` is the path of a copy, shown as `log_name`, or `None`.

    While something runs, a line is printed at least every `SILENCE` seconds.
    """

    #: The time between two refreshes, in seconds.
    pause: ClassVar[float] = 1.0

    def __init__(self, stream: TextIO | None, log: Path | None = None, log_name: str = "") -> None:
        self.shown = Findings()
        self._stream = None if stream is None else cast("TextIO", _TolerantStream(stream))
        self._log_path, self._log_name = log, log_name
        self._log: TextIO | None = None
        self._summaries: list[Summary] = []
        self._running: dict[str, _Activity] = {}
        self._clean = for_lines(mask)
        self._printed = time.monotonic()
        self._ended = threading.Event()
        # Only one thread at a time prints or redraws: rich does not lock between the two.
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        if self._log_path:
            with contextlib.suppress(OSError):
                self._log_path.parent.mkdir(parents=True, exist_ok=True)
                self._log = self._log_path.open("w", encoding="utf-8", errors="replace")
        self._start()
        threading.Thread(target=self._repeat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._lock:
            self._stop()
        if self._log:
            with contextlib.suppress(OSError):
                self._log.close()

    def show(self, lines: Iterable[str], events: Sequence[Event] | None = None) -> None:
        """Show a message: its lines, or on a terminal its events; without events, the lines are shown everywhere."""
        with self._lock:
            self._show_message(lines, events)

    def _show_message(self, lines: Iterable[str], events: Sequence[Event] | None) -> None:
        cleaned = [self._clean(line) for line in lines]
        self._write_log(cleaned)
        own = each_string(list(events or []), mask)
        summaries = [Summary.from_json(event["summary"]) for event in own if event["kind"] == "summary"]
        self._summaries += summaries
        for event in own:
            self.shown += [Finding(**finding) for finding in event.get("findings", ())]
            self._track(event)
        if events is None:
            self._print(cleaned)
        else:
            self._show([] if summaries else cleaned, own)

    def finish(self, refusal: Summary | None, rows: Sequence[tuple[str, str]]) -> None:
        """Show the summaries of the run, and then why it was refused; `rows` are added to the last of them."""
        if self._log:
            rows = [*rows, ("log", self._log_name)]
        summaries = [*self._summaries, *filter(None, [refusal])]
        if rows and not summaries:
            summaries.append(Summary("Finished", "ok", ()))
        for number, summary in enumerate(summaries, 1):
            shown = summary.with_rows(*rows) if number == len(summaries) else summary
            self._write_log(map(mask, shown.lines()))
            if self._stream is not None:
                terminal.show_summary(self._stream, shown)

    def _track(self, event: Event) -> None:
        """Keep what runs."""
        name = event.get("name", "")
        if event["kind"] == "started":
            if not event["job"]:
                self._running = {name: self._running[name]} if name in self._running else {}
            before = self._running.get(name)
            began = before.began if before else time.monotonic()
            self._running[name] = _Activity(event["activity"], began, event["job"])
        elif event["kind"] == "ended":
            self._running.pop(name, None)
            if not event["job"]:
                self._running.clear()

    def _write_log(self, lines: Iterable[str]) -> None:
        if self._log:
            with contextlib.suppress(OSError):
                self._log.writelines(f"{line}\n" for line in lines)
                self._log.flush()

    def _repeat(self) -> None:
        while not self._ended.wait(self.pause):
            with self._lock:
                if not self._ended.is_set():
                    self._refresh()

    # The output on a stream that is not a terminal

    def _start(self) -> None:
        pass

    def _stop(self) -> None:
        pass

    def _refresh(self) -> None:
        """Break the silence."""
        if verbosity() >= 0 and time.monotonic() - self._printed >= SILENCE and self._running:
            name, activity = next(reversed(self._running.items()))
            self._print([f"    {name or activity.words}: running for {time.monotonic() - activity.began:.0f} s"])

    def _show(self, lines: Sequence[str], events: Sequence[Event]) -> None:
        if verbosity() >= 0 or any(map(_needs_attention, events)):
            self._print(lines)

    def _print(self, lines: Iterable[str]) -> None:
        self._printed = time.monotonic()
        if self._stream is not None:
            terminal.show_lines(self._stream, lines)
            self._stream.flush()


class TerminalProgress(Progress):
    """The progress of a run on a terminal."""

    pause = 1 / 8

    def __init__(self, stream: TextIO, log: Path | None = None, log_name: str = "") -> None:
        super().__init__(stream, log, log_name)
        assert self._stream is not None  # noqa: S101 - it is the given stream
        self._console = terminal.console(self._stream)
        self._began = time.monotonic()
        self._last = self._percent = ""
        self._stages = _Total("stages")
        self._jobs = _Total("jobs")
        self._boundary = ""
        self._live: Live | None = None
        self._running[""] = _Activity("starting the runbook", self._began, is_job=False)

    def finish(self, refusal: Summary | None, rows: Sequence[tuple[str, str]]) -> None:
        self._ended.set()
        with self._lock:
            self._stop()
        if self._stages.waiting:
            names = ", ".join(self._stages.waiting)
            self._console.print(terminal.row("", "not run", names, width=self._console.width, style="dim"))
        super().finish(refusal, rows)

    def _start(self) -> None:
        from rich.live import Live

        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _refresh(self) -> None:
        if self._live:
            self._live.refresh()

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(terminal.painted(line), soft_wrap=True)

    def _show(self, lines: Sequence[str], events: Sequence[Event]) -> None:
        for event in events:
            if handle := getattr(self, f"_on_{event['kind']}", None):
                handle(event)

    def _on_opened(self, event: Event) -> None:
        from rich.table import Table
        from rich.text import Text

        self._stages = _Total("stages", len(event["stages"]), list(event["stages"]))
        self._boundary = event["stages"][event["boundary"]]
        title = Table.grid(expand=False)
        title.width = min(self._console.width, terminal.WIDTH)
        title.add_column(ratio=1)
        title.add_column(justify="right", no_wrap=True)
        title.add_row(Text(event["title"], style="bold"), event["detail"])
        self._console.print(title)
        self._console.print()

    def _on_started(self, event: Event) -> None:
        self._last = self._percent = ""

    def _on_line(self, event: Event) -> None:
        self._last = event["text"]
        if percent := _PERCENT.search(self._last):
            self._percent = f"{percent[1]} %"
        if verbosity() > 0:
            self._print([f"      {self._last}"])

    def _on_ended(self, event: Event) -> None:
        total = self._jobs if event["job"] else self._stages
        total.end(event["name"])
        self._last = self._percent = ""
        sign = _SIGNS.get(event["state"], "-")
        if verbosity() < 0 and not _needs_attention(event):
            return
        style = "dim" if sign == "-" else ""
        words, width = event["result"], self._console.width
        self._console.print(terminal.row(sign, event["name"], words, event["seconds"], width=width, style=style))
        terminal.show_details(self._console, (Finding(**finding) for finding in event["findings"]))

    def _on_jobs(self, event: Event) -> None:
        self._jobs = _Total("jobs", event["total"], done=self._jobs.done)

    def _on_boundary(self, event: Event) -> None:
        if verbosity() >= 0:
            self._print([terminal.boundary()])
        if event["stopped"]:
            self._print([f"  {SIGN['failed']} a release stops here: {', '.join(event['stopped'])}"])
        terminal.show_details(self._console, (Finding(**finding) for finding in event["findings"]))

    def _on_text(self, event: Event) -> None:
        if verbosity() > 0 or (verbosity() == 0 and not event["detail"]):
            self._print(f"  {line}" for line in event["lines"])

    def _render(self) -> Group:
        """Return what is redrawn: the running activities, the last line, the stages that wait, and a bar."""
        from rich.console import Group
        from rich.text import Text

        now, width = time.monotonic(), self._console.width
        frame = _SPINNER[int(now * 10) % len(_SPINNER)]
        parts: list[Any] = [
            terminal.row(frame, name, f"{activity.words}  {self._percent}", now - activity.began, width=width)
            for name, activity in list(self._running.items())[-_JOBS:]
        ]
        if self._last:
            parts.append(Text(f"      {self._last}", no_wrap=True, overflow="ellipsis"))
        for name in self._stages.waiting:
            if name == self._boundary:
                parts.append(Text(terminal.boundary(), style="dim"))
            if name not in self._running:
                parts.append(terminal.row("", name, "", width=width, style="dim"))
        status = [f"{now - self._began:.0f} s"] + ([f"log: {self._log_name}"] if self._log else [])
        total = self._jobs if self._jobs.size else self._stages
        bar = total.bar() if total.size else Text("   ")
        parts.append(Text.assemble("\n", bar, "   ".join(status), no_wrap=True, overflow="ellipsis"))
        return Group(*parts)


@dataclass
class _Total:
    """How many stages or jobs there are, the names of those that wait, and how many have ended."""

    unit: str
    size: int = 0
    waiting: list[str] = field(default_factory=list)
    done: int = 0

    def end(self, name: str) -> None:
        """Count one that has ended."""
        if name in self.waiting:
            self.waiting.remove(name)
        self.done += 1

    def bar(self) -> Any:
        """Return a bar, and the numbers."""
        from rich.text import Text

        done = min(self.done, self.size)
        filled = _BAR * done // self.size
        return Text.assemble(
            "   ", "━" * filled, ("─" * (_BAR - filled), "dim"), f"  {done}/{self.size} {self.unit}   "
        )


def open_progress(stream: TextIO | None, log: Path, log_name: str, *, redraws: bool = True) -> Progress:
    """Return the progress for a stream; the log is written if the stream does not get all lines."""
    if redraws and stream is not None and terminal.is_terminal(stream):
        return TerminalProgress(stream, log, log_name)
    return Progress(stream, log if verbosity() < 0 else None, log_name)


def _needs_attention(event: Event) -> bool:
    if event["kind"] == "boundary":
        return bool(event["stopped"])
    return event["kind"] == "ended" and (bool(event["findings"]) or _SIGNS.get(event["state"]) not in (SIGN["ok"], "→"))
