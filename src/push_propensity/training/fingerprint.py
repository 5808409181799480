"""The digest of what a model is made from."""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

import pandas as pd

from push_propensity import __version__
from push_propensity.frame.columns import COLUMNS, SAMPLING_WEIGHT
from push_propensity.models.families import CandidateOptions
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.training.specification import Specification, TrainingOptions


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
