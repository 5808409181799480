import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from push_propensity.pipelines.reporting.pipeline import EVIDENCE
from push_propensity.reports import findings, page, tables
from push_propensity.reports.wording import percent_span
from tests.reporting.measured_shop import WINNER


@pytest.fixture
def evidence(results):
    return findings.Evidence(**{key: results[name] for key, name in EVIDENCE.items()})


def about(evidence, topic):
    return [f for f in findings.derive(evidence) if f["topic"] == topic]


def changed(evidence, table, key, **values):
    """The evidence with some cells of one table changed where the key's columns match."""
    frame = getattr(evidence, table).copy()
    rows = np.logical_and.reduce([frame[name] == value for name, value in key.items()])
    assert rows.any()
    for name, value in values.items():
        frame.loc[rows, name] = value
    return dataclasses.replace(evidence, **{table: frame})


HEAD = {"metric": "product_average_precision", "segment": "all"}


def test_every_finding_is_a_sentence_with_a_verdict(evidence):
    for finding in findings.derive(evidence):
        assert finding["verdict"] in {"worked", "failed", "noise", "note"}
        assert finding["text"].endswith(".")
        assert "nan" not in finding["text"].lower().replace("popularity", "")
        assert ".." not in finding["text"]


@pytest.mark.parametrize(
    ("verdict", "expected", "words"),
    [
        (
            "better",
            "worked",
            "XGBoost beats Popularity by 0.035 product AP on test (95\N{NO-BREAK SPACE}% interval "
            "0.020 to 0.050, paired bootstrap by user).",
        ),
        ("worse", "failed", "XGBoost loses to Popularity by 0.035 product AP on test, so"),
        (
            "noise",
            "noise",
            "XGBoost and Popularity cannot be told apart on test: a difference of 0.035",
        ),
    ],
)
def test_a_difference_is_told_as_its_interval_allows(evidence, verdict, expected, words):
    told = changed(
        evidence,
        "comparisons",
        {"entry": "global_popularity"} | HEAD,
        difference=0.035,
        low=0.02,
        high=0.05,
        verdict=verdict,
    )
    [finding] = [f for f in about(told, "Models against each other") if "Popularity" in f["text"]]
    assert finding["verdict"] == expected
    assert finding["text"].startswith(words)


def test_a_higher_log_loss_of_the_winner_is_admitted(evidence):
    key = {"entry": "logistic_l2", "metric": "log_loss", "segment": "all"}
    numbers = {"difference": 0.0021, "low": 0.0011, "high": 0.0031}
    told = changed(evidence, "comparisons", key, verdict="worse", **numbers)
    [found] = about(told, "Probabilities")
    assert found["verdict"] == "failed"
    sure = "95\N{NO-BREAK SPACE}% interval 0.0011 to 0.0031"
    own, other = (evidence.metric(e, "log_loss")["value"] for e in ("xgboost", "logistic_l2"))
    assert f"of XGBoost on test, {own:.4f}, is higher than that of" in found["text"]
    words = f"L2 logistic regression ({other:.4f}: a difference of 0.0021, {sure})"
    assert words in found["text"]
    assert found["text"].endswith("chosen on the folds by product AP, as stated in advance.")
    level = evidence.comparisons.assign(verdict="noise")
    assert not about(dataclasses.replace(evidence, comparisons=level), "Probabilities")


@pytest.mark.parametrize(
    ("low", "high", "verdict", "words"),
    [
        (0.44, 0.47, "failed", "ranks worse than chance within a product (ROC AUC 0.457"),
        (0.53, 0.57, "worked", "ranks better than chance"),
        (0.48, 0.52, "noise", "ranks no better than chance"),
    ],
)
def test_a_baseline_is_held_against_chance(evidence, low, high, verdict, words):
    key = {"entry": "global_popularity", "metric": "product_roc_auc", "segment": "all"}
    told = changed(evidence, "metrics", key, value=0.457, low=low, high=high)
    [finding] = [f for f in about(told, "Ranking within a product") if f["text"].startswith("Pop")]
    assert finding["verdict"] == verdict
    assert words in finding["text"]


