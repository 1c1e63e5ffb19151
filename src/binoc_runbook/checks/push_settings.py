"""Check of the settings of git that change a push: the release overrides them, or they are reported.

Source: `git help config`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from binoc_runbook.checks.observations import ProcessResult, Setting
from binoc_runbook.finding import Finding

CHECK = "remote"

#: Settings that add refs to a push or a fetch, or can make a push fail; the commands of a release override them.
OVERRIDDEN = (
    "push.followTags",
    "push.gpgSign",
    "push.pushOption",
    "push.recurseSubmodules",
    "submodule.recurse",
    "remote.{remote}.mirror",
    "remote.{remote}.push",
    "remote.{remote}.tagOpt",
)
#: Settings that select the programs of a push. A server can require them, so they stay in force.
REDIRECTING = ("remote.{remote}.receivepack", "remote.{remote}.uploadpack", "remote.{remote}.vcs")


def relevant(settings: Iterable[Setting], remote: str) -> tuple[Setting, ...]:
    """Return the settings that can change what a push to a remote does, with their documented spelling."""
    names = {_key(name.lower(), remote): _key(name, remote) for name in (*OVERRIDDEN, *REDIRECTING)}
    return tuple(
        Setting(names[setting.key], setting.scope, setting.value) for setting in settings if setting.key in names
    )


def overridden(setting: Setting, remote: str) -> bool:
    """Return whether the commands of a release override a relevant setting."""
    return setting.key in {_key(name, remote) for name in OVERRIDDEN}


def push_settings(settings: Iterable[Setting], remote: str) -> Iterator[Finding]:
    """Report the relevant settings: one finding for all that are overridden, and one for each other."""
    places = {(setting.key, setting.scope): overridden(setting, remote) for setting in settings}
    if keys := dict.fromkeys(key for (key, _), overrides in places.items() if overrides):
        names = ", ".join(f"`{key}`" for key in keys)
        saw = f"the pushes of a release override {names}: they push only the refs that the plan names"
        yield Finding.ok(CHECK, "git config --show-origin --list", saw)
    for (key, scope), overrides in places.items():
        if not overrides:
            saw = f"`{key}` replaces a program of git, so a push can have other effects than the plan shows"
            yield Finding.warning(CHECK, f"git config --show-origin --get-all {key}", saw, _unset(key, scope))


def unrequested_refs(push: ProcessResult) -> tuple[str, ...]:
    """Return the refs in the output of `git push --porcelain` that are not in its command, by full name.

    An entry of the output is `FLAG TAB SOURCE:NAME TAB SUMMARY`. Source: `git help push`, "Output".
    """
    requested = {argument.rpartition(":")[2] for argument in push.command if ":refs/" in argument}
    entries = (line.split("\t") for line in push.stdout.splitlines())
    names = (entry[1].rpartition(":")[2] for entry in entries if len(entry) == 3)
    return tuple(name for name in names if name not in requested)


def _key(template: str, remote: str) -> str:
    return template.format(remote=remote)


def _unset(key: str, scope: str) -> str:
    if scope == "command":
        return "unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS"
    return f"git config --{scope} --unset-all {key}"
