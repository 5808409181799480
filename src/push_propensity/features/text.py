"""What the older products did whose names are most like a product's own."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from push_propensity.features.history import past_purchases
from push_propensity.features.options import TextOptions
from push_propensity.features.points import known_orders
from push_propensity.features.popularity import count_recent, first_sales
from push_propensity.features.raw_tables import RawTables
from push_propensity.features.streak import count_buyers

LETTERS = (2, 4)  # of an n-gram
MILLIONTHS = 1_000_000  # whole numbers add up to the same sum in any order
BLOCK = 512  # products that are compared with all others at a time


def older_products(raw: RawTables, names: ir.Table, options: TextOptions) -> ir.Table:
    """Return the older products whose names are most like each product's own.

    A product is older if it was first sold on an earlier day. A listed product was sold before the
    moment, so that both days are known then. Names have no time and are compared at once.

    Args:
        raw: The raw tables.
        names: Columns variant_id and name, of the products that have one.
        options: Which products count, and how much.

    Returns:
        Columns variant_id, neighbour, similarity and weight (similarity^exponent, rounded), both in
        millionths.
    """
    sold = names.left_join(first_sales(raw), "variant_id")
    rows = sold.select("variant_id", "name", "first_sale").order_by("variant_id").to_pyarrow()
    never = np.iinfo(np.int64).max
    days = rows["first_sale"].fill_null(never).to_numpy()
    product, neighbour, similarity = nearest_older(rows["name"].to_pylist(), days, options)
    weight = np.rint((similarity / MILLIONTHS) ** options.exponent * MILLIONTHS)
    columns = {
        "variant_id": rows["variant_id"].take(pa.array(product)),
        "neighbour": rows["variant_id"].take(pa.array(neighbour)),
        "similarity": similarity,
        "weight": weight.astype(np.int64),
    }
    return ibis.memtable(pa.table(columns)).filter(_.weight > 0)


def nearest_older(
    names: list[str], first_days: NDArray[np.int64], options: TextOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return which older names are most similar to each name.

    Args:
        names: Of the products.
        first_days: When each was first sold, as a number.
        options: How many, and how similar they must be.

    Returns:
        Positions of the names, of the older ones, and their similarity in millionths; of equally
        similar ones the first count.
    """
    vectors = name_vectors(names, options.components)
    positions = np.arange(len(names))
    nearest = min(options.nearest, len(names))
    found = []
    for block in np.split(positions, positions[BLOCK::BLOCK]):
        cosines = np.minimum(vectors[block] @ vectors.T, 1.0)
        older = first_days < first_days[block, None]
        similarity = np.where(older, np.rint(cosines * MILLIONTHS), 0.0).astype(np.int64)
        rank = positions - similarity * len(names)
        best = np.argpartition(rank, nearest - 1, axis=1)[:, :nearest]
        values = np.take_along_axis(similarity, best, axis=1)
        row, place = np.nonzero(values >= options.minimum_similarity * MILLIONTHS)
        found.append((block[row], best[row, place], values[row, place]))
    product, neighbour, similar = (np.concatenate(part) for part in zip(*found, strict=True))
    return product, neighbour, similar


def name_vectors(names: list[str], components: int) -> NDArray[np.float64]:
    """Return a vector of length 1 for each name: the cosine of two is their similarity.

    Latent semantic analysis (Deerwester et al. 1990) of the n-grams of letters within words, in
    lower case, by TF-IDF with a logarithmic frequency.

    Returns:
        An array (names, components), with fewer components if there are fewer names or n-grams.
    """
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=LETTERS, sublinear_tf=True)
    weights = grams.fit_transform(names)
    left, values, _right = randomized_svd(weights, min(components, *weights.shape), random_state=0)
    vectors: NDArray[np.float64] = normalize(left * values)
    return vectors


def text_similarity(near: ir.Table) -> ir.Table:
    """Return variant_id and text_similarity, the highest one to an older product."""
    highest = near.group_by("variant_id").aggregate(highest=_.similarity.max())
    return highest.select("variant_id", text_similarity=_.highest / MILLIONTHS)


def text_popularity(raw: RawTables, points: ir.Table, near: ir.Table, days: int) -> ir.Table:
    """Return how popular the older products are, as a weighted mean.

    Returns:
        Columns day (one of the points'), variant_id and text_popularity: of all orders of the
        `days` calendar days before the day, the share that holds one of them.
    """
    asked = points.select("day").distinct()
    holding = count_recent(raw.purchases, ["variant_id"], days).semi_join(asked, "day")
    everything = count_recent(raw.orders, [], days).rename(all_orders="orders")
    sums = _weighted_sums(holding, near, "day").join(everything, "day")
    return sums.join(_whole(near), "variant_id").select(
        "day", "variant_id", text_popularity=_.orders / (_.all_orders * _.whole)
    )


def text_repurchase_rate(raw: RawTables, points: ir.Table, near: ir.Table) -> ir.Table:
    """Return month, variant_id and text_repurchase_rate.

    It is the share of the older products' buyers, each counted by the product's weight, who had
    bought the product again before the month.
    """
    sums = _weighted_sums(count_buyers(raw, points), near, "month")
    return sums.select("month", "variant_id", text_repurchase_rate=_.again / _.buyers)


def text_purchase_share(raw: RawTables, points: ir.Table, near: ir.Table) -> ir.Table:
    """Return order_id, variant_id and text_purchase_share.

    It is the share of the user's orders before the moment that hold an older product, as a weighted
    mean over these.
    """
    past = past_purchases(raw, points, "variant_id")
    own = past.group_by("order_id", "variant_id").aggregate(orders=_.count())
    sums = _weighted_sums(own, near, "order_id").join(known_orders(raw, points), "order_id")
    return sums.join(_whole(near), "variant_id").select(
        "order_id", "variant_id", text_purchase_share=_.orders / (_.known_orders * _.whole)
    )


def _whole(near: ir.Table) -> ir.Table:
    return near.group_by("variant_id").aggregate(whole=_.weight.sum())


def _weighted_sums(counts: ir.Table, near: ir.Table, key: str) -> ir.Table:
    """Return the key, variant_id and the sums of what was counted of its older products."""
    names = [name for name in counts.columns if name not in (key, "variant_id")]
    weights = near.select("variant_id", "neighbour", "weight")
    of_older = counts.rename(neighbour="variant_id").join(weights, "neighbour")
    sums = {name: (_[name] * _.weight).sum() for name in names}
    return of_older.group_by(key, "variant_id").aggregate(**sums)
