"""What the library says to the engine that runs its notebook, beside what it shows: kinds of data of our own."""

from __future__ import annotations

#: Beside `text/plain` and `text/html` in a display message: `{"lines": ["…", …]}`, to be shown now and not kept.
LIVE = "application/vnd.binoc-runbook.live+json"

#: In an output of the last cell: `{"file_under": "docs/releases/0.4.0.ipynb" or null, "overwrite": false}`.
RECORD = "application/vnd.binoc-runbook.record+json"

#: The environment variable that tells the kernel where its record will lie: a path from the root, or `-`.
OUTPUT_VARIABLE = "BINOC_RUNBOOK_OUTPUT"
