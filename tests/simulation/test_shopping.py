import numpy as np
import pytest

from push_propensity.simulation.assortment import PRODUCT_TYPES
from push_propensity.simulation.catalogue import build_catalogue
from push_propensity.simulation.population import day_weights, draw_population, draw_type_tastes
from push_propensity.simulation.shopping import Shopper
from tests.simulation.small_shop import small_options

OPTIONS = small_options(
    basket={"habit": 2.0, "regular": 1.0, "snoozed": -3.0, "rhythm_spread": 0.0},
    catalogue={"products": 5, "initial_share": 1.0, "popularity_spread": 0.0},
)


@pytest.fixture
def shopper() -> Shopper:
    catalogue = build_catalogue(OPTIONS, np.random.default_rng(1))
    return Shopper(
        catalogue=catalogue,
        options=OPTIONS,
        rng=np.random.default_rng(2),
        top_up=False,
        taste=np.zeros(5),
        rhythm=np.full(5, 10.0),
        uses_regulars=True,
    )


def test_a_product_just_bought_is_not_needed(shopper):
    before = shopper.log_odds(20.0)
    shopper._last_bought[0] = 20.0
    assert shopper.log_odds(20.01)[0] < before[0] - 4


def test_a_product_bought_long_ago_gains_the_whole_habit(shopper):
    before = shopper.log_odds(200.0)
    shopper._last_bought[0] = 20.0
    change = shopper.log_odds(200.0) - before
    assert change == pytest.approx([2.0, 0, 0, 0, 0])


def test_need_reaches_its_known_share_at_the_rhythm(shopper):
    before = shopper.log_odds(30.0)
    shopper._last_bought[0] = 20.0
    change = shopper.log_odds(30.0) - before
    assert change[0] == pytest.approx(2.0 + np.log(1 - np.exp(-1)))


def test_regulars_pull_and_snoozes_push(shopper):
    before = shopper.log_odds(30.0)
    shopper._regular_since[:2] = 10.0
    shopper._snoozed_until[1] = 31.0
    shopper._regular_since[2] = 30.0
    assert shopper.log_odds(30.0) - before == pytest.approx([1.0, -2.0, 0, 0, 0])


def test_choice_follows_the_odds(shopper):
    log_odds = np.log([8.0, 1.0, 1.0, 0.5, 0.5])
    first = [shopper._choose(log_odds, 1)[0] for _ in range(2_000)]
    shares = np.bincount(first, minlength=5) / 2_000
    assert shares == pytest.approx(np.exp(log_odds) / 11, abs=0.03)


def test_choice_never_takes_what_is_not_there(shopper):
    log_odds = np.array([0.0, -np.inf, 0.0, -np.inf, 0.0])
    assert set(shopper._choose(log_odds, 5)) == {0, 2, 4}


def test_those_who_top_up_order_less(shopper):
    sizes = {}
    for top_up in (True, False):
        shopper.top_up = top_up
        sizes[top_up] = np.mean([shopper._draw_basket_size() for _ in range(1_000)])
    assert sizes[True] < sizes[False]


def test_no_basket_is_larger_than_the_largest():
    options = small_options(basket={"largest": 3, "full_median": 50.0})
    days = draw_population(options, np.random.default_rng(0)).order_days[0]
    catalogue = build_catalogue(options, np.random.default_rng(1))
    shopper = Shopper(
        catalogue=catalogue,
        options=options,
        rng=np.random.default_rng(2),
        top_up=False,
        taste=np.zeros(40),
        rhythm=np.full(40, 10.0),
        uses_regulars=False,
    )
    shopper.live(days)
    assert {len(order.products) for order in shopper.orders} <= {1, 2, 3}
    assert shopper.regulars == []


def test_products_for_babies_and_pets_are_for_homes_that_have_them():
    rng = np.random.default_rng(0)
    audience = np.array([kind.audience for kind in PRODUCT_TYPES])
    family = draw_type_tastes(np.array([2, 1, 1, 0]), 0.0, rng)
    assert (family[np.isin(audience, ["babies", "children"])] > 0).all()
    assert (family[audience == "pets"] < 0).all()
    assert (family[audience == "everyone"] == 0).all()


def test_season_and_quiet_days_weigh_the_days():
    options = small_options(season={"2020-12": 2.0}, quiet_days=["2020-12-25"])
    weights = day_weights(options)
    assert weights[:214] == pytest.approx(1.0)
    assert weights[-7] == pytest.approx(0.05)
    assert np.median(weights[214:]) == 2.0


def test_busy_months_get_more_orders():
    busy = small_options(users={"users": 300}, season={"2020-09": 5.0})
    days = np.concatenate(draw_population(busy, np.random.default_rng(0)).order_days)
    august, september, october = (
        ((days >= first) & (days < last)).sum()
        for first, last in ((92, 123), (123, 153), (153, 184))
    )
    assert september > 2 * max(august, october)


def test_popularity_drifts_around_its_level():
    options = small_options(catalogue={"products": 300, "initial_share": 1.0})
    catalogue = build_catalogue(options, np.random.default_rng(0))
    early, late = catalogue.popularity_at(3.0), catalogue.popularity_at(240.0)
    assert not np.allclose(early, late)
    assert np.corrcoef(early, late)[0, 1] > 0.9


def test_launched_products_have_popularity_others_have_none():
    options = small_options(catalogue={"products": 100, "initial_share": 0.5})
    catalogue = build_catalogue(options, np.random.default_rng(0))
    assert np.isfinite(catalogue.popularity_at(0.5)).sum() == 50
    assert np.isfinite(catalogue.popularity_at(10_000.0)).all()


def test_prices_look_like_prices():
    options = small_options(catalogue={"products": 500, "free_share": 0.0})
    catalogue = build_catalogue(options, np.random.default_rng(0))
    assert catalogue.price.min() >= 0.59
    assert catalogue.price.max() <= 36.89
    cents = np.round(catalogue.price * 100) % 100
    assert set(cents) <= {49, 59, 79, 89, 99}
