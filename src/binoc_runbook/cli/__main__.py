"""Entry point of `python -m binoc_runbook.cli`, which runs the command `binoc-runbook`."""

import sys

from binoc_runbook.cli import main

sys.exit(main())
