import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import push_propensity
from push_propensity.errors import BundleError, DataError, ParameterError
from push_propensity.evaluation.metrics import HEADLINE, METRICS, evaluate
from push_propensity.frame.columns import (
    DAYS_SINCE_PURCHASE,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    FEATURE_OF,
    FEATURES,
    NUMERIC_FEATURES,
)
from push_propensity.frame.split import (
    SplitOptions,
    join_development,
    keep_large_orders,
    plan_split,
    roll_windows,
    split_orders,
)
from push_propensity.models.export import export_model
from push_propensity.models.purchase_model import calibrate
from push_propensity.scoring.bundle import Bundle
from push_propensity.training import assembly as training
from push_propensity.training.assembly import (
    assemble_bundle,
    draw_golden_rows,
    measure_model,
    train_model,
)
from push_propensity.training.fingerprint import fingerprint_training
from push_propensity.training.specification import (
    Specification,
    TrainingOptions,
    choose_specification,
    parity_rows,
)
from tests.modelling.entries import CANDIDATE_NAMES, CANDIDATES, PARAMETERS, entry, fit

OPTIONS = TrainingOptions(default_candidate="xgboost", resamples=30, seed=5)
WINNER = {
    "candidate": "xgboost",
    "kind": "candidate",
    "parameters": {"max_depth": 2, "n_estimators": 9},
    "runner_up": None,
}
TREES = {
    "learning_rate": 0.3,
    "reg_lambda": 1.0,
    "reg_alpha": 0.0,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
}
CHOSEN_TREES = {**TREES, "max_depth": 2, "n_estimators": 9}
CONFIGURED_TREES = {**TREES, **PARAMETERS["xgboost"]}
# winner, candidate asked for, parameters asked for -> what is trained
SPECIFICATIONS = {
    "the winner": (WINNER, None, {}, ("xgboost", CHOSEN_TREES)),
    "the winner, changed": (
        WINNER,
        None,
        {"n_estimators": 4},
        ("xgboost", {**CHOSEN_TREES, "n_estimators": 4}),
    ),
    "another candidate": (WINNER, "logistic_l2", {}, ("logistic_l2", {"C": 0.1})),
    "another candidate, changed": (
        WINNER,
        "logistic_elastic_net",
        {"C": 2},
        ("logistic_elastic_net", {"C": 2.0, "l1_ratio": 0.5}),
    ),
    "the winner's candidate by name": (WINNER, "xgboost", {}, ("xgboost", CONFIGURED_TREES)),
    "nothing selected yet": ({}, None, {}, ("xgboost", CONFIGURED_TREES)),
    "nothing selected yet, changed": (
        {},
        None,
        {"max_depth": 5},
        ("xgboost", {**CONFIGURED_TREES, "max_depth": 5}),
    ),
    "nothing selected, one by name": ({}, "logistic_l2", {"C": 3.0}, ("logistic_l2", {"C": 3.0})),
}


def asked(candidate=None, parameters=None, **changes):
    update = {"candidate": candidate, "parameters": parameters or {}, **changes}
    return OPTIONS.model_copy(update=update)


class TestChooseSpecification:
    @pytest.mark.parametrize("case", SPECIFICATIONS)
    def test_table(self, case):
        winner, candidate, parameters, expected = SPECIFICATIONS[case]
        found = choose_specification(winner, asked(candidate, parameters), CANDIDATES)
        assert (found.candidate, found.parameters) == expected

    @pytest.mark.parametrize("name", ["constant", "forest", "", "XGBOOST"])
    def test_no_such_candidate(self, name):
        allowed = r"Allowed candidates: logistic_l2, logistic_elastic_net, xgboost\.$"
        with pytest.raises(ParameterError, match=allowed):
            choose_specification(WINNER, asked(name), CANDIDATES)

    def test_parameters_are_those_of_the_candidate(self):
        with pytest.raises(ParameterError, match=r"max_depth: Extra .* Allowed parameters: C\."):
            choose_specification(WINNER, asked("logistic_l2", {"max_depth": 3}), CANDIDATES)

    def test_the_winner_stays_as_it_is(self):
        winner = {**WINNER, "parameters": dict(WINNER["parameters"])}
        choose_specification(winner, asked(None, {"max_depth": 7}), CANDIDATES)
        assert winner == WINNER


