"""Which values a model takes for a user: one rule per feature, for one user or many at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_FLOAT32_MAXIMUM = float(np.finfo(np.float32).max)

FaultCode = Literal["NOT_AN_OBJECT", "EMPTY_ID", "MISSING_FEATURE", "TYPE", "OUT_OF_RANGE"]
Row = Mapping[str, Any]
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class ModelFeature:
    """An input of a model with the fixed physical bounds of its values (both inclusive).

    `lowest`, `highest` and `categories` are what the model learnt from, None where its bundle does
    not say: a number beyond is scored as the nearer of the two, another category as unknown. Who
    last bought the product longer ago than anybody in training gets at most its popularity.
    """

    name: str
    kind: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    required: bool = True
    categories: tuple[str, ...] | None = None
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True)
class Fault:
    """Why a user cannot be scored, and the feature to blame if it is one."""

    code: FaultCode
    feature: str | None = None


class FeatureSchema:
    """The features of a model, in order, with the rules for their values.

    `find_fault` is the definition. `tabulate` applies it to all rows at once where their values
    are plain, and one by one only where something is amiss.

    Examples:
        >>> schema = FeatureSchema([ModelFeature("count_pets", "number", 0, 1000)])
        >>> schema.find_fault({"count_pets": -1})
        Fault(code='OUT_OF_RANGE', feature='count_pets')
        >>> columns, faults = schema.tabulate([{"count_pets": 2}, {}])
        >>> columns["count_pets"].tolist(), faults
        ([[2.0]], {1: Fault(code='MISSING_FEATURE', feature='count_pets')})
    """

    def __init__(self, features: Sequence[ModelFeature]) -> None:
        self.features = tuple(features)
        self._optional = tuple(f for f in self.features if not f.required)
        required = [f for f in self.features if f.required]
        self._numbers = tuple(f.name for f in required if f.kind == "number")
        self._texts = tuple(f.name for f in required if f.kind == "category")
        self._pick_numbers = _picker(self._numbers)
        self._pick_texts = _picker(self._texts)
        bounds = [_bounds(f) for f in required if f.kind == "number"]
        self._minima = np.array([minimum for minimum, _ in bounds])
        self._maxima = np.array([maximum for _, maximum in bounds])
        ranged = [f for f in self.features if f.lowest is not None]
        self._ranged = tuple(f.name for f in ranged)
        self._lowest = np.array([[f.lowest] for f in ranged], dtype=np.float32)
        self._highest = np.array([[f.highest] for f in ranged], dtype=np.float32)

    def find_fault(self, row: Row) -> Fault | None:
        """Return the first fault of a row in the order of the features, or None."""
        return _find_fault(row, self.features)

    def tabulate(self, rows: Sequence[Row]) -> tuple[Columns, dict[int, Fault]]:
        """Return the faultless rows as columns, and the fault of every other row.

        Returns:
            One array of shape (faultless rows, 1) per feature, float32 for numbers and text
            objects for categories, a missing optional value as NaN or ""; and the faults by the
            position of the row.
        """
        columns = self._tabulate_plain(rows)
        if columns is not None:
            return columns, {}
        found = ((i, self.find_fault(row)) for i, row in enumerate(rows))
        faults = {i: fault for i, fault in found if fault is not None}
        good = [row for i, row in enumerate(rows) if i not in faults]
        numbers = [float(row[name]) for row in good for name in self._numbers]
        texts = [row[name] for row in good for name in self._texts]
        return self._columns(good, self._matrix(numbers), texts), faults

    def count_beyond_training(self, columns: Columns) -> dict[str, int]:
        """Count the numbers below the lowest or above the highest that the model learnt from.

        Args:
            columns: What `tabulate` gives. They are compared as the graph does, in float32; a
                missing value is not beyond.

        Returns:
            How many rows, by feature; of the features whose range the model's bundle has.

        Examples:
            >>> schema = FeatureSchema([ModelFeature("count_pets", "number", lowest=0, highest=3)])
            >>> columns, _ = schema.tabulate([{"count_pets": 3}, {"count_pets": 4}])
            >>> schema.count_beyond_training(columns)
            {'count_pets': 1}
        """
        if not self._ranged:
            return {}
        joined = np.concatenate([columns[name] for name in self._ranged])
        numbers = joined.reshape(len(self._ranged), -1)
        beyond = ((numbers < self._lowest) | (numbers > self._highest)).sum(axis=1)
        return dict(zip(self._ranged, beyond.tolist(), strict=True))

    def _tabulate_plain(self, rows: Sequence[Row]) -> Columns | None:
        """Return the rows as columns if they are all faultless at a glance."""
        try:
            numbers = list(chain.from_iterable(map(self._pick_numbers, rows)))
            texts = list(chain.from_iterable(map(self._pick_texts, rows)))
            if not {float, int}.issuperset(map(type, numbers)) or not _are_texts(texts):
                return None
            matrix = self._matrix(numbers)
        except (KeyError, OverflowError):
            return None
        inside = (matrix >= self._minima) & (matrix <= self._maxima)
        if not inside.all() or any(_find_fault(row, self._optional) for row in rows):
            return None
        return self._columns(rows, matrix, texts)

    def _matrix(self, numbers: list[float]) -> npt.NDArray[np.float64]:
        width = len(self._numbers)
        height = len(numbers) // width if width else 0
        return np.array(numbers, dtype=np.float64).reshape(height, width)

    def _columns(
        self, rows: Sequence[Row], matrix: npt.NDArray[np.float64], texts: list[str]
    ) -> Columns:
        numbers = np.ascontiguousarray(matrix.T, dtype=np.float32)[:, :, np.newaxis]
        columns: Columns = dict(zip(self._numbers, numbers, strict=True))
        for position, name in enumerate(self._texts):
            columns[name] = _text_column(texts[position :: len(self._texts)])
        for feature in self._optional:
            columns[feature.name] = _optional_column(feature, rows)
        return columns


def _picker(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


def _bounds(feature: ModelFeature) -> tuple[float, float]:
    minimum = -_FLOAT32_MAXIMUM if feature.minimum is None else feature.minimum
    maximum = _FLOAT32_MAXIMUM if feature.maximum is None else feature.maximum
    return minimum, maximum


def _find_fault(row: Row, features: Sequence[ModelFeature]) -> Fault | None:
    for feature in features:
        value = row.get(feature.name)
        if value is None:
            if feature.required:
                return Fault("MISSING_FEATURE", feature.name)
            continue
        code = _find_value_fault(value, feature)
        if code is not None:
            return Fault(code, feature.name)
    return None


def _find_value_fault(value: object, feature: ModelFeature) -> FaultCode | None:
    if feature.kind == "category":
        return None if isinstance(value, str) and is_unicode(value) else "TYPE"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "TYPE"
    minimum, maximum = _bounds(feature)
    return None if minimum <= value <= maximum else "OUT_OF_RANGE"


def is_unicode(text: str) -> bool:
    r"""Tell whether the text can be written as UTF-8: it holds no lone surrogate.

    Examples:
        >>> is_unicode("ü"), is_unicode("\ud800")
        (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_texts(values: list[Any]) -> bool:
    return {str}.issuperset(map(type, values)) and is_unicode("".join(values))


def _text_column(values: list[str]) -> npt.NDArray[Any]:
    return np.array(values, dtype=object).reshape(-1, 1)


def _optional_column(feature: ModelFeature, rows: Sequence[Row]) -> npt.NDArray[Any]:
    values = [row.get(feature.name) for row in rows]
    if feature.kind == "category":
        return _text_column(["" if value is None else str(value) for value in values])
    filled = [float("nan") if value is None else float(value) for value in values]
    return np.array(filled, dtype=np.float32).reshape(-1, 1)
