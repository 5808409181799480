import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from push_propensity.evaluation import calibration
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.slices import OTHER_TYPES
from push_propensity.pipelines.reporting.pipeline import EVIDENCE
from push_propensity.reports import tables
from push_propensity.reports.findings import Evidence
from push_propensity.reports.wording import entry_label
from tests.reporting.measured_shop import ENTRIES, LOSSES, OPTIONS, Weighted

WINNER = {"candidate": "xgboost"}


@pytest.fixture
def evidence(results):
    return Evidence(**{key: results[name] for key, name in EVIDENCE.items()})


def make_scores(probability, outcome, user=None, kind="tea", before=0.0):
    rows = len(probability)
    return pd.DataFrame(
        {
            "order_id": range(rows),
            "user_id": np.arange(rows) if user is None else user,
            "variant_id": 7,
            "created_at": pd.Timestamp("2021-03-07"),
            "order_date": pd.Timestamp("2021-03-07"),
            "product_type": kind,
            "user_order_seq": 2,
            "ordered_before": before,
            "outcome": np.asarray(outcome, dtype=float),
            "xgboost": probability,
        }
    )


def draw_scores(slope, intercept, rows=6_000, users=150, seed=1):
    """Probabilities whose log-odds are off by a slope and an intercept."""
    draws = np.random.default_rng(seed)
    x = draws.normal(-1, 1.5, rows)
    bought = draws.random(rows) < expit(slope * x + intercept)
    return make_scores(expit(x), bought, np.arange(rows) % users)


