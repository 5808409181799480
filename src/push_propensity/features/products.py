"""What the inventory says about a product."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_tables import RawTables


def product_columns(raw: RawTables) -> ir.Table:
    """Return variant_id, product_type, vendor, normalised_price and discount_pct.

    Of the products with a price above 0. normalised_price is the price as a share of the highest
    price in the inventory; discount_pct is (compare_at_price - price) / price, 0 without a
    compare_at_price.
    """
    return raw.inventory.filter(_.price > 0).select(
        "variant_id",
        "product_type",
        "vendor",
        normalised_price=_.price / _.price.max(),
        discount_pct=((_.compare_at_price - _.price) / _.price).fill_null(0.0),
    )
