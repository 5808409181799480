"""The whole model selection beside AutoML and defaults of the field, as Markdown tables.

    python benchmarks/automl.py --env box_builder_frame --output tables.md

All get the same frame, split, rows and two threads: they learn from train and validation and are
measured on test. Ours is the pipeline `model_selection`, with the features that every frame has or,
with `--features extended`, with all of the frame; the others always get the former. LightGBM and
CatBoost have their defaults, FLAML and AutoGluon a limit of time; each gets all rows, and again
every purchase with a tenth of the other rows, weighted. The first three come with the extra
`benchmarks`; AutoGluon gets an environment of its own. Each is fitted in a process of its own.

The parts of the split are those that a run of the environment left; where there are none they are
made in a temporary folder.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from kedro.runner import SequentialRunner
from scipy.special import logit
from sklearn.metrics import log_loss

from feature_engineering import to_markdown
from first_run import spread
from one_peer import WINDOWS
from one_run import Configuration
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import KEYS
from push_propensity.evaluation.uncertainty import (
    compare_entries,
    measure_test,
    resample_test,
)
from push_propensity.frame.columns import FEATURE_NAMES, OUTCOME, SAMPLING_WEIGHT, USER
from push_propensity.frame.split import DEVELOPMENT, PARTS
from push_propensity.frame.weights import Floats
from push_propensity.hooks import plain_run
from push_propensity.models.calibration import clip_probability, fit_calibration
from push_propensity.pipeline_registry import PLAIN_RUNS, register_pipelines
from serving import THREAD_VARIABLES, run

ROOT = Path(__file__).parents[1]
ONE_PEER = Path(__file__).with_name("one_peer.py")
AUTOGLUON = "autogluon.tabular[catboost,lightgbm,xgboost]==1.6.3"
AUTOGLUON_ENVIRONMENT = ROOT / ".venv-autogluon"
QUIET = ROOT / "src/push_propensity/handler/logging.yml"
MODEL_INPUT = "05_model_input"
SEED, THREADS = 20210304, 2
TENTH = 0.1
MOST_BEHIND, MOST_SEARCH_SECONDS = 0.005, 60
MEASURED = {HEADLINE: "product AP", "average_precision": "pooled AP", "log_loss": "log loss"}
RANKED = (HEADLINE, "average_precision")  # what has a goal
OWN = "ours"


@dataclass(frozen=True)
class Peer:
    """Someone to compare with: a tool of `one_peer.py`, what it is told, and if it takes its time.

    What takes all of its time is fitted once, whatever the number of repetitions.
    """

    label: str
    tool: str
    options: dict[str, Any]
    timed_out: bool = False

    def python(self) -> Path:
        """Return the Python that has its library."""
        own = self.tool == "autogluon"
        return AUTOGLUON_ENVIRONMENT / "bin" / "python" if own else Path(sys.executable)


def _peers() -> Iterable[tuple[str, Peer]]:
    for name, label, tool, options, timed_out in (
        ("lightgbm", "LightGBM, defaults", "lightgbm", {}, False),
        ("catboost", "CatBoost, defaults", "catboost", {}, True),
        ("flaml", "FLAML", "flaml", {}, True),
        ("autogluon_medium", "AutoGluon, medium", "autogluon", {"preset": "medium_quality"}, True),
        ("autogluon_good", "AutoGluon, good", "autogluon", {"preset": "good_quality"}, True),
    ):
        for end, rows, share in (("", "", 1.0), ("_tenth", ", a tenth", TENTH)):
            told = {**options, "negative_share": share}
            yield f"{name}{end}", Peer(f"{label}{rows}", tool, told, timed_out)


PEERS = dict(_peers())
LABELS = {
    f"{OWN}_frame": "ours",
    f"{OWN}_extended": "ours, extended features",
    **{name: peer.label for name, peer in PEERS.items()},
}


# ------------------------------------------------------------------ rows


def prepare(environment: str, folder: Path) -> Path:
    """Return where the parts of the split are, below the folder: those a run left, or new ones."""
    configuration = Configuration(environment, str(folder), {})
    left, parts = ROOT / configuration.output_root / MODEL_INPUT, folder / MODEL_INPUT
    if all((left / f"{name}.parquet").is_file() for name in (*PARTS, "folds")):
        parts.symlink_to(left.resolve())
    else:
        steps = PLAIN_RUNS[plain_run(configuration.globals)]
        registry = register_pipelines()
        first = steps[: steps.index("data_processing") + 1]
        pipeline = reduce(add, [registry[name] for name in first])
        SequentialRunner().run(pipeline, configuration.catalog(pipeline))
    return parts


def hand_over(parts: Path, folder: Path) -> None:
    """Write what peers get: rows to learn from, and features of the windows to score."""
    folder.mkdir()
    known = pq.read_schema(parts / "train.parquet").names
    wanted = [name for name in (*FEATURE_NAMES, OUTCOME, SAMPLING_WEIGHT) if name in known]
    development = pd.concat(_read(parts, DEVELOPMENT, wanted).values(), ignore_index=True)
    development.to_parquet(folder / "development.parquet")
    for window, frame in _read(parts, WINDOWS, FEATURE_NAMES).items():
        frame.to_parquet(folder / f"{window}.parquet")


def _read(parts: Path, names: Iterable[str], columns: Sequence[str]) -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_parquet(parts / f"{name}.parquet", columns=list(columns)) for name in names
    }


# ------------------------------------------------------------------ fitting


@dataclass(frozen=True)
class Fitted:
    """What one side measured, run after run, and its probabilities; or why there are none."""

    runs: tuple[dict[str, Any], ...] = ()
    probability: Mapping[str, Floats] | None = None
    failure: str = ""

    def median(self, what: str) -> float:
        return median(run[what] for run in self.runs)


def fit(python: Path, step: str, output: Path, repetitions: int, **arguments: Any) -> Fitted:
    """Run a step of `one_peer.py`; what fails is a result too."""
    told = json.dumps({**arguments, "output": str(output)})
    limits = dict.fromkeys(THREAD_VARIABLES, str(THREADS)) | {"KEDRO_LOGGING_CONFIG": str(QUIET)}
    runs = []
    for _ in range(repetitions):
        done = subprocess.run(
            [python, ONE_PEER, step, told],
            env=os.environ | limits,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return Fitted(failure=done.stderr.strip().splitlines()[-1])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{output.stem}: {runs[-1]}", file=sys.stderr)
    with np.load(output) as written:
        return Fitted(tuple(runs), {name: written[name] for name in written})


def fit_all(chosen: argparse.Namespace, folder: Path) -> dict[str, Fitted]:
    """Fit ours and every peer, one after the other."""
    fitted = {}
    for features in chosen.features:
        name = f"{OWN}_{features}"
        fitted[name] = fit(
            Path(sys.executable),
            "ours",
            folder / f"{name}.npz",
            chosen.repetitions,
            frames=str(folder / MODEL_INPUT),
            environment=chosen.env,
            features=features,
        )
        if fitted[name].failure:
            sys.exit(f"model_selection failed: {fitted[name].failure}")
    for name in chosen.peers:
        peer = PEERS[name]
        fitted[name] = fit(
            peer.python(),
            "peer",
            folder / f"{name}.npz",
            1 if peer.timed_out else chosen.repetitions,
            tool=peer.tool,
            frames=str(folder / "peers"),
            seconds=chosen.seconds,
            threads=THREADS,
            seed=SEED,
            **peer.options,
        )
    return fitted


def require_libraries(names: Sequence[str]) -> None:
    """Make AutoGluon's environment if it is asked for; end where another library is missing."""
    tools = {PEERS[name].tool for name in names}
    missing = [tool for tool in tools - {"autogluon"} if importlib.util.find_spec(tool) is None]
    if missing:
        sys.exit(f"Not installed: {', '.join(sorted(missing))}. Run `make .venv/.benchmarks`.")
    if "autogluon" in tools:
        python = AUTOGLUON_ENVIRONMENT / "bin" / "python"
        if not python.is_file():
            run([sys.executable, "-m", "venv", AUTOGLUON_ENVIRONMENT])
        run([python, "-m", "pip", "install", "--quiet", AUTOGLUON])


