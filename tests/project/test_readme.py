import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(tmp_path / "models"))
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].startswith('200 {"prediction":{"user 0":0.')


POINTERS = re.findall(r"[`(]((?:docs|notebooks)/[\w./]+)[`)]", README)


@pytest.mark.parametrize("path", POINTERS)
def test_what_it_points_to_is_there(path):
    assert (ROOT / path).is_file()