def regress(scores, weight=None):
    x = logit(scores["xgboost"].to_numpy())[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(x, scores["outcome"], weight)
    return fitted.coef_[0, 0], fitted.intercept_[0]


def on_all_rows(scores, **options):
    table = calibration.measure_calibration(scores, WINNER, ReportOptions(**options))
    return table[table["dimension"] == "all"].iloc[0]


class TestMeasureCalibration:
    def test_sums_by_hand(self):
        row = on_all_rows(make_scores([0.5, 0.25, 0.25, 0.5], [1, 0, 1, 1]), resamples=10)
        assert (row["rows"], row["purchases"], row["expected"]) == (4, 3, 1.5)
        assert row["ratio"] == 2.0
        assert row["ratio_low"] <= 2.0 <= row["ratio_high"]

    def test_slope_and_intercept_are_those_of_a_logistic_regression(self):
        scores = draw_scores(0.6, -0.4)
        row = on_all_rows(scores, resamples=10)
        assert (row["slope"], row["intercept"]) == pytest.approx(regress(scores), abs=1e-3)

    @pytest.mark.parametrize(("slope", "intercept"), [(0.6, -0.4), (1.0, 0.0), (1.5, 0.5)])
    def test_a_planted_distortion_lies_in_the_intervals(self, slope, intercept):
        row = on_all_rows(draw_scores(slope, intercept), resamples=200, confidence=0.99)
        assert row["slope_low"] < slope < row["slope_high"]
        assert row["intercept_low"] < intercept < row["intercept_high"]

    @pytest.mark.slow
    def test_resamples_of_users_are_nearly_those_of_new_fits(self):
        scores = draw_scores(0.8, 0.3)
        options = ReportOptions(resamples=40)
        row = on_all_rows(scores, resamples=40)
        [drawn] = options.resample(scores["user_id"]).draws()
        refitted = [regress(scores, draw[scores["user_id"]])[0] for draw in drawn.T]
        low, high = options.resample(scores["user_id"]).interval(refitted, row["slope"])
        width = high - low
        assert row["slope_low"] == pytest.approx(low, abs=0.1 * width)
        assert row["slope_high"] == pytest.approx(high, abs=0.1 * width)

    def test_every_entry_on_all_rows_and_the_winner_in_parts(self, results, scores):
        table = results["test_calibration"]
        everywhere = table[table["dimension"] == "all"].set_index("entry")
        assert set(everywhere.index) == set(ENTRIES)
        for entry in ENTRIES:
            assert everywhere.loc[entry, "expected"] == pytest.approx(scores[entry].sum())
        parts = table[table["dimension"] != "all"]
        assert set(parts["entry"]) == {"xgboost"}
        for dimension in ("segment", "product_type"):
            part = parts[parts["dimension"] == dimension]
            assert part["rows"].sum() == len(scores)
            assert part["expected"].sum() == pytest.approx(scores["xgboost"].sum())
        repeat = parts.set_index("slice").loc["repeat"]
        assert repeat["purchases"] == scores.query("ordered_before > 0")["outcome"].sum()

    def test_equal_probabilities_have_no_slope(self, results):
        table = results["test_calibration"].set_index("entry")
        assert np.isnan(table.loc["constant", "slope"])
        assert table.loc["constant", "ratio"] > 0

    def test_few_purchases_have_no_slope_and_rare_types_stand_together(self):
        scores = draw_scores(1.0, 0.0, rows=400)
        kind = np.select([np.arange(400) < 6, np.arange(400) < 12], ["jam", "soap"], "tea")
        scores = scores.assign(product_type=kind)
        options = ReportOptions(resamples=10, minimum_slice_purchases=30)
        table = calibration.measure_calibration(scores, WINNER, options).set_index("slice")
        assert table.loc[OTHER_TYPES, "rows"] == 12
        assert np.isnan(table.loc[OTHER_TYPES, "slope"])
        assert np.isnan(table.loc[OTHER_TYPES, "intercept_high"])
        assert table.loc["tea", "slope"] > 0


class TestCountProducts:
    def test_by_hand(self):
        scores = make_scores([0.5, 0.25, 0.25, 0.75], [1, 0, 1, 1]).assign(
            variant_id=[1, 1, 2, 2], product_type=["tea", "tea", "jam", "jam"]
        )
        table = calibration.count_products(scores, WINNER, OPTIONS).set_index("product")
        assert table.index.tolist() == [2, 1]
        assert table["product_type"].tolist() == ["jam", "tea"]
        assert table["purchases"].tolist() == [2, 1]
        assert table["expected"].tolist() == [1.0, 0.75]
        deviate = [np.sqrt(2) + np.sqrt(3) - np.sqrt(5), 1 + np.sqrt(2) - np.sqrt(4)]
        assert table["deviate"].tolist() == pytest.approx(deviate)
        assert not table["surprising"].any()

    def test_chance_alone_surprises_as_often_as_it_should(self):
        draws = np.random.default_rng(4)
        product = np.repeat(np.arange(2_000), 400)
        p = np.repeat(draws.uniform(0.001, 0.1, 2_000), 400)
        scores = make_scores(p, draws.random(len(p)) < p).assign(variant_id=product)
        table = calibration.count_products(scores, WINNER, ReportOptions(confidence=0.9))
        assert 0.05 < table["surprising"].mean() < 0.11
        half = scores.assign(xgboost=p / 2)
        assert calibration.count_products(half, WINNER, OPTIONS)["surprising"].mean() > 0.5

    @given(st.floats(0, 1e4), st.floats(0.5, 0.99))
    @settings(max_examples=100, deadline=None)
    def test_the_limits_are_where_surprise_begins(self, expected, confidence):
        options = ReportOptions(confidence=confidence)
        fewest, most = calibration.limits_of_chance(np.array([expected]), options)
        z = norm.ppf((1 + confidence) / 2)

        def deviate(n):
            return np.sqrt(n) + np.sqrt(n + 1) - np.sqrt(4 * expected + 1)

        assert deviate(most[0]) == pytest.approx(z, abs=1e-6)
        assert fewest[0] == 0 or deviate(fewest[0]) == pytest.approx(-z, abs=1e-6)


def test_a_stand_in_of_several_entries_is_described_once():
    model = Weighted({}, name="ordered_before_popularity")
    table = calibration.describe_fits(own_frequency=model, decayed_frequency=model)
    assert table["entry"].tolist() == ["ordered_before_popularity"]


def test_how_each_entry_was_calibrated(results):
    table = results["model_fits"].set_index("entry")
    assert set(table.index) == set(ENTRIES)
    row = table.loc["xgboost"]
    assert row["fitted_rows"] == 1_000_000
    assert (row["method"], row["a"], row["b"], row["c"]) == ("beta", 1.5, 0.5, 0.1)
    assert row[list(LOSSES)].to_dict() == LOSSES


class TestTables:
    def test_every_entry_with_its_method(self, evidence):
        view = tables.calibration_table(evidence)
        assert [row[0] for row in view.rows] == [entry_label(name) for name in evidence.entries]
        [emphasised] = view.emphasised
        row, known = view.rows[emphasised], evidence.calibrated("xgboost")
        assert row[:4] == ("XGBoost", "beta", f"{known['expected']:.0f}", str(known["purchases"]))
        assert row[4].startswith(f"{100 * known['ratio']:.0f}\n")
        assert row[5].startswith(f"{known['slope']:.3f}\n{known['slope_low']:.3f} to ")
        constant = next(row for row in view.rows if row[0] == "Constant")
        assert constant[-2:] == ("–", "–")

    def test_the_log_loss_of_each_method(self, evidence):
        for row in tables.calibration_methods_table(evidence).rows:
            assert row[1:] == ("0.2100", "0.2000", "0.1900", "0.2050", "beta")

    def test_parts_come_with_the_most_purchases_first(self, evidence):
        rows = tables.calibration_parts_table(evidence).rows
        assert {row[0] for row in rows[:2]} == {"repeat (bought before)", "explore (never bought)"}
        made = [int(row[2].replace(",", "")) for row in rows[2:]]
        assert made == sorted(made, reverse=True)

    def test_the_products_furthest_off(self, evidence):
        rows = tables.products_table(evidence).rows
        first = evidence.products.iloc[0]
        assert len(rows) == tables.MOST_PRODUCTS
        assert rows[0][0] == str(first["product"])
        assert rows[0][3:5] == (f"{first['expected']:.1f}", str(first["purchases"]))
