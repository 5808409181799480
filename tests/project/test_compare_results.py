"""The comparison of two runs' results: what must be equal is, and what moved is said."""

import json
import shutil
import sys

import pandas as pd
import pytest
from benchmarks import compare_results

from push_propensity.scoring.bundle import publish
from tests.predict.tiny_bundle import make_bundle, make_rows

WINNER = {"candidate": "logistic_l2", "product_average_precision": 0.5}
METRICS = pd.DataFrame(
    {"entry": ["a", "b"], "metric": ["m", "m"], "value": [0.5, None], "low": [0.4, None]}
)


@pytest.fixture
def roots(tmp_path):
    """Two output roots of the same results; each run says of which code it is."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in ("06_models/selection", "05_model_input", "08_reporting/tables"):
        (before / folder).mkdir(parents=True)
    publish(make_bundle(), before / "06_models", "push_1")
    pd.DataFrame(make_rows(5)).to_parquet(before / "05_model_input/test.parquet")
    METRICS.to_csv(before / "06_models/selection/leaderboard.csv", index=False)
    METRICS.to_parquet(before / "08_reporting/tables/test_metrics.parquet")
    shutil.copytree(before, after)
    METRICS.iloc[::-1].to_parquet(after / "08_reporting/tables/test_metrics.parquet")
    for root in (before, after):
        made = json.dumps(WINNER | {"fingerprint": root.name})
        (root / "06_models/selection/winner.json").write_text(made, encoding="utf-8")
    return before, after


def compare(roots, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["compare_results", *map(str, roots)])
    with pytest.raises(SystemExit) as stopped:
        compare_results.main()
    return stopped.value.code, capsys.readouterr().out


def test_the_same_results_in_another_order_are_equal(roots, monkeypatch, capsys):
    code, table = compare(roots, monkeypatch, capsys)
    assert code == 0
    assert "| winner.json | yes | 0 |" in table
    assert "| scores of the published graph on 5 test rows | yes | 0 |" in table


def test_what_is_drawn_may_move(roots, monkeypatch, capsys):
    METRICS.assign(low=[0.3, None]).to_parquet(
        roots[1] / "08_reporting/tables/test_metrics.parquet"
    )
    code, table = compare(roots, monkeypatch, capsys)
    assert code == 0
    assert "| test_metrics.parquet: drawn at random | no | 0.1 |" in table


@pytest.mark.parametrize("moved", [{"value": [0.6, None]}, {"value": [0.5, 0.1]}])
def test_a_point_estimate_must_not(roots, moved, monkeypatch, capsys):
    METRICS.assign(**moved).to_parquet(roots[1] / "08_reporting/tables/test_metrics.parquet")
    assert compare(roots, monkeypatch, capsys)[0] == 1


def test_a_choice_must_not(roots, monkeypatch, capsys):
    other = json.dumps(WINNER | {"candidate": "xgboost"})
    (roots[1] / "06_models/selection/winner.json").write_text(other, encoding="utf-8")
    assert compare(roots, monkeypatch, capsys)[0] == 1
