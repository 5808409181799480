"""What `make quick` and `make test` take, beside bare processor work in the same run.

    python benchmarks/checks.py quick test --output tables.md

It runs the targets in this checkout, in turn with the bare work: two processes that each sort
random numbers. Each time is the median of the repetitions with the least and the most.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from feature_engineering import to_markdown
from first_run import ROOT, seconds, spread
from serving import run

BARE = "bare work"


def sort_numbers(seed: int) -> None:
    """Sort numbers for some seconds."""
    draw = np.random.default_rng(seed)
    for _ in range(600):
        np.sort(draw.random(1_000_000))


def work_on_two_cores() -> None:
    with Pool(2) as pool:
        pool.map(sort_numbers, range(2))


def measure(targets: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds of each repetition of the bare work and of each target."""
    taken: dict[str, list[float]] = {step: [] for step in (BARE, *targets)}
    for repetition in range(repetitions):
        print(f"repetition {repetition + 1} of {repetitions}", file=sys.stderr)
        taken[BARE].append(seconds(work_on_two_cores))
        for target in targets:
            command = ["make", "--silent", target]
            taken[target].append(seconds(partial(run, command, folder=ROOT)))
    return taken


def describe(taken: dict[str, list[float]]) -> str:
    """Return the steps as a Markdown table."""
    bare = statistics.median(taken[BARE])
    rows = []
    for step, times in taken.items():
        name = step if step == BARE else f"make {step}"
        rows.append([name, spread(times), f"{statistics.median(times) / bare:.1f}"])
    return to_markdown(["step", "seconds", "of bare work"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="+", choices=("lint", "quick", "test"))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a file for the table too")
    chosen = parser.parse_args(arguments)
    table = describe(measure(chosen.targets, chosen.repetitions))
    print(table)
    if chosen.output is not None:
        chosen.output.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
