"""Who lives in the user's household."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.lookups import add_values
from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_tables import RawTables


def add_household(rows: ir.Table, raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Add the four household counts and people_ex_baby, the adults and children together.

    Each count that the user did not give is its default.
    """
    defaults = options.household.model_dump()
    counts = add_values(rows, raw.users, ["user_id"], defaults)
    return counts.mutate(people_ex_baby=_.count_adults + _.count_children)