@pytest.fixture(scope="module")
def windows(parts):
    """A calibration window with products that are bought often enough."""
    return parts.train, pd.concat(parts[1:3], ignore_index=True)


@pytest.fixture(scope="module")
def specification():
    return Specification(candidate="logistic_l2", parameters={"C": 0.1})


def fingerprint(windows, specification, options=OPTIONS, features=FEATURE_NAMES, **changes):
    candidates = CANDIDATES | {"logistic_l2": entry("logistic_l2", **changes)}
    candidates["xgboost"] = candidates["logistic_l2"]  # so that its name alone is another
    return fingerprint_training(*windows, specification, candidates, features, options)


class TestFingerprint:
    def test_the_same_things_give_the_same(self, windows, specification):
        first = fingerprint(windows, specification)
        assert first == fingerprint([window.copy() for window in windows], specification)
        assert first.code.startswith(f"{push_propensity.__version__}+")
        assert re.fullmatch(r"[0-9a-f]{64}", first.data)
        assert re.fullmatch(r"[0-9a-f]{64}", first.parameters)

    def test_shuffled_rows_give_the_same(self, kept, windows, specification):
        shuffled = keep_large_orders(kept.sample(frac=1.0, random_state=2), 5)
        parts = split_orders(shuffled, plan_split(shuffled, SplitOptions()))
        again = [parts.train, pd.concat(parts[1:3], ignore_index=True)]
        assert fingerprint(again, specification) == fingerprint(windows, specification)

    @pytest.mark.parametrize("column", ["outcome", "user_id", "vendor", "created_at", "count_pets"])
    @pytest.mark.parametrize("window", [0, 1])
    def test_any_changed_cell_gives_another(self, windows, specification, window, column):
        frame = windows[window].copy()
        changed = {"vendor": "other", "created_at": pd.Timestamp("2020-01-01")}
        frame.loc[3, column] = changed[column] if column in changed else frame.loc[3, column] + 1
        other = [frame if number == window else windows[number] for number in range(2)]
        found, expected = fingerprint(other, specification), fingerprint(windows, specification)
        assert found.data != expected.data
        assert found.parameters == expected.parameters

    def test_moved_or_missing_rows_give_another(self, windows, specification):
        training, calibration = windows
        first = fingerprint(windows, specification).data
        moved = (
            pd.concat([training, calibration.head(30)], ignore_index=True),
            calibration.iloc[30:].reset_index(drop=True),
        )
        assert fingerprint(moved, specification).data != first
        assert fingerprint((training.iloc[:-1], calibration), specification).data != first
        assert fingerprint((training.iloc[::-1], calibration), specification).data != first

    @pytest.mark.parametrize(
        "changes", [{"seed": 12}, {"negative_share": 0.5}, {"calibration": "beta"}, {"threads": 2}]
    )
    def test_how_the_candidate_is_trained_matters(self, windows, specification, changes):
        found = fingerprint(windows, specification, **changes)
        assert found.parameters != fingerprint(windows, specification).parameters

    @pytest.mark.parametrize(
        ("option", "value"),
        [("seed", 6), ("refit", "all"), ("golden_rows", 3), ("resamples", 31)],
    )
    def test_the_other_options_matter(self, windows, specification, option, value):
        found = fingerprint(windows, specification, asked(**{option: value}))
        assert found.parameters != fingerprint(windows, specification).parameters

    def test_how_the_parameters_were_asked_for_does_not_matter(self, windows, specification):
        found = fingerprint(windows, specification, asked("logistic_l2", {"C": 0.1}))
        assert found == fingerprint(windows, specification)

    def test_features_matter_and_their_cells(
        self, extended_parts, extended_features, windows, specification
    ):
        frames = [extended_parts.train, pd.concat(extended_parts[1:3], ignore_index=True)]
        plain = fingerprint(frames, specification)
        extended = fingerprint(frames, specification, features=extended_features)
        assert plain.parameters == fingerprint(windows, specification).parameters
        assert extended.parameters != plain.parameters
        other = [frames[0].assign(hour_of_day=3.0), frames[1]]
        changed = fingerprint(other, specification, features=extended_features)
        assert changed.data != extended.data
        assert fingerprint(other, specification) == plain

    def test_sampling_weights_matter(self, extended_parts, specification):
        frames = [extended_parts.train, extended_parts.calibration]
        other = [frames[0].assign(sampling_weight=2.0), frames[1]]
        assert fingerprint(other, specification).data != fingerprint(frames, specification).data

    def test_candidate_and_parameters_matter(self, windows, specification):
        expected = fingerprint(windows, specification).parameters
        for change in ({"candidate": "xgboost"}, {"parameters": {"C": 0.2}}):
            other = specification.model_copy(update=change)
            assert fingerprint(windows, other).parameters != expected

    def test_a_changed_source_gives_another_code(
        self, windows, specification, monkeypatch, tmp_path
    ):
        code = fingerprint(windows, specification).code
        package = tmp_path / "push_propensity"
        (package / "part").mkdir(parents=True)
        (package / "part" / "module.py").write_text("value = 1\n")
        (package / "notes.txt").write_text("no source")
        monkeypatch.setattr("push_propensity.models.fingerprint.files", lambda _: package)
        first = fingerprint(windows, specification).code
        (package / "notes.txt").write_text("still no source")
        assert fingerprint(windows, specification).code == first != code
        (package / "part" / "module.py").write_text("value = 2\n")
        assert fingerprint(windows, specification).code != first


