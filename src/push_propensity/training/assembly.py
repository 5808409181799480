"""Training one candidate: what to train, on which rows, and the bundle that comes of it."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import HEADLINE, ProductRanking, evaluate
from push_propensity.frame.columns import (
    FEATURE_OF,
    OUTCOME,
    PRODUCT,
    USER,
    Feature,
)
from push_propensity.frame.split import summarise_part
from push_propensity.models.export import OUTPUT, graph_inputs
from push_propensity.models.families import CandidateOptions
from push_propensity.models.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.scoring.bundle import Bundle, Fingerprint, GoldenRows, Manifest, ModelFeature
from push_propensity.scoring.bundle.model import load_model
from push_propensity.scoring.session import open_session
from push_propensity.training.card import write_model_card
from push_propensity.training.specification import Specification, TrainingOptions

LIBRARIES = (
    "glum",
    "numpy",
    "onnx",
    "onnxmltools",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "skl2onnx",
)


def train_model(
    training: pd.DataFrame,
    calibration: pd.DataFrame,
    specification: Specification,
    entry: CandidateOptions,
    features: Sequence[str],
) -> PurchaseModel:
    """Fit the specified candidate to these features of the training window and calibrate it."""
    parameters = entry.complete(specification.parameters)
    return calibrate(fit_model(training, entry, parameters, features), calibration)


def measure(
    model: PurchaseModel, window: pd.DataFrame, options: TrainingOptions
) -> dict[str, float | list[float] | None]:
    """Metrics of a model on a window, the headline with a 95 % interval over users.

    Returns:
        What `metrics.evaluate` gives, None where not defined, and the interval as
        `product_average_precision_interval`, a pair or None.
    """
    probability = model.predict(window)
    y, product = window[OUTCOME].to_numpy(), window[PRODUCT].to_numpy()
    ranking = ProductRanking.of(y, probability, product)
    resamples = Resamples.of(
        window[USER], resamples=options.resamples, seed=options.seed, confidence=0.95
    )
    totals = resamples.ranking(ranking, resamples.positions(window[USER]))
    drawn = resamples.measure(lambda drawn: {HEADLINE: totals(drawn).average_precision()})
    ends = resamples.interval(drawn[HEADLINE], ranking.average_precision())
    values = {
        name: None if pd.isna(value) else value
        for name, value in evaluate(y, probability, product).items()
    }
    return {**values, f"{HEADLINE}_interval": None if np.isnan(ends).any() else list(ends)}


def draw_golden_rows(
    graph: bytes, features: Sequence[str], window: pd.DataFrame, options: TrainingOptions
) -> GoldenRows:
    """Made-up rows with the scores that the graph gives them.

    Each column is drawn on its own, so that no row is one of a user's.
    """
    generator = np.random.default_rng(options.seed)
    drawn = pd.DataFrame(
        {name: generator.choice(window[name].to_numpy(), options.golden_rows) for name in features}
    )
    session = open_session(graph)
    inputs = graph_inputs(drawn, features)
    scores = session.run([OUTPUT], inputs)[0][:, 0]
    return GoldenRows(
        inputs={name: tuple(values[:, 0].tolist()) for name, values in inputs.items()},
        probabilities=tuple(scores.astype(float).tolist()),
    )


def assemble_bundle(
    graph: bytes,
    features: Sequence[str],
    fingerprint: Fingerprint,
    specification: Specification,
    training: pd.DataFrame,
    calibration: pd.DataFrame,
    metrics: Mapping[str, Any],
    environment: str,
    options: TrainingOptions,
    minimum_items: int,
) -> Bundle:
    """Put together what is published: the graph, the manifest and the model card.

    `features` are the graph's inputs, `minimum_items` is how many items an order had to hold to
    count.

    Raises:
        BundleError: If the bundle would be refused when it is loaded.
    """
    manifest = Manifest(
        environment=environment,
        features=tuple(_describe_feature(FEATURE_OF[name], training) for name in features),
        training_window={
            **summarise_part(training),
            "minimum_items": minimum_items,
            "refit": options.refit,
        },
        calibration_window=summarise_part(calibration),
        fingerprint=fingerprint,
        candidate=specification.candidate,
        parameters=specification.parameters,
        metrics={"window": "calibration", **metrics},
        libraries={name: version(name) for name in LIBRARIES} | {"xgboost": xgboost.__version__},
        golden_rows=draw_golden_rows(graph, features, calibration, options),
    )
    card = write_model_card(manifest)
    load_model(graph, manifest.features, manifest.golden_rows)
    return Bundle(manifest, {"model.onnx": graph, "model_card.md": card.encode()})


def _describe_feature(feature: Feature, training: pd.DataFrame) -> ModelFeature:
    seen = sorted(set(training[feature.name])) if feature.kind == "category" else None
    return ModelFeature(
        name=feature.name,
        kind=feature.kind,
        minimum=feature.minimum,
        maximum=feature.maximum,
        categories=None if seen is None else tuple(seen),
    )
