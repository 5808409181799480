"""What intervals cost beside drawing them row by row, in one process on made-up scores."""

import argparse
import itertools
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from push_propensity.evaluation.curves import gains, trace_curves
from push_propensity.evaluation.metrics import ProductRanking
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.slices import measure_slices
from push_propensity.evaluation.thresholds import decide_test
from push_propensity.evaluation.uncertainty import measure_test, resample_test

ENTRIES = ("constant", "popularity", "rule", "logistic_l2", "logistic_elastic_net", "xgboost")
WINNER = {"candidate": "xgboost"}


def make_scores(rows: int, products: int = 770, seed: int = 0) -> pd.DataFrame:
    """Orders of all products, about one row in a hundred bought, a probability per entry."""
    draw, orders = np.random.default_rng(seed), rows // products
    order, product = np.repeat(np.arange(orders), products), np.tile(np.arange(products), orders)
    truth = draw.normal(-5, 1, len(order))
    day = pd.Timestamp("2021-02-01") + pd.to_timedelta(order * 28 // orders, unit="D")
    scores = pd.DataFrame(
        {
            "order_id": order,
            "user_id": [f"user-{number}" for number in order * 9 // 10],
            "variant_id": product,
            "created_at": day,
            "order_date": day,
            "product_type": (product % 40).astype(str),
            "user_order_seq": 2.0 + order % 3,
            "ordered_before": draw.integers(0, 2, len(order)).astype(float),
            "outcome": (draw.random(len(order)) < 1 / (1 + np.exp(-truth))).astype(float),
        }
    )
    noisy = {name: truth + draw.normal(0, 6 - n, len(order)) for n, name in enumerate(ENTRIES)}
    return scores.assign(**{name: 1 / (1 + np.exp(4 - score)) for name, score in noisy.items()})


def resample_row_by_row(scores: pd.DataFrame, resamples: int) -> None:
    """Weigh every row in every resample, as plain code does."""
    users = pd.factorize(scores["user_id"])[0]
    draw, size = np.random.default_rng(0), users.max() + 1
    y, product = scores["outcome"], scores["variant_id"]
    ranked = [
        [ProductRanking.of(y, scores[entry], product), ProductRanking.pooled(y, scores[entry])]
        for entry in ENTRIES
    ]
    every = [ProductRanking.of(y, scores[entry], product, 1) for entry in ENTRIES]
    for _ in range(resamples):
        weight = np.bincount(draw.integers(size, size=size), minlength=size)[users].astype(float)
        for ranking in itertools.chain(*ranked):
            ranking.average_precision(weight)
            ranking.roc_auc(weight)
        for ranking in every:
            gains(ranking, [0.1], weight)


def seconds(step: Callable[[], object]) -> float:
    """Processor seconds of a step."""
    started = time.process_time()
    step()
    return time.process_time() - started


def main() -> None:
    """Print a table of processor seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=900_000)
    parser.add_argument("--reference-resamples", type=int, default=10)
    chosen = parser.parse_args()
    scores, options = make_scores(chosen.rows), ReportOptions()
    number = chosen.reference_resamples
    plain = seconds(lambda: resample_row_by_row(scores, number)) * options.resamples / number
    resampled: list[pd.DataFrame] = []
    steps = {
        "resample_test": lambda: resampled.append(resample_test(scores, options)),
        "measure_test": lambda: measure_test(scores, resampled[0], options),
        "trace_curves": lambda: trace_curves(scores, options),
        "decide_test": lambda: decide_test(scores, scores, options),
        "measure_slices": lambda: measure_slices(scores, WINNER, options),
    }
    print(f"{len(scores):,} rows, {len(ENTRIES)} entries, {options.resamples} resamples:\n")
    print("| step | processor seconds | of row by row |\n| --- | --- | --- |")
    print(f"| row by row, from {number} resamples | {plain:.1f} | 1 |")
    for name, step in steps.items():
        taken = seconds(step)
        print(f"| {name} | {taken:.1f} | {taken / plain:.3f} |")


if __name__ == "__main__":
    main()
