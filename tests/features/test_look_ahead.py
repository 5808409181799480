"""The check of a shop's own data passes as it is, and finds features that look ahead."""

import ibis
import pandas as pd
import pytest
from ibis import _
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.pandas import CSVDataset

from push_propensity.datasets.table_dataset import TableDataset
from push_propensity.errors import DataError
from push_propensity.features import (
    affinity,
    build,
    exploration,
    extended,
    intent,
    listing,
    neighbours,
    products,
    rhythm,
    streak,
    text,
)
from push_propensity.features.options import FeatureOptions
from push_propensity.features.point_in_time.check import (
    PointInTimeOptions,
    check_point_in_time,
    require_no_look_ahead,
)
from push_propensity.features.point_in_time.scrambling import Scramble, scramble_future
from push_propensity.frame.columns import COLUMNS, EXTENDED_GROUPS, EXTENDED_NAMES, NEXT_ORDERS
from push_propensity.pipelines.point_in_time_check import create_pipeline
from tests.features.random_shop import PRICES, SNOOZES
from tests.features.test_extended_features import ALL, only
from tests.features.tiny_shop import CARTS, ORDERS, REGULARS, at, raw_tables, table
from tests.simulation.small_shop import small_tables

PLAIN = FeatureOptions(minimum_gaps=2)
WITH_EVENTS = ALL.model_copy(
    update={
        "minimum_gaps": 2,
        "extended": ALL.extended.model_copy(
            update={
                "groups": (
                    "product",
                    "affinity",
                    "exploration",
                    "neighbours",
                    "intent",
                    "rhythm",
                    "streak",
                    "text",
                )
            }
        ),
    }
)
CHECKS = PointInTimeOptions(cutoffs=1, orders=30, seed=3)


@pytest.fixture(scope="module")
def simulated():
    """A small simulated shop whose prices changed once, and changed back."""
    shop = small_tables()
    now = shop["inventory"][["variant_id", "price"]]
    months = pd.to_datetime(["2020-05-01", "2020-09-01", "2020-11-01"]).astype("datetime64[us]")
    shop["prices"] = pd.concat(
        now.assign(created_at=month, price=now["price"] * factor)
        for month, factor in zip(months, (1.0, 0.7, 1.1), strict=True)
    )
    return {name: ibis.memtable(rows) for name, rows in shop.items()}


def check(tables, options=PLAIN, checks=CHECKS):
    checked = check_point_in_time(options, checks, **tables)
    require_no_look_ahead(checked)
    return checked


@pytest.mark.slow
class TestAsItIs:
    def test_a_tiny_shop_passes(self):
        # The seed draws the orders 4 and 5.
        options, checks = only("calendar"), PointInTimeOptions(cutoffs=2, seed=3)
        checked = check(raw_tables() | {"prices": None}, options, checks)
        assert set(checked["cutoff"]) == {at("02-03 10:00"), at("02-09 10:00")}
        rows = checked.set_index(["cutoff", "column"])["rows"]
        assert rows[at("02-09 10:00"), "global_popularity"] == 8
        # What an order holds is not known before it: of the order at the cutoff it is left out.
        assert rows[at("02-09 10:00"), "outcome"] == rows[at("02-09 10:00"), "basket_size"] == 5

    def test_a_simulated_shop_passes(self, simulated):
        checked = check(simulated, ALL)
        expected = {*COLUMNS, *EXTENDED_NAMES, "basket_size"} - {"order_id"}
        assert set(checked["column"]) == expected
        assert checked["different_rows"].sum() == 0
        assert checked["rows"].max() > 100

    @pytest.mark.parametrize("hours", [1, 48])
    def test_features_taken_before_the_order_know_nothing_of_the_hours_between(
        self, simulated, hours
    ):
        options = only("intent", lag_hours=hours)
        checked = check(simulated, options)
        assert checked["rows"].max() > 100

    def test_orders_without_their_number_pass(self):
        tables = raw_tables()
        check({"orders": tables["orders"].drop("user_order_seq"), "inventory": tables["inventory"]})

    def test_only_the_latest_orders_are_compared(self):
        few = PointInTimeOptions(cutoffs=2, orders=1, seed=2)
        rows = check(raw_tables(), PLAIN, few).groupby("cutoff")["rows"].max()
        # At the later one nothing is listed any more.
        assert rows.to_dict() == {at("01-10 10:00"): 2, at("03-20 12:00"): 0}

    def test_nothing_to_compare_is_an_error(self):
        orders = [(1, "u1", at("01-01 10:00"), 1, ["A"]), (2, "u1", at("06-01 10:00"), 2, ["A"])]
        with pytest.raises(DataError, match="There is nothing to check"):
            check(raw_tables(orders))


