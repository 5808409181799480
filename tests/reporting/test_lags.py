"""Quality with features taken earlier: the study on a simulated shop, and what the report says."""

import json
from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from pydantic import ValidationError

from push_propensity.datasets.optional_datasets import OptionalJSONDataset, OptionalParquetDataset
from push_propensity.errors import DataError
from push_propensity.evaluation.lags import LagOptions, score_at_lag, select_lags
from push_propensity.evaluation.metrics import HEADLINE, product_average_precision
from push_propensity.evaluation.scored import score_entries
from push_propensity.evaluation.uncertainty import measure_test, resample_test
from push_propensity.features import FeatureOptions, build_feature_frame, read_raw_tables
from push_propensity.frame.contract import check_feature_frame
from push_propensity.frame.split import keep_large_orders
from push_propensity.models.candidates import CandidateOptions
from push_propensity.models.families import ENTRIES
from push_propensity.models.purchase_model import fit_model
from push_propensity.pipelines.lag_study import create_pipeline
from push_propensity.pipelines.reporting.pipeline import EVIDENCE
from push_propensity.reports.findings import Evidence, summarise
from push_propensity.reports.tables import lags_table
from push_propensity.simulation import simulate_shop
from tests.reporting.measured_shop import OPTIONS, make_inputs, run_reporting
from tests.simulation.small_shop import small_options

FEATURES = FeatureOptions.model_validate({"extended": {"groups": ["own_product", "intent"]}})
SINCE = pd.Timestamp("2020-11-15")
WINNER = {
    "candidate": "logistic_l2",
    "parameters": {"C": 0.1},
    "fingerprint": {"data": "rows", "parameters": "options", "code": "1.0"},
}


@pytest.fixture(scope="module")
def tables():
    return {
        name: ibis.memtable(table)
        for name, table in simulate_shop(small_options())._asdict().items()
    }


@pytest.fixture(scope="module")
def raw(tables):
    return read_raw_tables(FEATURES, **(tables | {"prices": None}))


@pytest.fixture(scope="module")
def parts(raw):
    """Orders to learn from and to test on."""
    frame = check_feature_frame(build_feature_frame(raw, FEATURES).to_pyarrow().to_pandas())
    kept = keep_large_orders(frame, 3)
    late = kept["created_at"] >= SINCE
    return kept[~late].reset_index(drop=True), kept[late].reset_index(drop=True)


@pytest.fixture(scope="module")
def models(parts):
    options = [
        CandidateOptions(family="logistic_l2", parameters={"C": 0.1}, seed=1),
        CandidateOptions(family="own_frequency", seed=1),
    ]
    return [fit_model(parts[0], entry, entry.complete({})) for entry in options]


@pytest.fixture(scope="module")
def lag_metrics(tables, parts, models):
    linear, baseline = models
    inputs = {
        **tables,
        "prices": None,
        "test": parts[1],
        "winner": WINNER,
        "params:feature_options": FEATURES,
        "params:lag_study": LagOptions(hours=(0, 24, 240)),
        "params:report_options": OPTIONS,
        **{f"{entry}_model": baseline for entry in ENTRIES},
        "logistic_l2_model": linear,
    }
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
    )
    catalog["raw_tables"] = MemoryDataset(copy_mode="assign")
    return SequentialRunner().run(create_pipeline(), catalog)["lag_metrics"].load()


@pytest.fixture(scope="module")
def test_metrics(parts, models):
    """What reporting measures on the test part."""
    _, test = parts
    scores = score_entries(test, **{model.name: model for model in models})
    return measure_test(scores, resample_test(scores, OPTIONS), OPTIONS)


@pytest.mark.slow
class TestStudy:
    def test_at_the_lag_of_the_frame_it_gives_the_figures_of_the_test_part(
        self, lag_metrics, test_metrics
    ):
        again = lag_metrics[lag_metrics["as_tested"]].set_index("entry")
        assert list(again["lag_hours"]) == [0, 0]
        on_test = test_metrics.query("segment == 'all' and metric == @HEADLINE").set_index("entry")
        for ours, theirs in ((HEADLINE, "value"), (f"{HEADLINE}_low", "low"), ("rows", "rows")):
            expected = on_test[theirs].reindex(again.index)
            np.testing.assert_allclose(again[ours].astype(float), expected.astype(float))
        assert (again[["kept", "kept_low", "kept_high"]] == 1).all(axis=None)

    def test_the_orders_stay_and_the_features_grow_old(self, lag_metrics, parts, raw, models):
        assert list(lag_metrics["lag_hours"].unique()) == [0, 24, 240]
        assert set(lag_metrics["orders"]) == {parts[1]["order_id"].nunique()}
        old = score_at_lag(raw, parts[1], models, FEATURES, 240.0)
        value = product_average_precision(old["outcome"], old["logistic_l2"], old["variant_id"])
        row = lag_metrics.query("lag_hours == 240 and entry == 'logistic_l2'").iloc[0]
        assert row[HEADLINE] == pytest.approx(value)
        first = lag_metrics.query("as_tested and entry == 'logistic_l2'").iloc[0]
        assert row["kept"] == pytest.approx(value / first[HEADLINE])
        assert row["kept_low"] < row["kept"] < min(row["kept_high"], 1)

    def test_options_that_no_longer_build_the_frame(self, raw, parts, models):
        with pytest.raises(DataError, match="has 15 features that feature_options does not ask"):
            score_at_lag(raw, parts[1], models, FeatureOptions(), 0.0)

    @pytest.mark.parametrize(
        ("hours", "lag", "expected"),
        [((0, 24, 1), 0, [0, 1, 24]), ((1,), 0, [0, 1]), ((0, 1, 24), 1, [1, 0, 24])],
    )
    def test_the_lag_of_the_frame_is_first_and_always_there(self, hours, lag, expected):
        assert LagOptions(hours=hours).with_frame(lag) == expected

    @pytest.mark.parametrize("hours", [(), (-1,), (float("nan"),)])
    def test_hours_that_are_none(self, hours):
        with pytest.raises(ValidationError):
            LagOptions(hours=hours)


