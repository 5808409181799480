"""The benchmarks run and compare what they say; nothing here is timed."""

import argparse
import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import HEADLINE, product_average_precision
from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.contract import check_feature_frame
from push_propensity.frame.split import (
    PARTS,
    FoldOptions,
    SplitOptions,
    cut_folds,
    keep_large_orders,
    plan_split,
    split_orders,
)
from push_propensity.models.candidates import CandidateOptions
from push_propensity.selection.choice import SelectionOptions
from tests.project.environments import ROOT
from tests.reporting.measured_shop import make_inputs, run_reporting

BENCHMARKS = ROOT / "benchmarks"
SCRIPT = BENCHMARKS / "feature_engineering.py"


@pytest.fixture(scope="module")
def benchmark():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("feature_engineering_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def a_run(seconds, rows=1_000, peak=2e9, spilled=0):
    return {
        "seconds": seconds,
        "processor_seconds": 2 * seconds,
        "rows": rows,
        "peak_memory": peak,
        "spilled": spilled,
    }


def cells(table, number):
    return [cell.strip() for cell in table.splitlines()[number].strip("|").split("|")]


@pytest.mark.slow
def test_a_small_benchmark_gives_both_tables(tmp_path):
    command = [sys.executable, str(SCRIPT), "--users=60", "--no-real", "--repetitions=1"]
    command += ["--scales", "1", "2", "--memory-limits", "none", "500MB"]
    command += [f"--cache={tmp_path / 'cache'}", f"--output={tmp_path / 'tables.md'}"]
    ran = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") == ran.stdout
    _, against_sql, verdict, growth = ran.stdout.strip().split("\n\n")
    assert verdict.startswith("Both frames are equal.")
    ours, by_hand = cells(against_sql, 2), cells(against_sql, 3)
    assert (ours[:2], by_hand[:2]) == (
        ["simulated, 1x", "feature_engineering"],
        ["simulated, 1x", "feature_frame.sql"],
    )
    assert ours[2] == by_hand[2]
    once, twice, once_limited, twice_limited = (cells(growth, number) for number in range(2, 6))
    assert 0 < int(once[3].replace(",", "")) < int(twice[3].replace(",", ""))
    assert [line[2] for line in (once, twice_limited)] == ["none", "500MB"]
    assert once[3] == once_limited[3]
    assert once[-1] == "1.00"


def test_runs_are_summed_up_by_their_least_and_median_times_and_their_peaks(benchmark):
    runs = (a_run(4.0), a_run(2.0, peak=3e9), a_run(9.0, spilled=5e8))
    one = benchmark.Measurement(("shop",), runs)
    assert one.cells() == ["shop", "1,000", "2.0", "4.0", "4.0", "500", "3.00", "0.50"]


def test_growth_is_compared_with_the_first_shop_by_rows(benchmark, monkeypatch, tmp_path):
    runs = iter([a_run(1.0, rows=100), a_run(6.0, rows=400)])
    monkeypatch.setattr(benchmark, "build", lambda *_: next(runs))
    shops = [benchmark.Shop(name, "simulation", tmp_path, {}) for name in ("small", "large")]
    chosen = benchmark.parse(["--repetitions=1", "--memory-limits=1GB", "--features=frame"])
    table = benchmark.measure_growth(shops, chosen)
    assert [cells(table, number)[-1] for number in (2, 3)] == ["1.00", "1.50"]


def test_pipeline_and_sql_take_turns_and_unequal_frames_stop(benchmark, monkeypatch, tmp_path):
    turns = []

    def run_step(step, **arguments):
        turns.append(arguments["by_hand"] if step == "build" else step)
        if step == "build":
            return a_run(1.0 if arguments["by_hand"] else 1.2)
        return {"different": different}

    monkeypatch.setattr(benchmark, "run_step", run_step)
    shop, different = benchmark.Shop("small", "simulation", tmp_path, {}), []
    text = benchmark.compare_with_sql(shop, repetitions=2)
    assert turns == [False, True, False, True, "compare"]
    assert "takes 1.20 times" in text
    different = ["keys", "vendor"]
    with pytest.raises(SystemExit, match="differ in keys, vendor"):
        benchmark.compare_with_sql(shop, repetitions=1)


@pytest.mark.slow
def test_a_step_that_fails_stops_with_its_error(benchmark):
    with pytest.raises(SystemExit, match=r"(?s)simulate failed:.*KeyError|TypeError"):
        benchmark.run_step("simulate", nothing=Path().name)


# ------------------------------------------------------------------ serving


@pytest.fixture(scope="module")
def import_benchmark():
    """Imports a script, and what it imports of the others, as running it does."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module
    for name in {script.stem for script in BENCHMARKS.glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def serving(import_benchmark):
    return import_benchmark("serving")


@pytest.fixture
def candidate(serving, tmp_path):
    return serving.Candidate("logistic_l2", "logistic_l2", {}, tmp_path)


def times(p50, least=None):
    return {"calls": 10, "p50": p50, "p99": 2 * p50, "least": p50 if least is None else least}


def run_benchmark(script, *arguments):
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_a_small_benchmark_of_serving_gives_every_table(tmp_path):
    output = tmp_path / "tables.md"
    small = ["--models=logistic_l2", "--effort=0.002", "--starts=1"]
    ran = run_benchmark("serving.py", *small, f"--output={output}")
    assert ran.returncode == 0, ran.stderr
    assert output.read_text(encoding="utf-8") == ran.stdout
    _, calls, _, parsing, starts, none, memory, goals = ran.stdout.strip().split("\n\n")
    assert [cells(calls, number)[1] for number in range(2, 6)] == ["1", "100", "1,000", "10,000"]
    assert cells(parsing, 2)[0] == "logistic_l2"
    assert len(starts.splitlines()) == 4
    assert none.startswith("No answer imports any of duckdb")
    assert float(cells(memory, 2)[1]) > 0
    assert {cells(goals, number)[-1] for number in range(2, 7)} <= {"met", "missed"}


def test_handler_and_plain_way_are_compared_by_their_medians_and_least_times(serving):
    one = {"handler": times(0.5, least=0.4), "plain": times(2.5, least=1.6), "alone": times(0.3)}
    sizes = {"1": one}
    table = serving.describe_calls({"xgboost": sizes})
    assert cells(table, 2)[:4] == ["xgboost", "1", "10", "0.50"]
    assert cells(table, 2)[-3:] == ["0.20", "0.25", "0.30"]


def test_goals_are_met_or_missed(serving):
    sizes = {
        "1": {"handler": times(0.5), "plain": times(1.9), "alone": times(0.4)},
        "1000": {"handler": times(8.0), "json.loads": times(4.0)},
    }
    goals = serving.call_goals("xgboost", sizes)
    goals += serving.start_goals({"reference": [1.0, 1.0], "xgboost": [1.6, 1.8]})
    goals += serving.memory_goals({"xgboost": [100.0, 101.0]})
    assert [goal.cells()[-1] for goal in goals] == ["missed", "met", "met", "missed", "met"]


def test_starts_take_turns_and_the_first_do_not_count(serving, candidate, monkeypatch):
    started = iter(range(100))
    modules = "json numpy"
    monkeypatch.setattr(serving, "start", lambda *_: (next(started), modules))
    seconds = serving.start_in_turns([candidate], starts=2)
    assert seconds == {"reference": [2, 4], "logistic_l2": [3, 5]}
    modules = "json pandas"
    with pytest.raises(SystemExit, match="imports pandas"):
        serving.start_in_turns([candidate], starts=2)


@pytest.mark.slow
def test_a_serving_step_that_fails_stops_with_its_error(candidate):
    with pytest.raises(SystemExit, match=r"(?s)publish failed:.*no such candidate"):
        candidate.run_step("publish", candidate="forest", parameters={})


# ------------------------------------------------------------------ the service under load


SERVICE = """
import itertools, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = itertools.count(1)

    def do_GET(self):
        self.give(200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        number = next(self.requests)
        if self.headers["X-API-Key"] != os.environ["PUSH_PROPENSITY_API_KEY"]:
            self.give(401)
        elif number % 5 == 0:
            self.close_connection = True
        else:
            self.give(503 if number % 4 == 0 else 200)

    def give(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

place = os.environ["PUSH_PROPENSITY_HOST"], int(os.environ["PUSH_PROPENSITY_PORT"])
ThreadingHTTPServer(place, Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def service_load(import_benchmark):
    return import_benchmark("service_load")


@pytest.mark.slow
def test_a_small_load_of_the_service_gives_a_table(tmp_path):
    output = tmp_path / "table.md"
    small = ["--model=logistic_l2", "--requests=20", "--seconds=60", "--connections", "1", "4"]
    ran = run_benchmark("service_load.py", *small, f"--output={output}")
    assert ran.returncode == 0, ran.stderr
    assert output.read_text(encoding="utf-8") == ran.stdout
    about, table = ran.stdout.strip().split("\n\n")
    assert "logistic_l2" in about
    lines = [cells(table, number)[:4] for number in range(2, 6)]
    assert lines == [[c, users, "20", "0"] for users in ("1", "100") for c in ("1", "4")]


def test_each_request_counts_and_so_does_each_error(service_load, candidate):
    def load(key):
        content = service_load.request(port, key, {"user 1": {}})
        sending = service_load.Load(connections=3, users=1, most=20)
        return asyncio.run(service_load.send_all(sending, port, content, seconds=60))

    with service_load.serve(candidate, "key", [sys.executable, "-c", SERVICE]) as port:
        known, unknown = load("key"), load("another")
    assert cells(f"|{'|'.join(known.cells())}|", 0)[:4] == ["3", "1", "20", "8"]
    assert unknown.errors == len(unknown.milliseconds) == 20


def test_every_line_is_measured_with_the_same_service(service_load, candidate, monkeypatch):
    (candidate.folder / "users.json").write_text('{"user 1": {}, "user 2": {}}')
    served = service_load.serve(candidate, "key", [sys.executable, "-c", SERVICE])
    monkeypatch.setattr(service_load, "serve", lambda *_: served)
    chosen = argparse.Namespace(users=[1, 2], connections=[1, 4], seconds=0.2, requests=10)
    lines = [load.cells() for load in service_load.measure(candidate, chosen)]
    assert [line[:3] for line in lines] == [
        ["1", "1", "10"],
        ["4", "1", "10"],
        ["1", "2", "10"],
        ["4", "2", "10"],
    ]


def test_a_service_that_does_not_start_stops_with_its_log(service_load, candidate):
    command = [sys.executable, "-c", "raise SystemExit('no key')"]
    with (
        pytest.raises(SystemExit, match=r"(?s)not get ready:.*no key"),
        service_load.serve(candidate, "key", command),
    ):
        pass


def test_first_runs_are_summed_up_by_their_medians(import_benchmark):
    first_run = import_benchmark("first_run")
    runs = [(dict.fromkeys(first_run.STEPS, seconds), {}) for seconds in (30.0, 20.0, 70.0)]
    runs[-1][1][first_run.STEPS[0]] = 254.4
    table = first_run.describe(runs).splitlines()
    assert table[2] == f"| {first_run.STEPS[0]} | 30 (20 to 70) | 254 |"
    assert table[-1] == f"| {first_run.STEPS[-1]} | 30 (20 to 70) |  |"


def test_checks_are_set_beside_bare_work(import_benchmark):
    checks = import_benchmark("checks")
    table = checks.describe({checks.BARE: [10.0, 12.0, 11.0], "quick": [80.0, 90.0, 88.0]})
    assert cells(table, 2) == [checks.BARE, "11 (10 to 12)", "1.0"]
    assert cells(table, 3) == ["make quick", "88 (80 to 90)", "8.0"]


@pytest.mark.slow
def test_results_say_what_the_report_does(import_benchmark):
    results = run_reporting(make_inputs())
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in results.items()})
    text = import_benchmark("results").describe(catalog)
    assert f"**What the report says first.** {results['findings']['summary']}\n" in text
    assert "The winner is `xgboost` with " in text
    metrics = results["test_metrics"].set_index(["entry", "segment", "metric"])
    known = metrics.loc[("xgboost", "all", HEADLINE)]
    assert (
        f"| **XGBoost** | {known['value']:.3f}, {known['low']:.3f} to {known['high']:.3f} |" in text
    )
    assert text.count("\n| --- |") == text.count("\n\n**") == 7


# ------------------------------------------------------------------ AutoML and a plain script


@pytest.fixture(scope="module")
def automl(import_benchmark):
    return import_benchmark("automl")


@pytest.fixture(scope="module")
def one_peer(import_benchmark):
    return import_benchmark("one_peer")


@pytest.fixture(scope="module")
def plain_script(import_benchmark):
    return import_benchmark("plain_script")


@pytest.fixture(scope="module")
def parts(make_feature_frame):
    kept = keep_large_orders(make_feature_frame(), minimum_items=1)
    return split_orders(kept, plan_split(kept, SplitOptions()))._asdict()


@pytest.fixture(scope="module")
def parts_folder(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for name, part in parts.items():
        part.to_parquet(folder / f"{name}.parquet")
    return folder


def a_comparison(**differences):
    """Differences of ours to peers, each of the same metrics with low and high."""
    rows = [
        (peer, metric, *ends) for peer, of in differences.items() for metric, ends in of.items()
    ]
    columns = ["entry", "metric", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index(["entry", "metric"])


def searched(automl, seconds=50.0):
    return automl.Fitted(({"search_seconds": seconds},))


def test_a_share_of_the_rows_stands_for_all_of_them(one_peer):
    outcome = pd.Series([1.0] * 50 + [0.0] * 20_000)
    features = pd.DataFrame({"number": np.arange(len(outcome), dtype=float)})
    rows = one_peer.Rows.of(features.assign(outcome=outcome, sampling_weight=2))
    drawn = rows.draw(0.1, seed=1)
    assert drawn.outcome.sum() == 50
    assert drawn.weight.groupby(drawn.outcome).unique().to_dict() == {0.0: [20.0], 1.0: [2.0]}
    assert drawn.weight.sum() == pytest.approx(2 * len(outcome), rel=0.1)
    assert rows.draw(1.0, seed=1) is rows
    assert list(drawn.features) == ["number"]


def test_shares_of_the_rows_are_compared_with_all_of_them(import_benchmark, parts):
    training_rows = import_benchmark("training_rows")
    test, options = parts["test"], CandidateOptions(family="logistic_l2", seed=1)
    resamples = Resamples.of(test["user_id"], resamples=20, seed=1, confidence=0.95)
    given = ({"parameters": {"C": 0.1}}, options, SelectionOptions(), [0.5], resamples)
    half, whole = training_rows.compare_shares(parts, *given)
    assert (half[0], whole[0], len(half)) == ("0.5", "1", len(training_rows.COLUMNS))
    rows = [int(line[1].replace(",", "")) for line in (half, whole)]
    development = pd.concat([parts["train"], parts["validation"]])
    assert rows[1] == len(development)
    bought = development["outcome"].sum()
    assert rows[0] == pytest.approx(bought + (len(development) - bought) / 2, rel=0.1)
    assert whole[4:6] == ("+0.0000", "+0.0000 to +0.0000")
    assert half[3] != whole[3]


def test_peers_get_the_same_rows_and_nothing_to_look_up(automl, parts, parts_folder, tmp_path):
    automl.hand_over(parts_folder, tmp_path / "peers")
    development, test = (
        pd.read_parquet(tmp_path / "peers" / f"{name}.parquet") for name in ("development", "test")
    )
    assert len(development) == len(parts["train"]) + len(parts["validation"])
    assert list(test) == list(automl.FEATURE_NAMES)
    assert list(development) == [*automl.FEATURE_NAMES, "outcome"]
    assert development["outcome"].iloc[-1] == parts["validation"]["outcome"].iloc[-1]


def test_a_peer_scores_both_windows_in_a_process_of_its_own(
    automl, one_peer, parts, parts_folder, tmp_path, monkeypatch
):
    def fit_popularity(rows, limits, factor):
        assert (len(rows.features), limits.seconds) == (len(rows.outcome), 5)
        return lambda frame: factor * frame["global_popularity"].to_numpy()

    tool = one_peer.Tool(fit_popularity, "pandas", ("pandas", "no such package"))
    monkeypatch.setitem(one_peer.TOOLS, "popularity", tool)
    automl.hand_over(parts_folder, tmp_path / "peers")
    measured = one_peer.run_peer(
        "popularity",
        frames=str(tmp_path / "peers"),
        output=str(tmp_path / "popularity.npz"),
        seconds=5,
        threads=2,
        seed=0,
        negative_share=1.0,
        factor=2.0,
    )
    assert measured["versions"] == {"pandas": pd.__version__}
    assert measured["peak_memory"] > 10e6
    with np.load(tmp_path / "popularity.npz") as written:
        expected = 2 * parts["test"]["global_popularity"].to_numpy()
        np.testing.assert_array_equal(written["test"], expected)
        assert len(written["calibration"]) == len(parts["calibration"])


@pytest.mark.slow
def test_ours_is_the_whole_selection(one_peer, import_benchmark, parts, tmp_path, monkeypatch):
    one_run = import_benchmark("one_run")
    names = ("logistic_l2", "logistic_elastic_net", "xgboost")
    few = {name: {"search": {"n_trials": 1}} for name in names}
    whole = one_run.Configuration
    monkeypatch.setattr(
        one_run,
        "Configuration",
        lambda environment, folder, changed: whole(
            environment, folder, {**changed, "candidates": few}
        ),
    )
    folder = tmp_path / "05_model_input"
    folder.mkdir()
    days = plan_split(pd.concat(parts.values()), SplitOptions())
    for name, rows in {**parts, "folds": cut_folds(days, FoldOptions())}.items():
        rows.to_parquet(folder / f"{name}.parquet")
    found = one_peer.run_ours(str(folder), str(tmp_path / "ours.npz"), "base", "frame")
    assert found["winner"] in {"logistic_l2", "logistic_elastic_net", "xgboost"}
    assert 0 < found["search_seconds"] < found["seconds"]
    with np.load(tmp_path / "ours.npz") as written:
        assert len(written["test"]) == len(parts["test"])


@pytest.mark.slow
def test_a_peer_that_fails_is_a_result(automl, parts, parts_folder, tmp_path):
    automl.hand_over(parts_folder, tmp_path / "peers")
    fitted = automl.fit(
        Path(sys.executable),
        "peer",
        tmp_path / "peer.npz",
        repetitions=1,
        tool="autogluon",
        frames=str(tmp_path / "peers"),
        seconds=5,
        threads=2,
        seed=0,
        negative_share=1.0,
    )
    assert "No module named 'autogluon'" in fitted.failure
    scores = automl.score(parts, {"autogluon_good": fitted})
    assert "autogluon_good" not in scores


def test_peers_are_calibrated_on_the_calibration_window(automl):
    # Two scores and at least two parameters: the rates of the window are met exactly.
    outcome = np.repeat([1.0, 0.0, 1.0, 0.0], [10, 30, 30, 10])
    window = pd.DataFrame({"outcome": outcome, "user_id": np.arange(80)})
    given = {"calibration": np.repeat([0.2, 0.8], 40), "test": np.array([0.8, 0.2])}
    np.testing.assert_allclose(automl.calibrate(window, given), [0.75, 0.25], atol=1e-5)


def test_ours_is_set_beside_each_peer_on_the_same_resamples(automl, parts):
    probability = {
        window: parts[window]["global_popularity"].to_numpy() for window in ("calibration", "test")
    }
    run_of = {"versions": {"tool": "1.0"}, "seconds": 3.0, "processor_seconds": 5.0}
    run_of |= {"predict_seconds": 0.5, "peak_memory": 2e9, "search_seconds": 2.0}
    side = automl.Fitted((run_of,), probability)
    better = {name: p + 0.01 * parts[name]["outcome"] for name, p in probability.items()}
    fitted = {"ours_frame": automl.Fitted((run_of | {"winner": "xgboost"},), better)}
    fitted |= {"flaml": side, "autogluon_good": automl.Fitted(failure="RuntimeError: no time")}
    windows = {name: parts[name][automl.KEYS] for name in automl.WINDOWS}
    scores = automl.score(windows, fitted)
    measured = automl.Measurement.of(scores, ReportOptions(resamples=20, seed=0))
    test = parts["test"]
    reached = {
        name: product_average_precision(test["outcome"], p, test["variant_id"])
        for name, p in (("ours_frame", better["test"]), ("flaml", probability["test"]))
    }
    sides = automl.describe_sides(measured, fitted, test)
    assert cells(sides, 2)[:4] == ["ours (xgboost)", "tool 1.0", "3 (3 to 3)", "5"]
    assert cells(sides, 2)[6] == f"{reached['ours_frame']:.4f}"
    assert cells(sides, 3)[6] == f"{reached['flaml']:.4f}"
    assert cells(sides, 4)[:2] == ["AutoGluon, good", "RuntimeError: no time"]
    differences = automl.describe_differences(measured)
    gained = reached["ours_frame"] - reached["flaml"]
    assert cells(differences, 2)[1].startswith(f"{gained:+.4f} (")
    assert len(differences.splitlines()) == 3


@pytest.mark.parametrize(
    ("to_flaml", "to_catboost", "verdict"),
    [
        ((0.02, 0.01, 0.03), (-0.004, -0.01, 0.002), "met"),
        ((0.02, 0.01, 0.03), (-0.006, -0.02, 0.002), "missed"),  # too far behind
        ((-0.003, -0.004, -0.001), (0.02, 0.01, 0.03), "missed"),  # surely behind
    ],
)
def test_ours_must_not_be_below_the_best_peer(automl, to_flaml, to_catboost, verdict):
    of = {"flaml": to_flaml, "catboost": to_catboost}
    table = a_comparison(
        **{
            peer: {"product_average_precision": ends, "average_precision": ends}
            for peer, ends in of.items()
        },
        ours_extended={"product_average_precision": (-1, -1, -1)},
    )
    measured = automl.Measurement(pd.DataFrame(), {"ours_frame": table})
    *ranked, search = automl.goals(measured, {"ours_frame": searched(automl)})
    assert [line[-1] for line in ranked] == [verdict, verdict]
    assert search[1:] == ["search", "50 s", "at most 60 s", "met"]
    late = automl.goals(measured, {"ours_frame": searched(automl, 61.0)})
    assert late[-1][-1] == "missed"


@pytest.mark.parametrize(("low", "verdict"), [(0.001, "met"), (-0.001, "missed")])
def test_extended_features_must_be_above_every_peer(automl, low, verdict):
    table = a_comparison(
        flaml=dict.fromkeys(automl.RANKED, (0.02, 0.01, 0.03)),
        catboost=dict.fromkeys(automl.RANKED, (0.03, low, 0.05)),
    )
    measured = automl.Measurement(pd.DataFrame(), {"ours_extended": table})
    product, pooled, _ = automl.goals(measured, {"ours_extended": searched(automl)})
    assert "CatBoost" in product[2]
    assert [product[-1], pooled[-1]] == [verdict, verdict]


def test_the_plain_script_ranks_as_we_do(plain_script):
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"variant_id": draw.integers(0, 9, 400)})
    frame["outcome"] = (draw.random(400) < 0.15 - 0.01 * frame["variant_id"]).astype(float)
    score = draw.integers(0, 12, 400) / 12  # with ties
    ours = product_average_precision(frame["outcome"], score, frame["variant_id"])
    assert plain_script.product_average_precision(frame, score) == pytest.approx(ours, abs=1e-12)


@pytest.mark.slow
def test_the_plain_script_does_the_work_of_a_run(
    import_benchmark, plain_script, finished_project, tmp_path, monkeypatch
):
    whole_run, one_run = import_benchmark("whole_run"), import_benchmark("one_run")
    monkeypatch.setattr(one_run, "ROOT", finished_project)
    data = finished_project / "data"
    task = json.loads(json.dumps(whole_run.describe_task("local", data)))
    frame = plain_script.read_orders(task["frame"], task["split"]["minimum_items"])
    cut = plain_script.cut(frame, task["split"])
    left = {n: pd.read_parquet(data / "05_model_input" / f"{n}.parquet") for n in PARTS}
    for name in ("calibration", "test"):
        pd.testing.assert_frame_equal(
            cut[name][["order_id", "variant_id"]].reset_index(drop=True),
            left[name][["order_id", "variant_id"]],
        )
    measured = plain_script.compare(cut["development"], task)
    trials = pd.read_parquet(data / "06_models/selection/trials.parquet")
    ours = trials[(trials["segment"] == "all") & (trials["kind"] == "candidate")]
    both = ours.merge(measured, on=["candidate", "trial", "fold"], validate="one_to_one")
    assert len(both) == len(ours)
    np.testing.assert_allclose(both["product_ap"], both["product_average_precision"], atol=1e-9)
    report = tmp_path / "plain.html"
    plain_script.main({**task, "report": str(report)})
    assert "plotly" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("prefix", [None, "user-"])
def test_a_frame_is_multiplied_by_orders_and_users(
    import_benchmark, feature_frame, tmp_path, prefix
):
    if prefix is not None:
        feature_frame["user_id"] = prefix + feature_frame["user_id"].astype("str")
    feature_frame.to_parquet(tmp_path / "once.parquet")
    files = (tmp_path / "once.parquet", 3, tmp_path / "thrice.parquet")
    assert import_benchmark("whole_run").multiply(*files) == 3 * len(feature_frame)
    thrice = check_feature_frame(pd.read_parquet(tmp_path / "thrice.parquet"))
    assert len(thrice) == 3 * len(feature_frame)
    for name in ("order_id", "user_id"):
        assert thrice[name].nunique() == 3 * feature_frame[name].nunique()
    same = list(feature_frame.columns.drop(["order_id", "user_id"]))
    first = thrice[same].iloc[: len(feature_frame)]
    pd.testing.assert_frame_equal(first, check_feature_frame(feature_frame)[same])


def test_the_whole_run_is_judged_by_its_medians(import_benchmark):
    whole_run = import_benchmark("whole_run")
    plain = {"seconds": 100.0, "processor_seconds": 150.0, "peak_memory": 2e9}
    ours = [plain | {"seconds": seconds} for seconds in (200.0, 110.0, 112.0)]
    text = whole_run.describe({"kedro run": ours, "plain_script.py": [plain] * 3})
    sides, goals = text.split("\n\n")
    assert cells(sides, 2) == ["kedro run", "112 (110 to 200)", "150 (150 to 150)", "2.00"]
    assert [cells(goals, number)[2:] for number in (2, 3)] == [
        ["1.12x", "1.15x", "met"],
        ["1x", "1x", "met"],
    ]
