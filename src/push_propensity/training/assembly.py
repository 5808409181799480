"""Training one candidate: what to train, on which rows, and the bundle that comes of it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import HEADLINE, ProductRanking, evaluate
from push_propensity.evaluation.uncertainty import headline_measure
from push_propensity.frame.columns import (
    FEATURE_OF,
    OUTCOME,
    PRODUCT,
    USER,
    Feature,
)
from push_propensity.frame.split import SplitOptions, summarise_part
from push_propensity.models.candidates import Candidates
from push_propensity.models.export import OUTPUT, check_parity, export_model, graph_inputs
from push_propensity.models.families import FAMILIES
from push_propensity.models.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.scoring.bundle import Bundle, Fingerprint, GoldenRows, Manifest, ModelFeature
from push_propensity.scoring.bundle.model import load_model
from push_propensity.scoring.session import open_session
from push_propensity.training.card import write_model_card
from push_propensity.training.specification import (
    Specification,
    TrainingOptions,
    parity_rows,
)

LIBRARIES = (
    "numpy",
    "onnx",
    "onnxmltools",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "skl2onnx",
)


def train_model(
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    specification: Specification,
    candidates: Candidates,
    model_features: tuple[str, ...],
) -> PurchaseModel:
    """Fit the specified candidate to these features of the training window and calibrate it."""
    entry = candidates[specification.candidate]
    parameters = entry.complete(specification.parameters)
    model = fit_model(training_window, entry, parameters, model_features)
    return calibrate(model, calibration_window, entry)


def export_checked(
    trained_model: PurchaseModel,
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    training_options: TrainingOptions,
) -> tuple[bytes, float]:
    """Export the model to ONNX.

    Returns:
        The graph, and how far its probabilities are from the model's at most.

    Raises:
        ExportError: If they are further than the tolerance, or there is no conversion.
    """
    graph = export_model(trained_model)
    rows = parity_rows(training_window, calibration_window, training_options)
    return graph, check_parity(graph, trained_model, rows, training_options.parity_tolerance)


def measure_model(
    trained_model: PurchaseModel,
    calibration_window: pd.DataFrame,
    parity: float,
    training_options: TrainingOptions,
) -> dict[str, Any]:
    """Measure a model on its calibration window, the headline with a 95 % interval over users.

    Returns:
        What `metrics.evaluate` gives, None where not defined; the interval as
        `product_average_precision_interval`, a pair or None; `parity`, the export's largest
        difference, as `export_difference`; and the `calibration`, described.
    """
    model, window, options = trained_model, calibration_window, training_options
    probability = model.predict(window)
    y, product = window[OUTCOME].to_numpy(), window[PRODUCT].to_numpy()
    ranking = ProductRanking.of(y, probability, product)
    resamples = Resamples.of(
        window[USER], resamples=options.resamples, seed=options.seed, confidence=0.95
    )
    measure = headline_measure(ranking, resamples.positions(window[USER]), resamples)
    drawn = resamples.measure(measure)
    ends = resamples.interval(drawn[HEADLINE], ranking.average_precision())
    values = {
        name: None if pd.isna(value) else value
        for name, value in evaluate(y, probability, product).items()
    }
    known = None if np.isnan(ends).any() else list(ends)
    return {
        **values,
        f"{HEADLINE}_interval": known,
        "export_difference": parity,
        "calibration": model.calibration.describe(),
    }


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
    onnx_graph: bytes,
    trained_model: PurchaseModel,
    fingerprint: Fingerprint,
    specification: Specification,
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    model_metrics: dict[str, Any],
    environment: str,
    training_options: TrainingOptions,
    split: SplitOptions,
) -> Bundle:
    """Put together what is published: the graph, the manifest and the model card.

    `onnx_graph` is the trained model's.

    Raises:
        BundleError: If the bundle would be refused when it is loaded.
    """
    names, bounds = trained_model.features, trained_model.bounds
    features = tuple(
        _describe_feature(FEATURE_OF[name], training_window, *bounds.get(name, ()))
        for name in names
    )
    golden_rows = draw_golden_rows(onnx_graph, names, calibration_window, training_options)
    manifest = Manifest(
        environment=environment,
        features=features,
        training_window={
            **summarise_part(training_window),
            "fitted_rows": trained_model.fitted_rows,
            "longest_since_purchase": trained_model.longest,
            "minimum_items": split.minimum_items,
            "refit": training_options.refit,
        },
        calibration_window=summarise_part(calibration_window),
        fingerprint=fingerprint,
        candidate=specification.candidate,
        parameters=specification.parameters,
        metrics={"window": "calibration", **model_metrics},
        libraries=_library_versions(),
        golden_rows=golden_rows,
    )
    card = write_model_card(manifest)
    load_model(onnx_graph, manifest.features, manifest.golden_rows)
    return Bundle(manifest, {"model.onnx": onnx_graph, "model_card.md": card.encode()})


def _library_versions() -> dict[str, str]:
    of_families = dict(family.library for family in FAMILIES.values())
    return {name: version(name) for name in LIBRARIES} | of_families


def _describe_feature(
    feature: Feature,
    training: pd.DataFrame,
    lowest: float | None = None,
    highest: float | None = None,
) -> ModelFeature:
    seen = sorted(set(training[feature.name])) if feature.kind == "category" else None
    return ModelFeature(
        name=feature.name,
        kind=feature.kind,
        minimum=feature.minimum,
        maximum=feature.maximum,
        categories=None if seen is None else tuple(seen),
        lowest=lowest,
        highest=highest,
    )
