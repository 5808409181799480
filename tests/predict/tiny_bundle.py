"""A small bundle with a hand-made graph: a weighted sum of the features through a sigmoid."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from push_propensity.frame.columns import FEATURES
from push_propensity.scoring.bundle import Bundle, Fingerprint, GoldenRows, Manifest, ModelFeature

HIGHEST = 90.0
SCHEMA = tuple(
    ModelFeature(
        name=f.name,
        kind=f.kind,
        minimum=f.minimum,
        maximum=f.maximum,
        lowest=f.minimum,
        highest=None if f.maximum is None else min(f.maximum, HIGHEST),
    )
    for f in FEATURES
)
KNOWN = {"product_type": ("fruit", "bread", "thé"), "vendor": ("acme", "farm")}


def make_rows(count: int, seed: int = 0) -> list[dict]:
    dice = random.Random(seed)
    return [{f.name: _value(f, dice) for f in SCHEMA} for _ in range(count)]


def _value(feature: ModelFeature, dice: random.Random):
    if feature.kind == "category":
        return dice.choice(KNOWN[feature.name])
    value = dice.uniform(feature.lowest, feature.highest)
    return round(value) if feature.name.startswith("count_") else value


def make_graph(schema: Sequence[ModelFeature] = SCHEMA, seed: int = 1, output: str = "probability"):
    dice = np.random.default_rng(seed)
    numbers = [f for f in schema if f.kind == "number"]
    weights = np.array(
        [[dice.normal() / min(f.maximum or 1.0, HIGHEST)] for f in numbers], np.float32
    )
    nodes = [
        helper.make_node("Concat", [f.name for f in numbers], ["joined"], axis=1),
        helper.make_node("MatMul", ["joined", "weights"], ["sum_0"]),
    ]
    categories = [f for f in schema if f.kind == "category"]
    for position, feature in enumerate(categories):
        known = KNOWN.get(feature.name, ("a", "b"))
        encoder = helper.make_node(
            "LabelEncoder",
            [feature.name],
            [f"{feature.name}_effect"],
            domain="ai.onnx.ml",
            keys_strings=list(known),
            values_floats=[float(dice.normal()) for _ in known],
            default_float=0.25,
        )
        total = [f"sum_{position}", f"{feature.name}_effect"]
        nodes += [encoder, helper.make_node("Add", total, [f"sum_{position + 1}"])]
    nodes.append(helper.make_node("Sigmoid", [f"sum_{len(categories)}"], [output]))
    types = {"number": TensorProto.FLOAT, "category": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(f.name, types[f.kind], [None, 1]) for f in schema]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 1])]
    initial = [onnx.numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initial)
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=versions, ir_version=9).SerializeToString()


def expected_scores(rows: list[dict], seed: int = 1) -> np.ndarray:
    """What the graph of `make_graph` says, in double precision and without ONNX."""
    dice = np.random.default_rng(seed)
    numbers = [f for f in SCHEMA if f.kind == "number"]
    weights = [np.float32(dice.normal() / f.highest) for f in numbers]
    effects = {
        name: dict(zip(KNOWN[name], (dice.normal() for _ in KNOWN[name]), strict=True))
        for name in KNOWN
    }
    sums = [
        sum(float(w) * row[f.name] for f, w in zip(numbers, weights, strict=True))
        + sum(effects[name].get(row[name], 0.25) for name in KNOWN)
        for row in rows
    ]
    return 1 / (1 + np.exp(-np.array(sums)))


def make_bundle(seed: int = 1, data: str = "data", **manifest) -> Bundle:
    rows = make_rows(8, seed=99)
    golden = GoldenRows(
        inputs={name: tuple(row[name] for row in rows) for name in rows[0]},
        probabilities=tuple(expected_scores(rows, seed)),
    )
    fields = {
        "environment": "base",
        "features": SCHEMA,
        "training_window": {"first_day": "2021-01-01", "last_day": "2021-02-01"},
        "calibration_window": {"first_day": "2021-02-02", "last_day": "2021-02-10"},
        "fingerprint": Fingerprint(data=data, parameters="p", code="c"),
        "candidate": "logistic_l2",
        "parameters": {"C": 1e-06},
        "metrics": {"product_average_precision": 0.6},
        "libraries": {"onnx": onnx.__version__},
        "golden_rows": golden,
    }
    files = {"model.onnx": make_graph(seed=seed), "model_card.md": b"# Tiny\n"}
    return Bundle(Manifest(**(fields | manifest)), files)


def tree(root: Path) -> dict[str, bytes]:
    """Every file under a folder with its content, the lock aside."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
