"""Stylesheets that are stored next to their extension."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx


def add_style(app: Sphinx, file: Path, *, priority: int = 500) -> None:
    """Add a stylesheet to every page; a higher priority comes later and overrides lower ones."""

    def add_to_static_path(app: Sphinx) -> None:
        app.config.html_static_path.append(str(file))

    app.add_css_file(file.name, priority=priority)
    app.connect("builder-inited", add_to_static_path)
