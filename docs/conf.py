"""Configuration of the site. A build runs checks and quick rehearsals, and never performs a release."""

import os
from pathlib import Path

project = "Binoc"
author = "Binoc contributors"
html_title = "Binoc"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "binoc_runbook.site",
]
html_theme = "furo"
html_theme_options = {
    f"{theme}_css_variables": {f"color-brand-{use}": colour for use in ("primary", "content")}
    for theme, colour in (("light", "#0f5c6e"), ("dark", "#67c1d0"))
}
html_favicon = "icon.svg"
templates_path = ["_templates"]
html_copy_source = False
html_show_copyright = False

# Only pages that enable execution in their own metadata are executed; records never are.
nb_execution_mode = "off"
nb_execution_excludepatterns = ["releases/*"]
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# Copy buttons only on input: commands and file contents, not program output.
copybutton_selector = "div:not(.highlight-text):not(.output) > div.highlight > pre"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
python_trailing_comma_in_multi_line_signatures = False
# `just docs` writes the output of `cargo doc` here.
rustdoc_directory = str(Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[1] / "target"), "rustdoc/doc"))
exclude_patterns = ["_build", "**/jupyter_execute", "**/.ipynb_checkpoints"]
