"""The entries of the documentation, one for each format, and what a file may have wrong with it."""

import functools
import gzip
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, DatasetError
from kedro.runner import SequentialRunner

from push_propensity.errors import DataError
from push_propensity.ingestion import IngestionOptions
from push_propensity.ingestion.read_errors import explain_read_error
from push_propensity.pipelines.ingestion import create_pipeline
from tests.ingestion.postgres_server import missing_server, running_server, write_table
from tests.ingestion.small_shop import COLUMNS, LINES, OPTIONS, at, taken_in

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"```yaml\n(order_lines:.*?)```", (ROOT / "docs/ingestion.md").read_text(), re.DOTALL
)
ENTRIES = {
    Path(entry["filepath"]).suffix if "filepath" in entry else "postgres": entry
    for entry in (yaml.safe_load(block)["order_lines"] for block in BLOCKS)
}
TYPED = [
    (order, user, at(time), product, int(pieces), float(price) if price else None)
    for order, user, time, product, pieces, price in LINES
]


@pytest.fixture(scope="module")
def server():
    if reason := missing_server():
        pytest.skip(reason)
    with running_server() as connection:
        yield connection


@functools.cache
def shipped_entries():
    """The pipeline's entries as they ship."""
    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    entries = loader["catalog"]
    return {name: entries[name] for name in create_pipeline().datasets() - {"params:ingestion"}}


def configuration(folder):
    """The catalog as it ships, in another folder and with connections of its own."""
    chosen = {name: dict(entry) for name, entry in shipped_entries().items()}
    for entry in chosen.values():
        if "filepath" in entry:
            entry["filepath"] = str(folder / entry["filepath"])
    return chosen


def run(entries, options=OPTIONS):
    catalog = DataCatalog.from_config(entries)
    catalog["params:ingestion"] = options
    SequentialRunner().run(create_pipeline(), catalog)
    names = ("orders", "inventory", "prices")
    rows = {name: catalog.load(name).to_pyarrow().to_pylist() for name in names}
    rows["quarantine"] = catalog.load("quarantine").to_pyarrow().to_pylist()
    return rows | {"report": catalog.load("intake_report")}


def csv_text(rows):
    return "\n".join(",".join(cell or "" for cell in row) for row in [COLUMNS, *rows]) + "\n"


def write_csv(folder, text, name="order_lines.csv"):
    path = folder / "data/01_raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def with_entry(folder, entry, **changed):
    entries = configuration(folder)
    path = {"filepath": str(folder / entry["filepath"])} if "filepath" in entry else {}
    return entries | {"order_lines": entry | path | changed}


def assert_same_shop(made):
    expected = taken_in()
    for name in ("orders", "inventory", "prices", "quarantine", "report"):
        assert made[name] == expected[name], name


def test_the_documentation_has_an_entry_for_each_format():
    assert set(ENTRIES) == {".csv", ".jsonl", ".parquet", "postgres"}


def test_csv(tmp_path):
    write_csv(tmp_path, csv_text(LINES))
    assert_same_shop(run(with_entry(tmp_path, ENTRIES[".csv"])))


def test_the_shipped_entry_reads_the_same_csv(tmp_path):
    write_csv(tmp_path, csv_text(LINES))
    assert_same_shop(run(configuration(tmp_path)))


def test_json_lines(tmp_path):
    path = write_csv(tmp_path, "", "order_lines.jsonl")
    rows = [dict(zip(COLUMNS, (*row[:2], str(row[2]), *row[3:]), strict=True)) for row in TYPED]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert_same_shop(run(with_entry(tmp_path, ENTRIES[".jsonl"])))


def test_parquet(tmp_path):
    path = write_csv(tmp_path, "", "order_lines.parquet")
    columns = dict(zip(COLUMNS, map(list, zip(*TYPED, strict=True)), strict=True))
    pq.write_table(pa.table(columns), path)
    assert_same_shop(run(with_entry(tmp_path, ENTRIES[".parquet"])))


POSTGRES_TYPES = {
    "order_id": "text",
    "user_id": "varchar(20)",
    "created_at": "timestamp",
    "variant_id": "text",
    "quantity": "integer",
    "price": "numeric(10, 2)",
}


def postgres_entry(folder, server, **changed):
    place = {"host": server["host"], "port": int(server["port"]), "database": server["dbname"]}
    entry = ENTRIES["postgres"]
    credentials = {"user": server["user"], "password": server["password"]}
    assert entry["connection"].keys() == {"backend", *place}
    return with_entry(
        folder,
        entry | {"connection": entry["connection"] | place, "credentials": credentials},
        **changed,
    )


def test_a_postgres_table(tmp_path, server):
    write_table(server, "order_lines", POSTGRES_TYPES, TYPED)
    assert_same_shop(run(postgres_entry(tmp_path, server)))


