"""Every extended feature against values worked out by hand."""

from datetime import datetime

import ibis
import pytest

from push_propensity.features.affinity import neighbours
from push_propensity.features.options import AffinityOptions, ExtendedOptions, FeatureOptions
from push_propensity.features.points import repeat_orders
from push_propensity.features.rhythm import ended_within_a_week
from push_propensity.features.streak import bought_again
from push_propensity.frame.columns import COLUMNS, EXTENDED_FEATURES, EXTENDED_GROUPS, PRODUCT
from tests.features.tiny_shop import ORDERS, at, build, raw_tables, read, values

# In January no pair of products is in two orders.
ALL = FeatureOptions(
    extended=ExtendedOptions(
        groups=tuple(EXTENDED_GROUPS), affinity=AffinityOptions(minimum_orders=1)
    )
)
NEVER = 24 * 365

#        order 3 of u1   | order 4 of u2        | order 5 of u1
#        A        B      | A       B       C    | A       B       C
BY_HAND = {
    "own_product": {
        "purchases_variant_id": [1, 0, 0, 1, 0, 2, 0, 1],
        "purchase_share_variant_id": [1, 0, 0, 1, 0, 1, 0, 1 / 2],
        "purchase_share_last_1_variant_id": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_share_last_3_variant_id": [1, 0, 0, 1, 0, 1, 0, 1 / 2],
        "purchase_share_last_5_variant_id": [1, 0, 0, 1, 0, 1, 0, 1 / 2],
        "purchase_share_last_10_variant_id": [1, 0, 0, 1, 0, 1, 0, 1 / 2],
        "purchase_rate_variant_id": [1, 0, 0, 1, 0, 1, 0, 1],
        "orders_since_purchase_variant_id": [1, 100, 100, 1, 100, 1, 100, 1],
        "own_days_to_buy_variant_id": [34, 34, 34, 34, 34, 9, 34, 34],
        "due_ratio_variant_id": [9 / 34, 0, 0, 29 / 34, 0, 30 / 9, 0, 30 / 34],
    },
    # A and B are tea. Order 1 holds soap too: D, which is never listed.
    "own_product_type": {
        "purchases_product_type": [1, 1, 1, 1, 0, 2, 2, 2],
        "purchase_share_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "purchase_share_last_1_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "purchase_share_last_3_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "purchase_share_last_5_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "purchase_share_last_10_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "purchase_rate_product_type": [1, 1, 1, 1, 0, 1, 1, 1],
        "orders_since_purchase_product_type": [1, 1, 1, 1, 100, 1, 1, 1],
        "own_days_to_buy_product_type": [34, 34, 34, 34, 34, 9, 9, 9],
        "due_ratio_product_type": [9 / 34] * 2 + [29 / 34] * 2 + [0] + [30 / 9] * 3,
    },
    # A: acme, B: unknown, C and D: corp.
    "own_vendor": {
        "days_since_purchase_vendor": [9, 30, 30, 29, 30, 30, 30, 30],
        "purchases_vendor": [1, 0, 0, 1, 0, 2, 0, 2],
        "purchase_share_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_share_last_1_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_share_last_3_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_share_last_5_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_share_last_10_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "purchase_rate_vendor": [1, 0, 0, 1, 0, 1, 0, 1],
        "orders_since_purchase_vendor": [1, 100, 100, 1, 100, 1, 100, 1],
        "own_days_to_buy_vendor": [34, 34, 34, 34, 34, 9, 34, 9],
        "due_ratio_vendor": [9 / 34, 0, 0, 29 / 34, 0, 30 / 9, 0, 30 / 9],
    },
    "user": {
        "days_since_order": [9] * 2 + [29] * 3 + [30] * 3,
        "own_days_between_orders": [30] * 2 + [30] * 3 + [9] * 3,
        "order_due_ratio": [9 / 30] * 2 + [29 / 30] * 3 + [30 / 9] * 3,
        "last_basket_size": [3] * 2 + [1] * 3 + [2] * 3,
        "mean_basket_size": [3] * 2 + [1] * 3 + [2.5] * 3,
    },
    "product": {
        # Before January nobody bought anything. In January u1 bought A twice, B and C went once.
        "repurchase_rate": [0, 0, 1, 0, 0, 1, 0, 0],
        # Order 3: B is in the one order of the week, A and B in one of the two of 4 weeks. Order 4:
        # no order in the week, A and C in the one of 4 weeks. Order 5: order 4 alone is in both.
        "popularity_trend": [-1 / 2, 1 / 2, -1, 0, -1, 0, 0, 0],
        "days_since_first_sale": [9, 5, 33, 29, 24, 39, 35, 30],
    },
    # In January A went once with each of C, D and F (equally similar), and C with A alone. u1
    # bought all of them before order 5, A and C in the latest order; u2 bought B, which is alone.
    "affinity": {
        "affinity_history": [0, 0, 0, 0, 0, 1, 0, 1],
        "affinity_last_order": [0, 0, 0, 0, 0, 1 / 3, 0, 1],
    },
    # Before order 5 u1's only repeat order held A, as the first did, and C, which was new.
    "exploration": {
        "new_share_last_1_product_type": [0, 0, 0, 0, 0, 0, 0, 1],
        "new_share_last_3_product_type": [0, 0, 0, 0, 0, 0, 0, 1],
        "new_share_last_10_product_type": [0, 0, 0, 0, 0, 0, 0, 1],
        "new_share_last_30_product_type": [0, 0, 0, 0, 0, 0, 0, 1],
        "new_share": [1, 1, 1, 1, 1, 1 / 2, 1 / 2, 1 / 2],
    },
    # In January u1 bought A, C, D and F, and u2 B alone.
    "neighbours": {"neighbour_share": [0] * 8},
    "intent": {
        "days_since_regular": [5, 365, 365, 365, 365, 35, 365, 365],
        "days_since_cart": [7, 9, 365, 2, 2, 37, 39, 365],
        "carts_before": [1, 1, 0, 1, 1, 1, 1, 0],
        # Of u1, the cart of 01-03 until order 3; of u2, that of 02-01 with B and C.
        "hours_since_open_cart": [7 * 24] * 2 + [48] * 3 + [NEVER] * 3,
        "open_cart_size": [1] * 2 + [2] * 3 + [0] * 3,
    },
    # A Sunday, a Wednesday and a Tuesday, all at 10 o'clock.
    "calendar": {
        "day_of_week": [7] * 2 + [3] * 3 + [2] * 3,
        "day_of_month": [10] * 2 + [3] * 3 + [9] * 3,
        "hour_of_day": [10] * 8,
    },
    # u1 made orders on 01-01 and 01-10. No gap ended before January, and in January only one did.
    "rhythm": {
        "decayed_frequency_14": [1, 0, 0, 1, 0, 1, 0, 1 / (1 + 2 ** (-9 / 14))],
        "decayed_frequency_56": [1, 0, 0, 1, 0, 1, 0, 1 / (1 + 2 ** (-9 / 56))],
        "decayed_frequency_182": [1, 0, 0, 1, 0, 1, 0, 1 / (1 + 2 ** (-9 / 182))],
        "days_past_longest_gap": [9 - 34, 0, 0, 29 - 34, 0, 30 - 9, 0, 30 - 34],
        "days_past_shortest_gap": [9 - 34, 0, 0, 29 - 34, 0, 30 - 9, 0, 30 - 34],
        "days_past_mean_gap": [9 - 34, 0, 0, 29 - 34, 0, 30 - 34, 0, 30 - 34],
        "own_std_days_to_buy_variant_id": [27.693045] * 8,
        "repurchase_hazard": [0] * 8,
    },
    # Of A u1 is the one buyer who ordered again before February, and did it with A.
    "streak": {
        "order_run": [1, -1, -1, 1, -1, 2, -2, 1],
        "bought_again_within_2": [0] * 8,
        "bought_again_within_3": [0] * 8,
        "bought_again_within_4": [0] * 8,
        "bought_again_within_5": [0] * 8,
        "bought_again_after_first": [0, 0, 1, 0, 0, 1, 0, 0],
        "one_shot_share": [0] * 8,
        "relative_basket_size": [1, 1, 1, 1, 1, 1, 1, 2 / 2.5],
        # Orders 3 and 1 were made on a Sunday and a Friday, order 5 on a Tuesday.
        "weekday_share": [0] * 8,
    },
    # A and B are both called green tea, and C and D soap; E has no name. A and D were sold first.
    "text": {
        "text_similarity": [0, 1, 0, 1, 1, 0, 1, 1],
        "text_popularity": [0, 1 / 2, 0, 0, 0, 0, 0, 0],
        # In January u1 bought A twice, and D once.
        "text_repurchase_rate": [0, 0, 0, 1, 0, 0, 1, 0],
        # Of u1's orders 1 and 3 both hold A, and one D; u2 bought neither.
        "text_purchase_share": [0, 1, 0, 0, 0, 0, 1, 1 / 2],
    },
}
VALUES = [(name, found) for columns in BY_HAND.values() for name, found in columns.items()]


