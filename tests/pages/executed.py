"""Where each command of the pages is executed: by the story of its page, or elsewhere.

Whole releases and rehearsals take minutes, and what publishes is executed in a world where it publishes nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reading import ROOT, Typed

#: The pages that have a story.
TOLD: set[str] = set()


def tells(page: str) -> Callable[[Any], Any]:
    """Marks the story of a page."""
    TOLD.add(page)
    return lambda test: test


_NOTEBOOK = "tests/rehearsals/test_release_notebook.py"
_FAULTS = "tests/rehearsals/test_faults.py"


@dataclass(frozen=True)
class Place:
    """A test, or a file where there is no one test, and the words in it by which the command is executed."""

    file: str
    test: str
    words: tuple[str, ...]

    def source(self) -> str:
        """Raises: LookupError: There is no such test."""
        text = (ROOT / self.file).read_text("utf-8")
        if not self.test:
            return text
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name == self.test:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
        raise LookupError(f"{self.file} has no test `{self.test}`")


_REHEARSED = Place(
    _NOTEBOOK, "test_rehearsal_prints_the_output_of_the_pages_and_changes_no_repository", ("rehearse()",)
)
_RELEASED = Place(
    _NOTEBOOK,
    "test_command_with_yes_performs_the_release",
    ('"binoc-runbook", "release", "0.4.0"',),
)
_DRY = Place(
    _NOTEBOOK,
    "test_short_command_with_redirected_output_prints_the_record_of_a_dry_run",
    ('"papermill", "runbooks/release.ipynb", "-p", "version", "0.4.0"',),
)
_ARMED = Place(
    _NOTEBOOK,
    "test_second_real_release_changes_nothing",
    ('"papermill", "runbooks/release.ipynb"', '"-p", "dry_run", "False"'),
)
_VERIFIED = Place(
    "tests/rehearsals/test_verification.py",
    "test_command_runs_the_notebook_and_prints_the_record",
    ("RUNBOOK", '"verify", "0.4.0", "--sums"'),
)
_SET_UP = Place(
    "tests/checks/test_settings.py",
    "test_the_command_fails_where_something_failed_and_not_for_what_is_unknown",
    ("typed",),
)

#: What a whole command looks like, with VERSION for any version, and where it is executed.
ELSEWHERE = {
    r"\./just test": Place(".ci/run", "", ("./just test",)),
    r"\./just docs": Place("justfile", "", ("test: lint docs ",)),
    r"\./just docs-serve": Place(
        "tests/site/test_docs_serve.py",
        "test_the_site_is_served_on_loopback_and_follows_what_is_edited",
        ("copy, serving",),
    ),
    r"\./just rehearse( VERSION)?": _REHEARSED,
    r"\./just rehearse --fault (wrong-publisher|lost-answer)": Place(
        _FAULTS,
        "test_injected_fault_occurs_only_in_the_first_attempt",
        ("get_args(RegistryFault)",),
    ),
    r"\./just release VERSION|binoc-runbook --root DIR release VERSION": _RELEASED,
    r"papermill runbooks/release.ipynb -p version VERSION": _DRY,
    r"papermill runbooks/release.ipynb -p version VERSION -p dry_run False": _ARMED,
    r"\./just verify VERSION( --sums SHA256SUMS)?": _VERIFIED,
    r"papermill runbooks/verify.ipynb -p version VERSION": _VERIFIED,
    r"(GH_TOKEN=\$\(gh auth token\) )?\./just setup-check": _SET_UP,
    r"cargo publish -p binoc-sdk --locked": Place(
        "tests/rehearsals/test_registries.py",
        "test_first_version_needs_a_personal_token_and_later_versions_the_workflow",
        ("cargo_publish(person",),
    ),
    r"binoc-runbook --root DIR rehearse VERSION": Place(
        _NOTEBOOK,
        "test_workspace_without_a_runbook_is_rehearsed_with_ours",
        ('"rehearse", "0.4.0", "--root"',),
    ),
}


def elsewhere(typed: Typed) -> Place | None:
    line = re.sub(r"\b\d+\.\d+\.\d+(-\w+\.\d+)?\b", "VERSION", typed.line)
    return next((place for known, place in ELSEWHERE.items() if re.fullmatch(known, line)), None)


def asks_a_stranger(typed: Typed) -> bool:
    """Whether only GitHub or crates.io could answer, and only to somebody whom they know."""
    return typed.marked and re.match(r"gh |cargo log(in|out)$", typed.line) is not None


def is_typed_here(typed: Typed) -> bool:
    """Whether the story of its page types it."""
    return not typed.spoken and elsewhere(typed) is None and not asks_a_stranger(typed)
