"""The former name of the Sphinx extension, which other repositories may still have in their `conf.py`."""

raise ImportError("`binoc_runbook.display.sphinx` is now `binoc_runbook.site`; change `extensions` in conf.py")
