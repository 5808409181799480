"""Later orders are added to a frame without building it anew."""

import ibis
import pytest
from ibis import _

from push_propensity.errors import DataError
from push_propensity.features import extend_feature_frame, read_raw_tables
from tests.features.test_extended_features import only
from tests.features.tiny_shop import at, build, raw_tables

OPTIONS = only("user")


def extend(frame, options=OPTIONS):
    raw = read_raw_tables(options, **raw_tables())
    return extend_feature_frame(raw, frame, options).to_pyarrow()


@pytest.fixture(scope="module")
def whole():
    return ibis.memtable(build(options=OPTIONS))


def test_it_is_the_frame_built_at_once(whole, caplog):
    with caplog.at_level("INFO"):
        made = extend(whole.filter(_.created_at <= at("02-03 10:00")))
    assert made.equals(whole.to_pyarrow())
    assert "Adding 2 repeat orders made after 2021-02-03 10:00:00" in caplog.text


def test_new_rows_of_a_sampled_frame_weigh_1(whole):
    sampled = whole.filter(_.created_at <= at("02-03 10:00")).mutate(sampling_weight=4.0)
    assert extend(sampled)["sampling_weight"].to_pylist() == [4.0] * 5 + [1.0] * 3


def test_orders_that_came_late_are_counted(whole):
    with pytest.raises(DataError, match="1 orders came late"):
        extend(whole.filter(_.order_id != 4))


def test_names_of_all_products_are_refused(whole):
    with pytest.raises(DataError, match=r"group text .* Build the frame anew"):
        extend(whole, only("text"))


def test_a_frame_of_other_columns_is_refused(whole):
    with pytest.raises(DataError, match="has other columns than"):
        extend(whole, only("calendar"))
