"""What similar users bought lately, by hand and against a count in plain Python."""

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.features import read_raw_tables
from push_propensity.features.neighbours import neighbour_share
from push_propensity.features.options import ExtendedOptions, FeatureOptions, NeighbourOptions
from push_propensity.features.points import repeat_orders
from tests.features.random_shop import compile_query, history
from tests.features.tiny_shop import at, build, raw_tables, read, values

# Before February u1 bought A and B; u2 A, B and C; u3 A and E; u4 D, which nobody else did.
ORDERS = (
    (1, "u1", at("01-01 10:00"), 1, ["A", "B"]),
    (2, "u2", at("01-02 10:00"), 1, ["A", "B"]),
    (3, "u2", at("01-03 10:00"), 2, ["A", "C"]),
    (4, "u3", at("01-04 10:00"), 1, ["A"]),
    (5, "u4", at("01-05 10:00"), 1, ["D"]),
    (6, "u3", at("01-06 10:00"), 2, ["E"]),
    (7, "u2", at("02-01 10:00"), 3, ["E"]),
    (8, "u1", at("02-20 10:00"), 2, ["A"]),
)
EPOCH = datetime(1970, 1, 1)
LIKE_U2, LIKE_U3 = 2 / 6**0.5, 1 / 2  # the cosines of u1's products


def shares(made=ORDERS, number=8, **options):
    """What is found for the order of this number, by product."""
    raw = read(orders=made)
    points = repeat_orders(raw).filter(lambda t: t.order_id == number)
    found = neighbour_share(raw, points, NeighbourOptions(**options)).to_pyarrow().to_pylist()
    return {row["variant_id"]: row["neighbour_share"] for row in found}


def mean(of_u2, of_u3, exponent=5.0, like_u2=LIKE_U2, like_u3=LIKE_U3):
    one, other = like_u2**exponent, like_u3**exponent
    return pytest.approx((one * of_u2 + other * of_u3) / (one + other), rel=1e-8)


def test_the_mean_of_the_shares_of_their_orders_weighted_by_similarity():
    # u2's two orders until the end of January, not that of February.
    assert shares() == {
        "A": mean(1, 1 / 2),
        "B": mean(1 / 2, 0),
        "C": mean(1 / 2, 0),
        "E": mean(0, 1 / 2),
    }


def test_the_exponent_says_how_much_the_most_similar_count():
    assert shares(exponent=1) == {
        "A": mean(1, 1 / 2, 1),
        "B": mean(1 / 2, 0, 1),
        "C": mean(1 / 2, 0, 1),
        "E": mean(0, 1 / 2, 1),
    }


@pytest.mark.parametrize(("asymmetry", "like_u2"), [(1, 2 / 2), (0, 2 / 3)])
def test_either_user_s_products_may_be_what_counts(asymmetry, like_u2):
    found = shares(asymmetry=asymmetry)["C"]
    assert found == mean(1 / 2, 0, like_u2=like_u2)


def test_only_the_latest_orders_of_a_neighbour_count():
    assert shares(orders=1) == {"A": mean(1, 0), "C": mean(1, 0), "E": mean(0, 1)}


def test_only_the_nearest_are_neighbours():
    assert shares(nearest=1) == {"A": 1, "B": 0.5, "C": 0.5}


def test_only_users_with_the_latest_orders_may_be_neighbours():
    # u3 ordered last before February, then u4, who has nothing in common with u1, then u2.
    assert shares(users=2) == {"A": 0.5, "E": 0.5}
    assert shares(users=3) == shares()


def test_the_user_is_no_neighbour():
    assert shares(number=7, users=1) == {"A": 0.5, "E": 0.5}
    alone = [ORDERS[0], ORDERS[7]]
    assert shares(alone) == {}


def test_in_the_frame_it_is_0_where_no_neighbour_bought_it():
    orders = [(0, "u1", at("01-01 09:00"), 1, ["F"]), *ORDERS]
    inventory = [(product, 1.0, None, "", "") for product in "ABCEF"]
    extended = ExtendedOptions(groups=("neighbours",))
    tables = raw_tables(orders, inventory, regulars=[], carts=[])
    frame = build(tables, FeatureOptions(listing_days=60, extended=extended))
    found = {
        key[1]: share for key, share in values(frame, "neighbour_share").items() if key[0] == 8
    }
    assert found == pytest.approx(shares(orders) | {"F": 0}, rel=1e-6)


# ------------------------------------------------------------------ counted in plain Python

COUNTED = (
    NeighbourOptions(asymmetry=0.3, exponent=3, orders=2, users=3, nearest=2),
    NeighbourOptions(users=2, nearest=1),
)


def count(orders, options):
    """{(user, month, product): share} by the definition, for every repeat order."""
    found = {}
    for _, user, time, position, _ in orders:
        if position >= 2:
            month = time.replace(day=1, hour=0)
            shares_of = count_at(orders, user, month, options)
            found |= {(user, month, product): share for product, share in shares_of.items()}
    return found


def count_at(orders, user, month, options):
    past = {}
    for _, buyer, time, _, products in orders:
        if time < month:
            past.setdefault(buyer, []).append((time, set(products)))
    bought = {buyer: set().union(*(items for _, items in past[buyer])) for buyer in past}
    candidates = sorted(past, key=lambda buyer: (month - past[buyer][-1][0], buyer))
    similarity = {}
    for other in candidates[: options.users]:
        common = len(bought.get(user, set()) & bought[other])
        if common and other != user:
            sizes = len(bought[user]), len(bought[other])
            cosine = sizes[0] ** options.asymmetry * sizes[1] ** (1 - options.asymmetry)
            similarity[other] = common / cosine
    nearest = sorted(similarity, key=lambda other: -similarity[other])[: options.nearest]
    whole = sum(similarity[other] ** options.exponent for other in nearest)
    found = {}
    for other in nearest:
        latest = past[other][-options.orders :]
        weight = similarity[other] ** options.exponent / whole / len(latest)
        for product in [product for _, items in latest for product in items]:
            found[product] = found.get(product, 0) + weight
    return found


@pytest.fixture(scope="module", params=COUNTED)
def query(request):
    """The options, and a function from a history to the shares that are built of it."""

    def shares_of(tables):
        raw = read_raw_tables(FeatureOptions(), **tables)
        return neighbour_share(raw, repeat_orders(raw), request.param)

    return request.param, compile_query(history(random.Random(0)), shares_of)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_on_random_shops(query, seed):
    options, run = query
    shop = history(random.Random(seed))
    found = {
        (row["user_id"], EPOCH + timedelta(days=row["month"]), row["variant_id"]): row[
            "neighbour_share"
        ]
        for row in run(shop)
    }
    assert found == pytest.approx(count(shop[0], options), rel=1e-6)
