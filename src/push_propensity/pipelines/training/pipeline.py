"""Training: fit, calibrate, export, check and publish one candidate."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.development import JOIN
from push_propensity.selection.choice import pick_features
from push_propensity.training.assembly import (
    assemble_bundle,
    export_checked,
    measure_model,
    train_model,
)
from push_propensity.training.fingerprint import fingerprint_training
from push_propensity.training.specification import choose_specification, cut_windows

CANDIDATES = "params:candidates"
OPTIONS = "params:training_options"
WINDOWS = ["training_window", "calibration_window"]


def create_pipeline() -> Pipeline:
    """From the split's parts and the winner to the published bundle."""
    return Pipeline(
        [
            JOIN,
            Node(
                choose_specification,
                ["winner", OPTIONS, CANDIDATES],
                "specification",
                name="choose_specification",
            ),
            Node(
                cut_windows,
                ["development", "calibration", "test", OPTIONS],
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
                fingerprint_training,
                [*WINDOWS, "specification", CANDIDATES, "model_features", OPTIONS],
                "fingerprint",
                name="fingerprint_training",
            ),
            Node(
                train_model,
                [*WINDOWS, "specification", CANDIDATES, "model_features"],
                "trained_model",
                name="train_model",
            ),
            Node(
                export_checked,
                ["trained_model", *WINDOWS, OPTIONS],
                ["onnx_graph", "parity"],
                name="export_checked",
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
                    "trained_model",
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
