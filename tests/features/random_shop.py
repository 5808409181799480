"""Small random shops, dense enough that everything happens close to everything else."""

from datetime import timedelta

import ibis
import pyarrow as pa

from push_propensity.features.options import AffinityOptions, ExtendedOptions, FeatureOptions
from push_propensity.frame.columns import EXTENDED_GROUPS
from tests.features.tiny_shop import INVENTORY, TIME, at, raw_tables, table

START = at("01-20 00:00")  # three weeks from here on, so that a month ends within them
PRODUCTS = "ABCE"
USERS = ("u1", "u2", "u3")
# Names are compared before there is a query, so that one of `text` cannot be compiled once.
GROUPS = tuple(group for group in EXTENDED_GROUPS if group != "text")
EXTENDED_NAMES = tuple(feature.name for group in GROUPS for feature in EXTENDED_GROUPS[group])
EXTENDED = ExtendedOptions(
    groups=GROUPS, trend_days=(2, 5), affinity=AffinityOptions(minimum_orders=1)
)
OPTIONS = FeatureOptions(listing_days=6, popularity_days=3, minimum_gaps=2, extended=EXTENDED)
ID = pa.string()
SNOOZES = {
    "user_id": ID,
    "variant_id": ID,
    "created_at": TIME,
    "snoozed_at": TIME,
    "snoozed_until": TIME,
}
PRICES = {"variant_id": ID, "created_at": TIME, "price": pa.float64()}


def moment(source):
    """A time within three weeks, on a grid so coarse that times coincide."""
    return START + timedelta(hours=6 * source.randrange(80))


def basket(source):
    return source.choices(PRODUCTS, k=source.randrange(4))


def number_orders(timed):
    """Orders of (user, time, products), in order of time and with the user's count."""
    seen = dict.fromkeys(USERS, 0)
    orders = []
    for number, (time, user, products) in enumerate(sorted(timed)):
        seen[user] += 1
        orders.append((number, user, time, seen[user], products))
    return orders


def history(source, orders_each=6):
    """Orders, regulars with snoozes, carts and prices, drawn from the random source."""
    timed = [(moment(source), user, basket(source)) for user in USERS for _ in range(orders_each)]
    regulars = [regular(source) for _ in range(8)]
    carts = [(source.choice(USERS), moment(source), basket(source)) for _ in range(12)]
    prices = [
        (source.choice(PRODUCTS), moment(source), float(source.randrange(1, 9))) for _ in range(8)
    ]
    return number_orders(timed), regulars, carts, prices


def regular(source):
    set_at, begins = sorted((moment(source), moment(source)))
    ends = begins + timedelta(hours=6 * source.randrange(20))
    snoozed = source.choice([(begins, ends), (None, None)])
    return (source.choice(USERS), source.choice(PRODUCTS), set_at, *snoozed)


def tables_of(orders, regulars, carts, prices):
    """The raw tables of a history, all of them."""
    return raw_tables(orders, inventory=INVENTORY, carts=carts) | {
        "regulars": table(regulars, SNOOZES),
        "prices": table(prices, PRICES),
    }


def store(connection, shop):
    """The tables of a history in a database, under their names."""
    return {
        name: connection.create_table(name, rows.to_pyarrow(), overwrite=True)
        for name, rows in tables_of(*shop).items()
    }


def compile_query(shop, build):
    """What `build` makes of the raw tables, as a function of histories; compiled once."""
    connection = ibis.duckdb.connect(threads=1)  # more would cost more than the few rows
    query = ibis.to_sql(build(store(connection, shop)))

    def run(changed):
        store(connection, changed)
        return connection.con.execute(query).to_arrow_table().to_pylist()

    return run
