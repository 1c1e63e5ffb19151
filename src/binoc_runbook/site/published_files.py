"""Files that are published next to a page, under the name that the page links to."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

#: Key in the metadata of a page: the names and sources of its files.
_FILES = "binoc-files"


def publish_file(env: BuildEnvironment, name: str, source: str) -> None:
    """Publish a file or directory next to the current page as `name`; `source` is relative to the site's sources."""
    env.metadata[env.docname].setdefault(_FILES, {})[name] = source


def copy_files(app: Sphinx, exception: Exception | None) -> None:
    """Copy the files of all pages, and replace the directories of an earlier build."""
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
