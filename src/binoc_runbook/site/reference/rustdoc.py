"""Documentation of a crate by rustdoc, as part of the site.

    ```{rustdoc} binoc-sdk
    ```

The configuration value `rustdoc_directory` is the output directory of `cargo doc`, relative to the sources of the site.
If it does not exist, the page shows a note with the cause instead of the link, and the build logs it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from binoc_runbook.site.markup import MarkdownDirective
from binoc_runbook.site.published_files import publish_file

_log = logging.getLogger(__name__)


def missing(crate: str) -> str:
    """Return why the documentation of a crate is missing, and the fix, as Markdown."""
    cause = "`cargo doc` did not run" if shutil.which("cargo") else "`cargo` is not on PATH"
    return f"The API documentation of `{crate}` is missing, because {cause}. `./just docs` runs it."


class RustdocDirective(MarkdownDirective):
    """`{rustdoc}`: a link to the documentation of a crate, which is published next to the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the link; the page is read in every build, because Sphinx does not watch the directory."""
        self.env.note_reread()
        crate, directory = self.arguments[0], self.config.rustdoc_directory
        start = f"{crate.replace('-', '_')}/index.html"
        if not Path(self.env.srcdir, directory, start).is_file():
            text = missing(crate)
            _log.info("%s", text.replace("`", ""), location=self.get_location())
            return [nodes.note("", self.paragraph(text))]
        publish_file(self.env, crate, directory)
        link = nodes.reference("", "", nodes.literal("", crate), refuri=f"{crate}/{start}", internal=False)
        return [nodes.paragraph("", "", nodes.Text("API documentation: "), link)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and its configuration value."""
    app.add_config_value("rustdoc_directory", "", "", str)
    app.add_directive("rustdoc", RustdocDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
