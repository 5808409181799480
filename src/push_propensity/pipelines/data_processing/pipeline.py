"""The `data_processing` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.frame.quality import assess_quality
from push_propensity.frame.split import PARTS, split_orders, summarise_split
from push_propensity.pipelines.data_processing.nodes import filter_frame, plan_split
from push_propensity.reports.figures.data_quality import draw_quality


def create_pipeline() -> Pipeline:
    """Filter the feature frame, split it by day, cut folds and report on its quality."""
    return Pipeline(
        [
            Node(
                filter_frame,
                ["feature_frame@pandas", "params:split", "params:quality"],
                ["kept_orders", "frame_quality"],
                name="filter_frame",
            ),
            Node(
                plan_split,
                ["kept_orders", "params:split", "params:folds"],
                ["split_days", "folds"],
                name="plan_split",
            ),
            Node(split_orders, ["kept_orders", "split_days"], [*PARTS], name="split_orders"),
            Node(summarise_split, [*PARTS], "split_summary", name="summarise_split"),
            Node(
                assess_quality,
                ["frame_quality", "split_days", "params:quality"],
                "data_quality",
                name="assess_quality",
            ),
            Node(draw_quality, "data_quality", "data_quality_figure", name="draw_quality"),
        ]
    )
