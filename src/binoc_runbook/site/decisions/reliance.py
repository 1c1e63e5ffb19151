"""What relies on a decision: the chapters of the runbook that ask for it, and the releases that proved it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

from binoc_runbook.site.decisions.answers import Sentence
from binoc_runbook.site.questions import QUESTIONS
from binoc_runbook.site.releases.filed import Filed, read_filed
from binoc_runbook.stages import ACTS

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

#: The page of the runbook, and the folder of the pages of releases.
RUNBOOK, RELEASES = "runbooks/release", "releases"

#: The day that begins the name of a decision's page.
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)-")


class Reliance:
    """What the pages of one build rely on each other for."""

    def __init__(self, env: BuildEnvironment) -> None:
        self._env = env
        self._ids: dict[str, frozenset[str]] = {}
        folder = Path(env.srcdir) / RELEASES
        #: The real releases whose pages this site has, the newest first.
        self.releases: tuple[Filed, ...] = read_filed(folder)[0] if folder.is_dir() else ()

    def last_proof(self, sentence: Sentence) -> Filed | None:
        """The newest release that has shown a sentence to be true."""
        return next((filed for filed in self.releases if proves(filed, sentence)), None)

    def has(self, page: str) -> bool:
        """Whether the site has that page."""
        return page in self._env.all_docs

    def anchor(self, page: str, wanted: str) -> str:
        """The id to link to: the wanted one, or none where the page does not have it."""
        if page not in self._ids:
            tree = self._env.get_doctree(page)
            self._ids[page] = frozenset(name for section in tree.findall(nodes.section) for name in section["ids"])
        return wanted if wanted in self._ids[page] else ""


def page_of(filed: Filed) -> str:
    """The page of a release."""
    return f"{RELEASES}/{filed.version}"


def chapters(sentence: Sentence) -> tuple[str, ...]:
    """The chapters of the runbook that ask what a sentence is tied to."""
    return tuple(dict.fromkeys(QUESTIONS[name].chapter for name in sentence.questions if name in QUESTIONS))


def proves(filed: Filed, sentence: Sentence) -> bool:
    """Whether a release has shown a sentence to be true; a decision that is younger than it was never asked for."""
    decided = _DAY.match(sentence.page.rpartition("/")[2])
    if decided and decided[1] > filed.date:
        return False
    passed = chapters(sentence)
    return bool(passed) and all(_passed(filed, chapter) for chapter in passed)


def _passed(filed: Filed, chapter: str) -> bool:
    """Whether a release got through a chapter; what only the registries can show is proved when they were asked."""
    match chapter:
        case "plan":
            return True
        case "line":
            return ACTS[0].name in filed.stages
        case "follow":
            return filed.verified is not None and filed.verified.outcome == "published"
    return chapter in filed.stages
