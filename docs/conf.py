"""The site: the decision record and the runbooks, rendered. Building it executes nothing and releases nothing."""

project = "Binoc"
author = "Binoc contributors"
html_title = "Binoc"

extensions = ["myst_nb"]
html_theme = "furo"
html_copy_source = False
html_show_copyright = False

# Belt and braces: no page is executed unless it asks for it by itself, and a record never is.
nb_execution_mode = "off"
nb_execution_excludepatterns = ["releases/*"]
nb_merge_streams = True
myst_heading_anchors = 3
exclude_patterns = ["_build", "**/jupyter_execute", "**/.ipynb_checkpoints"]
