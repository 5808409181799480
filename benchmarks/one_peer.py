"""One side of `benchmarks/automl.py` in a process of its own; prints what it measured as JSON.

`one_peer.py ours|peer '<JSON>'` fits, and writes the probabilities of the calibration window and of
test. Functions import their libraries themselves: AutoGluon lives in an environment without the
project.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

OUTCOME, WEIGHT = "outcome", "sampling_weight"
WINDOWS = ("calibration", "test")  # in the order in which they are scored
HELD_OUT = 0.1  # of the rows, the latest ones, for what AutoML chooses by
Floats = np.ndarray[Any, np.dtype[np.float64]]
Predict = Callable[[pd.DataFrame], Floats]


class Limits(NamedTuple):
    """What binds every peer; a folder is for what it writes."""

    folder: Path
    seconds: float
    threads: int
    seed: int


class Rows(NamedTuple):
    """Rows to fit to, in order of time: features, outcomes and weights."""

    features: pd.DataFrame
    outcome: "pd.Series[float]"
    weight: "pd.Series[float]"

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Rows":
        weight = frame.pop(WEIGHT) if WEIGHT in frame else pd.Series(1.0, frame.index)
        outcome = frame.pop(OUTCOME)
        return cls(frame, outcome, weight.astype("float64"))

    def draw(self, negative_share: float, seed: int) -> "Rows":
        """Take every purchase and a share of the rest, which weigh more for it."""
        if negative_share == 1:
            return self
        bought = self.outcome == 1
        kept = bought | (np.random.default_rng(seed).random(len(bought)) < negative_share)
        weight = self.weight.where(bought, self.weight / negative_share)
        return Rows(self.features[kept], self.outcome[kept], weight[kept])


# ------------------------------------------------------------------ defaults


def fit_lightgbm(rows: Rows, limits: Limits) -> Predict:
    """LightGBM's defaults; the categories are its own kind of column."""
    from lightgbm import LGBMClassifier

    categories = {
        name: pd.CategoricalDtype(rows.features[name].unique()) for name in _texts(rows.features)
    }
    model = LGBMClassifier(n_jobs=limits.threads, random_state=limits.seed, verbose=-1)
    model.fit(rows.features.astype(categories), rows.outcome, sample_weight=rows.weight)
    return lambda frame: model.predict_proba(frame.astype(categories))[:, 1]


def fit_catboost(rows: Rows, limits: Limits) -> Predict:
    """CatBoost's defaults; it stops where it is when time is up."""
    from catboost import CatBoostClassifier

    ends = time.monotonic() + limits.seconds

    class Deadline:
        def after_iteration(self, _: Any) -> bool:
            return time.monotonic() < ends

    model = CatBoostClassifier(
        thread_count=limits.threads,
        random_seed=limits.seed,
        verbose=False,
        allow_writing_files=False,
        cat_features=_texts(rows.features),
    )
    model.fit(rows.features, rows.outcome, sample_weight=rows.weight, callbacks=[Deadline()])
    return lambda frame: model.predict_proba(frame)[:, 1]


def _texts(features: pd.DataFrame) -> list[str]:
    return [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]


# ------------------------------------------------------------------ AutoML


def fit_flaml(rows: Rows, limits: Limits) -> Predict:
    """FLAML, judged by average precision on the latest rows, then fitted to all."""
    from flaml import AutoML

    model = AutoML()
    model.fit(
        rows.features,
        rows.outcome.astype(int),
        sample_weight=rows.weight,
        task="classification",
        metric="ap",
        time_budget=limits.seconds,
        eval_method="holdout",
        split_type="time",
        split_ratio=HELD_OUT,
        n_jobs=limits.threads,
        seed=limits.seed,
        verbose=0,
    )
    return lambda frame: model.predict_proba(frame)[:, 1]


def fit_autogluon(rows: Rows, limits: Limits, preset: str) -> Predict:
    """AutoGluon, judged by average precision on the latest rows, then fitted to all."""
    from autogluon.tabular import TabularPredictor

    table = rows.features.assign(**{OUTCOME: rows.outcome, WEIGHT: rows.weight})
    latest = len(table) - int(HELD_OUT * len(table))
    predictor = TabularPredictor(
        OUTCOME,
        problem_type="binary",
        eval_metric="average_precision",
        path=str(limits.folder / preset),
        sample_weight=WEIGHT,
        verbosity=1,
    )
    predictor.fit(
        table.iloc[:latest],
        tuning_data=table.iloc[latest:],
        use_bag_holdout=preset != "medium_quality",  # the one that does not bag
        presets=preset,
        time_limit=limits.seconds,
        num_cpus=limits.threads,
        num_gpus=0,
        refit_full=True,
        set_best_to_refit_full=True,
    )
    predictor.persist()
    return lambda frame: predictor.predict_proba(frame)[1].to_numpy()