class TestTrainModel:
    @pytest.mark.parametrize("choice", ["sigmoid", "beta"])
    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_is_fit_then_calibrate(self, windows, parts, name, choice):
        given = Specification(candidate=name, parameters=PARAMETERS[name])
        options = entry(name, calibration=choice)
        candidates = CANDIDATES | {name: options}
        model = train_model(*windows, given, candidates, FEATURE_NAMES)
        assert model.calibration.method == choice
        expected = calibrate(fit(windows[0], options), windows[1], options)
        np.testing.assert_array_equal(model.predict(parts.test), expected.predict(parts.test))

    def test_a_calibration_window_without_purchases(self, windows, specification):
        training_window, calibration = windows
        with pytest.raises(DataError, match="calibration window must hold"):
            train_model(
                training_window,
                calibration.assign(outcome=0.0),
                specification,
                CANDIDATES,
                FEATURE_NAMES,
            )


class TestParityRows:
    @pytest.mark.parametrize("rows", [1, 100, 10_000])
    def test_the_latest_rows(self, windows, rows):
        options = asked(parity_rows=rows)
        both = pd.concat(windows, ignore_index=True)
        expected = both.tail(rows).reset_index(drop=True)
        pd.testing.assert_frame_equal(parity_rows(*windows, options), expected)

    def test_beyond_the_calibration_window(self, windows):
        rows = len(windows[1]) + 7
        both = pd.concat(windows, ignore_index=True)
        found = parity_rows(*windows, asked(parity_rows=rows))
        pd.testing.assert_frame_equal(found, both.tail(rows).reset_index(drop=True))


@pytest.fixture(scope="module")
def model(windows, specification):
    return train_model(*windows, specification, CANDIDATES, FEATURE_NAMES)


@pytest.fixture(scope="module")
def graph(model):
    return export_model(model)


class TestMeasure:
    def test_the_metrics_and_an_interval_around_the_headline(self, model, windows):
        window = windows[1]
        found = measure_model(model, window, 2.5e-7, OPTIONS)
        expected = evaluate(window["outcome"], model.predict(window), window["variant_id"])
        interval = found.pop(f"{HEADLINE}_interval")
        assert found.pop("calibration") == model.calibration.describe()
        assert found == pytest.approx(expected | {"export_difference": 2.5e-7})
        assert set(METRICS) <= set(found)
        assert 0 <= interval[0] < found[HEADLINE] < interval[1] <= 1
        assert interval == measure_model(model, window, 0.0, OPTIONS)[f"{HEADLINE}_interval"]
        assert interval != measure_model(model, window, 0.0, asked(seed=6))[f"{HEADLINE}_interval"]

    def test_what_is_not_defined_is_none(self, model, windows):
        found = measure_model(model, windows[1].head(3), 0.0, OPTIONS)
        assert found[HEADLINE] is None
        assert found[f"{HEADLINE}_interval"] is None
        assert found["rows"] == 3


