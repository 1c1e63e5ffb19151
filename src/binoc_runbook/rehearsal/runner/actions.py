"""The actions that a rehearsal knows, by name: what each does in a job on this host.

They are programs of GitHub's runner and cannot run here. Each is done by its description, as far as the workflows
that publish need it; an input that is not listed is refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.rehearsal.registries import Registries
from binoc_runbook.rehearsal.runner.artifacts import Artifacts, NotDone
from binoc_runbook.rehearsal.runner.masks import Masks
from binoc_runbook.rehearsal.runner.report import Event
from binoc_runbook.rehearsal.servers import crates_token
from binoc_runbook.world.processes import Processes


@dataclass
class Work:
    """What an action finds in its job; `variables` may hold secrets, and `say` shows a line of the step."""

    bare: Path
    event: Event
    attempt: int
    workspace: Path
    variables: Mapping[str, str] = field(repr=False)
    processes: Processes = field(repr=False)
    registries: Registries = field(repr=False)
    artifacts: Artifacts
    masks: Masks
    say: Callable[[str], None]
    #: What is to be done when the job ends, even if it failed.
    at_end: ExitStack

    def do(self, *command: str) -> str:
        """Run a short command in the workspace; returns what it printed.

        Raises:
            NotDone: It failed.
        """
        done = self.processes.run(command)
        if done.returncode != 0:
            raise NotDone(f"`{' '.join(command[:2])}` failed: {done.reason}")
        return done.stdout.strip()


_Inputs = Mapping[str, str]
_Act = Callable[[Work, _Inputs], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Action:
    """One action: the inputs that are known of it, and what it does, which returns its outputs."""

    act: _Act
    inputs: frozenset[str]


def check_out(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """The commit of the event in the workspace, shallow unless told otherwise, with the tag if it is about one."""
    work.do("git", "init", "--quiet")
    work.do("git", "remote", "add", "origin", work.bare.as_uri())
    ref, sha = work.event.ref, work.event.sha
    # The tag itself, so that an annotated one stays so; a branch by its commit, which may not be its newest any more.
    branch = f"refs/remotes/origin/{work.event.ref_name}"
    specs = [f"+{ref}:{ref}"] if work.event.is_tag else [f"+{sha}:{branch}"]
    whole = inputs.get("fetch-depth") == "0"
    if whole:
        specs.append("+refs/heads/*:refs/remotes/origin/*")
    if whole or _yes(inputs, "fetch-tags"):
        specs = list(dict.fromkeys([*specs, "+refs/tags/*:refs/tags/*"]))
    depth = [] if whole else [f"--depth={inputs.get('fetch-depth') or 1}"]
    work.do("git", "fetch", "--quiet", "--no-tags", *depth, "origin", *specs)
    if work.event.is_tag and work.do("git", "rev-parse", f"{ref}^{{commit}}") != sha:
        raise NotDone(f"the tag `{work.event.ref_name}` was moved since the run began")
    target = [ref] if work.event.is_tag else ["-B", work.event.ref_name, branch]
    work.do("git", "-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", *target)
    work.say(f"checked out {sha} of {ref}")
    return {"ref": ref, "commit": sha}


def set_up_python(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """Nothing: the Pythons of this host serve, and which one is said."""
    version = work.do("python", "--version").removeprefix("Python ")
    asked = ", ".join(inputs.get("python-version", "").split())
    work.say(f"not installed here: Python {asked or 'of any version'}; the host's Python {version} serves")
    return {"python-version": version}


def set_up_uv(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """Nothing: the uv of this environment serves, and a difference in version is said."""
    version = work.do("uv", "--version").split()[1]
    asked = inputs.get("version", "")
    differs = f", and the workflow asks for {asked}" if asked not in ("", version) else ""
    work.say(f"not installed here: uv {version} of this environment serves{differs}")
    return {"uv-version": version}


def upload(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """Keep files for later jobs."""
    name, path = inputs.get("name") or "artifact", inputs.get("path", "")
    if_none = inputs.get("if-no-files-found") or "warn"
    if not path.strip():
        raise NotDone("`path` is missing")
    names = work.artifacts.upload(
        name,
        work.workspace,
        path,
        attempt=work.attempt,
        hidden=_yes(inputs, "include-hidden-files"),
        overwrite=_yes(inputs, "overwrite"),
    )
    if not names:
        said = f"no files were found for `{' '.join(path.split())}`, and no artifact was made"
        if if_none == "error":
            raise NotDone(said)
        work.say(said)
    else:
        work.say(f"artifact {name}: {', '.join(names)}")
    return {}


def download(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """Bring files of earlier jobs into the workspace."""
    into = work.workspace / inputs.get("path", "")
    work.artifacts.download(
        into,
        work.say,
        name=inputs.get("name", ""),
        pattern=inputs.get("pattern", ""),
        merge=_yes(inputs, "merge-multiple"),
    )
    return {"download-path": str(into)}


def authenticate_at_crates_io(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """A publish token of the rehearsed crates.io, which ends with the job."""
    try:
        token = crates_token.obtain(work.registries, work.variables)
    except crates_token.TokenExchangeError as refused:
        raise NotDone(str(refused)) from None
    work.masks.add(token)

    def revoke() -> None:
        try:
            crates_token.revoke(work.registries, token)
        except crates_token.TokenExchangeError as refused:
            work.say(f"the token could not be revoked: {refused}")
        else:
            work.say("the token was revoked")

    work.at_end.callback(revoke)
    work.say("a token for publishing was given")
    return {"token": token}


def attest(work: Work, inputs: _Inputs) -> Mapping[str, str]:
    """Nothing, and that is said: what signs and records an attestation is not on loopback."""
    work.say("not rehearsed: attestations are signed and recorded by Sigstore's services, which are not on loopback")
    return {}


ACTIONS: Mapping[str, Action] = {
    "actions/checkout": Action(check_out, frozenset({"fetch-depth", "fetch-tags", "persist-credentials"})),
    "actions/setup-python": Action(set_up_python, frozenset({"python-version", "allow-prereleases"})),
    "astral-sh/setup-uv": Action(
        set_up_uv, frozenset({"version", "enable-cache", "python-version", "ignore-empty-workdir"})
    ),
    "actions/upload-artifact": Action(
        upload,
        frozenset(
            {
                *("name", "path", "if-no-files-found", "retention-days", "compression-level", "overwrite"),
                "include-hidden-files",
            }
        ),
    ),
    "actions/download-artifact": Action(download, frozenset({"name", "path", "pattern", "merge-multiple"})),
    "rust-lang/crates-io-auth-action": Action(authenticate_at_crates_io, frozenset()),
    "astral-sh/attest-action": Action(attest, frozenset({"paths", "overwrite"})),
    "actions/attest": Action(
        attest, frozenset({"subject-path", "subject-name", "subject-digest", "subject-checksums", "sbom-path"})
    ),
}


def _yes(inputs: _Inputs, name: str) -> bool:
    return inputs.get(name, "").strip().lower() == "true"
