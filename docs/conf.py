"""Configuration of the site. A build runs checks and quick rehearsals, and never performs a release."""

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from binoc_runbook.site.address import site_address

# It prints that it draws no pictures, even to the output of `sphinx-build -q`.
with contextlib.redirect_stdout(None):
    import sphinxext.opengraph  # noqa: F401

ROOT = Path(__file__).parents[1]
#: Without an address, the site has no sitemap, and pages have no canonical URL.
html_baseurl = site_address(ROOT)
REPOSITORY = "https://github.com/harvard-lil/binoc"

project = "Binoc"
author = "Binoc contributors"
html_title = "Binoc"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "notfound.extension",
    "sphinx_last_updated_by_git",
    "sphinx_reredirects",
    "sphinxext.opengraph",
    *(["sphinx_sitemap"] if html_baseurl else []),
    "binoc_runbook.site",
]
html_theme = "furo"
html_theme_options = {
    f"{theme}_css_variables": {f"color-brand-{use}": colour for use in ("primary", "content")}
    for theme, colour in (("light", "#0f5c6e"), ("dark", "#67c1d0"))
}
# The links to edit and view the source of a page.
html_theme_options |= {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"}
html_favicon = "icon.svg"
templates_path = ["_templates"]
html_copy_source = False
html_show_copyright = False
html_extra_path = ["social-card.png"]

# The date of the last commit that changed a page. A shallow clone and a directory without git have none.
html_last_updated_fmt = "%Y-%m-%d"
git_last_updated_timezone = "UTC"
suppress_warnings = [f"git.{name}" for name in ("too_shallow", "subprocess_error", "command_not_found")]
# The page of a release is read again when the record of its verification is added.
suppress_warnings += ["git.dependency_not_found"]

# Previews of links. The pictures of the extension would need a drawing library.
ogp_site_url = html_baseurl
ogp_image = "social-card.png" if html_baseurl else None
ogp_image_alt = "Binoc: the missing changelog for datasets"
ogp_social_cards = {"enable": False}
ogp_description_length = 160
# The page for an unknown address can be at any depth, so that its links are absolute.
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "Page not found",
    "body": "<h1>Page not found</h1>\n<p>This site has no page at this address. It may have moved.</p>\n<ul>\n"
    f'<li><a href="{notfound_urls_prefix}search.html">Search this site</a></li>\n'
    f'<li><a href="{notfound_urls_prefix}how-to/finish-a-broken-release.html">Troubleshooting</a></li>\n'
    f'<li><a href="{notfound_urls_prefix}index.html">Start page</a></li>\n</ul>',
}
sitemap_url_scheme = "{link}"
sitemap_show_lastmod = True
sitemap_excludes = ["404.html", "genindex.html", "search.html"]
# Short addresses, which are easy to type.
redirect_html_template_file = str(Path(__file__).with_name("_templates") / "redirect.html")
redirects = {
    "install": "index.html#install",
    "quick-start": "index.html#quick-start",
    "troubleshooting": "how-to/finish-a-broken-release.html",
}

# Only pages that enable execution in their own metadata are executed; records never are.
nb_execution_mode = "off"
nb_execution_excludepatterns = ["releases/*"]
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# Copy buttons only on input: commands and file contents, not program output.
copybutton_selector = "div:not(.highlight-text):not(.output) > div.highlight > pre"
# Of a session, copy only the commands, without the prompt.
copybutton_prompt_text = "$ "
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
python_trailing_comma_in_multi_line_signatures = False
# `just docs` writes the output of `cargo doc` here.
rustdoc_directory = str(Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[1] / "target"), "rustdoc/doc"))
exclude_patterns = ["_build", "**/jupyter_execute", "**/.ipynb_checkpoints"]