@pytest.fixture(scope="module")
def frame():
    return build(options=ALL)


def test_every_extended_feature_is_worked_out():
    assert {group: list(columns) for group, columns in BY_HAND.items()} == {
        group: [feature.name for feature in features] for group, features in EXTENDED_GROUPS.items()
    }


@pytest.mark.parametrize(("name", "expected"), VALUES, ids=[name for name, _ in VALUES])
def test_values(frame, name, expected):
    assert frame[name].to_pylist() == pytest.approx(expected, rel=1e-6)


def test_basket_size_counts_distinct_products_listed_or_not(frame):
    assert frame["basket_size"].to_pylist() == [2, 2, 1, 1, 1, 1, 1, 1]
    sizes = read().orders.order_by("order_id").basket_size.to_pyarrow().to_pylist()
    assert sizes == [3, 1, 2, 1, 1, 1]


def test_columns_types_and_nothing_missing(frame):
    names = [feature.name for feature in EXTENDED_FEATURES]
    assert frame.column_names == [*COLUMNS, *names, "basket_size"]
    assert {str(frame.schema.field(name).type) for name in names} == {"float"}
    assert str(frame.schema.field("basket_size").type) == "int64"
    assert sum(column.null_count for column in frame.columns) == 0


@pytest.mark.parametrize("group", EXTENDED_GROUPS)
def test_a_group_is_the_same_on_its_own(frame, group):
    columns = [*COLUMNS, *BY_HAND[group], "basket_size"]
    assert build(options=only(group)).equals(frame.select(columns))


