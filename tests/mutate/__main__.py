"""Mutate the publish workflow and count what the contract catches: `python -m tests.mutate [SECONDS | --all]`."""

from __future__ import annotations

import argparse
import difflib
import random
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from .operators import Mutation, mutations
from .score import JUSTIFIED, ROOT, SCORE, Checker, Score, is_caught, justification, write_score

#: How many mutations are tried before the time is compared with the limit.
_BATCH = 100


def batched(every: list[Mutation], size: int) -> Iterator[list[Mutation]]:
    """Yield lists of at most `size` mutations."""
    for start in range(0, len(every), size):
        yield every[start : start + size]


def show(mutation: Mutation, text: str) -> None:
    """Print the name of a mutation and its difference from the workflow."""
    diff = difflib.unified_diff(text.splitlines(), mutation.text.splitlines(), n=1, lineterm="")
    print(mutation.name, *(f"    {line}" for line in list(diff)[2:]), "", sep="\n", flush=True)


def main() -> int:
    """Try mutations in random order for a time, or all; return 1 if one survives without a justification."""
    parser = argparse.ArgumentParser(prog="just mutate", description="Mutate the publish workflow.")
    parser.add_argument("seconds", type=float, nargs="?", default=60, help="for how long (default: 60)")
    parser.add_argument("--all", action="store_true", help=f"try all mutations, and write {SCORE.relative_to(ROOT)}")
    parser.add_argument("--seed", type=int, default=0, help="the order of the mutations")
    parser.add_argument("--only", default="", help="only mutations whose names match this regular expression")
    options = parser.parse_args()
    text = Checker().text
    every = [mutation for mutation in mutations(text) if re.search(options.only, mutation.name)]
    if not options.all:
        random.Random(options.seed).shuffle(every)
    score, end, survivors = Score(), time.monotonic() + options.seconds, 0
    with ProcessPoolExecutor() as pool:
        for batch in batched(every, _BATCH):
            if not options.all and time.monotonic() > end:
                break
            for mutation, caught in zip(batch, pool.map(is_caught, batch, chunksize=10), strict=True):
                if caught is None:
                    continue  # not YAML
                reason = "" if caught else justification(mutation)
                score.count(mutation.operator, caught=caught, justified=bool(reason))
                if not caught and not reason:
                    survivors += 1
                    show(mutation, text)
    print(score)
    if options.all and not options.only:
        write_score(score)
    if survivors:
        print(f"{survivors} mutations survive; extend the contract, or justify them in {JUSTIFIED.relative_to(ROOT)}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
