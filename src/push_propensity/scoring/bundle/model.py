"""The model of a bundle, ready to score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from push_propensity.errors import BundleError
from push_propensity.scoring.bundle.manifest import GoldenRows
from push_propensity.scoring.inputs import FeatureSchema, ModelFeature
from push_propensity.scoring.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

OUTPUT = "probability"
GOLDEN_TOLERANCE = 1e-6
_TYPES = {"number": "tensor(float)", "category": "tensor(string)"}
_BLOCK = 16
_GLANCE = 64


@dataclass(frozen=True)
class LoadedModel:
    """An ONNX graph with the schema of its inputs; safe to use from many threads."""

    schema: FeatureSchema
    session: "InferenceSession"

    def score(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """Return the calibrated probability of every row.

        A row's score has the same bits alone and in any batch: ONNX Runtime multiplies a single
        row in another way than several, and may treat what is left over after its vector
        width in another way than the rest, so rows are filled up to whole blocks.

        Args:
            columns: One array of shape (rows, 1) per feature, float32 or text objects.

        Returns:
            Probabilities in [0, 1], shape (rows,).

        Raises:
            BundleError: The graph fails or gives something else than probabilities.
        """
        height = len(next(iter(columns.values())))
        if height == 0:
            return np.empty(0)
        order = _order_alike(columns)
        blocks = -(-height // _BLOCK) * _BLOCK
        rows = order[np.minimum(np.arange(blocks), height - 1)]
        scores = np.empty(height)
        scores[order] = self._run({name: column[rows] for name, column in columns.items()})[:height]
        return scores

    def _run(self, columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        try:
            scores = np.ravel(self.session.run([OUTPUT], columns)[0]).astype(np.float64)
        except Exception as error:  # onnxruntime has no common class of its errors
            raise BundleError("The model's graph cannot be run. Train the model anew.") from error
        height = len(next(iter(columns.values())))
        if scores.shape != (height,) or not ((scores >= 0) & (scores <= 1)).all():
            raise BundleError("The model gave something else than probabilities. Train it anew.")
        return scores


def _order_alike(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.intp]:
    """Order the rows so that neighbours are alike, by the features with the fewest values first.

    Neighbours then mostly go the same way through a tree, which the processor foresees: many trees
    are faster so.
    """
    height = len(next(iter(columns.values())))
    numbers = [column[:, 0] for column in columns.values() if column.dtype != object]
    if height <= _GLANCE or not numbers:  # not worth it
        return np.arange(height)
    sizes = [len(set(number[:_GLANCE].tolist())) for number in numbers]
    return np.lexsort([numbers[i] for i in np.argsort(sizes)[::-1]])


def load_model(
    graph: bytes, features: tuple[ModelFeature, ...], golden_rows: GoldenRows
) -> LoadedModel:
    """Make a model of an ONNX graph and check that it is the one that was published.

    Raises:
        BundleError: The graph cannot be loaded, its inputs are not the features in order, or the
            golden rows do not score as recorded.
    """
    model = LoadedModel(FeatureSchema(features), open_session(graph))
    inputs = [(each.name, each.type) for each in model.session.get_inputs()]
    if inputs != [(feature.name, _TYPES[feature.kind]) for feature in features]:
        raise BundleError("The model's inputs are not the manifest's features. Train it anew.")
    _check_golden_rows(model, golden_rows)
    return model


def _check_golden_rows(model: LoadedModel, golden: GoldenRows) -> None:
    names = [feature.name for feature in model.schema.features]
    heights = {len(column) for column in golden.inputs.values()}
    if set(golden.inputs) != set(names) or heights != {len(golden.probabilities)} or heights == {0}:
        raise BundleError("The golden rows do not belong to the model. Train it anew.")
    cells = zip(*(golden.inputs[name] for name in names), strict=True)
    columns, faults = model.schema.tabulate([dict(zip(names, row, strict=True)) for row in cells])
    if faults:
        raise BundleError("The golden rows are not valid rows of the model. Train it anew.")
    difference = np.abs(model.score(columns) - golden.probabilities)
    if not (difference <= GOLDEN_TOLERANCE).all():
        raise BundleError("The golden rows do not score as recorded. Train the model anew.")
