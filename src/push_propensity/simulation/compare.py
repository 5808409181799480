"""A simulated feature frame beside the published statistics of the shop's own.

`python -m push_propensity.simulation.compare FRAME.parquet` prints the table as Markdown and fails
if a row is outside its tolerance.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pandas as pd
from omegaconf import OmegaConf
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.errors import DataError
from push_propensity.feature_frame import FLAGS, ORDER, OUTCOME, POPULARITY, PRODUCT, USER

MINIMUM_ITEMS = 5
_COLUMNS = [
    PRODUCT,
    "product_type",
    "vendor",
    ORDER,
    USER,
    "created_at",
    "user_order_seq",
    OUTCOME,
    *FLAGS,
    POPULARITY,
    "normalised_price",
    "discount_pct",
    "count_children",
    "count_pets",
]


class PublishedMeasure(BaseModel):
    """A published figure, the relative difference allowed and how to print it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    published: float
    tolerance: float = Field(ge=0)
    kind: Literal["count", "share", "number"]


class _Published(BaseModel):
    measures: dict[str, PublishedMeasure]


@dataclass(frozen=True)
class Comparison:
    """One row of the table: a simulated figure beside the published one."""

    name: str
    simulated: float
    measure: PublishedMeasure

    @property
    def difference(self) -> float:
        """The difference relative to the published figure."""
        return self.simulated / self.measure.published - 1.0

    @property
    def within(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference) <= self.measure.tolerance


def published_measures() -> dict[str, PublishedMeasure]:
    """Return the published figures by name."""
    text = files("push_propensity.simulation").joinpath("published.yml").read_text("utf-8")
    return _Published.model_validate(OmegaConf.to_container(OmegaConf.create(text))).measures


def compare_with_published(frame: pd.DataFrame) -> list[Comparison]:
    """Measure a feature frame as the published one was; one comparison per published figure."""
    simulated = measure_frame(frame)
    return [
        Comparison(name, simulated.get(name, 0.0), measure)
        for name, measure in published_measures().items()
    ]


def measure_frame(frame: pd.DataFrame) -> dict[str, float]:
    """Return the figures of a feature frame by the names of the published ones."""
    orders = _summarise_orders(frame)
    return {
        **_sizes(frame, orders),
        **_months(orders),
        **_items(orders),
        **_balance(frame, orders),
        **_flags(frame),
        **_columns(frame),
    }


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a Markdown table."""
    lines = [
        "| figure | published | simulated | difference | tolerance | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_line(comparison) for comparison in comparisons)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table for a frame in a Parquet file; 1 if a row is outside its tolerance."""
    parser = argparse.ArgumentParser(description=compare_with_published.__doc__)
    parser.add_argument("frame", type=Path, help="Parquet file of a feature frame")
    path = parser.parse_args(arguments).frame
    try:
        comparisons = compare_with_published(read_frame(path))
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    outside = [comparison.name for comparison in comparisons if not comparison.within]
    sys.stdout.write(f"{to_markdown(comparisons)}\n\n")
    sys.stdout.write(f"{len(outside)} of {len(comparisons)} figures outside their tolerance\n")
    return 1 if outside else 0


def read_frame(path: Path) -> pd.DataFrame:
    """Read the columns that are compared from a Parquet file.

    Raises:
        DataError: There is no such file.
    """
    if not path.is_file():
        raise DataError(
            "Expected the Parquet file of a feature frame, found none at the given path. Build "
            "it with `kedro run --env simulation --pipelines sample_data,feature_engineering`."
        )
    return pd.read_parquet(path, columns=_COLUMNS)


def _summarise_orders(frame: pd.DataFrame) -> pd.DataFrame:
    orders = frame.groupby(ORDER, sort=False).agg(
        created_at=("created_at", "first"),
        user_order_seq=("user_order_seq", "first"),
        rows=(OUTCOME, "size"),
        items=(OUTCOME, "sum"),
    )
    orders["month"] = pd.to_datetime(orders["created_at"]).dt.strftime("%Y-%m")
    return orders.sort_values("created_at")


def _sizes(frame: pd.DataFrame, orders: pd.DataFrame) -> dict[str, float]:
    return {
        "rows": len(frame),
        "repeat orders": len(orders),
        "users": frame[USER].nunique(),
        "products": frame[PRODUCT].nunique(),
        "product types": frame["product_type"].nunique(),
        "vendors": frame["vendor"].nunique(),
        "rows of the first order": orders["rows"].iloc[0],
        "rows of the last order": orders["rows"].iloc[-1],
    }


def _months(orders: pd.DataFrame) -> dict[str, float]:
    rows = orders.groupby("month")["rows"].sum()
    kept = orders[orders["items"] >= MINIMUM_ITEMS].groupby("month").size()
    return {f"rows in {month}": float(count) for month, count in rows.items()} | {
        f"orders of 5 items in {month}": float(count) for month, count in kept.items()
    }


def _items(orders: pd.DataFrame) -> dict[str, float]:
    # As published: over the orders with at least one listed item.
    items = orders.loc[orders["items"] > 0, "items"]
    kept = orders["items"] >= MINIMUM_ITEMS
    return {
        "mean items per order": items.mean(),
        "lower quartile of items": items.quantile(0.25),
        "median of items": items.median(),
        "upper quartile of items": items.quantile(0.75),
        "most items": items.max(),
        "orders of at least 5 items": kept.sum(),
        "share of orders of at least 5 items": kept.mean(),
    }


def _balance(frame: pd.DataFrame, orders: pd.DataFrame) -> dict[str, float]:
    kept = orders[orders["items"] >= MINIMUM_ITEMS]
    return {
        "class balance": frame[OUTCOME].mean(),
        "class balance in orders of at least 5 items": kept["items"].sum() / kept["rows"].sum(),
    }


def _flags(frame: pd.DataFrame) -> dict[str, float]:
    figures: dict[str, float] = {}
    for flag in FLAGS:
        rates = frame.groupby(flag)[OUTCOME].mean().reindex([0.0, 1.0], fill_value=0.0)
        figures[f"rows with {flag}"] = frame[flag].sum()
        figures[f"outcome at {flag} 0"], figures[f"outcome at {flag} 1"] = rates
    return figures


def _columns(frame: pd.DataFrame) -> dict[str, float]:
    return {
        "mean of user_order_seq": frame["user_order_seq"].mean(),
        "largest user_order_seq": frame["user_order_seq"].max(),
        "mean global_popularity": frame[POPULARITY].mean(),
        "upper quartile of global_popularity": frame[POPULARITY].quantile(0.75),
        "largest global_popularity": frame[POPULARITY].max(),
        "median normalised_price": frame["normalised_price"].median(),
        "median discount_pct": frame["discount_pct"].median(),
        "mean count_children": frame["count_children"].mean(),
        "mean count_pets": frame["count_pets"].mean(),
    }


def _line(row: Comparison) -> str:
    tolerance = f"± {row.measure.tolerance:.0%}" if row.measure.tolerance else "none"
    verdict = "" if row.within else "**outside**"
    published = _print(row.measure.published, row.measure.kind)
    simulated = _print(row.simulated, row.measure.kind)
    return (
        f"| {row.name} | {published} | {simulated} | {row.difference:+.1%} | "
        f"{tolerance} | {verdict} |"
    )


def _print(value: float, kind: str) -> str:
    formats = {"count": "{:,.0f}", "share": "{:.3%}", "number": "{:.3g}"}
    return formats[kind].format(value)


if __name__ == "__main__":
    sys.exit(main())
