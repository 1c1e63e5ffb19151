"""Pages of the reference that are made from the library: the keys of the policy, and the rules of the workflow.

```{policy} artifacts
```

```{rules}
keys: keep one of the two
```
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import MISSING, Field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from binoc_runbook.checks.workflow import rules
from binoc_runbook.policy import Artifact, Policy, promised
from binoc_runbook.site.tables import paragraph, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_log = logging.getLogger(__name__)


class _FromLibrary(SphinxDirective):
    """What is made from the library, and again when the file of it has changed that says it."""

    def depend_on(self, *sources: Path) -> None:
        for path in sources:
            self.env.note_dependency(str(path))

    def words(self, text: str) -> nodes.paragraph:
        inline, _ = self.parse_inline(text)
        return nodes.paragraph("", "", *inline)


class PolicyDirective(_FromLibrary):
    """`{policy}`: the keys of the policy; `{policy} artifacts`: those of one artifact."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        self.depend_on(Path(inspect.getfile(Policy)))
        kind = Artifact if self.arguments == ["artifacts"] else Policy
        head = [paragraph(each) for each in ("key", "default", "what it says", "allowed values")]
        return [table([head, *([self.words(cell) for cell in row] for row in keys(kind))])]


def keys(kind: type[Policy] | type[Artifact]) -> Iterator[tuple[str, str, str, str]]:
    """The keys of a table of the policy, each with its default, what it says and what it can be, as Markdown."""
    for each in promised(kind):
        yield f"`{each.name}`", _default(each), each.metadata["help"], each.metadata["allowed"]


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "required"
    value = field.default[0] if isinstance(field.default, tuple) and field.default else field.default
    return f"`{json.dumps(value)}`" if value else "none"


class RulesDirective(_FromLibrary):
    """`{rules}`: the rules of the workflow; the content says of each, after its name and a colon, what to do."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Make the table; a rule of which nothing is said, or one that there is not, is a warning."""
        self.depend_on(Path(inspect.getfile(rules)))
        said = {name.strip(): edit.strip() for name, _, edit in (line.partition(":") for line in self.content if line)}
        known = {rule.name for rule in rules.RULES}
        for name in sorted(said.keys() ^ known):
            wrong = "is not said what to do" if name in known else "there is no such rule"
            _log.warning("the rule `%s`: %s", name, wrong, location=self.get_location(), type="binoc", subtype="rules")
        head = [paragraph(each) for each in ("rule", "status", "why it matters", "what to do")]
        rows = ((rule.name, rule.status, rule.why, said.get(rule.name, "")) for rule in rules.RULES)
        return [table([head, *([self.words(cell) for cell in row] for row in rows)])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and set up the other parts of the reference."""
    for part in ("docstrings", "rustdoc", "schema"):
        app.setup_extension(f"{__name__}.{part}")
    app.add_directive("policy", PolicyDirective)
    app.add_directive("rules", RulesDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
