"""Environment variables: those of the library, and those that the test command does not get."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from binoc_runbook.redaction import CREDENTIALS, matcher

#: Set by a rehearsal for the commands of a workflow. A real workflow must not set it.
REHEARSAL = "BINOC_RUNBOOK_REHEARSAL"
#: Set by a rehearsal for the wrapper `just` in its clones.
ENVIRONMENT = "BINOC_ENVIRONMENT"
#: Set by the stage `tests` for the test command and its child processes.
TESTING = "BINOC_RUNBOOK_TESTING"
#: Set by the papermill engine for the kernel.
OUTPUT = "BINOC_RUNBOOK_OUTPUT"

#: The meaning of each variable.
VARIABLES: dict[str, str] = {
    REHEARSAL: "set in rehearsals of a workflow: only wheels for this host are expected, and registries need no time",
    ENVIRONMENT: "the environment for `just` in the clones of a rehearsal, so that they need no network",
    TESTING: "the version whose test command is running; a release inside it does not run the tests again",
    OUTPUT: "the path of the record of a kernel, relative to the root, or `-`",
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


def is_hidden(more: Iterable[str] = ()) -> Callable[[str], bool]:
    """Return a predicate for the names that the test command does not get; `more` are other patterns."""
    return matcher([*HIDDEN, *more])


def is_rehearsed() -> bool:
    """Return whether this process is part of a rehearsal of a workflow."""
    return bool(os.environ.get(REHEARSAL))
