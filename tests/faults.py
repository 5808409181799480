"""How often kills, floods and flipped bits are repeated: a few times, or by the thousand.

`pytest -m fault --hypothesis-profile=thousands` does the latter.
"""

from hypothesis import settings

USUAL = 100
settings.register_profile("thousands", max_examples=100 * USUAL)


def times(few: int) -> int:
    """Return how often the chosen profile repeats what is usually repeated a few times."""
    return max(few * settings().max_examples // USUAL, 1)