# ------------------------------------------------------------------ measuring


def calibrate(window: pd.DataFrame, probability: Mapping[str, Floats]) -> Floats:
    """Return test's probabilities, calibrated on the calibration window as ours are."""
    margins = {name: logit(clip_probability(p)) for name, p in probability.items()}
    fitted = fit_calibration(margins["calibration"], window[OUTCOME], window[USER], seed=SEED)
    return fitted.apply(margins["test"])


def score(windows: Mapping[str, pd.DataFrame], fitted: Mapping[str, Fitted]) -> pd.DataFrame:
    """Return test's rows with a column of probabilities from each side; peers' are calibrated.

    Args:
        windows: The keys of calibration and test.
        fitted: Every side.
    """
    scores = windows["test"].reset_index(drop=True)
    for name, side in fitted.items():
        if given := side.probability:
            own = name.startswith(OWN)
            scores[name] = given["test"] if own else calibrate(windows["calibration"], given)
    return scores


@dataclass(frozen=True)
class Measurement:
    """Every side's metrics on test, and each of ours minus every other side's."""

    metrics: pd.DataFrame
    differences: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, scores: pd.DataFrame, options: ReportOptions) -> "Measurement":
        resampled = resample_test(scores, options)
        metrics = measure_test(scores, resampled, options)
        differences = {
            name: compare_entries(metrics, resampled, {"candidate": name}, options)
            for name in scores
            if name.startswith(OWN)
        }
        return cls(
            _of_all(metrics).set_index(["entry", "metric"]),
            {
                name: _of_all(table).set_index(["entry", "metric"])
                for name, table in differences.items()
            },
        )

    def value(self, entry: str, metric: str) -> float:
        return float(self.metrics.loc[(entry, metric), "value"])


