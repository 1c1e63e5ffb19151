"""Documentation of a crate by rustdoc, as part of the site.

    ```{rustdoc} binoc-sdk
    ```

The configuration value `rustdoc_directory` is the output directory of `cargo doc`, relative to the sources of the site.
If it does not exist, because the site is built without Rust, the page shows a note instead of the link.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.site.markup import MarkdownDirective
from binoc_runbook.site.published_files import publish_file

_MISSING = "The API documentation is missing, because this site was built without cargo. `./just docs` builds it."


class RustdocDirective(MarkdownDirective):
    """`{rustdoc}`: a link to the documentation of a crate, which is published next to the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the link; the page is read in every build, because Sphinx does not watch the directory."""
        self.env.note_reread()
        crate, directory = self.arguments[0], self.config.rustdoc_directory
        start = f"{crate.replace('-', '_')}/index.html"
        if not Path(self.env.srcdir, directory, start).is_file():
            return [nodes.note("", self.paragraph(_MISSING))]
        publish_file(self.env, crate, directory)
        link = nodes.reference("", "", nodes.literal("", crate), refuri=f"{crate}/{start}", internal=False)
        return [nodes.paragraph("", "", nodes.Text("API documentation: "), link)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and its configuration value."""
    app.add_config_value("rustdoc_directory", "", "", str)
    app.add_directive("rustdoc", RustdocDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
