"""Compare a built feature frame with another one of the same orders, as two Markdown tables.

python benchmarks/compare_frames.py <built.parquet> <reference.parquet>
"""

import argparse
from pathlib import Path

import ibis

from push_propensity.features.comparison import (
    ColumnComparison,
    KeyComparison,
    compare_columns,
    compare_keys,
)


def describe_keys(keys: KeyComparison) -> str:
    """Return rows, shared keys and shared purchases as a Markdown table."""
    purchases = keys.shared_purchases / keys.reference_purchases
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            f"| rows of the built frame | {keys.built_rows:,} |",
            f"| rows of the reference | {keys.reference_rows:,} |",
            f"| shared keys | {keys.shared_rows:,} ({keys.shared:.2%} of the reference) |",
            f"| shared purchases | {keys.shared_purchases:,.0f} ({purchases:.2%}) |",
        ]
    )


def describe_columns(columns: list[ColumnComparison]) -> str:
    """Return one Markdown line per column."""
    lines = ["| column | equal | rows that differ | largest difference |", "|---|---|---|---|"]
    for column in columns:
        largest = column.largest_difference
        shown = "" if largest is None else f"{largest:.3g}"
        lines.append(
            f"| {column.name} | {column.equal:.4%} | {column.different_rows:,} | {shown} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the two paths from the command line and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("built", type=Path)
    parser.add_argument("reference", type=Path)
    arguments = parser.parse_args()
    connection = ibis.duckdb.connect()
    built = connection.read_parquet(arguments.built)
    reference = connection.read_parquet(arguments.reference)
    print(describe_keys(compare_keys(built, reference)))
    print()
    print(describe_columns(compare_columns(built, reference)))


if __name__ == "__main__":
    main()
