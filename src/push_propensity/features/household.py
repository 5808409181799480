"""Who lives in the user's household."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.constants import constant
from push_propensity.features.options import HouseholdDefaults


def household(users: ir.Table, defaults: HouseholdDefaults) -> ir.Table:
    """Return user_id, the four household counts and people_ex_baby (adults and children).

    Each count that the user did not give is its default.
    """
    given = {
        name: users[name].fill_null(value) if name in users.columns else constant(value)
        for name, value in defaults.model_dump().items()
    }
    return users.select("user_id", **given).mutate(people_ex_baby=_.count_adults + _.count_children)
