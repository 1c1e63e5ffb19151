"""`python -m binoc_runbook.cli`, the same as the command `binoc-runbook`."""

import sys

from binoc_runbook.cli import main

sys.exit(main())
