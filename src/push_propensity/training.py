"""Training one candidate: what to train, on which rows, and the bundle that comes of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import numpy as np
import pandas as pd
import xgboost
from pydantic import BaseModel, ConfigDict, Field

from push_propensity import __version__
from push_propensity.bootstrap import interval, user_weights
from push_propensity.bundle import Bundle, Fingerprint, GoldenRows, Manifest, ModelFeature
from push_propensity.bundle.model import load_model
from push_propensity.candidates import CandidateOptions
from push_propensity.errors import ParameterError
from push_propensity.export import OUTPUT, graph_inputs
from push_propensity.feature_frame import (
    COLUMNS,
    FEATURE_OF,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
    USER,
    Feature,
)
from push_propensity.metrics import HEADLINE, ProductRanking, evaluate
from push_propensity.model_card import write_model_card
from push_propensity.onnx_session import open_session
from push_propensity.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.splits import summarise_part

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


class TrainingOptions(BaseModel):
    """What to train.

    Attributes:
        candidate: Which candidate; left out, the winner of the selection.
        parameters: Its parameters; those left out take the winner's value where no candidate is
            named, else the configured one.
        default_candidate: Which candidate where nothing was selected yet.
        refit: `none` trains before the calibration window and leaves the test part alone;
            `all` rolls both windows to the end of the data.
        parity_rows: Rows on which the exported graph is compared with the model.
        parity_tolerance: Largest difference of a probability that is allowed there.
        golden_rows: Rows whose scores the bundle records, to be checked at each load.
        resamples: Resamples of the users for the intervals of the metrics.
        seed: Seed of the draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str | None = None
    parameters: dict[str, Any] = {}
    default_candidate: str
    refit: Literal["none", "all"] = "none"
    parity_rows: int = Field(default=20_000, ge=1)
    parity_tolerance: float = Field(default=1e-5, gt=0)
    golden_rows: int = Field(default=8, ge=1, le=100)
    resamples: int = Field(default=200, ge=10)
    seed: int


class Specification(BaseModel):
    """One candidate with all its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str
    parameters: dict[str, Any]


def choose_specification(
    winner: Mapping[str, Any],
    options: TrainingOptions,
    candidates: Mapping[str, CandidateOptions],
) -> Specification:
    """Decide what to train.

    Args:
        winner: The winner of the selection; empty where nothing was selected yet.
        options: The candidate and the parameters asked for.
        candidates: The configured candidates by name.

    Raises:
        ParameterError: If the candidate or a parameter is not one of the allowed.
    """
    selected = dict(winner or {"candidate": options.default_candidate, "parameters": {}})
    name = selected["candidate"] if options.candidate is None else options.candidate
    if name not in candidates:
        allowed = ", ".join(candidates)
        raise ParameterError(f"There is no such candidate. Allowed candidates: {allowed}.")
    base = selected["parameters"] if options.candidate is None else {}
    parameters = candidates[name].complete({**base, **options.parameters})
    return Specification(candidate=name, parameters=parameters.model_dump())


def take_fingerprint(
    training: pd.DataFrame,
    calibration: pd.DataFrame,
    specification: Specification,
    entry: CandidateOptions,
    features: Sequence[str],
    options: TrainingOptions,
) -> Fingerprint:
    """Digest what a model is made from, so that the same things are not trained twice.

    Args:
        training: The training window in canonical order, columns of the feature frame.
        calibration: The calibration window, likewise.
        specification: The candidate and its parameters.
        entry: How that candidate is trained.
        features: The columns that it uses.
        options: The other options of training.
    """
    parameters = {
        **specification.model_dump(),
        "features": list(features),
        "entry": entry.model_dump(include={"negative_share", "seed", "threads"}),
        "options": options.model_dump(exclude={"candidate", "parameters", "default_candidate"}),
    }
    text = json.dumps(parameters, sort_keys=True)
    used = dict.fromkeys([*COLUMNS, *features, SAMPLING_WEIGHT])
    columns = [name for name in used if name in training.columns]
    return Fingerprint(
        data=_digest_frames(columns, training, calibration),
        parameters=hashlib.sha256(text.encode()).hexdigest(),
        code=f"{__version__}+{_digest_code()}",
    )


def _digest_frames(columns: Sequence[str], *frames: pd.DataFrame) -> str:
    """Digest the columns one by one: a frame of them all would be a copy of the data."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(len(frame).to_bytes(8, "little"))
        for name in columns:
            cells = pd.util.hash_pandas_object(frame[name], index=False)
            digest.update(name.encode() + cells.to_numpy().tobytes())
    return digest.hexdigest()


def _digest_code() -> str:
    """Digest of the package's own modules, as short as a commit's."""
    digest = hashlib.sha256()
    for source in _sources(files("push_propensity")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Traversable) -> list[Traversable]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _sources(entry)
        elif entry.name.endswith(".py"):
            found.append(entry)
    return found


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


def parity_rows(
    training: pd.DataFrame, calibration: pd.DataFrame, options: TrainingOptions
) -> pd.DataFrame:
    """The latest rows to compare the exported graph on: the calibration window's, then earlier."""
    missing = max(options.parity_rows - len(calibration), 0)
    earlier = training.iloc[max(len(training) - missing, 0) :]
    return pd.concat([earlier, calibration.tail(options.parity_rows)], ignore_index=True)


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
    weights = user_weights(window[USER], options.resamples, options.seed)
    drawn = [ranking.average_precision(weight) for weight in weights]
    ends = interval(drawn, ranking.average_precision(), confidence=0.95)
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
