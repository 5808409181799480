"""How much of what the user buys is new to the user.

A product is new in the first of the user's orders that holds it. The user's first order is left
out, because everything in it is new.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.history import past_purchases
from push_propensity.features.points import known_orders
from push_propensity.features.raw_tables import RawTables
from push_propensity.frame.columns import EXPLORED_ORDERS, PRODUCT, PRODUCT_TYPE


def new_products_of_type(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return how many of the products of a type that the user bought lately are new.

    Returns:
        Columns order_id, product_type and new_share_last_<n>_product_type: of the distinct products
        of the type in the user's n latest orders, the share that is new in one of these; null
        where they hold none.
    """
    described = (
        _past_products(raw, points)
        .join(known_orders(raw, points), "order_id")
        .join(raw.inventory.select(PRODUCT, PRODUCT_TYPE), PRODUCT)
    )
    shares = {}
    for orders in EXPLORED_ORDERS:
        before = ibis.greatest(described.known_orders - orders, 1)
        new, held = ((described[name] > before).sum() for name in ("earliest", "latest"))
        shares[f"new_share_last_{orders}_{PRODUCT_TYPE}"] = new / held.nullif(0)
    return described.group_by("order_id", PRODUCT_TYPE).aggregate(**shares)


def new_share(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return order_id and new_share: of the products that all orders held, the share that was new.

    The mean of the orders' shares, weighted by how many products each holds; null if only the
    first holds any.
    """
    sums = (
        _past_products(raw, points)
        .group_by("order_id")
        .aggregate(
            products=_.orders.sum(), first=(_.earliest == 1).sum(), new=(_.earliest > 1).sum()
        )
    )
    return sums.select("order_id", new_share=_.new / (_.products - _["first"]).nullif(0))


def _past_products(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return order_id, variant_id and, of the past orders with it, earliest, latest and orders."""
    past = past_purchases(raw, points, PRODUCT)
    return past.group_by("order_id", PRODUCT).aggregate(
        earliest=_.position.min(), latest=_.position.max(), orders=_.count()
    )
