"""Runbooks under Jupyter and papermill: start, reporter, engine, plug-in and execution."""
