"""The command ``binoc``."""

from __future__ import annotations

import signal
import sys

from binoc import _binoc
from binoc._discovery import find_plugins


def main() -> int:
    """Run the command with the arguments of this process and return the exit code."""
    # Python handles Ctrl-C only when the native code returns, so use the default handler.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _binoc.run(sys.argv[1:], find_plugins())


if __name__ == "__main__":
    sys.exit(main())
