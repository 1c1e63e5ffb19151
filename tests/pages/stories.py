"""Pages with a story test, which runs the commands of the page, and the commands that no story runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reading import Command

#: The pages with a story test.
STORIES: set[str] = set()


def story_of(page: str) -> Callable[[Any], Any]:
    """Mark a test as the story of a page: it runs the commands of the page in their order."""
    STORIES.add(page)
    return lambda test: test


@dataclass(frozen=True)
class NotExecuted:
    """Why no story runs a command, and the id of the test that runs it, if there is one."""

    reason: str
    test: str = ""


_MINUTES = "takes minutes"
_PUBLISHES = "publishes"
_ACCOUNT = "needs an account at GitHub or crates.io"
_NOTEBOOK = "tests/rehearsals/test_release_notebook.py::"

#: Commands that no story runs: a regular expression of the whole command, with VERSION for any version.
NOT_EXECUTED = {
    r"\./just test": NotExecuted("runs this test suite"),
    r"python3 -m venv .+|\. .+/activate|pip install --editable '\.\[edit\]'|jupyter lab .+": NotExecuted(
        "installs and starts an editor"
    ),
    r"git restore runbooks/release\.ipynb": NotExecuted("undoes what an editor has saved"),
    r"\./just docs": NotExecuted(_MINUTES, "tests/site/test_site.py::test_no_decision_of_this_project_is_violated"),
    r"\./just docs-serve": NotExecuted(
        "does not end", "tests/site/test_docs_serve.py::test_site_is_served_on_localhost_and_rebuilt_after_edits"
    ),
    r"\./just rehearse( VERSION)?": NotExecuted(
        _MINUTES, f"{_NOTEBOOK}test_rehearsal_prints_the_output_of_the_pages_and_changes_no_repository"
    ),
    r"binoc-runbook --root DIR rehearse VERSION": NotExecuted(
        _MINUTES, f"{_NOTEBOOK}test_workspace_without_a_runbook_is_rehearsed_with_ours"
    ),
    r"\./just rehearse --(fault diverged-branch|list-faults)": NotExecuted(
        "the fault catalogue has tests of its own", "tests/cli/test_fault_rehearsal.py::test_fault_is_shown_and_fixed"
    ),
    r"\./just doctor VERSION": NotExecuted(
        "queries the registries and GitHub", "tests/release/test_doctor.py::test_doctor_shows_the_state_of_a_release"
    ),
    r"\./just rehearse --fault (wrong-publisher|lost-answer)": NotExecuted(
        _MINUTES,
        "tests/rehearsals/test_faults.py::test_injected_fault_occurs_only_in_the_first_attempt",
    ),
    r"binoc-runbook --root OTHER check": NotExecuted(
        "needs a checkout of another person",
        "tests/cli/test_hostile_checkout.py::test_no_check_starts_a_program_of_the_checkout",
    ),
    r"binoc-runbook --root OTHER trust": NotExecuted(
        "needs a checkout of another person",
        "tests/world/test_trust.py::test_program_is_unknown_until_the_checkout_is_trusted",
    ),
    r"\./just release VERSION --dry-run": NotExecuted(
        _MINUTES, "tests/cli/test_cli.py::test_dry_run_of_a_release_needs_no_confirmation"
    ),
    r"\. \.venv/bin/activate": NotExecuted("a story uses the environment of the tests"),
    r"\./just release VERSION|binoc-runbook --root DIR release VERSION": NotExecuted(
        _PUBLISHES, f"{_NOTEBOOK}test_command_with_yes_performs_the_release"
    ),
    r"GH_TOKEN=\$\(gh auth token\) \./just release VERSION( --wait)?": NotExecuted(
        _ACCOUNT, f"{_NOTEBOOK}test_record_of_a_release_is_filed_although_its_workflow_run_failed"
    ),
    r"papermill runbooks/release.ipynb -p version VERSION": NotExecuted(
        _MINUTES,
        f"{_NOTEBOOK}test_short_command_with_redirected_output_prints_the_record_of_a_dry_run",
    ),
    r"(\./just with )?papermill runbooks/release.ipynb -p version VERSION -p dry_run False": NotExecuted(
        _PUBLISHES, f"{_NOTEBOOK}test_second_real_release_changes_nothing"
    ),
    r"\./just verify VERSION( --sums SHA256SUMS)?": NotExecuted(
        "needs a published version",
        "tests/rehearsals/test_verification.py::test_command_runs_the_notebook_and_prints_the_record",
    ),
    r"papermill runbooks/verify.ipynb -p version VERSION": NotExecuted(
        "needs a published version",
        "tests/rehearsals/test_verification.py::test_command_runs_the_notebook_and_prints_the_record",
    ),
    r"(GH_TOKEN=\$\(gh auth token\) )?\./just setup-check": NotExecuted(
        _ACCOUNT,
        "tests/checks/test_settings.py::test_command_fails_for_failed_settings_but_not_for_unknown_ones",
    ),
    r"cargo publish -p binoc-sdk --locked": NotExecuted(
        _PUBLISHES,
        "tests/rehearsals/test_registries.py"
        "::test_first_version_needs_a_personal_token_and_later_versions_the_workflow",
    ),
    r"pypi-attestations verify .+": NotExecuted("queries PyPI"),
    r"\./just release-notes --assets dist/SHA256SUMS": NotExecuted(
        "needs the files of a workflow run", "tests/dist/test_release_notes.py::test_files_and_outputs_are_written"
    ),
    r"git fetch --tags && git switch --detach v0\.5\.0": NotExecuted("needs a tag that the workflow has published"),
    r"gh .+|cargo (login|logout|yank .+)": NotExecuted(_ACCOUNT),
}


def matches(pattern: str, command: Command) -> bool:
    """Return whether a pattern of `NOT_EXECUTED` describes a command."""
    return re.fullmatch(pattern, re.sub(r"\b\d+\.\d+\.\d+(-\w+\.\d+)?\b", "VERSION", command.line)) is not None


def is_not_executed(command: Command) -> bool:
    """Return whether `NOT_EXECUTED` describes a command."""
    return any(matches(pattern, command) for pattern in NOT_EXECUTED)


def runs_in_story(command: Command) -> bool:
    """Return whether the story of its page runs a command."""
    return not command.is_mention and not is_not_executed(command)
