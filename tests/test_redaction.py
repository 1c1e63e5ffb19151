"""Secrets and machine paths are removed from text; everything else stays."""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path

import pytest

from binoc_runbook.environ import HIDDEN, is_hidden, is_inherited, without_user_info
from binoc_runbook.redaction import CREDENTIALS, MASK, for_lines, machine_free, mask

LETTERS = "AbC1dE2fG3hI4jK5lM6nO7pQ8rS9tU0vWxYz"

#: Examples of each format, put together so that scanners do not report this file.
TOKENS = [
    *(f"gh{kind}_{LETTERS}" for kind in "pousr"),
    f"ghs_{LETTERS}.{LETTERS}-{LETTERS}_{LETTERS}",
    f"github_pat_{LETTERS[:22]}_{LETTERS}{LETTERS[:23]}",
    f"pypi-AgEIcHlwaS5vcmc{LETTERS}-_{LETTERS}",
    f"pypi-AgENdGVzdC5weXBpLm9yZw{LETTERS}{LETTERS}",
    f"cio{LETTERS[:32]}",
    f"cio_tp_{LETTERS[:32]}",
    f"npm_{LETTERS}",
    f"glpat-{LETTERS[:20]}",
    f"xoxb-123456789012-{LETTERS}",
    "AKIA" + "IOSFODNN7EXAMPLE",
    f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}",
]

BLOCK = [
    "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
    *("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz",) * 3,
    "-----END OPENSSH PRIVATE " + "KEY-----",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("context", ["{}", "a {}, b", "TOKEN={}", '{{"token": "{}"}}', "10%\r{}", "%3D{}%26"])
def test_token_in_a_known_format_is_masked(token, context):
    assert token not in mask(context.format(token))
    assert MASK in mask(context.format(token))


@pytest.mark.parametrize("token", TOKENS)
def test_escape_codes_in_a_token_do_not_matter(token):
    assert mask(f"a \x1b[31m{token[:9]}\x1b[0;1m{token[9:]}\x1b[m b") == f"a {MASK} b"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://rosa:pw@host/x", "https://***@host/x"),
        ("https://rosa:p@w@host/x", "https://***@host/x"),
        ("https://rosa:p/w@host/x", "https://***@host/x"),
        ("https://tok@host/x.git", "https://***@host/x.git"),
        ("http://:pw@[::1]:80/x", "http://***@[::1]:80/x"),
        ("ssh://git:pw@host:22/x", "ssh://***@host:22/x"),
        ("fatal: unable to connect to git://rosa@host/x:", "fatal: unable to connect to git://***@host/x:"),
        ("git+https://tok@host/x", "git+https://***@host/x"),
        ("rosa:pw@host:path/x", "***@host:path/x"),
        ("rosa:pw@host: Permission denied", "***@host: Permission denied"),
        ("`https://host/x?token=abc`", "`https://host/x?token=***`"),
        ("(https://host/x?token=abc): b", "(https://host/x?token=***): b"),
        ("https://host/x?a=1&private_token=abc&b=2", "https://host/x?a=1&private_token=***&b=2"),
        ("https://host/x?X-Amz-Signature=abc&sig=d#access_token=e", "https://host/x?X-Amz-Signature=***&sig=***#access_token=***"),
        ("<a href='https://host/?a=1&amp;key=b'>", "<a href='https://host/?a=1&amp;key=***'>"),
        ("> Authorization: Bearer abc", "> Authorization: ***"),
        ("authorization: basic cm9zYTpwdw==", "authorization: ***"),
        ("{'Authorization': 'token abc'}", "{'Authorization': '***'}"),
        (f"authorization: {LETTERS}", "authorization: ***"),
        (f"Bearer {LETTERS}", "Bearer ***"),
        ("\n".join(["a", *BLOCK, "b"]), "a\n***\nb"),
        (f'"{BLOCK[0]}\\nabc\\n{BLOCK[-1]}\\n"', '"***\\n"'),
        (f"<pre>{BLOCK[0]}\nabc</pre>", "<pre>***</pre>"),
    ],
)  # fmt: skip
def test_credentials_are_masked_and_the_rest_stays(text, masked):
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:owner/name",
        "ssh://git@host:22/owner/name.git",
        "git+ssh://git@host/x",
        "https://github.com/owner/name?tab=readme#usage",
        "http://127.0.0.1:8000/simple/x@y",
        "registry+https://github.com/rust-lang/crates.io-index#serde@1.0.0",
        "path+file:///x/y#name@0.4.0",
        "python:3.12@sha256:0123456789abcdef",
        "the tagger is Rosa <rosa@example.org>: ok",
        "uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7",
        "refs/heads/main:refs/heads/main",
        "`CARGO_REGISTRY_TOKEN` reads the secret `secrets.CRATES_TOKEN`",
        "bearer authentication: use a token",
        "-----BEGIN PUBLIC KEY-----",
        "a" * 64,
        "ghp_short",
    ],
)
def test_other_text_is_not_changed(text):
    assert mask(text) == text