class TestGoldenRows:
    def test_score_as_recorded(self, graph, model, windows):
        golden = draw_golden_rows(graph, FEATURE_NAMES, windows[1], OPTIONS)
        frame = pd.DataFrame({name: golden.inputs[name] for name in FEATURE_NAMES})
        assert len(frame) == len(golden.probabilities) == OPTIONS.golden_rows
        np.testing.assert_allclose(model.predict(frame), golden.probabilities, atol=1e-6)

    def test_are_valid_and_plain(self, graph, windows):
        golden = draw_golden_rows(graph, FEATURE_NAMES, windows[1], asked(golden_rows=100))
        assert tuple(golden.inputs) == FEATURE_NAMES
        for feature in FEATURES:
            values = golden.inputs[feature.name]
            if feature.kind == "number":
                assert all(type(value) is float for value in values)
                assert feature.minimum <= min(values)
                assert max(values) <= feature.maximum
            else:
                assert set(values) <= set(windows[1][feature.name])
        assert all(type(value) is float for value in golden.probabilities)

    def test_are_no_rows_of_the_data(self, graph, windows):
        golden = draw_golden_rows(graph, FEATURE_NAMES, windows[1], asked(golden_rows=100))
        drawn = pd.DataFrame(golden.inputs)[list(NUMERIC_FEATURES)]
        real = windows[1][list(NUMERIC_FEATURES)].astype("float32").astype("float64")
        assert drawn.merge(real, how="inner").empty
        assert not drawn.duplicated().any()

    def test_the_seed_decides(self, graph, windows):
        first = draw_golden_rows(graph, FEATURE_NAMES, windows[1], OPTIONS)
        assert first == draw_golden_rows(graph, FEATURE_NAMES, windows[1], OPTIONS)
        assert first != draw_golden_rows(graph, FEATURE_NAMES, windows[1], asked(seed=6))


@pytest.fixture(scope="module")
def bundle(graph, model, windows, specification):
    metrics = measure_model(model, windows[1], 2.5e-7, OPTIONS)
    return assemble_bundle(
        graph,
        model,
        fingerprint(windows, specification),
        specification,
        *windows,
        metrics,
        "somewhere",
        OPTIONS,
        SplitOptions(minimum_items=5),
    )


