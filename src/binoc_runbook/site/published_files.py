"""Files that are published next to a page, under the name by which the page links to them."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

#: Where the names and sources of a page's files are kept until the page is read again.
_FILES = "binoc-files"


def publish_file(env: BuildEnvironment, name: str, source: str) -> None:
    """Publish `source`, a file or directory named from the sources of the site, as `name` next to the current page."""
    env.metadata[env.docname].setdefault(_FILES, {})[name] = source


def copy_files(app: Sphinx, exception: Exception | None) -> None:
    """Copy the files of all pages, and leave nothing there that an earlier build copied."""
    if exception is not None or app.builder.format != "html":
        return
    for page, metadata in app.env.metadata.items():
        for name, path in metadata.get(_FILES, {}).items():
            source, target = Path(app.srcdir, path), Path(app.outdir, page).parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".lock"))
            else:
                shutil.copyfile(source, target)
