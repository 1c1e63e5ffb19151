"""Check of the programs that the git configuration of a checkout names: a check starts none of them.

Git starts these programs for queries that look harmless: `git status` starts `core.fsmonitor` and filters, and
`git ls-remote` starts `core.sshCommand`. The configuration of the user and of the machine is not checked, and neither
are programs that no command of this library starts: aliases, editors and pagers. Source: `git help config`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from binoc_runbook.checks.observations import Setting
from binoc_runbook.finding import Finding, Place
from binoc_runbook.redaction import mask

CHECK = "trust"

#: The command that lets a check start the programs, until the configuration changes.
TRUST = "just trust"

#: The scopes of the configuration that is part of a checkout.
_OWN = ("local", "worktree")

#: The observation that needs the program: changed files, a remote, a signature, or nothing.
Need = Literal["tree", "remote", "signature", "nothing"]

#: The keys that name a program, as git prints them: the section and the last part are in lower case.
KEYS: dict[str, Need] = {
    r"core\.fsmonitor": "nothing",
    r"core\.hookspath": "nothing",
    r"core\.askpass": "nothing",
    r"diff\.external": "nothing",
    r"diff\..+\.(command|textconv)": "nothing",
    r"merge\..+\.driver": "nothing",
    r"hook\..+\.command": "nothing",
    r"include\.path": "nothing",
    r"includeif\..+\.path": "nothing",
    r"filter\..+\.(clean|smudge|process)": "tree",
    r"core\.sshcommand": "remote",
    r"core\.gitproxy": "remote",
    r"core\.alternaterefscommand": "remote",
    r"credential\.(.+\.)?helper": "remote",
    r"remote\..+\.(uploadpack|receivepack|vcs)": "remote",
    r"protocol\.(ext\.)?allow": "remote",
    r"gpg\.(.+\.)?program": "signature",
    r"gpg\.ssh\.defaultkeycommand": "signature",
}

_URL = re.compile(r"remote\..+\.(?:url|pushurl)")
_REPLACEMENT = re.compile(r"url\.(.+)\.(?:insteadof|pushinsteadof)", re.DOTALL)
_REMOTE = re.compile(r"remote\.(.+)\.[^.]+", re.DOTALL)
_KEYS = {re.compile(pattern, re.DOTALL): need for pattern, need in KEYS.items()}

#: `core.fsmonitor` can also be a boolean: true starts the monitor that is part of git.
_BOOLEAN = {"", "true", "false", "yes", "no", "on", "off", "0", "1"}

_EFFECTS: dict[Need, str] = {
    "tree": "the files that it filters were not compared",
    "remote": "the remote was not queried",
    "signature": "no signature was tried",
    "nothing": "a release starts it",
}


@dataclass(frozen=True, slots=True)
class NamedProgram:
    """A setting that names a program, or a URL that starts one, with its place and what needs the program.

    `submodule` is the path of the submodule whose configuration has the setting.
    """

    setting: Setting
    place: Place
    need: Need
    submodule: str = ""

    @property
    def remote(self) -> str | None:
        """Return the name of the only remote that needs the program."""
        match = _REMOTE.fullmatch(self.setting.key)
        return match[1] if match else None

    @property
    def filter(self) -> str | None:
        """Return the name of the filter, the value of the attribute `filter`."""
        return self.setting.key.partition(".")[2].rpartition(".")[0] if self.need == "tree" else None

    @property
    def text(self) -> str:
        """Return the setting, without secrets."""
        return f"{self.setting.key} = {mask(self.setting.value)}"

    @property
    def reason(self) -> str:
        """Return why another program was not started: it would start this one."""
        return f"`{self.text}` in {self.place} selects a program, and this checkout is not trusted"

    def finding(self) -> Finding:
        """Return that the program was not started, and what is unknown therefore."""
        saw = f"`{self.text}` selects a program, which was not started; {_EFFECTS[self.need]}"
        if self.setting.key.startswith(("include.", "includeif.")):
            saw = f"`{self.text}` adds the settings of another file; this checkout is not trusted"
        return Finding.unknown(CHECK, self.place, saw, TRUST)


def need_of(setting: Setting, root: Path) -> Need | None:
    """Return what needs the program that a setting names; `None` if it names none, or is not part of the checkout."""
    if setting.scope not in _OWN:
        return None
    if setting.key == "core.fsmonitor" and setting.value.lower() in _BOOLEAN:
        return None
    replacement = _REPLACEMENT.fullmatch(setting.key)
    url = replacement[1] if replacement else setting.value if _URL.fullmatch(setting.key) else ""
    if url and starts_program(url, root):
        return "remote"
    return next((need for pattern, need in _KEYS.items() if pattern.fullmatch(setting.key)), None)


def starts_program(url: str, root: Path) -> bool:
    """Return whether a URL is a command, or a repository inside of the checkout, whose settings can name programs.

    A path without a root is relative to the checkout. Source: `git help remote-ext`, `git help clone`, *GIT URLS*.
    """
    if url.startswith(("ext::", "fd::")):
        return True
    path = url.removeprefix("file://")
    if re.match(r"[\w+.-]+::|[\w+.-]+://|[^/]*[^/:]:", path) and not re.match(r"[A-Za-z]:[/\\]", path):
        return False  # the URL of a server, such as `git@host:path`
    return (root / path).resolve().is_relative_to(root.resolve()) or not Path(path).is_absolute()


def line_of(text: str, key: str, occurrence: int = 0) -> int | None:
    """Return the line of a setting in a file of git, the first of its lines; `occurrence` counts from 0.

    It returns `None` if the file is written in an unusual way: the value of git is right, and only its line is unknown.
    """
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line.strip()
        if header := re.match(r'\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]', rest):
            name, quoted = header[1].lower(), re.sub(r"\\(.)", r"\1", header[2] or "")
            section, rest = f"{name}.{quoted}" if header[2] is not None else name, rest[header.end() :].strip()
        variable = re.match(r"[A-Za-z][\w-]*", rest)
        if variable and f"{section}.{variable[0].lower()}" == key:
            if occurrence == 0:
                return number
            occurrence -= 1
    return None