def _of_all(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["segment"] == "all") & table["metric"].isin(MEASURED)]


def describe_sides(measured: Measurement, fitted: Mapping[str, Fitted], test: pd.DataFrame) -> str:
    """Return one line per side: what it took and how good it is on test."""
    lines = []
    for name, side in fitted.items():
        if side.probability is None:
            lines.append([LABELS[name], side.failure, *[""] * 8])
            continue
        given = log_loss(test[OUTCOME], clip_probability(side.probability["test"]))
        quality = [measured.value(name, metric) for metric in RANKED]
        losses = [given, measured.value(name, "log_loss")]
        lines.append(
            [
                _named(name, side),
                ", ".join(f"{what} {number}" for what, number in side.runs[-1]["versions"].items()),
                spread([run["seconds"] for run in side.runs]),
                f"{side.median('processor_seconds'):.0f}",
                f"{side.median('predict_seconds'):.2f}",
                f"{side.median('peak_memory') / 1e9:.2f}",
                *(f"{value:.4f}" for value in quality),
                *(f"{value:.5f}" for value in losses),
            ]
        )
    header = ["", "versions", "seconds to fit", "processor seconds", "seconds to score test"]
    header += ["peak memory, GB", "product AP", "pooled AP", "log loss as given", "calibrated"]
    return to_markdown(header, lines)


def _named(name: str, side: Fitted) -> str:
    winner = side.runs[-1].get("winner")
    return LABELS[name] if winner is None else f"{LABELS[name]} ({winner})"


def describe_differences(measured: Measurement) -> str:
    """Return ours minus each other side's, with intervals."""
    lines = []
    for name, table in measured.differences.items():
        for entry in dict.fromkeys(table.index.get_level_values("entry")):
            cells = [_difference(table.loc[(entry, metric)], metric) for metric in MEASURED]
            lines.append([f"{LABELS[name]} minus {LABELS[entry]}", *cells])
    return to_markdown(["", *MEASURED.values()], lines)