@pytest.mark.slow
class TestSelection:
    def test_of_this_winner_and_test_part(self, lag_metrics, parts):
        chosen = select_lags(lag_metrics, parts[1], WINNER)
        pd.testing.assert_frame_equal(chosen, lag_metrics)
        again = json.loads(json.dumps(WINNER | {"rule": "best"}))
        assert not select_lags(lag_metrics, parts[1], again).empty

    @pytest.mark.parametrize("part", ["data", "parameters", "code"])
    def test_of_another_fit(self, lag_metrics, parts, part, caplog):
        other = WINNER | {"fingerprint": WINNER["fingerprint"] | {part: "another"}}
        assert select_lags(lag_metrics, parts[1], other).empty
        assert "left out of the report" in caplog.text

    def test_of_another_winner(self, lag_metrics, parts):
        assert select_lags(lag_metrics, parts[1], WINNER | {"candidate": "xgboost"}).empty

    def test_of_another_test_part(self, lag_metrics, parts):
        test = parts[1]
        for other in (test.iloc[1:], test.assign(outcome=1.0), test.assign(vendor="other")):
            assert select_lags(lag_metrics, other, WINNER).empty

    def test_of_a_table_that_does_not_say(self, lag_metrics, parts):
        earlier = lag_metrics.drop(columns="made_from")
        assert select_lags(earlier, parts[1], WINNER).empty

    def test_never_measured(self, parts, lag_metrics):
        chosen = select_lags(None, parts[1], WINNER)
        assert chosen.empty
        assert list(chosen) == list(lag_metrics)


@pytest.mark.slow
class TestReport:
    def test_what_survives_is_said_and_drawn(self, results):
        kept = results["test_lags"].query("lag_hours == 24 and entry == 'xgboost'").iloc[0]
        assert 0.3 < kept["kept"] < 0.95
        evidence = Evidence(**{key: results[name] for key, name in EVIDENCE.items()})
        table = lags_table(evidence)
        (said,) = [
            dict(zip(table.columns, row, strict=True))
            for row in table.rows
            if row[:2] == ("24\N{NO-BREAK SPACE}h before the order", "XGBoost")
        ]
        left = f"{100 * kept['kept']:.0f}\N{NO-BREAK SPACE}%"
        assert said["kept"].startswith(f"{left}\n")
        assert said["product AP"].startswith(f"{kept[HEADLINE]:.3f}\n")
        assert said["kept"] in results["report"]
        assert "24\N{NO-BREAK SPACE}h before the order" in results["report"]
        figure = results["lags_figure"]
        assert [trace.name for trace in figure.data] == ["XGBoost", "Ordered-before rule"]
        assert list(figure.data[0].x) == ["0 h", "24 h"]

    def test_without_raw_tables_it_says_so(self):
        made = run_reporting(make_inputs() | {"lag_metrics": None})
        assert made["test_lags"].empty
        assert "was not measured for this winner and test part" in made["report"]
        assert "figure-lags_figure" not in made["report"]
        assert "24\N{NO-BREAK SPACE}h before the order" not in made["report"]

    def test_where_carts_weigh_much_the_summary_says_what_is_left(self, results):
        evidence = Evidence(**{key: results[name] for key, name in EVIDENCE.items()})
        names = evidence.importance["feature"] == "abandoned_before"
        weighty = evidence.importance.assign(**{HEADLINE: names.astype(float)})
        evidence = replace(evidence, importance=weighty)
        kept = results["test_lags"].query("lag_hours == 24 and entry == 'xgboost'")["kept"].item()
        left = f"{100 * kept:.0f}\N{NO-BREAK SPACE}% of it is left."
        assert summarise(evidence).endswith(left)
        unmeasured = replace(evidence, lags=evidence.lags.iloc[:0])
        assert summarise(unmeasured).endswith("so expect less in practice.")


class TestOptionalFile:
    def test_without_a_json_file_there_is_nothing(self, tmp_path):
        dataset = OptionalJSONDataset(filepath=str(tmp_path / "report.json"))
        assert dataset.load() == {}
        dataset.save({"rows": 3})
        assert dataset.load() == {"rows": 3}


class TestOptionalTable:
    def test_without_a_file_there_is_none(self, tmp_path):
        dataset = OptionalParquetDataset(filepath=str(tmp_path / "table.parquet"))
        assert dataset.load() is None
        table = pd.DataFrame({"kept": [0.5]})
        dataset.save(table)
        pd.testing.assert_frame_equal(dataset.load(), table)
