"""Columns that look personal are refused, dropped, replaced or allowed."""

import hashlib
import hmac

import ibis
import pyarrow as pa
import pytest

from push_propensity.errors import DataError
from push_propensity.ingestion.personal_data import (
    inspect_column,
    looks_like_name,
    looks_like_phone,
)
from push_propensity.ingestion.pseudonyms import KEY_VARIABLE, make_pseudonym, read_key
from tests.ingestion.small_shop import (
    COLUMNS,
    LINES,
    ingest,
    judge,
    line,
    options,
    read,
    taken_in,
    text_table,
)

KEY = "0123456789abcdef0123456789abcdef"
REGIONS = ("GB", "US")


def lines_with(columns):
    """The shop's lines and more columns, whose values are repeated."""
    more = columns.values()
    rows = [(*row, *(each[n % len(each)] for each in more)) for n, row in enumerate(LINES)]
    return text_table(rows, (*COLUMNS, *columns))


def refusal(*arguments, **named):
    with pytest.raises(DataError) as error:
        read(*arguments, **named)
    return str(error.value)


PERSONAL_COLUMNS = [
    ("contact", ["", "ann@example.co.uk"], "an e-mail address, by its values"),
    ("notes", ["ring", "write to ann.b+c@ex-ample.com please"], "an e-mail address"),
    ("Email", ["ann@localhost"], "an e-mail address, by its name"),
    ("customerEmail", ["x@y"], "an e-mail address, by its name"),
    ("reach", ["+44 20 7946 0958", "020 7946 0958"], "a phone number, by its values"),
    ("reach again", ["0044 20 7946 0958"], "a phone number, by its values"),
    ("reach too", ["(650) 253-0000"], "a phone number, by its values"),
    ("phone", ["2079460958"], "a phone number, by its name"),
    ("Mobile Number", ["07700900123"], "a phone number, by its name"),
    ("first_name", ["Ann"], "a person's name or address, by its name"),
    ("customerName", ["ann"], "a person's name or address, by its name"),
    ("Surname", ["Müller"], "a person's name or address, by its name"),
    ("delivery address", ["1 High Street"], "a person's name or address, by its name"),
    ("name", ["Ann Smith", "Bob O'Neil"], "a person's name or address, by its values"),
]
OPAQUE_COLUMNS = [
    ("batch", ["12345", "85206A", "0049123", "20240101"]),
    ("ean", ["5012345678900", "0012345678905"]),
    ("day", ["2024-01-05", "05.01.2024", "05/01/2024"]),
    ("weight", ["1.250", "0.75"]),
    ("description", ["GREEN TEA", "Green Tea 20 bags", "6 RIBBONS @ 2.95 each"]),
    ("product_name", ["Green Tea"]),
    ("Lineitem name", ["Green Tea"]),
    ("name", ["#1001", "#1002"]),
    ("email_opt_in", ["yes", "no"]),
    ("phone_order", ["true", "false"]),
    ("ip", ["192.168.0.1"]),
    ("isbn", ["978-3-16-148410-0"]),
    ("user_name", ["4711", "4712"]),
    ("uuid", ["123e4567-e89b-12d3-a456-426614174000"]),
]


def test_columns_that_look_personal_are_refused_by_name():
    message = refusal(lines_with({column: values for column, values, _ in PERSONAL_COLUMNS}))
    missing = [case for case in PERSONAL_COLUMNS if f"{case[0]} ({case[2]}" not in message]
    assert not missing, message
    assert "drop" in message
    assert KEY_VARIABLE in message
    rest = message
    for column in sorted((case[0] for case in PERSONAL_COLUMNS), key=len, reverse=True):
        rest = rest.replace(column, "")
    shown = [value for case in PERSONAL_COLUMNS for value in case[1] if value and value in rest]
    assert not shown, rest


def test_opaque_ids_and_descriptions_are_no_false_alarm():
    lines, _ = read(lines_with(dict(OPAQUE_COLUMNS)))
    assert lines.count().to_pyarrow().as_py() == len(LINES)


def test_names_of_people_as_user_ids_are_refused():
    named = [(order, "Ann Smith", *rest) for order, _user, *rest in LINES]
    assert "user_id (a person's name or address, by its values)" in refusal(named)


def test_a_product_s_capitalised_words_are_no_names():
    named = [(*row[:3], "Green Tea", *row[4:]) for row in LINES]
    assert ingest(named)["report"]["products"] == 1
    products = text_table([("Green Tea", "Green Tea")], ("variant_id", "name"))
    assert ingest(named, products)["report"]["products"] == 1


def test_numbers_are_looked_at_where_their_column_is_called_phone():
    table = lines_with({"phone": ["1"]}).mutate(phone=ibis.literal(442079460958))
    assert "phone (a phone number, by its name)" in refusal(table)


