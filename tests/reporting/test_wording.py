import math

import pytest

from push_propensity.reports import wording


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (wording.number(-0.1234), "−0.123"),
        (wording.number(math.nan), "–"),
        (wording.number(None), "–"),
        (wording.metric_number("log_loss", 0.03524), "0.0352"),
        (wording.metric_number("roc_auc", 0.5), "0.500"),
        (wording.count(1_234_567.0), "1,234,567"),
        (wording.percent(0.416), "42\N{NO-BREAK SPACE}%"),
        (wording.percent(0.0159, 1), "1.6\N{NO-BREAK SPACE}%"),
        (wording.percent(0.9951), "99.5\N{NO-BREAK SPACE}%"),
        (wording.percent(0.99999), "99.9\N{NO-BREAK SPACE}%"),
        (wording.percent(1.0), "100\N{NO-BREAK SPACE}%"),
        (wording.percent(1.004), "100\N{NO-BREAK SPACE}%"),
        (wording.percent(math.inf), "–"),
        (wording.percent_span(0.2, 0.281), "20 to 28\N{NO-BREAK SPACE}%"),
        (wording.span(0.1, 0.25, 2), "0.10 to 0.25"),
        (wording.plural(1, "row"), "1 row"),
        (wording.plural(2000, "row"), "2,000 rows"),
        (wording.plural(2, "was", "were"), "2 were"),
        (wording.listing([]), ""),
        (wording.listing(["a"]), "a"),
        (wording.listing(["a", "b", "c"]), "a, b and c"),
        (wording.sentence_start("product AP"), "Product AP"),
        (wording.entry_label("xgboost"), "XGBoost"),
        (wording.entry_label("my_model"), "my_model"),
        (wording.metric_label("top_k"), "top k"),
    ],
)
def test_numbers_and_names_are_written_for_readers(written, expected):
    assert written == expected


def test_only_finite_numbers_are_defined():
    assert wording.defined(0.0)
    assert not any(wording.defined(value) for value in (None, math.nan, math.inf))