def only(group, **changes):
    """Options that build one group alone, which is fast."""
    extended = ALL.extended.model_copy(update={"groups": (group,)})
    return ALL.model_copy(update={"extended": extended} | changes)


def history(orders, options):
    return build(raw_tables(orders, regulars=[], carts=[]), options)


@pytest.fixture(scope="module")
def frame_of_six():
    return history(TestOwnHistory.ORDERS, only("own_product"))


class TestOwnHistory:
    ORDERS = (
        (1, "u1", at("01-01 10:00"), 1, ["A"]),
        (2, "u1", at("01-03 10:00"), 2, ["B"]),
        (3, "u1", at("01-08 10:00"), 3, ["A"]),
        (4, "u1", at("01-09 10:00"), 4, ["B"]),
        (5, "u1", at("01-14 10:00"), 5, ["B"]),
        (6, "u1", at("01-15 10:00"), 6, ["C"]),
    )

    @pytest.mark.parametrize(
        ("name", "of_a", "of_b"),
        [
            ("purchases", 2, 3),
            ("purchase_share", 2 / 5, 3 / 5),
            ("purchase_share_last_1", 0, 1),
            ("purchase_share_last_3", 1 / 3, 2 / 3),
            ("purchase_share_last_5", 2 / 5, 3 / 5),
            ("purchase_share_last_10", 2 / 5, 3 / 5),
            ("purchase_rate", 2 / 5, 3 / 4),
            ("orders_since_purchase", 3, 1),
            ("own_days_to_buy", 7, 11 / 2),
            ("due_ratio", 7 / 7, 1 / 5.5),
        ],
    )
    def test_of_five_orders(self, frame_of_six, name, of_a, of_b):
        found = values(frame_of_six, f"{name}_variant_id")
        assert (found[6, "A"], found[6, "B"]) == pytest.approx((of_a, of_b), rel=1e-6)

    def test_the_usual_days_are_those_of_everybody_until_the_user_has_a_gap(self):
        orders = [
            *self.ORDERS,
            (7, "u2", at("02-01 10:00"), 1, ["B"]),
            (8, "u2", at("02-06 10:00"), 2, ["A"]),
        ]
        options = only("own_product", minimum_gaps=2)
        # B was bought again after 6 and 5 days: the median is 5.5.
        assert values(history(orders, options), "own_days_to_buy_variant_id")[8, "B"] == 5.5

    def test_one_day_is_the_least_that_counts_and_a_thousand_times_the_most(self):
        orders = [
            (1, "u1", datetime(2017, 1, 1, 8), 1, ["A"]),
            (2, "u1", datetime(2017, 1, 1, 20), 2, ["A"]),
            (3, "u2", datetime(2021, 1, 1, 8), 1, ["A"]),
            (4, "u1", datetime(2021, 1, 5, 8), 3, ["A"]),
        ]
        frame = history(orders, only("own_product"))
        assert values(frame, "own_days_to_buy_variant_id")[4, "A"] == 0
        assert values(frame, "due_ratio_variant_id")[4, "A"] == 1_000

    def test_an_order_by_a_user_of_whom_nothing_is_known(self):
        frame = history([ORDERS[0], (9, "u2", at("01-20 10:00"), 2, ["A"])], only("user"))
        row = next(row for row in frame.to_pylist() if row["variant_id"] == "A")
        found = {name: row[name] for name in BY_HAND["user"]}
        assert found == {
            "days_since_order": 365,
            "own_days_between_orders": 30,
            "order_due_ratio": pytest.approx(365 / 30),
            "last_basket_size": 0,
            "mean_basket_size": 0,
        }


