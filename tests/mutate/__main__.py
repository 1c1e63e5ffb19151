"""Mutate the publish workflow and count what the contract catches: `python -m tests.mutate [SECONDS | --all]`."""

from __future__ import annotations

import argparse
import difflib
import random
import re
import sys
import time

from .operators import mutations
from .score import JUSTIFIED, ROOT, SCORE, Checker, Score, justification, write_score


def main() -> int:
    """Try mutations in random order for a time, or all; return 1 if one survives without a justification."""
    parser = argparse.ArgumentParser(prog="just mutate", description="Mutate the publish workflow.")
    parser.add_argument("seconds", type=float, nargs="?", default=60, help="for how long (default: 60)")
    parser.add_argument("--all", action="store_true", help=f"try all mutations, and write {SCORE.relative_to(ROOT)}")
    parser.add_argument("--seed", type=int, default=0, help="the order of the mutations")
    parser.add_argument("--only", default="", help="only mutations whose names match this regular expression")
    options = parser.parse_args()
    checker = Checker()
    every = [mutation for mutation in mutations(checker.text) if re.search(options.only, mutation.name)]
    if not options.all:
        random.Random(options.seed).shuffle(every)
    score, end, survivors = Score(), time.monotonic() + options.seconds, 0
    for mutation in every:
        if not options.all and time.monotonic() > end:
            break
        caught = checker.catches(mutation.text)
        if caught is None:
            continue  # not YAML
        reason = "" if caught else justification(mutation)
        score.count(mutation.operator, caught=caught, justified=bool(reason))
        if not caught and not reason:
            survivors += 1
            print(mutation.name)
            diff = difflib.unified_diff(checker.text.splitlines(), mutation.text.splitlines(), n=1, lineterm="")
            print("".join(f"    {line}\n" for line in list(diff)[2:]))
    print(score)
    if options.all and not options.only:
        write_score(score)
    if survivors:
        print(f"{survivors} mutations survive; extend the contract, or justify them in {JUSTIFIED.relative_to(ROOT)}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
