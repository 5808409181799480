"""Duplicates, late rows, the quarantine, and when a run stops."""

import json

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from push_propensity.errors import DataError
from push_propensity.ingestion import describe
from tests.ingestion.small_shop import LINES, ingest, line, options, reasons, taken_in, text_table


def test_the_same_line_twice_is_one():
    made = ingest([*LINES, LINES[0], LINES[0]])
    assert made["report"]["duplicates"] == {"same_line": 2, "same_product_in_order": 0}
    assert made["orders"] == taken_in()["orders"]


def test_a_product_twice_in_an_order_is_one_purchase():
    again = ("o1", "u1", "2024-01-01 09:59:00", "tea", "4", "2.25")
    made = ingest([*LINES, again])
    assert made["report"]["duplicates"] == {"same_line": 0, "same_product_in_order": 1}
    [tea] = [row for row in made["lines"] if (row["order_id"], row["variant_id"]) == ("o1", "tea")]
    assert (tea["quantity"], tea["price"], tea["lines"]) == (5.0, 2.5, 2)
    assert tea["created_at"].minute == 59
    assert made["orders"][0]["created_at"].minute == 59


def test_late_rows_are_taken_in_and_counted():
    first = ingest(LINES[:3])
    late = [line(order="o8", time="2023-12-31 10:00:00", product=name) for name in ("tea", "soap")]
    newer = line(order="o9", time="2024-02-01 10:00:00")
    made = ingest([*LINES, *late, *late[:1], newer], previous=first["tables"]["lines"])
    assert made["report"]["late"] == {
        "lines": 3,
        "orders": 1,
        "first_day": "2023-12-31",
        "last_day": "2023-12-31",
    }
    assert {row["order_id"] for row in made["lines"] if row["late"]} == {"o8"}
    assert made["report"]["taken_in"] == 8


def test_ids_of_another_type_in_the_previous_run_are_matched():
    numbered = [line(order=str(n), time=f"2024-01-0{n} 10:00:00") for n in (1, 2, 3)]
    previous = ibis.memtable(ingest(numbered)["tables"]["lines"].to_pyarrow())
    previous = previous.mutate(order_id=previous.order_id.cast("int64"))
    assert ingest(numbered, previous=previous)["report"]["late"]["lines"] == 0


def test_the_quarantine_shows_the_shape_of_what_is_no_opaque_value():
    bad = [
        line(order="A-17", user="Ann Smith", time="12 May of 2024"),
        line(order="ann@example.com", user="u-1", product="Zoë"),
        line(order="B2", pieces="call 07700 900123"),
    ]
    few = options(personal_data={"sample_rows": len(LINES)})
    found = ingest([*LINES, *bad], chosen=few)["quarantine"]
    shown = {row["reason"]: row for row in found}
    assert shown["unreadable created_at"]["order_id"] == "A-17"
    assert shown["unreadable created_at"]["user_id"] == "aaa aaaaa"
    assert shown["unreadable created_at"]["unreadable"] == "99 aaa aa 9999"
    assert shown["personal data in an id"]["order_id"] == "aaa@aaaaaaa.aaa"
    assert shown["personal data in an id"]["variant_id"] == "aaa"
    assert shown["unreadable quantity"]["unreadable"] == "aaaa 99999 999999"
    assert not any(word in str(found) for word in ("Smith", "ann@", "Zo", "07700"))


def test_too_many_rows_put_aside_stop_the_run_and_are_counted_without_values():
    bad = [line(time="never"), line(time="later"), line(pieces="-1")]
    with pytest.raises(DataError) as error:
        ingest([*LINES, *bad], chosen=options(largest_share_put_aside=0.3))
    message = str(error.value)
    assert "3 of 8 order lines" in message
    assert "unreadable created_at: 2; quantity not above 0: 1" in message
    assert "never" not in message


def test_just_as_many_as_allowed_do_not_stop_it():
    bad = [line(time="never")] * 5
    made = ingest([*LINES, *bad], chosen=options(largest_share_put_aside=0.5))
    assert made["report"]["put_aside"]["share"] == 0.5


def test_no_row_at_all_stops_the_run():
    with pytest.raises(DataError, match="have no rows"):
        ingest([])
    with pytest.raises(DataError, match="1 of 1 order lines"):
        ingest([line(time="never")], chosen=options(largest_share_put_aside=1))


def test_the_report_is_json_and_one_sentence_says_it():
    made = ingest([*LINES, LINES[0], line(pieces="-1")])
    report = json.loads(json.dumps(made["report"]))
    assert report == made["report"]
    assert describe(report) == (
        "Took in 5 of 7 order lines: 4 orders of 2 users, 3 products, 2024-01-01 to 2024-01-05. "
        "Merged 1 duplicates; 0 lines came late. Put aside 1 (quantity not above 0: 1)."
    )


values = st.one_of(st.none(), st.text(max_size=6))
any_line = st.tuples(
    st.one_of(values, st.sampled_from(["o1", "o2", "o3"])),
    st.one_of(values, st.sampled_from(["u1", "u2"])),
    st.one_of(values, st.sampled_from(["2024-01-01 10:00:00", "2024-01-02", "2999-01-01"])),
    st.one_of(values, st.sampled_from(["tea", "soap"])),
    st.one_of(values, st.sampled_from(["1", "0", "-2"])),
    st.one_of(values, st.sampled_from(["1.5", "-1", "0"])),
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_line, min_size=12, max_size=48), st.integers(0, 3))
def test_no_row_is_lost(lines, unparsed):
    rejected = ibis.memtable({"file_id": [0] * unparsed, "line": list(range(unparsed))}) if (
        unparsed
    ) else None  # fmt: skip
    rows = [*LINES, *lines]
    made = ingest(rows, unparsed=rejected)
    report = made["report"]
    assert report["rows"] == len(rows) + unparsed
    merged = sum(report["duplicates"].values())
    assert report["rows"] == report["taken_in"] + report["put_aside"]["rows"] + merged
    assert sum(report["put_aside"]["reasons"].values()) == len(made["quarantine"])
    assert all(reasons(made))
    pairs = [(row["order_id"], row["variant_id"]) for row in made["lines"]]
    assert len(pairs) == len(set(pairs)) == report["taken_in"]
    assert sum(row["lines"] for row in made["lines"]) == report["rows"] - len(made["quarantine"])


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(any_line, min_size=8, max_size=32).flatmap(
        lambda rows: st.permutations([*LINES, *rows])
    )
)
def test_the_order_of_the_rows_does_not_matter(rows):
    given_order = ingest(text_table(rows))
    sorted_rows = sorted(rows, key=str)
    other_order = ingest(text_table(sorted_rows))
    for name in ("orders", "inventory", "prices", "lines", "quarantine", "report"):
        assert given_order[name] == other_order[name], name
