import pytest
from pydantic import ValidationError

from push_propensity.simulation import SimulationOptions

VALID = {
    "seed": 1,
    "start": "2020-05-01",
    "end": "2020-06-30",
    "catalogue": {"products": 10},
    "users": {"users": 5},
}


def test_dates_given_as_text_become_days():
    assert SimulationOptions(**VALID).days == 61


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"end": "2020-05-01"}, "end must be after start"),
        ({"seed": -1}, "seed"),
        ({"users": {"users": 0}}, "users.users"),
        ({"users": {"users": 5, "household_known": 1.5}}, "users.household_known"),
        ({"users": {"users": 5, "gap_days": 0}}, "users.gap_days"),
        ({"users": {"users": 5, "gap_days": float("inf")}}, "users.gap_days"),
        ({"catalogue": {"products": 0}}, "catalogue.products"),
        ({"catalogue": {"products": 10, "product_types": 63}}, "catalogue.product_types"),
        ({"catalogue": {"products": 10, "launch_start": "2020-04-30"}}, "launches must"),
        (
            {
                "catalogue": {
                    "products": 10,
                    "launch_start": "2020-06-10",
                    "all_launched_by": "2020-06-01",
                }
            },
            "launches must",
        ),
        ({"season": {"2020-13": 1.0}}, "season"),
        ({"season": {"2020-12": 0.0}}, "season"),
        ({"basket": {"quantity": 0.5}}, "basket.quantity"),
        ({"carts": {"before_order": -0.1}}, "carts.before_order"),
        ({"regulars": {"sleep": 1}}, "regulars.sleep"),
        ({"budget": 3}, "budget"),
    ],
)
def test_nonsense_is_refused_by_name(changes, where):
    with pytest.raises(ValidationError, match=where):
        SimulationOptions(**{**VALID, **changes})


def test_options_cannot_be_changed_later():
    with pytest.raises(ValidationError, match="frozen"):
        SimulationOptions(**VALID).seed = 2