# ------------------------------------------------------------------ look-aheads on purpose


def later(points):
    """The same points, a moment later: what is at the moment itself counts too."""
    return points.mutate(moment=_.moment + ibis.interval(microseconds=1))


def of_any_time(table):
    return table.mutate(day=ibis.literal(0, "int64"))


def count_the_day_itself(patch):
    def looking_ahead(raw, days, name="global_popularity"):
        found = popularity(raw, days, name)
        return found.mutate(day=_.day - 1)

    popularity = build.popularity
    patch.setattr(build, "popularity", looking_ahead)


def count_the_order_itself(patch):
    ordered_before = build.ordered_before
    patch.setattr(build, "ordered_before", lambda raw, points: ordered_before(raw, later(points)))


def count_all_orders(patch):
    def looking_ahead(raw, points):
        bought = raw.purchases.select("user_id", "variant_id")
        pairs = points.select("order_id", "user_id").join(bought, "user_id")
        return pairs.select("order_id", "variant_id").distinct().mutate(ordered_before=1.0)

    patch.setattr(build, "ordered_before", looking_ahead)


def count_gaps_of_all_months(patch):
    gaps = rhythm.purchase_gaps
    patch.setattr(rhythm, "purchase_gaps", lambda raw, key: of_any_time(gaps(raw, key)))


def know_prices_early(patch):
    def looking_ahead(prices, points):
        return known(prices, points.mutate(day=_.day + 90)).mutate(day=_.day - 90)

    known = products.known_prices
    patch.setattr(products, "known_prices", looking_ahead)


def know_the_highest_price(patch):
    def looking_ahead(prices, points):
        return points.select("day").distinct().mutate(highest=prices.price.max().as_scalar())

    patch.setattr(products, "highest_prices", looking_ahead)


def list_before_the_first_sale(patch):
    periods = listing.listing_periods
    patch.setattr(
        listing,
        "listing_periods",
        lambda raw, options: periods(raw, options).mutate(
            listed_from=_.listed_from - ibis.interval(days=60)
        ),
    )


def count_carts_after_the_order(patch):
    past_carts = intent.past_carts
    day = ibis.interval(days=30)

    def looking_ahead(points, carts):
        found = past_carts(points.mutate(moment=_.moment + day), carts)
        return found.mutate(moment=_.moment - day)

    patch.setattr(intent, "past_carts", looking_ahead)


def count_regulars_of_the_moment(patch):
    age = extended.regular_age
    patch.setattr(extended, "regular_age", lambda points, rows: age(later(points), rows))


def pair_products_of_later_months(patch):
    baskets = affinity._baskets
    patch.setattr(
        affinity,
        "_baskets",
        lambda raw, options: baskets(raw, options).mutate(number=_.number - 2),
    )


def count_new_products_of_the_order_itself(patch):
    past = exploration.past_purchases
    patch.setattr(
        exploration, "past_purchases", lambda raw, points, key: past(raw, later(points), key)
    )


