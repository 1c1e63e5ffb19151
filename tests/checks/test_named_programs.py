"""The settings of git that select a program, and their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from binoc_runbook.checks.named_programs import NamedProgram, line_of, need_of
from binoc_runbook.checks.observations import Setting
from binoc_runbook.finding import Place

ROOT = Path("/src/demo")


def setting(text: str, scope: str = "local") -> Setting:
    key, _, value = text.partition("=")
    return Setting(key, scope, value)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("core.fsmonitor=watchman", "nothing"),
        ("core.hookspath=.husky/_", "nothing"),
        ("core.askpass=ask", "nothing"),
        ("diff.external=x", "nothing"),
        ("diff.pdf.textconv=x", "nothing"),
        ("diff.pdf.command=x", "nothing"),
        ("merge.lock.driver=x", "nothing"),
        ("hook.lint.command=x", "nothing"),
        ("include.path=../x", "nothing"),
        ("includeif.gitdir:/x.path=x", "nothing"),
        ("filter.lfs.clean=x", "tree"),
        ("filter.a.b.process=x", "tree"),
        ("filter.lfs.smudge=x", "tree"),
        ("core.sshcommand=ssh -i key", "remote"),
        ("core.gitproxy=x", "remote"),
        ("core.alternaterefscommand=x", "remote"),
        ("credential.helper=store", "remote"),
        ("credential.https://host.example.helper=x", "remote"),
        ("remote.origin.uploadpack=x", "remote"),
        ("remote.a.b.receivepack=x", "remote"),
        ("remote.origin.vcs=x", "remote"),
        ("protocol.ext.allow=always", "remote"),
        ("protocol.allow=always", "remote"),
        ("remote.origin.url=ext::sh -c x", "remote"),
        ("remote.origin.pushurl=fd::3", "remote"),
        ("remote.origin.url=.git/other.git", "remote"),
        ("remote.origin.url=/src/demo/other.git", "remote"),
        ("remote.origin.url=file:///src/demo/other.git", "remote"),
        ("url.ext::sh -c x .insteadof=https://host.example/", "remote"),
        ("url../other.git.pushinsteadof=https://host.example/", "remote"),
        ("gpg.program=x", "signature"),
        ("gpg.ssh.program=x", "signature"),
        ("gpg.ssh.defaultkeycommand=x", "signature"),
    ],
)
def test_setting_selects_a_program(text, need):
    assert need_of(setting(text), ROOT) == need
    assert need_of(setting(text, "worktree"), ROOT) == need
    assert need_of(setting(text, "global"), ROOT) is None  # the configuration of the user


@pytest.mark.parametrize(
    "text",
    [
        *(f"core.fsmonitor={value}" for value in ("true", "False", "on", "0", "")),
        *("user.name=x", "push.default=simple", "branch.main.remote=origin", "remote.origin.fetch=+refs/*:refs/*"),
        *("filter.lfs.required=true", "protocol.file.allow=always", "merge.lock.name=x", "gpg.format=ssh"),
        *("alias.status=!x", "core.editor=vi", "core.pager=less"),  # no command of this library starts them
        *("remote.origin.url=git@host.example:demo.git", "remote.origin.url=host:/srv/demo.git"),
        *("remote.origin.url=https://host.example/x.git", "remote.origin.url=ssh://host.example/x.git"),
        *("remote.origin.url=/srv/demo.git", "remote.origin.url=codecommit::region://demo"),
        *("url.git@host.example:.insteadof=https://host.example/", "remote.origin.url=file:///srv/demo.git"),
    ],
)
def test_setting_selects_no_program(text):
    assert need_of(setting(text), ROOT) is None


CONFIG = """\
[core] bare = false
\tsshCommand = "ssh \\
  -i key"
; [core] fsmonitor = x
[Remote "My \\"origin\\""]
\turl = a
\tURL = b
[filter "a.b"] clean
[credential "https://x"]

\thelper = one
"""


@pytest.mark.parametrize(
    ("key", "occurrence", "line"),
    [
        ("core.bare", 0, 1),
        ("core.sshcommand", 0, 2),
        ("core.fsmonitor", 0, None),
        ('remote.My "origin".url', 0, 6),
        ('remote.My "origin".url', 1, 7),
        ('remote.My "origin".url', 2, None),
        ("filter.a.b.clean", 0, 8),
        ("credential.https://x.helper", 0, 11),
    ],
)
def test_line_of_a_setting(key, occurrence, line):
    assert line_of(CONFIG, key, occurrence) == line


def test_finding_masks_a_secret_in_the_setting():
    program = NamedProgram(setting("core.sshcommand=x https://rosa:secret@host"), Place(".git/config", 2), "remote")
    finding = program.finding()
    assert (finding.check, finding.status, finding.looked_at) == ("trust", "unknown", ".git/config:2")
    assert "secret" not in finding.saw
