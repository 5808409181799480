"""Who lives in the user's household."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.options import HouseholdDefaults
from push_propensity.features.raw_tables import RawTables


def household(raw: RawTables, defaults: HouseholdDefaults) -> ir.Table:
    """Return user_id, the four household counts and people_ex_baby (adults and children).

    Each count that the user did not give is its default.
    """
    counts = raw.users.fill_null(defaults.model_dump())
    return counts.mutate(people_ex_baby=_.count_adults + _.count_children)
