"""Export of a purchase model to one ONNX graph: encoder, estimator and calibration together.

The graph takes one input per feature, shape (rows, 1), float32 or text, and gives `probability`,
shape (rows, 1).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType as FloatInput
from skl2onnx.common.data_types import StringTensorType as TextInput

from push_propensity.errors import ExportError
from push_propensity.frame.columns import DAYS_SINCE_PURCHASE, FEATURE_OF, POPULARITY, Feature
from push_propensity.models.families import FAMILIES
from push_propensity.models.family import constant
from push_propensity.models.purchase_model import LEAST_CAP, PurchaseModel
from push_propensity.scoring.session import open_session

OUTPUT = "probability"
CALIBRATED = "calibrated_probability"  # before the cap
OPSET = 18
ML_OPSET = 3
IR_VERSION = 10


def export_model(model: PurchaseModel) -> bytes:
    """Convert a model to ONNX.

    Returns:
        The serialised graph; the same model gives the same bytes.

    Raises:
        ExportError: If there is no conversion for the model's estimator.
    """
    encoder = _encoder_graph(model)
    estimator = _estimator_graph(model)
    graph = compose.merge_models(
        encoder,
        estimator,
        io_map=[(encoder.graph.output[0].name, "encoded")],
        outputs=[CALIBRATED],
        name="purchase_probability",
    )
    _cap(graph.graph, model)
    onnx.checker.check_model(graph)
    return bytes(graph.SerializeToString(deterministic=True))


def _encoder_graph(model: PurchaseModel) -> onnx.ModelProto:
    """The encoder with one input for each feature, whether it uses it or not."""
    inputs = [(name, _input_type(FEATURE_OF[name])) for name in model.features]
    options = {"target_opset": {"": OPSET, "ai.onnx.ml": ML_OPSET}}
    graph: onnx.ModelProto = convert_sklearn(model.encoder, "encoder", inputs, **options)
    return _versioned(graph)


def _input_type(feature: Feature) -> FloatInput | TextInput:
    return FloatInput([None, 1]) if feature.kind == "number" else TextInput([None, 1])


def _versioned(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with the versions that all parts share."""
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(model.graph, opset_imports=opsets, ir_version=IR_VERSION)


def _estimator_graph(model: PurchaseModel) -> onnx.ModelProto:
    """From encoded rows to calibrated probabilities."""
    nodes, constants, width = FAMILIES[model.name].graph(model.estimator)
    calibration_nodes, calibration_constants = model.calibration.graph(CALIBRATED)
    graph = helper.make_graph(
        [*nodes, *calibration_nodes],
        "estimator",
        [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(CALIBRATED, TensorProto.FLOAT, [None, 1])],
        initializer=[*constants, *calibration_constants],
    )
    return _versioned(helper.make_model(graph))


def _cap(graph: onnx.GraphProto, model: PurchaseModel) -> None:
    """Where the last purchase is beyond what training saw, end at the product's popularity."""
    constants = {"longest": model.longest, "least_cap": LEAST_CAP}
    graph.initializer.extend(constant(name, [value]) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Greater", [DAYS_SINCE_PURCHASE, "longest"], ["beyond"]),
            helper.make_node("Max", [POPULARITY, "least_cap"], ["cap"]),
            helper.make_node("Min", [CALIBRATED, "cap"], ["capped"]),
            helper.make_node("Where", ["beyond", "capped", CALIBRATED], [OUTPUT]),
        ]
    )
    graph.output[0].name = OUTPUT


def graph_inputs(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The columns of a frame as inputs of the graph, each of shape (rows, 1)."""
    return {
        name: frame[name]
        .to_numpy(dtype=np.float32 if FEATURE_OF[name].kind == "number" else object)
        .reshape(-1, 1)
        for name in names
    }


def check_parity(
    graph: bytes, model: PurchaseModel, frame: pd.DataFrame, tolerance: float
) -> float:
    """Compare the graph's probabilities with the model's.

    Args:
        graph: The serialised graph.
        model: The model that it was exported from.
        frame: Rows to compare on, columns of the feature frame.
        tolerance: Largest absolute difference that is allowed.

    Returns:
        The largest absolute difference seen.

    Raises:
        ExportError: If a difference exceeds the tolerance.
    """
    session = open_session(graph)
    inputs = graph_inputs(frame, [given.name for given in session.get_inputs()])
    scored = session.run([OUTPUT], inputs)[0][:, 0].astype(np.float64)
    difference = float(np.abs(scored - model.predict(frame)).max())
    if not difference <= tolerance:
        raise ExportError(
            f"The exported graph differs from the trained model by {difference:.2g}, more than "
            f"{tolerance:.2g}, on {len(frame)} rows. Nothing was published; try other parameters."
        )
    return difference