@pytest.mark.parametrize(
    ("judged", "verdict", "words"),
    [
        ("better", "worked", "reaches more of its buyers than "),
        ("worse", "failed", "reaches fewer of its buyers than "),
        ("noise", "noise", "reaches as many of its buyers, within noise, as "),
    ],
)
def test_buyers_reached_are_judged_once_for_all_rivals(evidence, judged, verdict, words):
    gains = {"metric": "gain", "segment": "all"}
    told = changed(evidence, "comparisons", gains, verdict=judged)
    [finding] = about(told, "Buyers reached")
    assert finding["verdict"] == verdict
    assert finding["text"].startswith("With 10\N{NO-BREAK SPACE}% of a product's users notified")
    assert words in finding["text"]
    assert "L2 logistic regression" in finding["text"]
    assert "Constant" not in finding["text"]
    key = gains | {"entry": "logistic_l2"}
    split = changed(told, "comparisons", key, verdict="noise" if judged != "noise" else "better")
    assert len(about(split, "Buyers reached")) == 2
    unmeasured = changed(told, "comparisons", key, low=np.nan)
    assert "L2 logistic" not in about(unmeasured, "Buyers reached")[0]["text"]


def test_features_that_do_not_show_are_counted(evidence):
    importance = evidence.importance.assign(
        product_average_precision=0.1, product_average_precision_deviation=0.01
    )
    told = dataclasses.replace(evidence, importance=importance)
    assert not [f for f in about(told, "Features") if f["verdict"] == "noise"]
    key = {"feature": "vendor"}
    told = changed(told, "importance", key, product_average_precision=0.02)
    [finding] = [f for f in about(told, "Features") if f["verdict"] == "noise"]
    assert finding["text"].startswith("Shuffling any one of 1 of the 21 features costs less")


def test_the_parts_by_history_say_how_many_purchases_they_hold(evidence):
    table = tables.segments_table(evidence)
    assert table.columns[0] == "entry"
    for segment, heading in zip(("all", "repeat", "explore"), table.columns[1:], strict=True):
        sizes = evidence.metric("xgboost", "product_average_precision", segment)
        assert heading.startswith(tables.SEGMENT_LABELS[segment])
        assert heading.endswith(f": {int(sizes['purchases']):,} purchases")


def test_the_summary_says_who_wins_and_what_it_means(evidence):
    reach = evidence.metric("xgboost", "gain")["value"]
    summary = findings.summarise(evidence)
    assert summary.startswith(
        "XGBoost won. Pick a product and, given that the users order, notify the "
        "10\N{NO-BREAK SPACE}% of them"
    )
    assert len(re.findall(r"\.( |$)", summary)) <= 5
    assert f"you reach {round(100 * reach)}\N{NO-BREAK SPACE}% of the product's buyers" in summary
    assert "Elastic-net logistic regression cannot be told apart from it" in summary
    assert "The best rule without a model (Ordered-before rule) reaches" in summary


def test_the_summary_admits_that_another_did_better(evidence):
    told = changed(evidence, "comparisons", {"entry": "logistic_l2"} | HEAD, verdict="worse")
    assert "L2 logistic regression did better: the choice deserves" in findings.summarise(told)


@pytest.mark.parametrize(
    ("verdict", "ranks"), [("noise", "as well, within noise"), ("worse", "better")]
)
def test_the_summary_admits_that_a_rule_would_do(evidence, verdict, ranks):
    doubt = "a model has not shown here that it is worth having."
    assert doubt not in findings.summarise(evidence)
    rule = {"entry": "ordered_before_popularity"} | HEAD
    told = findings.summarise(changed(evidence, "comparisons", rule, verdict=verdict))
    assert f"% and ranks {ranks}: {doubt}" in told


def test_the_summary_admits_that_others_reach_as_many(evidence):
    key = {"entry": "logistic_l2", "metric": "gain", "segment": "all"}
    told = changed(evidence, "comparisons", key, verdict="noise")
    told = changed(
        told,
        "comparisons",
        {"entry": "logistic_l2"} | HEAD,
        difference=0.035,
        low=0.02,
        high=0.05,
        verdict="better",
    )
    assert (
        "L2 logistic regression reaches as many, within noise; the product AP of XGBoost is higher "
        "by 0.035 (95\N{NO-BREAK SPACE}% interval 0.020 to 0.050) than that of L2 logistic "
        "regression." in " ".join(findings._distances(told))
    )


