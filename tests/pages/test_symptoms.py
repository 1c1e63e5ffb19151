"""Symptoms of a broken release: each is caused, printed as its heading quotes it, and fixed by the commands below.

A heading quotes a message, so that users find it when they search for the message.
"""

from __future__ import annotations

import re

import pytest

from binoc_runbook.rehearsal.servers.server import Response

from .reading import ROOT, on, text_of
from .stories import runs_in_story, story_of

pytestmark = pytest.mark.rehearsal

PAGE = "docs/how-to/finish-a-broken-release.md"
HEADINGS = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", text_of(ROOT / PAGE)))


def unfinished(here):
    here.run("git switch -q -c theirs && echo theirs > README.md && git commit -qam Theirs && git switch -q main")
    here.run("echo ours > README.md && git commit -qam Ours && git merge theirs", code=1)


def overtaken(here):
    here.run(f"git clone -q {here.remote} ../other && cd ../other")
    here.run("git commit -q --allow-empty -m Theirs && git push -q && cd ../binoc")


def tagged(here):
    here.run(here.current("git commit -q --allow-empty -m Other && git tag -a -m x v0.5.0"))
    here.run("git reset -q --keep HEAD~1 && git commit -q --allow-empty -m Ours")


def taken(here):
    tagged(here)
    here.run(here.current("git push -q origin v0.5.0 && git tag -d v0.5.0"))


def untaken(here):
    """Tag the remote, and let this clone have another tag of that name."""
    here.run(here.current("git tag -a -m x v0.5.0 && git push -q origin v0.5.0 && git tag -f v0.5.0 HEAD"))


def wrapped(here):
    """Put a wrapper of git on PATH that pushes all tags."""
    here.run("git tag -a -m x v0.1.0 HEAD~1 && mkdir ../wrapper")
    here.run(
        """printf '#!/bin/sh\\ncase "$*" in *" push "*) set -- "$@" --tags;; esac\\nexec %s "$@"\\n' """
        """"$(command -v git)" > ../wrapper/git && chmod +x ../wrapper/git"""
    )
    here.environment["PATH"] = f"{here.directory.parent}/wrapper:{here.environment['PATH']}"


def unsigned(here):
    here.run("git config tag.gpgSign true && git config gpg.program false && binoc-runbook trust")


def released(here):
    here.run(here.current("binoc-runbook set-version 0.5.0 && git commit -qam Version"))
    here.run(here.current("git tag -a -m x v0.5.0 && git push -q origin main v0.5.0"))
    here.run("echo more >> README.md && git commit -qam More")


def published(here):
    here.registries.versions = {"binoc-sdk": [here.current("0.5.0")]}


def unregistered(here):
    here.registries.response = Response.text(503, "unavailable")


def without_crates(here):
    here.environment["CARGO_HOME"] = str(here.directory.parent / "no-crates")