def count_neighbours_orders_of_later_months(patch):
    theirs = neighbours._their_products

    def looking_ahead(raw, others, options):
        later = others.mutate(month=_.month + 60)
        return theirs(raw, later, options).mutate(month=_.month - 60)

    patch.setattr(neighbours, "_their_products", looking_ahead)


def ask_for_all_months(patch, module, name):
    asked = getattr(module, name)

    def looking_ahead(raw, points):
        return asked(raw, points.mutate(month=_.month + 400)).mutate(month=_.month - 400)

    patch.setattr(module, name, looking_ahead)


def count_buyers_of_all_months(patch):
    ask_for_all_months(patch, extended, "repurchase_rate")


def count_the_day_of_older_products(patch):
    recent = text.count_recent
    patch.setattr(text, "count_recent", lambda *given: recent(*given).mutate(day=_.day - 1))


def count_buyers_of_older_products_of_all_months(patch):
    ask_for_all_months(patch, text, "count_buyers")


def count_older_products_of_the_order_itself(patch):
    past = text.past_purchases
    patch.setattr(text, "past_purchases", lambda raw, points, key: past(raw, later(points), key))


def take_products_that_are_older_by_their_latest_sale(patch):
    def looking_ahead(raw):
        return raw.purchases.group_by("variant_id").aggregate(first_sale=_.day.max())

    patch.setattr(text, "first_sales", looking_ahead)


def know_gaps_of_later_months(patch):
    def looking_ahead(purchases, points):
        return known(purchases, points.mutate(month=_.month + 400)).mutate(month=_.month - 400)

    known = rhythm.known_gaps
    patch.setattr(rhythm, "known_gaps", looking_ahead)


def know_orders_of_later_months(patch):
    def looking_ahead(raw, points):
        return again(raw, points.mutate(month=_.month + 400)).mutate(month=_.month - 400)

    again = extended.bought_again
    patch.setattr(extended, "bought_again", looking_ahead)


def count_the_order_among_the_past_ones(patch):
    for module in (rhythm, streak):
        before = module.before_moments
        patch.setattr(
            module,
            "before_moments",
            lambda rows, points, before=before: before(rows, later(points)),
        )


# Look-aheads that change no column in common, so that one frame shows all of a group.
PLANTED = [
    {
        count_the_day_itself: {"global_popularity"},
        count_the_order_itself: {"ordered_before"},
        count_gaps_of_all_months: {
            f"{measure}_days_to_buy_{unit}"
            for measure in ("avg", "std")
            for unit in ("variant_id", "product_type")
        }
        | {"own_std_days_to_buy_variant_id"},  # everybody's, where the user has too few gaps
        know_prices_early: {"normalised_price", "discount_pct"},
        count_carts_after_the_order: {
            "abandoned_before",
            "carts_before",
            "days_since_cart",
            "hours_since_open_cart",
            "open_cart_size",
        },
        count_regulars_of_the_moment: {"days_since_regular"},
        pair_products_of_later_months: {"affinity_history", "affinity_last_order"},
        count_new_products_of_the_order_itself: {
            feature.name for feature in EXTENDED_GROUPS["exploration"]
        },
        count_neighbours_orders_of_later_months: {"neighbour_share"},
        count_buyers_of_all_months: {"repurchase_rate"},
        count_the_day_of_older_products: {"text_popularity"},
        count_buyers_of_older_products_of_all_months: {"text_repurchase_rate"},
        count_older_products_of_the_order_itself: {"text_purchase_share"},
        know_gaps_of_later_months: {
            *(f"days_past_{which}_gap" for which in ("longest", "shortest", "mean")),
            "repurchase_hazard",
        },
        know_orders_of_later_months: {
            *(
                f"bought_again_within_{orders}" for orders in NEXT_ORDERS if orders < 5
            ),  # few have 5
            "bought_again_after_first",
            "one_shot_share",
        },
    },
    {
        count_all_orders: {"ordered_before"},
        know_the_highest_price: {"normalised_price"},
        list_before_the_first_sale: {"variant_id", "days_since_first_sale"},
        count_the_order_among_the_past_ones: {
            *(feature.name for feature in EXTENDED_GROUPS["rhythm"]),
            *("order_run", "relative_basket_size", "weekday_share"),
        },
        take_products_that_are_older_by_their_latest_sale: {
            feature.name for feature in EXTENDED_GROUPS["text"]
        },
    },
]


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_planted_look_aheads_are_found_and_nothing_else(simulated, monkeypatch, planted):
    for plant in planted:
        plant(monkeypatch)
    checked = check_point_in_time(WITH_EVENTS, CHECKS, **simulated)
    differing = set(checked.loc[checked["different_rows"] > 0, "column"])
    assert differing == set().union(*planted.values())
    with pytest.raises(DataError, match="Features must come from what was before") as error:
        require_no_look_ahead(checked)
    assert all(f"{column} (" in str(error.value) for column in differing)


