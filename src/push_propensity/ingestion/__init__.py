"""Order lines of any shop, checked and brought to the raw tables; what is put aside, with reasons.

What is made of the raw tables is in `features`.
"""

from push_propensity.ingestion.judging import judge_lines
from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.reading import read_sources
from push_propensity.ingestion.report import describe, summarise
from push_propensity.ingestion.tables import make_inventory, make_orders, make_prices, read_products
from push_propensity.ingestion.taking_in import check_share_put_aside, merge_lines, put_aside

__all__ = [
    "IngestionOptions",
    "check_share_put_aside",
    "describe",
    "judge_lines",
    "make_inventory",
    "make_orders",
    "make_prices",
    "merge_lines",
    "put_aside",
    "read_products",
    "read_sources",
    "summarise",
]
