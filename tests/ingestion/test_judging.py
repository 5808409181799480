"""Which lines are taken in, and for which reason the others are put aside."""

from datetime import UTC, datetime

import ibis
import pyarrow as pa
import pytest

from push_propensity.errors import DataError
from push_propensity.ingestion import IngestionOptions, judge_order_lines
from tests.ingestion.small_shop import (
    COLUMNS,
    LINES,
    OPTIONS,
    PRODUCT_COLUMNS,
    PRODUCTS,
    at,
    ingest,
    judge,
    line,
    options,
    read,
    reasons,
    text_table,
)

BAD_LINES = [
    (line(order=None), "missing order_id"),
    (line(order="  "), "missing order_id"),
    (line(user=""), "missing user_id"),
    (line(product=None), "missing variant_id"),
    (line(time=None), "missing created_at"),
    (line(time="yesterday"), "unreadable created_at"),
    (line(time="2024-02-30 10:00:00"), "unreadable created_at"),
    (line(time="inf"), "unreadable created_at"),
    (line(time="-infinity"), "unreadable created_at"),
    (line(time="epoch"), "unreadable created_at"),
    (line(time="99999-01-01"), "unreadable created_at"),
    (line(time="0044-03-15 (BC)"), "unreadable created_at"),
    (
        line(time="2024-01-09T10:00:00Z"),
        "created_at has a time zone and ingestion.time_zone is not set",
    ),
    (
        line(time="2024-01-09 10:00:00+02:00"),
        "created_at has a time zone and ingestion.time_zone is not set",
    ),
    (line(time="2999-01-01 00:00:00"), "created_at in the future"),
    (line(pieces="two"), "unreadable quantity"),
    (line(pieces="nan"), "unreadable quantity"),
    (line(pieces="0"), "quantity not above 0"),
    (line(pieces="-3"), "quantity not above 0"),
    (line(price="£2"), "unreadable price"),
    (line(price="inf"), "unreadable price"),
    (line(price="-0.01"), "negative price"),
    (line(user="+44 20 7946 0958"), "personal data in an id"),
    ((None, None, None, None, None, None), "unreadable line"),
    (line(order=None, time="never", pieces="-1"), "missing order_id"),
    (("o1", "u2", "2024-01-01 11:00:00", "rice", "1", "1"), "order of another user"),
]
UNUSUAL_LINES = [
    line(pieces=None, price=None),
    line(pieces="0.5", price="0"),
    line(time="2024-01-09"),
    line(time=" 2024-01-09T10:00 "),
    line(time="2024-01-09 10:00:00.123456"),
    line(user="0012345678", order="+1", product="85206A"),
    line(user="00-12", product="Green Tea, 20 bags @ 2.95"),
]


def reasons_of(cases):
    """Why each of these lines is put aside beside those of the shop, and of these none.

    Each is an order of its own, so that it is judged as if it were the only one.
    """
    lines = [(*row, "shop") for row in LINES]
    for number, (order, *rest) in enumerate(cases):
        lines.append((f"o9-{number}" if order == "o9" else order, *rest, str(number)))
    chosen = options(columns=OPTIONS.columns.model_copy(update={"vendor": "case"}))
    read_lines, products = read(text_table(lines, (*COLUMNS, "case")), chosen=chosen)
    judged = judge_order_lines(read_lines, products, None, chosen).to_pyarrow().to_pylist()
    found = {row["vendor"]: row["reason"] for row in judged}
    assert len(judged) == len(lines)
    assert not any(row["reason"] for row in judged if row["vendor"] == "shop")
    return [found[str(number)] for number in range(len(cases))]


def test_a_bad_line_is_put_aside_with_its_reason():
    found = reasons_of([bad for bad, _ in BAD_LINES])
    assert list(zip([bad for bad, _ in BAD_LINES], found, strict=True)) == BAD_LINES


def test_what_is_only_unusual_is_taken_in():
    found = reasons_of(UNUSUAL_LINES)
    assert [line for line, reason in zip(UNUSUAL_LINES, found, strict=True) if reason] == []


def test_an_address_that_the_sample_did_not_show_is_put_aside():
    few = {"sample_rows": len(LINES)}
    lines = [*LINES, line(user="ann@example.com")]
    assert judge(lines, options(personal_data=few)) == ["personal data in an id"]
    assert judge(lines, options(personal_data=few | {"allow": ["user_id"]})) == []


def test_ids_lose_surrounding_blanks_alone():
    [taken] = ingest([line(user=" U 01 ", product="085206a")])["lines"]
    assert (taken["user_id"], taken["variant_id"]) == ("U 01", "085206a")


def test_the_time_after_which_lines_are_in_the_future_is_a_parameter():
    lines = [line(time="2024-01-01 12:00"), line(order="o10", time="2024-01-01 12:01")]
    made = ingest(lines, chosen=options(latest_time="2024-01-01 12:00:00"))
    assert [row["order_id"] for row in made["quarantine"]] == ["o10"]


@pytest.mark.parametrize(
    ("zone", "latest"), [(None, "2024-01-02 01:00:00"), ("America/New_York", "2024-01-01 06:00:00")]
)
def test_without_that_parameter_it_is_the_run_s_time_at_the_shop(zone, latest):
    now = datetime(2024, 1, 1, 11, tzinfo=UTC)
    lines = text_table([line(time=latest), line(time=latest[:-2] + "01")])
    products = lines.select("variant_id").limit(0)
    judged = judge_order_lines(lines, products, None, options(time_zone=zone), now).to_pyarrow()
    assert judged["reason"].to_pylist() == [None, "created_at in the future"]


