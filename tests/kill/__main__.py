"""Run random cases for a time: `python -m tests.kill SECONDS`; one case again: `python -m tests.kill --seed SEED`."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from ..conftest import isolate
from .cases import choose
from .checks import run_case


def main() -> int:
    """Run cases until the time is over or a case fails; return 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="just test-kill", description="Kill commands at random points.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("seconds", type=float, nargs="?", help="run random cases for this time")
    what.add_argument("--seed", type=int, help="run only the case of this seed")
    options = parser.parse_args()
    end, number = time.monotonic() + (options.seconds or 0), 0
    with tempfile.TemporaryDirectory(prefix="kill-") as home:
        isolated = isolate(os.environ, Path(home))
        os.environ.clear()
        os.environ.update(isolated)
        while number == 0 or time.monotonic() < end:
            seed = random.randrange(10**6) if options.seed is None else options.seed
            case, number = choose(seed), number + 1
            print(f"seed {seed}: {case}", flush=True)
            with tempfile.TemporaryDirectory(prefix=f"kill-{seed}-", ignore_cleanup_errors=True) as directory:
                try:
                    run_case(case, Path(directory))
                except Exception:
                    traceback.print_exc()
                    print(f"case {number} failed; repeat it: just test-kill --seed {seed}")
                    return 1
    print(f"{number} cases passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