class TestProduct:
    def test_trend_windows_leave_the_day_itself_out(self):
        orders = [
            (1, "u1", at("01-01 00:00"), 1, ["A"]),
            (2, "u2", at("01-03 23:59"), 1, ["B"]),
            (3, "u2", at("01-04 00:01"), 2, ["A"]),
        ]
        extended = ExtendedOptions(groups=("product",), trend_days=(1, 3))
        frame = history(orders, FeatureOptions(extended=extended))
        assert values(frame, "popularity_trend") == {(3, "A"): -0.5, (3, "B"): 0.5}

    def test_repurchase_counts_users_and_not_orders(self):
        orders = [
            (1, "u1", at("01-01 10:00"), 1, ["A"]),
            (2, "u1", at("01-02 10:00"), 2, ["A"]),
            (3, "u1", at("01-03 10:00"), 3, ["A"]),
            (4, "u2", at("01-04 10:00"), 1, ["A"]),
            (5, "u3", at("01-31 23:59"), 1, ["A"]),
            (6, "u3", at("02-01 00:01"), 2, ["A"]),
        ]
        # Of three buyers only u1 came back before February.
        assert values(history(orders, only("product")), "repurchase_rate")[6, "A"] == pytest.approx(
            1 / 3
        )


@pytest.fixture(scope="module")
def frame_of_five():
    tables = raw_tables(TestExploration.ORDERS, TestExploration.INVENTORY)
    return build(tables, only("exploration"))


class TestExploration:
    # A, B and E are tea here, C is soap.
    ORDERS = (
        (1, "u1", at("01-01 10:00"), 1, ["A", "C"]),
        (2, "u1", at("01-02 10:00"), 2, ["A", "B"]),
        (3, "u1", at("01-03 10:00"), 3, ["A", "E"]),
        (4, "u1", at("01-04 10:00"), 4, ["A", "B"]),
        (5, "u1", at("01-05 10:00"), 5, ["C"]),
    )
    INVENTORY = tuple((name, 1.0, None, "", "soap" if name == "C" else "tea") for name in "ABCE")

    @pytest.mark.parametrize(
        ("order", "orders", "share"),
        [
            (2, 1, 0),  # the first order alone
            (3, 1, 1 / 2),  # B of A and B
            (4, 1, 1 / 2),  # E of A and E
            (5, 1, 0),  # A and B were known
            (4, 3, 2 / 3),  # B and E of A, B and E, and so for more orders
            (5, 3, 2 / 3),
            (5, 30, 2 / 3),
        ],
    )
    def test_of_the_products_of_a_type_in_the_latest_orders_the_new_ones(
        self, frame_of_five, order, orders, share
    ):
        found = values(frame_of_five, f"new_share_last_{orders}_product_type")
        assert found[order, "A"] == pytest.approx(share)

    def test_none_of_the_type_is_nothing_new(self, frame_of_five):
        assert values(frame_of_five, "new_share_last_30_product_type")[5, "C"] == 0

    def test_the_user_s_own_rate_counts_every_order_but_the_first(self, frame_of_five):
        found = {order: share for (order, _), share in values(frame_of_five, "new_share").items()}
        assert found == pytest.approx({2: 1, 3: 1 / 2, 4: 2 / 4, 5: 2 / 6})


