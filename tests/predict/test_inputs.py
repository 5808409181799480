"""The rules for a user's values, and the model that takes them."""

import math
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.errors import BundleError
from push_propensity.scoring.bundle import GoldenRows, publish, read_bundle
from push_propensity.scoring.bundle.manifest import encode_manifest
from push_propensity.scoring.bundle.model import load_model
from push_propensity.scoring.inputs import Fault, FeatureSchema, ModelFeature
from tests.predict.tiny_bundle import SCHEMA, expected_scores, make_bundle, make_graph, make_rows

EXTENDED = (
    ModelFeature(name="required", kind="number", minimum=0, maximum=10),
    ModelFeature(name="unbounded", kind="number", required=False),
    ModelFeature(name="label", kind="category"),
    ModelFeature(name="optional", kind="number", minimum=0, maximum=10, required=False),
    ModelFeature(name="remark", kind="category", required=False),
)
GOOD = {"required": 1, "label": "a"}
SCHEMA_OF_SEVERAL = FeatureSchema(EXTENDED)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (GOOD, None),
        (GOOD | {"optional": None, "remark": None}, None),
        (GOOD | {"optional": 2.5, "remark": "x", "unbounded": -1e38}, None),
        (GOOD | {"optional": 11}, Fault("OUT_OF_RANGE", "optional")),
        (GOOD | {"optional": math.nan}, Fault("OUT_OF_RANGE", "optional")),
        (GOOD | {"optional": "2"}, Fault("TYPE", "optional")),
        (GOOD | {"remark": 2}, Fault("TYPE", "remark")),
        (GOOD | {"unbounded": 1e300}, Fault("OUT_OF_RANGE", "unbounded")),
        (GOOD | {"required": None, "optional": 11}, Fault("MISSING_FEATURE", "required")),
        ({"required": "x"}, Fault("TYPE", "required")),
        ({"required": 1}, Fault("MISSING_FEATURE", "label")),
    ],
)
def test_the_first_fault_in_the_order_of_the_features(row, fault):
    assert SCHEMA_OF_SEVERAL.find_fault(row) == fault
    columns, faults = SCHEMA_OF_SEVERAL.tabulate([GOOD, row])
    assert faults == ({} if fault is None else {1: fault})
    assert {column.shape for column in columns.values()} == {(2 - len(faults), 1)}


def test_columns_have_the_graphs_types_and_missing_values_are_nan_or_empty():
    row = GOOD | {"optional": 3, "remark": "b"}
    columns, _ = SCHEMA_OF_SEVERAL.tabulate([GOOD, row])
    assert set(columns) == {feature.name for feature in EXTENDED}
    assert columns["optional"].dtype == columns["required"].dtype == np.float32
    np.testing.assert_array_equal(columns["optional"], [[np.nan], [3]])
    np.testing.assert_array_equal(columns["remark"], [[""], ["b"]])
    np.testing.assert_array_equal(columns["label"], [["a"], ["a"]])


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_schema_of_one_feature(kind):
    schema = FeatureSchema([ModelFeature(name="a", kind=kind)])
    value = {"number": 2.0, "category": "x"}[kind]
    columns, faults = schema.tabulate([{"a": value}, {"a": []}])
    assert columns["a"].tolist() == [[value]]
    assert faults == {1: Fault("TYPE", "a")}
    assert schema.tabulate([])[0]["a"].shape == (0, 1)


numbers = st.one_of(st.integers(-2, 12), st.integers(), st.floats())
numpy_numbers = st.one_of(st.floats(width=32).map(np.float32), st.floats().map(np.float64))
others = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.sampled_from([[], "\ud800"]))
values = st.one_of(numbers, numpy_numbers, others)
rows = st.dictionaries(st.sampled_from([feature.name for feature in EXTENDED]), values)


@settings(deadline=None, max_examples=300)
@given(rows=st.lists(st.one_of(st.just(GOOD), rows.map(lambda row: GOOD | row), rows), max_size=5))
def test_rows_together_are_judged_as_each_alone(rows):
    columns, faults = SCHEMA_OF_SEVERAL.tabulate(rows)
    found = {i: SCHEMA_OF_SEVERAL.find_fault(row) for i, row in enumerate(rows)}
    assert faults == {i: fault for i, fault in found.items() if fault is not None}
    good = [row for i, row in enumerate(rows) if i not in faults]
    required = np.array([row["required"] for row in good], np.float32).reshape(-1, 1)
    np.testing.assert_array_equal(columns["required"], required)
    assert columns["label"].ravel().tolist() == [row["label"] for row in good]