def test_the_summary_warns_of_what_is_known_late(evidence):
    key = {"feature": "abandoned_before"}
    heavy = changed(evidence, "importance", key, product_average_precision=0.9)
    light = changed(evidence, "importance", key, product_average_precision=0.0)
    assert "carts that users left" in findings.summarise(heavy)
    assert "carts that users left" not in findings.summarise(light)
    features = about(heavy, "Features")
    assert any("stands or falls with abandoned_before" in f["text"] for f in features)


def test_test_far_below_the_folds_is_a_failure(evidence):
    told = changed(
        evidence, "leaderboard", {"candidate": "xgboost"}, product_average_precision=0.99
    )
    assert about(told, "Folds and test")[0]["verdict"] == "failed"
    low = changed(evidence, "leaderboard", {"candidate": "xgboost"}, product_average_precision=0.01)
    assert about(low, "Folds and test")[0]["verdict"] == "note"
    value = evidence.metric("xgboost", "product_average_precision")["value"]
    same = changed(
        evidence, "leaderboard", {"candidate": "xgboost"}, product_average_precision=value
    )
    assert about(same, "Folds and test")[0]["verdict"] == "worked"


@pytest.mark.parametrize(
    ("runner_up", "verdicts"),
    [
        ({"candidate": "logistic_l2", "difference": 0.05, "standard_error": 0.01}, ["worked"]),
        ({"candidate": "logistic_l2", "difference": 0.01, "standard_error": 0.01}, ["noise"]),
        ({"candidate": "logistic_l2", "difference": 0.01, "standard_error": None}, []),
        (None, []),
    ],
)
def test_the_runner_up_is_told_where_it_is_known(evidence, runner_up, verdicts):
    told = dataclasses.replace(evidence, winner=WINNER | {"runner_up": runner_up})
    assert [f["verdict"] for f in about(told, "Folds and test")[1:]] == verdicts


@pytest.mark.parametrize(
    ("difference", "verdict", "words"),
    [
        (0.3, "worked", "was 0.300 product AP ahead of Own-frequency rule, the baseline to beat"),
        (-0.3, "failed", "was 0.300 product AP behind Own-frequency rule, the baseline to beat"),
        (-0.01, "noise", " by Student's t over 3 folds): within noise."),
    ],
)
def test_the_lead_over_the_baseline_to_beat(evidence, difference, verdict, words):
    baseline = {"candidate": "own_frequency", "difference": difference, "standard_error": 0.02}
    told = dataclasses.replace(evidence, winner=WINNER | {"baseline": baseline})
    finding = about(told, "Folds and test")[-1]
    assert finding["verdict"] == verdict
    assert words in finding["text"]


def test_the_features_are_named_by_group(evidence):
    assert evidence.features == "21 features that every frame has"
    names = [*evidence.importance["feature"], "hour_of_day", "affinity_history", "day_of_week"]
    importance = pd.DataFrame({"feature": names})
    extended = dataclasses.replace(evidence, importance=importance)
    assert extended.features == (
        "21 features that every frame has and 3 extended ones: affinity (1), calendar (2)"
    )


ALL = {"entry": "xgboost", "dimension": "all"}


def test_too_many_expected_purchases_are_a_failure(evidence):
    numbers = {"expected": 1000.0, "purchases": 970, "ratio_low": 0.93, "ratio_high": 1.01}
    fine = changed(evidence, "calibration", ALL, ratio=0.97, **numbers)
    finding = about(fine, "Calibration")[0]
    assert finding["verdict"] == "worked"
    assert finding["text"].startswith(
        "Of 100 purchases that XGBoost expected on test 97 were made (95\N{NO-BREAK SPACE}% "
        "interval 93 to 101): 1,000 expected, 970 made; expected calibration error 0.0"
    )
    off = changed(evidence, "calibration", ALL, ratio=0.5)
    assert about(off, "Calibration")[0]["verdict"] == "failed"


@pytest.mark.parametrize(
    ("slope", "low", "high", "verdict", "words"),
    [
        (1.02, 1.01, 1.03, "worked", "about as far apart as they should be"),
        (0.7, 0.4, 1.1, "worked", "about as far apart as they should be"),
        (0.7, 0.6, 0.8, "failed", "too far apart: high ones are too high and low ones too low"),
        (1.5, 1.4, 1.6, "failed", "too close together: high ones are too low and low ones too"),
    ],
)
def test_a_slope_is_told_in_words(evidence, slope, low, high, verdict, words):
    told = changed(evidence, "calibration", ALL, slope=slope, slope_low=low, slope_high=high)
    finding = about(told, "Calibration")[1]
    assert finding["verdict"] == verdict
    assert words in finding["text"]
    unknown = changed(evidence, "calibration", ALL, slope=np.nan)
    assert not [f for f in about(unknown, "Calibration") if "slope" in f["text"]]