#: The cause of the symptom of each heading: a shell line, or a function.
CAUSES = {
    '"changed since the commit", "HEAD is detached" or "releases are made from"': (
        "echo changed >> README.md && git switch -q --detach"
    ),
    '"a … is in progress"': unfinished,
    '"not tracked"': "echo new > new.txt",
    '"hidden from git status", or "which git status does not report"': (
        "git update-index --assume-unchanged README.md && echo changed >> README.md"
    ),
    '"missing in this checkout"': "git sparse-checkout set --no-cone '/*' '!/docs/tutorial/'",
    '"selects a program, which was not started"': "git config core.hooksPath hooks",
    '"used by the release, but not in the commit"': (
        "git rm -q --cached CHANGELOG.md && echo CHANGELOG.md >> .gitignore && git commit -qam Ignore"
    ),
    '"does not agree with the manifests"': "sed -i.before '/^ \"binoc-sdk\",$/d' Cargo.lock",
    '"could not check that it agrees with the manifests"': without_crates,
    '"cannot be published: …"': (
        "printf '[target.test.dependencies]\\nbinoc-core.path = \"../binoc-core\"\\n' >> crates/binoc-sdk/Cargo.toml"
    ),
    '"the clone is shallow"': 'cd .. && git clone -q --depth 1 "file://$REMOTE" shallow && cd shallow',
    '"can be published to …, and the policy does not declare it"': (
        "sed -i.before '/^publish = false/d' crates/binoc-core/Cargo.toml"
    ),
    '"should be … in … spelling", "has no section with the heading" or "the section … is empty"': "true",
    '"was killed and left this file"': "echo half > .Cargo.toml.set-version",
    '"is already released", and commits "are not in it"': released,
    '"so GitHub would start no workflow for the tag"': "git commit -q --allow-empty -m 'Docs [skip ci]'",
    "A finding of `workflow`": 'sed -i.before \'s/"v\\*"/"release"/\' .github/workflows/publish.yml',
    '"the branch has new commits", or "has diverged"': overtaken,
    '"and not the annotated tag of …", on the remote': taken,
    '"has no tag of this name": a wrong tag in this clone': tagged,
    '"has the right tag", or "is another tag object"': untaken,
    '"writes to … URLs, and a release checks one"': 'git remote set-url --add origin "$REMOTE.mirror"',
    '"replaces a program of git"': "git config remote.origin.receivepack git-receive-pack && binoc-runbook trust",
    '"would also publish …, which the plan does not name"': wrapped,
    '"could not be reached"': 'mv "$REMOTE" "$REMOTE.away"',
    '"already published"': published,
    '"it is unknown whether … is already published"': unregistered,
    '"this clone cannot push to"': "git config remote.origin.receivepack false && binoc-runbook trust",
    '"signing without a prompt failed", or "git has no name and address"': unsigned,
}
#: Work that the page leaves to its reader, before one of its commands.
READER = {
    '"could not be reached"': ("git ls-remote origin", 'mv "$REMOTE.away" "$REMOTE"'),
    '"would also publish …, which the plan does not name"': (
        r"git config --show-origin --get-regexp '^(push|remote|url)\.'",
        "rm -r ../wrapper",
    ),
    # The first pull follows the merge; the second procedure is for a squashed pull request.
    '"nothing was tagged": the branch was refused': ("git fetch", overtaken),
}


def printed_quotes(heading: str, output: str) -> list[str]:
    """Return the quotes of a heading that are in the output, as regular expressions."""
    quotes = re.findall('"([^"]+)"', heading)
    patterns = [".*".join(map(re.escape, quote.split("…"))) for quote in quotes]
    return [pattern for pattern in patterns if re.search(pattern, output)]


@pytest.mark.parametrize("heading", CAUSES)
def test_symptom_before_the_point_of_no_return_is_fixed_by_the_documented_commands(heading, maintainer):
    here, cause, commands = maintainer, CAUSES[heading], [item for item in on(PAGE) if item.heading == heading]
    here.environment["REMOTE"] = str(here.remote)
    here.run(cause) if isinstance(cause, str) else cause(here)
    output = here.run(here.current("./just check 0.5.0"), code=None)
    symptoms = printed_quotes(heading, output) or re.findall(r"(?m)^ +✗ failed  \.github/.+", output)
    assert symptoms, output
    if commands:
        command, work = READER.get(heading, ("", ""))
        here.follow(commands, {command: lambda: here.run(work)} if command else {})
        version = "0.5.1" if any("0.5.1" in item.line for item in commands) else "0.5.0"
        output = here.run(here.current(f"./just check {version}"), code=None)
        assert [symptom for symptom in symptoms if re.search(symptom, output)] == [], output


@story_of(PAGE)
@pytest.mark.parametrize("heading", sorted({item.heading for item in on(PAGE) if runs_in_story(item)} - CAUSES.keys()))
def test_commands_below_other_symptoms_run(heading, maintainer):
    command, work = READER.get(heading, ("", None))
    maintainer.follow(
        [item for item in on(PAGE) if item.heading == heading],
        {command: lambda: work(maintainer)} if work else {},
        codes={"./just check 0.5.0": 1},  # the version is not prepared
    )


def test_every_symptom_that_a_check_prints_has_a_cause():
    first_public = next(number for number, heading in enumerate(HEADINGS) if heading.startswith("Between"))
    first_local = next(number for number, heading in enumerate(HEADINGS, 1) if heading.startswith("Before the point"))
    early = [heading for heading in HEADINGS[first_local:first_public] if not heading.endswith("a test failed")]
    assert [heading for heading in early if heading not in CAUSES and '"is not a version' not in heading] == []
    assert [heading for heading in CAUSES if heading not in HEADINGS] == []
