"""Finishing a release that broke, by symptom: each is brought about, seen by the words of its heading, and mended.

A heading of the page quotes what is printed, so that it is found by whoever searches for it.
"""

from __future__ import annotations

import re

import pytest

from .executed import is_typed_here, tells
from .reading import ROOT, blocks, on, text_of

PAGE = "docs/how-to/finish-a-broken-release.md"
HEADINGS = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", text_of(ROOT / PAGE)))
TITLE = HEADINGS[0]


def changed(person):
    person.edits("README.md", "# Binoc", "# Binoc!")
    person.types("git switch -q --detach")


def shallow(person):
    person.types(f"cd .. && git clone -q --depth 1 file://{person.remote} shallow && cd shallow")


def undeclared(person):
    person.edits("crates/binoc-core/Cargo.toml", "publish = false\n", "")


def skipped(person):
    person.types("git commit -q --allow-empty -m 'Docs [skip ci]'")


def no_such_workflow(person):
    person.edits(".github/workflows/publish.yml", 'tags: ["v*"]', 'tags: ["release-*"]')


def overtaken(person):
    person.types(f"git clone -q {person.remote} ../other && cd ../other")
    person.types("git commit -q --allow-empty -m Theirs && git push -q && cd ../binoc")


def taken(person):
    person.types("git commit -q --allow-empty -m Other && git tag -a -m x v0.4.0 && git push -q origin v0.4.0")
    person.types("git reset -q --keep HEAD~1 && git commit -q --allow-empty -m Ours")


def silent(person):
    person.types("mv ../../remote.git ../../away.git")


def nameless(person):
    person.types("git config user.useConfigOnly true && git config --global --unset user.email")


def unsigned(person):
    person.types("git config tag.gpgSign true && git config gpg.program false")


#: What brings the symptom of a heading about.
CAUSES = {
    '"changed since the commit" or "HEAD is detached"': [changed],
    '"the clone is shallow"': [shallow],
    '"can be published to …, and the policy does not declare it"': [undeclared],
    '"should be … in … spelling", or no changelog section': [],
    '"so GitHub would start no workflow for the tag"': [skipped],
    "A finding of `workflow`": [no_such_workflow],
    '"somebody has pushed since it last looked", or "has diverged"': [overtaken],
    '"peels to …, and not to …"': [taken],
    '"could not be asked"': [silent],
    '"signing without a prompt failed", or "git has no name and address"': [unsigned, nameless],
}