def test_parts_that_are_clearly_off_are_named(evidence):
    level = {"ratio": 1.0, "ratio_low": 0.9, "ratio_high": 1.1}
    fine = changed(evidence, "calibration", {"entry": "xgboost"}, **level)
    assert not [f for f in about(fine, "Calibration") if "parts of test" in f["text"]]
    off = {"ratio": 0.8, "ratio_low": 0.7, "ratio_high": 0.9}
    told = changed(fine, "calibration", {"slice": "tea"}, **off)
    [finding] = [f for f in about(told, "Calibration") if "parts of test" in f["text"]]
    assert finding["verdict"] == "note"
    assert finding["text"].startswith("In 1 of 6 parts of test")
    assert (
        "Furthest off: tea (80 of 100 expected, 95\N{NO-BREAK SPACE}% interval 70 to 90)."
        in (finding["text"])
    )


def test_products_that_chance_does_not_explain_are_counted(evidence):
    none = dataclasses.replace(evidence, products=evidence.products.assign(surprising=False))
    fine = about(none, "Calibration")[-1]
    assert fine["verdict"] == "worked"
    assert fine["text"].startswith("0 of 40 products (0\N{NO-BREAK SPACE}%)")
    assert "Furthest" not in fine["text"]
    worst = {"product": 12, "expected": 3.04, "purchases": 20, "surprising": True}
    off = dataclasses.replace(evidence, products=evidence.products.assign(**worst))
    finding = about(off, "Calibration")[-1]
    assert finding["verdict"] == "failed"
    assert finding["text"].endswith("Furthest off: product 12 (3.0 expected, 20 purchases).")


@pytest.mark.parametrize(("best", "warned"), [(1e-4, True), (1e-3, False), (0.1, True)])
def test_a_sweep_that_ends_at_its_best_value_is_told(evidence, best, warned):
    c = evidence.paths[evidence.paths["candidate"] == "logistic_l2"]
    paths = c.assign(
        mean=np.where(c["value"] == best, 0.9, c["mean"]), behind=0.3, behind_standard_error=0.01
    )
    [finding] = about(dataclasses.replace(evidence, paths=paths), "Regularisation")
    assert finding["verdict"] == ("note" if warned else "worked")
    assert ("at the edge of the sweep" in finding["text"]) == warned


def test_few_folds_need_a_larger_difference(evidence):
    difference = {"difference": 0.03, "error": 0.01}
    assert not findings._certain(evidence, **difference, folds=3)
    assert findings._certain(evidence, **difference, folds=10)
    assert not findings._certain(evidence, **difference, folds=1)
    told = findings._over_folds(evidence, **difference, folds=3)
    assert told.endswith("−0.013 to 0.073 by Student's t over 3 folds")
    assert "cannot be told" in findings._over_folds(evidence, **difference, folds=1)


def test_settings_that_differ_in_several_parameters_are_not_judged_alone(evidence):
    drawn = evidence.paths.assign(crossed=evidence.paths["candidate"] != "xgboost")
    told = [f["text"] for f in about(dataclasses.replace(evidence, paths=drawn), "Regularisation")]
    [finding] = [text for text in told if text.startswith("XGBoost")]
    assert finding.startswith("XGBoost: of 4 settings that were measured on all folds the best has")
    assert finding.endswith("several parameters at once, so none can be judged alone.")


def test_the_best_and_worst_settings_are_told(evidence):
    told = [f["text"] for f in about(evidence, "Regularisation")]
    [c] = [text for text in told if text.startswith("L2 logistic regression, C")]
    path = evidence.paths.query("candidate == 'logistic_l2'")
    best = path.loc[path["mean"].idxmax(), "setting"]
    assert f"C: the best trial has {best} and product AP" in c


