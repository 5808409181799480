"""A simulated feature frame beside the published statistics of the shop's own.

`python -m benchmarks.published_frame.compare FRAME.parquet` prints the tables as Markdown and fails
if a row is outside its tolerance.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from benchmarks.published_frame.reached_quality import reached_quality
from omegaconf import OmegaConf
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    COLUMNS,
    FLAGS,
    NUMERIC_FEATURES,
    ORDER,
    OUTCOME,
    POPULARITY,
    PRODUCT,
    USER,
)

MINIMUM_ITEMS = 5
Section = Literal["figures", "correlations", "quality"]


class PublishedMeasure(BaseModel):
    """A published figure, the difference allowed and how to print it.

    The difference of a score (a correlation, a metric) is absolute, else relative.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    published: float
    tolerance: float = Field(ge=0)
    kind: Literal["count", "share", "number", "score"]


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: dict[str, PublishedMeasure]
    correlations: dict[str, PublishedMeasure]
    quality: dict[str, PublishedMeasure]


@dataclass(frozen=True)
class Comparison:
    """One row of the table: a simulated figure beside the published one."""

    name: str
    simulated: float
    measure: PublishedMeasure

    @property
    def difference(self) -> float:
        """The difference, relative to the published figure unless it is a score."""
        if self.measure.kind == "score":
            return self.simulated - self.measure.published
        return self.simulated / self.measure.published - 1.0

    @property
    def within(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference) <= self.measure.tolerance


def published_measures(section: Section) -> dict[str, PublishedMeasure]:
    """Return the published figures of a section by name."""
    text = Path(__file__).with_name("published.yml").read_text("utf-8")
    published = _Published.model_validate(OmegaConf.to_container(OmegaConf.create(text)))
    measures: dict[str, PublishedMeasure] = getattr(published, section)
    return measures


def compare_with_published(frame: pd.DataFrame, section: Section = "figures") -> list[Comparison]:
    """Measure a feature frame as the published one was; one comparison per published figure.

    Raises:
        DataError: The quality is asked for and the frame is too small to be split.
    """
    simulated = _MEASURES[section](frame)
    return [
        Comparison(name, simulated.get(name, 0.0), measure)
        for name, measure in published_measures(section).items()
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


def correlate_with_outcome(frame: pd.DataFrame) -> dict[str, float]:
    """Return Pearson's correlation of each numeric feature with the outcome; 0 for a constant."""
    correlations = frame[list(NUMERIC_FEATURES)].corrwith(frame[OUTCOME]).fillna(0.0)
    return {str(name): float(value) for name, value in correlations.items()}


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a Markdown table."""
    lines = [
        "| figure | published | simulated | difference | tolerance | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_line(comparison) for comparison in comparisons)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables for a frame in a Parquet file; 1 if a row is outside its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frame", type=Path, help="Parquet file of a feature frame")
    path = parser.parse_args(arguments).frame
    try:
        frame = read_frame(path)
        tables = [compare_with_published(frame, section) for section in _MEASURES]
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    comparisons = [row for table in tables for row in table]
    outside = [row for row in comparisons if not row.within]
    sys.stdout.writelines(f"{to_markdown(table)}\n\n" for table in tables)
    sys.stdout.write(f"{len(outside)} of {len(comparisons)} figures outside their tolerance\n")
    return 1 if outside else 0


def read_frame(path: Path) -> pd.DataFrame:
    """Read the columns of a feature frame from a Parquet file.

    Raises:
        DataError: There is no such file.
    """
    if not path.is_file():
        raise DataError(
            "Expected the Parquet file of a feature frame, found none at the given path. Build "
            "it with `kedro run --env simulation --pipelines sample_data,feature_engineering`."
        )
    return pd.read_parquet(path, columns=list(COLUMNS))


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
    verdict = "" if row.within else "**outside**"
    published = _print(row.measure.published, row.measure.kind)
    simulated = _print(row.simulated, row.measure.kind)
    if row.measure.kind == "score":
        difference, tolerance = f"{row.difference:+z.3f}", f"± {row.measure.tolerance:.3g}"
    else:
        difference, tolerance = f"{row.difference:+.1%}", f"± {row.measure.tolerance:.0%}"
    allowed = tolerance if row.measure.tolerance else "none"
    return f"| {row.name} | {published} | {simulated} | {difference} | {allowed} | {verdict} |"


def _print(value: float, kind: str) -> str:
    formats = {"count": "{:,.0f}", "share": "{:.3%}", "number": "{:.3g}", "score": "{:z.3f}"}
    return formats[kind].format(value)


_MEASURES: dict[Section, Callable[[pd.DataFrame], dict[str, float]]] = {
    "figures": measure_frame,
    "correlations": correlate_with_outcome,
    "quality": reached_quality,
}

if __name__ == "__main__":
    sys.exit(main())
