from datetime import date
from typing import Any

import pandas as pd

from push_propensity.simulation import SimulationOptions, simulate_shop

SMALL: dict[str, Any] = {
    "seed": 1,
    "start": date(2020, 5, 1),
    "end": date(2020, 12, 31),
    "catalogue": {"products": 40, "product_types": 12, "vendors": 9},
    "users": {"users": 60, "return_alpha": 3.0},
}


def small_options(**changes: Any) -> SimulationOptions:
    """Options of a small shop; a group of options is changed, not replaced."""
    merged = {
        name: SMALL.get(name, {}) | change if isinstance(change, dict) else change
        for name, change in changes.items()
    }
    return SimulationOptions(**SMALL | merged)


def small_tables() -> dict[str, pd.DataFrame]:
    """The raw tables of the small shop; products of one vendor and type have the same name."""
    tables = simulate_shop(small_options())._asdict()
    inventory = tables["inventory"]
    names = inventory["vendor"] + " " + inventory["product_type"]
    return tables | {"inventory": inventory.assign(name=names)}