def test_a_postgres_table_of_other_types_with_bad_rows_and_products(tmp_path, server):
    types = POSTGRES_TYPES | {
        "order_id": "uuid",
        "user_id": "bigint",
        "created_at": "timestamptz",
        "variant_id": "numeric(12, 0)",
    }
    order = "123e4567-e89b-12d3-a456-4266141740"
    rows = [
        (f"{order}01", 7, "2024-07-01 23:30:00+00", 11, 1, 2.5),
        (f"{order}01", 7, "2024-07-01 23:30:00+00", 12, -1, 2.5),
        (f"{order}02", None, "2024-07-02 23:30:00+00", 12, 1, 2.5),
        (f"{order}03", 7, "2024-07-03 10:00:00+00", 12, 1, None),
    ]
    write_table(server, "order_lines", types, rows)
    write_table(server, "products", {"variant_id": "bigint", "maker": "text"}, [(11, "acme")])
    entries = postgres_entry(tmp_path, server)
    entries["products"] = entries["order_lines"] | {"table_name": "products"}
    options = OPTIONS.model_dump() | {
        "time_zone": "Europe/London",
        "product_columns": {"vendor": "maker"},
    }
    made = run(entries, IngestionOptions(**options))
    assert [(row["id"][-2:], row["user_id"], row["ordered_items"]) for row in made["orders"]] == [
        ("01", 7, [11]),
        ("03", 7, [12]),
    ]
    assert made["orders"][0]["created_at"] == at("2024-07-02 00:30")
    assert made["inventory"][0] == {"variant_id": 11, "vendor": "acme", "product_type": None}
    assert made["report"]["put_aside"]["reasons"] == {
        "missing user_id": 1,
        "quantity not above 0": 1,
    }


@pytest.mark.slow
def test_many_rows_of_postgres_arrive_whole(tmp_path, server):
    rows = [
        (f"o{n // 10}", f"u{n % 7_000 // 10}", at("2024-01-01"), f"p{n % 10}", 1, 1.5)
        for n in range(110_000)
    ]
    write_table(server, "order_lines", POSTGRES_TYPES, rows)
    report = run(postgres_entry(tmp_path, server))["report"]
    assert (report["rows"], report["taken_in"]) == (110_000, 110_000)
    assert report["orders"]["rows"] == 11_000


def test_a_postgres_server_that_is_not_there_is_an_error_without_the_password(tmp_path, server):
    message = refusal(postgres_entry(tmp_path, server | {"host": str(tmp_path)}))
    assert "Cannot read the table order_lines: the database server does not answer" in message
    assert server["password"] not in message


def test_a_postgres_table_that_is_not_there_is_named(tmp_path, server):
    message = refusal(postgres_entry(tmp_path, server, table_name="orders_of_mars"))
    assert "Cannot read the table orders_of_mars: there is no such table" in message


# ------------------------------------------------------------------ damaged files


def test_csv_lines_that_cannot_be_parsed_are_counted_and_numbered(tmp_path):
    lines = csv_text(LINES).splitlines()
    damaged = ["o7,u7,2024-01-07 10:00:00,tea", "o8,u8,2024-01-08,tea,1,1,ann@example.com,1"]
    write_csv(tmp_path, "\n".join([*lines[:3], *damaged, *lines[3:]]) + "\n")
    for _ in range(2):  # a second run counts them anew
        made = run(configuration(tmp_path))
        assert made["report"]["rows"] == len(LINES) + 2
        assert made["report"]["taken_in"] == len(LINES)
        assert [(row["reason"], row["line"]) for row in made["quarantine"]] == [
            ("unreadable line", 4),
            ("unreadable line", 5),
        ]
    assert "example" not in (tmp_path / "data/02_intermediate/quarantine.parquet").read_bytes(
    ).decode("latin-1")  # fmt: skip


def test_an_unclosed_quote_is_counted(tmp_path):
    write_csv(tmp_path, csv_text(LINES) + 'o7,u7,2024-01-07,"tea,1,1\n')
    report = run(configuration(tmp_path))["report"]
    assert report["put_aside"]["reasons"] == {"unreadable line": 1}


def test_quoted_values_a_byte_order_mark_and_another_delimiter(tmp_path):
    text = csv_text(LINES).replace(",", ";").replace("tea", '"green; ""tea"""')
    write_csv(tmp_path, "\ufeff" + text)
    entry = ENTRIES[".csv"] | {"load_args": {"delim": ";"}}
    products = {row["variant_id"] for row in run(with_entry(tmp_path, entry))["inventory"]}
    assert products == {'green; "tea"', "soap", "rice"}


def test_a_byte_that_is_no_text_is_one_line_s_damage(tmp_path):
    path = write_csv(tmp_path, csv_text(LINES))
    path.write_bytes(path.read_bytes() + b"o7,u7,2024-01-07,caf\xe9,1,1\n")
    report = run(configuration(tmp_path))["report"]
    assert report["put_aside"]["reasons"] == {"unreadable line": 1}
    assert report["taken_in"] == len(LINES)


