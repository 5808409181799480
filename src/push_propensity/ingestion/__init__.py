"""Order lines of any shop, checked and brought to the raw tables; what is put aside, with reasons.

What is made of the raw tables is in `features`.
"""

from push_propensity.ingestion.judging import judge_order_lines
from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.reading import read_sources
from push_propensity.ingestion.report import describe, report_intake
from push_propensity.ingestion.tables import make_inventory, make_orders, make_prices
from push_propensity.ingestion.taking_in import put_aside, take_lines_in

__all__ = [
    "IngestionOptions",
    "describe",
    "judge_order_lines",
    "make_inventory",
    "make_orders",
    "make_prices",
    "put_aside",
    "read_sources",
    "report_intake",
    "take_lines_in",
]
