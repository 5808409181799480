"""The examples in docstrings give what they show."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

ROOMS = ("evaluation", "frame", "models", "scoring")


@pytest.mark.parametrize("room", ROOMS)
def test_examples_give_what_they_show(room):
    package = import_module(f"push_propensity.{room}")
    names = [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]
    results = [doctest.testmod(import_module(name)) for name in names]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
