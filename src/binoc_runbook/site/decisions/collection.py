"""Sentences of all pages. They are stored in the metadata of each page; their states belong to one build."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from sphinx.application import Sphinx

from binoc_runbook.files import root_of
from binoc_runbook.site.decisions.sentences import DecidedCheckout, Sentence

#: Keys of the metadata of a page: its sentences, and whether it lists or counts the sentences of all pages.
SENTENCES, LISTS_THEM, COUNTS_THEM = "binoc-sentences", "binoc-lists-sentences", "binoc-counts-sentences"


class Decisions:
    """Sentences of one build."""

    def __init__(self, app: Sphinx) -> None:
        self.app = app

    @cached_property
    def checkout(self) -> DecidedCheckout:
        """The checkout that the sentences are about."""
        return DecidedCheckout(root_of(Path(self.app.srcdir)))

    @property
    def sentences(self) -> list[Sentence]:
        """All sentences, sorted by page, in page order."""
        pages = sorted(self.app.env.metadata.items())
        return [sentence for _, metadata in pages for sentence in metadata.get(SENTENCES, ())]

    @property
    def pages(self) -> list[str]:
        """The pages that show states."""
        keys = {SENTENCES, LISTS_THEM, COUNTS_THEM}
        return sorted(page for page, metadata in self.app.env.metadata.items() if keys & metadata.keys())

    @property
    def overview(self) -> str | None:
        """The page that lists all sentences."""
        pages = self.app.env.metadata.items()
        return min((page for page, metadata in pages if LISTS_THEM in metadata), default=None)
