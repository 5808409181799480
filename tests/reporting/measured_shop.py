"""A small shop with known structure: what reporting gets from the other pipelines."""

import json
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from push_propensity.evaluation.lags import KEYS, digest_origin, measure_lags
from push_propensity.evaluation.metrics import METRICS, SEGMENTS
from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.columns import COLUMNS, DAYS_SINCE_PURCHASE, FEATURE_NAMES
from push_propensity.frame.split import SplitOptions, summarise_split
from push_propensity.models import families
from push_propensity.models.calibration import Calibration
from push_propensity.pipelines.reporting import create_pipeline

ENTRIES = (
    "constant",
    "global_popularity",
    "ordered_before_popularity",
    "logistic_l2",
    "logistic_elastic_net",
    "xgboost",
)
OPTIONS = ReportOptions(
    resamples=40,
    seed=1,
    curve_points=51,
    importance_orders=20,
    importance_repeats=2,
    minimum_slice_purchases=10,
)


LOSSES = {"uncalibrated": 0.21, "sigmoid": 0.2, "beta": 0.19, "isotonic": 0.205}


@dataclass(frozen=True)
class Weighted:
    """A contender that knows some of the features' true weights."""

    weights: dict[str, float]
    bias: float = -4.0
    name: str = ""
    features: tuple[str, ...] = FEATURE_NAMES
    longest: float = 90.0
    fitted_rows: int = 1_000_000
    calibration: Calibration = Calibration(1.5, 0.5, 0.1, LOSSES)  # noqa: RUF009

    bounds = MappingProxyType({DAYS_SINCE_PURCHASE: (0.0, 80.0), "global_popularity": (0.0, 1.0)})

    def predict(self, frame):
        margin = self.bias + sum(w * frame[name].to_numpy() for name, w in self.weights.items())
        return 1 / (1 + np.exp(-np.asarray(margin, dtype=float) * np.ones(len(frame))))


TRUE_WEIGHTS = {"ordered_before": 2.0, "abandoned_before": 2.5, "set_as_regular": 1.5}
MODELS = {
    "constant": Weighted({}, -3.0),
    "global_popularity": Weighted({"global_popularity": 8.0}),
    "ordered_before_popularity": Weighted({"ordered_before": 2.0, "global_popularity": 4.0}),
    "logistic_l2": Weighted({"ordered_before": 2.0, "set_as_regular": 1.5}),
    "logistic_elastic_net": Weighted(TRUE_WEIGHTS | {"abandoned_before": 2.1}),
    "xgboost": Weighted(TRUE_WEIGHTS | {"global_popularity": 5.0}),
}
STAND_INS = dict.fromkeys(
    ("own_frequency", "decayed_frequency", "neighbour_frequency"), "ordered_before_popularity"
)