class TestBundle:
    def test_the_manifest_says_what_the_model_is(self, bundle, windows):
        manifest = bundle.manifest
        assert manifest.environment == "somewhere"
        assert (manifest.candidate, dict(manifest.parameters)) == ("logistic_l2", {"C": 0.1})
        assert tuple(feature.name for feature in manifest.features) == FEATURE_NAMES
        assert all(feature.required for feature in manifest.features)
        for window, frame in zip(
            (manifest.training_window, manifest.calibration_window), windows, strict=True
        ):
            assert window["rows"] == len(frame)
            assert window["purchases"] == frame["outcome"].sum()
            assert window["orders"] == frame["order_id"].nunique()
            assert window["first_day"] == f"{frame['created_at'].min():%Y-%m-%d}"
        assert manifest.training_window["refit"] == "none"
        assert manifest.training_window["minimum_items"] == 5
        assert manifest.metrics["window"] == "calibration"
        assert {"numpy", "xgboost", "onnxruntime", "scikit-learn"} <= set(manifest.libraries)

    def test_the_manifest_says_what_the_model_learnt_from(self, bundle, model, windows):
        training_window, bounds = windows[0], model.bounds
        for feature in bundle.manifest.features:
            if feature.kind == "category":
                assert feature.categories == tuple(sorted(training_window[feature.name].unique()))
                assert (feature.lowest, feature.highest) == (None, None)
            else:
                assert (feature.lowest, feature.highest) == bounds[feature.name]
                assert feature.categories is None
        rows = training_window[list(FEATURE_NAMES)].to_dict("records")
        columns, _ = bundle.model.schema.tabulate(rows)
        for name, count in bundle.model.schema.count_beyond_training(columns).items():
            assert count <= 0.01 * len(rows) if FEATURE_OF[name].since else count == 0

    def test_holds_no_id(self, bundle, windows):
        text = str(bundle.manifest) + bundle.files["model_card.md"].decode()
        for name in ("order_id", "variant_id"):
            assert not [value for value in windows[1][name].unique() if str(value) in text]
        assert "user_id" not in text

    def test_loads_and_scores(self, bundle, model, parts):
        rows = parts.test[list(FEATURE_NAMES)].astype({"user_order_seq": float}).to_dict("records")
        columns, faults = bundle.model.schema.tabulate(rows)
        assert not faults
        np.testing.assert_allclose(
            bundle.model.score(columns), model.predict(parts.test), atol=1e-6
        )

    @pytest.mark.parametrize("end", ["minimum", "maximum"])
    def test_what_lies_beyond_the_manifests_ranges_scores_as_their_end(self, bundle, parts, end):
        nearest = {"minimum": "lowest", "maximum": "highest"}[end]
        row = parts.test[list(FEATURE_NAMES)].astype({"user_order_seq": float}).iloc[0].to_dict()
        numbers = [f for f in bundle.manifest.features if f.kind == "number"]
        far = [row | {f.name: getattr(f, end)} for f in numbers]
        near = [row | {f.name: getattr(f, nearest)} for f in numbers]
        schema = bundle.model.schema
        (far_columns, faults), (near_columns, _) = schema.tabulate(far), schema.tabulate(near)
        assert not faults  # counted, never rejected
        assert sum(schema.count_beyond_training(far_columns).values()) > 0
        assert not any(schema.count_beyond_training(near_columns).values())
        far_score, near_score = map(bundle.model.score, (far_columns, near_columns))
        left = np.array([f.name == DAYS_SINCE_PURCHASE for f in numbers]) & (end == "maximum")
        np.testing.assert_array_equal(far_score[~left], near_score[~left])
        assert (far_score[left] <= near_score[left]).all()  # they may end at the popularity

    def test_one_that_would_not_load_is_not_made(self, graph, model, windows, specification):
        window = windows[1].assign(count_pets=5_000.0)  # no golden row is valid
        with pytest.raises(BundleError, match="golden rows"):
            assemble_bundle(
                graph,
                model,
                fingerprint(windows, specification),
                specification,
                windows[0],
                window,
                measure_model(model, windows[1], 0.0, OPTIONS),
                "somewhere",
                OPTIONS,
                SplitOptions(minimum_items=5),
            )

    def test_the_card_holds_the_numbers(self, bundle):
        card = bundle.files["model_card.md"].decode()
        manifest = bundle.manifest
        assert "L2 logistic regression (`logistic_l2`)" in card
        assert "| C | 0.1 |" in card
        assert "orders of at least 5 items" in card
        for name, window in (
            ("training", manifest.training_window),
            ("calibration", manifest.calibration_window),
        ):
            columns = ("first_day", "last_day", "orders", "users", "rows", "purchases")
            assert f"| {name} | " + " | ".join(str(window[c]) for c in columns) + " |" in card
        for name in METRICS:
            assert f"| {name} | {manifest.metrics[name]:.4g} |" in card
        assert "| export_difference | 2.5e-07 |" in card
        assert f"| purchases | {manifest.metrics['purchases']} |" in card
        low, high = manifest.metrics[f"{HEADLINE}_interval"]
        assert f"between {low:.3f} and {high:.3f} with 95 % confidence" in card
        calibration = manifest.metrics["calibration"]
        assert f"is calibrated ({calibration['method']}) as" in card
        numbers = calibration["a"], calibration["b"], calibration["c"]
        assert "sigmoid({:.4g} ln p - {:.4g} ln(1 - p) {:+.4g}).".format(*numbers) in card
        for method, loss in calibration["log_loss"].items():
            assert f"\n{method} {loss:.4f}" in card
        assert "The orders after the calibration window were not used." in card
        assert "The probability is not the effect of a notification." in card
        assert "when less\n  is known, so expect less." in card
        assert manifest.training_window["fitted_rows"] == manifest.training_window["rows"]
        assert "It was fitted to" not in card
        assert "{{" not in card
        assert "\n\n\n" not in card

    def test_the_card_has_whole_tables(self, bundle):
        lines = bundle.files["model_card.md"].decode().splitlines()
        tables = [i for i, line in enumerate(lines) if line.startswith("|---")]
        assert len(tables) == 3
        for start in tables:
            width = lines[start].count("|")
            assert lines[start - 1].count("|") == width
            assert lines[start + 1].count("|") == width

    def test_the_card_of_a_refit_and_of_undefined_metrics(self, bundle):
        manifest = replace(
            bundle.manifest,
            training_window={**bundle.manifest.training_window, "refit": "all", "fitted_rows": 77},
            metrics={**bundle.manifest.metrics, HEADLINE: None, f"{HEADLINE}_interval": None},
        )
        card = training.write_model_card(manifest)
        assert "so no test part is left" in card
        assert "It was fitted to 77 rows of the training window" in card
        assert f"| {HEADLINE} | not defined |" in card
        assert "confidence" not in card

    def test_is_a_bundle_with_two_files(self, bundle):
        assert isinstance(bundle, Bundle)
        assert set(bundle.files) == {"model.onnx", "model_card.md"}


