"""Removal of secrets, paths of this machine and escape codes from text that is shown, stored or published.

`mask` removes secrets. `machine_free` also removes the paths, for records and pages. Secrets are the values of
environment variables with names like those in `CREDENTIALS`, tokens in a known format, and credentials in URLs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

Translate = Callable[[str], str]

#: The replacement of a secret, as in the logs of GitHub Actions.
MASK = "***"

#: Patterns for the names of environment variables that contain credentials, and examples. Case is ignored.
CREDENTIALS: dict[str, str] = {
    "*TOKEN*": "`GITHUB_TOKEN`, `CARGO_REGISTRY_TOKEN`, `MATURIN_PYPI_TOKEN`, `ACTIONS_ID_TOKEN_REQUEST_URL`",
    "*SECRET*": "`AWS_SECRET_ACCESS_KEY`, `AZURE_CLIENT_SECRET`",
    "*PASSWORD*": "`TWINE_PASSWORD`, `UV_INDEX_NAME_PASSWORD`, `PGPASSWORD`",
    "*PASSWD*": "`MYSQL_PASSWD`",
    "*PASSPHRASE*": "`GPG_PASSPHRASE`",
    "*_PASS": "`SMTP_PASS`",
    "*CREDENTIAL*": "`GOOGLE_APPLICATION_CREDENTIALS`",
    "*API_KEY*": "`SERVICE_API_KEY`",
    "*APIKEY*": "`SERVICE_APIKEY`",
    "*_KEY": "`COSIGN_PRIVATE_KEY`",
    "*_PAT": "`GITHUB_PAT`",
    "*_AUTH": "`NPM_CONFIG__AUTH`",
    "*WEBHOOK*": "`SLACK_WEBHOOK_URL`",
}

#: Shorter values, and these, are too common in other text to be masked.
_SHORTEST, _COMMON = 8, {"disabled", "required", "optional", "anonymous", "password", "__token__"}

_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")

_PEM_BEGIN, _PEM_END = (rf"-----{word} [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----" for word in ("BEGIN", "END"))

#: The number of lines that are masked after the first line of a private key without a last line: an RSA key of 8192
#: bits has about 100.
_LONGEST_KEY = 120

# A word in URLs ends at white space, quotes and HTML tags. Its length is limited, because the time is quadratic.
_WORD = r"[^\s\"'<>]"
# The start of a token, also in an encoded URL.
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F][0-9A-F]))"
_NAME = r"[\w.%-]{0,40}"
_AUTHORITY = r"[^\s\"'<>/]"

# The formats of tokens, with their sources. The first item of each is a text that every such token contains: most lines
# contain none, and a search for it is much faster than the regular expression. The group is what is kept.
_FORMATS = (
    # GitHub: "Behind GitHub's new authentication token formats". Tokens of apps are also JSON Web Tokens after `ghs_`.
    *((f"gh{kind}_", rf"gh{kind}_[\w.-]{{20,}}") for kind in "pousr"),
    ("github_pat_", r"github_pat_\w{20,}"),
    # PyPI: "Token scanning" of Warehouse. The macaroon begins with its version, in base64.
    ("pypi-AgE", r"pypi-AgE[\w-]{16,}"),
    # crates.io: `crates_io_database::utils::token`; those of trusted publishing begin with `cio_tp_`.
    ("cio", rf"{_START}cio(?:_tp_)?[A-Za-z0-9]{{32,}}"),
    # npm: "About access tokens".
    ("npm_", r"npm_[A-Za-z0-9]{36,}"),
    # GitLab: "GitLab token overview", section "Token prefixes".
    *((f"gl{kind}-", rf"gl{kind}-[\w.-]{{20,}}") for kind in ("pat", "oas", "dt", "rt", "cbt", "ptt", "ft", "soat")),
    # Slack: "Token types".
    ("xox", r"xox[a-z]-[\w-]{10,}"),
    ("xapp-", r"xapp-[\w-]{10,}"),
    # AWS: "IAM identifiers", the unique ID prefixes of access keys.
    *((kind, rf"{_START}{kind}[A-Z0-9]{{16}}") for kind in ("AKIA", "ASIA")),
    # JSON Web Token (RFC 7519): two JSON objects in base64 that begin with `{"`, and a signature.
    ("eyJ", r"eyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*"),
    # Private keys (RFC 7468); a JSON string contains the line breaks as `\n`.
    ("-----BEGIN", rf"{_PEM_BEGIN}[^<]*?(?:{_PEM_END}|(?=<)|\Z)"),
    # HTTP authentication (RFC 9110, section 11.6.2).
    (
        ":",
        r"([Aa](?i:uthorization)[\"']?\s*:\s*[\"']?)(?:(?i:basic|bearer|token|digest)\s+[^\s\"'<>,]+|[^\s\"'<>,]{16,})",
    ),
    ("earer", r"((?i:bearer)\s+)[\w.~+/-]{16,}=*"),
    # The user information of a URL (RFC 3986, section 3.2.1). A user name without a password is shown for ssh only,
    # where it is not a secret. In a password, some people type a slash.
    ("@", rf"(://)(?<!ssh://){_AUTHORITY}{{1,2000}}(?=@)"),
    ("@", rf"(://)[^\s\"'<>/:@\[]{{0,200}}:(?!\d*/){_WORD}{{1,2000}}(?=@)"),
    # The form `user:password@host:path` of git; not a container image with a digest.
    ("@", rf"(?<![^\s\"'<>(=,`])[^\s\"'<>(=,`/:@]+:(?!//){_AUTHORITY}{{1,2000}}(?=@(?!sha\d+:)[\w.-]+:)"),
    # Parameters of a query or a fragment.
    (
        "=",
        rf"([?&#;]{_NAME}?(?i:token|secret|passw|pwd|key|sig|auth|credential|jwt){_NAME}=)[^\s\"'<>&#;`]*[^\s\"'<>&#;`).,:]",
    ),
)


def plain(text: str) -> str:
    """Return a text without terminal escape codes."""
    return _ESCAPES.sub("", text)


def mask(text: str) -> str:
    """Return a text without escape codes, and with `***` instead of each secret."""
    return _masks(_credentials())(text)


def machine_free(*roots: Path, markup: bool = False) -> Translate:
    """Return a function that masks secrets and removes escape codes and machine paths from text, or from HTML.

    It replaces the roots with `.` (a rehearsal has two: its own, and the checkout it was created from), the home
    directory with `~`, the directory for temporary files with `<tmp>`, the virtual environment with `<env>`, and its
    base Python with `<python>`. `markup` selects HTML. The secrets are those of the current environment.
    """
    masked, free = _masks(_credentials()), _path_remover(*roots, markup=markup)
    return lambda text: free(masked(text))


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a predicate for names that match one of the patterns (`fnmatch`, without case).

    It keeps its results, because all variables of the environment are matched for each text that is cleaned.
    """
    import fnmatch

    expression = re.compile("|".join(fnmatch.translate(pattern.upper()) for pattern in patterns))
    return cache(lambda name: expression.match(name.upper()) is not None)


