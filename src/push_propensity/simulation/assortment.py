"""What a grocery shop sells: its product types and how each one is bought.

The figures are plausible assumptions of the simulation, not measurements of a shop.
"""

from typing import Literal, NamedTuple

Audience = Literal["everyone", "babies", "children", "pets"]


class ProductType(NamedTuple):
    """A product type: who needs it, how long a purchase lasts and what it costs.

    `rhythm_days` is the typical time until the same user needs the product again, `price` the
    median price, `weight` the share of the catalogue relative to the other types.
    """

    name: str
    rhythm_days: float
    price: float
    weight: float
    audience: Audience = "everyone"


PRODUCT_TYPES: tuple[ProductType, ...] = (
    ProductType("surface-cleaners", 45, 2.5, 5),
    ProductType("tinned-vegetables", 30, 1.2, 4),
    ProductType("chocolate", 21, 2.2, 4),
    ProductType("crisps-nuts", 20, 2.4, 4),
    ProductType("tinned-fish-meat", 35, 2.6, 2.5),
    ProductType("pulses", 40, 1.5, 2.5),
    ProductType("pasta", 30, 1.6, 2.5),
    ProductType("rice-grains", 45, 2.4, 2.5),
    ProductType("noodles", 35, 1.9, 2),
    ProductType("cooking-oils", 50, 4.6, 2),
    ProductType("herbs-spices", 90, 1.6, 3),
    ProductType("stocks-gravy", 50, 2.0, 2),
    ProductType("table-sauces", 45, 2.4, 3),
    ProductType("pasta-sauces", 30, 2.3, 2),
    ProductType("curry-pastes", 45, 2.2, 2),
    ProductType("breakfast-cereal", 25, 2.9, 3),
    ProductType("porridge-muesli", 30, 3.2, 2),
    ProductType("biscuits", 20, 1.8, 3),
    ProductType("crackers", 30, 1.9, 2),
    ProductType("jams-honey", 45, 3.1, 2),
    ProductType("nut-butters", 35, 3.6, 1.5),
    ProductType("baking-flour", 50, 2.0, 2),
    ProductType("sugar-sweeteners", 55, 2.1, 1.5),
    ProductType("long-life-milk", 15, 1.8, 2),
    ProductType("tea-bags", 35, 3.2, 2),
    ProductType("ground-coffee", 21, 4.4, 2),
    ProductType("hot-chocolate", 50, 3.4, 1),
    ProductType("squash-juice", 25, 2.3, 2),
    ProductType("soft-drinks", 20, 3.6, 2),
    ProductType("bottled-water", 20, 3.0, 1),
    ProductType("beer", 25, 9.9, 1),
    ProductType("wine", 25, 8.9, 1.5),
    ProductType("spirits", 60, 23.9, 1),
    ProductType("toilet-roll", 28, 6.9, 1.5),
    ProductType("kitchen-roll", 30, 3.9, 1),
    ProductType("tissues", 40, 2.4, 1),
    ProductType("laundry-liquid", 40, 6.9, 2),
    ProductType("laundry-capsules", 40, 7.9, 1.2),
    ProductType("fabric-softener", 45, 3.4, 1.5),
    ProductType("stain-remover", 70, 4.5, 0.8),
    ProductType("dishwasher-tablets", 40, 7.4, 1.2),
    ProductType("washing-up-liquid", 40, 1.9, 1.2),
    ProductType("bin-bags", 45, 2.9, 1.2),
    ProductType("foil-food-bags", 55, 2.4, 1.2),
    ProductType("air-fresheners", 45, 3.4, 1),
    ProductType("hand-soap", 35, 2.4, 2),
    ProductType("shower-gel", 35, 2.6, 2),
    ProductType("shampoo-conditioner", 50, 3.9, 3),
    ProductType("deodorant", 50, 2.9, 1.2),
    ProductType("toothpaste", 45, 3.2, 2),
    ProductType("shaving", 60, 4.9, 1.2),
    ProductType("skincare", 60, 5.9, 2),
    ProductType("period-care", 30, 2.9, 1.5),
    ProductType("vitamins", 60, 7.9, 2),
    ProductType("medicines", 80, 2.9, 1.5),
    ProductType("nappies", 14, 6.9, 1.5, "babies"),
    ProductType("baby-food", 10, 1.5, 3, "babies"),
    ProductType("baby-wipes", 16, 2.4, 1.5, "babies"),
    ProductType("childrens-snacks", 16, 2.6, 1.5, "children"),
    ProductType("cat-food", 16, 5.4, 1.8, "pets"),
    ProductType("dog-food", 18, 6.4, 1.8, "pets"),
    ProductType("pet-care", 50, 4.2, 0.8, "pets"),
)
