"""What older products with similar names did, by hand and against a count in plain Python."""

import random
from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from ibis import _

from push_propensity.errors import DataError
from push_propensity.features import (
    CurrentOptions,
    FeatureOptions,
    build_current_frame,
    build_feature_frame,
    read_raw_tables,
)
from push_propensity.features.options import ExtendedOptions, TextOptions
from push_propensity.features.text import BLOCK, name_vectors, nearest_older
from push_propensity.frame.columns import EXTENDED_GROUPS
from tests.features.random_shop import START, history, tables_of
from tests.features.test_extended_features import only
from tests.features.tiny_shop import at, build, raw_tables, values

COLUMNS = [feature.name for feature in EXTENDED_GROUPS["text"]]
NAMES = ["red rose box", "red rose bag", "Blue  box", "pen"]


def grams(name):
    """The n-grams of two to four letters of each word, with a blank on either side."""
    words = [f" {word} " for word in name.lower().split()]
    return Counter(
        word[start : start + n]
        for word in words
        for n in (2, 3, 4)
        for start in range(max(len(word) - n + 1, 1))
    )


def cosine(names, one, other):
    """Of (1 + log frequency) x (1 + log((1 + names) / (1 + names with it)))."""
    counts = [grams(name) for name in names]

    def weight(which, gram):
        holding = sum(gram in count for count in counts)
        inverse = 1 + log((1 + len(names)) / (1 + holding))
        return (1 + log(counts[which][gram])) * inverse if counts[which][gram] else 0

    def product(left, right):
        return sum(weight(left, gram) * weight(right, gram) for gram in counts[left])

    return product(one, other) / sqrt(product(one, one) * product(other, other))


def test_similarity_is_the_cosine_of_the_letters():
    vectors = name_vectors(NAMES, 64)
    expected = [[cosine(NAMES, i, j) for j in range(4)] for i in range(4)]
    assert vectors @ vectors.T == pytest.approx(np.array(expected), abs=1e-9)
    assert 0.6 < expected[0][1] < 0.9
    assert expected[0][3] == 0


def test_fewer_components_keep_what_names_have_in_common():
    assert name_vectors(NAMES, 2).shape == (4, 2)
    vectors = name_vectors(NAMES, 2)
    assert vectors[0] @ vectors[1] > cosine(NAMES, 0, 1)


def nearest(names, days, **options):
    """{(name, older name): similarity}, by position."""
    found = nearest_older(names, np.array(days), TextOptions(**options))
    return {(int(i), int(j)): value / 1e6 for i, j, value in zip(*found, strict=True)}


class TestNearestOlder:
    ROSES = ("red rose box", "red rose bag", "red rose", "pen")

    def test_only_older_ones_count(self):
        found = nearest(self.ROSES, [3, 1, 2, 0])
        assert set(found) == {(0, 1), (0, 2), (2, 1)}
        assert found[0, 1] == pytest.approx(cosine(self.ROSES, 0, 1), abs=1e-6)

    def test_those_of_the_same_day_are_not_older(self):
        assert nearest(self.ROSES, [1, 1, 1, 1]) == {}

    def test_the_most_similar_are_kept_and_of_equal_ones_the_first(self):
        names = ["rose", "red rose", "rose", "rose"]
        assert nearest(names, [0, 0, 0, 1], nearest=1) == {(3, 0): 1}
        assert nearest(names, [0, 0, 0, 1], nearest=2) == {(3, 0): 1, (3, 2): 1}

    def test_names_that_are_not_similar_enough_are_left_out(self):
        everything = nearest(self.ROSES, [3, 1, 2, 0])
        limit = everything[0, 1] - 1e-5
        assert set(nearest(self.ROSES, [3, 1, 2, 0], minimum_similarity=limit)) == {
            pair for pair, similarity in everything.items() if similarity >= limit
        }

    def test_one_name_has_none(self):
        assert nearest(["rose"], [0]) == {}

    def test_more_names_than_are_compared_at_a_time(self):
        names = [f"{word} {n % 9}" for n, word in enumerate(["rose", "pen", "box"] * BLOCK)]
        days = np.random.default_rng(0).integers(0, 50, len(names))
        vectors = name_vectors(names, 64)
        similar = np.rint(vectors @ vectors.T * 1e6) / 1e6
        similar = np.where(days < days[:, None], np.minimum(similar, 1.0), 0.0)
        best = -np.sort(-similar, axis=1)[:, :10]
        found = {n: [] for n in range(len(names))}
        for (product, _older), similarity in nearest(names, days).items():
            found[product].append(similarity)
        for product, expected in enumerate(best):
            kept = [value for value in expected if value >= 0.3]
            assert sorted(found[product], reverse=True) == pytest.approx(kept, abs=2e-6)