RANGED = FeatureSchema(
    [replace(f, lowest=0.1, highest=7.5) if f.kind == "number" else f for f in EXTENDED]
)


@settings(deadline=None, max_examples=300)
@given(rows=st.lists(st.one_of(rows.map(lambda row: GOOD | row), rows), max_size=8))
def test_numbers_beyond_training_are_counted_as_one_would(rows):
    columns, faults = RANGED.tabulate(rows)
    good = [row for i, row in enumerate(rows) if i not in faults]
    for name, count in RANGED.count_beyond_training(columns).items():
        given_values = [row[name] for row in good if row.get(name) is not None]
        inside = [np.float32(0.1) <= np.float32(value) <= 7.5 for value in given_values]
        assert count == len(inside) - sum(inside)
    assert set(RANGED.count_beyond_training(columns)) == {"required", "unbounded", "optional"}


def test_the_ends_of_a_range_are_within_in_either_precision():
    """A caller's 0.1 is another number in float32 than in float64; graphs see float32."""
    for value in (0.1, float(np.float32(0.1)), 7.5):
        columns, _ = RANGED.tabulate([GOOD | {"required": value}])
        assert RANGED.count_beyond_training(columns)["required"] == 0
    for value in (0.0999, 7.5001):
        columns, _ = RANGED.tabulate([GOOD | {"required": value}])
        assert RANGED.count_beyond_training(columns) == {
            "required": 1,
            "unbounded": 0,
            "optional": 0,
        }


def test_without_ranges_nothing_is_counted():
    columns, _ = SCHEMA_OF_SEVERAL.tabulate([GOOD])
    assert SCHEMA_OF_SEVERAL.count_beyond_training(columns) == {}


# ------------------------------------------------------------------ the model


def golden(rows, probabilities):
    return GoldenRows(
        inputs={f.name: tuple(row[f.name] for row in rows) for f in SCHEMA},
        probabilities=tuple(probabilities),
    )


GOLDEN = golden(make_rows(3), expected_scores(make_rows(3)))


def test_an_empty_batch():
    model = load_model(make_graph(), SCHEMA, GOLDEN)
    assert model.score(model.schema.tabulate([])[0]).shape == (0,)


@pytest.mark.parametrize(
    "broken",
    [
        golden([], []),
        golden(make_rows(3), [0.5, 0.5]),
        golden(make_rows(3), [math.nan] * 3),
        golden([make_rows(1)[0] | {"count_pets": -1.0}], [0.5]),
        golden([make_rows(1)[0] | {"count_pets": None}], [0.5]),
        GoldenRows(inputs={"a": (1.0,)}, probabilities=(0.5,)),
        GoldenRows(inputs={**GOLDEN.inputs, "vendor": ("x",)}, probabilities=GOLDEN.probabilities),
    ],
    ids=range(7),
)
def test_golden_rows_of_another_kind(broken):
    with pytest.raises(BundleError):
        load_model(make_graph(), SCHEMA, broken)


@pytest.mark.parametrize(
    ("graph", "features"),
    [
        (b"", SCHEMA),
        (make_graph(), SCHEMA[1:]),
        (make_graph(), SCHEMA[::-1]),
        (make_graph(output="other"), SCHEMA),
        (make_graph(), (ModelFeature(name="product_type", kind="number"), *SCHEMA[1:])),
    ],
    ids=["no graph", "a feature less", "another order", "another output", "another type"],
)
def test_graphs_of_another_kind(graph, features):
    with pytest.raises(BundleError):
        load_model(graph, features, GOLDEN)


@pytest.mark.parametrize("scores", [[[1.5]] * 16, [[math.nan]] * 16, [[0.5]] * 3])
def test_what_is_no_probability_gets_no_further(monkeypatch, scores):
    model = load_model(make_graph(), SCHEMA, GOLDEN)
    given_scores = [np.array(scores, np.float32)]
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", lambda *_: given_scores)
    with pytest.raises(BundleError, match="probabilities"):
        model.score(model.schema.tabulate(make_rows(2))[0])


def test_a_published_bundle_without_a_model(tmp_path):
    path = tmp_path / publish(make_bundle(), tmp_path).path
    manifest = read_bundle(path).manifest
    files = {name: entry for name, entry in manifest.files.items() if name != "model.onnx"}
    (path / "manifest.json").write_bytes(encode_manifest(replace(manifest, files=files)))
    (path / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx"):
        read_bundle(path)