def _difference(row: "pd.Series[Any]", metric: str) -> str:
    digits = 5 if metric == "log_loss" else 4
    value, low, high = (f"{row[name]:+.{digits}f}" for name in ("difference", "low", "high"))
    return f"{value} ({low} to {high})"


def goals(measured: Measurement, fitted: Mapping[str, Fitted]) -> list[list[str]]:
    """Say which goals are met: a line each of goal, figure, what it must be, met or missed."""
    lines = []
    for name, table in measured.differences.items():
        peers = table[~table.index.get_level_values("entry").str.startswith(OWN)]
        for metric in RANKED if len(peers) else ():
            against = peers.xs(metric, level="metric")
            judged = _above_all if name.endswith("extended") else _not_below_the_best
            lines.append([LABELS[name], MEASURED[metric], *judged(against, metric)])
        seconds = fitted[name].median("search_seconds")
        met = _verdict(seconds <= MOST_SEARCH_SECONDS)
        most = f"at most {MOST_SEARCH_SECONDS} s"
        lines.append([LABELS[name], "search", f"{seconds:.0f} s", most, met])
    return lines


def _not_below_the_best(against: pd.DataFrame, metric: str) -> list[str]:
    """Judge the difference to the peer that is best by a metric."""
    best = against.loc[against["difference"].idxmin()]
    met = best["high"] >= 0 and best["difference"] >= -MOST_BEHIND
    figure = f"{_difference(best, metric)} against {LABELS[best.name]}"
    return [figure, f"at least {-MOST_BEHIND}, interval not below 0", _verdict(met)]


def _above_all(against: pd.DataFrame, metric: str) -> list[str]:
    """Judge the difference to the peer whose interval reaches lowest."""
    nearest = against.loc[against["low"].idxmin()]
    figure = f"{_difference(nearest, metric)} against {LABELS[nearest.name]}"
    return [figure, "interval above 0 against all", _verdict(nearest["low"] > 0)]


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


# ------------------------------------------------------------------ the whole


def measure(chosen: argparse.Namespace, folder: Path) -> str:
    """Fit and measure all, and return it as text."""
    parts = prepare(chosen.env, folder)
    hand_over(parts, folder / "peers")
    fitted = fit_all(chosen, folder)
    options, windows = ReportOptions(seed=SEED), _read(parts, WINDOWS, KEYS)
    measured = Measurement.of(score(windows, fitted), options)
    rows = {name: pq.read_metadata(parts / f"{name}.parquet").num_rows for name in PARTS}
    counted = ", ".join(f"{count:,} rows of {name}" for name, count in rows.items())
    about = (
        f"{chosen.env}: {counted}. {os.cpu_count()} processors, {THREADS} threads,"
        f" at most {chosen.seconds:g} seconds where there is a limit, seed {SEED}; intervals of "
        f"{options.confidence:.0%} from {options.resamples} resamples of the users."
    )
    tables = [
        about,
        describe_sides(measured, fitted, windows["test"]),
        describe_differences(measured),
        to_markdown(["", "goal", "figure", "must be", ""], goals(measured, fitted)),
    ]
    return "\n\n".join(tables)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="base", help="environment of conf (default: the sample)")
    parser.add_argument(
        "--features",
        nargs="+",
        choices=("frame", "extended"),
        default=["frame"],
        help="what ours learns from; both: one after the other",
    )
    parser.add_argument(
        "--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help="(default: all)"
    )
    parser.add_argument("--seconds", type=float, default=240, help="limit of time")
    parser.add_argument(
        "--repetitions", type=int, default=1, help="of what has no limit of time; medians count"
    )
    parser.add_argument("--output", type=Path, help="a file for the tables too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and write them to a file if asked for."""
    chosen = parse(arguments)
    require_libraries(chosen.peers)
    with tempfile.TemporaryDirectory() as folder:
        text = measure(chosen, Path(folder))
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
