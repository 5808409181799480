"""The benchmark of feature engineering runs and compares what it says; nothing here is timed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.environments import ROOT

SCRIPT = ROOT / "benchmarks" / "feature_engineering.py"


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


def test_a_step_that_fails_stops_with_its_error(benchmark):
    with pytest.raises(SystemExit, match=r"(?s)simulate failed:.*KeyError|TypeError"):
        benchmark.run_step("simulate", nothing=Path().name)
