"""Environment variables: those of the library, and those that commands of the checkout get or do not get."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from binoc_runbook.redaction import CREDENTIALS, matcher

#: Set by a rehearsal for the commands of a workflow. A real workflow must not set it.
REHEARSAL = "BINOC_RUNBOOK_REHEARSAL"
#: Set by a rehearsal for the wrapper `just` in its clones.
ENVIRONMENT = "BINOC_ENVIRONMENT"
#: Set by the stage `tests` for the test command and its child processes.
TESTING = "BINOC_RUNBOOK_TESTING"
#: Set by the papermill engine for the kernel.
OUTPUT = "BINOC_RUNBOOK_OUTPUT"
#: Set by the options `-q` and `-v` for this process and the runbook that it starts; `verbosity` reads it.
VERBOSITY = "BINOC_RUNBOOK_VERBOSITY"

#: Set by the host Read the Docs for a build of the site: its address, which replaces the one of the policy.
CANONICAL_URL = "READTHEDOCS_CANONICAL_URL"

#: The meaning of each variable.
VARIABLES: dict[str, str] = {
    REHEARSAL: "set in rehearsals of a workflow: only wheels for this host are expected, and registries need no time",
    ENVIRONMENT: "the environment for `just` in the clones of a rehearsal, so that they need no network",
    TESTING: "the version whose test command is running; a release inside it does not run the tests again",
    OUTPUT: "the path of the record of a kernel, relative to the root, or `-`",
    VERBOSITY: "how much is printed: `-1` only problems and the result, `1` also findings that are ok and output lines",
}

#: Patterns of the variables that the test command does not get, and examples: all credentials, and all variables for
#: publishing and deployment. `SSH_AUTH_SOCK` is not hidden: it contains a path, and tests may clone with ssh.
HIDDEN: dict[str, str] = CREDENTIALS | {
    "TWINE_*": "`TWINE_USERNAME`, `TWINE_REPOSITORY_URL`",
    "UV_PUBLISH_*": "`UV_PUBLISH_URL`, `UV_PUBLISH_USERNAME`",
    "MATURIN_USERNAME": "the user name of `maturin upload`",
    "MATURIN_REPOSITORY*": "`MATURIN_REPOSITORY_URL`",
    "FLIT_*": "`FLIT_USERNAME`, `FLIT_INDEX_URL`",
    "HATCH_INDEX_*": "`HATCH_INDEX_USER`, `HATCH_INDEX_AUTH`",
    "POETRY_HTTP_BASIC_*": "`POETRY_HTTP_BASIC_NAME_USERNAME`",
    "AWS_*": "`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`",
    "AZURE_*": "`AZURE_CLIENT_ID`",
    "ACTIONS_RUNTIME_*": "`ACTIONS_RUNTIME_URL`",
    "DOCKER_AUTH_CONFIG": "the logins of registries for containers",
    "KUBECONFIG": "the logins of clusters",
}

#: Patterns of the only variables that jobs of a rehearsal and smoke tests inherit, by what they are for. They run code
#: of dependencies, which must not get a credential, and a variable such as `LD_PRELOAD` would change the result.
INHERITED: dict[str, tuple[str, ...]] = {
    "programs, the user and the system": (
        *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "SHELL", "XDG_*_HOME"),
        *("LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR", "TMP", "TEMP", "CI", "SOURCE_DATE_EPOCH"),
    ),
    "Windows": (
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "OS", "USERNAME", "USERPROFILE", "HOMEDRIVE"),
        *("HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "COMMONPROGRAMFILES*"),
        *("NUMBER_OF_PROCESSORS", "PROCESSOR_*"),
    ),
    "proxies": ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    "certificates": (
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO"),
        *("NODE_EXTRA_CA_CERTS", "NIX_SSL_CERT_FILE", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
    ),
    "package indexes": (
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST"),
        *("PIP_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_DISABLE_PIP_VERSION_CHECK"),
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INSECURE_HOST"),
        *("UV_NO_CONFIG", "UV_CACHE_DIR", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_OFFLINE"),
        *("CARGO_REGISTRY_DEFAULT", "CARGO_REGISTRIES_*_INDEX", "CARGO_HTTP_*", "CARGO_NET_*"),
    ),
    "Rust, Python and C compilers": (
        *("CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "CARGO_INCREMENTAL", "CARGO_TERM_COLOR"),
        *("RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUSTUP_AUTO_INSTALL", "RUSTUP_DIST_SERVER", "RUSTUP_UPDATE_ROOT"),
        *("PYENV_ROOT", "PYENV_VERSION", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE"),
        *("CC", "CXX", "AR", "CFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "SDKROOT", "DEVELOPER_DIR"),
        *("MACOSX_DEPLOYMENT_TARGET", "INCLUDE", "LIB", "LIBPATH"),
    ),
    "this library": (TESTING,),
}

# A password can contain a slash; `host:8080/` is not a password.
_USER_INFO = re.compile(r"(?<=://)(?:[^\s/]+@|[^\s/:@]*:(?!\d*/)[^\s@]+@)")


def is_inherited() -> Callable[[str], bool]:
    """Return a predicate for the names that jobs of a rehearsal and smoke tests inherit."""
    return matcher([pattern for patterns in INHERITED.values() for pattern in patterns])


def without_user_info(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the inherited variables of an environment that contain user names or passwords in URLs, without these."""
    inherited = is_inherited()
    cleaned = {name: _clean(name, value) for name, value in environment.items() if inherited(name)}
    return {name: value for name, value in cleaned.items() if value != environment[name]}


def _clean(name: str, value: str) -> str:
    cleaned = _USER_INFO.sub("", value)
    # A proxy needs no scheme.
    is_proxy = name.upper().endswith("_PROXY") and "://" not in cleaned
    return re.sub(r"^[^\s/]*@", "", cleaned) if is_proxy else cleaned


def is_hidden(more: Iterable[str] = ()) -> Callable[[str], bool]:
    """Return a predicate for the names that the test command does not get; `more` are other patterns."""
    return matcher([*HIDDEN, *more])


def is_rehearsed() -> bool:
    """Return whether this process is part of a rehearsal of a workflow."""
    return bool(os.environ.get(REHEARSAL))


def verbosity() -> int:
    """Return how much is printed: -1 for `-q`, 1 for `-v`, otherwise 0."""
    value = os.environ.get(VERBOSITY, "0")
    return max(-1, min(1, int(value))) if re.fullmatch(r"-?\d{1,3}", value) else 0


def set_verbosity(level: int) -> None:
    """Set how much this process and its child processes print."""
    os.environ[VERBOSITY] = str(level)


def set_color(when: Literal["auto", "always", "never"]) -> None:
    """Set whether this process and its child processes print colours; `auto` keeps the variables of the user.

    Source: the conventions of no-color.org and force-color.org.
    """
    if when == "auto":
        return
    chosen, other = ("FORCE_COLOR", "NO_COLOR") if when == "always" else ("NO_COLOR", "FORCE_COLOR")
    os.environ[chosen] = "1"
    os.environ.pop(other, None)
