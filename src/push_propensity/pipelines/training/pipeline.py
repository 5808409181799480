"""Training: fit, calibrate, export, check and publish one candidate."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.training.nodes import (
    assemble_bundle,
    choose_specification,
    collect_candidates,
    cut_windows,
    export_model,
    measure_model,
    pick_features,
    take_fingerprint,
    train_model,
)

CANDIDATES = ("logistic_l2", "logistic_elastic_net", "xgboost")
OPTIONS = "params:training_options"
WINDOWS = ["training_window", "calibration_window"]


def create_pipeline() -> Pipeline:
    """From the split's parts and the winner to the published bundle."""
    return Pipeline(
        [
            Node(
                collect_candidates,
                [f"params:{name}.candidate" for name in CANDIDATES],
                "candidates",
                name="collect_candidates",
            ),
            Node(
                choose_specification,
                ["winner", OPTIONS, "candidates"],
                "specification",
                name="choose_specification",
            ),
            Node(
                cut_windows,
                ["train", "validation", "calibration", "test", OPTIONS],
                WINDOWS,
                name="cut_windows",
            ),
            Node(
                pick_features,
                ["training_window", "params:model_selection"],
                "model_features",
                name="pick_features",
            ),
            Node(
                take_fingerprint,
                [*WINDOWS, "specification", "candidates", "model_features", OPTIONS],
                "fingerprint",
                name="take_fingerprint",
            ),
            Node(
                train_model,
                [*WINDOWS, "specification", "candidates", "model_features"],
                "trained_model",
                name="train_model",
            ),
            Node(
                export_model,
                ["trained_model", *WINDOWS, OPTIONS],
                ["onnx_graph", "parity"],
                name="export_model",
            ),
            Node(
                measure_model,
                ["trained_model", "calibration_window", "parity", OPTIONS],
                "model_metrics",
                name="measure_model",
            ),
            Node(
                assemble_bundle,
                [
                    "onnx_graph",
                    "model_features",
                    "fingerprint",
                    "specification",
                    *WINDOWS,
                    "model_metrics",
                    "params:environment",
                    OPTIONS,
                    "params:split",
                ],
                "model_bundle",
                name="assemble_bundle",
            ),
        ]
    )
