"""The `ingestion` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity import ingestion


def create_pipeline() -> Pipeline:
    """Return the pipeline from order lines to orders, inventory and prices.

    Nothing of an earlier run is replaced but the quarantine before it is known that enough of the
    lines can be taken in.
    """
    return Pipeline(
        [
            Node(
                ingestion.read_sources,
                ["order_lines", "products", "params:ingestion"],
                ["lines_as_read", "products_as_read"],
                name="read_sources",
            ),
            Node(
                ingestion.judge_order_lines,
                ["lines_as_read", "products_as_read", "unparsed_lines", "params:ingestion"],
                "judged_lines",
                name="judge_order_lines",
            ),
            Node(ingestion.put_aside, "judged_lines", "quarantine", name="put_aside"),
            Node(
                ingestion.take_lines_in,
                ["judged_lines", "quarantine", "previous_lines", "params:ingestion"],
                "ingested_lines",
                name="take_lines_in",
            ),
            Node(
                ingestion.make_orders,
                ["ingested_lines", "params:ingestion"],
                "orders",
                name="make_orders",
            ),
            Node(
                ingestion.make_inventory,
                ["ingested_lines", "products_as_read"],
                "inventory",
                name="make_inventory",
            ),
            Node(ingestion.make_prices, "ingested_lines", "prices", name="make_prices"),
            Node(
                ingestion.report_intake,
                [
                    "ingested_lines",
                    "quarantine",
                    "orders",
                    "inventory",
                    "products_as_read",
                    "params:ingestion",
                ],
                "intake_report",
                name="report_intake",
            ),
        ]
    )
