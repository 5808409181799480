"""The tree of `docs/architecture.md` is that of the package, and each room says what it is for."""

import ast
import re

import pytest

from tests.project.environments import ROOT

PACKAGE = ROOT / "src" / "push_propensity"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def test_the_tree_is_that_of_the_package():
    tree = re.search(r"```\nsrc/push_propensity/\n(.*?)```", PAGE, re.DOTALL)[1]
    shown = [line.split()[0] for line in tree.splitlines()]
    rooms = {f"{room.name}/" for room in ROOMS}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert len(shown) == len(set(shown))
    assert set(shown) == rooms | modules


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_in_a_few_lines_what_it_is_for(room):
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert said is not None
    assert len(said) > 40
