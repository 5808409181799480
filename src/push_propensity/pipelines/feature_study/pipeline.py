"""The feature study: ablation of groups, encodings, and a comparison on test."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.development import JOIN
from push_propensity.reports.figures.feature_study import (
    plot_encoding_trials,
    plot_feature_ablation,
    plot_feature_comparison,
)
from push_propensity.reports.study_tables import write_feature_study
from push_propensity.selection.variants.comparison import compare_models, fit_compared_models
from push_propensity.selection.variants.trials import ablate_features, try_encodings

OPTIONS = "params:feature_study"
TABLES = ["feature_ablation", "encoding_trials", "feature_comparison"]
CANDIDATES = "params:candidates"


def create_pipeline() -> Pipeline:
    """From the split's parts and the winner to tables, figures and a page of Markdown."""
    return Pipeline(
        [
            JOIN,
            Node(
                ablate_features,
                ["development", "folds", "winner", CANDIDATES, OPTIONS],
                "feature_ablation",
                name="ablate_features",
            ),
            Node(
                try_encodings,
                ["development", "folds", "winner", CANDIDATES, OPTIONS],
                "encoding_trials",
                name="try_encodings",
            ),
            Node(
                fit_compared_models,
                ["development", "calibration", "folds", "winner", CANDIDATES],
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
