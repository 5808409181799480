"""What is measured on test, and how finely."""

from typing import Literal

from pydantic import Field

from push_propensity.evaluation.bootstrap import BootstrapOptions


class ReportOptions(BootstrapOptions):
    """What the report measures and how finely.

    Attributes:
        notified_share: Share of a product's users that the summary speaks of.
        threshold: From which probability a row counts as a predicted purchase; left out, each
            entry takes the one with the best F1 on the calibration window.
        resamples: Resamples of users behind each interval.
        confidence: Of the intervals.
        seed: Of the resamples and shuffles.
        curve_points: Points of each ranking curve.
        calibration_bins: Most points of a calibration curve.
        importance_window: On which rows features are shuffled.
        importance_orders: Most orders of that window to use.
        importance_rows: About how many rows of those orders to use, all purchases among them: each
            shuffle scores them anew, which for many products costs more than all else.
        importance_repeats: Shuffles of each feature.
        minimum_slice_purchases: Product types bought less often are one part together.
        data_source: Which data these are, in words for readers; left empty, nothing is said.
    """

    notified_share: float = Field(default=0.1, gt=0, lt=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    resamples: int = Field(default=300, ge=10)
    seed: int = Field(default=0, ge=0)
    curve_points: int = Field(default=201, ge=2, le=500)
    calibration_bins: int = Field(default=10, ge=2)
    importance_window: Literal["calibration", "test"] = "test"
    importance_orders: int = Field(default=150, ge=1)
    importance_rows: int = Field(default=100_000, ge=1)
    importance_repeats: int = Field(default=3, ge=1)
    minimum_slice_purchases: int = Field(default=30, ge=1)
    data_source: str = ""
