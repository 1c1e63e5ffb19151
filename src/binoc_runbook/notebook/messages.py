"""Messages between the library in the kernel and the papermill engine: MIME types and metadata keys."""

from __future__ import annotations

#: In a display message: `{"lines": ["…", …], "events": […]}`. The lines are printed immediately, unless a terminal
#: renders the events (see `display.events`). Neither is part of the record.
LIVE = "application/vnd.binoc-runbook.live+json"

#: In an output of the last cell: `{"file_under": "docs/releases/0.4.0.ipynb" or null, "overwrite": false}`.
RECORD = "application/vnd.binoc-runbook.record+json"

#: The metadata key that marks a notebook as our runbook; its value is an object such as `{"runbook": "release"}`.
MARK = "binoc_runbook"