def test_products_are_looked_at_too():
    products = text_table([("tea", "info@acme.example")], ("variant_id", "supplier"))
    assert "products has columns that look like personal data: supplier" in refusal(
        products=products
    )


def test_dropped_and_allowed_columns_pass():
    table = lines_with({"email": ["ann@example.com"]})
    for decided in ("drop", "allow"):
        made = ingest(table, chosen=options(personal_data={decided: ["email"]}))
        assert made["orders"] == taken_in()["orders"]
        assert "ann@" not in str([made[name] for name in ("lines", "quarantine", "report")])


@pytest.mark.parametrize(
    ("decided", "message"),
    [
        ({"drop": ["colour"]}, "colour are in no source"),
        ({"drop": ["user_id"]}, "user_id are to be dropped and are mapped"),
        ({"pseudonymise": ["price"]}, "price are to be pseudonymised and hold no id"),
        ({"pseudonymise": ["variant_id"]}, "variant_id are to be pseudonymised"),
    ],
)
def test_decisions_that_cannot_be_followed_are_named(decided, message):
    assert message in refusal(chosen=options(personal_data=decided))


def test_pseudonyms_are_keyed_and_stable(monkeypatch):
    mails = {"u1": "ann@example.com", "u2": "Bob@example.com"}
    lines = [(order, mails[user], *rest) for order, user, *rest in LINES]
    lines.append(line(user="ann@example.com", pieces="-1"))
    chosen = options(personal_data={"pseudonymise": ["user_id"]})
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    made = ingest(lines, chosen=chosen)
    expected = {
        hmac.new(KEY.encode(), mail.encode(), hashlib.sha256).hexdigest()[:32]
        for mail in mails.values()
    }
    assert {row["user_id"] for row in made["orders"]} == expected
    assert made["quarantine"][0]["user_id"] in expected
    assert "example.com" not in str([made[name] for name in made if name != "tables"])
    again = ingest(lines, chosen=chosen)
    assert again["orders"] == made["orders"]
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1])
    other = ingest(lines, chosen=chosen)
    assert not {row["user_id"] for row in other["orders"]} & expected


def test_whole_numbers_and_their_text_have_one_pseudonym(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    chosen = options(personal_data={"pseudonymise": ["user_id"]})
    rows = [line(user="17")]
    numbered = text_table(rows).mutate(user_id=ibis.literal(17))
    made = [ingest(rows, chosen=chosen), ingest(numbered, chosen=chosen)]
    assert {row["user_id"] for one in made for row in one["orders"]} == {
        make_pseudonym("17", KEY.encode())
    }


def test_missing_ids_have_no_pseudonym(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    chosen = options(personal_data={"pseudonymise": ["user_id"]})
    made = ingest([*LINES, line(user=None)], chosen=chosen)
    assert [row["reason"] for row in made["quarantine"]] == ["missing user_id"]


@pytest.mark.parametrize(("key", "found"), [(None, "is not set"), ("short", "has 5 characters")])
def test_a_missing_or_short_key_is_an_error(monkeypatch, key, found):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    if key:
        monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(DataError, match=found) as error:
        read_key()
    assert KEY_VARIABLE in str(error.value)
    with pytest.raises(DataError, match=found):
        judge(LINES, options(personal_data={"pseudonymise": ["user_id"]}))


def test_phone_numbers():
    numbers = ["+1 650-253-0000", "020 7946 0958", "00442079460958"]
    assert [text for text in numbers if not looks_like_phone(text, REGIONS)] == []


def test_no_phone_numbers():
    others = ["2079460958", "2024-01-01", "1.5", "+123", "0000012345", "07946", "abc", "12 34 56"]
    assert [text for text in others if looks_like_phone(text, REGIONS)] == []


def test_national_numbers_need_their_country():
    assert not looks_like_phone("030 901820", REGIONS)
    assert looks_like_phone("030 901820", ("DE",))


def test_names():
    names = {
        "Ann Smith": True,
        "Jean-Luc O’Brien": True,
        "Maria de Souza": False,
        "Ann": False,
        "U 17": False,
        "GREEN TEA 20": False,
        "": False,
    }
    assert {text: looks_like_name(text) for text in names} == names


def test_a_column_without_values_is_not_personal():
    assert inspect_column("email", [], REGIONS, people=True) is None
    empty = pa.table({name: pa.array([row[n] for row in LINES]) for n, name in enumerate(COLUMNS)})
    table = ibis.memtable(empty).mutate(email=ibis.null("string"))
    assert read(table)[0].count().to_pyarrow().as_py() == len(LINES)
