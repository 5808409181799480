"""What leaving out rows without a purchase costs in ranking and saves in time, as Markdown tables.

    python benchmarks/training_rows.py --env box_builder_frame

Run data_processing and model_selection first. The chosen setting of each candidate is fitted to
shares of the rows without a purchase, weighted back, and measured on test beside all rows.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from feature_engineering import to_markdown
from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import HEADLINE, evaluate
from push_propensity.frame.columns import OUTCOME, PRODUCT, USER
from push_propensity.frame.split import PARTS, join_development
from push_propensity.models.candidates import CandidateOptions
from push_propensity.reports.wording import entry_label
from push_propensity.selection.choice import SelectionOptions
from push_propensity.selection.contender import fit_contender
from push_propensity.selection.variants.trials import resample_headline

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = (
    "negatives kept",
    "rows of training",
    "processor s",
    "product AP",
    "minus all rows",
    "95 % interval",
    "pooled AP",
    "log loss",
)


def compare_shares(
    parts: dict[str, pd.DataFrame],
    choice: dict[str, Any],
    options: CandidateOptions,
    selection: SelectionOptions,
    shares: list[float],
    resamples: Resamples,
) -> list[tuple[str, ...]]:
    """Fit the chosen setting to each share, all rows last, and measure it on test: `COLUMNS`."""
    test, rows, probability = parts["test"], [], {}
    development = join_development(parts["train"], parts["validation"])
    for share in sorted({*shares, 1.0}):
        entry = options.model_copy(update={"negative_share": share, "minimum_negatives": 0})
        started = time.process_time()
        model = fit_contender(development, parts["calibration"], choice, entry, selection)
        seconds = time.process_time() - started
        probability[f"{share:g}"] = model.predict(test)
        measured = evaluate(test[OUTCOME], probability[f"{share:g}"], test[PRODUCT])
        rows.append((f"{share:g}", model.fitted_rows, seconds, measured))
    drawn = resample_headline([(test, probability)], resamples)
    whole = rows[-1][-1][HEADLINE]
    cells = []
    for share, kept, seconds, measured in rows:
        difference = measured[HEADLINE] - whole
        low, high = resamples.interval(drawn[share] - drawn["1"], difference)
        cells.append(
            (
                share,
                f"{kept:,.0f}",
                f"{seconds:.1f}",
                f"{measured[HEADLINE]:.4f}",
                f"{difference:+.4f}",
                f"{low:+.4f} to {high:+.4f}",
                f"{measured['average_precision']:.4f}",
                f"{measured['log_loss']:.5f}",
            )
        )
    return cells


def main() -> None:
    """Print a table per candidate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default=None, help="environment, as kedro run takes it")
    parser.add_argument("--candidates", nargs="+", default=["logistic_l2", "xgboost"])
    parser.add_argument("--shares", nargs="+", type=float, default=[0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--resamples", type=int, default=200)
    chosen = parser.parse_args()
    bootstrap_project(ROOT)
    with KedroSession.create(project_path=ROOT, env=chosen.env) as session:
        catalog = session.load_context().catalog
        parts = {name: catalog.load(name) for name in PARTS}
        selection = catalog.load("params:model_selection")
        resamples = Resamples.of(
            parts["test"][USER], resamples=chosen.resamples, seed=0, confidence=0.95
        )
        for name in chosen.candidates:
            options = catalog.load(f"params:candidates.{name}")
            choice = catalog.load(f"{name}_choice")
            lines = compare_shares(parts, choice, options, selection, chosen.shares, resamples)
            print(f"**{entry_label(name)}**\n\n{to_markdown(COLUMNS, lines)}\n", flush=True)


if __name__ == "__main__":
    main()
