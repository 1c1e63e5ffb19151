"""Runs with planted secrets: none of them is shown or stored."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from binoc_runbook.cli import main
from binoc_runbook.redaction import MASK

pytestmark = pytest.mark.rehearsal

RUNBOOK = Path(__file__).parents[2] / "runbooks/release.ipynb"
PAPERMILL = Path(sys.executable).with_name("papermill")
LETTERS = "AbC1dE2fG3hI4jK5lM6nO7pQ8rS9tU0vWxYz"

#: Values of environment variables; the last one has two lines, and each is a secret.
ENVIRONMENT = {
    "DEPLOY_TOKEN": "secret-in-the-environment",
    "PGPASSWORD": "correct horse/battery+staple",
    "MY_API_KEY": "0123456789abcdef",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCY",
    "SERVICE_SECRET": "first-part-of-it\nsecond-part-of-it",
}
#: Secrets that the test command prints, with the part that must not be found.
PRINTED = {
    f"ghp_{LETTERS}": LETTERS,
    f"gho_\x1b[1m{LETTERS[::-1]}\x1b[0m": LETTERS[::-1],
    f"github_pat_{LETTERS[2:24]}_{LETTERS}": LETTERS[2:24],
    f"pypi-AgEIcHlwaS5vcmc{LETTERS[3:]}": LETTERS[3:],
    f"cio{LETTERS[:32].lower()}": LETTERS[:32].lower(),
    f"glpat-{LETTERS[4:]}": LETTERS[4:],
    f"xoxb-123456789012-{LETTERS[5:]}": LETTERS[5:],
    "AKIA" + "IOSFODNN7EXAMPLE": "IOSFODNN7EXAMPLE",
    f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS[6:]}": LETTERS[6:],
    f"-----BEGIN PRIVATE KEY-----\n{LETTERS[7:]}\n-----END PRIVATE KEY-----": LETTERS[7:],
    "Authorization: Bearer value-of-a-header": "value-of-a-header",
    "https://rosa:password-in-a-url@example.org/x": "password-in-a-url",
    "https://example.org/x?token=value-of-a-parameter": "value-of-a-parameter",
    "rosa:password-for-a-copy@example.org:x": "password-for-a-copy",
    "git://user-of-a-server@example.org/x": "user-of-a-server",
}
REMOTE = "https://rosa:password-of-the-remote@127.0.0.1:1/demo.git?private_token=token-of-the-remote"
OPTION = "https://token-in-the-option@127.0.0.1:1/demo.git"
IN_URLS = ["password-of-the-remote", "token-of-the-remote", "token-in-the-option"]
VALUES = [line for value in ENVIRONMENT.values() for line in value.splitlines()]
SPELLINGS = [urllib.parse.quote(VALUES[1], safe=""), base64.b64encode(VALUES[1].encode()).decode()]


@pytest.fixture
def planted(checkout, tmp_path, monkeypatch):
    """The small workspace with a test command that prints all secrets, and fails if the file `failing` exists."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (checkout.root / "runbooks").mkdir()
    shutil.copy(RUNBOOK, checkout.root / "runbooks")
    (tmp_path / "secrets.txt").write_text("\n".join([*PRINTED, *VALUES, *SPELLINGS, "the last line"]) + "\n", "utf-8")
    (tmp_path / "print.sh").write_text(
        f"env; cd {shlex.quote(str(tmp_path))} && cat secrets.txt && cp -R demo/runs during && test ! -e failing\n"
    )
    checkout.edit("pyproject.toml", '["git", "--version"]', json.dumps(["sh", str(tmp_path / "print.sh")]))
    checkout.commit("Print secrets")
    return checkout


def papermill(checkout, *arguments: str) -> tuple[int, str]:
    """Run the runbook; return the exit code, and everything that it shows."""
    shutil.rmtree(checkout.root.parent / "during", ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [PAPERMILL, "runbooks/release.ipynb", "runs/0.4.0.ipynb", "--log-output", "-p", "version", "0.4.0"]
    done = subprocess.run(
        [*command, "-p", "retest", "True", *arguments],
        cwd=checkout.root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def stored(checkout) -> dict[str, str]:
    """Return the contents of all files that a run keeps, and of those that it had during the tests."""
    root = checkout.root
    directories = [root / "runs", root / "docs/releases", root / ".git/binoc-runbook", root.parent / "during"]
    files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(root.parent)): path.read_text("utf-8") for path in files}


def leaks(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Return each place with a secret in it."""
    secrets = {*PRINTED.values(), *VALUES, *SPELLINGS, *IN_URLS}
    return [(place, secret) for place, text in texts.items() for secret in secrets if secret in text]


def test_no_secret_is_shown_or_stored_by_any_run(planted, tmp_path, capsys):
    root, git, shown = planted.root, planted.git, {}

    code, shown["dry run"] = papermill(planted)
    assert code == 0, shown
    texts = stored(planted)
    assert {"demo/runs/0.4.0.json", "demo/runs/0.4.0.ipynb", "during/0.4.0.ipynb"} <= texts.keys()
    log = texts["demo/runs/0.4.0/tests.log"]
    assert log.count(MASK) >= len(PRINTED)
    assert log.endswith("the last line\n")
    for name in ENVIRONMENT:
        assert f"{name}=" not in log  # the test command does not get it
    assert leaks(texts | shown) == []

    (tmp_path / "failing").touch()
    code, shown["failed tests"] = papermill(planted, "-p", "dry_run", "False")
    assert code == 1
    assert "the last line" in "\n".join(shown["failed tests"].splitlines()[-12:])
    assert leaks(stored(planted) | shown) == []
    (tmp_path / "failing").unlink()

    git("remote", "set-url", "origin", REMOTE, cwd=root)
    for name, arguments in (("unreachable remote", ()), ("option", ("-r", "remote", OPTION))):
        _, shown[name] = papermill(planted, *arguments)
        assert leaks(stored(planted) | shown) == []
    for command in (["check"], ["check", "--json"], ["plan"], ["plan", "--json"]):
        main(["--root", str(root), *command])
        printed = capsys.readouterr()
        shown[" ".join(command)] = printed.out + printed.err
    assert f"{MASK}@127.0.0.1:1" in shown["check"]
    git("remote", "set-url", "origin", str(planted.remote), cwd=root)

    hook = planted.remote / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\ncat {shlex.quote(str(tmp_path / 'secrets.txt'))} >&2\nexit 1\n")
    hook.chmod(0o755)
    code, shown["refused push"] = papermill(planted, "-p", "dry_run", "False")
    assert code == 1
    assert "the last line" in shown["refused push"]
    assert leaks(stored(planted) | shown) == []
    hook.unlink()

    code, shown["release"] = papermill(planted, "-p", "dry_run", "False")
    assert code == 0, shown["release"]
    texts = stored(planted)
    assert leaks(texts | shown) == []
    filed = {name: text for name, text in texts.items() if name.startswith("demo/docs/releases/")}
    assert sorted(filed) == ["demo/docs/releases/0.4.0.ipynb", "demo/docs/releases/0.4.0.json"]
    for text in filed.values():
        assert "the last line" not in text
        assert MASK not in text  # there is no output in which a secret was masked
        assert re.search(r"output: \d+ lines, \d+ bytes, SHA-256 [0-9a-f]{64}", text)