def test_parts_are_compared_by_what_they_are_above_no_skill(evidence):
    slices = evidence.slices.assign(product_average_precision=0.8, no_skill=0.7)
    told = dataclasses.replace(evidence, slices=slices)
    first = slices[slices["dimension"] == "week"]["slice"].iloc[0]
    far = {"product_average_precision": 0.5, "no_skill": 0.1}
    told = changed(told, "slices", {"slice": "bread"}, **far)
    told = changed(told, "slices", {"slice": first}, **far)
    told = changed(told, "slices", {"slice": "tea"}, no_skill=0.9)
    shown = {}
    for dimension in ("week", "product_type", "user"):
        table = tables.slices_table(told, dimension, "A caption")
        shape = [table.columns.index(n) for n in ("product AP", "no skill", "above no skill")]
        shown |= {row[0]: tuple(row[i] for i in shape) for row in table.rows}
    assert shown[first] == shown["bread"] == ("0.500", "0.100", "0.400")
    assert shown["tea"] == ("0.800", "0.900", "\N{MINUS SIGN}0.100")
    assert shown["second order"] == ("0.800", "0.700", "0.100")


def test_without_slices_sweep_and_importance_there_is_less_to_say(evidence):
    bare = dataclasses.replace(
        evidence,
        slices=evidence.slices.iloc[:0],
        paths=evidence.paths.iloc[:0],
        importance=evidence.importance.iloc[:0],
    )
    topics = {f["topic"] for f in findings.derive(bare)}
    assert topics.isdisjoint({"Regularisation", "Features"})


def test_without_baselines_nothing_is_said_of_them(evidence):
    board = evidence.leaderboard.query("kind == 'candidate'")
    alone = dataclasses.replace(evidence, leaderboard=board)
    assert "without a model" not in findings.summarise(alone)
    assert not about(alone, "Ranking within a product")


def test_the_metric_sentence_states_what_is_covered(evidence):
    sizes = evidence.metric("xgboost", "product_average_precision")
    sentence = findings.metric_sentence(evidence)
    assert sentence.startswith(f"Product AP counts the {int(sizes['products'])} products")


def test_undefined_metrics_are_left_out(evidence):
    metrics = evidence.metrics.assign(value=np.nan, low=np.nan, high=np.nan)
    nothing = evidence.comparisons.assign(
        difference=np.nan, low=np.nan, high=np.nan, verdict="noise"
    )
    none = evidence.calibration.assign(purchases=0)
    blind = dataclasses.replace(evidence, metrics=metrics, comparisons=nothing, calibration=none)
    topics = {f["topic"] for f in findings.derive(blind)}
    assert topics.isdisjoint({"Calibration", "Folds and test", "Buyers reached"})
    [against] = about(blind, "Models against each other")
    assert against["verdict"] == "note"
    assert "could not be measured" in against["text"]
    summary = findings.summarise(blind)
    assert "told apart" not in summary
    assert "within noise" not in summary
    assert "–" not in summary
    assert (
        "How far it is from Elastic-net logistic regression and L2 logistic regression could not "
        "be measured on the test window." in summary
    )
    assert page._cards(blind) == []
    assert {row[-2:] for row in tables.comparisons_table(blind).rows} == {("–", "not measured")}


def test_an_interval_that_is_not_defined_is_not_shown(evidence):
    told = changed(evidence, "metrics", {"entry": "xgboost"} | HEAD, low=np.nan, high=np.nan)
    assert page._cards(told)[-1]["label"] == "product average precision on test"
    assert not about(told, "Folds and test")
    assert told.interval(np.nan, np.nan) == "no interval could be measured"
    assert told.interval(np.nan, np.nan, percent_span) == "no interval could be measured"


def test_the_tables_are_not_changed(evidence):
    before = {f.name: getattr(evidence, f.name) for f in dataclasses.fields(evidence)}
    frames = {
        name: value.copy() for name, value in before.items() if isinstance(value, pd.DataFrame)
    }
    findings.derive(evidence)
    findings.summarise(evidence)
    assert all(getattr(evidence, name).equals(frame) for name, frame in frames.items())


def test_decisions_stand_in_the_order_of_the_other_tables(evidence):
    table, other = tables.decisions_table(evidence), tables.metrics_table(evidence)
    assert [row[0] for row in table.rows] == [row[0] for row in other.rows]
    assert table.emphasised == other.emphasised
    assert [table.rows[row][0] for row in table.emphasised] == [evidence.label]
    backwards = dataclasses.replace(evidence, decisions=evidence.decisions[::-1])
    assert tables.decisions_table(backwards) == table