def test_an_encoding_that_is_not_said(tmp_path):
    text = csv_text([(row[0], row[1], row[2], "thé", *row[4:]) for row in LINES])
    write_csv(tmp_path, "").write_bytes(text.encode("latin-1"))
    message = refusal(configuration(tmp_path))
    assert "5 of 5 order lines cannot be taken in" in message
    assert "mostly have another encoding, delimiter or quote than load_args" in message


def test_an_encoding_that_is_not_known(tmp_path):
    write_csv(tmp_path, csv_text(LINES))
    message = refusal(with_entry(tmp_path, ENTRIES[".csv"], load_args={"encoding": "cp1252"}))
    assert "Set load_args.encoding of its catalog entry to one of them (latin-1" in message


def test_another_encoding(tmp_path):
    path = write_csv(tmp_path, "")
    path.write_bytes(csv_text(LINES).replace("tea", "thé").encode("latin-1"))
    entry = ENTRIES[".csv"] | {"load_args": {"encoding": "latin-1"}}
    products = {row["variant_id"] for row in run(with_entry(tmp_path, entry))["inventory"]}
    assert products == {"thé", "soap", "rice"}


def test_several_files_of_one_header(tmp_path):
    for number, rows in enumerate((LINES[:2], LINES[2:])):
        write_csv(tmp_path, csv_text(rows), f"lines_{number}.csv")
    path = str(tmp_path / "data/01_raw/lines_*.csv")
    assert_same_shop(run(with_entry(tmp_path, ENTRIES[".csv"], filepath=path)))
    write_csv(tmp_path, "a,b\n1,2\n", "lines_2.csv")
    assert "different header lines" in refusal(with_entry(tmp_path, ENTRIES[".csv"], filepath=path))


def test_a_compressed_file(tmp_path):
    path = write_csv(tmp_path, "", "order_lines.csv.gz")
    path.write_bytes(gzip.compress(csv_text(LINES).encode()))
    assert_same_shop(run(with_entry(tmp_path, ENTRIES[".csv"], filepath=str(path))))


def test_json_lines_that_are_none_or_hold_other_types(tmp_path):
    path = write_csv(tmp_path, "", "order_lines.jsonl")
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in LINES]
    rows += [rows[0] | {"order_id": 17, "quantity": "two"}, rows[0] | {"price": {"a": 1}}]
    path.write_text("\n".join([json.dumps(row) for row in rows] + ['{"order_id": "o9", "us']))
    report = run(with_entry(tmp_path, ENTRIES[".jsonl"]))["report"]
    assert report["rows"] == len(LINES) + 3
    assert report["put_aside"]["reasons"] == {
        "unreadable line": 1,
        "unreadable price": 1,
        "unreadable quantity": 1,
    }


def refusal(entries):
    """What a user is told."""
    with pytest.raises((DatasetError, DataError)) as error:
        run(entries)
    return str(explain_read_error(error.value) or error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header line"),
        ("a,,b\n1,2,3\n", "found 3 columns with 2 different names"),
        ("a,a\n1,2\n", "found 2 columns with 1 different names"),
        ("order_id;user_id\n1;2\n", "It has: order_id;user_id"),
    ],
)
def test_a_header_that_is_none(tmp_path, text, message):
    write_csv(tmp_path, text)
    assert message in refusal(configuration(tmp_path))


def test_damaged_json_lines_that_the_entry_does_not_allow(tmp_path):
    path = write_csv(tmp_path, "", "order_lines.jsonl")
    path.write_text('{"order_id": "ann@example.com\n')
    message = refusal(with_entry(tmp_path, ENTRIES[".jsonl"], load_args={}))
    assert "a line is not a JSON object" in message
    assert "ann@" not in message


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_missing_file(tmp_path, suffix):
    message = refusal(with_entry(tmp_path, ENTRIES[suffix]))
    assert "there is no such file" in message
    assert f"order_lines{suffix}" in message


def test_nothing_of_an_earlier_run_is_replaced_but_the_quarantine(tmp_path):
    write_csv(tmp_path, csv_text(LINES))
    run(configuration(tmp_path))
    written = tmp_path / "data/02_intermediate"
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    write_csv(tmp_path, csv_text([(row[0], "", *row[2:]) for row in LINES]))
    assert "5 of 5 order lines cannot be taken in" in refusal(configuration(tmp_path))
    after = {path.name: path.read_bytes() for path in written.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"quarantine.parquet"}


def test_the_next_run_knows_what_the_last_one_took_in(tmp_path):
    write_csv(tmp_path, csv_text(LINES))
    assert run(configuration(tmp_path))["report"]["late"]["lines"] == 0
    late = ("o0", "u5", "2024-01-03 10:00:00", "tea", "1", "1")
    write_csv(tmp_path, csv_text([*LINES, late]))
    assert run(configuration(tmp_path))["report"]["late"] == {
        "lines": 1,
        "orders": 1,
        "first_day": "2024-01-03",
        "last_day": "2024-01-03",
    }
    assert run(configuration(tmp_path))["report"]["late"]["lines"] == 0
