"""The documentation that rustdoc makes of a crate, as part of the site.

    ```{rustdoc} binoc-sdk
    ```

The configuration value `rustdoc_folder` names the folder that `cargo doc` has filled, from that of the pages. Where the
site is built without Rust there is none; the page says so then, and the rest of the site is as it always is.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

#: The crate whose documentation lies beside a page, in a folder of its name, kept with the page.
_CRATE = "binoc-rustdoc"

_MISSING = "This part is missing here: the site was built where there is no cargo. `./just docs` makes it."


class RustdocDirective(SphinxDirective):
    """`{rustdoc}`: the way to the documentation of a crate, which is published beside the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the link, anew in every build, because the folder is no file that Sphinx knows of."""
        self.env.note_reread()
        crate = self.arguments[0]
        start = f"{crate.replace('-', '_')}/index.html"
        if not (_folder(self.env) / start).is_file():
            inline, _ = self.parse_inline(_MISSING)
            return [nodes.note("", nodes.paragraph("", "", *inline))]
        self.env.metadata[self.env.docname][_CRATE] = crate
        link = nodes.reference("", "", nodes.literal("", crate), refuri=f"{crate}/{start}", internal=False)
        return [nodes.paragraph("", "", nodes.Text("Everything in it, item by item: "), link)]


def _folder(env: BuildEnvironment) -> Path:
    return Path(env.srcdir, env.config.rustdoc_folder)


def offer(app: Sphinx, exception: Exception | None) -> None:
    """Put what rustdoc has made where the page says that it is, and nothing that an earlier build left there."""
    if exception is not None or app.builder.format != "html":
        return
    for page, told in app.env.metadata.items():
        if crate := told.get(_CRATE):
            target = Path(app.outdir, page).parent / crate
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(_folder(app.env), target, ignore=shutil.ignore_patterns(".lock"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and what publishes the files."""
    app.add_config_value("rustdoc_folder", "", "", str)
    app.add_directive("rustdoc", RustdocDirective)
    app.connect("build-finished", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
