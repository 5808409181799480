"""How entries, metrics and numbers are written for people: one place, the same words everywhere."""

import math
from collections.abc import Sequence

from push_propensity.models.families import FAMILIES

METRIC_LABELS = {
    "product_average_precision": "product AP",
    "average_precision": "pooled AP",
    "product_roc_auc": "ROC AUC within product",
    "roc_auc": "pooled ROC AUC",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
    "f1": "F1",
}
SEGMENT_LABELS = {
    "all": "all rows",
    "repeat": "repeat (bought before)",
    "explore": "explore (never bought)",
}
DECIMALS = {"log_loss": 4, "brier_score": 4, "expected_calibration_error": 4}
MISSING = "–"


def entry_label(name: str) -> str:
    """Name an entry of the leaderboard for readers; unknown ones keep their name."""
    return FAMILIES[name].label if name in FAMILIES else name


def metric_label(name: str) -> str:
    """Name a metric for readers; those without a label keep their name."""
    return METRIC_LABELS.get(name, name.replace("_", " "))


def defined(value: float | None) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, decimals: int = 3) -> str:
    """Write a number with fixed decimals, a true minus sign, or a dash when undefined."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{decimals}f}".replace("-", "−")


def metric_number(name: str, value: float | None) -> str:
    """Write a metric's value with the decimals that suit it."""
    return number(value, DECIMALS.get(name, 3))


def count(value: float) -> str:
    """Write a whole number with thousands separated."""
    return f"{round(value):,}"


def percent(share: float | None, decimals: int = 0) -> str:
    """Write a share as a percentage, without a line break before the sign.

    What is not quite all is not rounded to 100 %.
    """
    if share is None or not math.isfinite(share):
        return MISSING
    if share < 1 and round(100 * share, decimals) == 100:
        decimals, share = decimals + 1, min(share, 1 - 10.0 ** -(decimals + 3))
    return f"{100 * share:.{decimals}f}".replace("-", "−") + "\N{NO-BREAK SPACE}%"


def sentence_start(text: str) -> str:
    """Capitalise the first letter and leave the rest, abbreviations too, as it is."""
    return text[:1].upper() + text[1:]


def span(low: float | None, high: float | None, decimals: int = 3) -> str:
    """Write an interval as `low to high`."""
    return f"{number(low, decimals)} to {number(high, decimals)}"


def percent_span(low: float | None, high: float | None) -> str:
    """Write an interval of shares, the sign once."""
    return f"{percent(low).rstrip('%').rstrip()} to {percent(high)}"


def of_hundred(ratio: float | None) -> str:
    """Write a ratio as so many of each 100."""
    return number(None if ratio is None else 100 * ratio, 0)


def hundred_span(low: float | None, high: float | None) -> str:
    """Write an interval of ratios as so many of each 100."""
    return f"{of_hundred(low)} to {of_hundred(high)}"


def hours_before(hours: float) -> str:
    """Write how long before an order something was, in hours."""
    return f"{hours:g}\N{NO-BREAK SPACE}h before the order" if hours else "the time of the order"


def plural(value: int, singular: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count(value)} {singular if value == 1 else many or singular + 's'}"


def listing(items: Sequence[str]) -> str:
    """Join words as a sentence does: `a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
