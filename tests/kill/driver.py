"""Run one command in this process, which sends itself a signal before its n-th effect.

    python driver.py SIGNAL NUMBER FIRED COMMAND…

An effect is the start of a process, or a change of the file system. FIRED is a directory that is created before the
signal is sent. The command `release` is a release without papermill, whose start takes seconds. All other commands are
those of `binoc-runbook`.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from signal import Signals

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

lock = threading.Lock()
effects = 0


def is_effect(event: str, arguments: tuple[object, ...]) -> bool:
    """Return whether an audit event (audit events table of the Python documentation) is an effect."""
    if event == "open":
        path, mode, flags = arguments
        writes = bool(set(str(mode or "")) & set("wax+")) or (isinstance(flags, int) and bool(flags & WRITING))
        return (
            writes
            and isinstance(path, (str, Path))
            and "__pycache__" not in str(path)
            and not str(path).startswith("/dev/")
        )
    return event in ("subprocess.Popen", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def send_at(number: int, signal: Signals, fired: Path) -> None:
    """Send a signal to this process before the effect with this number."""

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        global effects
        if not is_effect(event, arguments):
            return
        with lock:
            effects += 1
            is_reached = effects == number
        if is_reached:
            fired.mkdir()
            os.kill(os.getpid(), signal)

    sys.addaudithook(on_event)


class Reporter:
    """A reporter that prints the names and states of the stages."""

    def stage_ended(self, run):
        print(f"stage {run.stage.name}: {run.state}", flush=True)

    def __getattr__(self, name):
        return lambda *arguments: None


def release(version: str) -> int:
    """Run the cells of the release runbook; return the exit code of the command."""
    from binoc_runbook.finding import InterruptedRunError, RefusedError
    from binoc_runbook.release.parameters import open_target
    from binoc_runbook.release.run import Release
    from binoc_runbook.stages import ACTION_STAGES, STAGES
    from binoc_runbook.version import Version
    from binoc_runbook.world import World

    root = Path.cwd()
    try:
        target = open_target(World.real(root, trusted=True), Version.parse(version))
        opened = Release(target, Reporter(), root / "runs", dry_run=False)
        for stage in STAGES:
            if stage is ACTION_STAGES[0]:
                opened.recheck()
            opened.run(stage.name)
        opened.follow()
        opened.finish()
    except RefusedError as refusal:
        print(refusal)
        return 130 if isinstance(refusal, InterruptedRunError) else 1
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    return 0


def main(signal: str, number: str, fired: str, command: str, *arguments: str) -> int:
    from binoc_runbook.cli import main as run_command

    send_at(int(number), Signals[signal], Path(fired))
    return release(*arguments) if command == "release" else run_command([command, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
