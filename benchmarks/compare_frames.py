"""Compare a built feature frame with another one of the same orders, as two Markdown tables.

python benchmarks/compare_frames.py <built.parquet> <reference.parquet>
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.frame.columns import COLUMNS, NUMERIC_FEATURES, ORDER, OUTCOME, PRODUCT

KEYS = (ORDER, PRODUCT)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class KeyComparison:
    """Rows and purchases (rows of outcome 1) of two frames and of the keys they share."""

    built_rows: int
    reference_rows: int
    shared_rows: int
    reference_purchases: float
    shared_purchases: float

    @property
    def shared(self) -> float:
        """Share of the reference's (order, product) keys that the built frame has too."""
        return self.shared_rows / self.reference_rows


@dataclass(frozen=True)
class ColumnComparison:
    """One column on the shared keys.

    Attributes:
        name: The column.
        equal: Share of the shared keys with the same value; numbers may differ by `TOLERANCE`,
            which the order of additions explains.
        different_rows: Shared keys with another value.
        largest_difference: The largest absolute difference; None for what is no number.
    """

    name: str
    equal: float
    different_rows: int
    largest_difference: float | None


def compare_keys(built: ir.Table, reference: ir.Table) -> KeyComparison:
    """Compare the (order, product) keys of two feature frames; the keys of each are unique."""
    shared = reference.semi_join(built, list(KEYS))
    counts = [_.count().name("rows"), _[OUTCOME].sum().name("purchases")]
    [of_reference] = reference.aggregate(counts).to_pyarrow().to_pylist()
    [of_shared] = shared.aggregate(counts).to_pyarrow().to_pylist()
    return KeyComparison(
        built_rows=built.count().to_pyarrow().as_py(),
        reference_rows=of_reference["rows"],
        shared_rows=of_shared["rows"],
        reference_purchases=of_reference["purchases"] or 0.0,
        shared_purchases=of_shared["purchases"] or 0.0,
    )


def compare_columns(built: ir.Table, reference: ir.Table) -> list[ColumnComparison]:
    """Compare every other column of two feature frames on the keys that they share."""
    names = [name for name in COLUMNS if name not in KEYS]
    joined = built.join(reference, list(KEYS), rname="reference_{name}")
    measures = [joined.count().name("rows")]
    for name in names:
        measures += _measures(name, joined[name], joined[f"reference_{name}"])
    [row] = joined.aggregate(measures).to_pyarrow().to_pylist()
    return [_column(name, row) for name in names] if row["rows"] else []


def _measures(name: str, built: ir.Column, reference: ir.Column) -> list[ir.Scalar]:
    if name not in (OUTCOME, *NUMERIC_FEATURES):
        return [(~built.identical_to(reference)).sum().name(f"different_{name}")]
    difference = (built - reference).abs()
    one_missing = built.isnull() != reference.isnull()
    return [
        (one_missing | (difference > TOLERANCE).fill_null(False)).sum().name(f"different_{name}"),
        difference.max().name(f"largest_{name}"),
    ]


def _column(name: str, row: dict[str, float | None]) -> ColumnComparison:
    rows, different = row["rows"] or 0, int(row[f"different_{name}"] or 0)
    return ColumnComparison(
        name=name,
        equal=1 - different / rows,
        different_rows=different,
        largest_difference=row.get(f"largest_{name}"),
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
