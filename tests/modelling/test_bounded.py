"""What training never saw: values beyond its range, and categories that are rare there."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.frame.columns import (
    DAYS_SINCE_PURCHASE,
    FEATURE_NAMES,
    FEATURE_OF,
    pick_numbers,
)
from push_propensity.models.bounded import BoundedNumbers, training_bounds
from push_propensity.models.export import OUTPUT, check_parity, export_model, graph_inputs
from push_propensity.models.family import category_codes
from push_propensity.models.purchase_model import calibrate
from push_propensity.scoring.session import open_session
from tests.modelling.entries import CANDIDATE_NAMES, entry, fit

SINCE = [name for name, feature in FEATURE_OF.items() if feature.since]
TRAINING = pd.DataFrame(
    {
        "count_pets": [0.0, 3.0, 7.0],
        "popularity_trend": [-1.0, 0.0, 0.5],
        "days_since_order": [0.0, 100.0, 200.0],
        "hours_since_open_cart": [2.0, 2.0, 2.0],
    }
)


class TestTrainingBounds:
    def test_by_hand(self):
        frame = TRAINING.assign(vendor="a")
        bounds = training_bounds(frame, ["vendor", *TRAINING])
        assert bounds == {
            "count_pets": (0.0, 7.0),
            "popularity_trend": (-1.0, 0.5),
            "days_since_order": (0.0, 198.0),
            "hours_since_open_cart": (2.0, 2.0),
        }

    def test_are_float32(self):
        frame = pd.DataFrame({"discount_pct": [0.1, 0.7]})
        low, high = training_bounds(frame, ["discount_pct"])["discount_pct"]
        assert (low, high) == (float(np.float32(0.1)), float(np.float32(0.7)))

    def test_times_since_something_happened(self):
        assert set(SINCE) == {
            "days_since_purchase_variant_id",
            "days_since_purchase_product_type",
            "days_since_purchase_vendor",
            "days_since_order",
            "days_since_first_sale",
            "days_since_regular",
            "days_since_cart",
            "hours_since_open_cart",
            "days_past_longest_gap",
            "days_past_shortest_gap",
            "days_past_mean_gap",
        }


class TestBoundedNumbers:
    def test_beyond_the_range_is_at_its_end(self):
        rows = pd.DataFrame([[-1.0, 2.0, 500.0, 0.0], [5.0, 0.0, 7.0, 9.0]], columns=[*TRAINING])
        bounded = BoundedNumbers().fit(TRAINING).transform(rows)
        assert bounded.tolist() == [[0.0, 0.5, 198.0, 2.0], [5.0, 0.0, 7.0, 2.0]]

    def test_logarithms_of_days_hours_and_counts_alone(self):
        rows = pd.DataFrame([[7.0, -1.0, 500.0, 2.0]], columns=[*TRAINING])
        bounded = BoundedNumbers(logarithms=True).fit(TRAINING).transform(rows)
        np.testing.assert_allclose(bounded, [[np.log(8), -1.0, np.log(199), np.log(3)]])

    def test_rows_stay_as_they_are(self):
        rows = TRAINING.copy()
        BoundedNumbers(logarithms=True).fit_transform(rows)
        pd.testing.assert_frame_equal(rows, TRAINING)

    def test_needs_the_columns_that_it_was_fitted_to(self):
        fitted = BoundedNumbers().fit(TRAINING)
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.transform(TRAINING[[*TRAINING][::-1]])


@pytest.fixture(scope="module")
def calibrated(extended_development, extended_parts, extended_features):
    return {
        name: calibrate(
            fit(extended_development, entry(name), extended_features),
            extended_parts.calibration,
            entry(name),
        )
        for name in CANDIDATE_NAMES
    }


@pytest.fixture(scope="module")
def sessions(calibrated):
    return {name: open_session(export_model(model)) for name, model in calibrated.items()}


def score(session, frame):
    inputs = graph_inputs(frame, [given.name for given in session.get_inputs()])
    return session.run([OUTPUT], inputs)[0][:, 0]


@pytest.mark.parametrize("name", CANDIDATE_NAMES)
class TestEveryCandidate:
    def test_knows_the_bounds_of_its_training_rows(
        self, calibrated, extended_development, extended_features, name
    ):
        expected = training_bounds(extended_development, extended_features)
        assert calibrated[name].bounds == expected
        assert list(expected) == pick_numbers(extended_features)

    @pytest.mark.parametrize("feature", SINCE)
    def test_longer_ago_than_nearly_all_training_rows_never_raises_a_score(
        self, calibrated, sessions, extended_development, extended_parts, name, feature
    ):
        values = extended_development[feature]
        rows, last = extended_parts.test.head(300), None
        for value in (values.quantile(0.99), values.max(), values.max() + 1, 2e3, 36_500.0):
            frame = rows.assign(**{feature: float(value)})
            scored = calibrated[name].predict(frame), score(sessions[name], frame)
            if last is not None:
                assert (
                    max((now - then).max() for now, then in zip(scored, last, strict=True)) <= 1e-6
                )
            last = scored

    @given(data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_a_number_beyond_its_range_counts_as_the_end_of_it(
        self, calibrated, sessions, extended_parts, name, data
    ):
        model, rows = calibrated[name], extended_parts.test.head(20)
        names = sorted(set(model.bounds) - {DAYS_SINCE_PURCHASE})
        feature = data.draw(st.sampled_from(names))
        low, high = model.bounds[feature]
        values = data.draw(
            st.lists(st.floats(-1e6, 1e6, width=32), min_size=len(rows), max_size=len(rows))
        )
        frame = rows.assign(**{feature: values})
        inside = rows.assign(**{feature: np.clip(values, low, high)})
        np.testing.assert_array_equal(model.predict(frame), model.predict(inside))
        np.testing.assert_array_equal(score(sessions[name], frame), score(sessions[name], inside))

    def test_beyond_the_longest_time_no_score_is_above_the_product_s_popularity(
        self, calibrated, sessions, extended_development, extended_parts, name
    ):
        model = calibrated[name]
        longest = extended_development[DAYS_SINCE_PURCHASE].max()
        assert model.longest == longest
        at = extended_parts.test.assign(**{DAYS_SINCE_PURCHASE: longest})
        at.loc[:5, "global_popularity"] = 0.0
        beyond = at.assign(**{DAYS_SINCE_PURCHASE: longest + 1})
        expected = np.minimum(model.predict(at), at["global_popularity"].clip(lower=1e-4))
        assert (expected < model.predict(at)).any()
        assert (expected == model.predict(at)).any()
        np.testing.assert_array_equal(model.predict(beyond), expected)
        np.testing.assert_allclose(score(sessions[name], beyond), expected, atol=1e-6)


class TestRareCategories:
    def test_share_a_code_and_unknown_ones_have_none(self):
        counts = {"often": 600, "sometimes": 5, "seldom": 1, "once": 1}
        codes = category_codes().fit(
            pd.DataFrame({"vendor": np.repeat([*counts], [*counts.values()])})
        )
        asked = pd.DataFrame({"vendor": [*counts, "never"]})
        assert codes.transform(asked)[:, 0].tolist() == [0, 1, 2, 2, -1]

    @given(st.lists(st.integers(1, 50), min_size=1, max_size=2_000))
    @settings(max_examples=30, deadline=None)
    def test_at_most_three_hundred_have_a_code_of_their_own(self, counts):
        names = [f"vendor-{number}" for number in range(len(counts))]
        rows = pd.DataFrame({"vendor": np.repeat(names, counts)})
        assert category_codes().fit_transform(rows).max() <= 300

    @pytest.mark.parametrize("name", ["logistic_l2", "logistic_elastic_net"])
    def test_six_thousand_vendors_make_no_more_columns_than_three_hundred(self, development, name):
        rows = pd.concat([development] * 5, ignore_index=True)
        columns = []
        for vendors in (300, 6_000):
            frame = rows.assign(vendor=[f"vendor-{row % vendors}" for row in range(len(rows))])
            encoder = entry(name).definition.encoder(FEATURE_NAMES)
            columns.append(encoder.fit_transform(frame).shape[1])
            assert len(frame["vendor"].unique()) == vendors
        assert columns[1] <= columns[0]

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_score_alike_in_the_graph_too(self, development, parts, name):
        vendors = np.random.default_rng(0).geometric(0.03, len(development))
        frame = development.assign(vendor=[f"vendor-{number}" for number in vendors])
        shares = frame["vendor"].value_counts(normalize=True)
        rare = shares.index[shares < 1 / 300]
        assert len(rare) > 10
        model = fit(frame, entry(name))
        asked = pd.concat([parts.test.head(8).assign(vendor=vendor) for vendor in rare])
        scores = model.predict(asked).reshape(len(rare), 8)
        np.testing.assert_array_equal(scores, np.tile(scores[0], (len(rare), 1)))
        graph = export_model(model)
        assert check_parity(graph, model, asked, 1e-6) <= 1e-6
        unknown = parts.test.head(8).assign(vendor="never seen")
        assert check_parity(graph, model, unknown, 1e-6) <= 1e-6
