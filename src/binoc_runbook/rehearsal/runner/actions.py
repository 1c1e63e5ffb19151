"""Implementations of the supported actions, by name.

The real actions need GitHub's runner. These are written from their descriptions, as far as publish workflows need them.
An input that is not listed here is rejected before a job runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from binoc_runbook.rehearsal.runner.build_provenance import attest
from binoc_runbook.rehearsal.runner.job_context import JobContext
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError, matching_files
from binoc_runbook.rehearsal.servers import crates_token
from binoc_runbook.world.processes import Processes


@dataclass
class ActionContext:
    """The job, directory and processes that an action uses; the environment of `processes` can contain secrets.

    `show` prints a line of the step. `at_end` is closed when the job ends, even if it failed. `token` is the token of
    the job for GitHub's API, a secret.
    """

    job: JobContext = field(repr=False)
    workspace: Path
    processes: Processes = field(repr=False)
    show: Callable[[str], None]
    at_end: ExitStack
    token: str = field(default="", repr=False)

    def run_command(self, *command: str) -> str:
        """Run a short command in the workspace and return its output.

        Raises:
            StepError: The command failed.
        """
        done = self.processes.run(command)
        if done.returncode != 0:
            raise StepError(f"`{' '.join(command[:2])}` failed: {done.reason}")
        return done.stdout.strip()


_Inputs = Mapping[str, str]
_Run = Callable[[ActionContext, _Inputs], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Action:
    """An action: the function that runs it and returns its outputs, and its input names, separated by spaces."""

    run: _Run
    inputs: str


def check_out(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Check out the commit of the event in the workspace: shallow by default, and with the tag of a tag event."""
    context.run_command("git", "init", "--quiet")
    context.run_command("git", "remote", "add", "origin", context.job.repository.path.as_uri())
    event = context.job.run.event
    ref, sha = event.ref, event.sha
    # Fetch the tag itself, so that it stays annotated; but fetch a branch by commit, because it may have moved on.
    branch = f"refs/remotes/origin/{event.ref_name}"
    specs = [f"+{ref}:{ref}"] if event.is_tag else [f"+{sha}:{branch}"]
    is_complete = inputs.get("fetch-depth") == "0"
    if is_complete:
        specs.append("+refs/heads/*:refs/remotes/origin/*")
    if is_complete or _yes(inputs, "fetch-tags"):
        specs.append("+refs/tags/*:refs/tags/*")
    depth = [] if is_complete else [f"--depth={inputs.get('fetch-depth') or 1}"]
    context.run_command("git", "fetch", "--quiet", "--no-tags", *depth, "origin", *specs)
    target = [ref] if event.is_tag else ["-B", event.ref_name, branch]
    context.run_command("git", "-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", *target)
    context.show(f"checked out {sha} of {ref}")
    return {"ref": ref, "commit": sha}


def _set_up(program: str, requests: str, context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Print the version of the program on this host, which is used instead of the version in the input `requests`."""
    version = context.run_command(program, "--version").split()[1]
    requested = ", ".join(inputs.get(requests, "").split()) or "any version"
    context.show(f"using {program} {version} of this host; the workflow requests {requested}")
    return {f"{program}-version": version}


def upload(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Store files for later jobs."""
    name, path, run = inputs.get("name") or "artifact", inputs.get("path", ""), context.job.run
    files, root = matching_files(context.workspace, path, hidden=_yes(inputs, "include-hidden-files"))
    if files:
        run.workflow_artifacts.upload(name, files, root, run.attempt, overwrite=_yes(inputs, "overwrite"))
        if _yes(inputs, "overwrite"):
            context.job.served.delete_artifact(name)
        context.job.serve_artifact(name)
        names = ", ".join(file.relative_to(root).as_posix() for file in files)
        context.show(f"uploaded workflow artifact {name}: {names}")
        return {}
    message = f"no files match `{' '.join(path.split())}`; no workflow artifact was uploaded"
    if inputs.get("if-no-files-found") == "error":
        raise StepError(message)
    context.show(message)
    return {}


def download(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Copy files of earlier jobs into the workspace."""
    artifacts, into = context.job.run.workflow_artifacts, context.workspace / inputs.get("path", "")
    name = inputs.get("name", "")
    chosen = artifacts.choose(name, inputs.get("pattern") or "*")
    for artifact in chosen:
        target = into if name or _yes(inputs, "merge-multiple") else into / artifact
        shutil.copytree(artifacts.directory / artifact, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    context.show(f"downloaded {len(chosen)} workflow artifacts: {', '.join(chosen) or 'none match'}")
    return {"download-path": str(into)}


def authenticate_at_crates_io(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Get a publish token from the rehearsed crates.io; it is revoked when the job ends."""
    registries = context.job.host.registries
    token = crates_token.obtain(registries, context.processes.environment)
    context.job.masks.add(token)

    def revoke() -> None:
        try:
            crates_token.revoke(registries, token)
        except crates_token.TokenExchangeError as error:
            context.show(f"the token could not be revoked: {error}")
        else:
            context.show("the token was revoked")

    context.at_end.callback(revoke)
    context.show("received a publish token")
    return {"token": token}


def attest_files(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Store build provenance of files at the rehearsed GitHub; without a signature, which needs Sigstore."""
    paths = "\n".join(inputs.get("subject-path", "").split(","))
    files, _ = matching_files(context.workspace, paths, hidden=False)
    if not files:
        raise StepError(f"no files match `{inputs.get('subject-path', '')}`")
    attest(context.job, files, context.processes.environment, context.token)
    context.show(f"stored an attestation without a signature: {', '.join(file.name for file in files)}")
    return {}


def skip_attestations(context: ActionContext, inputs: _Inputs) -> Mapping[str, str]:
    """Print that the attestations of PyPI are not rehearsed."""
    context.show("skipped: attestations for PyPI need the services of Sigstore, which a rehearsal does not use")
    return {}


ACTIONS: Mapping[str, Action] = {
    "actions/checkout": Action(check_out, "fetch-depth fetch-tags persist-credentials"),
    "actions/setup-python": Action(partial(_set_up, "python", "python-version"), "python-version allow-prereleases"),
    "astral-sh/setup-uv": Action(
        partial(_set_up, "uv", "version"), "version checksum enable-cache python-version ignore-empty-workdir"
    ),
    "actions/upload-artifact": Action(
        upload, "name path if-no-files-found retention-days compression-level overwrite include-hidden-files"
    ),
    "actions/download-artifact": Action(download, "name path pattern merge-multiple"),
    "rust-lang/crates-io-auth-action": Action(authenticate_at_crates_io, ""),
    "astral-sh/attest-action": Action(skip_attestations, "paths overwrite"),
    "actions/attest": Action(attest_files, "subject-path"),
}


def _yes(inputs: _Inputs, name: str) -> bool:
    return inputs.get(name, "").strip().lower() == "true"
