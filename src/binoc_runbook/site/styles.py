"""Stylesheets that lie beside the code they are for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def add_style(app: Sphinx, file: Path, *, priority: int = 500) -> None:
    """Give every page of a site a stylesheet; one of a higher priority comes later, and corrects those before it."""

    def offer(app: Sphinx) -> None:
        app.config.html_static_path.append(str(file))

    app.add_css_file(file.name, priority=priority)
    app.connect("builder-inited", offer)