class TestAffinity:
    # In January A and B were bought together twice, A and C once.
    ORDERS = (
        (1, "u1", at("01-01 10:00"), 1, ["A", "B"]),
        (2, "u2", at("01-02 10:00"), 1, ["A", "B", "C"]),
        (3, "u3", at("01-03 10:00"), 1, ["A"]),
        (4, "u4", at("01-04 10:00"), 1, ["C"]),
        (5, "u4", at("01-05 10:00"), 2, ["E"]),
        (6, "u4", at("02-01 10:00"), 3, ["A"]),
    )

    def near(self, **options):
        raw = read(orders=self.ORDERS)
        given = AffinityOptions(**{"minimum_orders": 1} | options)
        found = neighbours(raw, repeat_orders(raw).filter(lambda t: t.order_id == 6), given)
        return {
            (row["variant_id"], row["neighbour"]): row["weight"] / 1e6
            for row in found.to_pyarrow().to_pylist()
        }

    def test_similarity_is_the_cosine_of_the_orders(self):
        a_b, a_c, b_c = 2 / (3 * 2) ** 0.5, 1 / (3 * 2) ** 0.5, 1 / (2 * 2) ** 0.5
        expected = {("A", "B"): a_b, ("A", "C"): a_c, ("B", "C"): b_c}
        expected |= {(other, one): weight for (one, other), weight in expected.items()}
        assert self.near() == pytest.approx(expected, abs=1e-6)

    def test_a_pair_must_be_in_enough_orders(self):
        assert set(self.near(minimum_orders=2)) == {("A", "B"), ("B", "A")}

    def test_only_the_most_similar_neighbours_are_kept(self):
        assert set(self.near(neighbours=1)) == {("A", "B"), ("B", "A"), ("C", "B")}

    def test_large_orders_are_left_out(self):
        assert self.near(largest_basket=2) == pytest.approx(
            {("A", "B"): 1 / 2**0.5, ("B", "A"): 1 / 2**0.5}, abs=1e-6
        )

    def test_only_the_months_before_count(self):
        later = (7, "u4", at("04-01 10:00"), 4, ["A"])
        raw = read(orders=[*self.ORDERS, later])
        points = repeat_orders(raw).filter(lambda t: t.order_id == 7)
        for months, known in ((2, False), (3, True)):
            options = AffinityOptions(months=months, minimum_orders=1)
            assert bool(neighbours(raw, points, options).count().to_pyarrow().as_py()) is known

    def test_the_share_of_the_neighbours_that_the_user_bought(self):
        frame = history(self.ORDERS, only("affinity"))
        a_b, a_c = 2 / 6**0.5, 1 / 6**0.5
        # u4 bought C and then E, which went with nothing.
        found = values(frame, "affinity_history")
        assert found[6, "A"] == pytest.approx(a_c / (a_b + a_c), abs=1e-6)
        assert found[6, "B"] == pytest.approx(0.5 / (0.5 + a_b), abs=1e-6)
        assert found[6, "C"] == 0
        assert set(values(frame, "affinity_last_order").values()) == {0}


