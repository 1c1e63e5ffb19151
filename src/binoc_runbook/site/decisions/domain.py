"""The sentences of decisions, which Sphinx keeps between two builds; it does not keep their states."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sphinx.domains import Domain

from binoc_runbook.files import root_of
from binoc_runbook.site.decisions.sentences import DecidedCheckout, Sentence

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment


class Decisions(Domain):
    """The sentences of all pages, and the pages that list them."""

    name = "decisions"
    label = "decisions"
    initial_data: ClassVar[dict[str, Any]] = {"sentences": {}, "overviews": []}
    data_version = 1

    @cached_property
    def checkout(self) -> DecidedCheckout:
        """The checkout of this build; Sphinx creates a new domain for each build."""
        return DecidedCheckout(root_of(Path(self.env.srcdir)))

    @property
    def sentences(self) -> list[Sentence]:
        """All sentences, by page and in their order there."""
        kept: dict[str, list[Sentence]] = self.data["sentences"]
        return [sentence for page in sorted(kept) for sentence in kept[page]]

    @property
    def overview(self) -> str | None:
        """The page that lists them."""
        return min(self.data["overviews"], default=None)

    def add(self, sentence: Sentence) -> None:
        """Keep a sentence that was read."""
        self.data["sentences"].setdefault(sentence.page, []).append(sentence)

    def add_overview(self, page: str) -> None:
        """Keep that a page lists them."""
        self.data["overviews"].append(page)

    def clear_doc(self, docname: str) -> None:
        """Forget a page that is read again or was deleted."""
        self.data["sentences"].pop(docname, None)
        self.data["overviews"] = [page for page in self.data["overviews"] if page != docname]

    def merge_domaindata(self, docnames: AbstractSet[str], otherdata: dict[str, Any]) -> None:
        """Merge what another process has read."""
        self.data["sentences"] |= {
            page: otherdata["sentences"][page] for page in otherdata["sentences"].keys() & docnames
        }
        self.data["overviews"] += [page for page in otherdata["overviews"] if page in docnames]

    def resolve_any_xref(
        self,
        env: BuildEnvironment,
        fromdocname: str,
        builder: Builder,
        target: str,
        node: pending_xref,
        contnode: Element,
    ) -> list[tuple[str, Any]]:
        """Nothing is referred to by a name of this domain."""
        return []


def decisions_of(env: BuildEnvironment) -> Decisions:
    """The domain of a site."""
    return cast("Decisions", env.domains[Decisions.name])
