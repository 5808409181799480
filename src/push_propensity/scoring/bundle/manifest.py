"""The manifest of a bundle: its fields, and the file that protects itself.

The last member of `manifest.json` is the SHA-256 of the file's own bytes with that digest set to
zeros. It is compared byte by byte, so that no change of the file passes, not even one that
leaves the same JSON value (`1e-06` and `1E-06`).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from push_propensity.errors import BundleError
from push_propensity.scoring.inputs import ModelFeature

MANIFEST = "manifest.json"
_ZEROS = b"0" * 64
_FILE = re.compile(
    rb'(?P<head>.*\n  "digest": ")(?P<digest>[0-9a-f]{64})(?P<tail>"\n}\n)', re.DOTALL
)


@dataclass(frozen=True)
class Fingerprint:
    """What a model was made from: digests of the data and the parameters, and the code version."""

    data: str
    parameters: str
    code: str


@dataclass(frozen=True)
class GoldenRows:
    """Rows with the probabilities that the model gave for them; `None` is a missing value.

    `inputs` has one list per feature, all as long as `probabilities`.
    """

    inputs: Mapping[str, tuple[float | str | None, ...]]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class FileDigest:
    """The SHA-256 (hexadecimal) of a file and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a model is, what it takes and how to check it.

    Training fills in everything but the last four fields, which publishing sets.
    """

    environment: str
    features: tuple[ModelFeature, ...]
    training_window: Mapping[str, Any]
    calibration_window: Mapping[str, Any]
    fingerprint: Fingerprint
    candidate: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    libraries: Mapping[str, str]
    golden_rows: GoldenRows
    name: str = ""
    created_at: str = ""
    sequence: int = 0
    files: Mapping[str, FileDigest] = field(default_factory=dict)


def digest_file(content: bytes) -> FileDigest:
    """Return the SHA-256 and the size of a file's content.

    Examples:
        >>> digest_file(b"a model").size
        7
    """
    return FileDigest(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def encode_manifest(manifest: Manifest) -> bytes:
    """Write the manifest as indented JSON that ends with the digest of itself.

    Raises:
        BundleError: A value is not a finite number or nothing that JSON knows.
    """
    fields = asdict(manifest) | {"digest": _ZEROS.decode()}
    try:
        text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (ValueError, TypeError) as error:
        raise BundleError(
            "The manifest must hold text, finite numbers, lists and objects only; something else "
            "came, as NaN. Leave out metrics that have no value."
        ) from error
    blank = text.encode()
    match = _match(blank)
    return match["head"] + hashlib.sha256(blank).hexdigest().encode() + match["tail"]


def decode_manifest(content: bytes) -> Manifest:
    """Read the bytes of `manifest.json`.

    Raises:
        BundleError: The bytes are not those that were written.
    """
    match = _match(content)
    expected = hashlib.sha256(match["head"] + _ZEROS + match["tail"]).hexdigest().encode()
    if match["digest"] != expected:
        raise BundleError(f"{MANIFEST} was changed after publication. Restore or train it anew.")
    try:
        return _make_manifest(orjson.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(
            f"{MANIFEST} is not of this version's form. Train the model anew."
        ) from error


def _make_manifest(fields: dict[str, Any]) -> Manifest:
    golden = fields["golden_rows"]
    inputs = {name: tuple(values) for name, values in golden["inputs"].items()}
    del fields["digest"]
    made = {
        "features": tuple(map(_make_feature, fields["features"])),
        "fingerprint": Fingerprint(**fields["fingerprint"]),
        "golden_rows": GoldenRows(inputs, tuple(golden["probabilities"])),
        "files": {name: FileDigest(**digest) for name, digest in fields["files"].items()},
    }
    return Manifest(**(fields | made))


def _make_feature(fields: dict[str, Any]) -> ModelFeature:
    categories = fields.pop("categories", None)
    known = None if categories is None else tuple(categories)
    return ModelFeature(**fields, categories=known)


def _match(content: bytes) -> re.Match[bytes]:
    match = _FILE.fullmatch(content)
    if match is None:
        raise BundleError(f"{MANIFEST} is not the manifest of a bundle. Restore or train it anew.")
    return match
