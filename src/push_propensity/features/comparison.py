"""How a built feature frame differs from another one."""

from dataclasses import dataclass

import ibis.expr.types as ir
from ibis import _

from push_propensity.feature_frame import COLUMNS, NUMERIC_FEATURES, ORDER, OUTCOME, PRODUCT

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
