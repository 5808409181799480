"""The whole default run beside a plain script that does its job, as a Markdown table.

    python benchmarks/whole_run.py --env box_builder_frame --output table.md

`kedro run` into a temporary folder takes turns with `plain_script.py`, which fits the trials that
the run fitted, with the same rows, rounds, settings and threads, and reports one curve. Seconds and
the largest resident set are of the whole process. The environment must start from a ready frame.

    python benchmarks/whole_run.py --env box_builder_frame --times 10 --repetitions 1

does the run alone, on as many times the orders and users.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import OmegaConf

from feature_engineering import to_markdown
from first_run import spread
from one_run import Configuration
from push_propensity.frame.columns import FEATURE_OF, ORDER, USER, choose_features, pick_numbers
from push_propensity.models.bounded import WIDE_UNITS
from push_propensity.models.candidates import CandidateOptions
from push_propensity.pipelines import data_processing, model_selection
from serving import THREAD_VARIABLES, Goal, run

ROOT = Path(__file__).parents[1]
FRAME = "feature_frame@pandas"
PLAIN = Path(__file__).with_name("plain_script.py")
KEDRO = Path(sys.executable).with_name("kedro")
THREADS = "2"
MOST_TIME, MOST_MEMORY = 1.15, 1.0
SIDES = ("kedro run", "plain_script.py")
# A small process of its own, as a process's peak memory starts from that of the one that began it.
WATCH = """
import json, os, sys, time
started = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(process, 0)
seconds = time.perf_counter() - started
processors, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "processor_seconds": processors, "peak_memory": peak}))
sys.exit(status != 0)
"""


def watch(command: Sequence[str | Path]) -> dict[str, float]:
    """Run a process that must succeed; return its seconds, of its processors too, and its peak."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, THREADS)
    printed = run([sys.executable, "-S", "-c", WATCH, *command], environment)
    measured: dict[str, float] = json.loads(printed.splitlines()[-1])
    return measured


def require_ready_frame(environment: str, configuration: Configuration) -> None:
    if configuration.globals["start_from"] != "feature_frame":
        sys.exit(f"{environment} does not start from a ready frame; choose one that does.")


def multiply(frame: Path, times: int, target: Path) -> int:
    """Write a feature frame so many times, with orders and users of its own each time.

    Returns:
        The rows written.
    """
    table = pq.read_table(frame)
    with pq.ParquetWriter(target, table.schema) as writer:
        for number in range(times):
            copy = table
            for name in (ORDER, USER):
                ids, field = table[name].to_pandas(), table.schema.field(name)
                is_number = pa.types.is_integer(field.type)
                others = times * ids + number if is_number else ids.astype("str") + f"-{number}"
                column = pa.array(others, field.type)
                copy = copy.set_column(table.schema.get_field_index(name), field, column)
            writer.write_table(copy)
    return times * len(table)


def run_project(environment: str, folder: Path, frame: Path | None = None) -> dict[str, float]:
    """Do the default run, written below a folder, which has its own configuration for it.

    Args:
        environment: Which configuration.
        folder: Where to write.
        frame: The ready frame; None: the environment's own.
    """
    shutil.copytree(ROOT / "conf", folder / "conf")
    path = folder / "conf" / environment / "globals.yml"
    OmegaConf.save({**OmegaConf.load(path), "output_root": str(folder)}, path)
    if frame is not None:
        path = folder / "conf" / environment / "catalog.yml"
        catalog = OmegaConf.load(path)
        catalog[FRAME].filepath = str(frame)
        OmegaConf.save(catalog, path)
    options = ("--env", environment, "--conf-source", folder / "conf")
    return watch([KEDRO, "run", *options])


def describe_task(environment: str, folder: Path) -> dict[str, Any]:
    """Return what the plain script is to do: what a run in the folder did."""
    configuration = Configuration(environment, str(folder), {})
    require_ready_frame(environment, configuration)
    pipeline = data_processing.create_pipeline() + model_selection.create_pipeline()
    catalog = configuration.catalog(pipeline)
    winner, trials = catalog["winner"].load(), catalog["trials"].load()
    columns = pq.read_schema(configuration.entries["train"]["filepath"]).names
    features = choose_features(columns, catalog["params:model_selection"].load().features)
    candidates = catalog["params:candidates"].load()
    names = trials.loc[trials["kind"] == "candidate", "candidate"].unique()
    return {
        "frame": str(configuration.entries[FRAME]["filepath"]),
        "split": catalog["params:split"].load().model_dump(),
        "folds": catalog["params:folds"].load().model_dump(),
        "numbers": pick_numbers(features),
        "since": [name for name in features if FEATURE_OF[name].since],
        "wide": [name for name in features if FEATURE_OF[name].unit in WIDE_UNITS],
        "winner": winner["candidate"],
        "candidates": {
            name: _fitted(candidates[name], trials, catalog[f"{name}_choice"].load())
            for name in names
        },
        "report": str(folder / "plain.html"),
    }


