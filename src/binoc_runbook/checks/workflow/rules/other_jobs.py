"""Rules about the commands of all jobs, and of the recipes and scripts that they call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.workflow.commands import commands, published_by
from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.checks.workflow.scripts import scripts
from binoc_runbook.policy import Policy

_WORD = r"""["'\s,\[\]()]+"""
_PUBLICATION = re.compile(
    rf"\b(?:uv|twine|cargo|maturin|hatch|flit|poetry|pdm|npm|pnpm|yarn){_WORD}(?:[+-]\S+{_WORD})*(?:publish|upload)\b"
    rf"|\bgh{_WORD}release{_WORD}(?:create|upload|edit|delete)"
    rf"|\bgh{_WORD}api\b.*\s(?:-X|--method|-f|-F|--field|--raw-field|--input)\b"
    r"|\bcurl\b.*\s(?:-[a-zA-Z]*[TFdX]|--upload-file|--form\S*|--data\S*|--json|--request)\b"
)
_NOT_A_PUBLICATION = re.compile(r"--dry-run|^\s*(?:#|//)", re.MULTILINE)


def other_jobs_do_not_publish(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A publication outside the jobs of the contract is neither verified nor reviewed, and needs a stored token."""
    reported = {job.id for job, _, _ in workflow.entries(policy)} | {job.id for job in workflow.publishing(policy)}
    own = set(map(id, workflow.jobs))  # the rule `elsewhere` reports other files
    for job, script, where, text in scripts(workflow):
        if id(job) in own and (where or job.id not in reported) and (command := _publication(text)):
            inside = f", in {where}" if where else ""
            saw = f"`{job.id}` runs `{command}`{inside}"
            yield script.place, saw, "delete it: only the publish jobs publish, and only `github-release` writes"


def _publication(text: str) -> str:
    for line in text.replace("\\\n", " ").splitlines():
        if not _NOT_A_PUBLICATION.search(line):
            if match := _PUBLICATION.search(line):
                return match[0].strip()
            for words in commands(line) if "publish" in line or "upload" in line else ():
                if published_by(words):
                    return " ".join(words)
    return ""


_STEALTHY = re.compile(r"GITHUB_(?:ENV|PATH)|BASH_ENV|ACTIONS_(?:RUNTIME|ID_TOKEN|CACHE|RESULTS)\w*")


#: Variables with which a program runs other code, or gets it from elsewhere.
_UNSAFE = re.compile(
    r"(?:PYTHON(?!UTF8|UNBUFFERED|DONTWRITEBYTECODE|HASHSEED).*|LD_.*|DYLD_.*|BASH_ENV|ENV|SHELLOPTS|BASHOPTS|IFS|PS4|PATH"
    r"|HOME|TMPDIR|SHELL|EDITOR|PAGER|.*_PAGER|.*_?INDEX(?:_.*)?|.*_INDEX_URL|PIP_.*|PIPX_.*|UV_.*|TWINE_.*"
    r"|CARGO(?!_TERM_.*|_INCREMENTAL|_NET_RETRY|_REGISTRY_TOKEN)(?:_.*)?|RUSTC.*|RUSTDOC.*|RUSTFLAGS"
    r"|RUSTUP_(?!TOOLCHAIN).*|NODE_.*|NPM_.*|GIT_.*|GH_(?:HOST|CONFIG_DIR)|PERL.*|RUBY.*|JAVA_.*|.*_JAVA_OPTIONS|CC|CXX|AR|LD"
    r"|CFLAGS.*|CXXFLAGS.*|LDFLAGS.*|MATURIN_.*|ACTIONS_.*|GITHUB_(?!TOKEN).*|RUNNER_.*|.*_PROXY|.*_proxy|SSL_.*"
    r"|REQUESTS_.*|CURL_.*|OPENSSL_.*|JUST_.*|XDG_.*)"
)


def environment_is_not_changed(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Later steps would run other programs, or the same programs with other code, as at tj-actions in 2025."""
    for job, script, where, text in scripts(workflow):
        if match := _STEALTHY.search(text):
            inside = f" in {where}" if where else ""
            yield (
                script.place,
                f"`{job.id}` uses `{match[0]}`{inside}",
                "delete it, and set the value in the step that needs it",
            )
    nodes = [
        ("the workflow", workflow.root.items("env")),
        *((f"`{job.id}`", job.variables) for job in workflow.all_jobs),
    ]
    for who, variables in nodes:
        for key, _ in variables:
            if _UNSAFE.fullmatch(key.text):
                yield key.place, f"{who} sets `{key.text}`, which changes what programs run", f"delete `{key.text}`"
