"""Rules about credentials: none is stored, and none stays in a checkout."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.workflow.commands import PUBLISHING_ACTIONS
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy


def no_secret_is_read(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A stored credential can be stolen and used by others, as at lottie-player in 2024."""
    for root in (workflow.root, *(called.root for called in workflow.called)):
        for key, node in root.walk():
            if (expression := _reads_a_secret(key, node)) is not None:
                edit = "delete it: a publish job needs only its identity token"
                yield node.place, f"`{key}` reads the secret `{expression.strip()}`", edit


def _reads_a_secret(key: str, node: Node) -> str | None:
    expressions: list[str] = re.findall(r"\$\{\{(.*?)\}\}", node.text, re.DOTALL)
    for expression in expressions or ([node.text] if key == "if" else []):
        names = re.sub("'[^']*'", "", expression)
        if re.search(r"(?<![\w.-])secrets(?![\w-])", names, re.IGNORECASE):
            return expression
    return None


_CREDENTIAL = re.compile(r"(?:^|_)(?:TOKEN|PASSWORD|PASSWD|PASS|SECRET|API_?KEY|CREDENTIALS?|PRIVATE_KEY)$", re.I)
_INPUTS = ("password", "token", "api-token", "api_token")
_FLAGS = ("--token", "--password")
#: Prefixes of the tokens of registries and of GitHub.
_TOKEN = re.compile(r"pypi-AgE|cio[A-Za-z0-9]{32}|gh[pousr]_|github_pat_")


def no_credential_is_stored(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A stored credential can be stolen, as by GhostAction in 2025."""
    edit = "delete it: a publish job gets a credential from the registry for its identity token"
    for name, node in _named(workflow.root.items("env")):
        if not _is_minted(node, None):
            yield node.place, f"`{name}` gives all jobs a credential", edit
    for job in workflow.all_jobs:
        for name, node in [*_named(job.variables), *job.inputs(PUBLISHING_ACTIONS, *_INPUTS)]:
            if not _is_minted(node, job):
                yield node.place, f"`{name}` gives `{job.id}` a credential that no action of this job created", edit
        for script, words in job.commands:
            flags = (*_FLAGS, "-p") if "twine" in words else _FLAGS
            flag = next((flag for word in words if (flag := word.partition("=")[0]) in flags), None)
            if flag and not _reads_a_secret("", script):
                yield script.place, f"a command of `{job.id}` gets a credential with `{flag}`", edit


def _named(variables: list[tuple[Node, Node]]) -> Iterator[tuple[str, Node]]:
    for key, value in variables:
        if _CREDENTIAL.search(key.text) or _TOKEN.match(value.text):
            yield key.text, value


def _is_minted(node: Node, job: Job | None) -> bool:
    """Return whether a credential is empty, created by an action of the same job, or reported by another rule."""
    if not node.text or _reads_a_secret("", node) or re.fullmatch(r"\$\{\{\s*github\.token\s*\}\}", node.text):
        return True
    output = re.fullmatch(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.[\w-]+\s*\}\}", node.text)
    if output is None or job is None:
        return False
    return not any(step.text_at("id") == output[1] and step.get("run") for step in job.steps)


def checkouts_keep_no_token(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Later steps could use the token, and an upload could contain it."""
    for job, step in workflow.steps:
        value = step.get("with", "persist-credentials")
        if action_of(step) == "actions/checkout" and (value is None or value.text.lower() != "false"):
            saw = f"the checkout of `{job.id}` stores its token in `.git/config`"
            yield (value or step.get("uses") or step).place, saw, "write `with: {persist-credentials: false}`"