@pytest.mark.parametrize(
    "name", ["DEPLOY_TOKEN", "deploy_token", "PGPASSWORD", "MY_API_KEY", "X_SECRET_Y", "SMTP_PASS"]
)
def test_value_of_a_credential_is_masked_in_all_spellings(monkeypatch, name):
    value = "correct horse/battery+staple&<é>"
    monkeypatch.setenv(name, value)
    encoded = base64.b64encode(value.encode()).decode()
    for spelling in (value, urllib.parse.quote(value), urllib.parse.quote(value, safe=""), encoded):
        assert mask(f"x{spelling}y") in ("x***y", "x***==y", "x***=y")
    assert "horse" not in machine_free(markup=True)("<pre>correct horse/battery+staple&amp;&lt;é&gt;</pre>")


def test_each_line_of_a_credential_is_masked(monkeypatch):
    monkeypatch.setenv("DEPLOY_SECRET", "first part\nsecond part\n")
    assert mask("a first part, b") == "a ***, b"
    assert mask("second part") == "***"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEPLOY_TOKEN", "1234567"),
        ("DEPLOY_TOKEN", "disabled"),
        ("DEPLOY_KEY", "/usr/bin/env"),
        ("DEPLOY_USER", "administrator"),
    ],
)
def test_short_and_common_values_and_paths_are_not_masked(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert mask(f"a {value} b") == f"a {value} b"


def test_current_environment_is_used(monkeypatch):
    assert mask("correct horse") == "correct horse"
    monkeypatch.setenv("DEPLOY_TOKEN", "correct horse")
    assert mask("correct horse") == "***"
    assert machine_free(Path("/srv/demo"))("/srv/demo: correct horse") == ".: ***"


def test_private_key_is_masked_line_by_line():
    clean = for_lines(mask)
    assert [clean(line) for line in ["a", *BLOCK, "b"]] == ["a", *["***"] * len(BLOCK), "b"]
    assert clean(" ".join(BLOCK)) == "***"
    assert clean("b") == "b"


def test_private_key_without_an_end_does_not_mask_the_rest_of_a_log():
    clean = for_lines(mask)
    lines = [clean(line) for line in [BLOCK[0], *map(str, range(1000))]]
    assert lines[100] == "***"
    assert lines[-1] == "999"


@pytest.mark.parametrize(
    "text", ["://a:" * 20_000 + "@", "a:" * 50_000 + "@", "?token" * 10_000 + "=", "eyJaaaaaa." * 5_000]
)
def test_long_text_is_masked_in_a_short_time(text):
    assert mask(text)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "GITHUB_TOKEN",
            "gh_token",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "MATURIN_PYPI_TOKEN",
        ),
        *("TWINE_USERNAME", "AWS_PROFILE", "UV_PUBLISH_URL", "DATABASE_PASSWORD", "SERVICE_API_KEY"),
    ],
)
def test_variable_for_credentials_or_publishing_is_hidden(name):
    assert is_hidden()(name)


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "SSH_AUTH_SOCK", "CARGO_HOME", "RUSTUP_HOME", "VIRTUAL_ENV", "KEYBOARD"]
)
def test_other_variable_is_not_hidden(name):
    assert not is_hidden()(name)
    assert is_hidden([f"{name[:3]}*"])(name)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "LC_ALL", "SystemRoot", "ProgramFiles(x86)", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "PIP_CERT"),
        *("CARGO_HTTP_CAINFO", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "CARGO_REGISTRIES_OWN_INDEX", "RUSTUP_HOME"),
        *("CARGO_HOME", "CARGO_TARGET_DIR", "SOURCE_DATE_EPOCH", "PYENV_ROOT", "CI"),
    ],
)
def test_variable_is_inherited_by_jobs(name):
    assert is_inherited()(name)


@pytest.mark.parametrize(
    "name",
    [
        *("SERVICE_API_KEY", "NPM_AUTH", "SSH_AUTH_SOCK", "LD_PRELOAD", "GITHUB_TOKEN", "PYTHONPATH", "BASH_ENV"),
        *("RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_REGISTRIES_OWN_TOKEN", "UV_PUBLISH_URL", "UV_INDEX_OWN_PASSWORD"),
        *("AWS_PROFILE", "GIT_DIR", "PIP_CONSTRAINT", "DYLD_INSERT_LIBRARIES", "XPATH"),
    ],
)
def test_variable_is_not_inherited_by_jobs(name):
    assert not is_inherited()(name)


@pytest.mark.parametrize(
    ("name", "value", "cleaned"),
    [
        ("PIP_INDEX_URL", "https://rosa:secret@host.example/simple", "https://host.example/simple"),
        ("PIP_INDEX_URL", "https://rosa:sec/ret@host.example/simple", "https://host.example/simple"),
        ("UV_INDEX", "one=https://secret@a/x two=https://b:1/@scope", "one=https://a/x two=https://b:1/@scope"),
        ("https_proxy", "rosa:secret@proxy.example:3128", "proxy.example:3128"),
        ("ALL_PROXY", "socks5h://rosa:secret@proxy.example:1080", "socks5h://proxy.example:1080"),
    ],
)
def test_user_info_is_removed_from_an_inherited_variable(name, value, cleaned):
    given = {name: value, "HTTP_PROXY": "http://proxy.example:3128", "OTHER": "https://rosa:secret@host.example"}
    assert without_user_info(given) == {name: cleaned}


def test_all_credentials_are_hidden():
    assert list(HIDDEN)[: len(CREDENTIALS)] == list(CREDENTIALS)
