"""Finishing a release that broke, by symptom: each is brought about, seen by the words of its heading, and mended.

A heading quotes what is printed, so that whoever searches for that finds it.
"""

from __future__ import annotations

import re

import pytest

from .executed import is_typed_here, tells
from .reading import ROOT, on, text_of

pytestmark = pytest.mark.rehearsal

PAGE = "docs/how-to/finish-a-broken-release.md"
HEADINGS = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", text_of(ROOT / PAGE)))


def unfinished(here):
    here.types("git switch -q -c theirs && echo theirs > README.md && git commit -qam Theirs && git switch -q main")
    here.types("echo ours > README.md && git commit -qam Ours && git merge theirs", ends=1)


def overtaken(here):
    here.types(f"git clone -q {here.remote} ../other && cd ../other")
    here.types("git commit -q --allow-empty -m Theirs && git push -q && cd ../binoc")


def tagged(here):
    here.types(here.now("git commit -q --allow-empty -m Other && git tag -a -m x v0.5.0"))
    here.types("git reset -q --keep HEAD~1 && git commit -q --allow-empty -m Ours")


def taken(here):
    tagged(here)
    here.types(here.now("git push -q origin v0.5.0 && git tag -d v0.5.0"))


def unsigned(here):
    here.types("git config tag.gpgSign true && git config gpg.program false")


#: What brings the symptom of a heading about: lines to type, or more than that.
CAUSES = {
    '"changed since the commit", "HEAD is detached" or "releases are made from"': (
        "echo changed >> README.md && git switch -q --detach"
    ),
    '"a … is in progress"': unfinished,
    '"not tracked"': "echo new > new.txt",
    '"the clone is shallow"': 'cd .. && git clone -q --depth 1 "file://$REMOTE" shallow && cd shallow',
    '"can be published to …, and the policy does not declare it"': (
        "sed -i.before '/^publish = false/d' crates/binoc-core/Cargo.toml"
    ),
    '"should be … in … spelling", "has no section with the heading" or "the section … is empty"': "true",
    '"so GitHub would start no workflow for the tag"': "git commit -q --allow-empty -m 'Docs [skip ci]'",
    "A finding of `workflow`": 'sed -i.before \'s/"v\\*"/"release"/\' .github/workflows/publish.yml',
    '"the branch has new commits", or "has diverged"': overtaken,
    '"and not the annotated tag of …", on the remote': taken,
    '"and not the annotated tag of …", in this clone': tagged,
    '"could not be reached"': 'mv "$REMOTE" "$REMOTE.away"',
    '"this clone cannot push to"': 'git remote set-url --push origin "$REMOTE.nowhere"',
    '"signing without a prompt failed", or "git has no name and address"': unsigned,
}
#: What the page leaves to its reader, before one of its commands.
MEANWHILE = {
    '"could not be reached"': ("git ls-remote origin", 'mv "$REMOTE.away" "$REMOTE"'),
    # The first pull is after the merge; the second way is that of a pull request that was squashed.
    '"nothing was tagged": the branch was refused': ("git fetch", overtaken),
}


def spoken(heading: str, printed: str) -> list[str]:
    """Which of the quotations in a heading were printed."""
    quoted = [[re.escape(piece) for piece in each.split("…")] for each in re.findall('"([^"]+)"', heading)]
    return [each for pieces in quoted if re.search(each := ".*".join(pieces), printed)]


@pytest.mark.parametrize("heading", CAUSES)
def test_a_symptom_before_the_line_is_printed_and_gone_when_one_has_typed_what_stands_below_it(heading, maintainer):
    here, cause, typed = maintainer, CAUSES[heading], [each for each in on(PAGE) if each.heading == heading]
    here.environment["REMOTE"] = str(here.remote)
    here.types(cause) if isinstance(cause, str) else cause(here)
    printed = here.types(here.now("./just check 0.5.0"), ends=None)
    words = spoken(heading, printed) or re.findall(r"(?m)^ +✗ failed  \.github/.+", printed)
    assert words, printed
    if typed:
        before, repair = MEANWHILE.get(heading, ("", ""))
        here.follows(typed, {before: lambda: here.types(repair)} if before else {})
        version = "0.5.1" if any("0.5.1" in each.line for each in typed) else "0.5.0"
        printed = here.types(here.now(f"./just check {version}"), ends=None)
        assert [each for each in words if re.search(each, printed)] == [], printed


@tells(PAGE)
@pytest.mark.parametrize("heading", sorted({each.heading for each in on(PAGE) if is_typed_here(each)} - CAUSES.keys()))
def test_what_stands_below_another_symptom_can_be_typed(heading, maintainer):
    before, repair = MEANWHILE.get(heading, ("", None))
    maintainer.follows(
        [each for each in on(PAGE) if each.heading == heading],
        {before: lambda: repair(maintainer)} if repair else {},
        ends={"./just check 0.5.0": 1},  # nobody has prepared it
    )


def test_every_symptom_that_a_check_prints_is_brought_about():
    line = next(number for number, each in enumerate(HEADINGS) if each.startswith("Between"))
    early = [each for each in HEADINGS[2:line] if not each.endswith("a test failed")]
    assert [each for each in early if each not in CAUSES and '"is not a version' not in each] == []
    assert [each for each in CAUSES if each not in HEADINGS] == []
