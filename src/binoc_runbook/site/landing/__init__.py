"""Parts of a landing page that every build makes: stills of a rehearsal, and the result of the tests.

    extensions = ["binoc_runbook.site.landing"]

```{rehearsal-stills}
```

```{test-result}
```

The stills show the output of the quick rehearsal that `binoc_runbook.site.runbooks` runs for the page of the release
runbook. Without it, the page has a note instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.files import root_of
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import open_target
from binoc_runbook.site.landing.stills import still_svg, stills, transcript_svg
from binoc_runbook.site.markup import MarkdownDirective, escape
from binoc_runbook.site.runbooks import PLACE
from binoc_runbook.site.runbooks.rehearsed_notebook import TRANSCRIPT, read_runbook
from binoc_runbook.site.stylesheets import add_style
from binoc_runbook.stages.tests import TestsStage
from binoc_runbook.version import Version
from binoc_runbook.world import World

_STYLE = Path(__file__).with_name("landing.css")

#: The attribute of the build environment with the drawn lines and their drawing.
_DRAWN = "binoc_rehearsal_drawing"

#: The result is that of a tree; reading its version would start cargo.
_ANY = Version.parse("0.0.0")

_NO_STILLS = "There are no pictures, because this build could not run the rehearsal."


class RehearsalStillsDirective(MarkdownDirective):
    """`{rehearsal-stills}`: the terminal output of the quick rehearsal of this build, step by step, in tabs."""

    def run(self) -> list[nodes.Node]:
        """Return the tabs; the page is read again when the rehearsal changes."""
        runbook = Path(self.env.srcdir, PLACE, "release.ipynb")
        self.env.note_dependency(str(runbook))
        notebook = read_runbook(runbook)
        lines: list[str] = (notebook or {"metadata": {}})["metadata"].get("binoc_runbook", {}).get(TRANSCRIPT, [])
        steps = stills(lines)
        if not steps:
            return [nodes.note("", self.paragraph(_NO_STILLS))]
        tabs = []
        for number, step in enumerate(steps, 1):
            picture = f"```{{raw}} html\n{still_svg(step)}\n```"
            tabs.append(f"````{{tab-item}} {number}. {step.name}\n{step.caption}\n\n{picture}\n````")
        text = "`````{tab-set}\n:class: rehearsal-stills\n\n" + "\n\n".join(tabs) + "\n`````\n"
        return [nodes.raw("", self._drawing(lines), format="html"), *self.parse_text_to_nodes(text)]

    def _drawing(self, lines: list[str]) -> str:
        """Return the drawing of the lines, which the build environment keeps for the next build of the commit."""
        drawn: tuple[list[str], str] = getattr(self.env, _DRAWN, ([], ""))
        if drawn[0] != lines:
            drawn = (lines, transcript_svg(lines))
            setattr(self.env, _DRAWN, drawn)
        return drawn[1]


class TestResultDirective(MarkdownDirective):
    """`{test-result}`: when the tests passed for this tree, if this clone knows it."""

    def run(self) -> list[nodes.Node]:
        """Return one paragraph; the page is read in every build, because Sphinx does not watch the result."""
        self.env.note_reread()
        return [self.paragraph(test_result(root_of(Path(self.env.srcdir))))]


def test_result(root: Path | None) -> str:
    """Return the stored result of the tests for this tree, as Markdown."""
    if root is None:
        return "**Tests**: unknown outside a checkout"
    try:
        target = open_target(World.real(root), _ANY)
    except RefusedError:
        return "**Tests**: unknown, because the policy cannot be read"
    observation = TestsStage().observe(target)
    if observation.state == "done" and target.policy.test and observation.findings.status == "ok":
        return f"**Tests** {escape(observation.findings[0].saw.partition(';')[0])}"
    repository = target.policy.repository
    runs = f"[CI](https://github.com/{repository}/actions)" if repository else "CI"
    return f"**Tests**: {runs} runs them for every change; this clone has no result for this commit"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.setup_extension("sphinx_design")
    app.add_directive("rehearsal-stills", RehearsalStillsDirective)
    app.add_directive("test-result", TestResultDirective)
    add_style(app, _STYLE)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