def test_the_message_names_cutoffs_columns_and_counts():
    checked = pd.DataFrame(
        [
            (at("01-10 10:00"), "vendor", 12_000, 0),
            (at("01-10 10:00"), "ordered_before", 12_000, 1_234),
            (at("02-03 10:00"), "ordered_before", 8, 1),
            (at("02-03 10:00"), "outcome", 8, 2),
        ],
        columns=["cutoff", "column", "rows", "different_rows"],
    )
    with pytest.raises(DataError) as error:
        require_no_look_ahead(checked)
    assert (
        "; at 2021-01-10 10:00:00: ordered_before (1,234 of 12,000 rows); at 2021-02-03 10:00:00: "
        "ordered_before (1 of 8 rows), outcome (2 of 8 rows). Correct"
    ) in str(error.value)


# ------------------------------------------------------------------ another future

CUTOFF = at("02-01 10:00")


def scrambled(tables=None, until=CUTOFF, seed=1):
    changed = scramble_future(tables or raw_tables(), Scramble(CUTOFF, until, seed))
    return {name: rows.to_pandas() for name, rows in changed.items() if rows is not None}


class TestScrambling:
    def test_what_was_before_the_cutoff_stays(self):
        given = {name: rows.to_pandas() for name, rows in raw_tables().items()}
        changed = scrambled()
        for name in ("orders", "regulars", "abandoned_carts"):
            for tables in (given, changed):
                rows = tables[name]
                tables[name] = rows[rows["created_at"] < CUTOFF].sort_values(
                    ["user_id", "created_at"], ignore_index=True
                )
        for name, rows in given.items():
            pd.testing.assert_frame_equal(changed[name], rows, check_dtype=False, check_like=True)

    def test_orders_until_the_moment_asked_for_keep_their_user_and_time(self):
        until = at("02-09 10:00")
        kept = scrambled(until=until)["orders"].set_index("id")
        for number, user, time, position, _items in ORDERS[3:5]:
            row = kept.loc[number]
            assert (row["user_id"], row["created_at"], row["user_order_seq"]) == (
                user,
                time,
                position,
            )

    def test_later_orders_get_other_products_users_and_times(self, simulated):
        cutoff = pd.Timestamp("2020-10-01").to_pydatetime()
        before = simulated["orders"].to_pandas().set_index("id")
        orders = scramble_future(simulated, Scramble(cutoff, cutoff, 1))["orders"].to_pandas()
        later = orders[orders["created_at"] >= cutoff].set_index("id")
        assert 0.6 < len(later) / (before["created_at"] >= cutoff).sum() < 0.9
        same = before.loc[later.index]
        assert (later["created_at"] == same["created_at"]).mean() < 0.05
        assert (later["user_id"] == same["user_id"]).mean() < 0.2
        assert (later["ordered_items"].map(list) == same["ordered_items"].map(list)).mean() < 0.1
        assert orders["id"].is_unique

    def test_at_the_cutoff_itself_something_happens_to_every_product_of_its_orders(self):
        until = at("02-03 10:00")
        prices = table([("A", at("01-01 10:00"), 2.0)], PRICES)
        changed = scrambled(raw_tables() | {"prices": prices}, until)
        carts, regulars = changed["abandoned_carts"], changed["regulars"]
        left = carts[carts["created_at"] == CUTOFF]
        assert [(row.user_id, list(row.variant_id)) for row in left.itertuples()] == [("u2", ["B"])]
        now = regulars[regulars["created_at"] == CUTOFF]
        assert now[["user_id", "variant_id"]].to_numpy().tolist() == [["u2", "B"]]
        assert set(changed["prices"].query("created_at == @CUTOFF")["variant_id"]) == set("ABCDE")

    def test_another_seed_gives_another_future(self, simulated):
        cutoff = pd.Timestamp("2020-10-01").to_pydatetime()
        one, again, other = (
            scramble_future(simulated, Scramble(cutoff, cutoff, seed))["orders"]
            .order_by("id")
            .to_pandas()["id"]
            .tolist()
            for seed in (1, 1, 2)
        )
        assert one == again != other

    def test_snoozes_that_had_not_begun_are_not_known(self):
        rows = [
            ("u1", "A", at("01-05 10:00"), at("01-20 10:00"), at("02-09 10:00")),
            ("u1", "B", at("01-06 10:00"), CUTOFF, at("02-09 10:00")),
            ("u1", "C", at("01-07 10:00"), None, None),
        ]
        tables = raw_tables() | {"regulars": table(rows, SNOOZES)}
        regulars = scrambled(tables)["regulars"].set_index("variant_id")
        assert regulars.loc["A", "snoozed_until"] == at("02-09 10:00")
        assert regulars.loc[["B", "C"], ["snoozed_at", "snoozed_until"]].isna().all(axis=None)

    def test_columns_that_no_feature_reads_are_left_out(self):
        carts = raw_tables(carts=CARTS)["abandoned_carts"].mutate(note=ibis.literal("kept"))
        tables = raw_tables(regulars=REGULARS) | {"abandoned_carts": carts, "prices": None}
        changed = scramble_future(tables, Scramble(CUTOFF, CUTOFF, 1))
        assert changed["abandoned_carts"].columns == ("user_id", "created_at", "variant_id")
        assert changed["prices"] is None


