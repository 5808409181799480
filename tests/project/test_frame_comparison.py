"""The comparison of two frames counts what differs."""

import runpy
import sys
from pathlib import Path

import ibis
import pyarrow.parquet as pq
import pytest
from benchmarks.compare_frames import compare_columns, compare_keys
from ibis import _

from push_propensity.frame.columns import COLUMNS
from tests.features.tiny_shop import build


@pytest.fixture(scope="module")
def frame():
    return ibis.memtable(build())


def test_a_frame_equals_itself(frame):
    columns = compare_columns(frame, frame)
    assert [column.name for column in columns] == [
        name for name in COLUMNS if name not in ("order_id", "variant_id")
    ]
    assert {column.equal for column in columns} == {1.0}
    assert compare_keys(frame, frame).shared == 1.0


def test_keys_and_purchases_shared(frame):
    keys = compare_keys(frame.filter(_.variant_id != "C"), frame.filter(_.variant_id != "B"))
    assert (keys.built_rows, keys.reference_rows, keys.shared_rows) == (6, 5, 3)
    assert keys.shared == pytest.approx(0.6)
    assert (keys.reference_purchases, keys.shared_purchases) == (2.0, 1.0)


def test_differing_values_are_counted_and_measured(frame):
    other = frame.mutate(
        vendor=ibis.ifelse(_.variant_id == "A", "other", _.vendor),
        count_pets=_.count_pets + (_.variant_id == "C").ifelse(3.0, 0.0),
        count_babies=_.count_babies + 1e-12,
        global_popularity=ibis.ifelse(
            _.variant_id == "B", ibis.null("float64"), _.global_popularity
        ),
    )
    found = {column.name: column for column in compare_columns(other, frame)}
    assert (found["vendor"].different_rows, found["vendor"].equal) == (3, pytest.approx(5 / 8))
    assert found["vendor"].largest_difference is None
    assert (found["count_pets"].different_rows, found["count_pets"].largest_difference) == (2, 3.0)
    assert found["count_babies"].different_rows == 0
    assert found["global_popularity"].different_rows == 3


def test_frames_without_a_shared_key_have_nothing_to_compare(frame):
    other = frame.filter(_.variant_id == "A")
    assert compare_columns(frame.filter(_.variant_id != "A"), other) == []
    assert compare_keys(frame.filter(_.variant_id != "A"), other).shared == 0.0


def test_the_script_prints_both_tables(tmp_path, monkeypatch, capsys):
    path = str(tmp_path / "frame.parquet")
    pq.write_table(build(), path)
    script = Path(__file__).parents[2] / "benchmarks" / "compare_frames.py"
    monkeypatch.setattr(sys, "argv", [str(script), path, path])
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert "| shared keys | 8 (100.00% of the reference) |" in printed
    assert "| outcome | 100.0000% | 0 | 0 |" in printed
