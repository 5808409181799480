"""The leaderboard as a table for the terminal."""

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table

from push_propensity.evaluation.metrics import HEADLINE

SHOWN = {
    f"{HEADLINE}_repeat": "repeat",
    f"{HEADLINE}_explore": "explore",
    "average_precision": "pooled AP",
    "log_loss": "log loss",
}


def draw_leaderboard(leaderboard: pd.DataFrame) -> Table:
    """Return one row per entry, the winner marked; fits into 80 characters."""
    table = Table(
        title="Leaderboard: means over the folds, * the winner",
        caption="product AP: average precision within a product and its standard error;\n"
        "repeat, explore: the same where the user bought it before, or never",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("", no_wrap=True)
    for heading in ("product AP", *SHOWN.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in leaderboard.to_dict("records"):
        error = row[f"{HEADLINE}_standard_error"]
        spread = "" if pd.isna(error) else f" ± {error:.3f}"  # one fold has none
        values = [f"{row[column]:.3f}" for column in SHOWN]
        style = "bold" if row["is_winner"] else ""
        name = f"{row['candidate']} *" if row["is_winner"] else str(row["candidate"])
        table.add_row(name, f"{row[HEADLINE]:.3f}{spread}", *values, style=style)
    return table
