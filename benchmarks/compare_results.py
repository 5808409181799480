"""Show that a change of the code left the results of a run as they were, as a Markdown table.

python benchmarks/compare_results.py <output root before> <output root after>

Choices, point estimates and scores must be equal to the digit; the exit status is 1 where they are
not. What is drawn at random around them (intervals, shuffles) is compared and may differ.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from push_propensity.frame.columns import FEATURE_OF
from push_propensity.scoring.session import open_session

SELECTION = "06_models/selection"
TABLES = "08_reporting/tables"
MADE_NEW = {"fingerprint"}  # says of which code a file is
KEYS = ("entry", "segment", "metric", "dimension", "slice", "feature", "candidate", "trial", "fold")
DRAWN = ("low", "high", "verdict", "deviation")  # in the names of columns that hold what is drawn
SHUFFLED = {"feature_importance"}  # tables that hold nothing else


def read_table(path: Path) -> pd.DataFrame:
    """Return a table sorted by what names its rows."""
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    keys = [name for name in KEYS if name in table]
    return table.sort_values(keys, ignore_index=True) if keys else table


def distance(before: pd.Series, after: pd.Series) -> float:
    """Return the largest difference of two columns; infinity where text or gaps differ."""
    if len(before) != len(after):
        return float("inf")
    if not pd.api.types.is_numeric_dtype(before) or not pd.api.types.is_numeric_dtype(after):
        return 0.0 if before.astype("str").equals(after.astype("str")) else float("inf")
    first, second = (np.asarray(column, dtype=np.float64) for column in (before, after))
    if not np.array_equal(np.isnan(first), np.isnan(second)):
        return float("inf")
    apart = np.abs(first - second)[~np.isnan(first)]
    return float(apart.max(initial=0.0))


def compare_tables(before: Path, after: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield each kind of column with whether it must be equal, and its largest difference."""
    first, second = read_table(before), read_table(after)
    columns = [name for name in first if name in second and name not in MADE_NEW]
    drawn = [name for name in columns if any(word in name for word in DRAWN)]
    if before.stem in SHUFFLED:
        drawn = [name for name in columns if name not in KEYS]
    for title, names in (
        ("point estimates", [name for name in columns if name not in drawn]),
        ("drawn at random", drawn),
    ):
        if names:
            apart = max(distance(first[name], second[name]) for name in names)
            yield f"{before.name}: {title}", title == "point estimates", apart


def compare_choice(before: Path, after: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield whether two JSON files say the same, less what says of which code they are."""
    first, second = (
        {
            name: value
            for name, value in json.loads(path.read_text("utf-8")).items()
            if name not in MADE_NEW
        }
        for path in (before, after)
    )
    yield before.name, True, 0.0 if first == second else float("inf")


def score(root: Path, test: pd.DataFrame) -> Any:
    """Return the probabilities that the latest bundle of an output root gives, shape (rows, 1)."""
    bundle = root / "06_models" / (root / "06_models" / "latest").read_text("ascii").strip()
    session = open_session((bundle / "model.onnx").read_bytes())
    names = [given.name for given in session.get_inputs()]
    inputs = {
        name: test[[name]].to_numpy(dtype="float32" if FEATURE_OF[name].kind == "number" else "O")
        for name in names
    }
    return session.run(["probability"], inputs)[0]


def compare(before: Path, after: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield what is compared, whether it must be equal, and the largest difference."""
    yield from compare_choice(*(root / SELECTION / "winner.json" for root in (before, after)))
    for folder, pattern in ((SELECTION, "*.csv"), (SELECTION, "trials.parquet"), (TABLES, "*")):
        for path in sorted((before / folder).glob(pattern)):
            counterpart = after / folder / path.name
            if counterpart.exists():
                yield from compare_tables(path, counterpart)
            else:
                yield f"{path.name} is no longer there", False, float("inf")
    test = pd.read_parquet(before / "05_model_input" / "test.parquet")
    apart = np.abs(score(before, test) - score(after, test)).max()
    yield f"scores of the published graph on {len(test):,} test rows", True, float(apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args()
    moved = False
    print("| | must be equal | largest difference |\n|---|---|---|")
    for title, fixed, apart in compare(given.before, given.after):
        moved |= fixed and apart > 0
        print(f"| {title} | {'yes' if fixed else 'no'} | {apart:.3g} |")
    sys.exit(1 if moved else 0)


if __name__ == "__main__":
    main()
