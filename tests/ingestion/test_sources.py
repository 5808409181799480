"""Sources whose columns do not fit stop the run before anything else."""

import ibis
import pytest

from push_propensity.errors import DataError
from push_propensity.ingestion.judging import read_values
from tests.ingestion.small_shop import PRODUCTS, line, options, read, text_table


def refusal(**named):
    with pytest.raises(DataError) as error:
        read(**named)
    return str(error.value)


def test_all_missing_columns_are_named_with_those_that_there_are():
    chosen = options(columns={"user_id": "customer", "price": "cost"})
    message = refusal(chosen=chosen)
    assert "order_lines has no column customer (for user_id), cost (for price)" in message
    assert "It has: order_id, user_id, created_at, variant_id, quantity, price" in message
    assert "ingestion.columns" in message


def test_missing_columns_of_products_are_named():
    products = text_table(PRODUCTS, ("id", "vendor", "product_type", "price"))
    message = refusal(products=products)
    assert "products has no column variant_id (for variant_id)" in message
    assert "ingestion.product_columns" in message


def test_types_that_cannot_be_read_are_named_all_at_once():
    table = text_table([("1", "u", "2024-01-01", "tea", "1", "1")]).mutate(
        user_id=ibis.literal(13085.0), created_at=ibis.literal(1), price=ibis.literal(True)
    )
    message = refusal(lines=table)
    assert "user_id is float64, expected whole number or text for user_id" in message
    assert "created_at is int8, expected timestamp, date, or text that holds one" in message
    assert "price is boolean, expected number" in message


def test_times_of_a_zone_need_the_shop_s():
    table = text_table([("1", "u", "2024-01-01", "tea", "1", "1")])
    zoned = table.mutate(created_at=ibis.literal("2024-01-01").cast("timestamp('UTC')"))
    assert "Give the shop's zone as the parameter ingestion.time_zone" in refusal(lines=zoned)


@pytest.mark.parametrize(
    ("decimal", "text", "price"),
    [(",", "1.234,50", 1234.5), (",", "3,90", 3.9), (".", "3.90", 3.9)],
)
def test_numbers_of_text_may_have_a_decimal_comma(decimal, text, price):
    lines, _ = read([line(price=text)], chosen=options(decimal=decimal))
    assert read_values(lines, options()).price.to_pyarrow().to_pylist() == [price]


def test_a_comma_changes_no_ids():
    lines, _ = read([line(order="1.2,3")], chosen=options(decimal=","))
    assert lines.order_id.to_pyarrow().to_pylist() == ["1.2,3"]