def make_frame(orders=120, products=40, seed=0, first_day="2021-02-01"):
    """A feature frame whose outcome follows three flags and the popularity."""
    draw = np.random.default_rng(seed)
    rows = orders * products
    order, product = np.repeat(np.arange(orders), products), np.tile(np.arange(products), orders)
    frame = pd.DataFrame(0.0, index=range(rows), columns=list(COLUMNS))
    day = pd.Timestamp(first_day) + pd.to_timedelta(order * 28 // orders, unit="D")
    values = {
        "variant_id": 1000 + product,
        "order_id": 5000 + order,
        "user_id": [f"user-{i}" for i in order * 2 // 3],
        "product_type": np.array(["fruit", "bread", "tea", "</script>"])[product % 4],
        "vendor": np.array(["north", "south"])[product % 2],
        "created_at": day + pd.Timedelta(hours=9),
        "order_date": day,
        "user_order_seq": 2 + order % 3,
        "global_popularity": (product + 1) / (4 * products),
    }
    flags = {name: (draw.random(rows) < 0.1).astype(float) for name in TRUE_WEIGHTS}
    frame = frame.assign(**values, **flags)
    margin = Weighted(TRUE_WEIGHTS | {"global_popularity": 5.0}).predict(frame)
    return frame.assign(outcome=(draw.random(rows) < margin).astype(float))


def make_current_frame():
    """Users of today with every product; each product was last bought 3 days after the next one."""
    frame = make_frame(orders=60, seed=5).drop(columns=["outcome", "order_id", "order_date"])
    return frame.assign(**{DAYS_SINCE_PURCHASE: 3.0 * (frame["variant_id"] - 1000)})


def make_trials(seed=0):
    """Trials over 3 folds: C swept for the linear models, depth and eta for boosting."""
    draw = np.random.default_rng(seed)
    sweeps = {
        "constant": ("baseline", [{}], 0.05),
        "global_popularity": ("baseline", [{}], 0.06),
        "ordered_before_popularity": ("baseline", [{}], 0.2),
        "logistic_l2": ("candidate", [{"C": c} for c in (1e-4, 1e-3, 1e-2, 0.1)], 0.55),
        "logistic_elastic_net": (
            "candidate",
            [{"C": c, "l1_ratio": r} for c in (1e-3, 1e-2) for r in (0.2, 0.8)],
            0.56,
        ),
        "xgboost": (
            "candidate",
            [{"max_depth": d, "learning_rate": 0.1, "grow": g} for d in (3, 5) for g in "ab"],
            0.6,
        ),
    }
    rows = []
    for candidate, (kind, points, level) in sweeps.items():
        for trial, parameters in enumerate(points):
            for fold in range(3):
                for segment in SEGMENTS:
                    score = level + 0.01 * trial + 0.02 * draw.normal()
                    rows.append(
                        {
                            "candidate": candidate,
                            "kind": kind,
                            "trial": trial,
                            "given_up": False,
                            "fold": fold,
                            "segment": segment,
                            "parameters": json.dumps(parameters),
                            "n_estimators": np.nan,
                            "rows": 1000,
                            "purchases": 100,
                            "products": 10,
                            "purchases_covered": 0.7,
                        }
                        | dict.fromkeys(METRICS, score)
                    )
    return pd.DataFrame(rows)


def make_leaderboard(trials, winner="xgboost"):
    """The best trial of each entry, by the mean over folds."""
    every = trials[trials["segment"] == "all"]
    means = every.groupby(["candidate", "kind", "parameters"], as_index=False)[list(METRICS)].agg(
        ["mean", "sem"]
    )
    table = pd.DataFrame(
        {
            "candidate": means["candidate"],
            "kind": means["kind"],
            "parameters": means["parameters"],
            **{m: means[m, "mean"] for m in METRICS},
            **{f"{m}_standard_error": means[m, "sem"] for m in METRICS},
        }
    )
    table = table.sort_values("product_average_precision", ascending=False)
    table = table.drop_duplicates("candidate", ignore_index=True)
    return table.assign(
        is_winner=table["candidate"] == winner,
        trials=trials.groupby("candidate")["trial"].nunique()[table["candidate"]].to_list(),
        given_up=np.where(table["candidate"] == "xgboost", 3, 0),
        product_average_precision_repeat=0.6,
        product_average_precision_explore=0.2,
    )


WINNER = {
    "candidate": "xgboost",
    "parameters": {"max_depth": 5, "learning_rate": 0.1},
    "rule": "best",
    "runner_up": {"candidate": "logistic_l2", "difference": 0.03, "standard_error": 0.01},
    "fingerprint": {"data": "0a", "parameters": "1b", "code": "2c"},
}
DATA_QUALITY = {
    "overview": {},
    "parts": {},
    "checks": [
        {
            "dimension": "completeness",
            "subject": "vendor",
            "rule": "no value missing",
            "checked": 1000,
            "unit": "rows",
            "failing": 0,
            "share": 0.0,
            "verdict": "pass",
        },
        {
            "dimension": "consistency",
            "subject": "people_ex_baby",
            "rule": "adults + children",
            "checked": 1000,
            "unit": "rows",
            "failing": 3,
            "share": 0.003,
            "verdict": "warn",
        },
    ],
}


def make_lags(test, models, hours=(0.0, 24.0)):
    """What the study of lags gives where carts are not known in time."""
    frames = [test, *(test.assign(abandoned_before=0.0) for _ in hours[1:])]
    scores = [
        (lag, frame[KEYS].assign(**{model.name: model.predict(frame) for model in models}))
        for lag, frame in zip(hours, frames, strict=True)
    ]
    origin = digest_origin(WINNER, test)
    return measure_lags(scores, OPTIONS.resample(test["user_id"]), origin)


def make_inputs():
    """Every free input of the reporting pipeline."""
    trials = make_trials()
    named = {entry: STAND_INS.get(entry, entry) for entry in families.ENTRIES}
    calibration, test = make_frame(seed=3, first_day="2021-01-01"), make_frame(seed=4)
    fitted = {f"{entry}_model": replace(MODELS[n], name=n) for entry, n in named.items()}
    compared = [fitted["xgboost_model"], fitted["own_frequency_model"]]
    return fitted | {
        "lag_metrics": make_lags(test, compared),
        "calibration": calibration,
        "test": test,
        "split_summary": summarise_split(calibration, calibration, calibration, test),
        "trials": trials,
        "leaderboard": make_leaderboard(trials),
        "winner": WINNER,
        "data_quality": DATA_QUALITY,
        "intake_report": None,
        "current_frame@pandas": make_current_frame(),
        "params:report_options": OPTIONS,
        "params:split": SplitOptions(minimum_items=3),
    }


class KeptDataset(MemoryDataset):
    """Keeps what a run made, so that tests can look at intermediates."""

    def _release(self):
        """Let nothing go."""


def run_reporting(inputs):
    """Run the pipeline in memory and return every dataset."""
    pipeline = create_pipeline()
    catalog = DataCatalog(
        {
            name: KeptDataset(*([inputs[name]] if name in inputs else []), copy_mode="assign")
            for name in pipeline.datasets()
        }
    )
    SequentialRunner().run(pipeline, catalog)
    return {name: catalog.load(name) for name in pipeline.datasets()}
