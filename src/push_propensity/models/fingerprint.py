"""The digest of what a model is made from: rows, parameters and code, never a time."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pandas as pd

from push_propensity import __version__
from push_propensity.scoring.bundle import Fingerprint


def take_fingerprint(
    frames: Iterable[pd.DataFrame], columns: Iterable[str], parameters: Mapping[str, Any]
) -> Fingerprint:
    """Digest what something is made from, so that it is known again.

    Args:
        frames: The rows, in canonical order.
        columns: Which columns were used; those that the frames lack are left out.
        parameters: What else it depends on, ready for JSON.
    """
    return Fingerprint(
        data=digest_rows(frames, columns),
        parameters=digest_values(parameters),
        code=f"{__version__}+{_digest_code()}",
    )


def digest_rows(frames: Iterable[pd.DataFrame], columns: Iterable[str]) -> str:
    """Digest the columns one by one: a frame of them all would be a copy of the data."""
    digest, names = hashlib.sha256(), list(dict.fromkeys(columns))
    for frame in frames:
        digest.update(len(frame).to_bytes(8, "little"))
        for name in names:
            if name in frame:
                cells = pd.util.hash_pandas_object(frame[name], index=False)
                digest.update(name.encode() + cells.to_numpy().tobytes())
    return digest.hexdigest()


def digest_values(values: Mapping[str, Any]) -> str:
    """Digest values that are ready for JSON, in whatever order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


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
