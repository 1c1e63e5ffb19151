"""Findings, plans and runs as people see them: in a notebook, in a terminal, on a page."""
