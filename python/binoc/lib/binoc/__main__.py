"""The command ``binoc``."""

from __future__ import annotations

import signal
import sys

from binoc import _binoc
from binoc._discovery import find_plugins


def main() -> int:
    """Run the command with the arguments of this process and give the exit code."""
    # The work is done without Python, which would notice an interrupt only afterwards.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _binoc.run(sys.argv[1:], find_plugins())


if __name__ == "__main__":
    sys.exit(main())
