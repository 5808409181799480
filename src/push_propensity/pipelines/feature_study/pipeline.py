"""The feature study: ablation of groups, encodings, and a comparison on test."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.feature_study.nodes import (
    ablate_features,
    compare_models,
    fit_compared_models,
    try_encodings,
    write_feature_study,
)
from push_propensity.reports.figures.feature_study import (
    plot_encoding_trials,
    plot_feature_ablation,
    plot_feature_comparison,
)

OPTIONS = "params:feature_study"
DEVELOPMENT = ["train", "validation"]
TABLES = ["feature_ablation", "encoding_trials", "feature_comparison"]
LOGISTIC, XGBOOST, BASELINE = (
    f"params:{name}.candidate" for name in ("logistic_l2", "xgboost", "own_frequency")
)


def create_pipeline() -> Pipeline:
    """From the split's parts and the winner to tables, figures and a page of Markdown."""
    return Pipeline(
        [
            Node(
                ablate_features,
                [*DEVELOPMENT, "folds", "winner", XGBOOST, OPTIONS],
                "feature_ablation",
                name="ablate_features",
            ),
            Node(
                try_encodings,
                [*DEVELOPMENT, "folds", "winner", LOGISTIC, XGBOOST, OPTIONS],
                "encoding_trials",
                name="try_encodings",
            ),
            Node(
                fit_compared_models,
                [*DEVELOPMENT, "calibration", "folds", "winner", XGBOOST, BASELINE],
                "compared_models",
                name="fit_compared_models",
            ),
            Node(
                compare_models,
                ["compared_models", "test", OPTIONS],
                "feature_comparison",
                name="compare_models",
            ),
            Node(
                write_feature_study,
                [*TABLES, OPTIONS],
                "feature_study_page",
                name="write_feature_study",
            ),
            *(
                Node(plot, table, f"{table}_figure", name=plot.__name__)
                for plot, table in zip(
                    (plot_feature_ablation, plot_encoding_trials, plot_feature_comparison),
                    TABLES,
                    strict=True,
                )
            ),
        ]
    )