# ------------------------------------------------------------------ the pipeline


def run_pipeline(options, table):
    data = raw_tables() | {
        "params:feature_options": options,
        "params:point_in_time": PointInTimeOptions(cutoffs=2),
    }
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in data.items()}
        | {"prices": TableDataset(filepath="no/such/prices.parquet", optional=True)}
        | {"point_in_time_check": CSVDataset(filepath=str(table), save_args={"index": False})}
    )
    SequentialRunner().run(create_pipeline(), catalog)


@pytest.mark.slow
def test_the_pipeline_says_what_it_compared(tmp_path, caplog):
    path = tmp_path / "checked.csv"
    with caplog.at_level("INFO", logger="push_propensity"):
        run_pipeline(PLAIN, path)
    checked = pd.read_csv(path)
    assert checked.columns.tolist() == ["cutoff", "column", "rows", "different_rows"]
    rows = checked.groupby("cutoff")["rows"].max().sum()
    assert f"26 columns at 2 cutoffs, no row of {rows} changed" in caplog.text


@pytest.mark.slow
def test_the_pipeline_keeps_the_table_and_stops(tmp_path, monkeypatch):
    count_all_orders(monkeypatch)
    count_the_order_itself(monkeypatch)
    path = tmp_path / "checked.csv"
    with pytest.raises(DataError, match="ordered_before"):
        run_pipeline(PLAIN, path)
    assert pd.read_csv(path)["different_rows"].sum() > 0