@pytest.fixture(scope="module")
def extended_bundle(extended_parts, extended_features, specification):
    windows = [extended_parts.train, pd.concat(extended_parts[1:3], ignore_index=True)]
    model = train_model(*windows, specification, CANDIDATES, extended_features)
    bundle = assemble_bundle(
        export_model(model),
        model,
        fingerprint(windows, specification, features=extended_features),
        specification,
        *windows,
        measure_model(model, windows[1], 0.0, OPTIONS),
        "somewhere",
        OPTIONS,
        SplitOptions(minimum_items=5),
    )
    return model, bundle


class TestExtendedBundle:
    def test_needs_every_feature_and_no_metadata(self, extended_bundle, extended_features):
        features = extended_bundle[1].manifest.features
        assert tuple(feature.name for feature in features) == extended_features
        assert all(feature.required for feature in features)
        assert tuple(extended_bundle[1].manifest.golden_rows.inputs) == extended_features

    def test_scores_and_rejects(self, extended_bundle, extended_parts, extended_features):
        model, bundle = extended_bundle
        rows = extended_parts.test[list(extended_features)].to_dict("records")
        columns, faults = bundle.model.schema.tabulate(rows)
        assert not faults
        np.testing.assert_allclose(
            bundle.model.score(columns), model.predict(extended_parts.test), atol=1e-6
        )
        late = {**rows[0], "hour_of_day": 24.0}
        without = {name: value for name, value in rows[0].items() if name != "hour_of_day"}
        faults = [bundle.model.schema.find_fault(row) for row in (late, without)]
        assert [(fault.code, fault.feature) for fault in faults] == [
            ("OUT_OF_RANGE", "hour_of_day"),
            ("MISSING_FEATURE", "hour_of_day"),
        ]

    def test_the_card_names_the_groups(self, extended_bundle, bundle):
        card = extended_bundle[1].files["model_card.md"].decode()
        extended = f"and {len(EXTENDED_NAMES)} extended ones: own_product (10), "
        assert f"21 features that every frame has {extended}" in card
        assert "calendar (3), " in card
        plain = bundle.files["model_card.md"].decode()
        assert "- It takes 21 features that every frame has.\n" in plain


def roll(parts):
    return roll_windows(join_development(*parts[:2]), *parts[2:])


class TestRollWindows:
    def test_cover_everything_in_order_by_whole_days(self, parts, kept):
        training_window, calibration = roll(parts)
        both = pd.concat([training_window, calibration], ignore_index=True)
        pd.testing.assert_frame_equal(both, kept)
        last = training_window["created_at"].dt.normalize().max()
        assert last < calibration["created_at"].dt.normalize().min()
        assert calibration["created_at"].max() == parts.test["created_at"].max()

    def test_the_calibration_window_keeps_its_share(self, parts, days):
        late = roll(parts)[1]["order_id"].nunique()
        orders = [part["order_id"].nunique() for part in parts]
        share = orders[2] / sum(orders[:3])
        assert share <= late / sum(orders) <= share + (days["orders"].max() + 1) / sum(orders)

    def test_inputs_stay_as_they_are(self, parts):
        before = [part.copy() for part in parts]
        roll(parts)
        for part, copy in zip(parts, before, strict=True):
            pd.testing.assert_frame_equal(part, copy)