def test_times_in_a_form_of_their_own():
    form = "%d/%m/%Y %H:%M"
    lines = [line(time="31/12/2023 08:26"), line(order="o2", time="2023-12-31 08:26")]
    made = ingest(lines, chosen=options(time_format=form))
    assert [row["created_at"] for row in made["lines"]] == [at("2023-12-31 08:26")]
    assert reasons(made) == ["unreadable created_at"]


def test_times_with_a_zone_become_local_time():
    times = ["2024-07-01T23:30:00Z", "2024-07-01T23:30:00+02:00", "2024-07-01T23:30:00"]
    lines = [line(order=f"o{n}", time=time) for n, time in enumerate(times)]
    made = ingest(lines, chosen=options(time_zone="Europe/London"))
    found = {row["order_id"]: row["created_at"] for row in made["lines"]}
    assert found == {
        "o0": at("2024-07-02 00:30"),
        "o1": at("2024-07-01 22:30"),
        "o2": at("2024-07-01 23:30"),
    }


def test_times_in_a_form_of_their_own_with_a_zone():
    chosen = options(time_format="%d/%m/%Y %H:%M %z", time_zone="Europe/London")
    times = ["01/07/2024 23:30 +0000", "01/07/2024 23:30 +02:00", "01/07/2024 23:30"]
    made = ingest([line(order=f"o{n}", time=time) for n, time in enumerate(times)], chosen=chosen)
    found = {row["order_id"]: row["created_at"] for row in made["lines"]}
    assert found == {"o0": at("2024-07-02 00:30"), "o1": at("2024-07-01 22:30")}
    assert reasons(made) == ["unreadable created_at"]


def typed_lines(**changed):
    columns = {
        "order_id": pa.array([1, 2]),
        "user_id": pa.array([7, 8]),
        "created_at": pa.array([at("2024-01-01 10:00"), at("2024-01-02 10:00")]),
        "variant_id": pa.array([11, 12]),
        "quantity": pa.array([1, 2]),
        "price": pa.array([2.5, float("nan")]),
    }
    return ibis.memtable(pa.table(columns | changed))


def test_typed_columns_keep_whole_numbers_as_ids():
    made = ingest(typed_lines())
    assert [(row["id"], row["user_id"]) for row in made["orders"]] == [(1, 7), (2, 8)]
    assert [row["ordered_items"] for row in made["orders"]] == [[11], [12]]
    assert [row["price"] for row in made["lines"]] == [2.5, None]


def test_timestamps_with_a_zone_become_local_time():
    zoned = pa.array([at("2024-07-01 23:30")] * 2, pa.timestamp("us", "UTC"))
    made = ingest(typed_lines(created_at=zoned), chosen=options(time_zone="Europe/London"))
    assert {row["created_at"] for row in made["lines"]} == {at("2024-07-02 00:30")}


def test_dates_are_midnight():
    days = pa.array([at("2024-01-01").date()] * 2)
    made = ingest(typed_lines(created_at=days))
    assert {row["created_at"] for row in made["lines"]} == {at("2024-01-01")}


@pytest.mark.parametrize(
    ("decided", "expected"), [("keep", []), ("put_aside", ["product not in products"] * 2)]
)
def test_lines_of_unknown_products(decided, expected):
    products = text_table(PRODUCTS, PRODUCT_COLUMNS)
    made = ingest(products=products, chosen=options(unknown_products=decided))
    assert reasons(made) == expected


def test_putting_unknown_products_aside_needs_products():
    with pytest.raises(DataError, match="there is no table of products"):
        ingest(chosen=options(unknown_products="put_aside"))


def test_whole_numbers_and_text_are_the_same_products():
    products = text_table([("11", "acme")], ("variant_id", "vendor"))
    chosen = options(product_columns={"vendor": "vendor"}, unknown_products="put_aside")
    made = ingest(typed_lines(), products, chosen=chosen)
    assert reasons(made) == ["product not in products"]
    assert made["inventory"] == [{"variant_id": "11", "vendor": "acme", "product_type": None}]
    assert made["orders"][0]["ordered_items"] == ["11"]


def test_lines_that_could_not_be_parsed_count():
    unparsed = ibis.memtable({"file_id": [0, 0], "line": [3, 17]})
    made = ingest(unparsed=unparsed)
    assert [(row["reason"], row["line"]) for row in made["quarantine"]] == [
        ("unreadable line", 3),
        ("unreadable line", 17),
    ]
    assert made["report"]["rows"] == len(LINES) + 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time_zone": "Mars/Base"}, "Europe/London"),
        ({"time_format": "%d/%m/%Y %z"}, "time_zone says where the shop is"),
        ({"time_format": "%d/%m/%Y %Z", "time_zone": "UTC"}, "an offset from UTC"),
        ({"latest_time": "2024-01-01T00:00:00Z"}, "without a zone"),
        ({"colour": "red"}, "colour"),
        ({"personal_data": {"drop": ["a"], "allow": ["a"]}}, "one of drop"),
    ],
)
def test_wrong_parameters_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        IngestionOptions(**changed)
