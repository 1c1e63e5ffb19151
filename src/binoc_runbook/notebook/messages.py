"""What the library and the engine that runs its notebooks tell each other, beside what is shown."""

from __future__ import annotations

#: Beside `text/plain` and `text/html` in a display message: `{"lines": ["…", …]}`, to be shown now and not kept.
LIVE = "application/vnd.binoc-runbook.live+json"

#: In an output of the last cell: `{"file_under": "docs/releases/0.4.0.ipynb" or null, "overwrite": false}`.
RECORD = "application/vnd.binoc-runbook.record+json"

#: The key of metadata that makes a notebook a runbook of ours; its value is a table such as `{"runbook": "release"}`.
MARK = "binoc_runbook"
