"""The default run's job as plain pandas, scikit-learn and xgboost do it fastest.

`benchmarks/whole_run.py` starts it: `plain_script.py TASK.json`. It reads the frame, splits it by
days, encodes each fold once, fits the trials that our run fitted, each on as many folds, fits and
calibrates the model that won, measures it on test and draws one curve. Nothing is checked and
nothing is kept but the report. Logistic regression is glum's, which fits in seconds what
scikit-learn's solver of the elastic net takes minutes for.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import tabmat
import xgboost
from glum import GeneralizedLinearRegressor
from scipy.sparse import csc_matrix, csr_matrix, hstack
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, precision_recall_curve
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

CATEGORIES = ["product_type", "vendor"]
LEAST_PURCHASES = 5  # of a product, to be ranked


def read_orders(path: str, minimum_items: int) -> pd.DataFrame:
    """Read the frame; return the rows of large orders by time, with the day of their order."""
    if path.endswith(".csv"):
        frame = pd.read_csv(path, parse_dates=["created_at"])
    else:
        frame = pd.read_parquet(path)
    large = frame.groupby("order_id", sort=False)["outcome"].transform("sum") >= minimum_items
    keys = frame.loc[large, ["created_at", "order_id", "variant_id"]]
    kept = frame.loc[keys.sort_values(list(keys)).index].reset_index(drop=True)
    first = kept.groupby("order_id", sort=False)["created_at"].transform("min")
    return kept.assign(day=first.dt.normalize())


def windows_of(frame: pd.DataFrame, shares: list[float]) -> np.ndarray[Any, Any]:
    """Number the window of each row, cut by whole days at rising shares of the orders."""
    orders = frame.groupby("day")["order_id"].nunique()
    limits = [int(share * orders.sum() + 1e-6) for share in shares]
    window = pd.Series(np.searchsorted(limits, orders.cumsum()), orders.index)
    return frame["day"].map(window).to_numpy()


def draw(
    frame: pd.DataFrame, part: Any, share: float, options: dict[str, Any]
) -> tuple[pd.DataFrame, Any]:
    """Take every purchase of a part of the frame and a share of the rest, with their weights."""
    bought = frame["outcome"].to_numpy() == 1
    left = max(int((part & ~bought).sum()), 1)
    share = min(max(share, options["minimum_negatives"] / left), 1.0)
    drawn = np.random.default_rng(options["seed"]).random(len(frame)) < share
    kept = part & (bought | drawn)
    return frame[kept], np.where(bought[kept], 1.0, 1.0 / share)


def product_average_precision(frame: pd.DataFrame, score: Any) -> float:
    """Average precision within each product, weighted by its purchases."""
    code = pd.factorize(frame["variant_id"])[0]
    bought = frame["outcome"].to_numpy()
    kept = np.flatnonzero((np.bincount(code, weights=bought) >= LEAST_PURCHASES)[code])
    rows = kept[np.lexsort((-score[kept], code[kept]))]
    code, bought, score = code[rows], bought[rows], score[rows]
    first = np.searchsorted(code, code)
    hits = np.cumsum(bought)
    ends = np.flatnonzero(np.append((np.diff(score) != 0) | (np.diff(code) != 0), True))
    last = ends[np.searchsorted(ends, np.arange(len(rows)))]  # of the ties of each row
    precision = (hits[last] - (hits - bought)[first]) / (last - first + 1)
    return float((precision * bought).sum() / bought.sum())


# ------------------------------------------------------------------ models


class Encoder:
    """Numbers bounded to those of training and codes of categories, of which the rare share one.

    For a linear model wide numbers are logarithms, all are scaled, and each code is a column.
    """

    def __init__(self, task: dict[str, Any], linear: bool) -> None:
        self.numbers, self.linear = task["numbers"], linear
        self.since = np.isin(self.numbers, task["since"])
        self.wide = np.isin(self.numbers, task["wide"]) & linear

    def fit_transform(self, frame: pd.DataFrame) -> Any:
        numbers = frame[self.numbers].to_numpy()
        self.low, self.high = numbers.min(axis=0), numbers.max(axis=0)
        self.high[self.since] = np.percentile(numbers[:, self.since], 99, axis=0)
        self.codes = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=1 / 300
        ).fit(frame[CATEGORIES])
        if self.linear:
            self.scale = StandardScaler().fit(self._bound(frame))
            columns = OneHotEncoder(handle_unknown="ignore")
            self.columns = columns.fit(self.codes.transform(frame[CATEGORIES]))
        return self.transform(frame)

    def transform(self, frame: pd.DataFrame) -> Any:
        numbers, codes = self._bound(frame), self.codes.transform(frame[CATEGORIES])
        if self.linear:
            parts = (self.scale.transform(numbers), self.columns.transform(codes))
            return hstack([csr_matrix(parts[0]), parts[1]], format="csr")
        return np.column_stack((numbers, codes)).astype(np.float32)

    def _bound(self, frame: pd.DataFrame) -> Any:
        bounded = np.clip(frame[self.numbers].to_numpy(), self.low, self.high)
        return np.log1p(bounded, out=bounded, where=self.wide)


class Boosting:
    """XGBoost on float32, with the rows of a fold in bins once for all trials."""

    linear = False

    def __init__(self, options: dict[str, Any]) -> None:
        self.options, self.search = options, options["search"]

    def share(self, drawn: pd.DataFrame, weight: Any, held: pd.DataFrame, encoder: Any) -> None:
        encoded = encoder.fit_transform(drawn)
        self.train = xgboost.QuantileDMatrix(encoded, drawn["outcome"], weight=weight)
        self.held = encoder.transform(held)
        positions = held[["outcome"]].reset_index(drop=True)
        share = self.options["search"]["negative_share"]
        looked_at, weight = draw(positions, True, share, self.options)
        self.stopping = xgboost.QuantileDMatrix(
            self.held[looked_at.index], looked_at["outcome"], weight=weight, ref=self.train
        )

    def settings(self, parameters: dict[str, Any]) -> dict[str, Any]:
        own = {name: value for name, value in parameters.items() if name != "n_estimators"}
        return {
            **own,
            "objective": "binary:logistic",
            "tree_method": "hist",
            "eval_metric": "logloss",
            "seed": self.options["seed"],
            "nthread": self.options["threads"],
        }

    def try_out(self, parameters: dict[str, Any]) -> Any:
        booster = xgboost.train(
            self.settings(parameters),
            self.train,
            num_boost_round=self.search["most_rounds"],
            evals=[(self.stopping, "stopping")],
            early_stopping_rounds=self.search["early_stopping_rounds"],
            verbose_eval=False,
        )
        return booster.inplace_predict(
            self.held, iteration_range=(0, booster.best_iteration + 1), predict_type="margin"
        )

    def fit(self, drawn: pd.DataFrame, weight: Any, encoder: Any, parameters: Any) -> Any:
        encoded = encoder.fit_transform(drawn)
        rows = xgboost.QuantileDMatrix(encoded, drawn["outcome"], weight=weight)
        rounds = parameters["n_estimators"]
        booster = xgboost.train(self.settings(parameters), rows, num_boost_round=rounds)
        return lambda frame: booster.inplace_predict(
            encoder.transform(frame), predict_type="margin"
        )


class Logistic:
    """Penalised logistic regression."""

    linear = True

    def __init__(self, options: dict[str, Any]) -> None:
        pass

    def share(self, drawn: pd.DataFrame, weight: Any, held: pd.DataFrame, encoder: Any) -> None:
        self.train = tabmat.from_csc(csc_matrix(encoder.fit_transform(drawn)), 0.1)
        self.outcome, self.weight = drawn["outcome"].to_numpy(), weight
        self.held = encoder.transform(held)

    def try_out(self, parameters: dict[str, Any]) -> Any:
        model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=1 / (parameters["C"] * self.weight.sum()),
            l1_ratio=parameters.get("l1_ratio", 0.0),
            gradient_tol=1e-7,
            max_iter=200,
        )
        with threadpool_limits(1):  # more are no faster
            model.fit(self.train, self.outcome, sample_weight=self.weight)
        self.model = model
        return self.held @ model.coef_ + model.intercept_

    def fit(self, drawn: pd.DataFrame, weight: Any, encoder: Any, parameters: Any) -> Any:
        self.share(drawn, weight, drawn[:1], encoder)
        self.try_out(parameters)
        return lambda frame: encoder.transform(frame) @ self.model.coef_ + self.model.intercept_


KINDS = {"xgboost": Boosting, "logistic_l2": Logistic, "logistic_elastic_net": Logistic}


# ------------------------------------------------------------------ the job


def compare(development: pd.DataFrame, task: dict[str, Any]) -> pd.DataFrame:
    """Return the product average precision of every trial and rule, by fold."""
    count, share = task["folds"]["n_windows"], task["folds"]["window_share"]
    window = windows_of(development, [1 - share * left for left in range(count, 0, -1)])
    measured = []
    for fold in range(1, count + 1):
        held = development[window == fold]
        popular = held["global_popularity"].to_numpy()
        rules = {"popularity": popular, "rule": held["ordered_before"].to_numpy() + popular}
        for name, ranked in rules.items():
            measured.append((name, 0, fold, product_average_precision(held, ranked)))
        for name, options in task["candidates"].items():
            model = KINDS[name](options)
            share = options["search"]["negative_share"]
            drawn, weight = draw(development, window < fold, share, options)
            model.share(drawn, weight, held, Encoder(task, model.linear))
            for number, trial in enumerate(options["trials"]):
                if fold in trial["folds"]:
                    margin = model.try_out(trial["parameters"])
                    measured.append((name, number, fold, product_average_precision(held, margin)))
    return pd.DataFrame(measured, columns=["candidate", "trial", "fold", "product_ap"])


def fit_winner(development: pd.DataFrame, calibration: pd.DataFrame, task: dict[str, Any]) -> Any:
    """Fit the model that won and its sigmoid; return what gives probabilities of a frame."""
    options = task["candidates"][task["winner"]]
    model = KINDS[task["winner"]](options)
    drawn, weight = draw(development, True, options["negative_share"], options)
    margin = model.fit(drawn, weight, Encoder(task, model.linear), options["parameters"])
    sigmoid = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000)
    sigmoid.fit(margin(calibration)[:, None], calibration["outcome"])
    return lambda frame: sigmoid.predict_proba(margin(frame)[:, None])[:, 1]


def write_report(leaderboard: pd.DataFrame, test: pd.DataFrame, given: Any, report: str) -> None:
    """Write the leaderboard, the metrics on test and the curve of precision and recall."""
    outcome = test["outcome"].to_numpy()
    metrics = {
        "product average precision": product_average_precision(test, logit(given)),
        "average precision": average_precision_score(outcome, given),
        "log loss": log_loss(outcome, given),
    }
    precision, recall, _ = precision_recall_curve(outcome, given)
    thinned = np.linspace(0, len(recall) - 1, 500).astype(int)
    curve = go.Figure(go.Scatter(x=recall[thinned], y=precision[thinned]))
    text = leaderboard.to_html() + pd.Series(metrics).to_frame("test").to_html()
    Path(report).write_text(text + curve.to_html(full_html=False), encoding="utf-8")


def cut(frame: pd.DataFrame, split: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Return development, calibration and test, by whole days."""
    train_and_validation = split["train_share"] + split["validation_share"]
    part = windows_of(frame, [split["train_share"], train_and_validation])
    held = frame[part == 1]
    late = windows_of(held, [1 - split["calibration_share"]]) == 1
    development = pd.concat([frame[part == 0], held[~late]], ignore_index=True)
    return {"development": development, "calibration": held[late], "test": frame[part == 2]}


def main(task: dict[str, Any]) -> None:
    """Do the job."""
    parts = cut(read_orders(task["frame"], task["split"]["minimum_items"]), task["split"])
    measured = compare(parts["development"], task)
    means = measured.groupby(["candidate", "trial"])["product_ap"].agg(["mean", "count"])
    predict = fit_winner(parts["development"], parts["calibration"], task)
    best = means.sort_values("mean", ascending=False)
    write_report(best, parts["test"], predict(parts["test"]), task["report"])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