class Tool(NamedTuple):
    """How a peer is fitted, its module, and the packages whose versions count."""

    fit: Callable[..., Predict]
    module: str
    packages: tuple[str, ...]


TREES = ("lightgbm", "catboost", "xgboost", "xgboost-cpu")
TOOLS = {
    "lightgbm": Tool(fit_lightgbm, "lightgbm", ("lightgbm",)),
    "catboost": Tool(fit_catboost, "catboost", ("catboost",)),
    "flaml": Tool(fit_flaml, "flaml.automl", ("flaml", *TREES)),
    "autogluon": Tool(fit_autogluon, "autogluon.tabular", ("autogluon.tabular", *TREES)),
}


def run_peer(
    tool: str,
    frames: str,
    output: str,
    seconds: float,
    threads: int,
    seed: int,
    negative_share: float,
    **options: Any,
) -> dict[str, Any]:
    """Fit a peer to `development.parquet` of the frames."""
    fit, module, packages = TOOLS[tool]
    importlib.import_module(module)
    rows = Rows.of(pd.read_parquet(Path(frames) / "development.parquet"))
    limits = Limits(Path(output).with_suffix(".folder"), seconds, threads, seed)
    measured = measure(
        lambda: fit(rows.draw(negative_share, seed), limits, **options), frames, output
    )
    return {"versions": versions(packages)} | measured


# ------------------------------------------------------------------ ours


def run_ours(frames: str, output: str, environment: str, features: str) -> dict[str, Any]:
    """Run `model_selection` on the parts of the split that the frames are."""
    from kedro.pipeline import Pipeline
    from kedro.runner import SequentialRunner
    from kedro_datasets.pickle import PickleDataset

    from one_run import Configuration
    from push_propensity.pipelines import model_selection
    from push_propensity.pipelines.development import JOIN

    chosen = {"model_selection": {"features": features}}
    pipeline = model_selection.create_pipeline()
    catalog = Configuration(environment, str(Path(frames).parent), chosen).catalog(pipeline)
    # A file, as a runner throws what is in memory alone away at its end.
    fingerprint = str(Path(output).with_suffix(".fingerprint.pkl"))
    catalog["selection_fingerprint"] = PickleDataset(filepath=fingerprint)
    search = pipeline.to_outputs("trials")
    rest = (pipeline - search) | Pipeline([JOIN])
    found: dict[str, Any] = {"versions": versions(("xgboost", "xgboost-cpu", "glum", "optuna"))}

    def fit() -> Predict:
        started = time.perf_counter()
        SequentialRunner().run(search, catalog)
        found["search_seconds"] = time.perf_counter() - started
        SequentialRunner().run(rest, catalog)
        winner = catalog["winner"].load()
        found["winner"] = winner["candidate"]
        found["parameters"] = winner["parameters"]
        predict: Predict = catalog[f"{winner['candidate']}_model"].load().predict
        return predict

    return measure(fit, frames, output) | found


# ------------------------------------------------------------------ measuring


def measure(fit: Callable[[], Predict], frames: str, output: str) -> dict[str, Any]:
    """Fit, and score each window of the frames; the seconds of scoring are those of test."""
    started, before = time.perf_counter(), _processor_seconds()
    predict = fit()
    measured = {
        "seconds": time.perf_counter() - started,
        "processor_seconds": _processor_seconds() - before,
    }
    probabilities = {}
    for window in WINDOWS:
        frame = pd.read_parquet(Path(frames) / f"{window}.parquet")
        started = time.perf_counter()
        probabilities[window] = predict(frame)
        measured["predict_seconds"] = time.perf_counter() - started
    np.savez(output, **probabilities)
    return measured | {"peak_memory": _peak_memory()}


def _processor_seconds() -> float:
    """Of this process and of those that it started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


def _peak_memory() -> int:
    """Largest resident set in bytes; what `resource` tells starts from that of the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


STEPS = {"ours": run_ours, "peer": run_peer}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