class TestRhythm:
    # Gaps of A that ended in January: 2 and 8 of u1, 6 and 14 of u2, 30 of u3; of B 12 of u1.
    ORDERS = (
        (1, "u1", at("01-01 10:00"), 1, ["A"]),
        (2, "u1", at("01-03 10:00"), 2, ["A", "B"]),
        (3, "u2", at("01-04 10:00"), 1, ["A"]),
        (4, "u2", at("01-10 10:00"), 2, ["A"]),
        (5, "u1", at("01-11 10:00"), 3, ["A"]),
        (6, "u1", at("01-15 10:00"), 4, ["B"]),
        (7, "u1", at("01-20 10:00"), 5, ["C"]),
        (8, "u2", at("01-24 10:00"), 3, ["A"]),
        (9, "u3", at("01-01 10:00"), 1, ["A"]),
        (10, "u3", at("01-31 10:00"), 2, ["A"]),
        (11, "u2", at("02-01 10:00"), 4, ["A"]),
    )

    @pytest.fixture(scope="class")
    @staticmethod
    def row():
        frame = history(TestRhythm.ORDERS, only("rhythm", minimum_gaps=2))
        rows = {(row["order_id"], row["variant_id"]): row for row in frame.to_pylist()}
        return lambda *key: {name: rows[key][name] for name in BY_HAND["rhythm"]}

    def test_in_a_month_before_which_no_gap_is_known(self, row):
        days = {"A": (1, 3, 11), "B": (3, 15)}

        def frequency(product, half_life):
            weight = {day: 2 ** (-(20 - day) / half_life) for day in (1, 3, 11, 15)}
            return sum(weight[day] for day in days[product]) / sum(weight.values())

        assert row(7, "A") == pytest.approx(
            {f"decayed_frequency_{half}": frequency("A", half) for half in (14, 56, 182)}
            | {
                "days_past_longest_gap": 9 - 8,
                "days_past_shortest_gap": 9 - 2,
                "days_past_mean_gap": 9 - 34,
                "own_std_days_to_buy_variant_id": 18**0.5,
                "repurchase_hazard": 0,
            },
            rel=1e-6,
        )
        # Of B there is one gap of 12 days: a longest and a shortest one, and no deviation.
        assert row(7, "B") == pytest.approx(
            {f"decayed_frequency_{half}": frequency("B", half) for half in (14, 56, 182)}
            | {
                "days_past_longest_gap": 5 - 12,
                "days_past_shortest_gap": 5 - 12,
                "days_past_mean_gap": 5 - 34,
                "own_std_days_to_buy_variant_id": 27.693045,
                "repurchase_hazard": 0,
            },
            rel=1e-6,
        )

    def test_with_the_gaps_of_the_month_before(self, row):
        found = row(11, "A")
        assert found["days_past_longest_gap"] == 8 - 14
        assert found["days_past_shortest_gap"] == 8 - 6
        assert found["days_past_mean_gap"] == 8 - 12
        assert found["own_std_days_to_buy_variant_id"] == pytest.approx(32**0.5)
        # 8, 14 and 30 days lasted 8 days; two of them ended within 7 more.
        assert found["repurchase_hazard"] == pytest.approx(2 / 3)

    def test_decay_does_not_wear_off_while_the_user_stays_away(self):
        orders = [
            (1, "u1", datetime(2017, 1, 1, 8), 1, ["A"]),
            (2, "u1", datetime(2017, 1, 15, 8), 2, ["B"]),
            (3, "u2", datetime(2021, 1, 1, 8), 1, ["A", "B"]),
            (4, "u1", datetime(2021, 1, 5, 8), 3, ["A"]),
        ]
        found = values(history(orders, only("rhythm")), "decayed_frequency_14")
        del found[2, "A"]
        assert found == pytest.approx({(4, "A"): 1 / 3, (4, "B"): 2 / 3})

    @pytest.mark.parametrize(
        ("elapsed", "expected"),
        [
            (5, 4 / 6),  # of 5, 5, 9, 12, 13 and 30 those of at most 12
            (13, 2 / 4),  # too few: of the type's 13, 14, 30 and 40 those of at most 20
            (31, 0.0),  # of the type there are too few as well
        ],
    )
    def test_the_hazard_takes_the_gaps_of_the_type_where_few_lasted_so_long(
        self, elapsed, expected
    ):
        of_a, of_b, of_c = [2, 5, 5, 9, 12, 13, 30], [14, 40], [5, 6, 14, 31, 32, 33]
        gaps = [("A", gap) for gap in of_a] + [("B", gap) for gap in of_b]
        gaps += [("C", gap) for gap in of_c]
        known = ibis.memtable(
            [{"month": 9, PRODUCT: product, "gap": gap, "gaps": 1} for product, gap in gaps]
        )
        other_month = known.mutate(month=known.month + 1, gap=known.gap + 1)
        asked = ibis.memtable([{"month": 9, PRODUCT: "A", "elapsed": elapsed}] * 2)
        found = ended_within_a_week(known.union(other_month), asked, read().inventory, 3)
        assert found.to_pyarrow().to_pylist() == [
            {
                "month": 9,
                PRODUCT: "A",
                "elapsed": elapsed,
                "repurchase_hazard": pytest.approx(expected),
            }
        ]


