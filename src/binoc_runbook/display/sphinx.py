"""Former name of the Sphinx extension, which `conf.py` of other repositories may still use."""

raise ImportError("`binoc_runbook.display.sphinx` is now `binoc_runbook.site`; change `extensions` in conf.py")
