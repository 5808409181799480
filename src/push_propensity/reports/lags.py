"""The table of lags: what it holds, and whether it is of the results that are reported."""

import logging

import numpy as np
import pandas as pd

from push_propensity.metrics import HEADLINE

logger = logging.getLogger(__name__)

COLUMNS = (
    "lag_hours",
    "as_tested",
    "entry",
    "orders",
    "rows",
    "purchases",
    f"{HEADLINE}_repeat",
    f"{HEADLINE}_explore",
    "average_precision",
    HEADLINE,
    f"{HEADLINE}_low",
    f"{HEADLINE}_high",
    "kept",
    "kept_low",
    "kept_high",
)
SAME = 1e-6  # figures of one model on one test part differ by less


def select_lags(lags: pd.DataFrame | None, metrics: pd.DataFrame, winner: str) -> pd.DataFrame:
    """Return the table of lags if it is of this test part and winner, else one without rows.

    It is if at the lag of the feature frame it has the winner's figures on test: the same rows,
    purchases and product average precision.

    Args:
        lags: From `study.lags.measure_lags`; None where it was never measured.
        metrics: From `uncertainty.measure`.
        winner: The winner's name.
    """
    if lags is None:
        return pd.DataFrame(columns=list(COLUMNS))
    on_test = metrics.query("entry == @winner and segment == 'all' and metric == @HEADLINE")
    again = lags[lags["as_tested"] & (lags["entry"] == winner)]
    sizes = ["rows", "purchases"]
    same = len(again) == 1 and bool(
        np.array_equal(again[sizes].to_numpy(), on_test[sizes].to_numpy())
        and np.allclose(again[HEADLINE], on_test["value"], rtol=0, atol=SAME, equal_nan=True)
    )
    if not same:
        logger.warning(
            "The table of lags is of another model or test part and is left out of the report. "
            "Measure it anew: kedro run --pipelines lag_study,reporting."
        )
        return lags.iloc[:0]
    return lags
