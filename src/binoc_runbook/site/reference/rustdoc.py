"""The documentation that rustdoc makes of a crate, as part of the site.

    ```{rustdoc} binoc-sdk
    ```

The setting `rustdoc_directory` names the directory that `cargo doc` has filled, from that of the pages. Where
the site is built without Rust there is none; the page says so then, and the rest of the site is as it always is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.site.markup import MarkdownDirective
from binoc_runbook.site.published_files import publish_file

_MISSING = "This part is missing here: the site was built where there is no cargo. `./just docs` makes it."


class RustdocDirective(MarkdownDirective):
    """`{rustdoc}`: a link to the documentation of a crate, which is published next to the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the link, in every build again, because Sphinx does not watch the directory."""
        self.env.note_reread()
        crate, directory = self.arguments[0], self.config.rustdoc_directory
        start = f"{crate.replace('-', '_')}/index.html"
        if not Path(self.env.srcdir, directory, start).is_file():
            return [nodes.note("", self.paragraph(_MISSING))]
        publish_file(self.env, crate, directory)
        link = nodes.reference("", "", nodes.literal("", crate), refuri=f"{crate}/{start}", internal=False)
        return [nodes.paragraph("", "", nodes.Text("Everything in it, item by item: "), link)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and its configuration value."""
    app.add_config_value("rustdoc_directory", "", "", str)
    app.add_directive("rustdoc", RustdocDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