def for_lines(translate: Translate) -> Translate:
    """Return a function that also masks a private key if it is called with one line of the key after the other."""
    remaining = 0

    def line(text: str) -> str:
        nonlocal remaining
        begins, ends = (re.search(mark, plain(text)) is not None for mark in (_PEM_BEGIN, _PEM_END))
        if remaining:
            remaining = 0 if ends else remaining - 1
            return MASK
        if begins and not ends:
            remaining = _LONGEST_KEY
        return translate(text)

    return line


def each_string(value: Any, translate: Translate) -> Any:
    """Apply a function to all strings in a JSON value, except keys."""
    if isinstance(value, str):
        return translate(value)
    if isinstance(value, list):
        return [each_string(item, translate) for item in value]
    if isinstance(value, dict):
        return type(value)({key: each_string(item, translate) for key, item in value.items()})
    return value


def _credentials() -> frozenset[str]:
    """Return the secrets in the environment: each line of a value, because output is masked line by line."""
    is_credential = _credential_names()
    values = (value for name, value in os.environ.items() if is_credential(name))
    lines = {line.strip() for value in values for line in value.splitlines()}
    return frozenset(line for line in lines if len(line) >= _SHORTEST and not _is_harmless(line))


@cache
def _credential_names() -> Callable[[str], bool]:
    return matcher(CREDENTIALS)


def _is_harmless(value: str) -> bool:
    return value.lower() in _COMMON or os.path.exists(value)  # noqa: PTH110 - the method raises for a long value


def _masked(match: re.Match[str]) -> str:
    return f"{match[1] if match.lastindex else ''}{MASK}"


@cache
def _masks(values: frozenset[str]) -> Translate:
    """Return a function that masks these values, also in the spellings of URLs, HTML and base64, and all tokens."""
    import base64
    import html
    import urllib.parse

    spellings = set()
    for value in values:
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        quoted = {urllib.parse.quote(value), urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)}
        spellings |= {value, html.escape(value), encoded, encoded.translate({43: "-", 47: "_"}), *quoted}
    longest_first = sorted(spellings, key=len, reverse=True)

    def translate(text: str) -> str:
        text = plain(text)
        for spelling in longest_first:
            text = text.replace(spelling, MASK)
        for marker, expression in _FORMATS:
            if marker in text:
                text = re.sub(expression, _masked, text)  # compiled once, when it is needed
        return text

    return translate


@cache
def _path_remover(*roots: Path, markup: bool) -> Translate:
    import html
    import tempfile
    import urllib.parse

    names = {tempfile.gettempdir(): "<tmp>", sys.prefix: "<env>", str(Path.home()): "~"}
    if sys.base_prefix not in {"/usr", "/usr/local"}:  # these are the same on most machines
        names.setdefault(sys.base_prefix, "<python>")
    names |= {str(root): "." for root in roots}
    replacements: dict[str, str] = {}
    for path, name in names.items():
        for real in (path, os.path.realpath(path)):
            for spelling in (real, html.escape(real), urllib.parse.quote(real)):
                if len(spelling) > 1:
                    replacements[spelling] = html.escape(name) if markup else name
    longest_first = "|".join(re.escape(path) for path in sorted(replacements, key=len, reverse=True))
    # Do not match inside another path (`/srv/tmp`, `/tmpfs`), but after a flag such as `-I`.
    pattern = re.compile(rf"(?:(?<![\w.~-])|(?<=\s-[A-Za-z]))(?:{longest_first})(?![\w-])")
    return lambda text: pattern.sub(lambda match: replacements[match[0]], text)
