"""Raw tables that cannot be used stop with one message that names them."""

import ibis
import pyarrow as pa
import pytest

from push_propensity.errors import DataError
from push_propensity.features.raw_checks import check_raw_tables
from tests.features.tiny_shop import ORDERS, TIME, USERS, at, raw_tables, table


def test_missing_columns_are_named_all_at_once():
    tables = raw_tables()
    tables["orders"] = tables["orders"].drop("created_at", "ordered_items")
    tables["regulars"] = tables["regulars"].drop("variant_id")
    with pytest.raises(DataError) as error:
        check_raw_tables(tables)
    for column in ("orders.created_at", "orders.ordered_items", "regulars.variant_id"):
        assert column in str(error.value)


@pytest.mark.parametrize(
    ("name", "column", "kind"),
    [
        ("orders", "created_at", "string"),
        ("orders", "ordered_items", "string"),
        ("inventory", "price", "string"),
        ("users", "user_id", "float64"),
    ],
)
def test_wrong_types_are_named(name, column, kind):
    tables = raw_tables()
    tables[name] = tables[name].drop(column).mutate(ibis.null(kind).name(column))
    with pytest.raises(DataError, match=rf"{name}\.{column} \(.*\) is {kind}"):
        check_raw_tables(tables)


def test_times_of_a_zone_are_refused():
    tables = raw_tables()
    zoned = tables["regulars"].created_at.cast("timestamp('UTC')")
    tables["regulars"] = tables["regulars"].mutate(created_at=zoned)
    with pytest.raises(DataError, match=r"regulars\.created_at .*without time zone"):
        check_raw_tables(tables)


def test_half_a_snooze_source_is_refused():
    tables = raw_tables()
    tables["regulars"] = tables["regulars"].mutate(snoozed_at="created_at")
    with pytest.raises(DataError, match=r"regulars\.snoozed_until .* is missing"):
        check_raw_tables(tables)


def without_rows(table):
    """As pandas writes it: without rows there are no types either."""
    columns = [ibis.null("int32").name(column) for column in table.columns]
    return table.select(*columns).limit(0)


@pytest.mark.parametrize("name", ["orders", "inventory"])
def test_a_required_table_without_rows_is_named(name):
    tables = raw_tables()
    for missing in (None, without_rows(tables[name])):
        with pytest.raises(DataError, match=f"raw tables {name} have no rows"):
            check_raw_tables(tables | {name: missing})


@pytest.mark.parametrize("name", ["users", "regulars", "abandoned_carts", "prices"])
def test_an_optional_table_without_rows_is_the_same_as_none(name):
    tables = raw_tables()
    empty = without_rows(tables.get(name, tables["users"]))
    for missing in (None, empty):
        assert name not in check_raw_tables(tables | {name: missing})


def test_ids_of_two_types_are_refused():
    mixed = raw_tables() | {
        "users": table([(1, 2.0, 0.0, 0.0, 0.0)], _user_schema(pa.int64())),
    }
    with pytest.raises(
        DataError, match=r"orders\.user_id holds string .* users\.user_id holds int"
    ):
        check_raw_tables(mixed)


def test_doubled_ids_are_counted_without_showing_them():
    tables = raw_tables(orders=[*ORDERS, ORDERS[0]], users=USERS * 3)
    with pytest.raises(DataError, match=r"orders\.id in 1 rows; users\.user_id in 2 rows") as error:
        check_raw_tables(tables)
    assert "u1" not in str(error.value)


def test_missing_times_are_counted():
    tables = raw_tables()
    rows = [("u1", "A", None), ("u1", "B", at("01-05 10:00"))]
    tables["regulars"] = table(
        rows, {"user_id": pa.string(), "variant_id": pa.string(), "created_at": TIME}
    )
    with pytest.raises(DataError, match=r"regulars\.created_at in 1 rows"):
        check_raw_tables(tables)


def test_first_orders_alone_are_refused():
    with pytest.raises(DataError, match="No user has a second order"):
        check_raw_tables(raw_tables(orders=ORDERS[:2]))
    tables = raw_tables(orders=ORDERS[:2])
    tables["orders"] = tables["orders"].drop("user_order_seq")
    with pytest.raises(DataError, match="No user has a second order"):
        check_raw_tables(tables)


def _user_schema(kind):
    counts = ("count_adults", "count_children", "count_babies", "count_pets")
    return {"user_id": kind, **dict.fromkeys(counts, pa.float64())}