class TestMeans:
    # Before February u1 bought A in two of three orders and B in one; C is new, like A more than B.
    ORDERS = (
        (1, "u1", at("01-25 10:00"), 1, ["A", "B"]),
        (2, "u2", at("01-26 10:00"), 1, ["A"]),
        (3, "u1", at("01-27 10:00"), 2, ["A"]),
        (4, "u1", at("01-28 10:00"), 3, ["C"]),
        (5, "u1", at("02-02 10:00"), 4, ["A"]),
    )
    INVENTORY = tuple((name, 1.0, None, "", "") for name in "ABC")
    GIVEN = ("red rose box", "red rose bag", "red rose boxes")

    def frame(self, **changes):
        names = dict(zip("ABC", self.GIVEN, strict=True))
        tables = raw_tables(self.ORDERS, self.INVENTORY, regulars=[], carts=[], names=names)
        return build(tables, only("text", **changes))

    def test_weighted_by_similarity(self):
        like_a, like_b = (cosine(self.GIVEN, 2, other) for other in (0, 1))
        a, b = like_a**4, like_b**4
        frame = self.frame()
        found = {name: values(frame, name)[5, "C"] for name in COLUMNS}
        assert found == pytest.approx(
            {
                "text_similarity": like_a,
                "text_popularity": (a * 3 + b * 1) / 4 / (a + b),  # of the four orders
                "text_repurchase_rate": a * 1 / (a * 2 + b * 1),  # of three buyers, one came back
                "text_purchase_share": (a * 2 + b * 1) / 3 / (a + b),
            },
            rel=1e-5,
        )

    def test_nothing_of_the_moment_itself_or_later_counts(self):
        # Order 4 makes C known; before it there was nothing to be said of it.
        frame = self.frame()
        assert (4, "C") not in values(frame, "outcome")
        # A and B were first sold on the same day.
        assert {values(frame, "text_similarity")[5, name] for name in "AB"} == {0}

    def test_popularity_is_that_of_the_same_days_as_the_product_s_own(self):
        found = values(self.frame(popularity_days=5), "text_popularity")[5, "C"]
        assert found == 0  # of 01-28 to 02-01: order 4 holds neither


# ------------------------------------------------------------------ random shops

SEEDS = (1, 2)  # of shops whose products were not all sold on one day first
GIVEN = dict(zip("ABCE", ("red rose", "red rose box", None, "Red box"), strict=True))
OPTIONS = FeatureOptions(
    listing_days=9, extended=ExtendedOptions(groups=("text",), text=TextOptions(nearest=2))
)


def shop_of(seed):
    return history(random.Random(seed))


def frame_of(shop):
    tables = tables_of(*shop)
    named = tables["inventory"].mutate(name=_.variant_id.cases(*GIVEN.items(), else_=None))
    return read_raw_tables(OPTIONS, **tables | {"inventory": named})


def rows_of(shop):
    return build_feature_frame(frame_of(shop), OPTIONS).to_pyarrow().to_pylist()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_future_does_not_reach_back(seed):
    shop = shop_of(seed)
    cut = shop[0][12][2]
    source = random.Random(seed)
    changed = [
        order if order[2] < cut else (*order[:4], source.choices("ABCE", k=2)) for order in shop[0]
    ]
    before, after = (
        {(row["order_id"], row["variant_id"]): [row[name] for name in COLUMNS] for row in rows}
        for rows in (
            [row for row in rows_of((orders, *shop[1:])) if row["created_at"] <= cut]
            for orders in (shop[0], changed)
        )
    )
    assert before
    assert before == after
    assert any(any(found) for found in before.values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_current_frame_says_the_same(seed):
    shop = shop_of(seed)
    *earlier, (number, user, time, position, products) = shop[0]
    time = max(time, START.replace(month=2, day=9))
    rows = rows_of(([*earlier, (number, user, time, position, products)], *shop[1:]))
    expected = {r["variant_id"]: [r[c] for c in COLUMNS] for r in rows if r["order_id"] == number}
    current = CurrentOptions(as_of=time)
    frame = build_current_frame(frame_of((earlier, *shop[1:])), OPTIONS, current)
    found = frame.filter(_.user_id == user).to_pyarrow().to_pylist()
    assert {row["variant_id"]: [row[c] for c in COLUMNS] for row in found} == expected
    assert expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_values_are_shares(seed):
    for row in rows_of(shop_of(seed)):
        assert all(0 <= row[name] <= 1 for name in COLUMNS)


# ------------------------------------------------------------------ names that are missing


def test_a_product_without_a_name_has_no_similar_ones():
    frame = build(raw_tables(names={"A": "tea", "C": "tea"}), only("text"))
    assert values(frame, "text_similarity")[5, "C"] == 1
    assert [values(frame, name)[5, "B"] for name in COLUMNS] == [0, 0, 0, 0]


@pytest.mark.parametrize("names", [{}, dict.fromkeys("ABCDE", " "), None])
def test_no_names_at_all_are_an_error_that_says_what_to_do(names):
    tables = raw_tables(names=names or {})
    if names is None:
        tables["inventory"] = tables["inventory"].drop("name")
    with pytest.raises(DataError, match="asks for text, and no product of the inventory has a"):
        read_raw_tables(only("text"), **tables)
    assert build(tables, only("calendar")).num_rows == 8


def test_names_must_be_text():
    tables = raw_tables()
    numbers = tables["inventory"].mutate(name=1)
    with pytest.raises(DataError, match=r"inventory.name \(text\) is int8"):
        read_raw_tables(FeatureOptions(), **tables | {"inventory": numbers})