def _fitted(
    options: CandidateOptions, trials: pd.DataFrame, choice: dict[str, Any]
) -> dict[str, Any]:
    """Return a candidate's options, with what it tried and what was chosen."""
    own = trials[(trials["candidate"] == options.family) & (trials["segment"] == "all")]
    tried = [
        {
            "parameters": options.searched(json.loads(rows["parameters"].iloc[0])).model_dump(),
            "folds": rows["fold"].tolist(),
        }
        for _, rows in own.groupby("trial")
    ]
    return options.model_dump() | {"trials": tried, "parameters": choice["parameters"]}


def describe(runs: dict[str, list[dict[str, float]]]) -> str:
    """Return both sides, and whether ours keeps to the goals."""
    lines = [
        [
            side,
            spread([run["seconds"] for run in measured]),
            spread([run["processor_seconds"] for run in measured]),
            f"{_median(measured, 'peak_memory') / 1e9:.2f}",
        ]
        for side, measured in runs.items()
    ]
    ours, plain = runs.values()
    goals = [
        Goal(what, "kedro run", _median(ours, figure) / _median(plain, figure), most, "x")
        for what, figure, most in (
            ("time against the plain script", "seconds", MOST_TIME),
            ("memory against the plain script", "peak_memory", MOST_MEMORY),
        )
    ]
    sides = to_markdown(["", "seconds", "processor seconds", "peak memory, GB"], lines)
    judged = to_markdown(["goal", "of", "figure", "at most", ""], [goal.cells() for goal in goals])
    return f"{sides}\n\n{judged}"


def _median(runs: Sequence[dict[str, float]], what: str) -> float:
    return median(run[what] for run in runs)


def measure(environment: str, repetitions: int) -> str:
    """Let both take turns."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as written:
            folder = Path(written)
            runs[SIDES[0]].append(run_project(environment, folder))
            task = folder / "task.json"
            task.write_text(json.dumps(describe_task(environment, folder)), encoding="utf-8")
            runs[SIDES[1]].append(watch([sys.executable, PLAIN, task]))
        for side, measured in runs.items():
            print(f"{side}: {measured[-1]}", file=sys.stderr)
    about = f"{environment}, {os.cpu_count()} processors, {THREADS} threads. Medians, with the "
    return f"{about}least and the most, of {repetitions} runs.\n\n{describe(runs)}"


def measure_many(environment: str, times: int, repetitions: int) -> str:
    """Do the run alone, on so many times the orders and users."""
    configuration = Configuration(environment, "", {})
    require_ready_frame(environment, configuration)
    ready, runs = Path(configuration.entries[FRAME]["filepath"]), []
    if ready.suffix != ".parquet":
        sys.exit(f"{environment}'s frame is no Parquet file; choose an environment whose is.")
    with tempfile.TemporaryDirectory() as written:
        frame = Path(written) / "feature_frame.parquet"
        rows = multiply(ready, times, frame)
        for number in range(repetitions):
            runs.append(run_project(environment, Path(written) / str(number), frame))
            print(runs[-1], file=sys.stderr)
    header = ["rows", "seconds", "processor seconds", "peak memory, GB"]
    measured = [spread([run[name] for run in runs]) for name in ("seconds", "processor_seconds")]
    line = [f"{rows:,}", *measured, f"{_median(runs, 'peak_memory') / 1e9:.2f}"]
    return to_markdown(header, [line])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="base", help="environment of conf (default: the sample)")
    parser.add_argument("--times", type=int, default=1, help="so many times orders and users")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a file for the table too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and write it to a file if asked for."""
    chosen = parse(arguments)
    if chosen.times > 1:
        text = measure_many(chosen.env, chosen.times, chosen.repetitions)
    else:
        text = measure(chosen.env, chosen.repetitions)
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