class TestStreak:
    def test_runs_basket_sizes_and_weekdays(self):
        orders = [
            (1, "u1", at("01-01 10:00"), 1, ["A", "B", "C"]),  # a Friday, as are 3, 4 and 6
            (2, "u1", at("01-02 10:00"), 2, ["A"]),
            (3, "u1", at("01-08 10:00"), 3, ["B", "C"]),
            (4, "u1", at("01-15 10:00"), 4, ["A", "B"]),
            (5, "u1", at("01-16 10:00"), 5, ["A"]),
            (6, "u1", at("01-22 10:00"), 6, ["A"]),
            (7, "u2", at("01-10 10:00"), 1, ["E"]),
        ]
        frame = history(orders, only("streak"))
        sizes = {"A": 7 / 4 / 1.8, "B": 7 / 3 / 1.8, "C": 5 / 2 / 1.8, "E": 1}
        for name, expected in {
            "order_run": {"A": 2, "B": -1, "C": -2, "E": -5},
            "relative_basket_size": sizes,
            "weekday_share": {"A": 1 / 2, "B": 1, "C": 1, "E": 0},
        }.items():
            found = values(frame, name)
            assert {product: found[6, product] for product in "ABCE"} == pytest.approx(expected)

    def test_bought_again_of_what_enough_orders_followed_before_the_month(self):
        orders = [
            (1, "u1", at("01-01 10:00"), 1, ["A", "E"]),
            (2, "u1", at("01-02 10:00"), 2, ["B"]),
            (3, "u1", at("01-03 10:00"), 3, ["A"]),
            (4, "u1", at("01-04 10:00"), 4, ["A"]),
            (5, "u1", at("01-05 10:00"), 5, ["E"]),
            (6, "u1", at("01-31 23:59"), 6, ["C"]),
            (7, "u1", at("02-01 00:00"), 7, ["A", "B", "C"]),
            (8, "u2", at("01-01 10:00"), 1, ["A"]),
            (9, "u2", at("01-02 10:00"), 2, ["A"]),
            (10, "u3", at("01-01 10:00"), 1, ["A"]),
            (11, "u4", at("01-01 10:00"), 1, ["A"]),
            (12, "u4", at("02-01 00:00"), 2, ["A"]),
        ]
        raw = read(orders=orders)
        points = repeat_orders(raw).filter(lambda t: t.order_id == 7)
        found = {
            row[PRODUCT]: [row[name] for name in list(BY_HAND["streak"])[1:7]]
            for row in bought_again(raw, points).to_pyarrow().to_pylist()
        }
        # Of A 3 purchases of u1 were followed by 2 orders, 2 of them by 3, and the first by more.
        assert found == {
            "A": [pytest.approx(2 / 3), 1, 1, 1, 1 / 2, 0],
            "B": [0, 0, 0, None, 0, 1],
            "C": [None] * 6,
            "E": [0, 0, 1, 1, 0, 0],
        }


class TestIntent:
    def test_the_latest_open_cart_and_what_is_in_it(self):
        carts = [
            ("u1", at("01-02 10:00"), ["A", "B", "C"]),
            ("u1", at("01-09 08:30"), ["A", "C"]),
        ]
        frame = build(raw_tables(regulars=[], carts=carts), only("intent"))
        assert values(frame, "hours_since_open_cart")[3, "B"] == 25.5
        assert values(frame, "open_cart_size")[3, "B"] == 2
        assert values(frame, "carts_before")[3, "A"] == 2
        assert values(frame, "days_since_cart")[3, "A"] == 1
