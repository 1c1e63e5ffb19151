"""What a release publishes, as files: how they are made, and every question about a folder that holds them.

`build` makes them, the same bytes from the same commit each time.
"""

from binoc_runbook.artifacts.build import CHECK, Part, build
from binoc_runbook.artifacts.sums import write_sums

__all__ = ["CHECK", "Part", "build", "write_sums"]
