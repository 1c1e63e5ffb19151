"""The git configuration of a checkout and its submodules, and the programs that it selects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from binoc_runbook.checks.named_programs import NamedProgram, line_of, need_of, starts_program
from binoc_runbook.checks.observations import ProcessResult, Setting
from binoc_runbook.files import common_directory, read_file
from binoc_runbook.finding import Place

_SUBMODULE = "160000 "


class CheckoutConfiguration:
    """The configuration of the checkout at `root`, read with `run`, a function that runs git without programs.

    It is read once, except by `read`.
    """

    def __init__(self, root: Path, run: Callable[..., ProcessResult]) -> None:
        self._root = root
        self._run = run

    @cached_property
    def _listing(self) -> ProcessResult:
        return self._list()

    @property
    def error(self) -> ProcessResult | None:
        """Return the result of git if it cannot read the configuration."""
        return self._listing if self._listing.returncode != 0 else None

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Return all settings, also those of the user, in the order in which git reads them."""
        return _parse(self._listing.stdout)

    @cached_property
    def submodules(self) -> dict[str, tuple[Setting, ...]]:
        """Return the settings of each submodule that is checked out, by path."""
        settings, directories = {}, [""]
        while directories:
            directory = directories.pop()
            entries = self._run(*(("-C", directory) if directory else ()), "ls-files", "--stage", "-z").stdout
            for entry in entries.split("\0"):
                path = "/".join(filter(None, (directory, entry.partition("\t")[2])))
                if entry.startswith(_SUBMODULE) and (self._root / path / ".git").exists():
                    settings[path] = self.read("-C", path)
                    directories.append(path)
        return settings

    @cached_property
    def programs(self) -> tuple[NamedProgram, ...]:
        """Return the programs of the checkout, and those that git needs to compare the files of its submodules."""
        programs = [*self._programs(self.settings), *self._old_remotes()]
        for path, settings in self.submodules.items():
            programs += [program for program in self._programs(settings, path) if program.need == "tree"]
        return tuple(programs)

    @property
    def trusted_settings(self) -> list[Setting]:
        """Return the settings that a user trusts; after a change of them, the checkout is not trusted."""
        parts = (self.settings, *self.submodules.values(), (program.setting for program in self._old_remotes()))
        return [setting for part in parts for setting in part]

    def read(self, *directory: str) -> tuple[Setting, ...]:
        """Read the current settings; the options `directory` select a submodule."""
        return _parse(self._list(*directory).stdout)

    def _list(self, *directory: str) -> ProcessResult:
        return self._run(*directory, "config", "--list", "--null", "--show-scope", "--show-origin")

    def _programs(self, settings: Sequence[Setting], submodule: str = "") -> Iterator[NamedProgram]:
        occurrences: Counter[tuple[str, str]] = Counter()
        for setting in settings:
            name = setting.origin, setting.key
            if need := need_of(setting, self._root):
                yield NamedProgram(setting, self._place(setting, occurrences[name], submodule), need, submodule)
            occurrences[name] += 1

    def _place(self, setting: Setting, occurrence: int, submodule: str) -> Place:
        path = self._root / submodule / setting.origin.removeprefix("file:")
        shown = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)
        try:
            text = read_file(path).decode(errors="replace")
        except OSError:
            return Place(shown)
        return Place(shown, line_of(text, setting.key, occurrence))

    def _old_remotes(self) -> Iterator[NamedProgram]:
        """Yield the remotes that start a program and are in files of their own (gitrepository-layout, *remotes*)."""
        try:
            common = common_directory(self._root)
            files = [path for name in ("remotes", "branches") for path in sorted((common / name).rglob("*"))]
        except (OSError, ValueError):  # not in a clone
            return
        for path in files:
            if path.is_file():
                lines = read_file(path).decode(errors="replace").splitlines()
                urls = (line.removeprefix("URL:").strip() for line in lines)
                if url := next((url for url in urls if url and starts_program(url, self._root)), ""):
                    setting = Setting(f"remote.{path.name}.url", "local", url, f"file:{path}")
                    yield NamedProgram(setting, self._place(setting, 0, ""), "remote")


def _parse(listing: str) -> tuple[Setting, ...]:
    fields = listing.split("\0")
    entries = zip(fields[::3], fields[1::3], (entry.partition("\n") for entry in fields[2::3]), strict=False)
    # A key without `=` is true.
    return tuple(
        Setting(key, scope, value if equals else "true", origin) for scope, origin, (key, equals, value) in entries
    )
