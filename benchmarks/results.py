"""What reports say, as the Markdown of `docs/results.md`.

    python benchmarks/results.py box_builder_frame box_builder online_retail

Run the environments first: `kedro run --env ENVIRONMENT`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from kedro.io import DataCatalog

from feature_engineering import to_markdown
from one_run import ROOT, Configuration
from push_propensity.pipelines.reporting.pipeline import EVIDENCE, create_pipeline
from push_propensity.reports import tables
from push_propensity.reports.findings import Evidence
from push_propensity.reports.tables import TableView


def open_results(environment: str) -> DataCatalog:
    """Return the catalog of what the last run of an environment wrote."""
    written = ROOT / Configuration(environment, "", {}).output_root
    return Configuration(environment, str(written), {}).catalog(create_pipeline())


def describe(catalog: DataCatalog) -> str:
    """Return what the report in a catalog says first, and its tables."""
    evidence = Evidence(**{field: catalog.load(name) for field, name in EVIDENCE.items()})
    winner = evidence.winner
    values = ", ".join(f"{name} {value:g}" for name, value in winner["parameters"].items())
    shown = [
        tables.split_table(catalog.load("split_summary")),
        tables.leaderboard_table(evidence.leaderboard),
        tables.metrics_table(evidence),
        tables.segments_table(evidence),
        tables.calibration_table(evidence),
        tables.lags_table(evidence),
        tables.who_left_table(evidence),
    ]
    parts = [
        f"**What the report says first.** {catalog.load('findings')['summary']}",
        f"The winner is `{winner['candidate']}` with {values}.",
        *(_write(table) for table in shown if table.rows),
    ]
    return "\n\n".join(parts)


def _write(table: TableView) -> str:
    lines = [[cell.replace("\n", ", ") for cell in row] for row in table.rows]
    for number in table.emphasised:
        lines[number][0] = f"**{lines[number][0]}**"
    caption = table.caption.replace(" below", "")
    return f"**{caption}**\n\n{to_markdown(table.columns, lines)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the environments, one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environments", nargs="+", metavar="ENVIRONMENT")
    parser.add_argument("--output", type=Path, help="a file for them too")
    chosen = parser.parse_args(arguments)
    parts = (f"## `{name}`\n\n{describe(open_results(name))}" for name in chosen.environments)
    text = "\n\n".join(parts)
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
